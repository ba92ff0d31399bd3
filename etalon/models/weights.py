"""How many weights a model has: by layer, and by neuron or filter."""

import html
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import nn

from etalon.locales import _, number
from etalon.locales.columns import aligned
from etalon.models.checks import built
from etalon.models.describe import is_keras

if TYPE_CHECKING:
    import pandas as pd

BIASES = ("bias",)
KERNELS = ("kernel", "depthwise_kernel", "pointwise_kernel", "recurrent_kernel", "embeddings", "weight")
Shape = tuple[int | None, ...]
Field = tuple[tuple[float, ...], tuple[float, ...]]  # size and step of what a unit sees, in pixels, per axis


@dataclass(frozen=True)
class LayerWeights:
    """The weights of one layer.

    Attributes:
        name: the layer's name, with those of the models it is nested in.
        kind: its class.
        output_shape: what it gives for one image, without the batch axis; None where that is not known.
        weights: number of connection weights (kernels).
        biases: number of biases.
        other: what is neither: gamma, beta and moving statistics of a normalisation, slopes of a PReLU.
        trainable: how many of the total are trained.
        units: neurons or filters; None for layers without.
        per_unit: weights of one neuron or filter, its bias included: fan-in + 1.
        receptive_field: height and width, in pixels of the image, of what one output value depends on; None
            once the layers are no longer convolutions and poolings, or where it is not known.
    """

    name: str
    kind: str
    output_shape: Shape | None
    weights: int
    biases: int
    other: int
    trainable: int
    units: int | None
    per_unit: int | None
    receptive_field: tuple[int, ...] | None

    @property
    def total(self) -> int:
        """All the parameters of the layer."""
        return self.weights + self.biases + self.other


@dataclass(frozen=True)
class WeightsTable:
    """The weights of a model, layer after layer; shown as a table in a terminal and in a notebook."""

    model: str
    layers: tuple[LayerWeights, ...]

    @property
    def total(self) -> int:
        """All the parameters of the model."""
        return sum(layer.total for layer in self.layers)

    @property
    def trainable(self) -> int:
        """The parameters that training changes."""
        return sum(layer.trainable for layer in self.layers)

    def frame(self) -> "pd.DataFrame":
        """One row a layer; the columns are named in the language in force."""
        import pandas as pd

        columns = {
            _("layer"): [layer.name for layer in self.layers],
            _("kind"): [layer.kind for layer in self.layers],
            _("output"): [_sizes(layer.output_shape) for layer in self.layers],
            _("receptive field"): [_sizes(layer.receptive_field) for layer in self.layers],
            _("units"): pd.array([layer.units for layer in self.layers], dtype="Int64"),
            _("per unit"): pd.array([layer.per_unit for layer in self.layers], dtype="Int64"),
            _("weights"): [layer.weights for layer in self.layers],
            _("biases"): [layer.biases for layer in self.layers],
            _("other"): [layer.other for layer in self.layers],
            _("total"): [layer.total for layer in self.layers],
            _("trainable"): [layer.trainable for layer in self.layers],
        }
        return pd.DataFrame(columns)

    def __str__(self) -> str:
        return "\n".join([*aligned(self._cells(), left=range(4)), self._sum()])

    def _repr_html_(self) -> str:
        header, *rows = self._cells()
        head = "".join(f"<th>{html.escape(cell)}</th>" for cell in header)
        body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
        total = html.escape(self._sum())
        return f"<table><caption>{total}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def _cells(self) -> list[list[str]]:
        frame = self.frame()
        rows = [[_cell(value) for value in row] for row in frame.astype(object).itertuples(index=False)]
        return [list(map(str, frame.columns)), *rows]

    def _sum(self) -> str:
        return _("{total} parameters, of which {trainable} are trained").format(
            total=number(self.total, 0), trainable=number(self.trainable, 0)
        )


def weights(model: Any, *, image_shape: Sequence[int] | None = None) -> WeightsTable:
    """The weights of a Keras model or of a torch module.

    Args:
        model: keras.Model (Sequential or functional) or torch nn.Module. Of a module only the parameters are
            known, not the shapes that run through it.
        image_shape: (h, w, c), needed for a Keras model that was given no input shape.

    Raises:
        ModelError: neither of the two, or a Keras model that has no shapes yet and no image_shape to give it any.

    Example:
        >>> import keras
        >>> inputs, dense = keras.Input((784,)), keras.layers.Dense
        >>> weights(keras.Sequential([inputs, dense(256), dense(256), dense(10)])).total
        269322
    """
    model = built(model, image_shape)
    if not is_keras(model):
        return WeightsTable(type(model).__name__, tuple(_torch_rows(model)))
    return WeightsTable(model.name, tuple(_rows(model, "", _start(model.input_shape[1:]))[0]))


def _rows(model: Any, prefix: str, field: Field | None) -> tuple[list[LayerWeights], Field | None]:
    """The rows of a model that looks at `field`, and the field of what it gives."""
    from keras import Sequential

    chain = isinstance(model, Sequential)
    fields = {id(tensor): field for tensor in model.inputs}
    rows: list[LayerWeights] = []
    for layer in model.layers:
        if type(layer).__name__ == "InputLayer":
            continue
        if not chain:
            field = _widest([fields.get(place) for place in _tensors(layer, "input")])
        if hasattr(layer, "layers"):
            inner, field = _rows(layer, f"{prefix}{layer.name}/", field)
            rows += inner
        else:
            field = _after(layer, field)
            rows.append(_row(layer, prefix, field))
        fields |= dict.fromkeys(_tensors(layer, "output"), field)
    return rows, field


