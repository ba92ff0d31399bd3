import threading

import matplotlib as mpl
import numpy as np
import pytest

from etalon.figures.style import (
    INK,
    NIGHT,
    PALETTE,
    PAPER,
    REFERENCE,
    VERDICTS,
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


DEFICIENCIES = {  # Machado, Oliveira & Fernandes 2009, severity 1, on linear RGB
    "none": np.eye(3),
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def linear(colours):
    """(n, 3) linear RGB of sRGB colours."""
    rgb = np.array([[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in colours])
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    """(n, 3) CIE 1976 L*a*b* of linear RGB, white D65."""
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = rgb @ to_xyz.T / [0.9505, 1.0, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1)


def contrast(colours, ground):
    """(n,) as WCAG 2.2 defines it."""
    luminance = linear([*colours, ground]) @ [0.2126, 0.7152, 0.0722]
    low, high = np.sort(np.stack([luminance[:-1], np.full(len(colours), luminance[-1])]), axis=0)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("sight", DEFICIENCIES)
@pytest.mark.parametrize("ground", ["paper", "night"])
def test_no_two_colours_look_alike_to_colour_blind_readers(sight, ground):
    shown = [NIGHT.get(c, c) for c in PALETTE] if ground == "night" else PALETTE
    seen = lab((linear(shown) @ np.transpose(DEFICIENCIES[sight])).clip(0, 1))
    apart = np.linalg.norm(seen[:, None] - seen[None], axis=-1)[~np.eye(len(PALETTE), dtype=bool)]
    assert apart.min() > 11, "2.3 is a just noticeable difference"


def test_neighbours_of_the_palette_stay_apart_on_grey_paper():
    assert np.abs(np.diff(lab(linear(PALETTE))[:, 0])).min() > 15
    first = np.sort(lab(linear(PALETTE[:5]))[:, 0])
    assert np.diff(first).min() > 9, "the first five all differ in print"


def test_every_colour_stands_out_on_light_and_on_dark_pages():
    dark = [NIGHT.get(c, c) for c in (*PALETTE, REFERENCE, *VERDICTS.values())]
    assert contrast(dark, NIGHT[PAPER]).min() > 3
    assert contrast([*PALETTE, REFERENCE, *VERDICTS.values()], PAPER).min() > 2.2
    assert contrast([INK], PAPER)[0] > 7
    assert contrast([NIGHT[INK]], NIGHT[PAPER])[0] > 7


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
