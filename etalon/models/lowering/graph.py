"""Reading a Keras model: what kind it is, its nodes, its layers and their variables by stable names."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from etalon.errors import ModelError
from etalon.locales import _
from etalon.models.lowering.builders import KerasLayer, Shape, variables

KerasModel = Any
Node = Any


def build(model: KerasModel, image_shape: Shape) -> None:
    """Build a Sequential that is not built yet, for images of that shape.

    Raises:
        ModelError: not a Keras model, or layers that cannot follow one another on such images.
    """
    import keras

    if isinstance(model, keras.Model) and not model.built:
        try:
            model.build((None, *image_shape))
        except ValueError as error:
            raise ModelError(
                _("model {name} on images of shape {shape}").format(name=model.name, shape=tuple(image_shape)),
                _("Keras cannot build it: {error}").format(error=str(error).strip().splitlines()[0]),
                _("Begin the model with Input({shape}), and look at model.summary().").format(shape=tuple(image_shape)),
            ) from error
    check_kind(model)


def check_kind(model: KerasModel) -> None:
    """Refuse what is neither Sequential nor functional, or has several inputs or outputs.

    Raises:
        ModelError: it says which of these.
    """
    import keras

    remedy = _("Give a Sequential or functional Keras model, or a torch nn.Module.")
    name = getattr(model, "name", type(model).__name__)
    if not isinstance(model, keras.Sequential) and not hasattr(model, "_nodes_by_depth"):
        raise ModelError(
            _("model {name} ({kind})").format(name=name, kind=type(model).__name__),
            _("its layers cannot be read from a model that is neither Sequential nor functional"),
            remedy,
        )
    n_inputs, n_outputs = len(model.inputs or [0]), len(model.outputs or [0])
    if (n_inputs, n_outputs) != (1, 1):
        raise ModelError(
            _("model {name} with {inputs} inputs and {outputs} outputs").format(
                name=name, inputs=n_inputs, outputs=n_outputs
            ),
            _("a classifier takes one image and gives one answer"),
            remedy,
        )


def nodes(model: KerasModel) -> Iterator[Node]:
    """The calls of a functional model, each after those whose results it takes."""
    for depth in sorted(model._nodes_by_depth, reverse=True):
        yield from (node for node in model._nodes_by_depth[depth] if not node.is_input)


def called_on(node: Node) -> list[Any]:
    """The tensors that a layer was called on.

    A `training=` given in the call is passed over, as Keras does: that of `fit` and `predict` takes its place.

    Raises:
        ModelError: any other argument than tensors.
    """
    tensors = list(node.input_tensors)
    others = {key: value for key, value in node.arguments.kwargs.items() if key != "training"}
    for value in (*_flat(node.arguments.args), *_flat(list(others.values()))):
        if value is not None and all(value is not tensor for tensor in tensors):
            raise ModelError(
                _("a call of {name} with {argument}").format(name=node.operation.name, argument=repr(value)),
                _("only a call on tensors can be carried over"),
                _("Use a layer for it, or return a torch nn.Module instead of a Keras model."),
            )
    return tensors


def output_shape(layer: KerasLayer, shapes: Sequence[Shape]) -> Shape:
    """The shape of what a layer (or an operation such as `x + y`) returns, without the batch."""
    if not hasattr(layer, "compute_output_shape"):
        return np.broadcast_shapes(*shapes)
    batched = [(None, *shape) for shape in shapes]
    return tuple(layer.compute_output_shape(batched[0] if len(batched) == 1 else batched)[1:])


def describe(model: KerasModel) -> str:
    """A built model in JSON, without its weights and how it was compiled."""
    import keras

    kind = "Sequential" if isinstance(model, keras.Sequential) else "Model"
    return json.dumps([kind, keras.saving.serialize_keras_object(model.get_config())])


def revive(description: str) -> KerasModel:
    """The model that `describe` described, built, with fresh weights."""
    import keras

    kind, config = json.loads(description)
    return getattr(keras, kind).from_config(config)


def named_layers(model: KerasModel) -> dict[str, KerasLayer]:
    """The layers of a built model that have weights, nested models opened, by names that depend on nothing else.

    A name is the position among these layers, and the class: "0.conv2d", "1.batch_normalization".
    """
    found = {id(layer): layer for layer in _leaves(model) if variables(layer)}
    return {f"{i}.{_snake_case(type(layer).__name__)}": layer for i, layer in enumerate(found.values())}


def named_variables(model: KerasModel) -> dict[str, Any]:
    """The Keras variables of a built model under the names of `Network.weights()`, in the same order."""
    return {
        f"{name}.{key}": variable
        for name, layer in named_layers(model).items()
        for key, variable in variables(layer).items()
    }


def _leaves(model: KerasModel) -> Iterator[KerasLayer]:
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _leaves(layer)
        else:
            yield layer


def _flat(values: Sequence[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, list | tuple):
            yield from _flat(value)
        else:
            yield value


def _snake_case(name: str) -> str:
    """Keras's rule: Conv2D is conv2d, BatchNormalization is batch_normalization."""
    apart = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub("([a-z])([A-Z])", r"\1_\2", apart).lower()
