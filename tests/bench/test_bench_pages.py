"""The store of drawn answers, and the pages that are timed on it."""

from pathlib import Path

import numpy as np
import pytest

from bench import app_pages
from etalon.reopened import reopen
from etalon.study.store import Store


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder, rng = tmp_path_factory.mktemp("pages"), np.random.default_rng(0)
    study = app_pages.study(app_pages.images(rng, 300, 60), folder, variants=3, seeds=2)
    return folder, app_pages.fill(study, rng)


def test_the_store_can_be_opened_again(made: tuple[Path, str]) -> None:
    folder, id = made
    result = reopen(Store(folder), id)
    assert len(result) == 3
    assert all(0.5 < outcome.accuracy.min() < 1 for outcome in result)
    assert result.reference.predictor()(result.dataset.test.x[:2]).shape == (2, app_pages.CLASSES)


def test_every_page_is_timed_cold_and_warm(made: tuple[Path, str]) -> None:
    lines = app_pages.measure(*made)
    assert {"compare", "data", "report", "gallery of 500 images"} <= {line["page"] for line in lines}
    assert all(0 < line["warm"] <= line["warm_most"] for line in lines)
