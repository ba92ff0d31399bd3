"""Rows T5.11 to T5.20: each lesson runs in both languages and finds what the course says."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.metrics import auc, roc_curve

import etalon
from etalon.data.published import IDX

STUDIES = Path(etalon.__file__).parents[1] / "studies"
Taught = Callable[[int], dict[str, Any]]


@pytest.fixture(autouse=True)
def _own_store(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The networks of these lessons are kept elsewhere than in the working directory."""
    monkeypatch.setenv("ETALON_STORE", str(tmp_path_factory.mktemp("store")))


def test_t5_11_roc_curve(taught: Taught) -> None:
    names = taught(11)
    truth, scores = names["y_test"], names["scores"]
    table = names["areas"]
    for name, score in scores.items():
        area, drawn, every = table.loc[name]
        fpr, tpr, _ = roc_curve(truth, score)
        assert area == pytest.approx(auc(fpr, tpr))
        assert every == pytest.approx(area)
        assert drawn == pytest.approx(area, abs=4 * 0.5 / np.sqrt(100_000))
    learned, ink, chance = table["area"]
    assert learned > 0.9
    assert 0.5 < ink < learned
    assert chance == pytest.approx(0.5, abs=0.12)
    assert auc(*roc_curve(truth, -scores["logistic regression"])[:2]) == pytest.approx(1 - learned)


def test_t5_12_perceptron_and_xor(taught: Taught) -> None:
    names = taught(12)
    for name, model in names["theirs"].items():
        np.testing.assert_allclose(names["ours"][name], np.append(model.intercept_, model.coef_), rtol=1e-9)
    perceptron = names["ours"]["Perceptron"]
    assert ((perceptron[0] + names["X"] @ perceptron[1:] > 0) == names["y"]).all()
    linear = names["ours"]["SGDRegressor"]
    assert 1 < ((linear[0] + names["X"] @ linear[1:] > 0.5) != names["y"]).sum() < 5  # "a few" are sacrificed
    assert names["best"] == 3
    assert (names["step"] != names["xor"]).any()
    least_squares = LinearRegression().fit(names["corners"], names["xor"])
    np.testing.assert_allclose(names["flat"], least_squares.predict(names["corners"]), atol=0.01)
    document = [[0, 0, 0, 0, 0, 0, 0], [0, 1, 1, 1, 1, 0, 1], [1, 0, 1, 1, 1, 0, 1], [1, 1, 2, 2, 1, 1, 0]]
    assert list(names["thresholds"]) == [0, 1]
    assert names["table"].tolist() == document


def test_t5_13_dropout_and_activations(taught: Taught) -> None:
    names = taught(13)
    for step in names["steps"]:
        assert set(np.unique(step)) == {0.0, 2.0}
    assert (names["steps"][0] != names["steps"][1]).any()
    crossed = [line for ax in names["cells"] for line in ax.lines]
    assert len(crossed) == 2 * sum(int((step == 0).sum()) for step in names["steps"])
    np.testing.assert_allclose(names["drawn"].mean(axis=0), names["output"], atol=0.1)
    np.testing.assert_array_equal(names["at_inference"], names["output"])
    np.testing.assert_allclose(names["sigmoids"][5], 1 / (1 + np.exp(-5 * names["x"])))
    np.testing.assert_array_equal(names["relu"], np.maximum(0, names["x"]))


def test_t5_14_one_against_all(taught: Taught) -> None:
    names = taught(14)
    assert names["fruits"] == ["apple", "orange", "banana"]
    assert len(names["one_against_all"][1].estimators_) == 3
    assert names["n_outputs"][1].coef_.shape == (3, 2)
    for sums in names["sums"].values():
        np.testing.assert_allclose(sums, 1)
    assert (names["said"] == 0).sum() > 50  # nearly all of them oranges
    assert all(score > 0.9 for score in names["scores"].values())
    assert (names["three_networks"], names["one_network"]) == (195, 99)


def test_t5_15_a_graph_of_operations(taught: Taught) -> None:
    names = taught(15)
    assert names["one_sum"].tolist() == [7.5]
    assert names["two_sums"].tolist() == [3.0, 7.0]
    assert names["W"].item() == pytest.approx(-1, abs=1e-5)
    assert names["b"].item() == pytest.approx(1, abs=2e-5)
    assert names["final_loss"] == pytest.approx(5.69997e-11, rel=0.1)
    printed = -0.99999969 * np.arange(1, 5) + 0.99999082 + np.arange(4)  # with the W of the document
    assert (printed**2).sum() / names["final_loss"] == pytest.approx(5, abs=0.2)
    assert len(names["losses"]) == 1000
    assert names["walked"] == ["Sum", "Pow", "Sub", "Add", "Mul"]
    curvatures = 2 * np.linalg.eigvalsh([[30, 10], [10, 4]])  # of the loss along its two axes
    assert 0.01 * curvatures[0] == pytest.approx(0.012, abs=5e-5)  # the answer to the question
    assert 2 / curvatures[1] == pytest.approx(0.0299, abs=5e-5)


