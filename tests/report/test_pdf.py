import json
import re
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import typst
from conftest import VARIANTS, confusion, curves, new_sample, sample, verdicts, wide

from etalon.errors import ReportError
from etalon.report import pdf
from etalon.report.blocks import (
    Badge,
    Bullets,
    Callout,
    Code,
    Column,
    Details,
    Document,
    Fact,
    Facts,
    Figure,
    Paragraph,
    Section,
    Table,
)

CREATED = datetime(2026, 3, 14, 9, 26, tzinfo=UTC)


def around(*blocks: Any, title: str = "T", lang: str = "en") -> Document:
    return Document(title, "", lang, CREATED, blocks)


def content(data: bytes) -> bytes:
    """A PDF with its compressed streams (objects, pages) inflated."""
    parts = [data]
    for match in re.finditer(rb"stream\r?\n(.*?)\r?\nendstream", data, re.DOTALL):
        try:
            parts.append(zlib.decompress(match[1]))
        except zlib.error:
            continue
    return b"\n".join(parts)


def test_pages_language_outline_and_fonts(document: Document, tmp_path: Path) -> None:
    pdf.render(document, tmp_path / "report.pdf")
    data = (tmp_path / "report.pdf").read_bytes()
    inside = content(data)
    assert data.startswith(b"%PDF-1.7")
    assert 5 <= len(re.findall(rb"/Type\s*/Page\b", inside)) <= 10
    assert f"/Lang ({document.lang}".encode() in inside or f"/Lang({document.lang}".encode() in inside
    assert b"/MarkInfo" in inside, "tagged, for readers that read aloud"
    assert len(re.findall(rb"/Dest\b|/A\s*<<", inside)) >= 9, "sections can be reached"
    fonts = set(re.findall(rb"/FontName\s*/[A-Z]{6}\+([A-Za-z]+)", inside))
    assert fonts == {b"LibertinusSerif", b"DejaVuSansMono"}
    assert len(data) < 1_000_000


def test_names_are_not_cut_at_their_hyphens() -> None:
    assert pdf.joined("« T-shirt » et overfitting-prone") == "« T-\u2060shirt » et overfitting-prone"


def test_same_document_same_bytes(tmp_path: Path) -> None:
    for name, document in [("a.pdf", sample("fr")), ("b.pdf", new_sample("fr"))]:
        pdf.render(document, tmp_path / name)
    assert (tmp_path / "a.pdf").read_bytes() == (tmp_path / "b.pdf").read_bytes()
    assert b"D:20260314092600" in content((tmp_path / "a.pdf").read_bytes())


def test_a_date_without_zone_is_taken_as_it_is(tmp_path: Path) -> None:
    pdf.render(Document("T", "", "en", datetime(2026, 3, 14, 9, 26), []), tmp_path / "a.pdf")
    assert b"D:20260314092600" in content((tmp_path / "a.pdf").read_bytes())


def test_nothing_in_a_document_is_taken_for_typst(tmp_path: Path) -> None:
    bad = '#panic("x") $ \\ " ] } [ { `a` *b _c_ <label> @ref // /* = - + \x00 \u202e 日本 {{1}}'
    table = Table([Column(bad), Column(bad, "number")], [[bad, bad], [bad, Badge(bad, "bad")]] * 10, bad, highlight=[1])
    blocks = [
        Section(bad, [Paragraph(bad), Bullets([bad]), Facts([Fact(bad, bad, bad)]), table, Code(bad, bad)]),
        Figure(curves, bad, bad),
        Callout(f"**{bad}**", "unsure"),
        Details(bad, [Code("```\n" + bad), Figure(curves)]),
    ]
    pdf.render(around(*blocks, title=bad), tmp_path / "a.pdf")
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")


def test_empty_blocks(tmp_path: Path) -> None:
    blocks = [
        Paragraph(""),
        Bullets([]),
        Facts([]),
        Table([Column("a")], []),
        Section("", []),
        Details("", []),
        Code(""),
    ]
    pdf.render(around(*blocks, title=""), tmp_path / "a.pdf")
    assert (tmp_path / "a.pdf").exists()


LAYERS = [
    ["max_pooling2d_1", "MaxPooling2D", "13 × 13 × 8", "—", "0"],
    ["residual_block_12/depthwise_separable_convolution", "SeparableConv2D", "112 × 112 × 2 048", "123 456", "12 345"],
    ["a" * 70, "GlobalAveragePooling2D", "2 048", "—", "0"],
]
HEADS = ["Couche", "Type", "Sortie", "Poids par neurone ou filtre", "Poids"]


