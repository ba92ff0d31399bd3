"""Keras's activation functions in torch, by Keras's name for them."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from etalon.errors import ModelError
from etalon.locales import _
from etalon.models.lowering.order import torch_axis

Function = Callable[..., Tensor]


class Activation(nn.Module):
    """A function of one tensor.

    Args:
        name: Keras's.
        function: what it does; an elementwise one, or one told along which axes.
        arguments: its other arguments.
    """

    def __init__(self, name: str, function: Function, **arguments: Any) -> None:
        super().__init__()
        self.name, self.function, self.arguments = name, function, arguments

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x, **self.arguments)

    def extra_repr(self) -> str:
        return ", ".join([self.name, *(f"{k}={v}" for k, v in self.arguments.items())])


def relu(x: Tensor, negative_slope: float, max_value: float | None, threshold: float) -> Tensor:
    """The general `keras.activations.relu`: below `threshold` it is negative_slope * (x - threshold)."""
    positive = torch.where(x > threshold, x, 0.0)
    if max_value is not None:
        positive = positive.clamp(max=max_value)
    return positive - negative_slope * F.relu(threshold - x) if negative_slope else positive


def sparse_plus(x: Tensor) -> Tensor:
    """0 below -1, x above 1, (x + 1)² / 4 between."""
    return torch.where(x < 1, (x.clamp(min=-1) + 1).square() / 4, x)


def sparse_sigmoid(x: Tensor) -> Tensor:
    """0 below -1, 1 above 1, (x + 1) / 2 between."""
    return ((x + 1) / 2).clamp(0, 1)


def squareplus(x: Tensor) -> Tensor:
    """(x + sqrt(x² + 4)) / 2."""
    return (x + (x.square() + 4).sqrt()) / 2


def sparsemax(x: Tensor, dim: int) -> Tensor:
    """`keras.activations.sparsemax`.

    In Keras 3.15, whatever the backend, the threshold is made from the sum of all the partial sums of the support,
    where Martins & Astudillo (2016) take the last one, so that the result need not sum to 1. It is kept: the weights
    of a model have a meaning only with the function that they were trained with.
    """
    ordered = x.sort(dim, descending=True).values.movedim(dim, -1)
    rank = torch.arange(1, ordered.shape[-1] + 1, device=x.device, dtype=x.dtype)
    sums = ordered.cumsum(-1)
    support = ordered - (sums - 1) / rank > 0
    threshold = (torch.where(support, sums, 0.0).sum(-1, keepdim=True) - 1) / support.sum(-1, keepdim=True)
    return (x - threshold.movedim(-1, dim)).clamp(min=0)


def joint_softmax(x: Tensor, dims: tuple[int, ...]) -> Tensor:
    """Softmax over several axes at once."""
    return (x - x.logsumexp(dims, keepdim=True)).exp()


ELEMENTWISE: Mapping[str, Function] = {
    "celu": F.celu,
    "elu": F.elu,
    "exponential": torch.exp,
    "gelu": F.gelu,
    "hard_shrink": F.hardshrink,
    "hard_sigmoid": F.hardsigmoid,
    "hard_silu": F.hardswish,
    "hard_tanh": F.hardtanh,
    "leaky_relu": partial(F.leaky_relu, negative_slope=0.2),
    "log_sigmoid": F.logsigmoid,
    "mish": F.mish,
    "relu": F.relu,
    "relu6": F.relu6,
    "selu": F.selu,
    "sigmoid": torch.sigmoid,
    "silu": F.silu,
    "soft_shrink": F.softshrink,
    "softplus": F.softplus,
    "softsign": F.softsign,
    "sparse_plus": sparse_plus,
    "sparse_sigmoid": sparse_sigmoid,
    "squareplus": squareplus,
    "tanh": torch.tanh,
    "tanh_shrink": F.tanhshrink,
}
ALONG_LAST_AXIS: Mapping[str, Function] = {
    "glu": F.glu,
    "log_softmax": torch.log_softmax,
    "softmax": torch.softmax,
    "sparsemax": sparsemax,
}


def elementwise(name: str) -> Activation:
    """The module for an elementwise function, by Keras's name."""
    return Activation(name, ELEMENTWISE[name])


def softmax(axis: int | tuple[int, ...], rank: int) -> Activation:
    """Softmax along Keras's axis, or axes, of a tensor of that rank."""
    if isinstance(axis, int):
        return Activation("softmax", torch.softmax, dim=torch_axis(axis, rank))
    if len(axis) == 1:
        return softmax(axis[0], rank)
    return Activation("softmax", joint_softmax, dims=tuple(torch_axis(a, rank) for a in axis))


def activation(function: Any, rank: int, owner: str) -> Activation | None:
    """The module for the activation function of a Keras layer; None for a linear one.

    Args:
        function: one of `keras.activations`.
        rank: that of the tensor it is applied to.
        owner: the name of the layer, for the error.

    Raises:
        ModelError: a function that is not one of Keras's activations.
    """
    import keras

    name = getattr(function, "__name__", type(function).__name__)
    if function is None or function is keras.activations.linear:
        return None
    if getattr(keras.activations, name, None) is function:
        if name in ELEMENTWISE:
            return elementwise(name)
        if name in ALONG_LAST_AXIS:
            return Activation(name, ALONG_LAST_AXIS[name], dim=torch_axis(-1, rank))
    raise ModelError(
        _("activation {name} on layer {layer}").format(name=name, layer=owner),
        _("Étalon does not know how to compute it outside Keras"),
        _("Use one of {names}; or return a torch nn.Module instead of a Keras model.").format(
            names=", ".join(sorted([*ELEMENTWISE, *ALONG_LAST_AXIS]))
        ),
    )
