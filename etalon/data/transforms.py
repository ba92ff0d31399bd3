"""Varying batches of images on their device, without a Python loop over the images.

Geometry follows Keras (`keras.src.layers.preprocessing.image_preprocessing`): a matrix maps the place of a
pixel in the output to the place in the input from which its value is taken. Places are in pixels, (x, y),
x to the right and y downwards, counted from the centre ((w-1)/2, (h-1)/2) of the image.
"""

import math
from collections.abc import Sequence
from functools import reduce
from typing import Literal, TypedDict, Unpack

import torch
from torch import Tensor
from torch.nn import functional as F

from etalon.data.augmentation import (
    Augmentation,
    Brightness,
    Contrast,
    Cutout,
    Flip,
    Geometric,
    Noise,
    Rotation,
    Shear,
    Shift,
    Zoom,
)

__all__ = [
    "Augmentation",
    "Brightness",
    "Contrast",
    "Cutout",
    "Flip",
    "Noise",
    "Rotation",
    "Shear",
    "Shift",
    "Zoom",
    "add_noise",
    "affine",
    "augment",
    "brightness",
    "compose",
    "contrast",
    "cutout",
    "flip",
    "flip_matrix",
    "rotate",
    "rotation_matrix",
    "shear",
    "shear_matrix",
    "shift",
    "translation_matrix",
    "zoom",
    "zoom_matrix",
]

FillMode = Literal["constant", "reflect", "nearest", "wrap"]
Interpolation = Literal["bilinear", "nearest"]

_PADDING = {"constant": "zeros", "reflect": "reflection", "nearest": "border", "wrap": "border"}


class Sampling(TypedDict, total=False):
    """How `affine` reads between and beyond the pixels."""

    fill_mode: FillMode
    fill_value: float
    interpolation: Interpolation


def affine(
    x: Tensor,
    matrix: Tensor,
    *,
    fill_mode: FillMode = "reflect",
    fill_value: float = 0.0,
    interpolation: Interpolation = "bilinear",
) -> Tensor:
    """Resample each image through its matrix.

    Args:
        x: float (b, c, h, w).
        matrix: float (b, 2, 3), from output places to input places, centred, in pixels.
        fill_mode: beyond the edges: a constant, the image reflected about its edge (d c b a | a b c d),
            its nearest pixel, or its other side.
        fill_value: the constant, in the units of `x`.

    Returns:
        Same shape as `x`.
    """
    h, w = x.shape[-2:]
    ys = torch.arange(h, dtype=x.dtype, device=x.device)[:, None] - (h - 1) / 2  # (h, 1)
    xs = torch.arange(w, dtype=x.dtype, device=x.device) - (w - 1) / 2  # (w,)
    m = matrix.to(x)[..., None, None]  # (b, 2, 3, 1, 1)
    # Broadcast products, not a matrix product: the bits must not depend on the size of the batch.
    from_x = m[:, 0, 0] * xs + m[:, 0, 1] * ys + m[:, 0, 2]  # (b, h, w)
    from_y = m[:, 1, 0] * xs + m[:, 1, 1] * ys + m[:, 1, 2]
    if fill_mode == "wrap":
        x = F.pad(x, (0, 1, 0, 1), mode="circular")
        from_x = torch.remainder(from_x + (w - 1) / 2, w) - w / 2
        from_y = torch.remainder(from_y + (h - 1) / 2, h) - h / 2
        h, w = h + 1, w + 1
    offset = fill_value if fill_mode == "constant" else 0.0
    grid = torch.stack((from_x * (2 / w), from_y * (2 / h)), dim=-1)
    sampled = F.grid_sample(x - offset if offset else x, grid, interpolation, _PADDING[fill_mode], align_corners=False)
    return sampled + offset if offset else sampled


def rotation_matrix(angle: Tensor) -> Tensor:
    """Turn by `angle` (b,), in radians: (b, 2, 3). Keras's RandomRotation: 2π times its factor."""
    cos, sin, zero = torch.cos(angle), torch.sin(angle), torch.zeros_like(angle)
    return _matrix(cos, -sin, zero, sin, cos, zero)


def zoom_matrix(height: Tensor, width: Tensor) -> Tensor:
    """Shrink by `height` and `width` (b,): (b, 2, 3). Keras's RandomZoom: 1 + factor; above 1 zooms out."""
    zero = torch.zeros_like(height)
    return _matrix(width, zero, zero, zero, height, zero)


