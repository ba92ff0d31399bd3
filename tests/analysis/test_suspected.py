"""Suspect labels from what a study already has; the oracle is cleanlab, on the images that were judged."""

import numpy as np
import pytest
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores

from etalon.analysis.predictions import Predictions
from etalon.analysis.suspected import suspected

N, CLASSES, PLANTED = 300, 4, (7, 120, 203)


def answers(seeds: int, sigmoid: bool = False) -> tuple[Predictions, np.ndarray]:
    """Each seed validates on half of the first 250 images; its answers are right, and three labels wrong."""
    rng = np.random.default_rng(0)
    true = rng.integers(0, CLASSES, N)
    y = true.copy()
    y[list(PLANTED)] = (true[list(PLANTED)] + 1) % CLASSES
    index, given = [], []
    for _seed in range(seeds):
        chosen = np.sort(np.union1d(rng.choice(250, 125, replace=False), PLANTED))
        z = rng.normal(0, 1, (len(chosen), CLASSES))
        z[np.arange(len(chosen)), true[chosen]] += 5
        p = 1 / (1 + np.exp(-z)) if sigmoid else np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        index.append(chosen)
        given.append(p.astype(np.float32))
    labels = tuple(y[chosen] for chosen in index)
    return Predictions("v", "validation", tuple(range(seeds)), tuple(index), labels, tuple(given), N), y


@pytest.mark.parametrize("seeds", [1, 3])
@pytest.mark.parametrize("sigmoid", [False, True])
def test_as_cleanlab_on_the_means_of_the_judged(seeds: int, sigmoid: bool) -> None:
    predictions, y = answers(seeds, sigmoid)
    rows: dict[int, list[np.ndarray]] = {}
    for index, probabilities in zip(predictions.index, predictions.probabilities, strict=True):
        for i, p in zip(index, probabilities, strict=True):
            rows.setdefault(int(i), []).append(p / p.sum())
    judged = sorted(rows)
    mean = np.array([np.mean(rows[i], axis=0) for i in judged])
    found = suspected(predictions, y)
    assert found.judged == len(judged)
    assert found.agreement == pytest.approx(np.mean(mean.argmax(axis=1) == y[judged]))
    contradicted = {i for i, p in zip(judged, mean, strict=True) if p.argmax() != y[i]}
    assert {one.at for one in found.suspects} == contradicted
    likely = find_label_issues(y[judged], mean, n_jobs=1)
    assert {one.at for one in found.suspects if one.likely} == {judged[k] for k in np.flatnonzero(likely)}
    assert found.likely == sum(one.likely for one in found.suspects)
    quality = dict(zip(judged, get_label_quality_scores(y[judged], mean, method="self_confidence"), strict=True))
    assert [one.quality for one in found.suspects] == pytest.approx(sorted(quality[i] for i in contradicted), abs=1e-6)
    assert set(PLANTED) <= {one.at for one in found.suspects[: len(PLANTED) + 2]}
    for one in found.suspects:
        assert (one.part, one.given) == ("train", y[one.at])
