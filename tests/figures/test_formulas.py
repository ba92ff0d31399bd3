"""Formulas as drawings: the size that matplotlib gives them, and the strokes of its path."""

import re

import pytest
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

from etalon.figures.formulas import formula


def test_it_is_as_large_as_matplotlib_draws_it() -> None:
    drawn = formula(r"\frac{a}{b}")
    path = TextPath((0, 0), r"$\frac{a}{b}$", size=100, prop=FontProperties(math_fontfamily="stix"))
    box = path.get_extents()
    width, height = (float(side) for side in re.findall(r'viewBox="0 0 (\d+) (\d+)"', drawn)[0])
    assert width == pytest.approx(box.x1, abs=15)
    assert height == pytest.approx(box.height, abs=15)
    points = [
        (float(x), float(y)) for x, y in re.findall(r"(-?[\d.]+) (-?[\d.]+)", drawn.split(' d="')[1].split('"')[0])
    ]
    assert min(x for x, _ in points) == pytest.approx(box.x0, abs=0.1)
    assert max(x for x, _ in points) == pytest.approx(box.x1, abs=0.1)
    assert max(y for _, y in points) - min(y for _, y in points) == pytest.approx(box.height, abs=0.1)
    assert all(-1 <= y <= height + 1 for _, y in points)


def test_it_takes_the_colour_of_the_words_and_says_what_it_is() -> None:
    drawn = formula("a < b")
    assert 'fill="currentColor"' in drawn
    assert 'aria-label="a &lt; b"' in drawn
    assert re.search(r'd="M [^"]* Z"', drawn)


def test_below_the_line_of_the_words() -> None:
    assert "vertical-align:-0.00em" not in formula("y_1")


def test_what_cannot_be_read() -> None:
    with pytest.raises(ValueError, match="nosuch"):
        formula(r"\nosuch{x}")
