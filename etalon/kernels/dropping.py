"""Dropout whose mask is never stored: which values are dropped follows from a number and their places.

torch draws the values of its mask one after the other; here each is the hash of its place, so that they are made
sixteen at a time, and again on the way back.
"""

from typing import Any

import numba
import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from etalon.kernels.compiled import bits, inlined, kernel, packed, rows, usable, value


def dropout(x: Tensor, rate: float) -> Tensor:
    """Each value is 0 with probability `rate`, else divided by 1 - rate; the mask follows torch's generator."""
    if not usable(x) or rate >= 1:
        return F.dropout(x, rate)
    result: Tensor = _Dropout.apply(x, rate, int(torch.randint(2**31, ())))  # type: ignore[no-untyped-call]
    return result


class _Dropout(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, rate: float, number: int) -> Tensor:
        ctx.rate, ctx.number = rate, number
        return _dropped(x, rate, number)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return _dropped(gradient, ctx.rate, ctx.number), None, None


def _dropped(x: Tensor, rate: float, number: int) -> Tensor:
    """Places are counted in the order of (b, h, w, c) for maps, whatever the memory `x` comes in."""
    maps = x.ndim == 4
    x = rows(x) if maps else x.contiguous()
    y = torch.empty_like(x)
    limit, gain = np.uint32(round(rate * 2**32)), np.float32(1 / (1 - rate))
    _drop(bits(x).reshape(-1), np.uint32(number), limit, gain, bits(y).reshape(-1))
    return y.permute(0, 3, 1, 2) if maps else y


@inlined
def _hash(place: np.uint32, number: np.uint32) -> np.uint32:
    """32 bits in which every bit of the arguments counts: `lowbias32` of Wellons's hash-prospector, keyed twice.

    numba widens every result to 64 bits, hence the casts.
    """
    x = np.uint32(np.uint32(place * np.uint32(0x9E3779B9)) ^ number)
    x = np.uint32(np.uint32(x ^ (x >> np.uint32(16))) * np.uint32(0x7FEB352D))
    x = np.uint32(np.uint32(x ^ (x >> np.uint32(15)) ^ number) * np.uint32(0x846CA68B))
    return np.uint32(x ^ (x >> np.uint32(16)))


@kernel
def _drop(x: np.ndarray, number: np.uint32, limit: np.uint32, gain: np.float32, y: np.ndarray) -> None:
    for i in numba.prange(len(x)):
        y[i] = packed(value(x[i]) * gain, y[i]) if _hash(np.uint32(i), number) >= limit else y.dtype.type(0)
