"""Figures as bytes: the same figure gives the same bytes, whatever the process."""

import re
import struct
import sys
from collections.abc import Callable
from functools import cached_property
from io import BytesIO
from typing import Any

from etalon import locales
from etalon.figures.style import NIGHT

COLUMN = 800  # CSS pixels: the width of a page's text
INCH = 96  # CSS pixels
DENSITY = 2  # image pixels in a CSS pixel, for fine screens
POINTS = 72  # in an inch: the unit of an SVG's size
HEAVY = 400_000  # bytes: beyond, viewers are slow to show a drawing of so many strokes

_NO_METADATA = {"Creator": None, "Date": None, "Format": None, "Type": None}
_SIZE = re.compile(r'<svg[^>]* width="([\d.]+)pt" height="([\d.]+)pt"|$')
_ID = re.compile(r'\sid="([^"]*)"')
_COLOUR = re.compile(r"(?:(?<=fill: )|(?<=stroke: ))#[0-9a-f]{6}")
_REFERENCE = re.compile(r'(url\(#|href="#)([^)"]*)')


class Image:
    """A figure to be shown: as PNG or as SVG, each drawn at the first demand.

    Args:
        make: returns a matplotlib Figure, or Axes; called anew for each format, since a figure that has been saved
            once may be laid out a little differently the next time.
        lang: of its texts.
        share: of the column that it will take, None for its own size: fixes the resolution of the PNG.
    """

    def __init__(self, make: Callable[[], Any], lang: str, share: float | None) -> None:
        self._make, self._lang, self._share = make, lang, share
        self._inches = float(self._made().get_figwidth())

    @property
    def raster(self) -> bool:
        """Whether the drawing is so heavy, photographs or many strokes, that a PNG holds it better."""
        return len(self.svg) > HEAVY

    @cached_property
    def png(self) -> bytes:
        """The figure as PNG."""
        return self._save(format="png", metadata={"Software": None})

    @cached_property
    def svg(self) -> bytes:
        """The figure as SVG."""
        return clean(self._save(format="svg", metadata=_NO_METADATA).decode()).encode()

    @property
    def size(self) -> tuple[float, float]:
        """Natural width and height, in inches, read in what was drawn."""
        if self.raster:
            width, height = struct.unpack(">II", self.png[16:24])  # the first chunk of a PNG starts with its size
            return width / self._dpi, height / self._dpi
        width, height = (float(side) for side in _SIZE.findall(self.svg.decode())[0])
        return width / POINTS, height / POINTS

    @property
    def _dpi(self) -> int:
        shown = min(self._inches * INCH, COLUMN) if self._share is None else self._share * COLUMN
        return round(DENSITY * shown / self._inches)

    def _made(self) -> Any:
        with locales.use(self._lang):
            made = self._make()
        figure = getattr(made, "figure", None) or made
        close(figure)
        return figure

    def _save(self, **options: Any) -> bytes:
        buffer = BytesIO()
        look = {"bbox_inches": "tight", "pad_inches": 0.05, "facecolor": "white"}
        figure = self._made()
        with locales.use(self._lang):  # labels of ticks are written when saving
            figure.savefig(buffer, dpi=self._dpi, **look, **options)
        return buffer.getvalue()


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


def themed(svg: str) -> str:
    """The SVG in the colours of the page that shows it, light or dark.

    The colours are variables of a style sheet, which browsers read and other viewers do not.
    """
    night = {light.lower(): dark.lower() for light, dark in NIGHT.items()}
    names = {light: f"--c{i}" for i, light in enumerate(night)}
    light, dark = (
        "svg{" + ";".join(f"{names[light]}:{shown}" for light, shown in shades) + "}"
        for shades in ([(light, light) for light in night], night.items())
    )
    style = f"<style>{light}@media screen and (prefers-color-scheme:dark){{{dark}}}</style>"
    coloured = _COLOUR.sub(lambda match: f"var({names[match[0]]})" if match[0] in names else match[0], svg)
    return re.sub(r"<svg[^>]*>", lambda match: match[0] + style, coloured, count=1)


def close(figure: Any) -> None:
    pyplot = sys.modules.get("matplotlib.pyplot")  # figures made through it stay open until told
    if pyplot is not None:
        pyplot.close(figure)
