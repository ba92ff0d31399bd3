"""Whether an answer given with a confidence of 90 % is right nine times in ten, before and after temperature scaling.

Guo et al. 2017, *On calibration of modern neural networks* (arXiv 1706.04599): the logits are divided by one number,
the temperature, fitted on validation by least log loss. No answer changes, only its confidence.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Head = Literal["softmax", "sigmoid"]
Vector = NDArray[np.float64]
Labels = NDArray[np.int64]

BINS = 15  # of equal width, as in Guo et al.
CROSS_ENTROPIES = ("categorical_crossentropy", "sparse_categorical_crossentropy", "kl_divergence")
LARGEST = 7.0  # |log temperature| within which it is sought


@dataclass(frozen=True, eq=False)
class Reliability:
    """The answers sorted by confidence into bins of equal width over [0, 1].

    Attributes:
        count: (bins,) answers in each.
        confidence, accuracy: (bins,) mean confidence and share of right answers, NaN where there is none.
    """

    count: Vector
    confidence: Vector
    accuracy: Vector

    @property
    def ece(self) -> float:
        """Expected calibration error: mean over answers of the |accuracy - confidence| of their bin."""
        return float(np.nansum(self.count * np.abs(self.accuracy - self.confidence)) / self.count.sum())


@dataclass(frozen=True, eq=False)
class Quality:
    """How good the probabilities of each seed are; the lower, the better.

    Attributes:
        log_loss: (k,) mean of -log p(true class); with a sigmoid for each class, mean binary cross-entropy of classes.
        brier: (k,) mean over images of the sum over classes of (p - 1 if true else p)², from 0 to 2.
        ece: (k,) expected calibration error of the predicted class, 15 bins.
        bins: the answers of all seeds together.
    """

    log_loss: Vector
    brier: Vector
    ece: Vector
    bins: Reliability


@dataclass(frozen=True, eq=False)
class Calibration:
    """The probabilities as the model gives them, and scaled.

    Attributes:
        temperatures: (k,) fitted on all the validation images of each seed; over 1, the model was too sure of itself.
        crossed: the images shown are those of validation, so that each half is scaled by the temperature of the other.
    """

    temperatures: Vector
    before: Quality
    after: Quality
    crossed: bool


def head_of(head: str, loss: str) -> Head | None:
    """What turns the logits into probabilities; None where nothing does.

    Args:
        head: the final activation of the network, "linear" for none.
        loss: what it was trained by: logits without activation are made by the cross-entropies of a softmax.
    """
    if head in ("softmax", "sigmoid"):
        return "softmax" if head == "softmax" else "sigmoid"
    return "softmax" if loss in CROSS_ENTROPIES else None


def probabilities(logits: NDArray[Any], head: Head, temperature: float = 1.0) -> Vector:
    """(m, n_classes) probabilities of logits divided by the temperature."""
    from scipy.special import expit, softmax

    z = np.asarray(logits, np.float64) / temperature
    found: Vector = expit(z) if head == "sigmoid" else softmax(z, axis=1)
    return found


def log_loss(logits: NDArray[Any], y: Labels, head: Head, temperature: float = 1.0) -> float:
    """The loss that the temperature makes least, computed from logits, hence without clipping; see `Quality`."""
    from scipy.special import log_expit, log_softmax

    z = np.asarray(logits, np.float64) / temperature
    rows = np.arange(len(y))
    if head == "softmax":
        return -float(log_softmax(z, axis=1)[rows, y].mean())
    signed = -z
    signed[rows, y] *= -1
    return -float(log_expit(signed).mean())


def fit_temperature(logits: NDArray[Any], y: Labels, head: Head) -> float:
    """The temperature of least log loss, which is convex in its inverse.

    Returns:
        1 where the loss has no least value, because every answer is right: the lower the temperature, the better.
    """
    from scipy.optimize import minimize_scalar

    def loss(log_temperature: float) -> float:
        return log_loss(logits, y, head, np.exp(log_temperature))

    found = minimize_scalar(loss, bounds=(-LARGEST, LARGEST), method="bounded")
    return 1.0 if loss(-LARGEST) <= found.fun else float(np.exp(found.x))


def brier(p: NDArray[Any], y: Labels) -> float:
    """The score of Brier (1950) for several classes, from 0 to 2."""
    truth = np.eye(p.shape[1])[y]
    return float(((p - truth) ** 2).sum(axis=1).mean())


def reliability(confidence: NDArray[Any], right: NDArray[Any], bins: int = BINS) -> Reliability:
    """Sort answers into bins, each open on its left and closed on its right.

    Args:
        confidence: (m,) probability of the predicted class.
        right: (m,) whether it is the true one.
    """
    place = np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], confidence)
    count = np.bincount(place, minlength=bins).astype(np.float64)
    filled = np.where(count > 0, count, np.nan)
    return Reliability(
        count,
        np.bincount(place, np.asarray(confidence, np.float64), bins) / filled,
        np.bincount(place, np.asarray(right, np.float64), bins) / filled,
    )


def calibrate(
    validation: Sequence[tuple[NDArray[Any], Labels]],
    shown: Sequence[tuple[NDArray[Any], Labels]] | None,
    head: Head,
) -> Calibration:
    """Fit the temperature of each seed, and measure the probabilities before and after.

    Args:
        validation: per seed, logits (m, n_classes) and labels (m,) to fit on.
        shown: the same of other images, to measure on; None measures on validation, where each half of the images (one
            in two) is scaled by the temperature fitted on the other half.
    """
    temperatures = [fit_temperature(z, y, head) for z, y in validation]
    scaled = (
        [_crossed(z, y, head) for z, y in validation]
        if shown is None
        else [np.asarray(z, np.float64) / t for (z, _y), t in zip(shown, temperatures, strict=True)]
    )
    measured = validation if shown is None else shown
    labels = [y for _z, y in measured]
    return Calibration(
        np.array(temperatures),
        _quality([z for z, _y in measured], labels, head),
        _quality(scaled, labels, head),
        crossed=shown is None,
    )


def _crossed(logits: NDArray[Any], y: Labels, head: Head) -> Vector:
    scaled = np.array(logits, np.float64)
    for half in (0, 1):
        other = slice(1 - half, None, 2)
        scaled[half::2] /= fit_temperature(logits[other], y[other], head)
    return scaled


def _quality(logits: Sequence[NDArray[Any]], labels: Sequence[Labels], head: Head) -> Quality:
    each = [probabilities(z, head) for z in logits]
    tops = [p.max(axis=1) for p in each]
    rights = [p.argmax(axis=1) == y for p, y in zip(each, labels, strict=True)]
    return Quality(
        np.array([log_loss(z, y, head) for z, y in zip(logits, labels, strict=True)]),
        np.array([brier(p, y) for p, y in zip(each, labels, strict=True)]),
        np.array([reliability(top, right).ece for top, right in zip(tops, rights, strict=True)]),
        reliability(np.concatenate(tops), np.concatenate(rights)),
    )
