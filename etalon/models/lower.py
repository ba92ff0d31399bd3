"""The lowering of a Keras 3 model to a torch network, and the way back of its weights."""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from math import prod
from typing import Any, NamedTuple, cast

from torch import Tensor, nn

from etalon.errors import ModelError
from etalon.locales import _
from etalon.models.lowering.activations import Activation, activation
from etalon.models.lowering.builders import KerasLayer, Shape
from etalon.models.lowering.general import ActivityPenalty, Reshape
from etalon.models.lowering.graph import (
    KerasModel,
    build,
    called_on,
    check_kind,
    describe,
    named_layers,
    named_variables,
    nodes,
    output_shape,
    revive,
)
from etalon.models.lowering.layers import module_for
from etalon.models.lowering.order import channels_last
from etalon.models.lowering.regularizers import regularizer
from etalon.models.lowering.schedule import Step, arrange
from etalon.models.lowering.weighted import Layout, Weighted
from etalon.models.network import Head, Network, TorchNetwork, check_weights, wrap

__all__ = [
    "KerasNetwork",
    "Network",
    "TorchNetwork",
    "lower",
    "named_layers",
    "named_variables",
    "rebuild",
    "wrap",
    "write_back",
]


class Final(NamedTuple):
    """An activation that the losses take into themselves, and its arguments on rows of logits."""

    name: Head
    arguments: dict[str, int]


HEADS = {"softmax": Final("softmax", {"dim": 1}), "sigmoid": Final("sigmoid", {})}


class Value(NamedTuple):
    """What flows between two steps: its number, and its shape in Keras's order, without the batch."""

    number: int
    shape: Shape


class KerasNetwork(Network):
    """A Keras model in torch: a flat list of steps, each a module that reads some slots and writes one.

    Randomness (dropout, noise, augmentation) comes from torch's global generator.

    Args:
        layers: the modules with weights, by name, in Keras's order.
        steps: in the order in which they run; slot 0 holds the input.
        output: the slot of the logits.
        head: the final activation.
        description: the Keras model, serialised.
    """

    def __init__(
        self, layers: Mapping[str, Weighted], steps: Sequence[Step], output: int, head: Head, description: str
    ) -> None:
        super().__init__()
        self.head, self.description = head, description
        self._names = tuple(layers)
        self._weighted = nn.ModuleList(layers.values())
        self._stages = nn.ModuleList(step.module for step in steps)
        self._places = tuple((step.reads, step.writes) for step in steps)
        self._output = output
        self._n_slots = 1 + max((step.writes for step in steps), default=0)

    def forward(self, x: Tensor) -> Tensor:
        slots: list[Any] = [None] * self._n_slots
        slots[0] = channels_last(x)
        for module, (reads, writes) in zip(self._stages, self._places, strict=True):
            slots[writes] = module(*[slots[i] for i in reads])
        logits: Tensor = slots[self._output]
        return logits

    def layers(self) -> dict[str, nn.Module]:
        return dict(self._own())

    def tensors(self) -> Iterator[tuple[str, Tensor, Layout]]:
        for name, module in self._own():
            for key, layout in module.layouts.items():
                yield f"{name}.{key}", getattr(module, key), layout

    def products(self) -> Iterator[nn.Parameter]:
        for _name, module in self._own():
            yield from (p for p in module.parameters() if module.products and p.requires_grad)

    def penalty(self) -> Tensor | None:
        found = [penalty for _, module in self._own() for penalty in module.penalties()]
        found += [s.value for s in self._stages if isinstance(s, ActivityPenalty) and s.value is not None]
        return sum(found[1:], found[0]) if found else None

    def constrain(self) -> None:
        for _name, module in self._own():
            module.constrain()

    def _own(self) -> Iterator[tuple[str, Weighted]]:
        yield from zip(self._names, cast(Iterable[Weighted], self._weighted), strict=True)


def lower(model: KerasModel, image_shape: tuple[int, int, int]) -> KerasNetwork:
    """A Keras model as a torch network that computes the same, with the model's present weights.

    Args:
        model: Sequential or functional, of any backend; a Sequential that is not built is built here.
        image_shape: (h, w, c) of the images. A model that takes them flat, (h * w * c,), or without their one channel,
            (h, w), gets them reshaped.

    Raises:
        ModelError: a layer or an option that is not supported, an input or an output that does not fit a classifier of
            such images.
    """
    build(model, image_shape)
    lowering = _Lowering(model)
    result = lowering.model(model, lowering.entry(model, tuple(image_shape)))
    if len(result.shape) != 1:
        raise ModelError(
            _("model {name} with outputs of shape {shape}").format(name=model.name, shape=result.shape),
            _("a classifier gives one row of numbers per image"),
            _("End it with Flatten or a global pooling, then Dense(number of classes)."),
        )
    output, head = lowering.set_head_apart(result.number)
    steps, slot = arrange(lowering.steps, output)
    return KerasNetwork(lowering.weighted, steps, slot, head, describe(model))


