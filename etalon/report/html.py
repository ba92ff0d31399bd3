"""The report as one HTML file that needs nothing else: no network, no folder of images, no script to work."""

import base64
import hashlib
import os
import re
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from etalon import locales
from etalon.report import files
from etalon.report.blocks import Badge, Cell, Document, Figure, Tone
from etalon.report.images import COLUMN, INCH, themed
from etalon.report.inline import kept_whole, plain, spans
from etalon.report.tree import tree

RANK: dict[Tone, int] = {"good": 0, "neutral": 1, "unsure": 2, "bad": 3}

_DURATION = re.compile(r"(\d+)\s*min\s*(\d+)\s*s")
_NUMBER_EN = re.compile(r"([-−]?)\s*(\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.(\d+))?")
_NUMBER_FR = re.compile(
    "([-−]?)\\s*(\\d{1,3}(?:[ \N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}]\\d{3})+(?!\\d)|\\d+)(?:,(\\d+))?"
)


def render(document: Document, path: str | os.PathLike[str] | None = None) -> str:
    """The page; also written to `path` when there is one.

    Images are embedded, and a content security policy forbids the page to fetch anything or to run another script
    than its own.

    Raises:
        ReportError: `path` cannot be written.
    """
    place = files.destination(path) if path is not None else None
    with locales.use(document.lang):
        template = _environment().get_template("template.html")
        page = template.render(
            document=document, nodes=tree(document), lang=document.lang, created=locales.date(document.created)
        )
    if place is not None:
        files.save(place, page.encode())
    return page


def fragment(document: Document) -> Markup:
    """The blocks alone, for a page that has a head, `blocks.css` and a script of its own."""
    with locales.use(document.lang):
        template = _environment().get_template("fragment.html")
        return Markup(template.render(nodes=tree(document), lang=document.lang))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"_": locales._, "picture": picture, "sort_key": sort_key}
    environment.filters |= {"spans": spans, "plain": plain, "whole": whole, "digest": digest, "highlight": highlight}
    environment.tests["badge"] = lambda cell: isinstance(cell, Badge)
    return environment


def picture(figure: Figure, lang: str) -> dict[str, Any]:
    """What an `<img>` needs: a data URI, SVG or for what is heavy PNG, and the size in CSS pixels."""
    image = figure.image(lang)
    kind, data = ("png", image.png) if image.raster else ("svg+xml", themed(image.svg.decode()).encode())
    natural, height = (side * INCH for side in image.size)
    width = min(natural, COLUMN) if figure.width is None else figure.width * COLUMN
    return {
        "kind": "raster" if image.raster else "vector",
        "uri": f"data:image/{kind};base64,{base64.b64encode(data).decode()}",
        "width": round(width),
        "height": round(width * height / natural),
    }


def whole(text: str) -> Markup:
    """A text whose short hyphenated words stay on one line."""
    return Markup(kept_whole(str(Markup.escape(text)), lambda word: f'<span class="whole">{word}</span>'))


def sort_key(cell: Cell, kind: str, lang: str) -> str:
    """What a column is sorted by, as the script reads it: a number, or a text; empty comes last."""
    if isinstance(cell, Badge):
        return str(RANK[cell.tone])
    if kind == "verdict":
        return ""
    if kind != "number":
        return plain(cell, lang)
    value = magnitude(plain(cell), lang)
    return "" if value is None else f"{value:g}"


def magnitude(text: str, lang: str) -> float | None:
    """The first number in a text of that language: −0.31 in "−0,31 [−0,52; −0,10]", 185 in "3 min 05 s"."""
    duration = _DURATION.search(text)
    if duration:
        return 60.0 * int(duration[1]) + int(duration[2])
    match = (_NUMBER_FR if lang == "fr" else _NUMBER_EN).search(text)
    if match is None:
        return None
    value = float(re.sub(r"\D", "", match[2]) + "." + (match[3] or "0"))
    return -value if match[1] else value


def digest(script: str) -> str:
    """The hash by which a content security policy recognises a script."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def highlight(text: str, language: str) -> Markup:
    """A program with its words classed by pygments; escaped only, when the language is not known."""
    from pygments import highlight as mark  # type: ignore[import-untyped]
    from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]
    from pygments.lexers import get_lexer_by_name  # type: ignore[import-untyped]
    from pygments.util import ClassNotFound  # type: ignore[import-untyped]

    try:
        lexer = get_lexer_by_name(language)
    except ClassNotFound:
        return Markup.escape(text)
    return Markup(mark(text, lexer, HtmlFormatter(nowrap=True)).rstrip("\n"))
