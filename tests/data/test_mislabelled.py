import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from etalon.data.dataset import Dataset, Part
from etalon.data.mislabelled import LabelErrors, mislabelled
from etalon.errors import DataError
from etalon.locales import use
from tests.data.conftest import pictures

NAMES = {"en": ("cat", "dog", "owl"), "fr": ("chat", "chien", "hibou")}


def probabilities(y: NDArray[Any], sure: float = 0.9) -> NDArray[np.float64]:
    """Those of a judge who is `sure` of each label."""
    found = np.full((len(y), 3), (1 - sure) / 2)
    found[np.arange(len(y)), y] = sure
    return found


@pytest.fixture(scope="module")
def found() -> LabelErrors:
    """Wrong labels in train at 7 (says dog, is an owl) and 20 (says owl, is a cat); one in test, at 4."""
    true, true_test = np.arange(60) % 3, np.arange(30) % 3
    y, yt = true.copy(), true_test.copy()
    true[7], true[20], true_test[4] = 2, 0, 2
    train, test = probabilities(true), probabilities(true_test)
    train[20] = [0.9, 0.0, 0.1]
    data = Dataset("pets", Part(pictures(60), y), Part(pictures(30, seed=9), yt), NAMES, "Made.")
    return mislabelled(data, train, test)


def test_wrong_labels_are_ranked(found: LabelErrors) -> None:
    assert [(s.at, s.given, s.suggested) for s in found.train] == [(7, 1, 2), (20, 2, 0)]
    assert [s.quality for s in found.train] == pytest.approx([0.05, 0.1])
    assert [s.confidence for s in found.train] == pytest.approx([0.9, 0.9])
    assert [(s.part, s.at) for s in found.test] == [("test", 4)]
    assert found.agreement == {"train": pytest.approx(58 / 60), "test": pytest.approx(29 / 30)}
    assert len(found) == 3


def test_the_confident_joint_of_the_paper() -> None:
    """Northcutt, Jiang & Chuang 2021: an image counts as j if its probability of j reaches the mean over class j."""
    rng = np.random.default_rng(0)
    y = np.arange(300) % 3
    p = rng.dirichlet([1, 1, 1], 300)
    p[np.arange(300), y] += 1.5
    wrong = rng.choice(300, 20, replace=False)
    p[wrong] = np.roll(p[wrong], 1, axis=1)
    p /= p.sum(axis=1, keepdims=True)
    own = np.array([p[y == c, c].mean() for c in range(3)])
    confident = np.where(p >= own, p, -1.0)
    counted = np.where(confident.max(axis=1) > 0, confident.argmax(axis=1), y)
    data = Dataset("p", Part(pictures(300), y), Part(pictures(3), np.arange(3)), NAMES, "Made.")
    suspects = {s.at for s in mislabelled(data, p).train if s.likely}
    assert len(suspects & set(wrong.tolist())) >= 15
    assert len(suspects) == pytest.approx((counted != y).sum(), abs=6)


def test_a_part_left_out(found: LabelErrors) -> None:
    only = mislabelled(found.dataset, test=probabilities(np.arange(30) % 3))
    assert not len(only)
    assert set(only.agreement) == {"test"}
    assert str(only) == "test: the networks find 100.00% of the labels; contradicted: 0, probably wrong: 0."


def test_what_is_shown(found: LabelErrors) -> None:
    assert "train: the networks find 96.67% of the labels; contradicted: 2, probably wrong: 2." in str(found)
    assert "contradicted: 1, probably wrong: 1." in str(found)
    assert found.frame()["suggested"].tolist() == ["owl", "cat", "owl"]
    assert "<table" in found._repr_html_()
    told = json.loads(json.dumps(found.to_json()))
    assert [s["at"] for s in told["train"]] == [7, 20]
    titles = [ax.get_title() for ax in found.plot("train").axes]
    assert titles[:2] == ["train 7\ndog\n→ owl (90%)", "train 20\nowl\n→ cat (90%)"]
    with use("fr"):
        assert found.plot("test").axes[0].get_title() == "test 4\nchien\n→ hibou (90\u00a0%)"


def test_removed_on_request(found: LabelErrors) -> None:
    data = found.dataset
    assert len(data.without(found).train) == 58
    assert len(data.without(found).test) == 29
    only = data.without(found.only("train").first(1))
    assert (len(only.train), len(only.test)) == (59, 30)
    assert only.provenance == "Made. Removed: 1 image whose label is suspect."
    unlikely = replace(found, train=tuple(replace(s, likely=False) for s in found.train), test=())
    assert data.without(unlikely) is data
    assert len(data.without(unlikely.first(1)).train) == 59
    with pytest.raises(DataError):
        found.only("validation")  # type: ignore[arg-type]


def test_probabilities_of_another_shape(found: LabelErrors) -> None:
    with pytest.raises(DataError, match=r"pets, test: probabilities of shape \(60, 3\)"):
        mislabelled(found.dataset, test=probabilities(np.arange(60) % 3))