def test_t5_16_a_first_network(taught: Taught) -> None:
    names = taught(16)
    opened = names["opened"]
    assert etalon.weights(names["five_epochs"]()).total == 784 * 128 + 128 + 128 * 10 + 10
    recipe = opened.reference.candidate.recipe
    assert (recipe.optimizer.class_name, recipe.learning_rate) == ("SGD", 0.01)
    assert (recipe.epochs, recipe.batch_size, recipe.loss) == (5, 32, "sparse_categorical_crossentropy")
    assert opened["longer"].accuracy[0] > opened.reference.accuracy[0] + 0.02
    assert len(names["titles"]) == len(names["figure"].axes) == 105
    answers = opened["longer"].frame()
    wrong = int((answers.true != answers.predicted).head(105).sum())
    assert sum(title.endswith("×") for title in names["titles"]) == wrong
    updates = {outcome.name: outcome.updates().numbers["run"] for outcome in opened}
    assert updates == {"five_epochs": 205, "longer": 4100}  # "hardly more than two hundred", "twenty times as many"


def test_t5_16_the_study_has_the_courses_settings() -> None:
    study = etalon.open_study(STUDIES / "cours_dense.py").with_(data="digits", size=28)
    dense, longer, with_dropout = study.plan.candidates
    assert dense.weights.total == 101_770
    assert (dense.recipe.epochs, dense.recipe.batch_size, dense.recipe.learning_rate) == (5, 32, 0.01)
    assert dense.recipe.optimizer.class_name == "SGD"
    assert [len(variant.factors) for variant in (longer, with_dropout)] == [1, 1]
    printed = study.questions["beside_the_course"].compute.__globals__["PRINTED"]
    assert set(printed) == {IDX["mnist"].title, IDX["fashion_mnist"].title}


def test_t5_17_the_same_on_clothes(taught: Taught) -> None:
    names = taught(17)
    digits, clothes = names["digits"], names["clothes"]
    assert digits.candidate.weights.total == clothes.candidate.weights.total == 101_770
    assert digits.accuracy[0] > clothes.accuracy[0] + 0.02
    assert clothes.accuracy[0] > 0.6
    runs = [one.updates().numbers["run"] for one in (digits, clothes)]
    assert max(runs) / min(runs) < 1.05  # "about as many updates"
    given = clothes.predictions.probabilities[0][np.arange(400), clothes.predictions.labels[0]]
    assert names["losses"]["clothes"] == pytest.approx(-np.log(given).mean(), rel=1e-5)
    tops = {"Pullover", "Coat", "Shirt"}
    assert {name for pair in clothes.confusion().most_confused(3) for name in pair[:2]} == tops


def test_t5_18_overfitting_and_dropout(taught: Taught) -> None:
    names = taught(18)
    result = names["result"]
    without, with_it = result.reference.curves(), result["with_dropout"].curves()
    assert len(result["with_dropout"].candidate.factors) == 1
    assert without.mean("loss")[-1] < with_it.mean("loss")[-1] < with_it.mean("val_loss")[-1]
    assert names["before"].overfits_from is not None
    best = without.mean("val_loss").argmin()
    assert without.mean("accuracy")[-1] > without.mean("accuracy")[best]  # "fewer and fewer mistakes on them,
    assert without.mean("val_accuracy")[-1] < without.mean("val_accuracy")[best]  # and more and more on the others"
    careless = names["labels"] != names["digits"].train.y
    assert 0.08 < careless.mean() < 0.15  # some of the labels drawn at random are right
    verdict = result.test().verdicts()["with_dropout"]
    assert verdict.comparison.n == len(names["digits"].test)


def test_t5_19_convolution_and_pooling(taught: Taught) -> None:
    names = taught(19)
    for kernel, gaps in names["gaps"].items():
        assert gaps["correlate2d"] < 1e-9
        assert gaps["convolve2d, kernel turned over"] < 1e-9
        assert gaps["Keras Conv2D"] < 1e-5
        symmetric = kernel == "edge"  # the same forwards and backwards
        assert (gaps["convolve2d"] < 1e-9) == symmetric
    assert names["same"]
    assert [names["pooled"][size].shape for size in (2, 3)] == [(12, 12), (8, 8)]
    assert 32 * 10 == 320
    assert 26 * 26 * 32 * 785 == 16_981_120


def test_t5_20_a_convolutional_network(taught: Taught) -> None:
    names = taught(20)
    assert etalon.weights(names["convolutional"](28)).total == 54_410
    assert 0.5 < 54_410 / 101_770 < 0.55  # "little more than half the weights of the dense one"
    opened = names["opened"]
    assert [outcome.candidate.recipe.epochs for outcome in opened] == [20, 20, 20]
    assert [len(outcome.candidate.factors) for outcome in opened] == [0, 1, 1]
    assert opened.reference.accuracy.mean() > 0.95
    assert names["maps"].shape == (32, 14, 14)


def test_t5_20_the_study_has_the_courses_network() -> None:
    study = etalon.open_study(STUDIES / "cours_cnn.py").with_(data="digits", size=28)
    cnn, *others = study.plan.candidates
    assert cnn.weights.total == 54_410
    assert (cnn.recipe.epochs, cnn.recipe.optimizer.class_name) == (20, "Adam")
    kinds = [layer.kind for layer in cnn.weights.layers]
    assert kinds == ["Conv2D", "MaxPooling2D", "Dropout", "Flatten", "Dropout", "Dense"]
    assert [len(variant.factors) for variant in others] == [1] * len(others)
    assert "pushed" in study.variants
