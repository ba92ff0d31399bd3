"""Telling ink from the paper it is on, in a picture whose light is not even.

Light and reflection multiply: paper in the shade is darker, and so is the ink on it, by the same factor. The ground is
what most of the pixels around show: a median over a window far larger than a stroke, which follows a lamp on one side,
a vignette, and the edge of a shadow. What differs from it is ink where it stands alone: what reaches the edges of the
picture, as the lines of ruled paper and what is left of shadows do, is left out, by asking for as much contrast as it
takes.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import binary_dilation, distance_transform_edt, gaussian_filter, label, median_filter

CONTRAST = 24.0  # grey levels: with less, there is no drawing
COARSE = 96  # pixels: the larger side at which the ground is sought
WINDOW = 3  # how many windows fit into the larger side
LEVELS = (0.125, 0.2, 0.3, 0.4, 0.5)  # of the strongest contrast: above is ink; the first that lets it stand alone
SPECK = 0.02  # of the area of the largest piece of a drawing: less is dust
GRAIN = 100  # pixels: the sides from which a picture is smoothed, by a pixel, before pieces are told apart
ALL_AROUND = np.ones((3, 3), bool)

Level = TypeVar("Level", bound=np.generic)
Grey = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Ink:
    """A drawing told from its ground.

    Attributes:
        share: float32 (h, w), 0 on the ground, 1 where the ink is as strong as it usually is in this picture.
        drawn: bool (h, w), where there is ink.
        dark: whether the ink is darker than the ground.
        level: grey level of the ground, its median.
    """

    share: Grey
    drawn: Mask
    dark: bool
    level: float


def ink(grey: Grey) -> Ink | None:
    """The drawing of a picture (h, w), values 0..255; None where nothing stands out."""
    ground = ground_of(grey)
    found = []
    for dark in (True, False):
        above = np.maximum(ground - grey if dark else grey - ground, 0)
        drawn = _alone(above / np.maximum(ground, 1) if dark else above, above)
        if drawn is not None:
            found.append((float(np.square(above[drawn]).sum()), dark, drawn))
    if not found:
        return None
    _mass, dark, drawn = max(found, key=lambda one: one[0])
    share = 1 - grey / np.maximum(ground, 1) if dark else grey - ground
    usual = np.median(share[drawn])
    near = binary_dilation(drawn, ALL_AROUND, iterations=2)  # edges are softer than what they surround
    told = np.where(near, np.clip(share / usual, 0, 1), 0).astype(np.float32)
    return Ink(told, drawn & (told > LEVELS[0]), dark, float(np.median(ground)))


def ground_of(grey: Grey) -> Grey:
    """What a picture (h, w) would be without anything drawn on it: float32 (h, w)."""
    h, w = grey.shape
    scale = min(1.0, COARSE / max(h, w))
    coarse = _resized(grey, (max(1, round(h * scale)), max(1, round(w * scale))), Image.Resampling.BOX)
    found = median_filter(coarse, max(3, max(coarse.shape) // WINDOW), mode="nearest")
    return _resized(found, (h, w), Image.Resampling.BILINEAR)


def thickness(drawn: Mask) -> float:
    """Of the strokes of a drawing, pixels: four times the mean depth of the ink, as in a bar."""
    beyond = distance_transform_edt(np.pad(drawn, 1))[1:-1, 1:-1][drawn]  # to the middle of the first pixel outside
    return 4 * float(beyond.mean() - 0.5)


def _alone(share: Grey, levels: Grey) -> Mask | None:
    """Where `share` stands out, away from the edges of the picture; None if it does not by `CONTRAST` grey levels."""
    if min(share.shape) >= GRAIN:
        share, levels = gaussian_filter(share, 1.0), gaussian_filter(levels, 1.0)
    if levels.max() < CONTRAST:
        return None
    strongest = float(share.max())
    for least in LEVELS:
        pieces, n = label(share > least * strongest, ALL_AROUND)
        areas = np.bincount(pieces.ravel(), minlength=n + 1)
        inside = np.ones(n + 1, bool)
        inside[sides(pieces)] = False
        areas[0], inside[0] = 0, False
        if inside[1:].all():
            break
    whole = areas if areas[inside].max(initial=0) < SPECK * areas.max() else areas * inside
    kept: Mask = (whole >= max(1, SPECK * whole.max()))[pieces]
    return kept


def sides(image: NDArray[Level]) -> NDArray[Level]:
    """The pixels of the four sides of (h, w)."""
    return np.concatenate([image[0], image[-1], image[1:-1, 0], image[1:-1, -1]])


def _resized(grey: Grey, size: tuple[int, int], how: Image.Resampling) -> Grey:
    return np.asarray(Image.fromarray(grey).resize((size[1], size[0]), how))
