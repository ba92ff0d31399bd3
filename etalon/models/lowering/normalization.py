"""Normalisation layers, with Keras's meaning of their statistics."""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from etalon.models.lowering.order import to_keras, to_torch
from etalon.models.lowering.regularizers import EPSILON
from etalon.models.lowering.spatial import Convolution
from etalon.models.lowering.weighted import Layout, Variable, Weighted


class BatchNorm(Weighted):
    """`keras.layers.BatchNormalization`: unlike torch, the moving variance gathers the BIASED batch variances.

    Args:
        dim: the axis of the features, in torch's order.
        momentum: the share of the old statistics that is kept at each step.
        frozen: always normalise with the moving statistics (`trainable=False`).
    """

    optional: ClassVar[tuple[str, ...]] = ("gamma", "beta")
    statistics: ClassVar[tuple[str, ...]] = ("moving_mean", "moving_variance")
    gamma: nn.Parameter | None
    beta: nn.Parameter | None
    moving_mean: Tensor
    moving_variance: Tensor

    def __init__(
        self, variables: Mapping[str, Variable], *, dim: int, momentum: float, epsilon: float, frozen: bool
    ) -> None:
        super().__init__(variables)
        self.dim, self.momentum, self.epsilon, self.frozen = dim, momentum, epsilon, frozen
        self.overwritable = dim == 1

    def forward(self, x: Tensor) -> Tensor:
        if self.dim == 1:
            return self._normalise(x)
        return self._normalise(x.movedim(self.dim, 1)).movedim(1, self.dim)

    def _normalise(self, x: Tensor) -> Tensor:
        if not self.training or self.frozen:
            return F.batch_norm(x, self.moving_mean, self.moving_variance, self.gamma, self.beta, eps=self.epsilon)
        y, mean, inverse_deviation = torch.native_batch_norm(
            x, self.gamma, self.beta, None, None, True, 0.0, self.epsilon
        )
        self.gather(mean, inverse_deviation)
        return y

    @torch.no_grad()
    def gather(self, mean: Tensor, inverse_deviation: Tensor) -> None:
        """Move the statistics towards those of a batch."""
        variance = inverse_deviation.pow(-2).sub_(self.epsilon).clamp_(min=0)
        self.moving_mean.lerp_(mean, 1 - self.momentum)
        self.moving_variance.lerp_(variance, 1 - self.momentum)


class ConvolutionNorm(nn.Module):
    """A convolution, batch normalisation of its channels, the relu and 2 x 2 max-pooling about it, in few passes."""

    def __init__(self, convolution: Convolution, norm: BatchNorm, *, relu_before: bool) -> None:
        super().__init__()
        self.convolution, self.norm, self.relu_before = convolution, norm, relu_before
        self.relu_after = self.pools = False

    def forward(self, x: Tensor) -> Tensor:
        own, norm = self.convolution, self.norm
        if not norm.training:
            y = own(x)
            y = norm(F.relu(y) if self.relu_before else y)
            y = F.max_pool2d(y, 2) if self.pools else y
            return F.relu(y) if self.relu_after else y

        from etalon.kernels.normalising import Around, conv_norm  # numba takes half a second

        around = Around(self.relu_before, self.relu_after, self.pools)
        y, mean, inverse_deviation = conv_norm(
            own.padded(x), own.kernel, own.bias, norm.gamma, norm.beta, own.geometry, norm.epsilon, around
        )
        norm.gather(mean, inverse_deviation)
        return y


class LayerNorm(Weighted):
    """`keras.layers.LayerNormalization`.

    Args:
        axes: Keras's, ascending, none negative.
    """

    optional: ClassVar[tuple[str, ...]] = ("gamma", "beta")
    gamma: nn.Parameter | None
    beta: nn.Parameter | None

    def __init__(self, variables: Mapping[str, Variable], *, axes: tuple[int, ...], epsilon: float) -> None:
        super().__init__(variables)
        self.axes, self.epsilon = axes, epsilon

    def forward(self, x: Tensor) -> Tensor:
        y = to_keras(x)
        shape = [n if axis in self.axes else 1 for axis, n in enumerate(y.shape)]
        if self.axes[0] == y.ndim - len(self.axes):
            return to_torch(F.layer_norm(y, shape[self.axes[0] :], self.gamma, self.beta, self.epsilon))
        variance, mean = torch.var_mean(y, self.axes, correction=0, keepdim=True)
        y = (y - mean) * (variance + self.epsilon).rsqrt()
        if self.gamma is not None:
            y = y * self.gamma.view(shape)
        if self.beta is not None:
            y = y + self.beta.view(shape)
        return to_torch(y)


class GroupNorm(Weighted):
    """`keras.layers.GroupNormalization`, over the axis `dim` of torch's order."""

    optional: ClassVar[tuple[str, ...]] = ("gamma", "beta")
    gamma: nn.Parameter | None
    beta: nn.Parameter | None

    def __init__(self, variables: Mapping[str, Variable], *, groups: int, dim: int, epsilon: float) -> None:
        super().__init__(variables)
        self.groups, self.dim, self.epsilon = groups, dim, epsilon

    def forward(self, x: Tensor) -> Tensor:
        y = F.group_norm(x.movedim(self.dim, 1), self.groups, self.gamma, self.beta, self.epsilon)
        return y.movedim(1, self.dim)


class Standardize(Weighted):
    """`keras.layers.Normalization`: (x - mean) / max(sqrt(variance), 1e-7), or its inverse.

    Args:
        broadcast: the shape that Keras gives the statistics, (1, ...) with the kept axes at their sizes.
    """

    statistics: ClassVar[tuple[str, ...]] = ("mean", "variance")
    mean: Tensor
    variance: Tensor

    def __init__(self, variables: Mapping[str, Variable], *, broadcast: tuple[int, ...], invert: bool) -> None:
        self.broadcast, self.invert = broadcast, invert
        super().__init__(variables)

    def layout(self, name: str, shape: tuple[int, ...]) -> Layout:
        axes = (0, 3, 1, 2) if len(self.broadcast) == 4 else tuple(range(len(self.broadcast)))
        return Layout(shape, self.broadcast, axes)

    def forward(self, x: Tensor) -> Tensor:
        deviation = self.variance.sqrt().clamp(min=EPSILON)
        return x * deviation + self.mean if self.invert else (x - self.mean) / deviation


class Rescale(nn.Module):
    """`keras.layers.Rescaling`: x * scale + offset, two numbers, or arrays already in torch's order."""

    scale: Tensor
    offset: Tensor

    def __init__(self, scale: Tensor, offset: Tensor) -> None:
        super().__init__()
        self.register_buffer("scale", scale)
        self.register_buffer("offset", offset)
        self._shifts = bool(offset.any())

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale + self.offset if self._shifts else x * self.scale
