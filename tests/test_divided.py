"""The three ways to divide training images, each from the study to what the report says, on scikit-learn's digits."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import Input, Sequential, layers
from scipy import stats

from etalon import Fixed, Result, Study
from etalon.data.splits import HoldOut, KFold, overlap
from etalon.report.blocks import Document

SPLITS: dict[str, dict[str, Any]] = {
    "hold-outs": {"seeds": 4, "validation": 0.25},
    "folds": {"folds": 4},
    "fixed": {"seeds": 4, "split": Fixed(0.25)},
}


def linear(rate: float = 0.0) -> keras.Model:
    stack = [Input((8, 8, 1)), layers.Flatten(), layers.Dropout(rate), layers.Dense(10, activation="softmax")]
    return Sequential(stack)


@pytest.fixture(scope="module", params=SPLITS)
def divided(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Result]:
    settings = {"epochs": 3, "learning_rate": 0.01, "precision": "float32", **SPLITS[request.param]}
    study = Study("Divided", data="digits", store=tmp_path_factory.mktemp("store"), **settings)
    study.reference(linear)
    study.variant(name="slow", learning_rate=1e-4)(linear)
    study.variant(name="dropout", rate=0.3)(linear)
    return request.param, study.run(workers=0, progress=False)


def test_verdicts(divided: tuple[str, Result]) -> None:
    """V = s2_a (1/k + overlap) + image part, of which the parts are computed here from the answers alone."""
    name, result = divided
    assert result.verdicts()["slow"].verdict == "worse"
    ratio = {"hold-outs": 1 / 3, "folds": 1 / 3, "fixed": 0.0}[name]
    assert result.design.overlap == pytest.approx(ratio)
    assert result.test().design.overlap == 0
    v = result.verdicts()["dropout"].comparison
    D = result["dropout"].predictions.correct().astype(float) - result.reference.predictions.correct()
    means, m = np.nanmean(D, axis=1), np.isfinite(D).sum(axis=1)
    rows, parts = means.var(ddof=1), v.components
    noise = (parts.images + parts.interaction) * np.mean(1 / m) - parts.images * parts.shared
    own = max(0.0, rows - noise)
    variance = max(own * (1 / 4 + ratio) + parts.image_part, rows / 4 + own * ratio)
    assert v.variance == pytest.approx(variance)
    assert v.p == pytest.approx(2 * stats.t.sf(abs(means.mean()) / np.sqrt(variance), v.nu))
    if name == "folds":
        assert (parts.images, parts.shared) == (0, 0)
        assert sum(m) == len(result.dataset.train)
    if name == "fixed":
        assert parts.shared == pytest.approx(1 / m[0])


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_the_report_says_which_split_and_which_correction(
    divided: tuple[str, Result], lang: str, drawn: list[Document], tmp_path: Path
) -> None:
    name, result = divided
    result.report(tmp_path / "report.html", lang)
    told = repr(drawn[0].blocks)
    expected = {
        ("hold-outs", "en"): ("25% of the training images are kept for validation", "1/k + 0.33 rather than 1/k"),
        ("hold-outs", "fr"): ("25\u00a0% des images", "1/k + 0,33"),
        ("folds", "en"): ("Each of 4 folds", "Nadeau and Bengio 2003"),
        ("folds", "fr"): ("4 plis", "Nadeau et Bengio 2003"),
        ("fixed", "en"): ("The last 25% of the training images", "All seeds learn from the same images"),
        ("fixed", "fr"): ("derni", "Toutes les graines apprennent des mêmes images"),
    }
    for words in expected[name, lang]:
        assert words in told.replace("\\xa0", "\u00a0")


@pytest.mark.parametrize(("split", "ratio"), [(HoldOut(0.2), 0.25), (KFold(5), 0.25), (KFold(2), 1.0), (Fixed(0.2), 0)])
def test_overlap(split: Any, ratio: float) -> None:
    assert overlap(split) == pytest.approx(ratio)
