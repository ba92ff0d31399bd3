"""Each figure is read back: the numbers in its artists are those it was given, and no label covers another."""

import itertools

import numpy as np
import pytest
from matplotlib.text import Text

from etalon.figures import style
from etalon.figures.bars import bars
from etalon.figures.curves import Line, curves, small_multiples
from etalon.figures.heatmaps import confusion, shares
from etalon.figures.images import columns_for, grid
from etalon.figures.intervals import forest, interval
from etalon.figures.scatter import pareto
from etalon.locales import use

CLASSES = ["T-shirts", "Pantalons", "Pulls", "Robes", "Manteaux", "Sandales", "Chemises", "Baskets", "Sacs", "Bottines"]
VARIANTS = [
    "reference",
    "with_dropout_0.25",
    "three_conv_layers",
    "batch_normalisation",
    "adamw_cosine_schedule",
    "rotation_zoom_shift",
    "longer_15_epochs_early_stopping",
    "kernel_5x5",
    "rmsprop_lr_3e-3",
    "l2_regularisation_1e-4",
    "wide_64_128_filters",
]


def boxes(texts):
    return [t.get_window_extent() for t in texts if t.get_text() and t.get_visible()]


def assert_apart(texts):
    found = boxes(texts)
    for one, other in itertools.combinations(found, 2):
        assert not one.overlaps(other)


@pytest.fixture(autouse=True)
def english():
    with use("en"):
        yield


class TestGrid:
    images = np.random.default_rng(0).integers(0, 256, (10, 8, 8, 1), dtype=np.uint8)

    def test_each_image_is_shown_with_its_title(self):
        figure = grid(self.images, [f"n° {i}" for i in range(10)])
        assert len(figure.axes) == 10
        for i, ax in enumerate(figure.axes):
            np.testing.assert_allclose(ax.images[0].get_array(), self.images[i, :, :, 0] / 255, rtol=1e-6)
            assert ax.get_title(loc="center") == f"n° {i}"

    def test_colours_and_floats(self):
        x = np.random.default_rng(0).uniform(-20, 300, (2, 8, 8, 3)).astype(np.float32)
        shown = grid(x).axes[0].images[0].get_array()
        np.testing.assert_allclose(shown, (x[0] / 255).clip(0, 1), rtol=1e-6)
        assert shown.shape == (8, 8, 3)
        unit = grid(x / 300).axes[0].images[0].get_array()
        np.testing.assert_allclose(unit, (x[0] / 300).clip(0, 1), rtol=1e-6)

    @pytest.mark.parametrize(("n", "columns"), [(1, 1), (5, 5), (7, 3), (9, 3), (10, 5), (12, 4), (25, 5)])
    def test_shape(self, n, columns):
        assert columns_for(n) == columns

    def test_each_line_of_a_title_is_wrapped(self):
        figure = grid(self.images, ["Chaussures de sport d'été → Bottines fourrées\n98,12 % (3/5)"] * 10)
        figure.draw_without_rendering()
        assert_apart([ax.title for ax in figure.axes])

    def test_holes_are_empty_and_rows_are_named(self):
        figure = grid(self.images[:5], columns=3, row_titles=["first", "second"])
        assert len(figure.axes) == 6
        assert not figure.axes[5].images
        assert [figure.axes[i].get_ylabel() for i in (0, 3)] == ["first", "second"]

    def test_titles_of_neighbours_do_not_touch(self):
        figure = grid(self.images, [f"{CLASSES[i]} → {CLASSES[-i]} 98.12% (3/5)" for i in range(10)])
        figure.draw_without_rendering()
        assert_apart([ax.title for ax in figure.axes])

    def test_no_image(self):
        (ax,) = grid(self.images[:0], title="no image of 0").axes
        assert [text.get_text() for text in ax.texts] == ["no image of 0"]

    def test_a_title_and_a_note_are_wrapped_inside(self):
        figure = grid(self.images[:2], ["0\n→ 1"] * 2, columns=2, title="many words " * 6, note="said below " * 9)
        figure.draw_without_rendering()
        edge = figure.get_window_extent()
        texts = [figure._suptitle, figure._supxlabel, *(ax.title for ax in figure.axes)]
        assert_apart(texts)
        for box in boxes(texts):
            assert edge.x0 <= box.x0
            assert box.x1 <= edge.x1


