"""The images that resemble one most, pixel by pixel."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from etalon.data.dataset import Images, Part

BUDGET = 1 << 24  # numbers compared at a time


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Some images of a part, the nearest first.

    Attributes:
        index: (k,) their places.
        labels: (k,) their classes.
        distance: float32 (k,) root of the mean squared difference of pixels, in grey levels.
    """

    index: NDArray[np.int64]
    labels: NDArray[np.int64]
    distance: NDArray[np.float32]


def neighbours(image: Images, part: Part, k: int, besides: int | None = None) -> Neighbours:
    """The `k` images of a part nearest to one, read a chunk at a time.

    Args:
        image: uint8 (h, w, c).
        besides: the place of an image to leave out: itself.
    """
    flat = np.asarray(image, np.float32).ravel()
    distance = np.empty(len(part), np.float32)
    start = 0
    for x, _y in part.chunks(max(1, BUDGET // len(flat))):
        apart = x.reshape(len(x), -1) - flat
        distance[start : start + len(x)] = np.einsum("np,np->n", apart, apart)
        start += len(x)
    if besides is not None:
        distance[besides] = np.inf
    k = min(k, len(part) - (besides is not None))
    nearest = np.argpartition(distance, k - 1)[:k]
    index = nearest[np.lexsort((nearest, distance[nearest]))].astype(np.int64)
    return Neighbours(index, part.y[index], np.sqrt(distance[index] / len(flat)))
