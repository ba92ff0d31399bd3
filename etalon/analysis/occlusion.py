"""What a network looks at: how much less sure it is when a part of the image is hidden from it.

Zeiler & Fergus 2014, *Visualizing and understanding convolutional networks*: a grey square is moved over the image, and
what the probability of a class loses is written where the square was.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from etalon.data.corruptions import OCCLUDER
from etalon.figures import overlays
from etalon.locales import _

if TYPE_CHECKING:
    from etalon.figures.style import Axes

SHARE, STEPS = 0.2, 4  # side of the square over that of the image; steps of the square in its side
BATCH = 64  # images predicted at a time

Model = Callable[[NDArray[Any]], NDArray[Any]]  # images (n, h, w, c) to probabilities (n, n_classes)


@dataclass(frozen=True, eq=False)
class Occlusion:
    """What hiding each place of an image costs.

    Attributes:
        image: uint8 (h, w, c).
        label: the class whose probability is followed.
        probability: of that class, for the whole image.
        drop: float64 (h, w) what the probability loses, mean over the squares that hide the pixel; under 0 where
            hiding it makes the network surer.
        side: of the square, pixels.
    """

    image: NDArray[np.uint8]
    label: int
    probability: float
    drop: NDArray[np.float64]
    side: int

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """The image under the map."""
        return overlays.overlay(self.image, self.drop, ax=ax, label=_("Probability lost"), signed=True)


def occlusion(
    image: NDArray[np.uint8], predict: Model, label: int | None = None, *, side: int | None = None
) -> Occlusion:
    """Hide each place of an image in turn.

    Args:
        image: uint8 (h, w, c).
        predict: see `Model`.
        label: class to follow, by default the one predicted.
        side: of the grey square, pixels; by default a fifth of the image's smaller side.
    """
    h, w, _c = image.shape
    side = side or max(1, round(SHARE * min(h, w)))
    whole = predict(image[None])[0]
    label = int(whole.argmax()) if label is None else label
    tops, lefts = _places(h, side), _places(w, side)
    corners = [(top, left) for top in tops for left in lefts]
    lost, covered = np.zeros((h, w)), np.zeros((h, w))
    for start in range(0, len(corners), BATCH):
        some = corners[start : start + BATCH]
        hidden = np.repeat(image[None], len(some), axis=0)
        for copy, (top, left) in zip(hidden, some, strict=True):
            copy[top : top + side, left : left + side] = OCCLUDER
        for (top, left), value in zip(some, predict(hidden)[:, label], strict=True):
            lost[top : top + side, left : left + side] += whole[label] - value
            covered[top : top + side, left : left + side] += 1
    return Occlusion(image, label, float(whole[label]), lost / covered, side)


def _places(length: int, side: int) -> list[int]:
    """Where the square stands along one side: every few pixels, and against the far edge."""
    last = length - side
    return sorted({*range(0, last + 1, max(1, side // STEPS)), last})
