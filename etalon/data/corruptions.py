"""Degraded copies of images, to see how a model holds up: ten kinds, five severities.

After Hendrycks & Dietterich, "Benchmarking Neural Network Robustness to Common Corruptions and
Perturbations" (2019), with strengths that suit small images. Geometric kinds move every image by the same
amount, in a direction drawn for each, and repeat the edge pixels outside.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from etalon.data.dataset import CHUNK, Images
from etalon.errors import DataError
from etalon.locales import _

SEVERITIES = (1, 2, 3, 4, 5)

Floats = NDArray[np.float32]
Corruption = Callable[[Images, int, np.random.Generator], Images]

_NOISE = (0.05, 0.1, 0.15, 0.25, 0.4)  # standard deviation, 1 is the whole range
_BLUR = (0.01, 0.02, 0.03, 0.045, 0.06)  # standard deviation beyond 0.3 pixel, share of the smaller side
_CONTRAST = (0.75, 0.6, 0.45, 0.3, 0.15)  # of the distance to the mean that remains
_BRIGHTNESS = (0.1, 0.2, 0.3, 0.4, 0.5)  # added, 1 is the whole range
_ROTATION = (5.0, 10.0, 15.0, 25.0, 40.0)  # degrees
_SHIFT = (0.04, 0.08, 0.12, 0.16, 0.2)  # share of each side
_SCALE = (1.1, 1.2, 1.3, 1.4, 1.5)  # factor, enlarging or shrinking
_SHEAR = (5.0, 10.0, 15.0, 20.0, 30.0)  # degrees
_JPEG = (60, 40, 25, 15, 8)  # quality
_OCCLUSION = (0.125, 0.25, 0.375, 0.5, 0.625)  # share of each side

OCCLUDER = 128  # mid-grey: an object laid over the image, whether ink is dark or light


def corrupt(x: Images, name: str, severity: int, seed: int) -> Images:
    """A degraded copy of `x`.

    Args:
        x: uint8 (n, h, w, c), values 0..255.
        name: one of `CORRUPTIONS`.
        severity: 1 (slight) to 5 (strong).
        seed: of the draws; the same seed draws the same directions at every severity.

    Returns:
        uint8, same shape.

    Raises:
        DataError: an unknown kind or severity.
    """
    if name not in CORRUPTIONS:
        raise DataError(
            _("corruption {name!r}").format(name=name),
            _("there is none of that name"),
            _("Choose one of {names}.").format(names=", ".join(CORRUPTIONS)),
        )
    if severity not in SEVERITIES:
        raise DataError(
            _("severity {severity}").format(severity=severity),
            _("severities go from 1 (slight) to 5 (strong)"),
            _("Choose one of {names}.").format(names=", ".join(map(str, SEVERITIES))),
        )
    return CORRUPTIONS[name](x, severity - 1, np.random.default_rng(seed))


def document_noise(x: Images, sigma: float = 0.1, seed: int = 0) -> Floats:
    """`clip(x/255 + N(0, sigma), 0, 1) * 255`, without rounding: float32 (n, h, w, c), values 0..255."""
    noisy = x / 255 + np.random.default_rng(seed).normal(0, sigma, x.shape)
    return (np.clip(noisy, 0, 1) * 255).astype(np.float32)


def document_rotation(x: Images, degrees: float = 15.0, seed: int = 0) -> Floats:
    """Each image turned by an angle drawn uniformly in ±degrees, as `scipy.ndimage.rotate` does by default.

    Cubic spline, zeros outside, not clipped: float32 (n, h, w, c), values about 0..255.
    """
    from scipy.ndimage import rotate

    angles = np.random.default_rng(seed).uniform(-degrees, degrees, len(x))
    turned = np.empty(x.shape, np.float32)
    for i, angle in enumerate(angles):
        turned[i] = rotate(x[i].astype(np.float32) / 255, angle, reshape=False)
    return turned * 255


@dataclass(frozen=True)
class Wear:
    """Several kinds at once, each as strong and in the direction that one likes; 0 leaves the image as it is.

    Attributes:
        noise: standard deviation, 1 is the whole range.
        blur: standard deviation beyond 0.3 pixel, share of the smaller side.
        rotation: degrees, anticlockwise.
        right, down: shares of the width and of the height.
    """

    noise: float = 0.0
    blur: float = 0.0
    rotation: float = 0.0
    right: float = 0.0
    down: float = 0.0

    def apply(self, x: Images, seed: int = 0) -> Images:
        """Copies of `x` turned, then moved, then blurred, then with noise, drawn from the seed."""
        if self.rotation:
            x = _sample(x, np.array(_turn(self.rotation), np.float32))
        if self.right or self.down:
            h, w = x.shape[1:3]
            x = _sample(x, np.array([[1, 0, -self.right * w], [0, 1, -self.down * h]], np.float32))
        if self.blur:
            x = _blurred(x, self.blur)
        return _noisy(x, self.noise, np.random.default_rng(seed)) if self.noise else x


def noise(x: Images, level: int, rng: np.random.Generator) -> Images:
    """Gaussian noise."""
    return _noisy(x, _NOISE[level], rng)


def blur(x: Images, level: int, rng: np.random.Generator) -> Images:
    """Gaussian blur."""
    return _blurred(x, _BLUR[level])


def contrast(x: Images, level: int, rng: np.random.Generator) -> Images:
    """Pixels brought nearer to the mean of their image."""
    mean = x.mean(axis=(1, 2, 3), keepdims=True, dtype=np.float32)
    return _pixels((x - mean) * np.float32(_CONTRAST[level]) + mean)


def brightness(x: Images, level: int, rng: np.random.Generator) -> Images:
    """Light added everywhere."""
    return _pixels(x + np.float32(_BRIGHTNESS[level] * 255))


def rotation(x: Images, level: int, rng: np.random.Generator) -> Images:
    """Turned one way or the other."""
    return _moved(x, [_turn(_ROTATION[level]), _turn(-_ROTATION[level])], rng)


def shift(x: Images, level: int, rng: np.random.Generator) -> Images:
    """Moved in one of the eight directions."""
    down, right = (_SHIFT[level] * side for side in x.shape[1:3])
    steps = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j]
    return _moved(x, [[[1, 0, j * right], [0, 1, i * down]] for i, j in steps], rng)


def scale(x: Images, level: int, rng: np.random.Generator) -> Images:
    """Enlarged or shrunk."""
    factor = _SCALE[level]
    return _moved(x, [[[f, 0, 0], [0, f, 0]] for f in (factor, 1 / factor)], rng)


def shear(x: Images, level: int, rng: np.random.Generator) -> Images:
    """Slanted to the left or to the right."""
    tangent = math.tan(math.radians(_SHEAR[level]))
    return _moved(x, [[[1, t, 0], [0, 1, 0]] for t in (tangent, -tangent)], rng)


def jpeg(x: Images, level: int, rng: np.random.Generator) -> Images:
    """Compressed by JPEG."""
    out = np.empty_like(x)
    for i in range(len(x)):
        file = BytesIO()
        Image.fromarray(np.asarray(x[i, ..., 0] if x.shape[-1] == 1 else x[i])).save(file, "JPEG", quality=_JPEG[level])
        with Image.open(file) as image:
            out[i] = np.asarray(image).reshape(x.shape[1:])
    return out


def occlusion(x: Images, level: int, rng: np.random.Generator) -> Images:
    """Partly hidden by a grey rectangle."""
    n, h, w, _c = x.shape
    height, width = (max(1, round(_OCCLUSION[level] * side)) for side in (h, w))
    top, left = (np.floor(rng.random(n) * room) for room in (h - height + 1, w - width + 1))
    rows = (np.arange(h) >= top[:, None]) & (np.arange(h) < top[:, None] + height)  # (n, h)
    columns = (np.arange(w) >= left[:, None]) & (np.arange(w) < left[:, None] + width)  # (n, w)
    hidden = rows[:, :, None, None] & columns[:, None, :, None]  # (n, h, w, 1)
    covered = x.copy()
    np.copyto(covered, OCCLUDER, where=hidden)
    return covered


CORRUPTIONS: Mapping[str, Corruption] = MappingProxyType(
    {
        "noise": noise,
        "blur": blur,
        "contrast": contrast,
        "brightness": brightness,
        "rotation": rotation,
        "shift": shift,
        "scale": scale,
        "shear": shear,
        "jpeg": jpeg,
        "occlusion": occlusion,
    }
)


STRENGTHS: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {"noise": _NOISE, "blur": _BLUR, "rotation": _ROTATION, "shift": _SHIFT}
)  # of each severity, in the units of `Wear`


def _noisy(x: Images, sigma: float, rng: np.random.Generator) -> Images:
    drawn = rng.standard_normal(x.shape, dtype=np.float32)
    return _pixels(x + drawn * np.float32(sigma * 255))


def _blurred(x: Images, share: float) -> Images:
    from scipy.ndimage import gaussian_filter

    sigma = 0.3 + share * min(x.shape[1:3])
    return _pixels(gaussian_filter(x.astype(np.float32), (0, sigma, sigma, 0), mode="nearest"))


def _turn(degrees: float) -> list[list[float]]:
    """The matrix, from output to input places, that turns an image anticlockwise."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return [[cos, -sin, 0.0], [sin, cos, 0.0]]


