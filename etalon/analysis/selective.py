"""Answering only where the model is sure enough, and leaving the other images to a person.

The risk-coverage curve (Geifman and El-Yaniv 2017, arXiv 1705.08500), its areas AURC and AUGRC (Traub et al. 2024,
arXiv 2407.01032), and a threshold that promises a risk.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

LEVEL = 0.95  # of the promises


@dataclass(frozen=True, eq=False)
class RiskCoverage:
    """The errors among the images that are kept, as more and more are, the surest first.

    Attributes:
        errors: (n,) among the 1, 2... n surest images; their mean over the orders of images that are equally sure.
    """

    errors: Vector

    @property
    def coverage(self) -> Vector:
        """(n,) share of the images that are kept: 1/n, 2/n... 1."""
        return np.arange(1, len(self.errors) + 1) / len(self.errors)

    @property
    def risk(self) -> Vector:
        """(n,) share of errors among the images that are kept."""
        found: Vector = self.errors / np.arange(1, len(self.errors) + 1)
        return found

    @property
    def aurc(self) -> float:
        """Area under the curve: mean of `risk` over the n coverages (Geifman et al. 2019, arXiv 1805.08206)."""
        return float(self.risk.mean())

    @property
    def augrc(self) -> float:
        """Area under the errors kept / n against coverage: the mean risk of an error that nobody sees (Traub et al.).

        It is (1 - AUROC) a (1 - a) + (1 - a)² / 2, with a the accuracy and AUROC how well confidence tells right from
        wrong.
        """
        n = len(self.errors)
        return float(self.errors.sum() - self.errors[-1] / 2) / n**2

    def at(self, coverage: NDArray[Any]) -> Vector:
        """The risk when these shares of the images, in (0, 1], are kept."""
        kept = np.ceil(np.asarray(coverage) * len(self.errors) - 1e-9).astype(int)
        found: Vector = self.risk[np.maximum(kept, 1) - 1]
        return found


@dataclass(frozen=True)
class Kept:
    """What a threshold keeps of some images.

    Attributes:
        images: how many there are.
        kept: how many have a confidence that reaches the threshold.
        errors: how many of those are misclassified.
    """

    images: int
    kept: int
    errors: int

    @property
    def coverage(self) -> float:
        """Share of the images that are kept."""
        return self.kept / self.images

    @property
    def error(self) -> float:
        """Share of errors among them; NaN where none is kept."""
        return self.errors / self.kept if self.kept else float("nan")

    @property
    def bound(self) -> float:
        """Upper limit at 95 % of the share of errors (Clopper and Pearson 1934), for a threshold chosen elsewhere."""
        return upper_limit(self.errors, self.kept)


def risk_coverage(score: NDArray[Any], right: NDArray[Any]) -> RiskCoverage:
    """The curve of answers.

    Args:
        score: (n,) the greater, the surer.
        right: (n,) whether the answer is right.
    """
    order = np.argsort(-score, kind="stable")
    errors = np.cumsum(~np.asarray(right, bool)[order])
    ends = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))
    ranks = np.arange(1, len(errors) + 1)
    return RiskCoverage(np.interp(ranks, np.append(0, ends + 1), np.append(0, errors[ends])))


def kept(confidence: NDArray[Any], right: NDArray[Any], threshold: float) -> Kept:
    """What a threshold keeps."""
    chosen = confidence >= threshold
    return Kept(len(chosen), int(chosen.sum()), int((chosen & ~np.asarray(right, bool)).sum()))


def upper_limit(errors: int, n: int, level: float = LEVEL) -> float:
    """One-sided upper limit of a proportion, exact (Clopper and Pearson 1934); 1 for n = 0."""
    from scipy.special import betaincinv

    return 1.0 if errors >= n else float(betaincinv(errors + 1, n - errors, level))


def images_needed(risk: float, level: float = LEVEL) -> int:
    """The least number of images that, all answered right, show an error rate of at most `risk`."""
    return int(np.ceil(np.log(1 - level) / np.log1p(-risk)))


def promised(
    score: NDArray[Any], confidence: NDArray[Any], right: NDArray[Any], risk: float, level: float = LEVEL
) -> float | None:
    """The lowest threshold that keeps the error rate of the images kept at `risk` or under, with confidence `level`.

    The images are taken from the surest to the least sure. At ranks fixed beforehand (those where one more error
    becomes admissible, then the last), the upper limit of Clopper and Pearson is compared with `risk`; the first rank
    that does not pass ends the search, so that no correction for their number is needed (a fixed sequence of tests).

    The guarantee: over sets of images drawn at random like these, the error rate of all the images whose confidence
    reaches the threshold exceeds `risk` in at most 1 - `level` of the sets. It supposes that these images took no part
    in the training or in a choice, and that a higher threshold never brings the error rate from under `risk` to over
    it. Proof: let m of the images reach the lowest threshold that keeps to `risk`. Given m, each is an error with
    probability `risk` at most, and those that follow with more. A threshold that is too low was reached by passing the
    first rank from m on, whose errors are then at least as many as those of a binomial law of rate `risk`; this happens
    in 1 - `level` of the cases at most.

    Args:
        score: (n,) the greater, the surer; it orders images of the same confidence.
        confidence: (n,) what the threshold is compared with, in the same order as the score or equal.
        right: (n,) whether the answer is right.

    Returns:
        0 when all the images can be kept; None when they are too few, or too many errors are among the surest.
    """
    wrong = ~np.asarray(right, bool)
    order = np.lexsort((~wrong, -np.asarray(score)))  # of images equally sure, the errors first
    errors = np.cumsum(wrong[order])
    last = 0
    for rank, admissible in _looks(len(errors), risk, level):
        if errors[rank - 1] > admissible:
            break
        last = rank
    if 0 < last == len(errors):
        return 0.0
    shown = confidence[order]
    while last and shown[last] == shown[last - 1]:  # a threshold takes all the equals or none
        last -= 1
    return float(shown[last - 1]) if last else None


@lru_cache(maxsize=64)
def _looks(n: int, risk: float, level: float) -> tuple[tuple[int, int], ...]:
    """The ranks at which to look, and the most errors up to each for which the upper limit is `risk` at most."""
    from scipy.stats import binom

    ranks = np.arange(1, n + 1)
    middle = np.asarray(binom.ppf(1 - level, ranks, risk))
    admissible = middle - (np.asarray(binom.cdf(middle, ranks, risk)) > 1 - level)
    first = np.flatnonzero(np.diff(admissible, prepend=-1) > 0)
    last = [n - 1] if n and admissible[-1] >= 0 and (not len(first) or first[-1] != n - 1) else []
    return tuple((int(i) + 1, int(admissible[i])) for i in [*first, *last])
