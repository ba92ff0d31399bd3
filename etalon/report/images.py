"""Figures as bytes: the same figure gives the same bytes, whatever the process."""

import re
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from etalon import locales

COLUMN = 800  # CSS pixels: the width of a page's text
INCH = 96  # CSS pixels
DENSITY = 2  # image pixels in a CSS pixel, for fine screens

_NO_METADATA = {"Creator": None, "Date": None, "Format": None, "Type": None}
_ID = re.compile(r'\sid="([^"]*)"')
_REFERENCE = re.compile(r'(url\(#|href="#)([^)"]*)')


@dataclass(frozen=True)
class Image:
    """A drawn figure: `png` and `svg` show the same; `width` and `height` are the natural size, in inches."""

    png: bytes
    svg: bytes
    width: float
    height: float


def draw(make: Callable[[], Any], lang: str, share: float | None) -> Image:
    """Draw what `make` returns (a matplotlib Figure, or Axes) in the language `lang`.

    Args:
        share: of the column that it will take, None for its own size: fixes the resolution of the PNG.
    """
    with locales.use(lang):  # labels of ticks are written when saving
        made = make()
        figure = getattr(made, "figure", None) or made
        inches = float(figure.get_figwidth())
        shown = min(inches * INCH, COLUMN) if share is None else share * COLUMN
        dpi = round(DENSITY * shown / inches)
        png = _save(figure, format="png", dpi=dpi, metadata={"Software": None})
        svg = _save(figure, format="svg", dpi=dpi, metadata=_NO_METADATA)
    _close(figure)
    width, height = struct.unpack(">II", png[16:24])  # the first chunk of a PNG starts with its size
    return Image(png, clean(svg.decode()).encode(), width / dpi, height / dpi)


def clean(svg: str) -> str:
    """The SVG with ids numbered in order of appearance; those that nothing refers to are dropped.

    matplotlib draws some of them at random.
    """
    used = {name for _, name in _REFERENCE.findall(svg)}
    short: dict[str, str] = {}
    for name in _ID.findall(svg):
        if name in used:
            short.setdefault(name, f"i{len(short)}")

    def renamed(match: re.Match[str]) -> str:
        return f' id="{short[match[1]]}"' if match[1] in short else ""

    def redirected(match: re.Match[str]) -> str:
        return match[1] + short.get(match[2], match[2])

    return _REFERENCE.sub(redirected, _ID.sub(renamed, svg))


def _save(figure: Any, **options: Any) -> bytes:
    buffer = BytesIO()
    figure.savefig(buffer, bbox_inches="tight", pad_inches=0.05, facecolor="white", **options)
    return buffer.getvalue()


def _close(figure: Any) -> None:
    pyplot = sys.modules.get("matplotlib.pyplot")  # figures made through it stay open until told
    if pyplot is not None:
        pyplot.close(figure)
