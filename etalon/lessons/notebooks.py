"""A lesson as a notebook, in one language."""

from pathlib import Path
from typing import Any

from etalon.errors import LessonError
from etalon.lessons.sources import Lesson
from etalon.locales import _, language
from etalon.report import files
from etalon.report.notebook import KERNEL


def write(lesson: Lesson, path: Path | None = None) -> Path:
    """Write a lesson in the language in force, not run yet; by default in the working directory.

    Raises:
        LessonError: a file is there already: somebody may be at work in it.
        ReportError: the file cannot be written.
    """
    import nbformat

    place = path or Path(f"{lesson.name}.{language()}.ipynb")
    if place.exists():
        raise LessonError(f"{place}", _("it exists already"), _("Give another name, with --to."))
    files.save(files.destination(place), (nbformat.writes(notebook(lesson, language())) + "\n").encode())
    return place


def notebook(lesson: Lesson, lang: str) -> Any:
    """Its cells in one language, after one that makes figures and numbers speak it too."""
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

    setup = f'import os\n\nos.environ["ETALON_LANG"] = "{lang}"'
    title, *rest = lesson.edition(lang)
    cells = [new_markdown_cell(title.source, id="title"), new_code_cell(setup, id="language")]
    for place, cell in enumerate(rest, 1):
        cells.append((new_markdown_cell if cell.lang else new_code_cell)(cell.source, id=f"cell-{place}"))
    kernel = {"name": KERNEL, "display_name": "Python 3 (ipykernel)", "language": "python"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernel, "title": lesson.name})
