"""A lesson as a notebook."""

from pathlib import Path

import nbformat
import pytest

from etalon.errors import LessonError, ReportError
from etalon.lessons.notebooks import notebook, write
from etalon.lessons.running import run
from etalon.lessons.sources import lesson, lessons
from etalon.locales import LANGUAGES, use


@pytest.mark.parametrize("lang", LANGUAGES)
def test_it_has_the_cells_of_one_language(lang: str, tmp_path: Path) -> None:
    with use(lang):
        path = write(lesson(10), tmp_path / "a.ipynb")
    cells = nbformat.read(path, as_version=4).cells
    nbformat.validate(nbformat.read(path, as_version=4))
    assert cells[1].source == f'import os\n\nos.environ["ETALON_LANG"] = "{lang}"'
    assert [cell.source for cell in cells[:1] + cells[2:]] == [cell.source for cell in lesson(10).edition(lang)]
    assert len({cell.id for cell in cells}) == len(cells)


def test_it_runs_from_top_to_bottom_in_a_kernel(tmp_path: Path) -> None:
    from nbclient import NotebookClient

    cells = notebook(lesson(10), "fr")
    NotebookClient(cells, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [output for cell in cells.cells for output in cell.get("outputs", [])]
    pictures = [output for output in shown if "image/png" in output.get("data", {})]
    ran = run(lesson(10), "fr")
    assert len(pictures) == sum(hasattr(cell.value, "figure") for cell in ran.cells) == 2
    tables = [output.data["text/html"] for output in shown if "text/html" in output.get("data", {})]
    assert "66,7" in tables[0]


def test_it_is_written_here_and_never_over_somebodys_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    first = lessons()[0]
    with use("fr"):
        path = write(first)
        assert path == Path(f"{first.name}.fr.ipynb")
        assert (tmp_path / path).exists()
    with use("en"):
        with pytest.raises(LessonError, match=r"it exists already\. Give another name, with --to"):
            write(first, path)
        with pytest.raises(ReportError, match=r"the folder .* does not exist"):
            write(first, tmp_path / "nowhere" / "a.ipynb")
