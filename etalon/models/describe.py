"""What an architecture is, apart from the names it was given: the ground for trial keys and for factors.

Two builds of one function give equal descriptions, although Keras numbers its layers anew each time.
"""

import hashlib
import inspect
import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from torch import nn

from etalon.errors import ModelError
from etalon.locales import _

Json = Any  # None, bool, int, float, str, list or dict of these
Places = tuple[int, ...]  # positions of layers
IMAGE = -1  # the place of the image among the layers that a layer reads
BUILD = "build"  # the setting of a torch module's description that holds its builder's source
RESHAPES = ("Flatten", "Reshape")


@dataclass(frozen=True)
class LayerDescription:
    """One layer, called once.

    Attributes:
        kind: its class ("Conv2D").
        config: its settings, JSON-able, without names, defaults of dtype and settings that are None.
        inputs: positions of the layers whose outputs it reads; -1 is the image.
    """

    kind: str
    config: Mapping[str, Json]
    inputs: Places


@dataclass(frozen=True)
class ModelDescription:
    """An architecture: its layers in topological order, nested models laid flat.

    Attributes:
        kind: "keras" or "torch".
        layers: one entry a call; a torch module is a single entry.
        outputs: positions of the layers that the model returns.
    """

    kind: str
    layers: tuple[LayerDescription, ...]
    outputs: Places

    def as_dict(self) -> dict[str, Json]:
        """The description as JSON holds it."""
        return dict(_plain(asdict(self)))


def is_keras(model: object) -> bool:
    """Whether `model` is a Keras model; keras is not imported to know it."""
    keras = sys.modules.get("keras")
    return keras is not None and isinstance(model, keras.Model)


def describe(model: Any, build: Callable[..., Any] | None = None) -> ModelDescription:
    """The description of a Keras model (Sequential or functional, built or not) or of a torch module.

    The ways to bring an image into a network are made one: `Input((784,))`, and `Input((28, 28, 1))` then
    `Flatten()`, are described alike. The input's size itself is not part of the description.

    Args:
        model: keras.Model or torch nn.Module.
        build: the function that returned a torch module; its source then belongs to the description.

    Raises:
        ModelError: neither of the two, or a Keras model written as a subclass.
    """
    if is_keras(model):
        return _describe_keras(model)
    if isinstance(model, nn.Module):
        return _describe_torch(model, build)
    raise ModelError(
        _("a {kind} instead of a model").format(kind=type(model).__name__),
        _("only Keras models and torch modules can be described"),
        _("Return a keras.Sequential, a functional keras.Model or a torch.nn.Module."),
    )


def digest(description: ModelDescription) -> str:
    """The sha256 (hex) of a description; equal for equal architectures, in any process."""
    text = json.dumps(description.as_dict(), sort_keys=True, ensure_ascii=False)
    return _hash(text)


def _describe_keras(model: Any) -> ModelDescription:
    try:
        config = model.get_config()
    except NotImplementedError as error:
        raise ModelError(
            _("model {name}").format(name=model.name),
            _("one of its layers does not say how it is set: {error}").format(error=error),
            _("Give that layer a get_config method, or return a torch.nn.Module."),
        ) from error
    if "layers" not in config:
        raise ModelError(
            _("a model of class {kind}, a subclass of keras.Model").format(kind=type(model).__name__),
            _("its layers and the way they are joined cannot be read from it"),
            _("Return a keras.Sequential, a functional keras.Model or a torch.nn.Module."),
        )
    layers: list[LayerDescription] = []
    outputs = _walk(config, (IMAGE,), layers)
    return _with_plain_entry(ModelDescription("keras", tuple(layers), outputs), _input_shape(config))


def _walk(config: Mapping[str, Any], feeds: Places, layers: list[LayerDescription]) -> Places:
    """Append the layers of a model's config, which reads the layers `feeds`; returns what it gives out."""
    if "input_layers" in config:
        return _walk_functional(config, feeds, layers)
    for entry in config["layers"]:
        if entry["class_name"] != "InputLayer":
            feeds = _call(entry, feeds, {}, layers)
    return feeds


