"""The ways of varying training images, as settings: plain values that go into a recipe and into JSON."""

from typing import Annotated, Literal

from pydantic import Field

from etalon.data.settings import Setting

Fill = Literal["constant", "reflect", "nearest", "wrap"]


class Rotation(Setting):
    """Turn by an angle drawn uniformly in ±`degrees`; `fill` says what comes in at the edges."""

    kind: Literal["rotation"] = "rotation"
    degrees: float = Field(default=15.0, gt=0, le=180)
    fill: Fill = "constant"


class Zoom(Setting):
    """Enlarge or shrink by a factor drawn uniformly in 1 ± `amount`, the same for height and width."""

    kind: Literal["zoom"] = "zoom"
    amount: float = Field(default=0.1, gt=0, lt=1)
    fill: Fill = "constant"


class Shift(Setting):
    """Move by a share of the height and one of the width, each drawn uniformly in ±`amount`."""

    kind: Literal["shift"] = "shift"
    amount: float = Field(default=0.1, gt=0, lt=1)
    fill: Fill = "constant"


class Shear(Setting):
    """Slant horizontally by an angle drawn uniformly in ±`degrees`."""

    kind: Literal["shear"] = "shear"
    degrees: float = Field(default=10.0, gt=0, lt=90)
    fill: Fill = "constant"


class Flip(Setting):
    """Mirror one time in two, left to right and, if asked, top to bottom."""

    kind: Literal["flip"] = "flip"
    horizontal: bool = True
    vertical: bool = False


class Noise(Setting):
    """Add Gaussian noise of standard deviation `sigma` (1 is the whole range of the pixels)."""

    kind: Literal["noise"] = "noise"
    sigma: float = Field(default=0.1, gt=0, le=1)


class Cutout(Setting):
    """Blacken a rectangle of `size` times each side, centred anywhere (DeVries & Taylor 2017)."""

    kind: Literal["cutout"] = "cutout"
    size: float = Field(default=0.25, gt=0, le=1)


class Brightness(Setting):
    """Add a share of the range of the pixels drawn uniformly in ±`amount`."""

    kind: Literal["brightness"] = "brightness"
    amount: float = Field(default=0.2, gt=0, le=1)


class Contrast(Setting):
    """Multiply the distance to the mean of the image by a factor drawn uniformly in 1 ± `amount`."""

    kind: Literal["contrast"] = "contrast"
    amount: float = Field(default=0.2, gt=0, le=1)


Geometric = Rotation | Zoom | Shift | Shear | Flip
Augmentation = Annotated[
    Rotation | Zoom | Shift | Shear | Flip | Noise | Cutout | Brightness | Contrast,
    Field(discriminator="kind"),
]
