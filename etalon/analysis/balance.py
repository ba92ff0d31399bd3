"""Accuracy where the classes are not of one size."""

import numpy as np
from numpy.typing import NDArray

from etalon.analysis.predictions import Predictions


def balanced_accuracy(predictions: Predictions) -> NDArray[np.float64]:
    """(k,) for each seed, the mean recall of the classes that occur (`sklearn.metrics.balanced_accuracy_score`)."""
    found = []
    for s, y in enumerate(predictions.labels):
        right = np.bincount(y[predictions.predicted(s) == y], minlength=predictions.n_classes)
        support = np.bincount(y, minlength=predictions.n_classes)
        found.append(np.mean(right[support > 0] / support[support > 0]))
    return np.array(found)
