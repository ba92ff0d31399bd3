from typing import Any

import pytest
from conftest import curves, sample
from matplotlib import pyplot as plt

from etalon.errors import ReportError, StudyError
from etalon.locales import use
from etalon.report.blocks import Badge, Callout, Column, Details, Document, Figure, Section, Table
from etalon.report.images import clean
from etalon.report.tree import NotDrawn, slug, tree, walk

TWO = [Column("a"), Column("b", "number")]


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: Table(TWO, [["1", "2"], ["1"]], "T"), "row 1 of 1 cells.*2 columns"),
        (lambda: Table(TWO, [["1", "2"]], align=["left"]), "align of 1 cells"),
        (lambda: Table(TWO, [["1", "2"]], highlight=[1]), "highlighted row 1.*one row"),
        (lambda: Figure(curves, width=1.5), "width 1.5"),
        (lambda: Badge("x", "great"), "great.*good, bad, neutral, unsure"),  # type: ignore[arg-type]
        (lambda: Callout("x", "great"), "great"),  # type: ignore[arg-type]
        (lambda: Details("x", [Section("y", [])]), "section “y”"),
        (lambda: Document("t", "", "de", sample("en").created, []), "'de'.*en, fr"),
    ],
)
def test_blocks_that_make_no_sense_are_refused(make: Any, why: str) -> None:
    with pytest.raises(ReportError, match=why):
        make()


def test_alignment_follows_the_kind_unless_told() -> None:
    assert Table(TWO, []).alignment == ["left", "right"]
    assert Table(TWO, [], align=["center", "left"]).alignment == ["center", "left"]


def test_tree_numbers_in_reading_order() -> None:
    nodes = list(walk(tree(sample("en"))))
    assert [node.number for node in nodes if node.kind == "section"] == [
        "1",
        "2",
        "3",
        "3.1",
        "3.2",
        "4",
        "5",
        "6",
        "7",
    ]
    assert [node.anchor for node in nodes if node.kind == "table"] == ["table-1", "table-2", "table-3"]
    assert [node.label for node in nodes if node.kind == "figure"] == [f"Figure {i}" for i in range(1, 8)]
    assert {node.level for node in nodes if node.kind == "section"} == {1, 2}


def broken() -> Any:
    raise StudyError("variant 'deep'", "there is *none*", "Choose another.")


@pytest.mark.parametrize(
    ("lang", "told"),
    [
        ("en", "Figure “Curves of `deep`” could not be drawn. variant 'deep': there is \\*none\\*. Choose another."),
        ("fr", "La figure «\u00a0Curves of `deep`\u00a0» n’a pas pu être tracée. variant 'deep'\u00a0: "),
    ],
)
def test_a_callout_takes_the_place_of_a_figure_that_cannot_be_drawn(lang: str, told: str) -> None:
    blocks = [Details("More", [Figure(broken, "Curves of `deep`")]), Figure(curves, "Fine"), Figure(broken, source="x")]
    document = Document("T", "", lang, sample("en").created, blocks)
    with use(lang), pytest.warns(NotDrawn, match="deep") as warned:
        details, fine, bare = tree(document)
    (callout,) = (node.block for node in details.children)
    assert isinstance(callout, Callout)
    assert callout.tone == "bad"
    assert callout.text.startswith(told)
    assert (fine.kind, fine.number) == ("figure", "1")
    assert bare.kind == "callout"
    assert len(warned) == 2
    with use(lang), pytest.warns(NotDrawn):
        assert tree(document, source=True)[2].kind == "figure"


def test_slug() -> None:
    assert slug("Modèle de référence : « l'été »") == "modele-de-reference-l-ete"
    assert slug("日本") == "section"


def test_an_image_has_the_size_of_its_figure_and_always_the_same_bytes() -> None:
    one, other = Figure(curves).image("en"), Figure(curves).image("en")
    assert one.png == other.png
    assert one.svg == other.svg
    assert one.size == pytest.approx((7.2, 2.9), abs=0.2)
    assert Figure(curves).image("fr").svg != one.svg


def test_axes_made_through_pyplot_are_closed() -> None:
    before = plt.get_fignums()
    Figure(lambda: plt.subplots()[1]).image("en")
    assert plt.get_fignums() == before


def test_clean_numbers_the_ids_that_are_used() -> None:
    svg = '<g id="g1"><p id="m3f"/><c id="p9"/><use xlink:href="#m3f" clip-path="url(#p9)"/><a href="#gone"/></g>'
    assert clean(svg) == '<g><p id="i0"/><c id="i1"/><use xlink:href="#i0" clip-path="url(#i1)"/><a href="#gone"/></g>'
