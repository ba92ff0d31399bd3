import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from etalon.analysis.balance import balanced_accuracy
from etalon.analysis.predictions import Predictions


def answers(labels: list[np.ndarray], seed: int = 0) -> Predictions:
    """Random answers to these labels, leaning to the truth, four classes."""
    rng = np.random.default_rng(seed)
    probabilities = []
    for y in labels:
        p = rng.random((len(y), 4)).astype(np.float32)
        p[np.arange(len(y)), y] += 0.4
        probabilities.append(p / p.sum(axis=1, keepdims=True))
    seeds = tuple(range(len(labels)))
    index = tuple(np.arange(len(y)) for y in labels)
    return Predictions("v", "test", seeds, index, tuple(labels), tuple(probabilities), max(map(len, labels)))


def test_it_is_scikit_learns() -> None:
    labels = [np.repeat([0, 1, 2, 3], [200, 40, 10, 5]), np.repeat([0, 1, 2, 3], [5, 5, 5, 90])]
    found = answers(labels)
    expected = [balanced_accuracy_score(y, found.predicted(s)) for s, y in enumerate(labels)]
    np.testing.assert_allclose(balanced_accuracy(found), expected)


@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
def test_a_class_without_images_does_not_count() -> None:
    found = answers([np.repeat([0, 2], [60, 30])])
    np.testing.assert_allclose(balanced_accuracy(found), balanced_accuracy_score(found.labels[0], found.predicted(0)))