class TestCurves:
    y = np.array([0.9, 0.95, 0.97])

    def test_numbers_and_band(self):
        line = Line("train", self.y, self.y - 0.01, self.y + 0.01, stroke="dashed")
        ax = curves([line, Line("validation", self.y - 0.02)], unit="percent", mark=2, mark_label="least")
        np.testing.assert_array_equal(ax.lines[0].get_xdata(), [1, 2, 3])
        np.testing.assert_array_equal(ax.lines[0].get_ydata(), self.y)
        assert [ax.lines[0].get_linestyle(), ax.lines[1].get_linestyle()] == ["--", "-"]
        band = ax.collections[0].get_paths()[0].get_extents()
        assert (band.y0, band.y1) == pytest.approx((0.89, 0.98))
        assert ax.lines[2].get_xdata()[0] == 2
        assert [t.get_text() for t in ax.get_legend().get_texts()] == ["train", "validation", "least"]

    def test_colours_that_come_round_again_have_another_stroke(self):
        ax = curves([Line(str(i), self.y) for i in range(25)])
        assert len({(line.get_color(), line.get_linestyle()) for line in ax.lines}) == 25

    def test_one_epoch_is_a_point(self):
        ax = curves([Line("train", [0.9])])
        assert ax.lines[0].get_marker() == "o"

    def test_draws_where_it_is_told(self):
        ax = style.axes(None)
        assert curves([Line("", self.y)], ax=ax) is ax

    def test_small_multiples(self):
        shades = style.colours(VARIANTS, "reference")
        lines = [Line(n, self.y - i / 100, colour=shades[n]) for i, n in enumerate(VARIANTS)]
        figure = small_multiples({f"panel {i}": lines for i in range(7)}, xlabel="Severity", ylabel="Accuracy")
        assert sum(ax.get_visible() for ax in figure.axes) == 7
        assert [ax.get_xlabel() for ax in figure.axes[:7]] == ["", ""] + ["Severity"] * 5
        assert [t.get_text() for t in figure.legends[0].get_texts()] == VARIANTS
        figure.draw_without_rendering()
        assert_apart([*figure.legends[0].get_texts(), *(ax.xaxis.label for ax in figure.axes[5:7])])


class TestConfusion:
    counts = np.array([[8.0, 2.0], [0.0, 5.0]])

    def test_names_and_numbers(self):
        ax = confusion(self.counts, ["cat", "dog"])
        assert [t.get_text() for t in ax.get_xticklabels()] == ["cat", "dog"]
        assert [t.get_text() for t in ax.get_yticklabels()] == ["cat", "dog"]
        assert [t.get_text() for t in ax.texts] == ["8", "2", "", "5"]
        np.testing.assert_allclose(ax.collections[0].get_array().ravel(), [0.8, 0.2, 0, 1])

    @pytest.mark.parametrize("normalise", ["true", "pred", "all"])
    def test_shares_are_those_of_scikit_learn(self, normalise):
        from sklearn.metrics import confusion_matrix

        rng = np.random.default_rng(0)
        y, p = rng.integers(0, 4, 200), rng.integers(0, 4, 200)
        expected = confusion_matrix(y, p, normalize=normalise)
        np.testing.assert_allclose(shares(confusion_matrix(y, p).astype(float), normalise), expected)

    @pytest.mark.parametrize("n", [2, 10, 15, 30, 100])
    def test_long_names_keep_apart_whatever_their_number(self, n):
        ax = confusion(np.eye(n) * 100, [f"Chaussures de sport n° {i:3}" for i in range(n)])
        ax.figure.draw_without_rendering()
        assert_apart(ax.get_yticklabels())
        edge = ax.figure.get_window_extent()
        for box in boxes([*ax.get_yticklabels(), *ax.get_xticklabels()]):
            assert edge.x0 <= box.x0
            assert edge.y0 <= box.y0
        assert max(ax.figure.get_size_inches()) < 14

    def test_what_the_numbers_are_is_said_where_it_is_not_plain(self):
        assert confusion(self.counts, ["a", "b"]).get_xlabel() == "Predicted class"
        told = confusion(self.counts, ["a", "b"], seeds=3).get_xlabel()
        assert told.endswith("\nnumbers of images, means over 3 seeds")
        told = confusion(self.counts, ["a", "b"], normalise="pred", seeds=3).get_xlabel()
        assert told.endswith("\npercentages of the predicted class")

    def test_mean_counts_in_french(self):
        with use("fr"):
            ax = confusion(self.counts / 3, ["chat", "chien"])
            assert [t.get_text() for t in ax.texts] == ["2,7", "0,7", "", "1,7"]
            ax = confusion(self.counts, ["chat", "chien"], normalise="true")
            assert [t.get_text() for t in ax.texts] == ["80,0", "20,0", "", "100,0"]

    def test_a_class_without_image(self):
        assert shares(np.zeros((2, 2)), "true").tolist() == [[0, 0], [0, 0]]

    def test_ten_names_do_not_touch(self):
        ax = confusion(np.eye(10) * 1000, CLASSES)
        ax.figure.draw_without_rendering()
        assert_apart(ax.get_yticklabels())


