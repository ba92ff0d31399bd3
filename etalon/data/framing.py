"""Bringing a picture from elsewhere to the layout of a data set, step by step.

A set of drawings on a plain ground, such as MNIST, has a layout: light ink on a dark ground, fitted into a box of so
many pixels, centred in its own way. It is read in the images themselves, so that a digit written on paper can be
brought to it. Photographs have none: a picture is then only brought to their size and channels.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import distance_transform_edt

from etalon.data.dataset import Images, Part
from etalon.data.images import channels, resize
from etalon.data.ink import Grey, Ink, ink, sides, thickness
from etalon.locales import _, number

LARGEST = 1024  # pixels of a side: a larger picture is reduced before anything else
SAMPLE = 2000  # images in which the layout is read
NEAR = 16.0  # grey levels: what is so close to the ground is ground
PLAIN = 0.6  # share of the pixels at the edges that are ground, in a set of drawings
FIGURES = 95.0  # percentile of the sizes of the drawings that fits into the box
FINE = 2.0  # percentile of the thickness of their strokes under which those of a picture are thickened
STROKES = 200  # images in which it is measured
FINER = 4  # times: how much larger they are then drawn, as strokes have few pixels

Name = Literal["received", "reduced", "grey", "inverted", "contrast", "thickened", "framed", "resized"]
LAID_OUT: frozenset[Name] = frozenset({"inverted", "contrast", "thickened", "framed"})


@dataclass(frozen=True)
class Framing:
    """How the images of a set of drawings are laid out.

    Attributes:
        ground: grey level behind the drawings, 0..255.
        box: height and width into which they are fitted, pixels.
        by: what stands at `centre`: the centre of mass of the ink, or the middle of its box.
        centre: (row, column), pixels.
        stroke: thickness under which few of their strokes are, pixels.
    """

    ground: float
    box: tuple[int, int]
    by: Literal["mass", "box"]
    centre: tuple[float, float]
    stroke: float


@dataclass(frozen=True, eq=False)
class Step:
    """What was done to a picture, why, and what it then was: uint8 (h, w, c)."""

    name: Name
    text: str
    image: Images


@dataclass(frozen=True, eq=False)
class Prepared:
    """A picture as the images of a set: uint8 (h, w, c), and how it was brought there."""

    image: Images
    steps: tuple[Step, ...]


def framing(part: Part) -> Framing | None:
    """The layout of the images of a part; None for photographs, and for images in colours."""
    h, w, c = part.x.shape[1:]
    if c != 1 or min(h, w) < 2:
        return None
    some = np.linspace(0, len(part) - 1, min(SAMPLE, len(part))).astype(np.int64)
    grey = np.asarray(part.x[some], np.float32)[..., 0]
    edges = np.concatenate([sides(image) for image in grey])
    ground = float(np.median(edges))
    above = np.abs(grey - ground)
    drawn = above[(above > NEAR).any(axis=(1, 2))]
    if np.mean(np.abs(edges - ground) <= NEAR) < PLAIN or not len(drawn):
        return None
    boxes = [_box(image > NEAR) for image in drawn]
    sizes = np.array([(bottom - top, right - left) for top, bottom, left, right in boxes])
    middles = np.array([_middle(box) for box in boxes])
    masses = np.array([_mass(image) for image in drawn])
    box = np.percentile(sizes, FIGURES, axis=0)
    by_mass = masses.std(axis=0).sum() < middles.std(axis=0).sum()
    centre = (masses if by_mass else middles).mean(axis=0)
    strokes = [_stroke(image) for image in drawn[:: max(1, len(drawn) // STROKES)]]
    return Framing(
        ground,
        (round(box[0]), round(box[1])),
        "mass" if by_mass else "box",
        (float(centre[0]), float(centre[1])),
        float(np.percentile(strokes, FINE)),
    )


def alike(picture: Images, layout: Framing) -> bool:
    """Whether the edges of a picture, uint8 (h, w, 1 or 3), show the ground of the set: it may be one of its images."""
    return bool(abs(np.median(sides(channels(picture, 1)[..., 0])) - layout.ground) <= NEAR)


def prepare(picture: Images, shape: tuple[int, int, int], layout: Framing | None) -> Prepared:
    """Bring a picture to the size, the channels and the layout of a set.

    A picture that has the size of the set already is one of its kind: it is not framed again.

    Args:
        picture: uint8 (h, w, 1 or 3), any size.
        shape: (h, w, c) of the images of the set.
        layout: of the set, see `framing`.
    """
    h, w, c = shape
    steps = [Step("received", _("As it was received"), picture)]
    small = _reduced(picture, steps)
    image = channels(small, c)
    if image.shape[-1] != small.shape[-1]:
        text = _("In grey, like the images that were learnt from") if c == 1 else _("The same grey in three channels")
        steps.append(Step("grey", text, image))
    if layout is not None:
        if image.shape[:2] == (h, w):
            level = float(np.median(sides(image[..., 0])))
            image = _same_ground(image, layout, steps, level, level > 127.5)
        else:
            image = _drawn(image, shape, layout, steps)
    if image.shape[:2] != (h, w):
        image = resize(image[None], (h, w))[0]
        text = _("Brought to {h} × {w} pixels").format(h=h, w=w)
        steps.append(Step("resized", text, image))
    return Prepared(image, tuple(steps))


def _reduced(picture: Images, steps: list[Step]) -> Images:
    """At most `LARGEST` pixels a side."""
    h, w = picture.shape[:2]
    scale = LARGEST / max(h, w)
    if scale >= 1:
        return picture
    small: Images = resize(picture[None], (max(1, round(h * scale)), max(1, round(w * scale))))[0]
    steps.append(Step("reduced", _("Reduced to {h} × {w} pixels").format(h=small.shape[0], w=small.shape[1]), small))
    return small


def _same_ground(image: Images, layout: Framing, steps: list[Step], level: float, dark: bool) -> Images:
    """Light on dark, or dark on light, as the set is."""
    if dark == (layout.ground > 127.5):
        return image
    inverted: Images = 255 - image
    told = (
        _("Inverted: its ground is light (grey level {level} of 255), that of the data set is dark")
        if dark
        else _("Inverted: its ground is dark (grey level {level} of 255), that of the data set is light")
    )
    steps.append(Step("inverted", told.format(level=round(level)), inverted))
    return inverted


def _drawn(image: Images, shape: tuple[int, int, int], layout: Framing, steps: list[Step]) -> Images:
    """The drawing of a picture, laid out as those of the set; a picture without any is only inverted if need be."""
    found = ink(image[..., 0].astype(np.float32))
    if found is None:
        level = float(np.median(sides(image[..., 0])))
        return _same_ground(image, layout, steps, level, level > 127.5)
    image = _same_ground(image, layout, steps, found.level, found.dark)
    made = _laid(found.share, layout)
    if not np.array_equal(made, image):
        text = _("Contrast: the ground made even, the ink as strong as it can be")
        steps.append(Step("contrast", text, made))
    return _framed(found, shape, layout, steps)


def _laid(share: Grey, layout: Framing) -> Images:
    """Ink, 0..1 (h, w), in the greys of the set: uint8 (h, w, 1)."""
    far = 255.0 if layout.ground <= 127.5 else 0.0
    levels: Images = np.rint(layout.ground + share * (far - layout.ground)).astype(np.uint8)
    return levels[..., None]


def _framed(found: Ink, shape: tuple[int, int, int], layout: Framing, steps: list[Step]) -> Images:
    """The drawing cut out, fitted into the box, and put where those of the set are."""
    h, w, _c = shape
    top, bottom, left, right = _box(found.drawn)
    cut = found.share[top:bottom, left:right]
    scale = min(layout.box[0] / cut.shape[0], layout.box[1] / cut.shape[1])
    size = (
        min(h, max(1, round(scale * cut.shape[0]))),
        min(w, max(1, round(scale * cut.shape[1]))),
    )
    thick = scale * thickness(found.drawn)
    if thick < layout.stroke:
        margin = (layout.stroke - thick) / 2 / scale  # pixels of the picture
        away = np.asarray(distance_transform_edt(~found.drawn[top:bottom, left:right]))
        cut = np.maximum(cut, np.clip(margin + 0.5 - away, 0, 1)).astype(np.float32)
        told = _("Strokes thickened from {found} to {wanted} pixels, as fine as they are in the data set")
        text = told.format(found=number(thick, 1), wanted=number(layout.stroke, 1))
        steps.append(Step("thickened", text, _laid(cut, layout)))
    small = resize(_laid(cut, layout)[None], size)[0]
    drawn = np.abs(small[..., 0].astype(np.float32) - layout.ground)
    at = _mass(drawn) if layout.by == "mass" and drawn.any() else ((size[0] - 1) / 2, (size[1] - 1) / 2)
    y, x = (
        min(max(0, round(wanted - found)), whole - part)
        for wanted, found, whole, part in zip(layout.centre, at, (h, w), size, strict=True)
    )
    made = np.full(shape, round(layout.ground), np.uint8)
    made[y : y + size[0], x : x + size[1]] = small
    told = (
        _("Cut out, fitted into {bh} × {bw} pixels, its centre of mass put where the set has it in {h} × {w}")
        if layout.by == "mass"
        else _("Cut out, fitted into {bh} × {bw} pixels, its middle put where the set has it in {h} × {w}")
    )
    steps.append(Step("framed", told.format(bh=layout.box[0], bw=layout.box[1], h=h, w=w), made))
    return made


def _box(ink: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Top, bottom, left and right of what is true; bottom and right are just beyond."""
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def _stroke(above: Grey) -> float:
    """Thickness of the strokes of a small image (h, w) of ink above its ground, pixels."""
    h, w = above.shape
    large = np.asarray(Image.fromarray(above).resize((FINER * w, FINER * h), Image.Resampling.BICUBIC))
    return thickness(large > large.max() / 2) / FINER


def _middle(box: tuple[int, int, int, int]) -> tuple[float, float]:
    top, bottom, left, right = box
    return (top + bottom - 1) / 2, (left + right - 1) / 2


def _mass(ink: Grey) -> tuple[float, float]:
    total = float(ink.sum())
    h, w = ink.shape
    return float(ink.sum(axis=1) @ np.arange(h)) / total, float(ink.sum(axis=0) @ np.arange(w)) / total
