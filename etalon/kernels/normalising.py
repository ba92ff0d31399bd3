"""A convolution, batch normalisation over its channels, and the relu and 2 x 2 max-pooling about it, in few passes.

The map that the convolution makes is read twice on the way in (its moments, then what comes out), once on the way back;
only what comes out is written besides. Sums run in float32 over one row of an image, in float64 over rows and images.
"""

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from etalon.kernels.compiled import bits, inlined, kernel, packed, rows, usable, value
from etalon.kernels.convolution import Geometry, cast, way_back

NOTHING = -np.inf  # what relu lets nothing under through, where there is no relu


@dataclass(frozen=True)
class Around:
    """What stands about the normalisation: relu before it, relu after it, then the maxima of windows of 2 x 2."""

    relu_before: bool = False
    relu_after: bool = False
    pools: bool = False

    @property
    def floors(self) -> tuple[Any, Any]:
        """Under which nothing is let through, before and after."""
        return np.float32(0 if self.relu_before else NOTHING), np.float32(0 if self.relu_after else NOTHING)


def conv_norm(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    scale: Tensor | None,
    shift: Tensor | None,
    geometry: Geometry,
    epsilon: float,
    around: Around,
) -> tuple[Tensor, Tensor, Tensor]:
    """Convolution (b, c, h, w) -> (b, c', h', w'), normalised with the moments of the batch.

    Args:
        scale, shift: (c',) float32, gamma and beta; None for 1 and 0.

    Returns:
        The map, halved where `around` pools; the mean and the inverse deviation of each channel, float32 (c',).
    """
    if not usable(x):
        return _in_steps(F.conv2d(x, weight, bias, *geometry), scale, shift, epsilon, around)
    result: tuple[Tensor, Tensor, Tensor] = _ConvNorm.apply(  # type: ignore[no-untyped-call]
        *cast(x, weight, bias), scale, shift, geometry, epsilon, around
    )
    return result


def _in_steps(
    y: Tensor, scale: Tensor | None, shift: Tensor | None, epsilon: float, around: Around
) -> tuple[Tensor, Tensor, Tensor]:
    y = F.relu(y) if around.relu_before else y
    y, mean, inverse = torch.native_batch_norm(y, scale, shift, None, None, True, 0.0, epsilon)
    y = F.max_pool2d(y, 2) if around.pools else y
    return F.relu(y) if around.relu_after else y, mean, inverse


class _ConvNorm(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        scale: Tensor | None,
        shift: Tensor | None,
        geometry: Geometry,
        epsilon: float,
        around: Around,
    ) -> tuple[Tensor, Tensor, Tensor]:
        z = rows(F.conv2d(x, weight, bias, *geometry))
        n, h, w, c = z.shape
        before, after = around.floors
        first = np.zeros(c, np.float32)
        sums, squares = np.zeros((n, c)), np.zeros((n, c))
        _moments(bits(z), before, first, sums, squares)
        count = n * h * w
        offset = sums.sum(0) / count
        mean = first + offset
        variance = np.maximum(squares.sum(0) / count - offset**2, 0)
        inverse = 1 / np.sqrt(variance + epsilon)
        gamma = np.ones(c) if scale is None else scale.detach().double().numpy()
        beta = np.zeros(c) if shift is None else shift.detach().double().numpy()
        a = gamma * inverse
        affine = a.astype(np.float32), (beta - mean * a).astype(np.float32)
        if around.pools:
            y = z.new_empty(n, h // 2, w // 2, c)
            places, picked = torch.empty(y.shape, dtype=torch.int8), torch.empty_like(y)
            _pooled(bits(z), before, *affine, after, bits(y), places.numpy(), bits(picked))
            ctx.save_for_backward(x, weight, z, places, picked)
        else:
            y = torch.empty_like(z)
            _normalised(bits(z), before, *affine, after, bits(y))
            ctx.save_for_backward(x, weight, z, y)
        ctx.geometry, ctx.around, ctx.moments = geometry, around, (mean, inverse, gamma)
        found = [torch.from_numpy(m.astype(np.float32)) for m in (mean, inverse)]
        ctx.mark_non_differentiable(*found)
        return y.permute(0, 3, 1, 2), found[0], found[1]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor, *_moments: Tensor) -> tuple[Any, ...]:
        x, weight, z, *rest = ctx.saved_tensors
        mean, inverse, gamma = ctx.moments
        before, after = ctx.around.floors
        gradient = rows(gradient)
        n, h, w, c = z.shape
        of_shift, of_scale = np.zeros((n, c)), np.zeros((n, c))
        centre = mean.astype(np.float32)
        if ctx.around.pools:
            places, picked = rest
            _gathered(bits(gradient), places.numpy(), bits(picked), centre, of_shift, of_scale)
        else:
            _correlated(bits(gradient), bits(z), before, bits(rest[0]), after, centre, of_shift, of_scale)
        of_gamma, of_beta = of_scale.sum(0) * inverse, of_shift.sum(0)
        a, count = gamma * inverse, n * h * w
        slope = -a * inverse * of_gamma / count
        level = -a * of_beta / count - slope * mean
        factors = [f.astype(np.float32) for f in (a, slope, level)]
        out, sums = torch.empty_like(z), np.zeros((n, c))
        if ctx.around.pools:
            _spread(bits(gradient), places.numpy(), bits(z), before, *factors, bits(out), sums)
        else:
            _back(bits(gradient), bits(z), before, bits(rest[0]), after, *factors, bits(out), sums)
        let_through = out.permute(0, 3, 1, 2)
        of_bias = torch.from_numpy(sums.sum(0)).to(gradient.dtype)
        of_norm = [
            torch.from_numpy(found.astype(np.float32)) if wanted else None
            for found, wanted in zip((of_gamma, of_beta), ctx.needs_input_grad[3:5], strict=True)
        ]
        return *way_back(ctx, let_through, of_bias, x, weight), *of_norm, None, None, None