def _pixels(values: Floats) -> Images:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _moved(x: Images, matrices: list[list[list[float]]], rng: np.random.Generator) -> Images:
    """Each image through one of the matrices, drawn for it."""
    choice = rng.integers(len(matrices), size=len(x))
    out = np.empty_like(x)
    for k, matrix in enumerate(matrices):
        chosen = np.flatnonzero(choice == k)
        for start in range(0, len(chosen), CHUNK):
            index = chosen[start : start + CHUNK]
            out[index] = _sample(x[index], np.array(matrix, np.float32))
    return out


def _sample(x: Images, matrix: Floats) -> Images:
    """Bilinear reading of `x` (n, h, w, c) through a matrix (2, 3) from output to input places, centred."""
    n, h, w, c = x.shape
    ys = np.arange(h, dtype=np.float32)[:, None] - (h - 1) / 2
    xs = np.arange(w, dtype=np.float32) - (w - 1) / 2
    from_x = np.clip(matrix[0, 0] * xs + matrix[0, 1] * ys + matrix[0, 2] + (w - 1) / 2, 0, w - 1)  # (h, w)
    from_y = np.clip(matrix[1, 0] * xs + matrix[1, 1] * ys + matrix[1, 2] + (h - 1) / 2, 0, h - 1)
    left, top = np.floor(from_x).astype(int), np.floor(from_y).astype(int)
    right, bottom = np.minimum(left + 1, w - 1), np.minimum(top + 1, h - 1)
    a, b = from_x - left, from_y - top  # weights of right and of bottom
    flat = x.reshape(n, h * w, c)
    out = np.zeros(x.shape, np.float32)
    for rows, columns, weight in (
        (top, left, (1 - a) * (1 - b)),
        (top, right, a * (1 - b)),
        (bottom, left, (1 - a) * b),
        (bottom, right, a * b),
    ):
        places = (rows * w + columns).ravel()
        out += flat.take(places, axis=1).reshape(x.shape) * weight.astype(np.float32)[..., None]
    return _pixels(out)
