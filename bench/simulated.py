"""Studies that are simulated, so that the truth is known."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Answers = NDArray[np.bool_]  # (models, k, n) right or wrong, the reference first
Line = dict[str, Any]

VARIANTS, IMAGES = 7, 2000
SHARED, OWN = 2.0, 1.0  # standard deviations of an image's difficulty, on the logistic scale: for all, for one model


@dataclass(frozen=True)
class Setting:
    """Studies of one kind.

    Attributes:
        k: seeds.
        error: mean error rate of every model over the population of images.
        effect: standard deviation of what a training moves, on the logistic scale.
        n: images.
    """

    k: int
    error: float
    effect: float
    n: int = IMAGES

    def __str__(self) -> str:
        return f"{self.k} seeds, error {self.error:.0%}, seed effect {self.effect:g}"


SETTINGS = tuple(Setting(k, error, effect) for k in (5, 10) for error in (0.01, 0.08) for effect in (0.0, 0.05))
HARSH = tuple(Setting(k, 0.08, 0.2) for k in (5, 10))  # a training moves the accuracy by a whole point


def simulate(setting: Setting, studies: int, gains: Sequence[float] = (0.0,) * VARIANTS) -> Iterator[Answers]:
    """Studies in which each model is better than the reference by `gains` of accuracy over the population.

    An image has a difficulty for all models and one for each; a training moves all the odds of its model.
    """
    rng = np.random.default_rng(0)
    errors = setting.error - np.array([0.0, *gains])
    centres = np.array([[[centre(error, setting.effect)]] for error in errors], np.float32)
    models, k, n = len(errors), setting.k, setting.n
    for _study in range(studies):
        difficulty = SHARED * rng.standard_normal(n, np.float32) + OWN * rng.standard_normal((models, 1, n), np.float32)
        moved = rng.normal(0, setting.effect, (models, k, 1)).astype(np.float32)
        odds = np.exp(centres + moved - difficulty)
        yield rng.random((models, k, n), np.float32) * (1 + odds) < odds


def centre(error: float, effect: float) -> float:
    """The log-odds around which the mean error rate over images and trainings is `error`."""
    from scipy.optimize import brentq
    from scipy.special import expit

    nodes, weights = np.polynomial.hermite_e.hermegauss(201)
    spread = np.sqrt(SHARED**2 + OWN**2 + effect**2)
    found = brentq(lambda c: float(weights @ expit(-c - spread * nodes)) / weights.sum() - error, 0, 50)
    return float(found)