def _walk_functional(config: Mapping[str, Any], feeds: Places, layers: list[LayerDescription]) -> Places:
    given = dict(zip((ref[:2] for ref in _references(config["input_layers"])), feeds, strict=True))
    first_call: dict[str, int] = {}
    waiting = [
        (entry, number, node)
        for entry in config["layers"]
        if entry["class_name"] != "InputLayer"
        for number, node in enumerate(entry["inbound_nodes"])
    ]
    done: dict[tuple[str, int, int], int] = {(*key, 0): place for key, place in given.items()}
    while waiting:
        ready = next(item for item in waiting if all(ref in done for ref in _references(item[2])))
        waiting.remove(ready)
        entry, number, node = ready
        name = entry["name"]
        reads = tuple(done[ref] for ref in _references(node))
        extra = _call_arguments(node)
        if name in first_call:
            layers.append(LayerDescription("Shared", {"layer": first_call[name], **extra}, reads))
            outputs: Places = (len(layers) - 1,)
        else:
            outputs = _call(entry, reads, extra, layers)
            first_call[name] = outputs[0]
        done |= {(name, number, k): place for k, place in enumerate(outputs)}
        if len(outputs) == 1:  # a layer that returns several tensors is one place
            done |= {(name, number, k): outputs[0] for k in range(1, 8)}
    return tuple(done[ref] for ref in _references(config["output_layers"]))


def _call(entry: Mapping[str, Any], feeds: Places, extra: Mapping[str, Json], layers: list[LayerDescription]) -> Places:
    config = entry["config"]
    if isinstance(config.get("layers"), list):
        return _walk(config, feeds, layers)
    kind = entry["class_name"]
    layers.append(LayerDescription(kind, {**_canonical_config(config), **extra}, feeds))
    return (len(layers) - 1,)


def _references(value: Any) -> list[tuple[str, int, int]]:
    """The (layer, call, tensor) that a config's node, input_layers or output_layers refer to, in order."""
    if isinstance(value, Mapping):
        if value.get("class_name") == "__keras_tensor__":
            return _references(value["config"]["keras_history"])
        return [ref for item in value.values() for ref in _references(item)]
    if isinstance(value, (list, tuple)):
        if len(value) == 3 and isinstance(value[0], str):
            return [(value[0], int(value[1]), int(value[2]))]
        return [ref for item in value for ref in _references(item)]
    return []


def _call_arguments(node: Mapping[str, Any]) -> dict[str, Json]:
    """What a layer is called with besides tensors, as the 2 of `x * 2`; empty for a plain call."""

    def outline(value: Any) -> Json:
        if isinstance(value, Mapping):
            if value.get("class_name") == "__keras_tensor__":
                return {"tensor": value["config"]["keras_history"][2]}
            return {key: outline(item) for key, item in value.items() if item is not None}
        return [outline(item) for item in value] if isinstance(value, (list, tuple)) else _plain(value)

    arguments, tensor = outline(node["args"]), {"tensor": 0}
    keywords = outline(node.get("kwargs", {}))
    plain = len(arguments) == 1 and (arguments[0] == tensor or all(item == tensor for item in arguments[0]))
    return {} if plain and not keywords else {"call": [arguments, keywords]}


def _canonical_config(config: Mapping[str, Any]) -> dict[str, Json]:
    kept = {key: _canonical(value) for key, value in config.items() if key not in ("name", "dtype")}
    dtype = _canonical(config.get("dtype"))
    name = dtype.get("config", {}).get("name") if isinstance(dtype, dict) else dtype
    kept["dtype"] = None if name == "float32" else name
    neutral = {"trainable": True, "data_format": "channels_last"}
    return {key: value for key, value in kept.items() if value is not None and neutral.get(key) != value}


def _canonical(value: Any) -> Json:
    """A value of a config: objects lose their names, their None, and the module of Keras's own classes."""
    if not isinstance(value, Mapping):
        return [_canonical(item) for item in value] if isinstance(value, (list, tuple)) else _plain(value)
    if "class_name" not in value:
        return {str(key): _canonical(item) for key, item in value.items() if item is not None}
    inner = value.get("config")
    policy = value["class_name"] == "DTypePolicy"
    settings = _canonical(inner) if policy or not isinstance(inner, Mapping) else _canonical_config(inner)
    own = str(value.get("module") or "keras").split(".")[0] == "keras"
    place = {} if own else {"module": value["module"]}
    return {"class_name": value["class_name"], "config": settings, **place}


