"""Relu and 2 x 2 max-pooling in one pass.

Among numbers that are not negative, the order of floats is the order of their bits read as integers, and every
negative float is a negative integer: integer maxima do, and vectorise.
"""

from typing import Any

import numba
import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from etalon.kernels.compiled import bits, kernel, rows, usable, value

INFINITY = {torch.bfloat16: np.int16(0x7F80), torch.float32: np.int32(0x7F800000)}


def relu_max_pool(x: Tensor) -> Tensor:
    """Relu, then the maximum of each 2 x 2 window: (b, c, h, w) -> (b, c, h // 2, w // 2).

    Where several places of a window hold the maximum, the first one gets the gradient, as in torch.
    """
    if not usable(x):
        return F.relu(F.max_pool2d(x, 2))
    result: Tensor = _ReluMaxPool.apply(x)  # type: ignore[no-untyped-call]
    return result


class _ReluMaxPool(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        y, places = pooled(x)
        ctx.save_for_backward(places)
        ctx.size = x.shape[2:]
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (places,) = ctx.saved_tensors
        return spread(gradient, places, ctx.size)[0]


def pooled(x: Tensor) -> tuple[Tensor, Tensor]:
    """Relu and the maxima of `x` (b, c, h, w); and int8 (b, h // 2, w // 2, c): the place in each window, 0 to 3, that
    the maximum comes from, 4 where relu let nothing through.
    """
    x = rows(x)
    b, h, w, c = x.shape
    y = x.new_empty(b, h // 2, w // 2, c)
    places = torch.empty(y.shape, dtype=torch.int8)
    _pooled(bits(x), bits(y), places.numpy(), INFINITY[x.dtype])
    return y.permute(0, 3, 1, 2), places


def spread(gradient: Tensor, places: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """The way back of `pooled`: the gradient (b, c, *size) of its `x`, and its sum (c,)."""
    gradient = rows(gradient)
    n, _h, _w, channels = gradient.shape
    out = gradient.new_empty(n, *size, channels)
    sums = np.zeros((n, channels), np.float32)
    _spread(bits(gradient), places.numpy(), bits(out), sums)
    return out.permute(0, 3, 1, 2), torch.from_numpy(sums.sum(0)).to(gradient.dtype)


@kernel
def _pooled(x: np.ndarray, y: np.ndarray, places: np.ndarray, infinity: Any) -> None:
    """Not a number anywhere in a window is not a number after it."""
    n, height, width, channels = y.shape
    zero, positive = y.dtype.type(0), y.dtype.type(infinity | (infinity - 1))
    for b in numba.prange(n):
        for i in range(height):
            for j in range(width):
                x0, x1 = x[b, 2 * i, 2 * j], x[b, 2 * i, 2 * j + 1]
                x2, x3 = x[b, 2 * i + 1, 2 * j], x[b, 2 * i + 1, 2 * j + 1]
                out, place = y[b, i, j], places[b, i, j]
                for c in range(channels):
                    v0, v1, v2, v3 = x0[c], x1[c], x2[c], x3[c]
                    top = max(max(v0, v1), max(v2, v3))
                    size = max(max(v0 & positive, v1 & positive), max(v2 & positive, v3 & positive))
                    k = np.int8(2) if v2 == top else np.int8(3)
                    k = np.int8(0) if v0 == top else np.int8(1) if v1 == top else k
                    place[c] = k if top > zero else np.int8(4)
                    out[c] = size if size > infinity else max(top, zero)


@kernel
def _spread(gradient: np.ndarray, places: np.ndarray, out: np.ndarray, sums: np.ndarray) -> None:
    """Every place of `out` (b, h, w, c) is written: a loop for each place of the window, or they do not vectorise."""
    n, height, width, channels = gradient.shape
    zero = gradient.dtype.type(0)
    for b in numba.prange(n):
        total = sums[b]
        for i in range(height):
            for j in range(width):
                g, place = gradient[b, i, j], places[b, i, j]
                for k in range(4):
                    target = out[b, 2 * i + k // 2, 2 * j + k % 2]
                    for c in range(channels):
                        target[c] = g[c] if place[c] == k else zero
                for c in range(channels):
                    total[c] += value(g[c]) if place[c] < 4 else np.float32(0)
            for row in (2 * i, 2 * i + 1):
                for j in range(2 * width, out.shape[2]):
                    out[b, row, j, :] = zero
        for row in range(2 * height, out.shape[1]):
            out[b, row, :, :] = zero
