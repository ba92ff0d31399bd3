"""The lessons as written, and what each language makes of them."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

from etalon.errors import LessonError
from etalon.lessons import say
from etalon.lessons.sources import Lesson, folder, lesson, lessons, spoken, written
from etalon.locales import LANGUAGES, use

N, T = "\N{NO-BREAK SPACE}", "\N{NARROW NO-BREAK SPACE}"
COURSE = lessons()


@pytest.fixture(params=COURSE, ids=lambda one: one.name)
def each(request: pytest.FixtureRequest) -> Lesson:
    one: Lesson = request.param
    return one


class TestTheCourse:
    """What lessons/README.md asks of every lesson."""

    def test_numbers_follow_one_another(self) -> None:
        assert [one.number for one in COURSE] == list(range(1, len(COURSE) + 1))
        assert [one.row for one in COURSE[:2]] == ["T5.1", "T5.2"]

    def test_each_french_text_is_followed_by_its_english_edition(self, each: Lesson) -> None:
        texts = [cell.lang for cell in each.cells if cell.lang]
        assert texts == ["fr", "en"] * (len(texts) // 2)
        for cell, following in zip(each.cells, each.cells[1:], strict=False):
            assert (cell.lang == "fr") == (following.lang == "en")

    @pytest.mark.parametrize("lang", LANGUAGES)
    def test_it_opens_with_a_title_and_a_summary_and_ends_with_a_question(self, each: Lesson, lang: str) -> None:
        with use(lang):
            assert each.title
            assert not each.title.startswith("#")
            assert 60 < len(each.summary) < 400
            assert not each.summary.startswith("#")
        text = "\n\n".join(cell.source for cell in each.cells if cell.lang == lang)
        headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
        assert headings[-2:] == {"fr": ["À vous de jouer", "Question"], "en": ["Your turn", "Question"]}[lang]
        answer = {"fr": "Réponse", "en": "Answer"}[lang]
        assert text.rstrip().endswith("</details>")
        assert text.count(f"<details>\n<summary>{answer}</summary>\n\n") == text.count("</details>") >= 1

    def test_both_languages_have_the_same_sections_and_formulas(self, each: Lesson) -> None:
        for mark in (r"^## ", r"^- ", r"^\$\$", r"^\|"):
            counts = [
                sum(len(re.findall(mark, cell.source, re.MULTILINE)) for cell in each.cells if cell.lang == lang)
                for lang in LANGUAGES
            ]
            assert counts[0] == counts[1], mark

    @pytest.mark.parametrize("lang", LANGUAGES)
    def test_programs_say_one_language_only(self, each: Lesson, lang: str) -> None:
        for cell in each.edition(lang):
            if cell.lang is None:
                ast.parse(cell.source)
                assert "say(" not in cell.source
                assert "import say" not in cell.source

    def test_there_is_a_figure(self, each: Lesson) -> None:
        programs = "\n".join(cell.source for cell in each.cells if cell.lang is None)
        assert "etalon.figures" in programs or ".show(" in programs or ".plot(" in programs
        assert "pyplot" not in programs


class TestSpoken:
    """Programs of one language, made from the shared ones."""

    def test_a_call_becomes_what_it_says(self) -> None:
        program = (
            'from etalon.lessons import say\nname = say(fr="l\'été", en="summer")  # é\nprint(say(en="a", fr="b"))\n'
        )
        assert spoken(program, "en") == 'name = "summer"  # é\nprint("a")'
        assert spoken(program, "fr") == 'name = "l’été"  # é\nprint("b")'

    def test_expressions_and_long_texts_stay_whole(self) -> None:
        program = 'x = say(\n    fr=f"{n} époques " "de plus",\n    en="one "\n    f"more: {n}",\n)\n'
        for lang, expected in (("fr", "3 époques de plus"), ("en", "one more: 3")):
            names: dict[str, object] = {"n": 3}
            exec(spoken(program, lang), names)
            assert names["x"] == expected
        assert (
            spoken('print(\n    say(\n        fr="a"\n        "b",\n        en="c",\n    )\n)', "fr")
            == 'print(\n    "a"\n    "b"\n)'
        )

    def test_typography(self) -> None:
        assert spoken('say(fr="Perte : 3 %", en="Loss: 3%")', "fr") == f'"Perte{N}: 3{N}%"'


class TestWritten:
    """Texts with the spaces and apostrophes of their language."""

    def test_french_spaces_but_not_in_code_nor_formulas(self) -> None:
        text = "L'un : `d['a'] : b` et $a' : b$ ?\n\n$$y' : z$$\n\n```\nx : 'y'\n```\n<a href='b : c'>"
        assert (
            written(text, "fr")
            == f"L’un{N}: `d['a'] : b` et $a' : b${T}?\n\n$$y' : z$$\n\n```\nx : 'y'\n```\n<a href='b : c'>"
        )

    def test_a_line_of_the_source_ends_where_french_breaks_none(self) -> None:
        assert written("on dit «\noui » à $x$\n; puis\n? Non\n: si.\nFin", "fr") == (
            f"on dit «{N}oui{N}» à $x${T}; puis{T}? Non{N}: si.\nFin"
        )
        assert written("`a\n: b`\n\n: c\n![d](e)", "fr") == "`a\n: b`\n\n: c\n![d](e)"

    def test_english(self) -> None:
        assert written("It's 3 s: fine?", "en") == f"It’s 3{N}s: fine?"


class TestFinding:
    """Which lesson, and where they are."""

    def test_by_number(self) -> None:
        assert lesson(1) == COURSE[0]

    @pytest.mark.parametrize("number", [0, -1, 99])
    def test_one_that_does_not_exist(self, number: int) -> None:
        with pytest.raises(LessonError, match=rf"lesson {number}: there is none of that number\. `etalon lessons`"):
            lesson(number)

    def test_a_wheel_carries_them_where_they_are_looked_for(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        settings = tomllib.loads((folder().parent / "pyproject.toml").read_text(encoding="utf-8"))
        carried = settings["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
        assert set(carried) == {"lessons", "studies"}
        (tmp_path / carried["lessons"]).mkdir(parents=True)
        monkeypatch.setattr("etalon.lessons.sources.__file__", f"{tmp_path}/etalon/lessons/sources.py")
        assert folder() == tmp_path / carried["lessons"]

    def test_an_installation_without_them(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr("etalon.lessons.sources.__file__", f"{tmp_path}/etalon/lessons/sources.py")
        with pytest.raises(LessonError, match="not beside the package"):
            folder()


def test_say() -> None:
    with use("fr"):
        assert say(fr="C'est vu ?", en="Seen?") == f"C’est vu{T}?"
    with use("en"):
        assert say(fr="C'est vu ?", en="Seen?") == "Seen?"
