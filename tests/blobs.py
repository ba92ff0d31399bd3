"""Images of three classes that a dense layer tells apart."""

import numpy as np

import etalon
from etalon.data.dataset import Dataset


def blobs_of(train: int, test: int, *, seed: int = 0, name: str = "blobs") -> Dataset:
    """So many images of 8x8: noise and a bright row, one for each class."""
    rng = np.random.default_rng(seed)

    def part(n: int) -> tuple[np.ndarray, np.ndarray]:
        y = np.arange(n) % 3
        x = rng.integers(0, 150, (n, 8, 8, 1))
        x[np.arange(n), 2 + y] += 90
        return x.astype(np.uint8), y

    return etalon.load((part(train), part(test)), name=name)
