"""What the table of `layers` calls: from a Keras layer to the torch module that does the same.

Each takes the layer and the shapes of its inputs (Keras's order, without the batch), and leaves out the layer's
`activation` and its regularizer of activity, which `lower` adds for all layers alike. None: nothing to do.
"""

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from etalon.errors import ModelError
from etalon.locales import _
from etalon.models.lowering import activations
from etalon.models.lowering.activations import Activation, elementwise
from etalon.models.lowering.general import (
    Concatenate,
    Dropout,
    GaussianDropout,
    GaussianNoise,
    Linear,
    Merge,
    Permute,
    PRelu,
    Reshape,
)
from etalon.models.lowering.normalization import BatchNorm, GroupNorm, LayerNorm, Rescale, Standardize
from etalon.models.lowering.order import torch_axis
from etalon.models.lowering.regularizers import constraint, regularizer
from etalon.models.lowering.spatial import (
    Convolution,
    Convolution1D,
    GlobalPool,
    Pad,
    Pairs,
    Pool,
    Resize,
    SeparableConvolution,
    TransposedConvolution,
    same_padding,
    transposed_crops,
)
from etalon.models.lowering.weighted import Variable

Shape = tuple[int, ...]
KerasLayer = Any
Builder = Callable[..., nn.Module | None]


def variables(layer: KerasLayer) -> dict[str, Any]:
    """The Keras variables of a layer that hold weights or statistics, by name, in Keras's order."""
    return {v.name: v for v in layer.weights if "float" in str(v.dtype)}


def read(layer: KerasLayer) -> dict[str, Variable]:
    """The values of a layer's variables, and what is said of them, without Keras."""
    from keras.ops import convert_to_numpy

    return {
        name: Variable(
            np.array(convert_to_numpy(v), np.float32),
            bool(v.trainable),
            regularizer(v.regularizer, layer.name),
            constraint(v.constraint, layer.name),
        )
        for name, v in variables(layer).items()
    }


def refuse(layer: KerasLayer, option: str) -> ModelError:
    """The error for a layer that is supported, with an option that is not."""
    return ModelError(
        _("layer {name} ({kind}) with {option}").format(name=layer.name, kind=type(layer).__name__, option=option),
        _("this option is not supported"),
        _("Leave it out, or return a torch nn.Module instead of a Keras model."),
    )


def nothing(layer: KerasLayer, shape: Shape) -> None:
    """A layer that lets its input through."""


def dense(layer: KerasLayer, shape: Shape) -> Linear:
    return Linear(read(layer), rank=len(shape) + 1)


def _padding(layer: KerasLayer, window: Shape, dilation: Shape, shape: Shape) -> Pairs:
    if layer.padding == "causal":
        return [((window[0] - 1) * dilation[0], 0)]
    if layer.padding == "valid":
        return [(0, 0)] * len(window)
    return [same_padding(n, k, s, d) for n, k, s, d in zip(shape, window, layer.strides, dilation, strict=False)]


def convolution(layer: KerasLayer, shape: Shape) -> Convolution:
    kind = Convolution if len(layer.kernel_size) == 2 else Convolution1D
    return kind(
        read(layer),
        padding=_padding(layer, layer.kernel_size, layer.dilation_rate, shape),
        strides=tuple(layer.strides),
        dilation=tuple(layer.dilation_rate),
        groups=getattr(layer, "groups", 0),
    )


def separable_conv2d(layer: KerasLayer, shape: Shape) -> SeparableConvolution:
    return SeparableConvolution(
        read(layer),
        padding=_padding(layer, layer.kernel_size, layer.dilation_rate, shape),
        strides=tuple(layer.strides),
        dilation=tuple(layer.dilation_rate),
    )


def conv2d_transpose(layer: KerasLayer, shape: Shape) -> TransposedConvolution:
    crops = [
        transposed_crops(k, s, d, layer.padding, extra)
        for k, s, d, extra in zip(
            layer.kernel_size, layer.strides, layer.dilation_rate, layer.output_padding or (None, None), strict=True
        )
    ]
    return TransposedConvolution(
        read(layer), crops=crops, strides=tuple(layer.strides), dilation=tuple(layer.dilation_rate)
    )


def pooling(kind: str) -> Builder:
    def build(layer: KerasLayer, shape: Shape) -> Pool:
        size = tuple(layer.pool_size)
        padding = None if layer.padding == "valid" else _padding(layer, size, (1,) * len(size), shape)
        return Pool(kind, size=size, strides=tuple(layer.strides), padding=padding)

    return build


def global_pooling(kind: str) -> Builder:
    def build(layer: KerasLayer, shape: Shape) -> GlobalPool:
        return GlobalPool(kind, (2, 3) if len(shape) == 3 else (1,), bool(layer.keepdims))

    return build


def flatten(layer: KerasLayer, shape: Shape) -> Reshape | None:
    return Reshape((prod(shape),)) if len(shape) != 1 else None


def reshape(layer: KerasLayer, shape: Shape) -> Reshape:
    return Reshape(tuple(layer.compute_output_shape((1, *shape))[1:]))


def permute(layer: KerasLayer, shape: Shape) -> Permute:
    return Permute(tuple(layer.dims))


