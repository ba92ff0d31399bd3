"""Calibration: scikit-learn, hand values and brute force say the same."""

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV, calibration_curve
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss
from sklearn.metrics import log_loss as sklearn_log_loss

from etalon.analysis.calibration import (
    brier,
    calibrate,
    fit_temperature,
    head_of,
    log_loss,
    probabilities,
    reliability,
)


def drawn(seed: int = 0, n: int = 400, temperature: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Logits, and labels drawn with the probabilities of these logits divided by the temperature."""
    rng = np.random.default_rng(seed)
    z = rng.normal(0, 3, (n, 4))
    p = probabilities(z, "softmax", temperature)
    return z.astype(np.float32), (p.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)


class TestScores:
    def test_log_loss_is_that_of_scikit_learn(self):
        z, y = drawn()
        assert log_loss(z, y, "softmax", 1.5) == pytest.approx(sklearn_log_loss(y, probabilities(z, "softmax", 1.5)))
        p = probabilities(z, "sigmoid")
        columns = [sklearn_log_loss(y == c, p[:, c]) for c in range(4)]
        assert log_loss(z, y, "sigmoid") == pytest.approx(np.mean(columns))

    def test_log_loss_is_not_clipped(self):
        z, y = np.array([[1000.0, 0.0]]), np.array([1])
        assert log_loss(z, y, "softmax") == 1000
        assert log_loss(z, y, "sigmoid") == pytest.approx((1000 + np.log(2)) / 2)

    def test_brier_is_that_of_scikit_learn(self):
        z, y = drawn()
        p = probabilities(z, "softmax")
        assert brier(p, y) == pytest.approx(brier_score_loss(y, p, labels=range(4), scale_by_half=False))
        assert brier(np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([0, 0])) == 1

    @pytest.mark.parametrize("bins", [5, 15])
    def test_bins_are_those_of_scikit_learn(self, bins):
        z, y = drawn()
        p = probabilities(z, "softmax")
        top, right = p.max(axis=1), p.argmax(axis=1) == y
        found = reliability(top, right, bins)
        accuracy, confidence = calibration_curve(right, top, n_bins=bins)
        filled = found.count > 0
        np.testing.assert_allclose(found.accuracy[filled], accuracy)
        np.testing.assert_allclose(found.confidence[filled], confidence)
        assert found.count.sum() == len(y)
        assert np.isnan(found.accuracy[~filled]).all()

    def test_ece_by_hand(self):
        """Two answers in (0.8, 1] with one right, three in (0.4, 0.6] with two right."""
        confidence, right = np.array([1.0, 0.9, 0.5, 0.6, 0.55]), np.array([1, 0, 1, 1, 0])
        expected = 2 / 5 * abs(0.5 - 0.95) + 3 / 5 * abs(2 / 3 - 0.55)
        assert reliability(confidence, right, 5).ece == pytest.approx(expected)

    def test_ece_of_confidence_that_is_deserved(self):
        assert reliability(np.full(4, 0.75), np.array([1, 1, 1, 0])).ece == 0


class TestTemperature:
    @pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
    def test_the_one_that_drew_the_labels_is_found(self, temperature):
        z, y = drawn(n=20_000, temperature=temperature)
        assert fit_temperature(z, y, "softmax") == pytest.approx(temperature, rel=0.05)

    def test_it_is_that_of_scikit_learn(self):
        z, y = drawn(temperature=2.0)
        model = LogisticRegression().fit(np.eye(4).repeat(5, 0), np.arange(4).repeat(5))
        model.coef_, model.intercept_ = np.eye(4), np.zeros(4)  # its logits are its inputs
        scaled = CalibratedClassifierCV(FrozenEstimator(model), method="temperature").fit(z, y)
        ours = fit_temperature(z, y, "softmax")
        np.testing.assert_allclose(scaled.predict_proba(z), probabilities(z, "softmax", ours), atol=2e-3)

    @pytest.mark.parametrize("head", ["softmax", "sigmoid"])
    def test_no_other_is_better(self, head):
        z, y = drawn()
        least = log_loss(z, y, head, fit_temperature(z, y, head))
        assert all(log_loss(z, y, head, t) >= least - 1e-12 for t in np.geomspace(0.01, 100, 401))

    def test_without_an_error_nothing_is_scaled(self):
        y = np.arange(40) % 4
        assert fit_temperature(5 * np.eye(4)[y], y, "softmax") == 1
        assert fit_temperature(5 * np.eye(4)[y] - 1, y, "sigmoid") == 1

    def test_answers_that_are_no_better_than_chance(self):
        z = np.repeat([[3.0, 0.0]], 10, axis=0)
        assert fit_temperature(z, np.arange(10) % 2, "softmax") > 100

    @pytest.mark.parametrize(
        ("head", "loss", "expected"),
        [
            ("softmax", "mean_squared_error", "softmax"),
            ("sigmoid", "binary_crossentropy", "sigmoid"),
            ("linear", "categorical_crossentropy", "softmax"),
            ("linear", "sparse_categorical_crossentropy", "softmax"),
            ("linear", "mean_squared_error", None),
            ("linear", "categorical_hinge", None),
        ],
    )
    def test_head(self, head, loss, expected):
        assert head_of(head, loss) == expected


class TestCalibrate:
    def test_on_other_images(self):
        validation, shown = drawn(0, temperature=2.0), drawn(1, temperature=2.0)
        found = calibrate([validation], [shown], "softmax")
        t = fit_temperature(*validation, "softmax")
        assert found.temperatures == [t]
        assert found.before.log_loss == [log_loss(*shown, "softmax")]
        assert found.after.log_loss == pytest.approx([log_loss(*shown, "softmax", t)])
        p = probabilities(shown[0], "softmax", t)
        assert found.after.brier == pytest.approx([brier(p, shown[1])])
        assert found.after.ece == pytest.approx([reliability(p.max(1), p.argmax(1) == shown[1]).ece])
        assert found.after.ece < found.before.ece
        assert not found.crossed

    def test_on_validation_no_image_is_scaled_by_its_own_label(self):
        z, y = drawn(temperature=2.0)
        found = calibrate([(z, y)], None, "softmax")
        halves = [fit_temperature(z[h::2], y[h::2], "softmax") for h in (0, 1)]
        losses = [log_loss(z[h::2], y[h::2], "softmax", halves[1 - h]) for h in (0, 1)]
        assert found.after.log_loss == pytest.approx([np.mean(losses)])
        assert found.temperatures == [fit_temperature(z, y, "softmax")]
        assert found.crossed

    def test_bins_hold_the_answers_of_all_seeds(self):
        found = calibrate([drawn(0), drawn(1)], [drawn(2), drawn(3)], "softmax")
        assert found.before.bins.count.sum() == 800
        assert len(found.before.ece) == 2
