import json

import numpy as np
import pytest
from scipy.stats import chisquare

from etalon.data.audit import Audit, audit
from etalon.data.dataset import Dataset, Part
from etalon.errors import DataError
from etalon.locales import use
from tests.data.conftest import pictures, toy

NAMES = {"en": ("a", "b"), "fr": ("a", "b")}
SHAPE = (8, 8, 1)


def flawed() -> Dataset:
    """Two constant images and a faint one; twins in train, in test (two labels), across; a near pair of each kind."""
    x, xt = pictures(40, SHAPE, seed=1), pictures(16, SHAPE, seed=2)
    y, yt = np.arange(40) % 2, np.arange(16) % 2
    x[4], xt[7] = 9, 200
    x[5] = 100 + np.arange(64).reshape(SHAPE) % 2
    x[12] = x[2]
    xt[3] = xt[0]
    xt[8] = x[6]
    x[20] = x[10] // 2 + 60
    xt[12] = xt[9] // 2 + 60
    xt[13] = x[15] // 2 + 60
    return Dataset("flawed", Part(x, y), Part(xt, yt), NAMES, "Made for the test.")


@pytest.fixture(scope="module")
def found() -> Audit:
    return audit(flawed())


def test_every_flaw_is_found_with_its_place(found: Audit) -> None:
    assert (found.constant_train, found.constant_test) == ((4,), (7,))
    assert (found.faint_train, found.faint_test) == ((5,), ())
    assert [(g.train, g.test, g.labels) for g in found.within_train] == [((2, 12), (), (0,))]
    assert [(g.train, g.test, g.labels) for g in found.within_test] == [((), (0, 3), (0, 1))]
    assert [(g.train, g.test) for g in found.across] == [((6,), (8,))]
    assert [g.test for g in found.conflicts] == [(0, 3)]
    assert len(found.duplicates) == 3
    near = {(pair.first, pair.second) for pair in found.near.pairs}
    assert near == {(("train", 10), ("train", 20)), (("test", 9), ("test", 12)), (("train", 15), ("test", 13))}


def test_a_sound_set_has_none() -> None:
    found = audit(toy())
    assert not found.pairs
    assert not found.removals
    assert not found.constant_train
    assert "No constant image and no duplicate." in str(found)


def unequal(*counts: int) -> Audit:
    """The audit of a set whose classes have so many training images."""
    y = np.repeat(np.arange(len(counts)), counts)
    names = tuple(map(str, range(len(counts))))
    part = Part(pictures(len(counts), SHAPE, seed=5), np.arange(len(counts)))
    return audit(Dataset("u", Part(pictures(len(y), SHAPE), y), part, {"en": names, "fr": names}, "Made."))


def test_a_class_without_test_images_is_told() -> None:
    x, xt = pictures(40, SHAPE, seed=1), pictures(8, SHAPE, seed=2)
    found = audit(Dataset("half", Part(x, np.arange(40) % 2), Part(xt, np.zeros(8, int)), NAMES, "Made for the test."))
    told = "Class b has no test image: nothing is known of it there."
    with use("en"):
        assert told in str(found)
        assert told in found._repr_html_()
    assert found.to_json()["untested"] == ["b"]
    assert Audit.of(found.dataset, found.to_json()).untested == ("b",)


def test_imbalance_is_scipys() -> None:
    found = unequal(30, 10)
    assert found.sizes.ratio == 3
    assert found.sizes.p == pytest.approx(chisquare([30, 10]).pvalue)


@pytest.mark.parametrize(
    ("counts", "unbalanced", "words"),
    [
        ((300, 100), True, "read the balanced accuracy"),
        ((1200, 1000), False, "by more than chance, but little"),  # p < 0.001, ratio 1.2
        ((6, 3), False, "do not differ in size by more than chance"),  # ratio 2, p = 0.32
        ((20, 20), False, "do not differ in size by more than chance"),
    ],
)
def test_balance_weighs_the_test_and_the_ratio(counts: tuple[int, ...], unbalanced: bool, words: str) -> None:
    found = unequal(*counts)
    assert found.sizes.unbalanced == unbalanced
    assert words in found.sizes.sentence


def test_findings_are_shown(found: Audit) -> None:
    assert found.frame()["found"].tolist() == [1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1]
    text = str(found)
    assert "train 2 = train 12" in text
    assert "train 6 = test 8" in text
    assert "train 15 ≈ test 13" in text
    assert "9 things to look at" in text
    assert "<table" in found._repr_html_()
    told = json.loads(json.dumps(found.to_json()))
    assert str(Audit.of(found.dataset, told)) == str(found)
    assert Audit.of(found.dataset, told).pairs == found.pairs
    assert told["duplicates"][0] == {"train": [2, 12], "test": [], "labels": [0]}
    places = [[pair["first"], pair["second"]] for pair in told["near_duplicates"]["pairs"]]
    assert [["train", 15], ["test", 13]] in places


def test_the_gallery_shows_both_images_of_each_pair(found: Audit) -> None:
    axes = found.plot().axes
    pairs = found.chosen()
    assert [pair.across for pair in pairs] == [True, True, False, False, False, False]
    titles = [ax.get_title() for ax in axes]
    assert titles[0].splitlines() == ["train 6", "a", "0.00"]
    assert titles[5].splitlines() == ["test 8", "a"]
    image = axes[5].get_images()[0].get_array()
    np.testing.assert_allclose(np.asarray(image), found.dataset.test.x[8, ..., 0] / 255, atol=1e-6)
    assert [ax.get_title() != "" for ax in axes] == [True] * 10 + [True, *[False] * 4] * 2
    with use("fr"):
        assert found.plot("across").axes[0].get_title().startswith("apprentissage 6")


def test_a_cleaned_set_keeps_its_test_part(found: Audit) -> None:
    data = found.dataset
    cleaned = data.without(found)
    gone = [4, 5, 6, 12, 15, 20]
    kept = np.setdiff1d(np.arange(40), gone)
    np.testing.assert_array_equal(cleaned.train.x, data.train.x[kept])
    np.testing.assert_array_equal(cleaned.train.y, data.train.y[kept])
    assert cleaned.test is data.test
    assert cleaned.digest != data.digest
    assert cleaned.provenance == (
        "Made for the test. Removed: 2 training images without content; 2 training images that are also in test, or "
        "nearly; 2 training images that repeat others, or nearly."
    )
    again = audit(cleaned)
    assert not any(pair.across or pair.within("train") for pair in again.pairs)


def test_twins_whose_labels_differ_all_go() -> None:
    x = pictures(40, SHAPE)
    x[[3, 8, 20]] = x[2]
    data = Dataset("twins", Part(x, np.arange(40) % 2), Part(x[:2].copy() // 3, np.arange(2)), NAMES, "Made.")
    assert [removal.train for removal in audit(data).removals if "repeat" in removal.what] == [(2, 3, 8, 20)]


def test_findings_of_another_set_are_refused(found: Audit) -> None:
    with pytest.raises(DataError, match="findings about the set"):
        toy().without(found)


def test_nothing_found_is_the_same_set() -> None:
    data = toy()
    assert data.without(audit(data)) is data
