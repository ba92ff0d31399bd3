"""A convolution and what follows it at once: relu, or relu and 2 x 2 max-pooling.

The gradient of the bias is summed while that of the relu is made, instead of in one more pass over the map.
"""

from typing import Any

import numba
import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from etalon.kernels.compiled import bits, kernel, rows, usable, value
from etalon.kernels.pooling import pooled, spread

Geometry = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], int]  # strides, padding, dilation, groups


def conv_relu(x: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry) -> Tensor:
    """Convolution (b, c, h, w) -> (b, c', h', w'), then relu."""
    if not usable(x):
        return F.relu(F.conv2d(x, weight, bias, *geometry))
    result: Tensor = _ConvRelu.apply(*cast(x, weight, bias), geometry)  # type: ignore[no-untyped-call]
    return result


def conv_relu_max_pool(x: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry) -> Tensor:
    """Convolution, relu, then the maximum of each 2 x 2 window: (b, c, h, w) -> (b, c', h' // 2, w' // 2)."""
    if not usable(x):
        return F.relu(F.max_pool2d(F.conv2d(x, weight, bias, *geometry), 2))
    result: Tensor = _ConvReluMaxPool.apply(*cast(x, weight, bias), geometry)  # type: ignore[no-untyped-call]
    return result


def cast(*tensors: Tensor | None) -> tuple[Tensor | None, ...]:
    """The tensors as `torch.autocast` would pass them to a convolution."""
    if not torch.is_autocast_enabled("cpu"):
        return tensors
    dtype = torch.get_autocast_dtype("cpu")
    return tuple(None if tensor is None else tensor.to(dtype) for tensor in tensors)


Gradients = tuple[Tensor | None, Tensor | None, Tensor | None]


class _ConvRelu(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry) -> Tensor:
        y = F.conv2d(x, weight, bias, *geometry).relu_()
        ctx.save_for_backward(x, weight, y)
        ctx.geometry = geometry
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Any, ...]:
        x, weight, y = ctx.saved_tensors
        let_through, sums = masked(gradient, y)
        return *way_back(ctx, let_through, sums, x, weight), None


class _ConvReluMaxPool(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry) -> Tensor:
        y = F.conv2d(x, weight, bias, *geometry)
        top, places = pooled(y)
        ctx.save_for_backward(x, weight, places)
        ctx.geometry, ctx.size = geometry, y.shape[2:]
        return top

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Any, ...]:
        x, weight, places = ctx.saved_tensors
        let_through, sums = spread(gradient, places, ctx.size)
        return *way_back(ctx, let_through, sums, x, weight), None


def way_back(ctx: Any, gradient: Tensor, sums: Tensor, x: Tensor, weight: Tensor) -> Gradients:
    """The gradients of a convolution's input, weights and bias, from that of its output and its sum (c,)."""
    strides, padding, dilation, groups = ctx.geometry
    wanted = [*ctx.needs_input_grad[:2], False]
    of_x, of_weight, _ = torch.ops.aten.convolution_backward(
        gradient, x, weight, None, strides, padding, dilation, False, (0, 0), groups, wanted
    )
    return of_x, of_weight, sums if ctx.needs_input_grad[2] else None


def masked(gradient: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """`gradient` (b, c, h, w) where `y`, of the same shape, is above 0, else 0; and its sum (c,)."""
    gradient, y = rows(gradient), rows(y)
    kept = torch.empty_like(gradient)
    sums = np.zeros((len(y), y.shape[3]), np.float32)
    _masked(bits(gradient), bits(y), bits(kept), sums)
    return kept.permute(0, 3, 1, 2), torch.from_numpy(sums.sum(0)).to(gradient.dtype)


@kernel
def _masked(gradient: np.ndarray, y: np.ndarray, kept: np.ndarray, sums: np.ndarray) -> None:
    """All (b, h, w, c), as bits; a float is above 0 where its bits are."""
    n, height, width, channels = y.shape
    zero = gradient.dtype.type(0)
    for b in numba.prange(n):
        total = sums[b]
        for i in range(height):
            for j in range(width):
                g, above, out = gradient[b, i, j], y[b, i, j], kept[b, i, j]
                for c in range(channels):
                    out[c] = g[c] if above[c] > zero else zero
                for c in range(channels):
                    total[c] += value(out[c])
