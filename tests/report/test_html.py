import base64
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from conftest import TIME, VARIANTS, curves, new_sample, sample
from matplotlib.figure import Figure as Canvas
from read_pages import Page

from etalon import locales
from etalon.errors import ReportError
from etalon.figures.style import INK, NIGHT, PAPER
from etalon.report import html
from etalon.report.blocks import (
    TONES,
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
from etalon.report.render import render


def around(*blocks: Any, lang: str = "en", title: str = "T", meta: dict[str, str] | None = None) -> Document:
    created = sample("en").created
    return Document(title, "", lang, created, blocks, meta or {})


def test_names_are_not_cut_at_their_hyphens() -> None:
    table = Table([Column("a")], [["T-shirt/top"], ["overfitting-prone"]])
    page = html.render(around(Paragraph("Worst: « T-shirt & co »."), table, lang="fr"))
    assert '«\u00a0<span class="whole">T-shirt</span> &amp; co\u00a0»' in page
    assert '<span class="whole">T-shirt/top</span>' in page
    assert '">overfitting-prone<' in page
    assert ".whole { white-space: nowrap; }" in page


def test_nothing_is_fetched(document: Document) -> None:
    text = html.render(document)
    page = Page(text)
    for tag, attributes in page.elements:
        for name, value in attributes.items():
            assert name not in {"srcset", "action", "formaction", "background", "poster", "data"}
            if name in {"src", "href", "xlink:href"}:
                assert value is not None
                assert value.startswith(("data:", "#")), (tag, name, value)
            assert not name.startswith("on"), "a handler in an attribute"
    style = text[text.index("<style>") : text.index("</style>")]
    assert "@import" not in style
    assert "url(" not in style
    assert "http" not in re.sub(r"data:[^\"]*", "", text).replace("http-equiv", "")
    for image in page.all("img"):
        if image["src"].startswith("data:image/svg"):
            svg = base64.b64decode(image["src"].partition(",")[2]).decode()
            targets = re.findall(r'href="([^"]*)"', svg) + re.findall(r"url\(([^)]*)\)", svg)
            assert all(target.startswith(("#", "data:")) for target in targets)
            assert "<script" not in svg


def test_the_policy_allows_the_one_script(english: Document) -> None:
    text = html.render(english)
    script = text[text.index("<script>") + 8 : text.index("</script>")]
    assert text.count("<script") == 1
    assert f"script-src '{html.digest(script)}'" in text
    assert "default-src 'none'" in text


def test_structure_for_all_readers(document: Document) -> None:
    page = Page(html.render(document))
    assert page.all("html")[0]["lang"] == document.lang
    ids = [attributes["id"] for _, attributes in page.elements if attributes.get("id")]
    assert len(ids) == len(set(ids))
    for link in page.all("a"):
        assert link["href"].removeprefix("#") in ids
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert page.all("img")
    for image in page.all("img"):
        assert image["alt"]
        assert int(image["width"]) > 0
        assert int(image["height"]) > 0, "the place is kept while the page loads"
    assert {th.get("scope") for th in page.all("th")} == {"col", "row"}
    contents = [a["href"] for a in page.all("a") if a["href"] not in {"#top", "#text"}]
    assert contents == ["#" + section["id"] for section in page.all("section")]


def test_figures_and_tables_are_numbered_apart(english: Document) -> None:
    labels = re.findall(r"<b>((?:Figure|Table) \d+)</b>", html.render(english))
    assert [label for label in labels if label.startswith("Figure")] == [f"Figure {i}" for i in range(1, 8)]
    assert [label for label in labels if label.startswith("Table")] == [f"Table {i}" for i in range(1, 4)]


def test_without_caption_no_number_is_used() -> None:
    text = html.render(around(Figure(curves, alt="curves"), Figure(curves, "Seen.")))
    assert "<b>Figure 1</b>" in text
    assert "Figure 2" not in text


def test_sections_with_one_title_have_two_anchors() -> None:
    sections = [Section("Même titre", []), Section("Même titre", []), Section("日本", [], id="meme-titre")]
    page = Page(html.render(around(*sections)))
    assert [section["id"] for section in page.all("section")] == ["meme-titre", "meme-titre-2", "meme-titre-3"]


def test_nothing_in_a_document_is_taken_for_html() -> None:
    bad = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>&amp;"
    table = Table([Column(bad), Column(bad, "verdict")], [[bad, Badge(bad)]] * 3, bad)
    blocks = [
        Section(
            bad, [Paragraph(bad), Bullets([bad]), Facts([Fact(bad, bad, bad)]), table, Code(bad)], id='x" onload="y'
        ),
        Figure(curves, bad, bad),
        Code(bad, bad),
        Callout(f"`{bad}` **{bad}**"),
        Details(bad, [Paragraph(bad)]),
    ]
    text = html.render(around(*blocks, title=bad, meta={bad: bad}))
    page = Page(text)
    assert len(page.all("script")) == 1
    assert len(page.all("img")) == 1
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]


