"""The ways of varying training images, as settings: plain values that go into a recipe and into JSON."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ModelWrapValidatorHandler, ValidationError, model_validator

from etalon.errors import RecipeError
from etalon.locales import _

Fill = Literal["constant", "reflect", "nearest", "wrap"]


class _Spec(BaseModel):
    """A frozen setting; a value that has no meaning is a RecipeError."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="wrap")
    @classmethod
    def _refuse(cls, values: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(values)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(step) for step in first["loc"])
            raise RecipeError(
                f"{cls.__name__}({place}={first['input']!r})",
                first["msg"],
                _("{name} takes {fields}.").format(
                    name=cls.__name__, fields=", ".join(sorted(set(cls.model_fields) - {"kind"}))
                ),
            ) from error


class Rotation(_Spec):
    """Turn by an angle drawn uniformly in ±`degrees`; `fill` says what comes in at the edges."""

    kind: Literal["rotation"] = "rotation"
    degrees: float = Field(default=15.0, gt=0, le=180)
    fill: Fill = "constant"


class Zoom(_Spec):
    """Enlarge or shrink by a factor drawn uniformly in 1 ± `amount`, the same for height and width."""

    kind: Literal["zoom"] = "zoom"
    amount: float = Field(default=0.1, gt=0, lt=1)
    fill: Fill = "constant"


class Shift(_Spec):
    """Move by a share of the height and one of the width, each drawn uniformly in ±`amount`."""

    kind: Literal["shift"] = "shift"
    amount: float = Field(default=0.1, gt=0, lt=1)
    fill: Fill = "constant"


class Shear(_Spec):
    """Slant horizontally by an angle drawn uniformly in ±`degrees`."""

    kind: Literal["shear"] = "shear"
    degrees: float = Field(default=10.0, gt=0, lt=90)
    fill: Fill = "constant"


class Flip(_Spec):
    """Mirror one time in two, left to right and, if asked, top to bottom."""

    kind: Literal["flip"] = "flip"
    horizontal: bool = True
    vertical: bool = False


class Noise(_Spec):
    """Add Gaussian noise of standard deviation `sigma` (1 is the whole range of the pixels)."""

    kind: Literal["noise"] = "noise"
    sigma: float = Field(default=0.1, gt=0, le=1)


class Cutout(_Spec):
    """Blacken a rectangle of `size` times each side, centred anywhere (DeVries & Taylor 2017)."""

    kind: Literal["cutout"] = "cutout"
    size: float = Field(default=0.25, gt=0, le=1)


class Brightness(_Spec):
    """Add a share of the range of the pixels drawn uniformly in ±`amount`."""

    kind: Literal["brightness"] = "brightness"
    amount: float = Field(default=0.2, gt=0, le=1)


class Contrast(_Spec):
    """Multiply the distance to the mean of the image by a factor drawn uniformly in 1 ± `amount`."""

    kind: Literal["contrast"] = "contrast"
    amount: float = Field(default=0.2, gt=0, le=1)


Geometric = Rotation | Zoom | Shift | Shear | Flip
Augmentation = Annotated[
    Rotation | Zoom | Shift | Shear | Flip | Noise | Cutout | Brightness | Contrast,
    Field(discriminator="kind"),
]
