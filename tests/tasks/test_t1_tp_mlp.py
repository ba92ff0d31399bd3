"""T1, row by row: the practical on dense networks, on a few hundred of scikit-learn's digits, a first look of it."""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2_contingency
from sklearn.metrics import confusion_matrix

import etalon
from etalon.data.dataset import Dataset
from etalon.errors import ModelError
from etalon.locales import number, percent, use
from etalon.models.factors import Factor
from etalon.report.answered import Answered
from etalon.report.blocks import Figure, Table
from etalon.result import Result
from etalon.train.updates import updates
from etalon.workbench import Study
from tests.conftest import needs_real_data
from tests.tasks.conftest import weighed

STUDY = Path(__file__).parents[2] / "studies" / "tp_mlp.py"
Answers = Mapping[str, Mapping[str, Answered]]  # by language, by question


@pytest.fixture(scope="module")
def whole(digits: Dataset) -> Study:
    """The study as it stands, but for its images."""
    return etalon.open_study(STUDY).with_(data=digits)


@pytest.fixture(scope="module")
def result(digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Result:
    """A first look at the study; the test part is open."""
    study = etalon.open_study(STUDY).with_(data=digits, store=tmp_path_factory.mktemp("store"))
    return study.quick().run(progress=False, workers=0).test()


@pytest.fixture(scope="module")
def answers(result: Result) -> Answers:
    found = {}
    for lang in ("fr", "en"):
        with use(lang):
            found[lang] = {one.question.name: one for one in result.answers()}
    return found


@pytest.fixture(scope="module")
def pages(result: Result, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The words of the report, by language."""
    folder = tmp_path_factory.mktemp("reports")
    found = {}
    for lang in ("fr", "en"):
        page = result.report(folder / f"{lang}.html", lang).read_text(encoding="utf-8")
        found[lang] = " ".join(re.sub(r"<(style|script)>.*?</\1>|<[^>]+>", " ", page, flags=re.DOTALL).split())
    return found


def said(answers: Answers, name: str, lang: str = "en") -> str:
    return " ".join(finding.text for finding in answers[lang][name].findings)


def tables(answers: Answers, name: str, lang: str = "en") -> list[Table]:
    return [block for block in answers[lang][name].blocks if isinstance(block, Table)]


def figures(answers: Answers, name: str) -> list[Figure]:
    return [block for block in answers["en"][name].blocks if isinstance(block, Figure)]


def test_every_question_is_answered_in_both_languages(answers: Answers, pages: dict[str, str]) -> None:
    for lang, by_name in answers.items():
        places = []
        for one in by_name.values():
            assert not one.failure, one.failure
            asked = one.question.text[lang]
            places.append(re.sub(r"\s", " ", pages[lang]).replace("’", "'").find(asked, places[-1] if places else 0))
        assert -1 not in places
        assert places == sorted(places)
    told = {}
    for lang, by_name in answers.items():
        with use(lang):
            told[lang] = [str(one) for one in by_name.values()]
    assert not set(told["fr"]) & set(told["en"])


def test_t1_01_arrays_of_keras(digits: Dataset) -> None:
    """`etalon.load("fashion_mnist")`, or the tuple that `keras.datasets.fashion_mnist.load_data()` returns"""
    train, test = digits.train, digits.test
    keras_tuple = ((train.x[..., 0], train.y.astype(np.uint8)), (test.x[..., 0], test.y.astype(np.uint8)))
    found = etalon.load(keras_tuple)
    assert found.image_shape == (28, 28, 1)
    assert np.array_equal(found.train.x, train.x)
    assert np.array_equal(found.test.y, test.y)
    assert etalon.open_study(STUDY).data == "fashion_mnist"


@needs_real_data
def test_t1_01_named_set() -> None:
    """`etalon.load("fashion_mnist")`, or the tuple that `keras.datasets.fashion_mnist.load_data()` returns"""
    found = etalon.load("fashion_mnist")
    assert (len(found.train), len(found.test), found.image_shape) == (60_000, 10_000, (28, 28, 1))


def test_t1_02_coding(result: Result, answers: Answers) -> None:
    """`studies/tp_mlp.py`, question `how_data_are_coded`; `etalon data show fashion_mnist`"""
    (table,) = tables(answers, "how_data_are_coded")
    assert [row[1] for row in table.rows] == ["uint8", "int64", "uint8", "int64"]
    train = result.dataset.train
    assert table.rows[0][2] == f"{len(train):,} × 28 × 28 × 1"
    assert table.rows[0][3] == f"{train.x.min()}–{train.x.max()}"
    assert table.rows[1][2:4] == [f"{len(train):,}", "0–9"]
    assert table.rows[0][5] == f"{train.x.nbytes / 1e6:.2f} MB"
    assert tables(answers, "how_data_are_coded", "fr")[0].rows[0][0] != table.rows[0][0]


def test_t1_03_spread_of_the_targets(result: Result, answers: Answers) -> None:
    """`studies/tp_mlp.py`, question `how_targets_are_spread`"""
    counts = np.stack([np.bincount(part.y) for part in (result.dataset.train, result.dataset.test)])
    (finding,) = answers["en"]["how_targets_are_spread"].findings
    assert finding.numbers["p"] == pytest.approx(chi2_contingency(counts, correction=False).pvalue)
    assert finding.numbers["imbalance"] == counts[0].max() / counts[0].min()
    assert finding.text.startswith("The classes are balanced")
    (bars,) = figures(answers, "how_targets_are_spread")
    heights = [bar.get_height() for bar in bars.draw().patches]
    assert sorted(heights) == sorted(counts.ravel())
    (table,) = tables(answers, "how_targets_are_spread")
    assert [int(row[1]) for row in table.rows] == list(counts[0])


def test_t1_04_preprocessing(result: Result, answers: Answers) -> None:
    """`studies/tp_mlp.py`, question `what_preprocessing`"""
    (table,) = tables(answers, "what_preprocessing")
    stored, scaled, flat, targets = table.rows
    assert stored[2:4] == ["uint8", "28 × 28 × 1"]
    assert scaled[0] == "scaled by 1/255"
    assert scaled[2:5] == ["float32", "28 × 28 × 1", "0–1"]
    assert (flat[0], flat[3]) == ("Flatten", "784")
    assert (targets[0], targets[3]) == ("targets one-hot", "10")
    assert all(row[1] for row in table.rows)  # each with its reason


def test_t1_05_unbalanced(result: Result, answers: Answers) -> None:
    """`studies/tp_mlp.py`, question `if_unbalanced`; settings `class_weight` and `resample`, stratified splits"""
    described, stratified, *remedies = answers["en"]["if_unbalanced"].findings
    assert described.numbers["imbalance"] == pytest.approx(10, rel=0.1)
    assert "unbalanced" in described.text
    assert stratified.text.startswith("Validation keeps the proportions")
    assert stratified.numbers["validation"] == pytest.approx(stratified.numbers["train"], abs=0.01)
    assert [finding.variant for finding in remedies] == ["class_weights", "resampled"] * 2
    assert remedies[0].text.startswith("Recall of the class: class_weights ")
    assert remedies[2].text.startswith("Macro F1: class_weights ")


@needs_real_data
def test_t1_06_names() -> None:
    """`etalon.load("fashion_mnist").class_names("fr")`"""
    asked = "T-shirts, Pantalons, Pulls, Robes, Manteaux, Sandales, Chemises, Baskets, Sacs, Bottines"
    found = etalon.load("fashion_mnist")
    assert ", ".join(found.class_names("fr")) == asked
    assert len(found.class_names("en")) == 10


def test_t1_07_first_nine(result: Result, answers: Answers) -> None:
    """`studies/tp_mlp.py`, question `first_nine`; `etalon data show fashion_mnist`"""
    (figure,) = figures(answers, "first_nine")
    shown = [ax for ax in figure.draw().axes if ax.images]
    assert len(shown) == 9
    names = result.dataset.class_names("en")
    assert [ax.get_title() for ax in shown] == [names[label] for label in result.dataset.train.y[:9]]


@pytest.mark.parametrize(
    ("units", "activation", "loss", "message"),
    [
        (10, "sigmoid", "categorical_crossentropy", "probabilities that add up to 1"),
        (12, "softmax", "categorical_crossentropy", "10 classes"),
        (10, None, "categorical_crossentropy", "takes logits for probabilities"),
    ],
)
def test_t1_08_a_wrong_output_layer(
    units: int, activation: str | None, loss: str, message: str, digits: Dataset, tmp_path: Path
) -> None:
    """`studies/tp_mlp.py`, question `which_output_layer`; a wrong pairing is refused before training"""
    from keras import Input, Sequential, layers

    study = etalon.Study("wrong", data=digits, store=tmp_path)

    @study.reference
    def wrong() -> Sequential:
        model = Sequential([Input((28, 28, 1)), layers.Flatten(), layers.Dense(units, activation=activation)])
        model.compile(loss=loss)
        return model

    with pytest.raises(ModelError, match=message):
        study.run(progress=False, workers=0)


def test_t1_08_output_layer(answers: Answers) -> None:
    """`studies/tp_mlp.py`, question `which_output_layer`; a wrong pairing is refused before training"""
    (finding,) = answers["en"]["which_output_layer"].findings
    assert "10 classes, hence 10 neurons" in finding.text
    assert "softmax" in finding.text
    assert "categorical_crossentropy" in finding.text
    assert "softmax" in said(answers, "which_output_layer", "fr")


def test_t1_09_two_hidden_layers(whole: Study) -> None:
    """`studies/tp_mlp.py`, reference `two_layers`"""
    reference = whole.plan.candidates[0]
    assert [(row.units, row.kind) for row in reference.weights.layers if row.units] == [
        (256, "Dense"),
        (256, "Dense"),
        (10, "Dense"),
    ]
    assert all(layer.activation.__name__ == "relu" for layer in reference.model.layers[1:-1])


def test_t1_10_weights(answers: Answers) -> None:
    """`studies/tp_mlp.py`, question `how_many_weights`; `etalon.weights(model)`"""
    (finding,) = answers["en"]["how_many_weights"].findings
    assert finding.numbers["weights"] == 784 * 256 + 256 + 256 * 256 + 256 + 256 * 10 + 10 == 269_322
    assert "269,322" in finding.text
    (table,) = tables(answers, "how_many_weights")
    heads = [column.header for column in table.columns]
    assert [row[heads.index("Per unit")] for row in table.rows][1:] == ["785", "257", "257"]


def test_t1_11_compile(whole: Study, answers: Answers) -> None:
    """`studies/tp_mlp.py`, question `which_compile_settings`"""
    loss, optimizer, metric = answers["en"]["which_compile_settings"].findings
    recipe = whole.plan.candidates[0].recipe
    assert recipe.loss in loss.text
    assert f"{recipe.optimizer.class_name} with learning rate 0.001" in optimizer.text
    assert "accuracy" in metric.text
    assert "not misleading" in metric.text  # since the classes are balanced


def test_t1_12_batch_size(result: Result, whole: Study, answers: Answers) -> None:
    """`studies/tp_mlp.py`, question `which_batch_size`; `etalon.smallest_batch(48_000, fewer_than=200)`"""
    assert etalon.smallest_batch(48_000, fewer_than=200) == 242
    assert updates(48_000, 242) == 199
    assert updates(48_000, 241) == 200
    assert whole.plan.candidates[0].recipe.batch_size == 242
    assert etalon.smallest_batch(48_000, fewer_than=200, epochs=20) == 5_334  # for the whole training
    (finding,) = answers["en"]["which_batch_size"].findings
    images = len(result.reference.runs[0].validation_index) * 4  # 20 % validate
    assert finding.numbers["updates"] == np.ceil(images / 242)
    assert finding.numbers["smallest_batch"] == etalon.smallest_batch(images, fewer_than=200)


def test_t1_13_curves_and_epochs(result: Result, whole: Study, answers: Answers) -> None:
    """`studies/tp_mlp.py`, question `past_twenty_epochs`"""
    assert whole.plan.candidates[0].recipe.epochs == 20
    overfitting, worth = answers["en"]["past_twenty_epochs"].findings
    losses = np.array([run.history["val_loss"] for run in result.reference.runs])
    assert overfitting.numbers["best_epoch"] == losses.mean(axis=0).argmin() + 1
    assert overfitting.numbers["best_epoch_mean"] == (losses.argmin(axis=1) + 1).mean()
    assert worth.variant == "forty_epochs"
    assert worth.numbers["updates"] == 2 * worth.numbers["updates_before"]
    curves, _forest = figures(answers, "past_twenty_epochs")
    drawn = {line.get_label() for line in curves.draw().axes[1].lines}
    assert {"training", "validation", "test, not for choosing"} <= drawn


def test_t1_14_third_layer(result: Result, whole: Study, answers: Answers) -> None:
    """`studies/tp_mlp.py`, question `third_layer`"""
    (finding,) = answers["en"]["third_layer"].findings
    verdict = result.verdicts()["three_layers"]
    assert finding.numbers["difference"] == verdict.difference
    assert finding.numbers["low"] == verdict.low_simultaneous < verdict.difference < finding.numbers["high"]
    assert finding.numbers["weights"] - finding.numbers["weights_before"] == 256 * 256 + 256
    assert finding.numbers["weights_before"] == 269_322
    assert number(269_322, 0) in finding.text
    assert [factor.name for factor in factors(whole, "three_layers")]


def test_t1_15_half_the_neurons(result: Result, whole: Study) -> None:
    """`studies/tp_mlp.py`, question `fewer_neurons`"""
    finding = weighed(result, "fewer_neurons", "half_the_neurons", "two_layers")
    assert finding.numbers["weights"] == 784 * 128 + 128 + 128 * 128 + 128 + 128 * 10 + 10
    (factor,) = factors(whole, "half_the_neurons")
    assert "256 → 128" in factor.sentence()


def test_t1_16_model_m(result: Result, whole: Study, answers: Answers) -> None:
    """`studies/tp_mlp.py`, question `with_dropout`"""
    (factor,) = factors(whole, "model_m")
    with use("en"):
        assert factor.sentence() == "Dropout(0.4) added in 2 places"
    gap, _worth = answers["en"]["with_dropout"].findings
    each = result["model_m"].overfitting().gaps - result["narrowing"].overfitting().gaps
    assert gap.numbers["difference"] == pytest.approx(each.mean())
    assert gap.numbers["low"] < gap.numbers["difference"] < gap.numbers["high"]
    assert len(figures(answers, "with_dropout")) == 2


def test_t1_17_half_the_batch(result: Result, whole: Study) -> None:
    """`studies/tp_mlp.py`, question `smaller_batches`"""
    recipes = {c.name: c.recipe for c in whole.plan.candidates}
    assert (recipes["model_m"].batch_size, recipes["half_batches"].batch_size) == (242, 121)
    finding = weighed(result, "smaller_batches", "half_batches", "model_m")
    assert finding.text.startswith("Compared with model_m:")
    images = len(result.reference.runs[0].validation_index) * 4  # 20 % validate
    epochs = result["half_batches"].candidate.recipe.epochs
    told = [finding.numbers["updates_before"], finding.numbers["updates"]]
    assert told == [epochs * updates(images, batch) for batch in (242, 121)]
    assert "updates the weights" in finding.text


@pytest.mark.parametrize("name", ["sigmoid", "elu"])
def test_t1_18_activations(name: str, result: Result, whole: Study) -> None:
    """`studies/tp_mlp.py`, question `other_activations`"""
    (factor,) = factors(whole, name)
    assert (factor.name, set(factor.before), set(factor.after)) == ("activation", {"relu"}, {name})
    hidden = next(c.model for c in whole.plan.candidates if c.name == name).layers[1:-1]
    assert {layer.activation.__name__ for layer in hidden if hasattr(layer, "units")} == {name}
    assert weighed(result, "other_activations", name, "model_m").text.startswith("Compared with model_m:")


def test_t1_19_all_told(result: Result, answers: Answers) -> None:
    """`studies/tp_mlp.py`, question `all_told`; `result.effects()`"""
    (table,) = tables(answers, "all_told")
    named = [row[0] for row in table.rows]
    for outcome in result:
        assert named.count(outcome.name) == (1 if outcome is result.reference else len(outcome.candidate.factors))
    summary = answers["en"]["all_told"].findings[0]
    assert sum(summary.numbers.values()) == len(result) - 1
    assert all(number in said(answers, "all_told", "fr") for number in (str(len(result) - 1),))


def test_t1_20_consistent(result: Result, answers: Answers) -> None:
    """`studies/tp_mlp.py`, question `consistent`"""
    (finding,) = answers["en"]["consistent"].findings
    runs = result["model_m"].runs
    test = np.mean([np.mean(run.test_logits.argmax(1) == result.dataset.test.y) for run in runs])
    validation = np.mean([run.validation_accuracy for run in runs])
    assert finding.numbers["difference"] == pytest.approx(test - validation)
    assert finding.numbers["low"] < finding.numbers["difference"] < finding.numbers["high"]
    with use("en"):
        assert percent(float(test)) in finding.text


def test_t1_21_predictions(result: Result, answers: Answers) -> None:
    """`studies/tp_mlp.py`, question `predictions`; `result["model_m"].frame()`"""
    frame = result["model_m"].predictions.frame()
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.columns) == ["index", "true", "predicted", "confidence", *range(10)]
    assert np.array_equal(frame["true"], result.dataset.test.y)
    assert np.array_equal(frame["predicted"], result["model_m"].runs[0].test_logits.argmax(1))
    (table,) = tables(answers, "predictions")
    assert [row[1] for row in table.rows] == [str(label) for label in result.dataset.test.y[: len(table.rows)]]


def test_t1_22_errors_by_object(result: Result, answers: Answers) -> None:
    """`studies/tp_mlp.py`, question `worst_object`"""
    matrices = [confusion_matrix(result.dataset.test.y, r.test_logits.argmax(1)) for r in result["model_m"].runs]
    errors = np.mean([matrix.sum(axis=1) - np.diag(matrix) for matrix in matrices], axis=0)
    frame = result["model_m"].per_class().frame()
    assert frame["errors"].to_numpy() == pytest.approx(errors)
    (finding,) = answers["en"]["worst_object"].findings
    assert finding.text.startswith(f"The worst class is {frame['error'].idxmax()} (")
    assert len(tables(answers, "worst_object")[0].rows) == 10


def test_t1_23_heatmap(result: Result, answers: Answers) -> None:
    """`studies/tp_mlp.py`, question `confusion_matrix`"""
    (figure,) = figures(answers, "confusion_matrix")
    axes = figure.draw()
    y, runs = result.dataset.test.y, result["model_m"].runs
    matrix = np.mean([confusion_matrix(y, run.test_logits.argmax(1)) for run in runs], axis=0)
    shares = matrix / matrix.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(np.ravel(axes.collections[0].get_array()), shares.ravel())
    names = list(result.dataset.class_names("en"))
    assert [label.get_text() for label in axes.get_xticklabels()] == names
    assert [label.get_text() for label in axes.get_yticklabels()] == names


def assert_it_tells_of(result: Result, answers: Answers, name: str, true: int, predicted: int) -> None:
    """A question's answer is about images of one class that model M takes for another, and counts them."""
    y, runs = result.dataset.test.y, result["model_m"].runs
    taken = [np.sum((y == true) & (run.test_logits.argmax(1) == predicted)) for run in runs]
    for lang, by_name in answers.items():
        (finding,) = by_name[name].findings
        names = result.dataset.class_names(lang)
        assert (finding.kind, finding.variant) == ("hesitation", "model_m")
        assert finding.numbers["images"] == np.mean(taken)
        assert names[true] in finding.text
        assert names[predicted] in finding.text
    assert len(figures(answers, name)) == (1 if sum(taken) else 0)


def test_t1_24_shirts_as_t_shirts(result: Result, answers: Answers) -> None:
    """`studies/tp_mlp.py`, question `shirts_as_t_shirts`; `result["model_m"].gallery(true=6, predicted=0, n=25)`"""
    assert_it_tells_of(result, answers, "shirts_as_t_shirts", true=6, predicted=0)


def test_t1_24_first_25_of_a_pair(result: Result) -> None:
    """`studies/tp_mlp.py`, question `shirts_as_t_shirts`; `result["model_m"].gallery(true=6, predicted=0, n=25)`"""
    model = result["sigmoid"]  # which is wrong often enough here
    y, answered = result.dataset.test.y, model.runs[0].test_logits.argmax(1)
    matrix = confusion_matrix(y, answered) * (1 - np.eye(10, dtype=int))
    true, predicted = np.unravel_index(matrix.argmax(), matrix.shape)
    found = model.gallery(true=int(true), predicted=int(predicted), n=25, order="first")
    rows = np.flatnonzero((y == true) & (answered == predicted))[:25]
    assert [mistake.index for mistake in found.mistakes] == list(rows)
    assert found.found == matrix.max()
    drawn = [ax.get_title() for ax in found.plot().axes if ax.images]
    assert len(drawn) == min(25, matrix.max())
    assert all("%" in title for title in drawn)  # its confidence under each
    told = model.hesitation(int(true), int(predicted))
    each = [np.sum((y == true) & (run.test_logits.argmax(1) == predicted)) for run in model.runs]
    assert told.numbers["images"] == np.mean(each)
    assert told.numbers["near_low"] <= told.numbers["near"] <= told.numbers["near_high"]


def test_t1_25_ankle_boots(result: Result, answers: Answers) -> None:
    """`studies/tp_mlp.py`, question `boots_as_sandals`"""
    assert_it_tells_of(result, answers, "boots_as_sandals", true=9, predicted=5)


def test_t1_26_shape_of_the_images(result: Result, answers: Answers) -> None:
    """`studies/tp_mlp.py`, question `shape_of_the_images`; `studies/tp_cnn.py`"""
    worth = answers["en"]["shape_of_the_images"].findings[0]
    assert worth.variant == "keeps_the_shape"
    found = result.compare("model_m", "keeps_the_shape")["keeps_the_shape"]
    assert worth.numbers["difference"] == found.difference
    assert {row.kind for row in result["keeps_the_shape"].candidate.weights.layers} >= {"Conv2D", "MaxPooling2D"}


def factors(study: Study, name: str) -> tuple[Factor, ...]:
    """What a variant changes in the one that it comes after."""
    return next(candidate.factors for candidate in study.plan.candidates if candidate.name == name)