@inlined
def _poured(part: np.ndarray, total: np.ndarray) -> None:
    """Add a row's sums (c,) to those in float64, and start the next from 0."""
    for c in range(len(part)):
        total[c] += part[c]
        part[c] = 0


@kernel
def _moments(z: np.ndarray, floor: Any, first: np.ndarray, sums: np.ndarray, squares: np.ndarray) -> None:
    """Of each channel (b, h, w, c), from its first value: a mean far from 0 then costs the variance no precision."""
    n, height, width, channels = z.shape
    for c in range(channels):
        v = value(z[0, 0, 0, c])
        first[c] = floor if v < floor else v
    for b in numba.prange(n):
        total, square = np.zeros(channels, np.float32), np.zeros(channels, np.float32)
        for i in range(height):
            for j in range(width):
                row = z[b, i, j]
                for c in range(channels):
                    v = value(row[c])
                    v = (floor if v < floor else v) - first[c]
                    total[c] += v
                    square[c] += v * v
            _poured(total, sums[b])
            _poured(square, squares[b])


@kernel
def _normalised(z: np.ndarray, floor: Any, a: np.ndarray, d: np.ndarray, low: Any, y: np.ndarray) -> None:
    n, height, width, channels = z.shape
    for b in numba.prange(n):
        for i in range(height):
            for j in range(width):
                row, out = z[b, i, j], y[b, i, j]
                for c in range(channels):
                    v = value(row[c])
                    v = a[c] * (floor if v < floor else v) + d[c]
                    out[c] = packed(low if v < low else v, row[c])


@kernel
def _pooled(
    z: np.ndarray,
    floor: Any,
    a: np.ndarray,
    d: np.ndarray,
    low: Any,
    y: np.ndarray,
    places: np.ndarray,
    picked: np.ndarray,
) -> None:
    """`places`: which of the window's four comes out, 4 where relu let nothing through; `picked`: its value before."""
    n, height, width, channels = y.shape
    for b in numba.prange(n):
        for i in range(height):
            for j in range(width):
                z0, z1 = z[b, 2 * i, 2 * j], z[b, 2 * i, 2 * j + 1]
                z2, z3 = z[b, 2 * i + 1, 2 * j], z[b, 2 * i + 1, 2 * j + 1]
                out, place, pick = y[b, i, j], places[b, i, j], picked[b, i, j]
                for c in range(channels):
                    v0, v1, v2, v3 = value(z0[c]), value(z1[c]), value(z2[c]), value(z3[c])
                    v0, v1 = floor if v0 < floor else v0, floor if v1 < floor else v1
                    v2, v3 = floor if v2 < floor else v2, floor if v3 < floor else v3
                    t0, t1, t2, t3 = a[c] * v0, a[c] * v1, a[c] * v2, a[c] * v3
                    left, right = t0 if t0 >= t1 else t1, t2 if t2 >= t3 else t3
                    top = (left if left >= right else right) + d[c]
                    k = np.int8(2) if t2 >= t3 else np.int8(3)
                    k = k if right > left else np.int8(0) if t0 >= t1 else np.int8(1)
                    v = v2 if t2 >= t3 else v3
                    v = v if right > left else v0 if t0 >= t1 else v1
                    place[c] = np.int8(4) if top <= low else k
                    pick[c] = packed(v, z0[c])
                    out[c] = packed(low if top < low else top, z0[c])


