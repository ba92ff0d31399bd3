"""Dropout whose mask is never stored: which values are dropped follows from a number and their places.

torch draws the values of its mask one after the other; here each is the hash of its place, so that they are made
sixteen at a time, and again on the way back. The number may lie on a device: a CUDA graph, which would replay the masks
it was recorded with, then makes others each time.
"""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numba
import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from etalon.kernels.compiled import bits, inlined, kernel, packed, rows, usable, value

MASK = 0xFFFFFFFF
Number = int | Tensor  # 32 bits; a tensor: int64 ()

_numbers: ContextVar[Iterator[Number] | None] = ContextVar("numbers", default=None)


@contextmanager
def drawing(number: Number) -> Iterator[None]:
    """Within, the masks follow from `number`, 32 bits, and from the order of the calls."""
    token = _numbers.set(hashed(call, number) for call in itertools.count(1))
    try:
        yield
    finally:
        _numbers.reset(token)


def dropout(x: Tensor, rate: float) -> Tensor:
    """Each value is 0 with probability `rate`, else divided by 1 - rate.

    The mask follows from the number of `drawing`; outside of it, from torch's generator.
    """
    if rate >= 1:
        return F.dropout(x, rate)
    numbers = _numbers.get()
    number = int(torch.randint(2**31, ())) if numbers is None else next(numbers)
    if not usable(x):
        return plain(x, rate, number)
    result: Tensor = _Dropout.apply(x, rate, int(number))  # type: ignore[no-untyped-call]
    return result


def plain(x: Tensor, rate: float, number: Number) -> Tensor:
    """The same values as the kernels give, in torch's operations, on any device."""
    b, *others = x.shape
    order = (b, *others[1:], others[0]) if x.ndim == 4 else x.shape
    places = torch.arange(x.numel(), device=x.device).view(order)
    kept = hashed(places, number) >= round(rate * 2**32)
    return torch.where(kept.permute(0, 3, 1, 2) if x.ndim == 4 else kept, x * (1 / (1 - rate)), 0.0)


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


def hashed(place: Any, number: Any) -> Any:
    """32 bits in which every bit of the arguments counts: `lowbias32` of Wellons's hash-prospector, keyed twice.

    Integers, or int64 tensors, whose products may overflow: the bits that are kept are right all the same.
    """
    x = ((place * 0x9E3779B9) & MASK) ^ number
    x = ((x ^ (x >> 16)) * 0x7FEB352D) & MASK
    x = ((x ^ (x >> 15) ^ number) * 0x846CA68B) & MASK
    return x ^ (x >> 16)


@inlined
def _hash(place: np.uint32, number: np.uint32) -> np.uint32:
    """`hashed`, for kernels; numba widens every result to 64 bits, hence the casts."""
    x = np.uint32(np.uint32(place * np.uint32(0x9E3779B9)) ^ number)
    x = np.uint32(np.uint32(x ^ (x >> np.uint32(16))) * np.uint32(0x7FEB352D))
    x = np.uint32(np.uint32(x ^ (x >> np.uint32(15)) ^ number) * np.uint32(0x846CA68B))
    return np.uint32(x ^ (x >> np.uint32(16)))


@kernel
def _drop(x: np.ndarray, number: np.uint32, limit: np.uint32, gain: np.float32, y: np.ndarray) -> None:
    for i in numba.prange(len(x)):
        y[i] = packed(value(x[i]) * gain, y[i]) if _hash(np.uint32(i), number) >= limit else y.dtype.type(0)
