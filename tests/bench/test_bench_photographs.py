"""Digits photographed on unevenly lit paper are read as the images that they were drawn from."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import label
from sklearn.neighbors import KNeighborsClassifier

import etalon
from bench import photographs
from bench.photographs import SCENES, measure, photograph, thinned
from etalon.data.dataset import Dataset, Images


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photographs, "SIDES", (400, 600))


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return etalon.load("digits")


def test_a_middle_line_is_a_pixel_wide_and_in_one_piece() -> None:
    ring = np.hypot(*np.mgrid[-40:41, -40:41])
    line = thinned((ring > 15) & (ring < 30))
    assert label(line, np.ones((3, 3)))[1] == 1
    assert np.abs(ring[line] - 22.5).max() < 3
    assert line.sum() < 1.3 * 2 * np.pi * 22.5
    assert not thinned(np.zeros((5, 5), bool)).any()


@pytest.mark.parametrize("name", SCENES)
def test_a_photograph_is_the_same_for_the_same_draws(name: str, digits: Dataset) -> None:
    image = np.asarray(digits.test.x[0])
    first, second = (photograph(image, SCENES[name], np.random.default_rng(3)) for _twice in range(2))
    assert first == second
    with Image.open(BytesIO(first)) as opened:
        assert opened.format == "JPEG"
        assert all(400 <= side <= 600 for side in opened.size)


def test_they_are_read_once_prepared(digits: Dataset) -> None:
    """By the nearest neighbours, on 60 photographs: 8 of 10 as the image, when few are if they are only resized."""
    judge = KNeighborsClassifier(5).fit(np.reshape(digits.train.x, (len(digits.train), -1)), digits.train.y)

    def answers(x: Images) -> np.ndarray:
        found: np.ndarray = judge.predict_proba(np.reshape(x, (len(x), -1)))
        return found

    lines = measure(digits, answers, n=12, seed=0)
    assert [line["n"] for line in lines] == [12] * len(SCENES)
    told = {line["scene"]: (line["resized"], line["prepared"], line["agreement"]) for line in lines}
    assert np.mean([line["agreement"] for line in lines]) >= 0.8, told
    assert np.mean([line["resized"] for line in lines]) < 0.4, told
