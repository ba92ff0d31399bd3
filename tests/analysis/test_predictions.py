from types import SimpleNamespace

import numpy as np
import pytest

from etalon.analysis.predictions import Predictions, predictions, to_probabilities
from etalon.errors import StudyError


def test_correct_is_nan_where_nothing_was_seen(answers):
    found = answers(k=3, share=0.2)
    matrix = found.correct()
    assert matrix.shape == (3, 200)
    assert matrix.dtype == np.float32
    for s, index in enumerate(found.index):
        np.testing.assert_array_equal(np.flatnonzero(np.isfinite(matrix[s])), index)
    np.testing.assert_allclose(np.nanmean(matrix, axis=1), found.accuracy)


def test_accuracy_is_that_of_scikit_learn(answers):
    from sklearn.metrics import accuracy_score

    found = answers()
    expected = [accuracy_score(found.labels[s], found.predicted(s)) for s in range(3)]
    np.testing.assert_allclose(found.accuracy, expected)


def test_frame(answers):
    found = answers(share=0.5)
    table = found.frame(11, names=["cat", "dog", "bird", "fish"])
    assert list(table.columns) == ["index", "true", "predicted", "confidence", "cat", "dog", "bird", "fish"]
    assert len(table) == 100
    np.testing.assert_array_equal(table["index"], found.index[1])
    classes = table[["cat", "dog", "bird", "fish"]]
    np.testing.assert_allclose(classes.sum(axis=1), 1, rtol=1e-5)
    assert (classes.idxmax(axis=1) == table["predicted"]).all()
    np.testing.assert_allclose(classes.max(axis=1), table["confidence"])
    with pytest.raises(StudyError, match="10, 11, 12"):
        found.frame(3)


def test_lists_that_do_not_go_together_are_refused(answers):
    found = answers()
    with pytest.raises(StudyError, match="do not go together"):
        Predictions("x", "test", found.seeds, found.index, found.labels[:2], found.probabilities, 200)
    with pytest.raises(StudyError, match="do not go together"):
        Predictions("x", "test", found.seeds, found.index, found.labels, tuple(p[1:] for p in found.probabilities), 200)


def test_from_runs():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 50)
    runs = [
        SimpleNamespace(
            variant="wide",
            seed=s,
            head="softmax",
            validation_index=np.arange(s, 50, 5),
            validation_logits=rng.normal(0, 1, (len(np.arange(s, 50, 5)), 3)).astype(np.float32),
            test_logits=rng.normal(0, 1, (50, 3)).astype(np.float32),
        )
        for s in (0, 1)
    ]
    found = predictions(runs, y, "validation")
    np.testing.assert_array_equal(found.labels[1], y[1::5])
    assert found.seeds == (0, 1)
    assert predictions(runs, y, "test").index[0].tolist() == list(range(50))
    np.testing.assert_array_equal(found.predicted(0), runs[0].validation_logits.argmax(axis=1))


def test_probabilities_are_those_of_torch():
    import torch

    z = np.random.default_rng(0).normal(0, 20, (5, 4)).astype(np.float32)
    expected = torch.from_numpy(z).double()
    np.testing.assert_allclose(to_probabilities(z), expected.softmax(1), rtol=1e-5)
    np.testing.assert_allclose(to_probabilities(z, "sigmoid"), expected.sigmoid(), rtol=1e-5)