class TestBars:
    def test_heights_intervals_and_values(self):
        ax = bars(
            ["0", "1"],
            {"error": [0.01, 0.02]},
            low={"error": [0.005, 0.01]},
            high={"error": [0.02, 0.04]},
            percent=True,
        )
        assert [p.get_height() for p in ax.patches] == [0.01, 0.02]
        segments = ax.collections[0].get_segments()
        np.testing.assert_allclose([s[:, 1] for s in segments], [[0.005, 0.02], [0.01, 0.04]])
        assert [t.get_text() for t in ax.texts] == ["1.00%", "2.00%"]
        assert ax.get_ylim()[0] == 0

    def test_long_names_lie(self):
        ax = bars(VARIANTS, {"accuracy": np.linspace(0.98, 0.99, 11)}, reference="reference", percent=True)
        assert [p.get_width() for p in ax.patches] == list(np.linspace(0.98, 0.99, 11))
        assert ax.yaxis_inverted()
        assert ax.get_xlim()[0] == 0
        assert ax.patches[0].get_facecolor()[:3] == pytest.approx((0x6E / 255,) * 3)
        ax.figure.draw_without_rendering()
        assert_apart([*ax.get_yticklabels(), *ax.texts])

    def test_points_where_the_axis_does_not_start_at_0(self):
        values = np.linspace(0.98, 0.99, 11)
        spread = {"low": {"accuracy": values - 0.002}, "high": {"accuracy": values + 0.002}}
        ax = bars(VARIANTS, {"accuracy": values}, **spread, reference="reference", percent=True, zoomed=True)
        assert not ax.patches, "the length of a bar would mislead"
        np.testing.assert_allclose(ax.collections[-1].get_offsets(), np.column_stack([values, np.arange(11)]))
        assert 0.97 < ax.get_xlim()[0] < 0.978
        assert ax.collections[-1].get_facecolor()[0, :3] == pytest.approx((0x6E / 255,) * 3)
        ax.figure.draw_without_rendering()
        assert_apart([*ax.get_yticklabels(), *ax.texts])

    def test_groups_have_a_legend(self):
        ax = bars(["a", "b"], {"train": [1, 2], "test": [3, 4]}, digits=0)
        assert [t.get_text() for t in ax.get_legend().get_texts()] == ["train", "test"]
        assert [t.get_text() for t in ax.texts] == ["1", "2", "3", "4"]

    def test_values_of_ten_french_names_do_not_touch(self):
        with use("fr"):
            ax = bars(CLASSES, {"erreur": np.full(10, 0.0123)}, percent=True)
        ax.figure.draw_without_rendering()
        assert_apart(ax.texts)

    def test_what_is_missing_is_not_drawn(self):
        ax = bars(["a", "b"], {"x": [1.0, float("nan")]})
        assert [t.get_text() for t in ax.texts] == ["1.00"]


