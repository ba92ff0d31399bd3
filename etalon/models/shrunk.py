"""A feature map that shrinks to nothing: which layer, from which size, on which way."""

import re
import traceback
from collections.abc import Sequence
from typing import Any

from torch import nn

from etalon.errors import ModelError
from etalon.locales import _

SHRUNK = re.compile(
    r"output size would be|negative dimension|`cropping` argument should be smaller|output size is too small"
    r"|kernel size can't be greater than actual input size",
    re.IGNORECASE,
)
RECEIVED = (  # where the message says the size of the map, and which of the numbers are height and width
    (re.compile(r"inputs?[ ._]shape=[\[(]([^\])]*)"), slice(None, -1)),
    (re.compile(r"input size per channel: \(([^)]*)\)"), slice(None)),
    (re.compile(r"Given input size: \(([^)]*)\)"), slice(1, None)),
)


def shrunk(error: Exception) -> ModelError:
    """The refusal of a feature map that shrinks to nothing, from Keras's or torch's own error."""
    frames = (frame.f_locals.get("self") for frame, _line in traceback.walk_tb(error.__traceback__))
    modules = [one for one in frames if isinstance(one, nn.Module) or hasattr(one, "compute_output_shape")]
    size = _size_received(str(error))
    path = _path(modules)
    why = _("its input is only {size}: the feature map shrinks to nothing").format(size=size)
    if path:
        why = _("its input is only {size}: the feature map shrinks to nothing ({path})").format(size=size, path=path)
    remedy = _("Take out a convolution or a pooling, or keep the size with padding='same'.")
    return ModelError(_layer_phrase(modules), why, remedy)


def _layer_phrase(modules: Sequence[Any]) -> str:
    if not modules:
        return _("a layer of the model")
    layer = modules[-1]
    paths = modules[0].named_modules() if isinstance(modules[0], nn.Module) else ()
    name = getattr(layer, "name", "") or next((path for path, module in paths if module is layer), "")
    kind = type(layer).__name__
    window = getattr(layer, "pool_size", None) or getattr(layer, "kernel_size", None)
    if window is None:
        return _("layer {name} ({kind})").format(name=name, kind=kind)
    sizes = window if isinstance(window, Sequence) else (window, window)
    return _("layer {name} ({kind}, window {window})").format(
        name=name, kind=kind, window="x".join(str(size) for size in sizes)
    )


def _size_received(message: str) -> str:
    for pattern, part in RECEIVED:
        if found := pattern.search(message):
            return "x".join(re.findall(r"\d+", found[1])[part])
    return "?"


def _path(modules: Sequence[Any]) -> str:
    """The sizes of the maps from the image to the failing layer: "28x28 → 26x26 → 13x13"."""
    chain = next((one for one in modules if hasattr(one, "layers")), None)
    sizes: list[Sequence[int]] = []
    for layer in chain.layers if chain is not None else ():
        if layer is modules[-1] or _output_shape(layer) is None:
            break
        sizes += [layer.input.shape[1:-1]] if not sizes else []
        sizes.append(layer.output.shape[1:-1])
    texts = ["x".join(map(str, shape)) for shape in sizes]
    return " → ".join(text for k, text in enumerate(texts) if k == 0 or text != texts[k - 1])


def refuse_empty_maps(model: Any) -> None:
    """Refuse what some of Keras's layers let pass without a word.

    Raises:
        ModelError: a layer gives an empty tensor.
    """
    for layer in model.layers:
        shape = _output_shape(layer) or ()
        if 0 in shape:
            raise ModelError(
                _("layer {name} ({kind})").format(name=layer.name, kind=type(layer).__name__),
                _("its output has shape {shape}: nothing is left of the image").format(shape=shape),
                _("Take out a convolution or a pooling, or keep the size with padding='same'."),
            )


def _output_shape(layer: Any) -> tuple[int | None, ...] | None:
    """What a Keras layer gives for one image; None if called at several places, or not at all."""
    try:
        return tuple(layer.output.shape[1:])
    except (AttributeError, ValueError):
        return None
