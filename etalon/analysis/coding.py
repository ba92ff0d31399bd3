"""How the images and their classes are coded, and what becomes of them on their way into a network."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from etalon.analysis.printed import Printed, cells
from etalon.data.dataset import Dataset
from etalon.locales import _, number
from etalon.locales.columns import Row
from etalon.models.factors import short
from etalon.models.weights import Shape
from etalon.study.variant import Candidate

if TYPE_CHECKING:
    import pandas as pd

VECTORS = ("Flatten", "Reshape")
PIXELS = ("Rescaling", "Normalization")
INTEGERS = "sparse_categorical_crossentropy"


@dataclass(frozen=True)
class Array:
    """One of the arrays of a dataset.

    Attributes:
        low, high: its least and greatest values.
        size: bytes.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    low: int
    high: int
    size: int


@dataclass(frozen=True, repr=False)
class Coding(Printed):
    """The arrays of a dataset: inputs and targets, to train and to test."""

    arrays: tuple[Array, ...]

    @property
    def caption(self) -> str:
        """What the table shows."""
        return _("How the arrays are coded")

    def frame(self) -> "pd.DataFrame":
        """A line an array; the columns are named in the language in force."""
        import pandas as pd

        names = {
            "x_train": _("inputs, train"),
            "y_train": _("targets, train"),
            "x_test": _("inputs, test"),
            "y_test": _("targets, test"),
        }
        rows = [
            {
                _("array"): names[one.name],
                _("type"): one.dtype,
                _("shape"): _sizes(one.shape),
                _("values"): f"{one.low}–{one.high}",
                _("images"): one.shape[0],
                _("size"): _("{size} MB").format(size=number(one.size / 1e6, 2)),
            }
            for one in self.arrays
        ]
        return pd.DataFrame(rows)

    def _cells(self) -> list[Row]:
        return cells(self.frame())

    def _texts(self) -> range:
        return range(4)


@dataclass(frozen=True)
class Step:
    """One thing that is done to images or targets.

    Attributes:
        what, why: in the language that was in force.
        dtype, shape, range: of one image, or of one target, once it is done.
    """

    what: str
    why: str
    dtype: str
    shape: tuple[int | None, ...]
    range: str


@dataclass(frozen=True, repr=False)
class Preparation(Printed):
    """What is done to images and targets before the first layer that learns."""

    variant: str
    steps: tuple[Step, ...]

    @property
    def caption(self) -> str:
        """What the table shows."""
        return _("What is done to images and targets, step by step")

    def frame(self) -> "pd.DataFrame":
        """A line a step; the columns are named in the language in force."""
        import pandas as pd

        rows = [
            {
                _("step"): step.what,
                _("why"): step.why,
                _("type"): step.dtype,
                _("shape of one"): _sizes(step.shape) if step.shape else _("a number"),
                _("values"): step.range,
            }
            for step in self.steps
        ]
        return pd.DataFrame(rows)

    def _cells(self) -> list[Row]:
        return cells(self.frame())

    def _texts(self) -> range:
        return range(5)


def coding(dataset: Dataset) -> Coding:
    """Types, shapes, ranges and sizes of the four arrays."""
    described = dataset.describe()
    arrays = []
    for name in ("train", "test"):
        part = dataset.part(name)
        shape = described.train_shape if name == "train" else described.test_shape
        x, y = part.x, part.y
        arrays.append(Array(f"x_{name}", str(x.dtype), shape, described.low, described.high, x.nbytes))
        arrays.append(Array(f"y_{name}", str(y.dtype), y.shape, int(y.min()), int(y.max()), y.nbytes))
    return Coding(tuple(arrays))


def preparation(candidate: Candidate, dataset: Dataset) -> Preparation:
    """What a variant does to the images and to the targets ahead of its first weights, and why."""
    recipe, shape = candidate.recipe, dataset.image_shape
    described = dataset.describe()
    values = f"{described.low}–{described.high}"
    steps = [Step(_("images as they are stored"), _("one byte a pixel"), described.dtype, shape, values)]
    if recipe.scale is None:
        why = _("no scaling was asked for: large inputs make large steps, and training is harder")
        steps.append(Step(_("to decimal numbers"), why, "float32", shape, values))
    else:
        low, high = (number(edge * recipe.scale, 0) for edge in (described.low, described.high))
        if abs(described.high * recipe.scale - round(described.high * recipe.scale)) > 1e-9:
            high = short(described.high * recipe.scale)
        why = _("weights start small and steps have one size: inputs of the order of 1 suit both")
        what = _("scaled by {scale}").format(scale=_ratio(recipe.scale))
        steps.append(Step(what, why, "float32", shape, f"{low}–{high}"))
    steps += _layers(candidate)
    steps.append(_targets(recipe.loss, dataset.n_classes))
    return Preparation(candidate.name, tuple(steps))


def _layers(candidate: Candidate) -> list[Step]:
    """The layers without weights to learn that change the image before the first that learns."""
    found = []
    for layer in candidate.weights.layers:
        if layer.kind in VECTORS:
            why = _("a dense layer takes a vector; what is lost is which pixels were neighbours")
            found.append(Step(layer.kind, why, "float32", _known(layer.output_shape), _("the same")))
        elif layer.kind in PIXELS:
            why = _("the model itself brings the pixels to a scale that suits it")
            found.append(Step(layer.kind, why, "float32", _known(layer.output_shape), _("scaled")))
        else:
            break
    return found


def _targets(loss: str, n_classes: int) -> Step:
    last = n_classes - 1
    if loss == INTEGERS:
        why = _("{loss} takes the number of the class as it is").format(loss=loss)
        return Step(_("targets left as whole numbers"), why, "int64", (), f"0–{last}")
    why = _(
        "{loss} compares {n} outputs with {n} values: 1 for the class, 0 elsewhere. The class numbers have no order "
        "that the network could use"
    ).format(loss=loss, n=n_classes)
    return Step(_("targets one-hot"), why, "float32", (n_classes,), _("0 or 1"))


def _known(shape: Shape | None) -> tuple[int | None, ...]:
    return shape or ()


def _ratio(scale: float) -> str:
    whole = round(1 / scale)
    return f"1/{whole}" if whole > 1 and abs(1 / scale - whole) < 1e-6 else short(scale)


def _sizes(shape: tuple[int | None, ...]) -> str:
    if len(shape) == 1:
        return number(shape[0] or 0, 0)
    return " × ".join("?" if size is None else number(size, 0) for size in shape)
