"""Layers that do not look at neighbours: dense, dropout and noise, merging, reshaping."""

from collections.abc import Callable, Mapping
from functools import reduce
from math import sqrt
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from etalon.models.lowering.order import channels_last, to_keras, to_torch
from etalon.models.lowering.regularizers import Regularizer
from etalon.models.lowering.weighted import Layout, Variable, Weighted


class Linear(Weighted):
    """`keras.layers.Dense`, without its activation: over Keras's last axis, whatever the rank."""

    optional: ClassVar[tuple[str, ...]] = ("bias",)
    products = True
    kernel: nn.Parameter
    bias: nn.Parameter | None

    def __init__(self, variables: Mapping[str, Variable], *, rank: int) -> None:
        super().__init__(variables)
        self.overwritable = rank == 2

    def layout(self, name: str, shape: tuple[int, ...]) -> Layout:
        return Layout.plain(shape) if name == "bias" else Layout(shape, shape, (1, 0))

    def forward(self, x: Tensor) -> Tensor:
        return to_torch(F.linear(to_keras(x), self.kernel, self.bias))


class PRelu(Weighted):
    """`keras.layers.PReLU`: x above 0, alpha * x below; alpha has Keras's shape, with 1 on the shared axes."""

    alpha: nn.Parameter

    def layout(self, name: str, shape: tuple[int, ...]) -> Layout:
        return Layout(shape, shape, (2, 0, 1)) if len(shape) == 3 else Layout.plain(shape)

    def forward(self, x: Tensor) -> Tensor:
        return torch.where(x > 0, x, self.alpha * x)


class TrainingOnly(nn.Module):
    """Changes its input in training, and lets it through otherwise."""

    def forward(self, x: Tensor) -> Tensor:
        return self.perturb(x) if self.training else x

    def perturb(self, x: Tensor) -> Tensor:
        """What training does to `x`, of the same shape."""
        raise NotImplementedError


class Dropout(TrainingOnly):
    """`keras.layers.Dropout` and `SpatialDropout2D`: zeros with probability `rate`, the others divided by 1 - rate.

    Args:
        shape: of the noise, in torch's order: None where it is that of the input; None if it is so everywhere.
    """

    def __init__(self, rate: float, shape: tuple[int | None, ...] | None = None) -> None:
        super().__init__()
        self.rate, self.shape = rate, shape

    def perturb(self, x: Tensor) -> Tensor:
        if self.shape is None:
            from etalon.kernels.dropping import dropout  # numba takes half a second

            return dropout(x, self.rate)
        shape = [n if wanted is None else wanted for n, wanted in zip(x.shape, self.shape, strict=True)]
        return x * F.dropout(x.new_ones(shape), self.rate)


class GaussianNoise(TrainingOnly):
    """`keras.layers.GaussianNoise`: adds N(0, deviation) in training."""

    def __init__(self, deviation: float) -> None:
        super().__init__()
        self.deviation = deviation

    def perturb(self, x: Tensor) -> Tensor:
        return x + self.deviation * torch.randn_like(x)


class GaussianDropout(TrainingOnly):
    """`keras.layers.GaussianDropout`: multiplies by N(1, sqrt(rate / (1 - rate))) in training."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.deviation = sqrt(rate / (1 - rate))

    def perturb(self, x: Tensor) -> Tensor:
        return x * (1 + self.deviation * torch.randn_like(x))


class Reshape(nn.Module):
    """`keras.layers.Reshape` and `Flatten`: the values in Keras's order take another shape (without the batch)."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, x: Tensor) -> Tensor:
        return to_torch(to_keras(x).reshape(len(x), *self.shape))


class Permute(nn.Module):
    """`keras.layers.Permute`: axes from 1, in Keras's order."""

    def __init__(self, axes: tuple[int, ...]) -> None:
        super().__init__()
        self.axes = axes

    def forward(self, x: Tensor) -> Tensor:
        y = to_torch(to_keras(x).permute(0, *self.axes))
        return channels_last(y) if y.ndim == 4 else y


def add(*tensors: Tensor) -> Tensor:
    """The sum."""
    return reduce(torch.add, tensors)


def multiply(*tensors: Tensor) -> Tensor:
    """The product."""
    return reduce(torch.mul, tensors)


def average(*tensors: Tensor) -> Tensor:
    """The mean."""
    return add(*tensors) / len(tensors)


def maximum(*tensors: Tensor) -> Tensor:
    """The largest, value by value."""
    return reduce(torch.maximum, tensors)


def minimum(*tensors: Tensor) -> Tensor:
    """The smallest, value by value."""
    return reduce(torch.minimum, tensors)


def subtract(first: Tensor, second: Tensor) -> Tensor:
    """The difference of two."""
    return first - second


class Merge(nn.Module):
    """Keras's merging layers: as there, tensors of a lower rank get axes of size 1 after that of the batch.

    Args:
        function: of two tensors or more.
        rank: the highest among the tensors.
    """

    overwritable = True

    def __init__(self, function: Callable[..., Tensor], rank: int) -> None:
        super().__init__()
        self.function, self.rank = function, rank

    def forward(self, *tensors: Tensor) -> Tensor:
        return self.function(*map(self._raised, tensors))

    def _raised(self, x: Tensor) -> Tensor:
        if x.ndim == self.rank:
            return x
        y = to_keras(x)
        return to_torch(y.reshape(len(y), *[1] * (self.rank - y.ndim), *y.shape[1:]))


class Concatenate(nn.Module):
    """`keras.layers.Concatenate` along the axis `dim` of torch's order."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, *tensors: Tensor) -> Tensor:
        return torch.cat(tensors, self.dim)


class ActivityPenalty(nn.Module):
    """Lets its input through, and keeps what an `activity_regularizer` makes of it, divided by the batch size."""

    value: Tensor | None = None

    def __init__(self, regularizer: Regularizer) -> None:
        super().__init__()
        self.regularizer = regularizer

    def forward(self, x: Tensor) -> Tensor:
        self.value = self.regularizer(to_keras(x)) / len(x)
        return x

    def __getstate__(self) -> dict[str, object]:
        """Without the last value, which belongs to a graph of gradients."""
        return {key: value for key, value in self.__dict__.items() if key != "value"}
