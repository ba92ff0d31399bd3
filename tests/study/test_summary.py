"""`etalon list`: trials of one name, but of other settings, are told apart."""

import dataclasses
import json
from pathlib import Path

import pytest
from small_studies import finished_run

from etalon.locales import use
from etalon.study.store import Store
from etalon.study.summary import summary
from etalon.train.recipe import Recipe

LAYER = {"weights": 90, "biases": 10, "other": 0}
RECIPE = Recipe.of(None, {}).to_json()


def keep(store: Store, key: str, epochs: int, weights: int) -> None:
    """A finished trial that says how it was trained."""
    recipe = {**RECIPE, "epochs": epochs}
    store.save(finished_run(key, variant="wide", recipe=recipe, split={"kind": "HoldOut"}, weights=weights), {})


def plan(store: Store, name: str, keys: list[str], epochs: int, notice: str = "") -> None:
    """What a study says of its trials, as far as it matters here."""
    candidate = {
        "recipe": {**RECIPE, "epochs": epochs},
        "weights": {"layers": [LAYER]},
        "planned": dict(enumerate(keys)),
    }
    told = {"notice": notice, "dataset": {"name": "blobs"}, "split": {"kind": "HoldOut"}, "candidates": [candidate]}
    place = store.folder / "studies" / name
    place.mkdir()
    (place / "study.json").write_text(json.dumps(told))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_quick_and_whole_trainings_and_two_models_of_one_name(store: Store) -> None:
    whole, quick, older = "a" * 32, "b" * 32, "c" * 32
    for key, epochs, weights in ((whole, 8, 100), (quick, 2, 100), (older, 8, 64)):
        keep(store, key, epochs, weights)
    plan(store, "whole", [whole], 8)
    plan(store, "quick", [quick], 2, "First look")
    found = summary(store)
    assert sorted(line.keys for line in found.lines) == [(whole,), (quick,), (older,)]
    with use("en"):
        told = {line.keys[0]: line for line in summary(store).lines}
        assert (told[quick].quick, told[whole].quick) == (True, False)
        assert told[whole].settings == "epochs 8, 100 weights"
        assert told[quick].settings == "epochs 2, 100 weights"
        assert told[older].settings == "no longer in the study, epochs 8, 64 weights"
        assert "  wide  1 done, 0.3 s (quick, epochs 2, 100 weights)" in str(summary(store)).splitlines()
    assert {line["settings"] for line in found.to_json()} == {line.settings for line in found.lines}


def test_one_line_where_all_were_trained_alike(store: Store) -> None:
    keys = ["a" * 32, "b" * 32]
    for key in keys:
        keep(store, key, 8, 100)
    (line,) = summary(store).lines
    assert (sorted(line.keys), line.settings, line.quick) == (keys, "", False)


def test_trials_of_which_nothing_was_written_down(store: Store) -> None:
    keep(store, "a" * 32, 8, 100)
    older = finished_run("b" * 32, variant="wide")
    assert dataclasses.asdict(older)["recipe"] is None
    store.save(older, {})
    with use("en"):
        told = [line.settings for line in summary(store).lines]
    assert told == ["no longer in the study, 100 weights", "no longer in the study, settings not written down"]


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"notice": ""}', '{"dataset": 3, "notice": "", "candidates": []}'])
def test_a_damaged_study_is_passed_over(store: Store, damage: str) -> None:
    keep(store, "a" * 32, 8, 100)
    plan(store, "whole", ["a" * 32], 8)
    (store.folder / "studies" / "whole" / "study.json").write_text(damage)
    assert [line.done for line in summary(store).lines] == [1]
