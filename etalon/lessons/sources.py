"""Lessons as they are written: percent sources, whose texts stand in French and in English side by side."""

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from etalon.errors import LessonError
from etalon.locales import _, language
from etalon.report.inline import typeset

_NAME = re.compile(r"(\d\d)_\w+")
_IMPORT = re.compile(r"^from etalon\.lessons import say\n", re.MULTILINE)
_AS_WRITTEN = re.compile(r"(```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$]*\$|<[^>]*>)", re.DOTALL)  # code, formulas, tags
_CUT = re.compile(r"(?<!\n)\n(?=[:;?%»]|!(?!\[))|(?<=«)\n")  # where French wants a space that is never broken


@dataclass(frozen=True)
class Cell:
    """One cell of a lesson.

    Attributes:
        source: Markdown, or a program.
        lang: of a text; None for a program, which the languages share.
    """

    source: str
    lang: str | None


@dataclass(frozen=True)
class Lesson:
    """A lesson in all its languages.

    Attributes:
        number: its place in the course, from 1.
        name: of its file, without suffix.
        cells: in reading order, French and English texts by turns.
    """

    number: int
    name: str
    cells: tuple[Cell, ...]

    @property
    def row(self) -> str:
        """What the course asked for, in the list of what the founding documents ask."""
        return f"T5.{self.number}"

    @property
    def title(self) -> str:
        """The heading of its first text, in the language in force."""
        return self._opening()[0].removeprefix("# ")

    @property
    def summary(self) -> str:
        """The paragraph under its title, in the language in force."""
        return " ".join(self._opening()[1].split())

    def edition(self, lang: str) -> tuple[Cell, ...]:
        """The cells of one language: its texts, and the programs saying what they say in it."""
        return tuple(
            Cell(spoken(cell.source, lang), None) if cell.lang is None else Cell(written(cell.source, lang), lang)
            for cell in self.cells
            if cell.lang in (None, lang)
        )

    def _opening(self) -> list[str]:
        lang = language()
        first = next(cell.source for cell in self.cells if cell.lang == lang)
        return written(first, lang).split("\n\n")


def lessons() -> tuple[Lesson, ...]:
    """All the lessons, in order.

    Raises:
        LessonError: the installation is without them.
    """
    return tuple(_read(path) for path in sorted(folder().glob("*.py")) if _NAME.fullmatch(path.stem))


def lesson(number: int) -> Lesson:
    """One of them.

    Raises:
        LessonError: there is none of that number.
    """
    course = {one.number: one for one in lessons()}
    if number not in course:
        raise LessonError(
            _("lesson {number}").format(number=number),
            _("there is none of that number"),
            _("`etalon lessons` lists them all."),
        )
    return course[number]


def folder() -> Path:
    """Where the lessons are: inside an installed package, or at the root of a checkout."""
    package = Path(__file__).parents[1]
    for place in (package / "shipped" / "lessons", package.parent / "lessons"):
        if place.is_dir():
            return place
    raise LessonError(
        f"{package}",
        _("the lessons are not beside the package"),
        _("Install Étalon again, from its wheel or its sources."),
    )


def written(text: str, lang: str) -> str:
    """Markdown with the spaces and apostrophes that its language wants, outside code and formulas."""
    parts = _AS_WRITTEN.split(text)
    if lang == "fr":
        parts[::2] = (_CUT.sub(" ", part) for part in parts[::2])
    return "".join(part if i % 2 else typeset(part, lang) for i, part in enumerate(parts))


def spoken(program: str, lang: str) -> str:
    """A program with each `say(fr=..., en=...)` replaced by what it says in `lang`."""
    tree = ast.parse(program)
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _is_say(node.func)]
    arguments = {child for node in ast.walk(tree) if isinstance(node, ast.Call) for child in node.args}
    data = program.encode()
    starts = [0]
    for line in data.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for call in sorted(calls, key=lambda call: (call.lineno, call.col_offset), reverse=True):
        begin, end = _span(call, starts)
        said = next(keyword.value for keyword in call.keywords if keyword.arg == lang)
        first, last = _span(said, starts)
        lines = typeset(data[first:last].decode(), lang).splitlines()
        opening, closing = ("", "") if len(lines) == 1 or call in arguments else ("(", ")")
        margin = " " * len(data[starts[call.lineno - 1] : begin].decode() + opening)
        text = f"\n{margin}".join(line.strip() for line in lines)
        data = data[:begin] + f"{opening}{text}{closing}".encode() + data[end:]
    return _IMPORT.sub("", data.decode()).strip("\n")


def _is_say(function: ast.expr) -> bool:
    return isinstance(function, ast.Name) and function.id == "say"


def _span(node: ast.expr, starts: list[int]) -> tuple[int, int]:
    """Where a node begins and ends, in bytes."""
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    return starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset


@cache
def _read(path: Path) -> Lesson:
    import jupytext

    found = _NAME.fullmatch(path.stem)
    assert found
    notebook: Any = jupytext.reads(path.read_text(encoding="utf-8"), fmt="py:percent")
    cells = (
        Cell(cell.source, cell.metadata["lang"] if cell.cell_type == "markdown" else None) for cell in notebook.cells
    )
    return Lesson(int(found[1]), path.stem, tuple(cells))