def test_figures_speak_the_language_of_the_document_and_are_drawn_once() -> None:
    heard = []

    def tick(x: float, position: float) -> str:
        heard.append(locales.language())
        return str(x)

    def draw() -> Any:
        heard.append(locales.language())
        axes = Canvas(figsize=(2, 1)).add_subplot()
        axes.xaxis.set_major_formatter(tick)
        return axes

    figure = Figure(draw, "Figure.")
    with locales.use("en"):
        html.render(around(figure, lang="fr"))
        calls = len(heard)
        html.render(around(figure, lang="fr"))
    assert len(heard) == calls
    assert set(heard) == {"fr"}
    html.render(around(figure, lang="en"))
    assert heard[calls] == "en"


def test_same_document_same_bytes() -> None:
    assert html.render(sample("fr")) == html.render(new_sample("fr"))


def test_fifteen_figures_weigh_less_than_3_megabytes() -> None:
    figures = [block.blocks for block in sample("fr").blocks if isinstance(block, Section)]
    drawn = [block for blocks in figures for block in blocks if isinstance(block, Figure)]
    text = html.render(around(*(drawn * 3)[:15]))
    assert len(Page(text).all("img")) == 15
    assert len(text) < 3_000_000


def test_image_size_follows_the_share_of_the_width() -> None:
    natural, half = (
        Page(html.render(around(Figure(lambda: Canvas(figsize=(5, 2)), "F.", width=width)))).all("img")[0]
        for width in (None, 0.5)
    )
    assert int(half["width"]) == 400
    assert abs(int(natural["width"]) - 480) <= 20, "5 inches, give or take the tight frame"
    assert float(half["height"]) / 400 == pytest.approx(int(natural["height"]) / int(natural["width"]), abs=0.01)


@pytest.mark.parametrize(
    ("text", "lang", "value"),
    [
        ("98.94%", "en", 98.94),
        ("98,94 %", "fr", 98.94),
        ("1,234,567.5", "en", 1234567.5),
        ("12\u202f345,60", "fr", 12345.6),
        ("−0.31 [−0.52; −0.10]", "en", -0.31),
        ("+0,31 [+0,10; +0,52]", "fr", 0.31),
        ("±0.00", "en", 0.0),
        ("3 min 05 s", "fr", 185.0),
        ("42 s", "en", 42.0),
        ("< 0.001", "en", 0.001),
        ("–", "en", None),
        ("", "fr", None),
    ],
)
def test_cells_are_sorted_by_the_number_they_show(text: str, lang: str, value: float | None) -> None:
    assert html.magnitude(text, lang) == value


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_every_number_that_locales_writes_is_read_back(lang: str) -> None:
    with locales.use(lang):
        for value in (0.0, 0.5, 12.25, 1234.5, 9876543.25):
            assert html.magnitude(locales.number(value), lang) == value
            assert html.magnitude(locales.points(-value), lang) == pytest.approx(-value * 100)
        for value in TIME:
            assert html.magnitude(locales.seconds(value), lang) == pytest.approx(value, abs=0.5)


