import asyncio
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat
import pytest
from conftest import curves, errors_by_digit, sample

from etalon.errors import ReportError
from etalon.report import notebook
from etalon.report.blocks import Column, Details, Document, Figure, Paragraph, Section, Table
from etalon.report.inline import Span
from etalon.report.tree import NotDrawn

SETUP = """import os
verdicts = {"language": os.environ["ETALON_LANG"], "folder": os.getcwd()}

def draw():
    from matplotlib import pyplot as plt
    axes = plt.figure(figsize=(1, 1)).add_subplot()
    axes.plot([1, 2])
    return axes
"""


def around(*blocks: Any) -> Document:
    return Document("T", "", "en", datetime(2026, 3, 14, tzinfo=UTC), blocks)


def read(path: Path) -> Any:
    cells = nbformat.read(path, as_version=4)
    nbformat.validate(cells)
    return cells


def test_a_report_is_computed_again(tmp_path: Path) -> None:
    for name in ("a.ipynb", "b.ipynb"):
        notebook.render(sample("fr"), tmp_path / name, setup=SETUP)
    assert (tmp_path / "a.ipynb").read_bytes() == (tmp_path / "b.ipynb").read_bytes(), "no date, no random id"
    cells = read(tmp_path / "a.ipynb").cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    assert [cell.source for cell in code] == [SETUP.strip(), "draw();", "verdicts", "draw();"]
    assert [cell.execution_count for cell in code] == [1, 2, 3, 4]
    table = code[2].outputs[0].data["text/plain"]
    assert "'fr'" in table
    assert str(tmp_path.resolve()) in table, "it runs beside the file"
    for cell in (code[1], code[3]):
        assert [list(output.data) for output in cell.outputs] == [["image/png", "text/plain"]]
    texts = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    assert re.findall(r"^#+ .*", texts, re.MULTILINE)[:3] == [
        "# Lire les chiffres d’un formulaire",
        "## 1 Introduction",
        "## 2 Modèle de référence",
    ]
    for cell in cells:
        shown = set(re.findall(r"\(attachment:([^)]*)\)", cell.source))
        assert shown == set(cell.get("attachments", {}))


def test_without_running(tmp_path: Path) -> None:
    notebook.render(sample("en"), tmp_path / "a.ipynb", setup="raise SystemExit", execute=False)
    code = [cell for cell in read(tmp_path / "a.ipynb").cells if cell.cell_type == "code"]
    assert len(code) == 4
    assert all(cell.execution_count is None and not cell.outputs for cell in code)


def test_blocks_with_a_source_are_not_drawn(tmp_path: Path) -> None:
    def draw() -> Any:
        raise AssertionError("drawn")

    document = around(Figure(draw, "F.", source="1"), Figure(curves), Figure(errors_by_digit))
    notebook.render(document, tmp_path / "a.ipynb", setup="", execute=False)
    cells = read(tmp_path / "a.ipynb").cells
    assert [cell.cell_type for cell in cells] == ["markdown", "code", "markdown"]
    assert len(cells[2].attachments) == 2, "figures without a caption have names of their own"


def test_it_runs_from_within_a_notebook(tmp_path: Path) -> None:
    async def cell() -> None:
        notebook.render(around(), tmp_path / "a.ipynb", setup="6 * 7")

    asyncio.run(cell())
    assert read(tmp_path / "a.ipynb").cells[1].outputs[0].data["text/plain"] == "42"


def test_addresses_are_left_out(tmp_path: Path) -> None:
    notebook.render(around(), tmp_path / "a.ipynb", setup="object()")
    assert read(tmp_path / "a.ipynb").cells[1].outputs[0].data["text/plain"] == "<object>"


def test_a_cell_that_fails(tmp_path: Path) -> None:
    table = Table([Column("a")], [["1"]], source="1 / 0")
    with pytest.raises(ReportError, match="notebook cell `1 / 0`: ZeroDivisionError: division by zero") as caught:
        notebook.render(around(table), tmp_path / "a.ipynb", setup="1")
    assert "execute=False" in caught.value.remedy
    assert not (tmp_path / "a.ipynb").exists()


def test_a_figure_that_cannot_be_drawn(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    broken, fine = Figure(curves, "Broken", source="1 / 0"), Figure(curves, "Fine", source="2 + 2")
    still = Figure(lambda: 1 / 0, "Still")
    with pytest.warns(NotDrawn, match="could not be drawn. ZeroDivisionError: division by zero"):
        notebook.render(around(broken, fine, still), path, setup="1")
    told = [cell.source for cell in read(path).cells]
    assert told[2] == "> Figure “Broken” could not be drawn. ZeroDivisionError: division by zero"
    assert told[4] == "2 + 2"
    assert "> Figure “Still” could not be drawn." in told[5]
    assert not any("tags" in cell.metadata for cell in read(path).cells)

    notebook.render(around(fine), path, setup="1")  # nothing of it was the author's
    assert not any("could not be drawn" in cell.source for cell in read(path).cells)

    mine = read(path)
    mine.cells[2].source = "1 / 0  # mine"
    nbformat.write(mine, path)
    with pytest.raises(ReportError, match="# mine"):
        notebook.render(around(fine), path, setup="1")


def test_a_cell_that_never_ends(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match=r"import time.*more than 1\.0 s"):
        notebook.render(around(), tmp_path / "a.ipynb", setup="import time; time.sleep(30)", timeout=1)


def test_no_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook, "KERNEL", "no-such-kernel")
    with pytest.raises(ReportError, match=r"no-such-kernel.*Install ipykernel"):
        notebook.render(around(), tmp_path / "a.ipynb", setup="1")


def test_a_kernel_that_dies(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="kernel python3"):
        notebook.render(around(), tmp_path / "a.ipynb", setup="import os; os._exit(1)")


def test_a_folder_that_is_not_there_is_refused_before_running(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="does not exist"):
        notebook.render(around(), tmp_path / "missing" / "a.ipynb", setup="1 / 0")


def test_tables_and_folded_text(tmp_path: Path) -> None:
    table = Table([Column("a|b"), Column("n", "number")], [["`x|y`", "1"], ["z", "2"]], "T.", highlight=[1])
    document = around(Section("S", [table, Details("More", [Paragraph("1. *not* a list")])]))
    notebook.render(document, tmp_path / "a.ipynb", setup="", execute=False)
    text = read(tmp_path / "a.ipynb").cells[1].source
    assert text == (
        "## 1 S\n\n**Table 1.** T.\n\n"
        "| a\\|b | n |\n| :-- | --: |\n| `x\\|y` | 1 |\n| **z** | 2 |\n\n"
        "**More**\n\n1\\. *not* a list"
    )


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        (Span("<script> $x$ [a](b) & |"), r"\<script\> \$x\$ \[a\](b) &amp; \|"),
        (Span("a ", bold=True), "**a** "),
        (Span("a", bold=True, emphasis=True), "***a***"),
        (Span("a*b", code=True), "`a*b`"),
        (Span(" ", bold=True), " "),
    ],
)
def test_markdown(span: Span, expected: str) -> None:
    assert notebook.markdown(span) == expected


def test_the_file_is_plain_json(tmp_path: Path) -> None:
    notebook.render(around(Paragraph("x")), tmp_path / "a.ipynb", setup="1", execute=False)
    loaded = json.loads((tmp_path / "a.ipynb").read_text(encoding="utf-8"))
    assert loaded["nbformat"] == 4
    assert [cell["id"] for cell in loaded["cells"]] == ["title", "setup", "setup-after"]
    assert loaded["metadata"]["kernelspec"]["name"] == "python3"
