"""Studies that are simulated, so that the truth is known."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from etalon.analysis.predictions import Predictions
from etalon.analysis.verdicts import Verdicts, verdicts


def simulate(
    rng: np.random.Generator,
    *,
    k: int = 5,
    n: int = 1000,
    models: int = 2,
    error: float = 0.05,
    seed_effect: float = 0.0,
    gains: ArrayLike | None = None,
) -> NDArray[np.float64]:
    """(models, k, n) answers, 1 right or 0 wrong, of models equal over the population of images.

    Each image has its own difficulty, which each model feels in its own way; each training moves all the odds.

    Args:
        seed_effect: standard deviation of what a training moves, on the logistic scale.
        gains: (models,) on the logistic scale, of models that are not equal.
    """
    difficulty = rng.normal(0, 2.0, n) + rng.normal(0, 1.0, (models, 1, n))
    shift = rng.normal(0, seed_effect, (models, k, 1))
    gains = np.zeros(models) if gains is None else np.asarray(gains)
    logit = np.log((1 - error) / error) * 1.8 + gains[:, None, None] + shift - difficulty
    return (rng.random((models, k, n)) < 1 / (1 + np.exp(-logit))).astype(float)


def hide(rng: np.random.Generator, matrix: NDArray[np.float64], share: float = 0.2) -> NDArray[np.float64]:
    """Keep for each seed (last but one axis) a share of the images drawn at random, NaN elsewhere."""
    k, n = matrix.shape[-2:]
    kept = rng.permuted(np.tile(np.arange(n) < share * n, (k, 1)), axis=1)
    return np.where(kept, matrix, np.nan)


@pytest.fixture
def answers() -> Callable[..., Predictions]:
    """Predictions of a variant for k seeds over a pool, with hold-outs when share < 1."""

    def make(
        k: int = 3, pool: int = 200, n_classes: int = 4, share: float = 1.0, seed: int = 0, skill: float = 2.0
    ) -> Predictions:
        rng = np.random.default_rng(seed)
        y = rng.integers(0, n_classes, pool)
        index = [np.sort(rng.permutation(pool)[: int(share * pool)]) for _ in range(k)]
        probabilities = []
        for rows in index:
            z = rng.normal(0, 1, (len(rows), n_classes)) + skill * np.eye(n_classes)[y[rows]]
            e = np.exp(z)
            probabilities.append((e / e.sum(axis=1, keepdims=True)).astype(np.float32))
        return Predictions(
            "wide",
            "test" if share == 1 else "validation",
            tuple(range(10, 10 + k)),
            tuple(index),
            tuple(y[rows] for rows in index),
            tuple(probabilities),
            pool,
        )

    return make


@pytest.fixture(scope="session")
def found() -> Verdicts:
    """Four variants: one that is better, one worse, one that only seems to differ, one that is the reference itself."""
    m = simulate(np.random.default_rng(0), models=4, n=4000, seed_effect=0.05, gains=[0, 1.2, -1.2, 0])
    return verdicts(m[0], {"good": m[1], "bad": m[2], "same": m[3], "copy": m[0]})
