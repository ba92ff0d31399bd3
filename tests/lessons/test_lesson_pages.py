"""The course as pages."""

import os
import re
from pathlib import Path

import pytest
from read_pages import Page

from etalon.errors import LessonError
from etalon.lessons import pages
from etalon.lessons.running import Ran, Shown, run
from etalon.lessons.sources import Cell, Lesson, lesson
from etalon.locales import LANGUAGES, use


def made(number: int, *programs: str) -> Lesson:
    """A small lesson: its texts differ by language, its programs do not."""
    cells = [
        Cell(f"# Leçon *{number}*\n\nRésumé $x^2$.\n\n## Partie : une\n\nTexte `code`.", "fr"),
        Cell(f'# Lesson *{number}*\n\nSummary $x^2$.\n\n## Part one\n\nA "text" `code`.', "en"),
    ]
    return Lesson(number, f"0{number}_made", (*cells, *(Cell(program, None) for program in programs)))


@pytest.fixture
def course(monkeypatch: pytest.MonkeyPatch) -> tuple[Lesson, ...]:
    found = (made(1, "1 + 1"), made(2, "print('<seen>')"), made(3))
    monkeypatch.setattr(pages, "lessons", lambda: found)
    return found


@pytest.mark.usefixtures("course")
class TestSite:
    """Folders, links and languages."""

    def test_both_languages(self, tmp_path: Path) -> None:
        written = list(pages.site(tmp_path / "new" / "site"))
        names = ["01_made.html", "02_made.html", "03_made.html", "index.html"]
        root = tmp_path / "new" / "site"
        assert written == [root / lang / name for lang in LANGUAGES for name in names] + [root / "index.html"]
        for path in written:
            page = Page(path.read_text(encoding="utf-8"))
            targets = [path.parent / link["href"] for link in page.all("a") if not link["href"].startswith("#")]
            assert targets
            assert all(target.resolve().is_file() for target in targets)

    def test_one_language(self, tmp_path: Path) -> None:
        written = list(pages.site(tmp_path, ["fr"]))
        assert [path.name for path in written] == ["01_made.html", "02_made.html", "03_made.html", "index.html"]
        assert all(path.parent == tmp_path for path in written)
        assert "English" not in written[0].read_text(encoding="utf-8")

    def test_previous_and_next(self, tmp_path: Path) -> None:
        first, second, third, _index = (Page(path.read_text(encoding="utf-8")) for path in pages.site(tmp_path, ["en"]))
        links = [{a["rel"]: a["href"] for a in page.all("a") if "rel" in a} for page in (first, second, third)]
        assert links == [
            {"next": "02_made.html"},
            {"prev": "01_made.html", "next": "03_made.html"},
            {"prev": "02_made.html"},
        ]

    def test_no_store_is_left(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        ask = "import os\nfrom etalon.study.store import default_store\nprint(default_store())"
        keep = "(default_store() / 'kept').mkdir()\n(default_store() / 'kept').is_dir()"
        monkeypatch.setattr(pages, "lessons", lambda: (made(1, ask, keep),))
        french, _index = (path.read_text(encoding="utf-8") for path in pages.site(tmp_path / "site", ["fr"]))
        (place,) = re.findall(r'<pre class="printed" tabindex="0">(/.*)\n', french)
        assert "True" in french
        assert not Path(place).exists()
        assert [path.name for path in tmp_path.iterdir()] == ["site"]
        assert "ETALON_STORE" not in os.environ
        monkeypatch.setenv("ETALON_STORE", str(tmp_path / "mine"))
        monkeypatch.setattr(pages, "lessons", lambda: (made(1, ask),))
        assert str(tmp_path / "mine") in next(pages.site(tmp_path / "site", ["fr"])).read_text(encoding="utf-8")

    def test_nothing_is_fetched(self, tmp_path: Path) -> None:
        for path in pages.site(tmp_path):
            text = path.read_text(encoding="utf-8")
            assert "http:" not in text
            assert "https:" not in text
            assert "default-src 'none'" in text

    def test_a_file_in_its_place(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_text("")
        with pytest.raises(LessonError, match=r"this is not a folder\. Give the name of a folder"):
            next(pages.site(tmp_path / "a"))


def one(lang: str, *programs: str) -> str:
    with use(lang):
        lesson = made(1, *programs)
        return pages.page(run(lesson, lang), [lesson], [lang])


class TestPage:
    """What a page shows."""

    def test_texts(self) -> None:
        text = one("fr")
        assert '<html lang="fr">' in text
        assert "<title>Leçon 1</title>" in text
        assert "Leçon <em>1</em></h1>" in text
        assert text.count("Résumé") == 1
        assert "<h2>Partie\N{NO-BREAK SPACE}: une</h2>" in text
        assert '<svg class="formula" role="img" aria-label="x^2"' in text
        assert "A “text” <code>code</code>" in one("en")

    def test_programs_and_what_they_show(self) -> None:
        text = one("en", "if 1 < 2:\n    print('<seen>')", "'<value>'")
        assert '<span class="k">if</span>' in text
        assert "&lt;seen&gt;" in text
        assert "&#39;&lt;value&gt;&#39;" in text
        assert "<seen>" not in text

    def test_a_figure_is_a_drawing_with_its_title_for_those_who_do_not_see_it(self) -> None:
        draw = (
            "from etalon.figures.curves import Line, curves\nax = curves([Line('a', [1, 2])], title='Two points')\nax"
        )
        for program in (draw, draw + ".figure"):
            (image,) = Page(one("en", program)).all("img")
            assert image["alt"] == "Two points"
            assert image["class"] == "vector"
            assert image["src"].startswith("data:image/svg+xml;base64,")

    def test_tables_and_sentences(self) -> None:
        text = one(
            "en",
            "import pandas as pd\npd.DataFrame({'a': [1]})",
            "from IPython.display import Markdown\nMarkdown('**b**')",
        )
        assert 'class="dataframe"' in text
        assert '<div class="told"><p><strong>b</strong></p>' in text

    def test_the_answer_is_folded(self) -> None:
        ran = Ran(lesson(10), "en", tuple(Shown(cell) for cell in lesson(10).edition("en") if cell.lang), {})
        with use("en"):
            page = Page(pages.page(ran, [lesson(10)], ["en"]))
        assert page.all("details") == [{}]
        assert len(page.all("summary")) == 1


def test_every_formula_of_the_course_can_be_drawn() -> None:
    from etalon.lessons.sources import lessons

    for each in lessons():
        for cell in each.cells:
            if cell.lang:
                html = str(pages._markdown(cell.source))
                Page(html)
                assert "$" not in re.sub(r"<code.*?</code>", "", html, flags=re.DOTALL), each.name
