import warnings
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from etalon.errors import ReportError
from etalon.report import notebook
from etalon.report.blocks import Block, Document, Paragraph, Section, Table
from etalon.report.kept import MARK, EditedByHand


def table(source: str) -> Table:
    return Table([], [], source=source)


def blocks(result: str = "Two is even.", *more: Block) -> list[Block]:
    return [
        Section("Data", [Paragraph("Some images."), table("1 + 1"), Paragraph(result)]),
        *more,
        Section("Conclusion", [Paragraph("Done.")]),
    ]


def write(place: Path, content: list[Block], *, execute: bool = False) -> None:
    document = Document("T", "", "en", datetime(2026, 3, 14, tzinfo=UTC), content)
    notebook.render(document, place, setup="x = 2", execute=execute)


def sources(place: Path) -> list[str]:
    return [cell.source for cell in read(place).cells]


def read(place: Path) -> Any:
    found = nbformat.read(place, as_version=4)
    nbformat.validate(found)
    return found


def add(place: Path, after: str, *cells: Any) -> None:
    """What an author does: cells after the one that starts so."""
    found = read(place)
    rank = next(i for i, cell in enumerate(found.cells) if cell.source.startswith(after))
    found.cells[rank + 1 : rank + 1] = cells
    nbformat.write(found, place)


def change(place: Path, before: str, after: str) -> None:
    found = read(place)
    for cell in found.cells:
        cell.source = cell.source.replace(before, after)
    nbformat.write(found, place)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    write(tmp_path / "a.ipynb", blocks())
    return tmp_path / "a.ipynb"


def test_written_again_it_is_the_same(place: Path) -> None:
    before = place.read_bytes()
    write(place, blocks())
    assert place.read_bytes() == before
    assert [cell.id for cell in read(place).cells][:3] == ["title", "setup", "data"]
    assert all(cell.metadata[MARK]["cell"] == cell.id for cell in read(place).cells)


def test_the_authors_cells_stay_after_those_that_they_followed(place: Path) -> None:
    add(place, "## 1 Data", new_markdown_cell("My remark."), new_code_cell("x * 21"))
    add(place, "1 + 1", new_markdown_cell("Mine too."))
    write(place, blocks("Two is still even.", Section("New", [table("3")])), execute=True)
    found = sources(place)
    assert found == [
        "# T\n\n- **Date** 14 March 2026, 00:00",
        "x = 2",
        "## 1 Data\n\nSome images.",
        "My remark.",
        "x * 21",
        "1 + 1",
        "Mine too.",
        "Two is still even.",
        "## 2 New",
        "3",
        "## 3 Conclusion\n\nDone.",
    ]
    outputs = [cell.outputs[0].data["text/plain"] for cell in read(place).cells if cell.get("outputs")]
    assert outputs == ["42", "2", "3"], "the author's code is run with the rest"


def test_they_outlive_the_cell_that_they_followed(place: Path) -> None:
    write(place, blocks("Two is even.", Section("Gone", [table("4")])))
    add(place, "4", new_markdown_cell("About four."))
    add(place, "# T", new_markdown_cell("First of all."))
    write(place, blocks())
    found = sources(place)
    assert found[1] == "First of all."
    assert found[found.index("Two is even.") + 1] == "About four."
    assert "## 2 Gone" not in found


def test_a_cell_at_the_top_stays_there(place: Path) -> None:
    found = read(place)
    found.cells.insert(0, new_markdown_cell("Name, group."))
    nbformat.write(found, place)
    write(place, blocks())
    assert sources(place)[0] == "Name, group."


def test_a_changed_cell_is_kept_and_told_of(place: Path) -> None:
    change(place, "Two is even.", "Two is even, as I was taught.")
    for _ in range(2):
        with pytest.warns(EditedByHand, match=r"one cell was changed by hand.*as I was taught.*delete it"):
            write(place, blocks("Two is not odd."))
        assert "Two is even, as I was taught." in sources(place)
        assert "Two is not odd." not in sources(place)
    change(place, "Two is even, as I was taught.", "Two is not odd.")
    write(place, blocks("Two is not odd."))


def test_a_changed_cell_whose_place_is_gone_becomes_the_authors(place: Path) -> None:
    write(place, blocks("Two is even.", Section("Gone", [])))
    change(place, "## 2 Gone", "## 2 Gone, and missed")
    write(place, blocks())
    found = read(place).cells
    assert found[-2].source == "## 2 Gone, and missed"
    assert MARK not in found[-2].metadata


def test_copies_and_halves_are_the_authors(place: Path) -> None:
    found = read(place)
    rank = next(i for i, cell in enumerate(found.cells) if cell.source == "1 + 1")
    found.cells.insert(rank + 1, new_code_cell("1 + 1  # again", metadata=dict(found.cells[rank].metadata)))
    nbformat.write(found, place)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write(place, blocks())
    assert sources(place)[3:5] == ["1 + 1", "1 + 1  # again"]


def test_ids_stay_unique(place: Path) -> None:
    found = read(place)
    for cell in found.cells:
        cell.metadata = {}
    found.cells.append(new_markdown_cell("x", metadata={MARK: {"cell": "title", "digest": "?"}}))
    nbformat.write(found, place)
    with pytest.warns(EditedByHand):
        write(place, blocks())
    ids = [cell.id for cell in read(place).cells]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("content", ["not a notebook", "{}", '{"nbformat": 4, "nbformat_minor": 5}'])
def test_something_else_is_not_written_over(tmp_path: Path, content: str) -> None:
    place = tmp_path / "a.ipynb"
    place.write_text(content)
    with pytest.raises(ReportError, match=r"is not a notebook.*Move it away"):
        write(place, blocks())
    assert place.read_text() == content


def test_another_notebook_is_not_written_over(tmp_path: Path) -> None:
    nbformat.write(new_notebook(cells=[new_markdown_cell("Thesis")]), tmp_path / "a.ipynb")
    with pytest.raises(ReportError, match="Étalon has not written the notebook"):
        write(tmp_path / "a.ipynb", blocks())
    assert sources(tmp_path / "a.ipynb") == ["Thesis"]