def _tensors(layer: Any, side: str) -> list[int]:
    """The ids of the tensors that a layer takes or gives; none for a layer called at several places."""
    from keras import tree

    try:
        return [id(tensor) for tensor in tree.flatten(getattr(layer, side))]
    except (AttributeError, ValueError):
        return []


def _row(layer: Any, prefix: str, field: Field | None) -> LayerWeights:
    weights, biases, other = 0, 0, 0
    for variable in layer.weights:
        size = math.prod(variable.shape)
        weights += size if variable.name in KERNELS else 0
        biases += size if variable.name in BIASES else 0
        other += size if variable.name not in (*KERNELS, *BIASES) else 0
    units = _units(layer)
    one_kernel = sum(variable.name in KERNELS for variable in layer.weights) == 1
    return LayerWeights(
        name=prefix + layer.name,
        kind=type(layer).__name__,
        output_shape=_output_shape(layer),
        weights=weights,
        biases=biases,
        other=other,
        trainable=sum(math.prod(variable.shape) for variable in layer.trainable_weights),
        units=units,
        per_unit=(weights + biases) // units if units and one_kernel else None,
        receptive_field=tuple(round(size) for size in field[0]) if field else None,
    )


def _units(layer: Any) -> int | None:
    """Neurons of a dense layer, filters of a convolution."""
    given = getattr(layer, "filters", None) or getattr(layer, "units", None)
    if given is None and hasattr(layer, "depth_multiplier"):
        return int(layer.kernel.shape[-2] * layer.depth_multiplier)
    return int(given) if given else None


def _output_shape(layer: Any) -> Shape | None:
    try:
        return tuple(layer.output.shape[1:])
    except (AttributeError, ValueError):  # called at several places, or gives several tensors
        return None


def _start(shape: Sequence[int | None]) -> Field | None:
    axes = len(shape) - 1
    return ((1.0,) * axes, (1.0,) * axes) if axes > 0 else None


def _after(layer: Any, field: Field | None) -> Field | None:
    """What one value after a layer depends on (Araujo, Norris and Sim, Distill 2019, equation 2)."""
    kind = type(layer).__name__
    if field is None or kind in ("Flatten", "Reshape", "Permute") or kind.startswith("Global") or "Attention" in kind:
        return None
    sizes, steps = field
    ones = (1,) * len(sizes)
    window = getattr(layer, "pool_size", None) or getattr(layer, "kernel_size", None) or ones
    if len(window) != len(sizes):
        return None
    if kind.startswith("UpSampling"):
        return sizes, tuple(step / factor for step, factor in zip(steps, layer.size, strict=True))
    strides = getattr(layer, "strides", None) or ones
    spread = getattr(layer, "dilation_rate", None) or ones
    if kind.endswith("Transpose"):
        window = [math.ceil(size / stride) for size, stride in zip(window, strides, strict=True)]
        strides = [1 / stride for stride in strides]
    grown = (s + (w - 1) * d * step for s, w, d, step in zip(sizes, window, spread, steps, strict=True))
    return tuple(grown), tuple(step * stride for step, stride in zip(steps, strides, strict=True))


def _widest(fields: Sequence[Field | None]) -> Field | None:
    known = [field for field in fields if field is not None]
    if not known or len(known) < len(fields):
        return None
    return tuple(map(max, zip(*(f[0] for f in known), strict=True))), tuple(
        map(max, zip(*(f[1] for f in known), strict=True))
    )


def _torch_rows(model: nn.Module) -> Iterator[LayerWeights]:
    seen: set[int] = set()
    for name, module in model.named_modules():
        own = {k: p for k, p in module.named_parameters(recurse=False) if id(p) not in seen}
        seen |= {id(parameter) for parameter in own.values()}
        if not own:
            continue
        kernel = own.get("weight")
        has_kernel = kernel is not None and kernel.ndim >= 2
        weights = kernel.numel() if kernel is not None and has_kernel else 0
        biases = own["bias"].numel() if has_kernel and "bias" in own else 0
        units = biases or getattr(module, "out_features", None) or getattr(module, "out_channels", None)
        total = sum(parameter.numel() for parameter in own.values())
        yield LayerWeights(
            name=name or type(module).__name__,
            kind=type(module).__name__,
            output_shape=None,
            weights=weights,
            biases=biases,
            other=total - weights - biases,
            trainable=sum(parameter.numel() for parameter in own.values() if parameter.requires_grad),
            units=units if has_kernel else None,
            per_unit=(weights + biases) // units if has_kernel and units else None,
            receptive_field=None,
        )


def _sizes(shape: Sequence[int | None] | None) -> str:
    return "" if shape is None else " × ".join("?" if size is None else str(size) for size in shape)


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return value
    return number(value, 0) if isinstance(value, int) else ""  # pandas.NA where a layer has no units