def translation_matrix(down: Tensor, right: Tensor) -> Tensor:
    """Move by `down` and `right` pixels (b,): (b, 2, 3). Keras's RandomTranslation: factor times the side."""
    one, zero = torch.ones_like(down), torch.zeros_like(down)
    return _matrix(one, zero, -right, zero, one, -down)


def shear_matrix(horizontal: Tensor, vertical: Tensor, corner_of: tuple[int, int] | None = None) -> Tensor:
    """Slant: `horizontal` pixels of x per pixel of y, `vertical` pixels of y per pixel of x: (b, 2, 3).

    Args:
        horizontal, vertical: (b,), the tangents of the angles; Keras's RandomShear: its factors.
        corner_of: (h, w) keeps the top left corner of such an image in place, as Keras does; None, the centre.
    """
    one = torch.ones_like(horizontal)
    h, w = corner_of or (1, 1)
    return _matrix(one, horizontal, horizontal * ((h - 1) / 2), vertical, one, vertical * ((w - 1) / 2))


def flip_matrix(horizontal: Tensor, vertical: Tensor) -> Tensor:
    """Mirror where the booleans (b,) say so: (b, 2, 3)."""
    x, y = (1.0 - 2.0 * mask.float() for mask in (horizontal, vertical))
    zero = torch.zeros_like(x)
    return _matrix(x, zero, zero, zero, y, zero)


def compose(*matrices: Tensor) -> Tensor:
    """One matrix (b, 2, 3) that does the work of several, applied to the image from first to last."""
    return reduce(_product, matrices)


def _product(first: Tensor, then: Tensor) -> Tensor:
    linear = (first[:, :, :2, None] * then[:, None, :2, :]).sum(2)  # (b, 2, 3)
    return torch.cat((linear[..., :2], linear[..., 2:] + first[..., 2:]), dim=-1)


def _matrix(*entries: Tensor) -> Tensor:
    return torch.stack(entries, dim=-1).reshape(-1, 2, 3)


def rotate(x: Tensor, angle: Tensor, **sampling: Unpack[Sampling]) -> Tensor:
    """Turn each image by its `angle` (b,), in radians, anticlockwise as one sees it."""
    return affine(x, rotation_matrix(angle), **sampling)


def zoom(x: Tensor, height: Tensor, width: Tensor, **sampling: Unpack[Sampling]) -> Tensor:
    """Shrink each image by its factors (b,); below 1 enlarges."""
    return affine(x, zoom_matrix(height, width), **sampling)


def shift(x: Tensor, down: Tensor, right: Tensor, **sampling: Unpack[Sampling]) -> Tensor:
    """Move each image by its pixels (b,)."""
    return affine(x, translation_matrix(down, right), **sampling)


def shear(x: Tensor, horizontal: Tensor, vertical: Tensor, **sampling: Unpack[Sampling]) -> Tensor:
    """Slant each image about its centre by its tangents (b,)."""
    return affine(x, shear_matrix(horizontal, vertical), **sampling)


def flip(x: Tensor, horizontal: Tensor, vertical: Tensor | None = None) -> Tensor:
    """Mirror the images for which the booleans (b,) are true; exact, nothing is interpolated."""
    x = torch.where(horizontal[:, None, None, None], x.flip(-1), x)
    return x if vertical is None else torch.where(vertical[:, None, None, None], x.flip(-2), x)


def add_noise(x: Tensor, sigma: float, generator: torch.Generator) -> Tensor:
    """Add Gaussian noise of standard deviation `sigma`, in the units of `x`."""
    noise = torch.randn(x.shape, generator=generator, device=generator.device)
    return x + sigma * noise.to(x)


def cutout(x: Tensor, top: Tensor, left: Tensor, height: int, width: int, fill_value: float = 0.0) -> Tensor:
    """Fill a rectangle of `height` by `width` pixels whose corner is at `top`, `left` (b,), in pixels."""
    h, w = x.shape[-2:]
    ys, xs = torch.arange(h, device=x.device), torch.arange(w, device=x.device)
    rows = (ys >= top[:, None]) & (ys < top[:, None] + height)  # (b, h)
    columns = (xs >= left[:, None]) & (xs < left[:, None] + width)  # (b, w)
    hole = rows[:, None, :, None] & columns[:, None, None, :]  # (b, 1, h, w)
    return x.masked_fill(hole, fill_value)


