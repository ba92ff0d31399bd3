import threading

import matplotlib as mpl
import numpy as np
import pytest

from etalon.figures.style import (
    PALETTE,
    REFERENCE,
    axes,
    canvas,
    colours,
    localise,
    markers,
    panels,
    png,
    style,
    svg,
    tick,
)
from etalon.locales import use


def ticks(ax, axis="y"):
    ax.figure.draw_without_rendering()
    return [t.get_text() for t in (ax.get_yticklabels() if axis == "y" else ax.get_xticklabels())]


def test_style_leaves_the_users_settings_alone():
    with mpl.rc_context({"font.size": 17, "axes.facecolor": "black"}):
        before = dict(mpl.rcParams)
        with style():
            assert mpl.rcParams["font.size"] == 9
            assert mpl.rcParams["axes.facecolor"] == "white"
        png(axes(None).figure)
        assert dict(mpl.rcParams) == before


def test_threads_that_draw_together_leave_the_settings_as_they_were():
    before = dict(mpl.rcParams)

    def draw():
        for _ in range(5):
            ax = axes(None)
            with style():
                ax.plot([1, 2])

    threads = [threading.Thread(target=draw) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert dict(mpl.rcParams) == before


def test_no_figure_is_left_to_pyplot():
    from matplotlib import pyplot

    panels(2, 2, 4, 4)
    assert pyplot.get_fignums() == []


def test_the_reference_is_grey_and_the_others_differ():
    names = ["a", "reference", *"bcdefghij"]
    chosen = colours(names, "reference")
    assert chosen["reference"] == REFERENCE
    assert [chosen[n] for n in "abc"] == list(PALETTE[:3])
    assert len(set(chosen.values())) == 11
    assert len(set(markers(names, "reference").values())) == 11


def test_the_palette_stays_distinct_for_colour_blind_readers():
    """Under Viénot's simulation of deuteranopia no two colours of the first eight come close."""
    to_lms = np.array([[17.8824, 43.5161, 4.11935], [3.45565, 27.1554, 3.86714], [0.0299566, 0.184309, 1.46709]])
    project = np.array([[1, 0, 0], [0.494207, 0, 1.24827], [0, 0, 1]])
    rgb = np.array([[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in PALETTE[:8]])
    seen = (np.linalg.inv(to_lms) @ project @ to_lms @ (rgb**2.2).T).T.clip(0, 1) ** (1 / 2.2)
    apart = np.linalg.norm(seen[:, None] - seen[None], axis=-1)[~np.eye(8, dtype=bool)]
    assert apart.min() > 0.1


@pytest.mark.parametrize(
    ("value", "among", "unit", "english", "french"),
    [
        (0.985, [0.98, 0.985, 0.99], "percent", "98.5%", "98,5\u00a0%"),
        (0.98, [0.98, 0.985, 0.99], "percent", "98.0%", "98,0\u00a0%"),
        (-0.002, [-0.002, 0, 0.002], "points", "−0.2", "−0,2"),
        (0.002, [-0.002, 0, 0.002], "points", "+0.2", "+0,2"),
        (0, [-0.002, 0, 0.002], "points", "0.0", "0,0"),
        (0.25, [0, 0.25, 0.5], "number", "0.25", "0,25"),
        (-5, [-5, 0], "number", "−5", "−5"),
        (20, [10, 20], "seconds", "20 s", "20 s"),
        (90, [60, 90], "seconds", "1 min 30 s", "1 min 30 s"),
    ],
)
def test_tick(value, among, unit, english, french):
    with use("en"):
        assert tick(value, among, unit) == english
    with use("fr"):
        assert tick(value, among, unit) == french


def test_ticks_keep_the_language_of_the_call():
    ax = axes(None)
    ax.set_ylim(0, 1)
    with use("fr"):
        localise(ax.yaxis)
    with use("en"):
        assert "0,2" in ticks(ax)


def test_a_notebook_shows_figures_and_axes():
    figure = canvas(2, 2)
    assert figure._repr_png_().startswith(b"\x89PNG")
    assert axes(None, 2, 2)._repr_png_().startswith(b"\x89PNG")


def test_svg_is_the_same_at_each_call():
    def drawn():
        ax = axes(None, 2, 2)
        with style():
            ax.plot([1, 3, 2], label="a")
            ax.legend()
        return svg(ax.figure)

    assert drawn() == drawn()
    assert "<svg" in drawn()