@kernel
def _gathered(
    g: np.ndarray, places: np.ndarray, picked: np.ndarray, mean: np.ndarray, sums: np.ndarray, products: np.ndarray
) -> None:
    n, height, width, channels = g.shape
    zero = np.float32(0)
    for b in numba.prange(n):
        total, product = np.zeros(channels, np.float32), np.zeros(channels, np.float32)
        for i in range(height):
            for j in range(width):
                row, place, pick = g[b, i, j], places[b, i, j], picked[b, i, j]
                for c in range(channels):
                    v = value(row[c]) if place[c] < 4 else zero
                    total[c] += v
                    product[c] += v * (value(pick[c]) - mean[c])
            _poured(total, sums[b])
            _poured(product, products[b])


@kernel
def _correlated(
    g: np.ndarray,
    z: np.ndarray,
    floor: Any,
    y: np.ndarray,
    low: Any,
    mean: np.ndarray,
    sums: np.ndarray,
    products: np.ndarray,
) -> None:
    n, height, width, channels = g.shape
    zero = np.float32(0)
    for b in numba.prange(n):
        total, product = np.zeros(channels, np.float32), np.zeros(channels, np.float32)
        for i in range(height):
            for j in range(width):
                row, before, above = g[b, i, j], z[b, i, j], y[b, i, j]
                for c in range(channels):
                    t = value(row[c]) if value(above[c]) > low else zero
                    v = value(before[c])
                    total[c] += t
                    product[c] += t * ((floor if v < floor else v) - mean[c])
            _poured(total, sums[b])
            _poured(product, products[b])


@kernel
def _back(
    g: np.ndarray,
    z: np.ndarray,
    floor: Any,
    y: np.ndarray,
    low: Any,
    a: np.ndarray,
    slope: np.ndarray,
    level: np.ndarray,
    out: np.ndarray,
    sums: np.ndarray,
) -> None:
    n, height, width, channels = g.shape
    zero = np.float32(0)
    for b in numba.prange(n):
        total = np.zeros(channels, np.float32)
        for i in range(height):
            for j in range(width):
                row, before, above, target = g[b, i, j], z[b, i, j], y[b, i, j], out[b, i, j]
                for c in range(channels):
                    t = value(row[c]) if value(above[c]) > low else zero
                    v = value(before[c])
                    t = a[c] * t + slope[c] * v + level[c]
                    t = t if v > floor else zero
                    target[c] = packed(t, row[c])
                    total[c] += t
            _poured(total, sums[b])


@kernel
def _spread(
    g: np.ndarray,
    places: np.ndarray,
    z: np.ndarray,
    floor: Any,
    a: np.ndarray,
    slope: np.ndarray,
    level: np.ndarray,
    out: np.ndarray,
    sums: np.ndarray,
) -> None:
    """Every place of `out` (b, h, w, c) is written, the odd row and column too: the moments hang on them."""
    n, height, width, channels = g.shape
    zero = np.float32(0)
    for b in numba.prange(n):
        total = np.zeros(channels, np.float32)
        for i in range(height):
            for j in range(width):
                row, place = g[b, i, j], places[b, i, j]
                for k in range(4):
                    before, target = z[b, 2 * i + k // 2, 2 * j + k % 2], out[b, 2 * i + k // 2, 2 * j + k % 2]
                    for c in range(channels):
                        t = a[c] * value(row[c]) if place[c] == k else zero
                        v = value(before[c])
                        t = t + slope[c] * v + level[c]
                        t = t if v > floor else zero
                        target[c] = packed(t, row[c])
                        total[c] += t
            _poured(total, sums[b])
        for i in range(z.shape[1]):
            for j in range(2 * width if i < 2 * height else 0, z.shape[2]):
                before, target = z[b, i, j], out[b, i, j]
                for c in range(channels):
                    v = value(before[c])
                    t = slope[c] * v + level[c]
                    t = t if v > floor else zero
                    target[c] = packed(t, z[b, i, j, c])
                    total[c] += t
            _poured(total, sums[b])