def zero_padding2d(layer: KerasLayer, shape: Shape) -> Pad:
    return Pad([tuple(pair) for pair in layer.padding])


def cropping2d(layer: KerasLayer, shape: Shape) -> Pad:
    return Pad([(-before, -after) for before, after in layer.cropping])


def up_sampling2d(layer: KerasLayer, shape: Shape) -> Resize:
    if layer.interpolation not in {"nearest", "bilinear"}:
        raise refuse(layer, f"interpolation={layer.interpolation!r}")
    return Resize(tuple(layer.size), layer.interpolation)


def batch_normalization(layer: KerasLayer, shape: Shape) -> BatchNorm:
    for option in ("renorm", "synchronized"):
        if getattr(layer, option, False):
            raise refuse(layer, f"{option}=True")
    return BatchNorm(
        read(layer),
        dim=torch_axis(layer.axis, len(shape) + 1),
        momentum=layer.momentum,
        epsilon=layer.epsilon,
        frozen=not layer.trainable,
    )


def layer_normalization(layer: KerasLayer, shape: Shape) -> LayerNorm:
    if getattr(layer, "rms_scaling", False):
        raise refuse(layer, "rms_scaling=True")
    given = layer.axis if isinstance(layer.axis, list | tuple) else [layer.axis]
    axes = tuple(axis % (len(shape) + 1) for axis in given)
    if axes != tuple(sorted(axes)):
        raise refuse(layer, f"axis={layer.axis}")
    return LayerNorm(read(layer), axes=axes, epsilon=layer.epsilon)


def group_normalization(layer: KerasLayer, shape: Shape) -> GroupNorm:
    groups = shape[layer.axis % (len(shape) + 1) - 1] if layer.groups == -1 else layer.groups
    return GroupNorm(read(layer), groups=groups, dim=torch_axis(layer.axis, len(shape) + 1), epsilon=layer.epsilon)


def normalization(layer: KerasLayer, shape: Shape) -> nn.Module:
    from keras.ops import convert_to_numpy

    mean, variance = (np.array(convert_to_numpy(a), np.float32) for a in (layer.mean, layer.variance))
    given = {"mean": Variable(mean), "variance": Variable(variance)}
    module = Standardize(read(layer) or given, broadcast=mean.shape, invert=bool(layer.invert))
    if not variables(layer):  # two constants of the configuration, not weights
        module.layouts.clear()
    return module


def rescaling(layer: KerasLayer, shape: Shape) -> Rescale:
    return Rescale(*(_constant(value, len(shape) + 1) for value in (layer.scale, layer.offset)))


def _constant(value: Any, rank: int) -> Tensor:
    array = np.asarray(value, np.float32)
    if array.ndim and rank == 4:
        array = array.reshape((1,) * (rank - array.ndim) + array.shape).transpose(0, 3, 1, 2)
    return torch.tensor(array)


def dropout(layer: KerasLayer, shape: Shape) -> Dropout | None:
    noise = layer.noise_shape
    if noise is not None and len(noise) == 4:
        noise = tuple(noise[axis] for axis in (0, 3, 1, 2))
    return Dropout(layer.rate, noise) if layer.rate else None


def spatial_dropout(layer: KerasLayer, shape: Shape) -> Dropout | None:
    noise = (None, None, 1, 1) if len(shape) == 3 else (None, 1, None)
    return Dropout(layer.rate, noise) if layer.rate else None


def gaussian_noise(layer: KerasLayer, shape: Shape) -> GaussianNoise | None:
    return GaussianNoise(layer.stddev) if layer.stddev else None


def gaussian_dropout(layer: KerasLayer, shape: Shape) -> GaussianDropout | None:
    return GaussianDropout(layer.rate) if layer.rate else None


def relu(layer: KerasLayer, shape: Shape) -> Activation:
    slope, top, threshold = float(layer.negative_slope), layer.max_value, float(layer.threshold)
    if top is None and not threshold:
        if not slope:
            return elementwise("relu")
        return Activation("leaky_relu", nn.functional.leaky_relu, negative_slope=slope)
    return Activation("relu", activations.relu, negative_slope=slope, max_value=top, threshold=threshold)


def leaky_relu(layer: KerasLayer, shape: Shape) -> Activation:
    return Activation("leaky_relu", nn.functional.leaky_relu, negative_slope=float(layer.negative_slope))


def elu(layer: KerasLayer, shape: Shape) -> Activation:
    return Activation("elu", nn.functional.elu, alpha=float(layer.alpha))


def prelu(layer: KerasLayer, shape: Shape) -> PRelu:
    return PRelu(read(layer))


def softmax(layer: KerasLayer, shape: Shape) -> Activation:
    axis = layer.axis if isinstance(layer.axis, int) else tuple(layer.axis)
    return activations.softmax(axis, len(shape) + 1)


def merging(function: Callable[..., Tensor]) -> Builder:
    def build(layer: KerasLayer, *shapes: Shape) -> Merge | None:
        return Merge(function, max(map(len, shapes)) + 1) if len(shapes) > 1 else None

    return build


def concatenate(layer: KerasLayer, *shapes: Shape) -> Concatenate:
    return Concatenate(torch_axis(layer.axis, len(shapes[0]) + 1))