def test_verdicts_are_sorted_from_good_to_bad() -> None:
    order = sorted(TONES, key=lambda tone: html.sort_key(Badge("", tone), "verdict", "en"))
    assert order == ["good", "neutral", "unsure", "bad"]
    assert html.sort_key("reference", "verdict", "en") == ""


def test_cells_carry_what_they_are_sorted_by(english: Document) -> None:
    text = html.render(english)
    keys = re.findall(r'class="right number" data-sort="([^"]*)">[^<]*\d\ss</td>', text)
    assert [float(key) for key in keys] == [round(time) for time in TIME]
    assert text.count('<th scope="row"') == 3 + len(VARIANTS) + 6


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_is_legible(english: Document, theme: int) -> None:
    blocks = re.findall(r":root \{(.*?)\}", html.render(english), re.DOTALL)
    colour = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", blocks[theme]))
    pairs = [(text, ground) for text in ("ink", "soft", "accent") for ground in ("paper", "wash", "glow")]
    pairs += [(tone, f"{tone}-wash") for tone in ("good", "bad", "neutral", "unsure")]
    pairs += [("ink", f"{tone}-wash") for tone in ("good", "bad", "neutral", "unsure")]
    pairs += [(word, "wash") for word in ("key", "string", "remark", "figure")]
    for text, ground in pairs:
        assert contrast(colour[text], colour[ground]) >= 4.5, (text, ground)


def test_figures_follow_the_theme_of_the_page(english: Document) -> None:
    text = html.render(english)
    paper = re.findall(r"--paper: (#[0-9a-f]{6})", text)
    assert paper == [PAPER.lower(), NIGHT[PAPER].lower()]
    drawings = [image for image in Page(text).all("img") if image["class"] == "vector"]
    assert len(drawings) == 7
    for image in drawings:
        svg = base64.b64decode(image["src"].partition(",")[2]).decode()
        assert "prefers-color-scheme:dark" in svg
        colours = dict(re.findall(r"(--c\d): ?(#[0-9a-f]{6})", svg[: svg.index("@media")]))
        used = set(re.findall(r"var\((--c\d)\)", svg))
        assert used <= set(colours)
        assert not set(re.findall(r"(?:fill|stroke): (#[0-9a-f]{6})", svg)) & {PAPER.lower(), INK.lower()}


def test_a_heavy_drawing_is_a_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("etalon.report.images.HEAVY", 0)
    image = Page(html.render(around(Figure(curves, "F.")))).all("img")[0]
    assert image["class"] == "raster"
    assert image["src"].startswith("data:image/png")


def test_code_is_coloured_and_unknown_languages_are_not() -> None:
    text = html.render(around(Code("def f(): return '<b>'"), Code("x < y", "no such language")))
    assert '<span class="k">def</span>' in text
    assert "&lt;b&gt;" in text
    assert "<code>x &lt; y</code>" in text


def test_the_file_is_what_render_returns(english: Document, tmp_path: Path) -> None:
    text = html.render(english, tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == text
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_the_suffix_chooses_the_renderer(tmp_path: Path) -> None:
    document = around(Paragraph("x"))
    assert render(document, tmp_path / "a.HTML").read_text().startswith("<!doctype html>")
    assert render(document, tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")
    render(document, tmp_path / "a.ipynb", setup="", execute=False)
    assert (tmp_path / "a.ipynb").read_text().startswith("{")
    with pytest.raises(ReportError, match=r"\.html, \.pdf, \.ipynb"):
        render(document, tmp_path / "a.docx")


@pytest.mark.parametrize("name", ["missing/report.html", "file/report.html", "folder.html"])
def test_a_place_that_cannot_be_written_is_refused_before_drawing(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.html").mkdir()

    def draw() -> Any:
        raise AssertionError("drawn")

    with pytest.raises(ReportError) as caught:
        html.render(around(Figure(draw)), tmp_path / name)
    assert caught.value.received == str(tmp_path / name)
    assert caught.value.remedy


def test_a_write_that_fails_leaves_the_old_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    place = tmp_path / "report.html"
    place.write_text("old")
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(ReportError, match="No space left"):
        html.render(around(), place)
    assert place.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1
