"""The report as a PDF, typeset by typst with the fonts of its own wheel, without the network.

The document goes to `template.typ` as data (JSON and images), never as source: nothing in it can be taken for code.
"""

import json
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from etalon import locales
from etalon.errors import ReportError
from etalon.locales import _
from etalon.report import files
from etalon.report.blocks import (
    Badge,
    Bullets,
    Callout,
    Cell,
    Code,
    Details,
    Document,
    Facts,
    Figure,
    Paragraph,
    Section,
    Table,
)
from etalon.report.inline import kept_whole, plain, spans
from etalon.report.tree import Node, tree

TEXT_WIDTH = 16.4 / 2.54  # inches: A4 less the margins of template.typ
MAX_HEIGHT = 20.5 / 2.54  # inches
MATRIX = 5  # columns of numbers from which a table is one

_BREAK, _JOIN = "\N{ZERO WIDTH SPACE}", "\N{WORD JOINER}"
_LONG = re.compile(r"\w\S{11,}")
_ENDLESS = re.compile(r"[^\s\u200b]{25,}")
_JOINT = re.compile(r"(?<=[_/\\.,=-])(?=[^\W_])")


def render(document: Document, path: str | os.PathLike[str]) -> None:
    """Write the document to `path` as a tagged PDF on A4 pages.

    Raises:
        ReportError: `path` cannot be written, or typst refuses the document.
    """
    place = files.destination(path)
    with TemporaryDirectory(prefix="etalon-report-") as name:
        folder = Path(name)
        with locales.use(document.lang):
            content = _Writer(document.lang, folder).document(document)
        (folder / "document.json").write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
        shutil.copyfile(Path(__file__).with_name("template.typ"), folder / "main.typ")
        data = _compile(folder, document)
    files.save(place, data)


def _compile(folder: Path, document: Document) -> bytes:
    import typst

    created = document.created if document.created.tzinfo else document.created.replace(tzinfo=UTC)
    try:
        pdf = typst.compile(
            folder / "main.typ",
            root=folder,
            font_paths=typst.Fonts(include_system_fonts=False, include_embedded_fonts=True),
            format="pdf",
            timestamp=int(created.timestamp()),
        )
    except typst.TypstError as error:
        raise ReportError(
            _("report “{title}”").format(title=document.title),
            _("typst could not set it: {error}").format(error=error),
            _("Write it as .html instead, and report this as a defect of Étalon."),
        ) from error
    return bytes(pdf)


class _Writer:
    """Blocks to what `template.typ` reads; images go to `folder`."""

    def __init__(self, lang: str, folder: Path) -> None:
        self.lang, self.folder = lang, folder
        self.images = 0

    def document(self, document: Document) -> dict[str, Any]:
        meta = [*document.meta.items(), (_("Date"), locales.date(document.created))]
        return {
            "lang": document.lang,
            "name": plain(document.title, self.lang),
            "summary": plain(document.subtitle, self.lang),
            "keywords": [plain(f"{name} {value}", self.lang) for name, value in document.meta.items()],
            "title": self.inline(document.title),
            "subtitle": self.inline(document.subtitle),
            "meta": [[self.inline(name), self.inline(value)] for name, value in meta],
            "contents": _("Contents"),
            "notice": self.inline(document.notice),
            "blocks": self.nodes(tree(document)),
        }

    def nodes(self, nodes: Sequence[Node]) -> list[dict[str, Any]]:
        return [{"kind": node.kind, "label": node.label} | self.block(node) for node in nodes]

    def inline(self, text: str) -> list[dict[str, Any]]:
        return [asdict(span) | {"text": breakable(joined(span.text))} for span in spans(text, self.lang)]

    def block(self, node: Node) -> dict[str, Any]:
        match node.block:
            case Section(title=title):
                return {"title": self.inline(title), "level": node.level, "blocks": self.nodes(node.children)}
            case Details(summary=summary):
                return {"summary": self.inline(summary), "blocks": self.nodes(node.children)}
            case Paragraph(text=text):
                return {"text": self.inline(text)}
            case Bullets(items=items):
                return {"items": [self.inline(item) for item in items]}
            case Facts(pairs=pairs):
                cards = [(fact.label, fact.value, fact.note) for fact in pairs]
                return {"cards": [[self.inline(text) for text in card] for card in cards]}
            case Code(text=text, language=language):
                return {"text": text, "language": language}
            case Callout(text=text, tone=tone):
                return {"text": self.inline(text), "tone": tone}
            case Table() as table:
                return self.table(table)
            case Figure() as figure:
                return self.figure(figure)

    def table(self, table: Table) -> dict[str, Any]:
        return {
            "caption": self.inline(table.caption),
            "align": list(table.alignment),
            "header": [self.inline(column.header) for column in table.columns],
            "kinds": [column.kind for column in table.columns],
            "growing": growing(table),
            "rows": [[self.cell(cell) for cell in row] for row in table.rows],
            "highlight": list(table.highlight),
        }

    def cell(self, cell: Cell) -> dict[str, Any]:
        if isinstance(cell, Badge):
            return {"text": self.inline(cell.text), "tone": cell.tone}
        return {"text": self.inline(cell), "tone": None}

    def figure(self, figure: Figure) -> dict[str, Any]:
        image = figure.image(self.lang)
        self.images += 1
        suffix, data = ("png", image.png) if image.raster else ("svg", image.svg)
        name = f"{self.images}.{suffix}"
        (self.folder / name).write_bytes(data)
        natural, height = image.size
        width = min(natural, TEXT_WIDTH) if figure.width is None else figure.width * TEXT_WIDTH
        return {
            "image": name,
            "width": min(width, MAX_HEIGHT * natural / height),
            "alt": plain(figure.alt or figure.caption, self.lang),
            "caption": self.inline(figure.caption),
        }


def growing(table: Table) -> str:
    """The kind of the columns that take the room which the others leave: texts, but numbers in a matrix of them."""
    kinds = [column.kind for column in table.columns]
    return "number" if kinds.count("number") >= max(MATRIX, len(kinds) - 1) else "text"


def joined(text: str) -> str:
    """`text` whose short hyphenated words stay on one line."""
    return kept_whole(text, lambda word: word.replace("-", f"-{_JOIN}"))


def breakable(text: str) -> str:
    """`text` whose long words (paths, names of variants) may be broken: after punctuation, anywhere if endless."""
    return _LONG.sub(lambda match: _ENDLESS.sub(lambda word: _BREAK.join(word[0]), _JOINT.sub(_BREAK, match[0])), text)