def layers(rows: int) -> Table:
    return Table([Column(head, "number" if i > 1 else "text") for i, head in enumerate(HEADS)], LAYERS[:rows])


def laid_out(tables: list[Table], folder: Path) -> list[dict[str, Any]]:
    """How the template lays the tables out: the size of their letters, the widths of their columns, in points."""
    told = pdf._Writer("fr", folder).document(around(*tables, lang="fr"))
    (folder / "document.json").write_text(json.dumps(told), encoding="utf-8")
    template = Path(pdf.__file__).with_name("template.typ")
    (folder / "main.typ").write_text(template.read_text(encoding="utf-8"), encoding="utf-8")
    found: list[dict[str, Any]] = json.loads(
        typst.query(folder / "main.typ", "<table-layout>", field="value", root=folder)
    )
    return found


def test_columns_have_what_their_words_need_and_fill_the_page(tmp_path: Path) -> None:
    few, one = layers(1), Table([Column("a", "number")], [["1"]])
    found = laid_out([few, layers(3), verdicts(), wide(), one], tmp_path)
    for told in found[:-1]:
        assert sum(told["widths"]) == pytest.approx(told["room"])
        assert not told["cut"]
    assert found[0]["size"] == 9
    assert found[0]["widths"][1] > 9 * 0.5 * len("MaxPooling2D"), "no word is cut, nor runs into the next column"
    assert sum(found[-1]["widths"]) < found[-1]["room"] / 4, "a column of numbers takes what it needs"


def test_letters_are_smaller_where_many_columns_must_fit(tmp_path: Path) -> None:
    few, many, more = (
        Table([Column("a"), *[Column("b", "number")] * n], [["x", *["98.12%"] * n]]) for n in (1, 14, 40)
    )
    found = laid_out([few, many, more], tmp_path)
    assert found[0]["size"] == 9
    assert 5.5 < found[1]["size"] < 9
    assert (found[2]["size"], found[2]["cut"]) == (5.5, True), "words are broken rather than laid over one another"
    assert sum(found[2]["widths"]) == pytest.approx(found[2]["room"])


def test_in_a_matrix_numbers_share_the_room() -> None:
    assert pdf.growing(verdicts()) == pdf.growing(wide()) == "text"
    assert pdf.growing(Table([Column(""), *[Column(str(i), "number") for i in range(10)]], [])) == "number"


def test_long_words_may_be_broken_after_their_punctuation() -> None:
    assert pdf.breakable("two_convolutions_more") == "two_\u200bconvolutions_\u200bmore"
    assert pdf.breakable("two_conv") == "two_conv"
    assert pdf.breakable("a" * 25) == "\u200b".join("a" * 25)
    assert pdf.breakable("a sentence, of short words.") == "a sentence, of short words."
    assert all(pdf.breakable(name) == name or len(name) >= 12 for name in VARIANTS)


def test_heavy_drawings_go_in_as_png(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[dict[str, Any]] = []
    original = pdf._Writer.figure

    def figure(self: pdf._Writer, figure: Figure) -> dict[str, Any]:
        written.append(original(self, figure))
        return written[-1]

    monkeypatch.setattr(pdf._Writer, "figure", figure)
    pdf.render(around(Figure(curves)), tmp_path / "a.pdf")
    monkeypatch.setattr("etalon.report.images.HEAVY", 0)
    pdf.render(around(Figure(confusion, width=1.0)), tmp_path / "a.pdf")
    assert [drawing["image"] for drawing in written] == ["1.svg", "1.png"]
    assert written[0]["width"] == pytest.approx(pdf.TEXT_WIDTH), "wider than the text, drawn as wide as it"
    assert written[1]["width"] == pytest.approx(pdf.TEXT_WIDTH)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="does not exist"):
        pdf.render(around(), tmp_path / "missing" / "a.pdf")


def test_what_typst_refuses_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("etalon.report.pdf.shutil.copyfile", lambda _, target: Path(target).write_text("#nothing"))
    with pytest.raises(ReportError, match="unknown variable: nothing"):
        pdf.render(around(), tmp_path / "a.pdf")
    assert not (tmp_path / "a.pdf").exists()
