"""How the trainings of a study were planned, and what that takes from certainty: several looks, splits that overlap.

Verdicts that are looked at several times, to train more where they are undecided, have as many chances to be wrong. A
lower level is asked of each look, such that all of them together keep the error rate. This is computed under the law
of the means of the first k_1 < ... < k_J seeds, each of which contains the one before: normal, with
Cov(d_i, d_j) = Var(d_j) for i < j, hence correlation sqrt(V_j / V_i), whatever the part of the images in the variance.
It is at least sqrt(k_i / k_j), that of seeds alone, since no variance falls faster than 1/k; and the stronger the
correlation, the rarer it is that any look goes too far (Slepian 1962). The law of seeds alone is therefore the worst
case, and is the one that is used. Levels are carried over to Student's law as Pocock (1977) did.

The first looks, whose few seeds tell the variance badly, are asked for much more than the last: their bounds are those
of O'Brien and Fleming (1979), z_j = c sqrt(k_J / k_j).

Nothing depends on why a variant stopped being trained: the error rate holds for all the looks that might have been.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, sqrt
from typing import Any

import numpy as np

from etalon.errors import StudyError
from etalon.locales import _

GROWTH = 1.5  # of the number of seeds, from one look to the next
NODES, REACH = 64, 8.5  # of the quadrature; standard deviations beyond which a normal variable never is


@dataclass(frozen=True)
class Auto:
    """Seeds where they matter: all variants start with a few, then those whose verdict is undecided get more.

    Attributes:
        start: seeds of every variant at the first look, two or more.
        most: seeds that no variant goes beyond.

    Raises:
        StudyError: no room between the two.
    """

    start: int = 3
    most: int = 10

    def __post_init__(self) -> None:
        if not 2 <= self.start < self.most:
            raise StudyError(
                f"{self!r}",
                _("seeds are added from start, two or more, up to most"),
                _("Say etalon.Auto(start=3, most=10), which is also seeds='auto'."),
            )

    def __repr__(self) -> str:
        return f"etalon.Auto(start={self.start}, most={self.most})"

    @classmethod
    def of(cls, seeds: Any) -> "Auto | None":
        """What `seeds=` says to a study, if it is this: "auto", or one of these."""
        if isinstance(seeds, cls):
            return seeds
        return cls() if isinstance(seeds, str) and seeds == "auto" else None

    @property
    def looks(self) -> tuple[int, ...]:
        """After how many seeds the verdicts are looked at: 3, 5, 7, 10; each half as many more as the one before."""
        looks, wanted = [self.start], float(self.start)
        while looks[-1] < self.most:
            wanted *= GROWTH
            looks.append(min(self.most, ceil(wanted)))
        return tuple(looks)


@dataclass(frozen=True)
class Design:
    """What a comparison must allow for.

    Attributes:
        overlap: validation images / training images of each seed, where every seed learns from its own draw of one
            and the same pool and validates on the rest of it; 0 otherwise. See `crossed.compare`.
        looks: numbers of seeds after which verdicts were to be looked at; one number or none: once, at the end.
    """

    overlap: float = 0.0
    looks: tuple[int, ...] = ()

    @property
    def told(self) -> str:
        """What the looks change, in the language in force; empty where there is one."""
        if len(self.looks) < 2:
            return ""
        looks = ", ".join(map(str, self.looks))
        return _("p and the intervals allow for looks at the verdicts after {looks} seeds.").format(looks=looks)

    def one_sided(self, p: float, k: int) -> float:
        """What a one-sided p-value found with `k` seeds is worth: the chance that any look would be as far or farther.

        The chance is 1 where p is 0.5 or more, which decides nothing.
        """
        from scipy.special import ndtri

        if len(self.looks) < 2 or p <= 0:
            return p
        return 1.0 if p >= 0.5 else crossing(float(-ndtri(p)) * sqrt(self._time(k)), self.looks)

    def two_sided(self, p: float, k: int) -> float:
        """The same of a two-sided p-value."""
        return min(1.0, 2 * self.one_sided(p / 2, k)) if len(self.looks) > 1 else p

    def level(self, alpha: float, k: int) -> float:
        """The two-sided level at the look after `k` seeds, when `alpha` is that of all."""
        from scipy.special import ndtr

        if len(self.looks) < 2:
            return alpha
        return float(2 * ndtr(-bound(alpha / 2, self.looks) / sqrt(self._time(k))))

    def _time(self, k: int) -> float:
        """Of the last look, 1."""
        return min(1.0, k / self.looks[-1])


ONCE = Design()  # one look, at trainings that have nothing in common


def crossing(c: float, looks: Sequence[int]) -> float:
    """The chance that a normal statistic is beyond the bound of one look at least, when nothing differs.

    Recursive integration (Armitage, McPherson and Rowe 1969): the sum of a statistic is followed from look to look over
    the values for which it has not crossed yet.

    Args:
        c: bound of the last look, from which the others follow.
        looks: numbers of seeds, increasing.
    """
    from scipy.special import ndtr

    times = np.asarray(looks, np.float64) / looks[-1]
    nodes, weights = _quadrature()
    sums, masses, crossed = np.zeros(1), np.ones(1), 0.0
    for time, step in zip(times, np.sqrt(np.diff(times, prepend=0.0)), strict=True):
        crossed += float(masses @ ndtr((sums - c) / step))  # one bound for all the sums, z_j times the root of the time
        if time == 1:
            break
        low = -REACH * np.sqrt(time)
        half = (c - low) / 2
        reached = low + half * (nodes + 1)
        moves = np.exp(-(((reached - sums[:, None]) / step) ** 2) / 2) / (step * np.sqrt(2 * np.pi))
        sums, masses = reached, half * weights * (masses @ moves)
    return min(1.0, crossed)


@lru_cache
def bound(alpha: float, looks: tuple[int, ...]) -> float:
    """The bound of the last look, when the chance that any look is beyond its own is to be `alpha` at most."""
    from scipy.optimize import brentq

    return float(brentq(lambda c: crossing(c, looks) - alpha, 0.0, REACH, xtol=1e-10))


@lru_cache
def _quadrature() -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of Gauss and Legendre on [-1, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    return nodes, weights