def write_back(network: Network, model: KerasModel) -> None:
    """Put the weights and moving statistics of a lowered network into the Keras model, or another one like it.

    Raises:
        ModelError: a model of another architecture.
    """
    weights, targets = network.weights(), named_variables(model)
    check_weights({name: tuple(variable.shape) for name, variable in targets.items()}, weights)
    for name, variable in targets.items():
        variable.assign(weights[name])


def rebuild(network: Network) -> KerasModel:
    """A new Keras model like the one that was lowered, with the network's present weights; not compiled.

    Raises:
        ModelError: a network that was not lowered from a Keras model.
    """
    if not isinstance(network, KerasNetwork):
        raise ModelError(
            _("the network of a torch module"),
            _("there is no Keras model behind it"),
            _("Save its weights() instead."),
        )
    model = revive(network.description)
    write_back(network, model)
    return model


class _Lowering:
    """The steps made so far, and the modules of the layers that have weights."""

    def __init__(self, model: KerasModel) -> None:
        self.steps: list[Step] = []
        layers = named_layers(model)
        self._names = {id(layer): name for name, layer in layers.items()}
        self._weighted: dict[str, Weighted] = {}
        self._made: dict[Hashable, nn.Module | None] = {}
        self._values = 1

    @property
    def weighted(self) -> dict[str, Weighted]:
        """The modules with weights, in Keras's order."""
        return {name: self._weighted[name] for name in self._names.values() if name in self._weighted}

    def entry(self, model: KerasModel, image_shape: Shape) -> Value:
        """The input, in the shape that the model takes."""
        wanted = tuple(model.input_shape[1:])
        if len(wanted) == 3 and all(w in (None, n) for w, n in zip(wanted, image_shape, strict=True)):
            return Value(0, image_shape)
        if len(wanted) < 3 and None not in wanted and prod(wanted) == prod(image_shape):
            return self.emit(Reshape(wanted), [Value(0, image_shape)], wanted)
        raise ModelError(
            _("model {name} with inputs of shape {shape}").format(name=model.name, shape=wanted),
            _("the images are {shape} (height, width, channels)").format(shape=image_shape),
            _("Begin the model with Input({shape}).").format(shape=image_shape),
        )

    def emit(self, module: nn.Module | None, values: Sequence[Value], shape: Shape) -> Value:
        """One more step; None is no step at all."""
        if module is None:
            return Value(values[0].number, shape)
        number, self._values = self._values, self._values + 1
        self.steps.append(Step(module, tuple(value.number for value in values), number))
        return Value(number, shape)

    def model(self, model: KerasModel, value: Value) -> Value:
        """All the layers of a Sequential, or all the nodes of a functional model."""
        check_kind(model)
        if hasattr(model, "add"):
            for layer in model.layers:
                value = self.call(layer, [value])
            return value
        values = {id(model.inputs[0]): value}
        for node in nodes(model):
            given = [values[id(tensor)] for tensor in called_on(node)]
            values[id(node.outputs[0])] = self.call(node.operation, given)
        return values[id(model.outputs[0])]

    def call(self, layer: KerasLayer, values: Sequence[Value]) -> Value:
        """One layer, or nested model, on these values: itself, its activation, the penalty on its activity."""
        import keras

        if isinstance(layer, keras.Model):
            return self.model(layer, values[0])
        shapes = [value.shape for value in values]
        value = self.emit(self._module(layer, shapes), values, output_shape(layer, shapes))
        function = getattr(layer, "activation", None)
        if isinstance(function, keras.Layer):
            value = self.call(function, [value])
        else:
            value = self.emit(activation(function, len(value.shape) + 1, layer.name), [value], value.shape)
        penalty = regularizer(getattr(layer, "activity_regularizer", None), layer.name)
        return self.emit(ActivityPenalty(penalty), [value], value.shape) if penalty else value

    def _module(self, layer: KerasLayer, shapes: Sequence[Shape]) -> nn.Module | None:
        """The module of a layer: one for each shape of input, all with the same weights."""
        key = (id(layer), tuple(shapes))
        if key not in self._made:
            module = module_for(layer, *shapes)
            if isinstance(module, Weighted) and id(layer) in self._names:
                first = self._weighted.setdefault(self._names[id(layer)], module)
                module.share(first)
            self._made[key] = module
        return self._made[key]

    def set_head_apart(self, output: int) -> tuple[int, Head]:
        """The value before the final softmax or sigmoid, and its name; the step stays only if a penalty reads it."""
        last = next((s for s in reversed(self.steps) if not isinstance(s.module, ActivityPenalty)), None)
        if last is None or not isinstance(last.module, Activation):
            return output, "linear"
        head = HEADS.get(last.module.name)
        if head is None or last.module.arguments != head.arguments:
            return output, "linear"
        if last is self.steps[-1]:
            self.steps.pop()
        return last.reads[0], head.name
