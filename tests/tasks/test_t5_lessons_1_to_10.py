"""Rows T5.1 to T5.10: each lesson runs in both languages and finds what the course says."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.stats import linregress
from sklearn.metrics import adjusted_rand_score

Taught = Callable[[int], dict[str, Any]]


def test_t5_01_the_words(taught: Taught) -> None:
    names = taught(1)
    assert list(names["table"].columns)[-1] == "species (label)"
    assert names["table"].shape == (150, 5)
    assert len(names["known_x"]) == 120
    assert names["found"] >= 28, "of 30"
    assert adjusted_rand_score(names["y"], names["groups"]) > 0.8


def test_t5_02_the_price_of_a_pizza(taught: Taught) -> None:
    names = taught(2)
    oracle = linregress(names["size"], names["price"])
    assert (names["w1"], names["b"]) == (pytest.approx(oracle.slope), pytest.approx(oracle.intercept))
    assert names["b"] < 0, "as the answer says"
    squares = [np.mean((names["price"] - b0 - w0 * names["size"]) ** 2) for b0, w0 in names["models"].values()]
    assert names["losses"] == [f"{square:.2f}" for square in squares]
    assert squares[1] < squares[0] / 10


def test_t5_03_gradient_descent(taught: Taught) -> None:
    names = taught(3)
    assert names["slip"] < 1e-6
    small, good, large = names["paths"].values()
    minimum = np.mean(names["x"] * names["y"])
    for rate, path in zip(names["rates"].values(), (small, good, large), strict=True):
        factors = (path[1:] - minimum) / (path[:-1] - minimum)
        assert factors == pytest.approx(np.full(12, 1 - 2 * rate), rel=1e-6), "as the answer says"
    assert names["good"] < 1e-4 < 0.5 < names["slow"] < 1 < names["wild"]


def test_t5_04_overfitting(taught: Taught) -> None:
    names = taught(4)
    assert np.all(np.diff(names["learnt"]) < 1e-9), "the training error can only go down"
    assert names["fresh"][-1] > 5 * min(names["fresh"])
    (expected_learnt, expected_new), (heart_learnt, heart_new) = names["scores"].values()
    assert heart_learnt == 1 > expected_learnt
    assert heart_new < expected_new - 0.02


def test_t5_05_two_sets_are_not_enough(taught: Taught) -> None:
    names = taught(5)
    assert names["announced"] == pytest.approx(0.05), "5 % on test, as the course tells"
    assert names["production"] == pytest.approx(0.15, abs=0.005), "15 % in production"
    simulated = np.random.default_rng(0).binomial(60, 0.15, (20_000, 100)).min(axis=1).mean() / 60
    assert names["expected"][list(names["k"]).index(100)] == pytest.approx(simulated, abs=5e-4)
    assert names["expected"][0] == pytest.approx(0.15)
    assert names["chooser"] < names["real"] - 0.01
    assert names["third"] == pytest.approx(names["real"], abs=0.006)


def test_t5_06_cross_validation(taught: Taught) -> None:
    names = taught(6)
    assert set(names["used"]) == {1}
    assert len(names["scores"]) == 5
    assert np.ptp(names["averaged"]) < np.ptp(names["alone"]) / 2
    assert names["averaged"].mean() == pytest.approx(names["alone"].mean(), abs=0.02)


def test_t5_07_regularisation(taught: Taught) -> None:
    names = taught(7)
    free, right, dear = names["squares"]
    assert free > 100 * right > 100 * dear
    flat = names["fitted"][2].predict(names["sizes"][:, None])
    assert flat == pytest.approx(np.full(300, names["y"].mean()), abs=0.5), "as the answer says"
    assert np.all(np.diff(names["learnt"]) > -1e-9), "the training error goes up with lambda"
    validated = names["validated"]
    assert 0 < validated.argmin() < len(validated) - 1
    assert validated.min() < min(validated[0], validated[-1]) - 0.2


def test_t5_08_preparing_data(taught: Taught) -> None:
    names = taught(8)
    assert names["faults"].sum().tolist() == [1, 1, 1, 1]
    assert len(names["reliable"]) == 4
    assert names["vocabulary"] == ["cream", "pesto", "tomato"]
    assert names["codes"].tolist() == [[0, 0, 1], [1, 0, 0], [0, 1, 0], [0, 0, 0]]
    assert names["raw"] < 0.75 < 0.93 < min(names["standard"], names["unit"])
    x, y = names["hour"][:, None], names["sold"]
    assert names["straight"].score(x, y) < 0.4 < 0.7 < names["binned"].score(x, y)


def test_t5_09_crossing_features(taught: Taught) -> None:
    names = taught(9)
    assert names["line_accuracy"] < 0.65
    assert names["crossed_accuracy"] == 1
    assert names["crossed"][0].transform([[2.0, -3.0]]).tolist() == [[2, -3, -6]]
    w1, w2, w3 = names["weights"]
    assert w3 < -5 * max(abs(w1), abs(w2))


def test_t5_10_accuracy_precision_recall(taught: Taught) -> None:
    names = taught(10)
    assert (names["tp"], names["fp"], names["fn"], names["tn"]) == (20, 10, 80, 890)
    measures = names["measures"]
    assert measures["accuracy"] == 0.91
    assert measures["precision"] == pytest.approx(2 / 3)
    assert measures["recall"] == 0.2
    assert measures["F1 score"] == pytest.approx(20 / (20 + 90 / 2))
    assert (names["lazy_accuracy"], names["lazy_recall"]) == (0.9, 0)
