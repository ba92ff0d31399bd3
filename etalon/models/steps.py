"""An architecture as a sequence of steps, activations apart: what factors are found among."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from etalon.models.describe import IMAGE, Json, LayerDescription, ModelDescription, Places

Family = Literal["architecture", "regularisation", "hyperparameters", "augmentation", "strategy"]
FUSED = ("Conv", "Dense")  # kinds of layers in which Keras lets one write the activation that follows
ACTIVATIONS = {"ReLU": "relu", "LeakyReLU": "leaky_relu", "PReLU": "prelu", "ELU": "elu", "Softmax": "softmax"}
ACTIVATION_DEFAULTS: Mapping[str, Mapping[str, Json]] = {
    "relu": {"negative_slope": 0.0, "threshold": 0.0},
    "elu": {"alpha": 1.0},
    "softmax": {"axis": -1},
}
ROLES: Mapping[str, tuple[str, ...]] = {
    "layers": ("Conv1D", "Conv2D", "SeparableConv2D", "DepthwiseConv2D", "Conv2DTranspose"),
    "pooling": ("MaxPooling2D", "AveragePooling2D", "MaxPooling1D", "AveragePooling1D"),
    "reduction": ("Flatten", "GlobalAveragePooling2D", "GlobalMaxPooling2D"),
    "merge": ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate"),
}
LABELLED = ("filters", "units", "kernel_size", "pool_size", "rate", "stddev", "negative_slope", "factor",
            "height_factor", "width_factor", "mode", "scale", "target_shape", "max_value")  # fmt: skip
REGULARISATION = ("BatchNormalization", "LayerNormalization", "GroupNormalization", "UnitNormalization",
                  "Dropout", "SpatialDropout1D", "SpatialDropout2D", "AlphaDropout", "GaussianDropout",
                  "GaussianNoise", "ActivityRegularization")  # fmt: skip


@dataclass(frozen=True)
class Step:
    """A layer, or the activation that a layer applies, as factors are found among them.

    Attributes:
        kind: the layer's class; "Activation" for all activations, whose config has a "function".
        config: its settings.
        place: position of the layer in its description.
        reads: positions, among the steps, of those it reads; -1 is the image.
    """

    kind: str
    config: Mapping[str, Json]
    place: int
    reads: Places

    @property
    def family(self) -> Family:
        """The family of what one does in adding it."""
        if self.kind in REGULARISATION:
            return "regularisation"
        return "augmentation" if self.kind.startswith("Random") else "architecture"

    @property
    def role(self) -> str:
        """What a step of another kind must share to be its replacement."""
        named = (role for role, kinds in ROLES.items() if self.kind in kinds)
        return self.family if self.family != "architecture" else next(named, self.kind)

    def like(self, other: "Step") -> bool:
        """Whether both are of one kind and set alike."""
        return self.kind == other.kind and self.config == other.config

    def label(self) -> str:
        """How one writes it in short: "Conv2D(64, 3x3)", "Dropout(0.25)", "leaky_relu(0.3)"."""
        config = self.config
        values = [_short(config[key]) for key in LABELLED if config.get(key) not in (None, True, False)]
        if self.kind.endswith(("Pooling2D", "Pooling1D")) and "pool_size" in config:
            values = [] if set(config["pool_size"]) == {2} else values
        name = config["function"] if self.kind == "Activation" else self.kind
        return f"{name}({', '.join(values)})" if values else str(name)


def steps(model: ModelDescription) -> list[Step]:
    """The layers, an activation being a step of its own wherever it was written.

    A last layer without activation is given a softmax: the loss is computed from logits in both cases.
    """
    found: list[Step] = []
    last: dict[int, int] = {IMAGE: IMAGE}  # the step that ends each layer
    for place, layer in enumerate(model.layers):
        reads = tuple(last[read] for read in layer.inputs)
        activation = activation_of(layer)
        if place in model.outputs and activation == {"function": "linear"}:
            activation = {"function": "softmax"}
        if activation is None or layer.kind not in (*ACTIVATIONS, "Activation"):
            fused = ("activation",) if activation else ()
            rest = {key: value for key, value in layer.config.items() if key not in fused}
            found.append(Step(layer.kind, rest, place, reads))
            reads = (len(found) - 1,)
        if activation is not None and activation["function"] != "linear":
            found.append(Step("Activation", activation, place, reads))
            reads = (len(found) - 1,)
        last[place] = reads[0]
    return found


def activation_of(layer: LayerDescription) -> dict[str, Json] | None:
    """The activation that a layer applies, {"function": name, settings...}; None for layers that apply none."""
    if layer.kind in ACTIVATIONS:
        return _activation({"class_name": layer.kind, "config": layer.config})
    if layer.kind == "Activation" or any(part in layer.kind for part in FUSED):
        return _activation(layer.config.get("activation", "linear"))
    return None


def _activation(value: Json) -> dict[str, Json]:
    if value == "leaky_relu":
        return {"function": "leaky_relu", "negative_slope": 0.2}  # Keras's default for the function, not the layer
    if isinstance(value, str):
        return {"function": value}
    function = ACTIVATIONS.get(value.get("class_name"), str(value.get("config")))
    defaults = ACTIVATION_DEFAULTS.get(function, {})
    settings = value["config"] if isinstance(value.get("config"), Mapping) else {}
    return {"function": function, **{key: v for key, v in settings.items() if defaults.get(key) != v}}


def _short(value: Json) -> str:
    if isinstance(value, list):
        symmetric = len(value) == 2 and isinstance(value[0], float) and value[0] == -value[1]
        return _short(value[1]) if symmetric else "x".join(map(_short, value))  # Keras makes ±0.1 of 0.1
    return f"{value:g}" if isinstance(value, (int, float)) else str(value)


def block_label(block: Sequence[Step]) -> str:
    """A run of steps, activations left out unless there is nothing else: "Conv2D(64, 3x3), MaxPooling2D"."""
    layers = [step for step in block if step.kind != "Activation"]
    return ", ".join(step.label() for step in layers or block)


def object_label(value: Mapping[str, Json]) -> str:
    """A serialised Keras object as one writes it, "L2(0.01)"; other settings as "patience=3"."""
    name = value.get("class_name") or value.get("kind")
    if name is None:
        return ", ".join(f"{key}={_short(item)}" for key, item in value.items() if item is not None)
    settings = value.get("config", {}).values()
    numbers = [f"{item:g}" for item in settings if isinstance(item, (int, float)) and not isinstance(item, bool)]
    return f"{name}({', '.join(numbers)})" if numbers else str(name)