def _plain(value: Any) -> Json:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value if isinstance(value, (bool, int, float, str, type(None))) else repr(value)


def _input_shape(config: Mapping[str, Any]) -> tuple[int | None, ...] | None:
    for entry in config["layers"]:
        if entry["class_name"] == "InputLayer":
            return tuple(entry["config"]["batch_shape"][1:])
        if isinstance(entry["config"].get("layers"), list):
            return _input_shape(entry["config"])
    return None


def _with_plain_entry(model: ModelDescription, shape: tuple[int | None, ...] | None) -> ModelDescription:
    """Replace the input's shape and the reshapings that open the model by one layer at most."""
    if shape is None or None in shape:
        return model
    entry: tuple[int, ...] = tuple(size for size in shape if size is not None)
    first = 0
    for place, layer in enumerate(model.layers):
        readers = [other for other in model.layers if place - 1 in other.inputs]
        if layer.kind not in RESHAPES or layer.inputs != (place - 1,) or readers != [layer]:
            break
        if "data_format" in layer.config or place in model.outputs:
            break
        entry, first = _reshaped(layer, entry), place + 1
    opening = _opening(entry, tuple(size for size in shape if size is not None))
    shift = len(opening) - first
    kept = (
        LayerDescription(layer.kind, _moved(layer, shift), tuple(i + shift for i in layer.inputs))
        for layer in model.layers[first:]
    )
    return ModelDescription(model.kind, (*opening, *kept), tuple(place + shift for place in model.outputs))


def _moved(layer: LayerDescription, shift: int) -> Mapping[str, Json]:
    shared = layer.kind == "Shared"
    return {**layer.config, "layer": layer.config["layer"] + shift} if shared else layer.config


def _reshaped(layer: LayerDescription, shape: Sequence[int]) -> tuple[int, ...]:
    if layer.kind == "Flatten":
        return (math.prod(shape),)
    target = [int(size) for size in layer.config["target_shape"]]
    rest = math.prod(shape) // max(1, math.prod(size for size in target if size != -1))
    return tuple(rest if size == -1 else size for size in target)


def _opening(entry: tuple[int, ...], shape: tuple[int, ...]) -> tuple[LayerDescription, ...]:
    if len(entry) == 1:
        return (LayerDescription("Flatten", {}, (IMAGE,)),)
    same = [size for size in entry if size != 1] == [size for size in shape if size != 1]
    if len(entry) == 3 and same:
        return ()
    return (LayerDescription("Reshape", {"target_shape": list(entry)}, (IMAGE,)),)


def _describe_torch(model: nn.Module, build: Callable[..., Any] | None) -> ModelDescription:
    classes = {type(module) for module in model.modules()}
    own = sorted((c for c in classes if not c.__module__.startswith("torch.")), key=lambda c: c.__qualname__)
    config = {
        "repr": repr(model),
        "attributes": dict(_attributes(model)),
        "shapes": {name: list(tensor.shape) for name, tensor in model.state_dict().items()},
        "source": _hash("\n".join(map(_source, own))),
        BUILD: _hash(_source(build)) if build else "",
    }
    kind = f"{type(model).__module__}.{type(model).__qualname__}"
    return ModelDescription("torch", (LayerDescription(kind, config, (IMAGE,)),), (0,))


def _attributes(model: nn.Module) -> Iterator[tuple[str, Json]]:
    """Plain values that a module keeps, and that its repr may not show."""
    for path, module in model.named_modules():
        for name, value in sorted(vars(module).items()):
            if name != "training" and not name.startswith("_") and _is_plain(value):
                yield f"{path}.{name}", _plain(value)


def _is_plain(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    return isinstance(value, (bool, int, float, str, type(None)))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _source(item: Any) -> str:
    """The source of a class or function; its bytecode where there is no file, as in a console."""
    item = getattr(item, "func", item)
    try:
        return inspect.getsource(item)
    except (OSError, TypeError):
        functions = vars(item).values() if isinstance(item, type) else (item,)
        codes = [f.__code__ for f in functions if hasattr(f, "__code__")]
        return "".join(f"{c.co_name}{c.co_code.hex()}{c.co_names}" for c in codes)