@pytest.mark.parametrize(
    ("limits", "english", "french"),
    [
        ((0.001, 0.02), "[+0.10, +2.00]", "[+0,10\u00a0; +2,00]"),
        ((0.0, 0.02), "(0.00, +2.00]", "]0,00\u00a0; +2,00]"),
        ((-0.02, 0.0), "[−2.00, 0.00)", "[−2,00\u00a0; 0,00["),
        ((0.0, 0.0), "[±0.00, ±0.00]", "[±0,00\u00a0; ±0,00]"),  # of a model and itself: 0 is all there is
    ],
)
def test_an_interval_is_open_at_the_0_that_holms_test_has_left_out(limits, english, french):
    assert interval(*limits) == english
    with use("fr"):
        assert interval(*limits) == french


def test_forest_cuts_what_no_difference_can_reach() -> None:
    ax = forest(["a"], [0.1], [-1.2], [0.9], ["undecided"], low_outer=[-1.7], high_outer=[1.9])
    assert ax.texts[0].get_text() == "+10.00 [−100.00, +100.00]"
    for line in ax.lines:
        ends = np.asarray(line.get_xdata(), float)
        assert np.all(np.abs(ends) <= 1)


def test_forest():
    ax = forest(
        ["a", "b"],
        [0.0031, -0.001],
        [0.0012, -0.002],
        [0.005, 0.0005],
        ["better", "undecided"],
        low_outer=[0.0005, -0.003],
        high_outer=[0.0057, 0.001],
        rope=0.002,
    )
    assert [t.get_text() for t in ax.texts] == ["+0.31 [+0.05, +0.57]", "−0.10 [−0.30, +0.10]"]
    band = ax.patches[0].get_extents().transformed(ax.transData.inverted())
    assert (band.x0, band.x1) == pytest.approx((-0.002, 0.002))
    drawn = [tuple(line.get_xdata()) for line in ax.lines[1:]]
    assert drawn == [(0.0005, 0.0057), (0.0012, 0.005), (0.0031,), (-0.003, 0.001), (-0.002, 0.0005), (-0.001,)]
    assert ax.lines[1].get_color() == style.VERDICTS["better"]
    with use("fr"):
        assert forest(["a"], [0.0031], [0.0], [0.01], ["better"]).texts[0].get_text() == "+0,31 ]0,00\u00a0; +1,00]"


@pytest.mark.parametrize("lang", ["en", "fr"])
@pytest.mark.parametrize(
    ("shortest", "longest"),
    [(0.004, 0.9), (1.0, 1.02), (3.3, 9), (20, 47), (41, 130), (58, 75), (200, 900), (3, 4000), (5000, 90000)],
)
def test_pareto_times_never_touch(shortest, longest, lang):
    with use(lang):
        ax = pareto(["a", "b"], [shortest, longest], [0.9, 0.95], front=[True, True])
    ax.figure.draw_without_rendering()
    texts = [tick for tick in ax.get_xticklabels() if ax.get_xlim()[0] <= tick.get_position()[0] <= ax.get_xlim()[1]]
    assert len(texts) >= 2
    found = boxes(texts)
    assert all(two.x0 - one.x1 > 4 for one, two in itertools.pairwise(found))


def test_pareto_times_are_round():
    with use("fr"):
        ax = pareto(["a", "b"], [20, 200], [0.9, 0.95], front=[True, True])
    told = [text.get_text() for text in ax.get_xticklabels()]
    assert {"20 s", "30 s", "1 min", "2 min", "3 min", "5 min"} <= set(told)
    assert told == sorted(told, key=lambda text: float(text.split()[0]) * (60 if "min" in text else 1))


@pytest.mark.parametrize("seed", range(4))
def test_pareto_names_stand_apart_even_when_points_crowd(seed):
    rng = np.random.default_rng(seed)
    spread = [0.02, 0.05, 0.3, 0.6][seed]
    time, accuracy = np.exp(rng.normal(4, spread, 11)), 0.99 + rng.normal(0, 0.002, 11)
    front = [not ((time < t) & (accuracy > a)).any() for t, a in zip(time, accuracy, strict=True)]
    ax = pareto(VARIANTS, time, accuracy, front=front, reference="reference", chosen=VARIANTS[3])
    assert {t.get_text() for t in ax.texts} == set(VARIANTS)
    ax.figure.draw_without_rendering()
    # an annotation's own extent includes its arrow: what must stand apart is the words
    words = [Text.get_window_extent(t) for t in ax.texts]
    assert not any(one.overlaps(other) for one, other in itertools.combinations(words, 2))
