"""Image files to pixels, and pixels to another size."""

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from etalon.data.dataset import Images
from etalon.errors import DataError
from etalon.locales import _

Size = tuple[int, int]  # (h, w)
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")  # decoders that run no other program
MOST = 50_000_000  # pixels of an image file: beyond, opening it would take gigabytes


def pair(size: int | tuple[int, int] | None) -> Size | None:
    """(h, w) from what the user wrote: a side, or both.

    Raises:
        DataError: anything else than one or two positive integers.
    """
    if size is None:
        return None
    sides = (size, size) if isinstance(size, int) else tuple(size)
    if len(sides) != 2 or not all(isinstance(side, int) and side > 0 for side in sides):
        raise DataError(
            f"size={size!r}",
            _("a size is a number of pixels, or a height and a width"),
            _("Say size=28 or size=(28, 28)."),
        )
    return sides[0], sides[1]


def decode(data: bytes, where: str, size: Size | None) -> NDArray[np.uint8]:
    """The pixels of an image file: uint8 (h, w, 1) if it is grey, else (h, w, 3).

    A photograph is turned as its camera says; transparent pixels are laid on white; 16 bits become 8.

    Raises:
        DataError: a file that is not an image, a broken one, or one of more than `MOST` pixels; it names `where`.
    """
    try:
        with Image.open(BytesIO(data), formats=FORMATS) as file:
            _check_size(file, where)
            ImageOps.exif_transpose(file, in_place=True)
            image = _plain(file)
            if size and (image.height, image.width) != size:
                image = _resized(image, size)
            pixels = np.asarray(image)
    except DataError:
        raise
    except Exception as error:  # pillow's decoders raise nearly anything on a broken file
        raise DataError(
            where,
            _("this is not an image that can be read ({error})").format(error=type(error).__name__),
            _("Remove the file, or replace it by a PNG or a JPEG."),
        ) from error
    return pixels.reshape(*pixels.shape[:2], -1)


def resize(x: Images, size: Size | None) -> Images:
    """The images at another size, (n, *size, c): bicubic to enlarge, bilinear with averaging to shrink."""
    if size is None or x.shape[1:3] == size:
        return x
    out = np.empty((len(x), *size, x.shape[-1]), np.uint8)
    for i in range(len(x)):
        pixels = np.asarray(x[i, ..., 0] if x.shape[-1] == 1 else x[i])
        out[i] = np.asarray(_resized(Image.fromarray(pixels), size)).reshape(out.shape[1:])
    return out


def channels(image: NDArray[np.uint8], wanted: int) -> NDArray[np.uint8]:
    """(h, w, 1 or 3) -> (h, w, wanted); colours become their luminance (ITU-R BT.601)."""
    if image.shape[-1] == wanted:
        return image
    if wanted == 3:
        return np.repeat(image, 3, axis=-1)
    luminance = np.rint(image @ np.array([[0.299], [0.587], [0.114]]))
    return np.asarray(luminance, np.uint8)


def _check_size(image: Image.Image, where: str) -> None:
    """Before anything is decoded: a file of a few bytes can announce more pixels than there is memory."""
    if image.width * image.height > MOST:
        raise DataError(
            where,
            _("it has {w} × {h} pixels, more than {most} million").format(
                w=image.width, h=image.height, most=MOST // 1_000_000
            ),
            _("Make it smaller: it will be brought to the size of the others anyway."),
        )


def _resized(image: Image.Image, size: Size) -> Image.Image:
    larger = size[0] >= image.height and size[1] >= image.width
    # Bilinear shows the grid of the old pixels when it enlarges.
    how = Image.Resampling.BICUBIC if larger else Image.Resampling.BILINEAR
    return image.resize((size[1], size[0]), how)


def _plain(image: Image.Image) -> Image.Image:
    """The image as 8-bit grey or colour."""
    if image.mode in ("L", "RGB"):
        return image
    if image.mode == "1":
        return image.convert("L")
    if image.mode.startswith("I"):
        return Image.fromarray(_eight_bits(np.asarray(image)))
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        opaque = Image.new("RGBA", image.size, "white")
        opaque.alpha_composite(image.convert("RGBA"))
        return opaque.convert("L" if image.mode.startswith("L") else "RGB")
    return image.convert("RGB")


def _eight_bits(pixels: NDArray[np.generic]) -> NDArray[np.uint8]:
    wide = pixels.astype(np.int64)
    return np.rint(np.clip(wide, 0, 65535) / 257).astype(np.uint8)
