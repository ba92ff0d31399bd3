"""Running a lesson: what each cell shows is what a notebook would show."""

import inspect

import pytest

from etalon.lessons.running import run
from etalon.lessons.sources import Cell, Lesson
from etalon.locales import language, use


def made(*programs: str) -> Lesson:
    texts = (Cell("# T\n\nS.", "fr"), Cell("# T\n\nS.", "en"))
    return Lesson(1, "01_made", texts + tuple(Cell(program, None) for program in programs))


def test_cells_share_their_variables_and_show_their_last_line() -> None:
    ran = run(made("a = 2", "print('seen')\na * 3", "a * 4;", "a = 5", "print(a)"), "en")
    assert [shown.value for shown in ran.cells] == [None, None, 6, None, None, None]
    assert [shown.printed for shown in ran.cells] == ["", "", "seen\n", "", "", "5\n"]
    assert ran.names["a"] == 5


@pytest.mark.parametrize("lang", ["fr", "en"])
def test_it_speaks_its_language_and_gives_the_former_back(lang: str) -> None:
    lesson = made(
        "from etalon.lessons import say", "from etalon.locales import number\nsay(fr='a', en='b'), number(0.5, 1)"
    )
    with use("en"):
        ran = run(lesson, lang)
        assert language() == "en"
    assert [cell.cell.lang for cell in ran.cells] == [lang, None, None]
    assert ran.cells[-1].value == {"fr": ("a", "0,5"), "en": ("b", "0.5")}[lang]


def test_functions_keep_their_source_as_studies_need() -> None:
    ran = run(made("def double(x):\n    return 2 * x"), "en")
    assert inspect.getsource(ran.names["double"]) == "def double(x):\n    return 2 * x"


def test_a_failure_is_told_as_it_is() -> None:
    with pytest.raises(ZeroDivisionError):
        run(made("1 / 0"), "en")


def test_layers_are_numbered_as_in_a_notebook_of_ones_own() -> None:
    lesson = made("import etalon", "from keras import layers\nlayers.Dense(1).name, layers.Dense(1).name")
    for lang in ("fr", "en"):
        assert run(lesson, lang).cells[-1].value == ("dense", "dense_1")
