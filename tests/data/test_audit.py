import json

import numpy as np
import pytest
from scipy.stats import chisquare

from etalon.data.audit import audit
from etalon.data.dataset import Dataset, Part
from tests.data.conftest import pictures, toy

NAMES = {"en": ("a", "b"), "fr": ("a", "b")}


def flawed() -> Dataset:
    """Two constant images; a train pair, a test pair with two labels, and one image in both parts."""
    x, xt = pictures(20, seed=1), pictures(10, seed=2)
    y, yt = np.arange(20) % 2, np.arange(10) % 2
    x[4], xt[7] = 9, 200
    x[12] = x[2]
    xt[3] = xt[0]
    xt[8] = x[6]
    return Dataset("flawed", Part(x, y), Part(xt, yt), NAMES, "Made for the test.")


def test_every_flaw_is_found_with_its_place() -> None:
    found = audit(flawed())
    assert found.constant_train == (4,)
    assert found.constant_test == (7,)
    assert [(g.train, g.test, g.labels) for g in found.within_train] == [((2, 12), (), (0,))]
    assert [(g.train, g.test, g.labels) for g in found.within_test] == [((), (0, 3), (0, 1))]
    assert [(g.train, g.test) for g in found.across] == [((6,), (8,))]
    assert [g.test for g in found.conflicts] == [(0, 3)]
    assert len(found.duplicates) == 3


def test_a_sound_set_has_none() -> None:
    found = audit(toy())
    assert not found.duplicates
    assert not found.constant_train
    assert "No constant image and no duplicate." in str(found)


def test_imbalance_is_scipys() -> None:
    y = np.repeat([0, 1], [30, 10])
    found = audit(Dataset("u", Part(pictures(40), y), Part(pictures(4, seed=5), y[::10]), NAMES, "Made."))
    assert found.imbalance == 3
    assert found.p == pytest.approx(chisquare([30, 10]).pvalue)


def test_findings_are_shown() -> None:
    found = audit(flawed())
    assert found.frame()["found"].tolist() == [1, 1, 1, 1, 1, 1]
    text = str(found)
    assert "train 2 = train 12" in text
    assert "train 6 = test 8" in text
    assert "5 things to look at" in text
    assert "<table" in found._repr_html_()
    assert json.loads(json.dumps(found.to_json()))["duplicates"][0] == {"train": [2, 12], "test": [], "labels": [0]}
