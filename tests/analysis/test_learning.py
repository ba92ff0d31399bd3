"""Curves and overfitting, on histories whose story is known."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from etalon.analysis.curves import compare_curves, judge, learning_curves
from etalon.locales import use


def run(seed, val_loss, loss=None, *, variant="wide", train_accuracy=0.99, validation_accuracy=0.97, on_test=None):
    epochs = len(val_loss)
    loss = loss if loss is not None else list(np.linspace(1, 0.1, epochs))
    history = {
        "loss": tuple(loss),
        "val_loss": tuple(val_loss),
        "accuracy": tuple(1 - np.asarray(loss) / 10),
        "val_accuracy": tuple(1 - np.asarray(val_loss) / 10),
    }
    return SimpleNamespace(
        variant=variant,
        seed=seed,
        history=history,
        best_epoch=int(np.argmin(val_loss)) + 1,
        train_accuracy=train_accuracy,
        validation_accuracy=validation_accuracy,
        test_curves=on_test,
    )


FALL = [1.0, 0.7, 0.5, 0.4, 0.3]
RISE = [1.0, 0.6, 0.5, 0.55, 0.6, 0.7]
FLAT = [1.0, 0.6, 0.5, 0.4999, 0.5001]


class TestVerdict:
    def test_still_falling(self):
        found = learning_curves([run(s, FALL) for s in range(3)]).overfitting
        assert (found.best_epoch, found.overfits_from, found.longer) == (5, None, "yes")

    def test_overfits(self):
        found = learning_curves([run(s, np.array(RISE) + s / 100) for s in range(3)]).overfitting
        assert (found.best_epoch, found.overfits_from, found.longer) == (3, 4, "no")
        with use("en"):
            assert "rises from epoch 4" in found.verdict

    def test_flat(self):
        assert learning_curves([run(0, FLAT)]).overfitting.longer == "flat"

    def test_a_rise_that_seeds_do_not_share_is_not_overfitting(self):
        noise = np.array([[0, 0, 0, 0, 0, 0.2], [0, 0, 0, 0, 0, -0.15], [0, 0, 0, 0, 0, 0.1]])
        base = np.array([1.0, 0.6, 0.5, 0.5, 0.5, 0.5])
        assert judge(np.linspace(1, 0, 6)[None].repeat(3, 0), base + noise)[2] == "flat"

    @pytest.mark.parametrize("k", [1, 2, 5])
    def test_wobble_is_not_overfitting(self, k):
        """Losses that fall or stay, told with noise, never "rise"; seen on batch normalisation and two seeds."""
        rng, training = np.random.default_rng(0), np.linspace(1, 0, 10)[None].repeat(k, 0)
        for fall in (0, 0.05):
            told = [judge(training, 2 - fall * np.arange(10) + rng.normal(0, 0.1, (k, 10)))[2] for _ in range(400)]
            assert told.count("no") <= 8
            assert told.count("yes") <= 20 if fall == 0 else told.count("flat") <= 60

    def test_the_wobble_does_not_hide_a_rise(self):
        rng, training = np.random.default_rng(0), np.linspace(1, 0, 20)[None].repeat(3, 0)
        rise = 1 + 0.03 * np.abs(np.arange(20) - 8)
        told = [judge(training, rise + rng.normal(0, 0.03, (3, 20)))[2] for _ in range(200)]
        assert told.count("no") >= 190

    def test_a_fall_that_wobbles_too_much_is_not_claimed(self):
        training, losses = np.linspace(1, 0, 6)[None], np.array([[1, 0.9, 0.8, 0.6, 0.8, 0.55]])
        assert judge(training, losses) == (6, None, "unknown")

    def test_training_loss_that_rises_too_is_divergence(self):
        assert judge(np.array([[1, 0.5, 2.0]]), np.array([[1, 0.5, 2.0]]))[1] is None

    def test_one_epoch(self):
        found = learning_curves([run(0, [0.5])]).overfitting
        assert (found.best_epoch, found.longer) == (1, "unknown")

    @pytest.mark.parametrize("lang", ["en", "fr"])
    def test_sentences_hold_no_placeholder(self, lang):
        with use(lang):
            for story in (FALL, RISE, FLAT, [1.0], [1, 0.9, 0.8, 0.6, 0.8, 0.55]):
                found = learning_curves([run(0, story), run(1, story)]).overfitting
                assert "{" not in found.verdict + found.sentence


def test_gap_is_students_interval():
    accuracies = [0.99, 0.992, 0.985, 0.995]
    found = learning_curves([run(s, FALL, train_accuracy=a) for s, a in enumerate(accuracies)]).overfitting
    gaps = np.array(accuracies) - 0.97
    expected = stats.t.interval(0.95, 3, gaps.mean(), stats.sem(gaps))
    assert (found.low, found.high) == pytest.approx(expected)
    assert found.gap == pytest.approx(gaps.mean())


def test_one_seed_has_no_interval():
    found = learning_curves([run(0, FALL)]).overfitting
    assert found.low is None
    with use("en"):
        assert "+2.00 points (one seed)" in found.sentence


def test_seeds_that_stopped_early():
    found = learning_curves([run(0, FALL), run(1, FALL[:3])])
    assert found.epochs == 5
    assert found.overfitting.epochs == 3
    np.testing.assert_allclose(found.mean("val_loss"), FALL)
    assert np.isnan(found.values["val_loss"][1, 3:]).all()


def test_frame_and_spread():
    found = learning_curves([run(0, FALL), run(1, np.array(FALL) + 0.1)])
    table = found.frame()
    np.testing.assert_allclose(table["val_loss"], np.array(FALL) + 0.05)
    np.testing.assert_allclose(table["val_loss_low"], FALL)
    np.testing.assert_allclose(table["val_loss_high"], np.array(FALL) + 0.1)
    assert list(table.index) == [1, 2, 3, 4, 5]


def test_plot_draws_the_curves():
    found = learning_curves([run(0, RISE), run(1, RISE)])
    figure = found.plot()
    accuracy, loss = figure.axes
    np.testing.assert_allclose(accuracy.lines[1].get_ydata(), found.mean("val_accuracy"))
    np.testing.assert_allclose(loss.lines[0].get_ydata(), found.mean("loss"))
    assert loss.lines[2].get_xdata()[0] == 3
    assert len(figure.legends) == 1


def test_the_test_part_is_drawn_once_every_seed_is_open():
    on_test = [np.column_stack([np.array(RISE) + s, 0.9 - np.array(RISE) / 10 - s]) for s in (0.0, 0.1)]
    sealed = learning_curves([run(0, RISE, on_test=on_test[0]), run(1, RISE)])
    assert not sealed.opened
    assert sealed.caution == ""
    assert len(sealed.plot().axes[0].lines) == 3
    opened = learning_curves([run(s, RISE, on_test=on_test[s]) for s in (0, 1)])
    np.testing.assert_allclose(opened.mean("test_loss"), np.array(RISE) + 0.05)
    np.testing.assert_allclose(opened.frame()["test_accuracy_low"], on_test[1][:, 1])
    accuracy, loss = opened.plot().axes
    for ax, metric in ((accuracy, "test_accuracy"), (loss, "test_loss")):
        np.testing.assert_allclose(ax.lines[2].get_ydata(), opened.mean(metric))
        assert ax.lines[2].get_linestyle() == ":"
        assert ax.lines[2].get_label() == "test, not for choosing"
    assert "Nothing may be chosen on them" in opened.caution
    assert vars(opened.overfitting) | {"gaps": 0, "best_epochs": 0} == (
        vars(sealed.overfitting) | {"gaps": 0, "best_epochs": 0}
    )


def test_variants_side_by_side():
    several = [learning_curves([run(0, FALL, variant=name)]) for name in ("reference", "wide", "deep")]
    figure = compare_curves(several, "reference")
    assert len(figure.axes[0].lines) == 3
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["reference", "wide", "deep"]
