"""The labels that the models of a study contradict on their validation images, which they have not learnt from."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from etalon.analysis.predictions import Predictions
from etalon.data.mislabelled import Suspect, suspects


@dataclass(frozen=True)
class Suspected:
    """Training images whose labels are contradicted.

    Attributes:
        judged: images that at least one seed has validated on; the others are not judged.
        agreement: the share of the judged labels that are the most probable class.
        suspects: the most suspect first.
    """

    judged: int
    agreement: float
    suspects: tuple[Suspect, ...]

    @property
    def likely(self) -> int:
        """How many confident learning counts as errors."""
        return sum(suspect.likely for suspect in self.suspects)


def suspected(predictions: Predictions, y: NDArray[np.int64]) -> Suspected:
    """By confident learning, see `etalon.data.mislabelled`, from the mean over the seeds that validated on an image.

    Args:
        predictions: of a variant, on validation.
        y: (n,) labels of the training part.
    """
    total, seeds = np.zeros((len(y), predictions.n_classes)), np.zeros(len(y), np.int64)
    for index, probabilities in zip(predictions.index, predictions.probabilities, strict=True):
        total[index] += probabilities / probabilities.sum(axis=1, keepdims=True)  # a sigmoid's do not add up to 1
        seeds[index] += 1
    judged = np.flatnonzero(seeds)
    mean = total[judged] / seeds[judged, None]
    agreement = float(np.mean(mean.argmax(axis=1) == y[judged]))
    return Suspected(len(judged), agreement, suspects("train", y[judged], mean, judged))
