"""A lesson run in this process, cell after cell, with what each shows: what a kernel does, in a tenth of the time."""

import ast
import linecache
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from types import CodeType
from typing import Any

from etalon.lessons.sources import Cell, Lesson
from etalon.locales import use


@dataclass(frozen=True, eq=False)
class Shown:
    """A cell and what it showed.

    Attributes:
        printed: on standard output.
        value: of its last line when that is an expression not followed by a semicolon; None for a text.
    """

    cell: Cell
    printed: str = ""
    value: Any = None


@dataclass(frozen=True, eq=False)
class Ran:
    """A lesson that has been run: its cells with what they showed, and the variables that it leaves."""

    lesson: Lesson
    lang: str
    cells: tuple[Shown, ...]
    names: dict[str, Any]


def run(lesson: Lesson, lang: str) -> Ran:
    """Run all the cells of a lesson from top to bottom, in one language."""
    names: dict[str, Any] = {"__name__": "__main__"}
    if keras := sys.modules.get("keras"):  # it numbers its layers: begin again, as in a notebook of one's own
        keras.utils.clear_session(free_memory=False)
    with use(lang):
        cells = tuple(
            Shown(cell) if cell.lang else _shown(cell, names, f"<{lesson.name}, {lang}, {place}>")
            for place, cell in enumerate(lesson.edition(lang))
        )
    return Ran(lesson, lang, cells, names)


def _shown(cell: Cell, names: dict[str, Any], place: str) -> Shown:
    body = ast.parse(cell.source).body
    silent = cell.source.rstrip().endswith(";")
    last = body.pop() if body and isinstance(body[-1], ast.Expr) and not silent else None
    linecache.cache[place] = (len(cell.source), None, cell.source.splitlines(keepends=True), place)  # for inspect
    printed, value = StringIO(), None
    with redirect_stdout(printed):
        exec(_compiled(ast.Module(body, []), place, "exec"), names)
        if isinstance(last, ast.Expr):
            value = eval(_compiled(ast.Expression(last.value), place, "eval"), names)
    return Shown(cell, printed.getvalue(), value)


def _compiled(tree: ast.Module | ast.Expression, place: str, mode: str) -> CodeType:
    return compile(tree, place, mode, dont_inherit=True)
