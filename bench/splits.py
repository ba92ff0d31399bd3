"""False alarms when the training images are a sample too: k folds and hold-outs of one small pool, learnt from afresh.

Two learners of equal worth are compared: the same linear classifier on two blocks of variables that tell the classes
apart equally well. Nothing differs on average over pools; on one pool, one of them is always ahead by chance.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from etalon.analysis.crossed import compare
from etalon.analysis.verdicts import ALPHA
from etalon.data.splits import HoldOut, KFold, Split, divide, overlap

Line = dict[str, Any]


@dataclass(frozen=True)
class Pool:
    """Studies of one kind.

    Attributes:
        split, k: how the images are divided, and how many times.
        n: images of the pool, half of each class.
        variables: of each block; the more, the more a learner depends on its training images.
        separation: distance of the classes in each block, in standard deviations.
    """

    split: Split
    k: int
    n: int = 200
    variables: int = 20
    separation: float = 2.0

    def __str__(self) -> str:
        if isinstance(self.split, KFold):
            return f"{self.k} folds of {self.n} images"
        return f"{self.k} hold-outs of {self.split.fraction:.0%} of {self.n} images"


POOLS = tuple(
    Pool(split, k, n)
    for n in (100, 400)
    for split, k in ((KFold(5), 5), (KFold(10), 10), (HoldOut(0.2), 5), (HoldOut(0.2), 10))
)


def learnt(pool: Pool, studies: int) -> Iterator[NDArray[np.float64]]:
    """(k, n) for each study, right answers of the second learner less those of the first, NaN where it learnt."""
    rng = np.random.default_rng(0)
    y = np.arange(pool.n) % 2
    sides = [divide(pool.split, y, seed) for seed in range(pool.k)]
    for _study in range(studies):
        first, second = rng.standard_normal((2, pool.n, pool.variables + 1))
        for block in (first, second):
            block[:, 0] += pool.separation * (y - 0.5)
            block[:, -1] = 1
        D = np.full((pool.k, pool.n), np.nan)
        for s, (learn, validate) in enumerate(sides):
            right = [answers(block, y, learn, validate) == y[validate] for block in (first, second)]
            D[s, validate] = right[1].astype(float) - right[0]
        yield D


def answers(x: NDArray[np.float64], y: NDArray[np.int64], learn: Any, validate: Any) -> NDArray[np.bool_]:
    """Of a linear classifier fitted by least squares."""
    known = x[learn]
    return x[validate] @ np.linalg.solve(known.T @ known, known.T @ (2.0 * y[learn] - 1)) > 0


def nadeau_bengio(means: NDArray[np.float64], ratio: float) -> float:
    """p of the corrected resampled t test (Nadeau and Bengio 2003, section 3.4) of k means; ratio 0: the t test."""
    from scipy import stats

    k = len(means)
    variance = (1 / k + ratio) * means.var(ddof=1)
    return float(2 * stats.t.sf(abs(means.mean()) / np.sqrt(variance), k - 1)) if variance > 0 else 1.0


def splits(pool: Pool, studies: int) -> Line:
    """Shares of studies in which a difference is claimed, of which there is none."""
    ratio = overlap(pool.split)
    claims, covered = [], []
    for D in learnt(pool, studies):
        means = np.nanmean(D, axis=1)
        ours, uncorrected = compare(D, overlap=ratio), compare(D)
        ps = [ours.p, uncorrected.p, nadeau_bengio(means, ratio), nadeau_bengio(means, 0.0)]
        claims.append([p < ALPHA for p in ps])
        covered.append(ours.low <= 0 <= ours.high)
    names = ("false_alarms", "uncorrected", "nadeau_bengio", "t_test")
    shares = dict(zip(names, np.mean(claims, axis=0).tolist(), strict=True))
    return {"split": str(pool), "studies": studies, **shares, "coverage": float(np.mean(covered))}