def brightness(x: Tensor, delta: Tensor, low: float = 0.0, high: float = 255.0) -> Tensor:
    """Add `delta` (b,), in the units of `x`, and clip. Keras's RandomBrightness."""
    return (x + delta[:, None, None, None]).clamp(low, high)


def contrast(x: Tensor, factor: Tensor, low: float = 0.0, high: float = 255.0) -> Tensor:
    """Multiply the distance to the mean of each channel by `factor` (b,), and clip. Keras's RandomContrast."""
    mean = x.mean(dim=(-2, -1), keepdim=True)
    return ((x - mean) * factor[:, None, None, None] + mean).clamp(low, high)


def augment(x: Tensor, specs: Sequence[Augmentation], generator: torch.Generator) -> Tensor:
    """Vary a batch as `specs` say, in their order, each image with draws of its own.

    Consecutive geometric settings of one fill are composed into one sampling, so that an image is
    interpolated once. The same generator state gives the same bits.

    Args:
        x: float32 (b, c, h, w), values 0..255.
        specs: the settings.
        generator: the source of all draws.

    Returns:
        float32 (b, c, h, w), values 0..255.
    """
    waiting: list[Geometric] = []
    for spec in specs:
        if isinstance(spec, Geometric) and len({*_fills(waiting), *_fills([spec])}) < 2:
            waiting.append(spec)
            continue
        x = _move(x, waiting, generator)
        waiting = [spec] if isinstance(spec, Geometric) else []
        if not isinstance(spec, Geometric):
            x = _repaint(x, spec, generator)
    return _move(x, waiting, generator)


def _fills(specs: Sequence[Geometric]) -> set[FillMode]:
    return {spec.fill for spec in specs if not isinstance(spec, Flip)}


def _move(x: Tensor, specs: Sequence[Geometric], generator: torch.Generator) -> Tensor:
    if not specs:
        return x
    matrix = compose(*(_draw_matrix(x, spec, generator) for spec in specs))
    fills = _fills(specs)
    if not fills:
        return flip(x, matrix[:, 0, 0] < 0, matrix[:, 1, 1] < 0)
    return affine(x, matrix, fill_mode=fills.pop())


def _draw_matrix(x: Tensor, spec: Geometric, generator: torch.Generator) -> Tensor:
    (h, w) = x.shape[-2:]
    match spec:
        case Rotation():
            return rotation_matrix(_symmetric(x, math.radians(spec.degrees), generator))
        case Zoom():
            factor = 1.0 + _symmetric(x, spec.amount, generator)
            return zoom_matrix(factor, factor)
        case Shift():
            down, right = (_symmetric(x, spec.amount * side, generator) for side in (h, w))
            return translation_matrix(down, right)
        case Shear():
            tangent = torch.tan(_symmetric(x, math.radians(spec.degrees), generator))
            return shear_matrix(tangent, torch.zeros_like(tangent))
        case Flip():
            across, over = (_symmetric(x, 1.0, generator) < 0 for _side in (h, w))
            return flip_matrix(across & spec.horizontal, over & spec.vertical)


def _repaint(x: Tensor, spec: Noise | Cutout | Brightness | Contrast, generator: torch.Generator) -> Tensor:
    h, w = x.shape[-2:]
    match spec:
        case Noise():
            return add_noise(x, spec.sigma * 255.0, generator).clamp(0.0, 255.0)
        case Cutout():
            height, width = (max(1, round(spec.size * side)) for side in (h, w))
            # The centre may be any pixel, so the rectangle may stand half outside.
            top = ((_symmetric(x, 0.5, generator) + 0.5) * h).floor() - height // 2
            left = ((_symmetric(x, 0.5, generator) + 0.5) * w).floor() - width // 2
            return cutout(x, top, left, height, width)
        case Brightness():
            return brightness(x, _symmetric(x, spec.amount * 255.0, generator))
        case Contrast():
            return contrast(x, 1.0 + _symmetric(x, spec.amount, generator))


def _symmetric(x: Tensor, limit: float, generator: torch.Generator) -> Tensor:
    """One draw for each image of `x`, uniform in ±limit, (b,)."""
    draw = torch.rand(len(x), generator=generator, device=generator.device)
    return ((2.0 * draw - 1.0) * limit).to(x)
