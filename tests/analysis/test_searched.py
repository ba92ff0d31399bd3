"""The sentence of a search."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from etalon.analysis.searched import searched
from etalon.locales import use
from etalon.study.found import Configuration, Search

RATES = {0.1: 2.3, 0.01: 0.35, 0.001: 0.25, 0.0001: 0.3}


def found(metric: str = "val_loss", seeds: tuple[int, ...] = (0,), **broken: str) -> Search:
    configurations = [
        Configuration(f"net({rate})", {"learning_rate": rate}, "finished", 3, (score,) * len(seeds))
        for rate, score in RATES.items()
    ]
    if broken:
        configurations[0] = replace(configurations[0], state="diverged", scores=(), error=broken["error"])
    study: Any = SimpleNamespace()
    return Search(study, {}, "net", {"learning_rate": list(RATES)}, metric, seeds, tuple(configurations))


@pytest.fixture(autouse=True)
def english():
    with use("en"):
        yield


def test_the_best_and_the_next() -> None:
    told = searched(found())
    assert "The best on validation is learning_rate = 0.001, validation loss 0.2500." in told.text
    assert "The next is learning_rate = 0.0001, 0.3000." in told.text
    assert "one seed: a small lead may be chance" in told.text
    assert told.numbers["learning_rate = 0.001"] == 0.25


def test_accuracy_is_better_when_higher() -> None:
    told = searched(found("val_accuracy", (0, 1)))
    assert "The next is learning_rate = 0.01, 35.00%." in told.text
    assert "means over 2 seeds" in told.text


def test_what_broke_down_is_said() -> None:
    told = searched(found(error="a loss of nan"))
    assert "learning_rate = 0.1 broke down." in told.text
    assert "learning_rate = 0.1" not in told.numbers
