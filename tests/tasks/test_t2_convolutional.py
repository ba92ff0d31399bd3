"""T2, row by row: the practicals on convolutional networks, quick, on digits and on digits in colours."""

from pathlib import Path

import numpy as np
import pytest
from keras import Input, Sequential, layers
from sklearn.metrics import confusion_matrix, recall_score

import etalon
from etalon.data.dataset import Dataset
from etalon.data.published import CIFAR_CLASSES
from etalon.errors import ModelError
from etalon.locales import in_points, number, use
from etalon.result import Result
from etalon.workbench import Study
from tests.tasks.conftest import answer, weighed

STUDIES = Path(__file__).parents[2] / "studies"
STEPS = [  # of the practical on CIFAR-10, each after the one of which it changes something
    ("raw_pixels", "first_network"),
    ("dropout_in_classifier", "first_network"),
    ("pairs_of_convolutions", "dropout_in_classifier"),
    ("same_padding", "pairs_of_convolutions"),
    ("dropout_after_pooling", "same_padding"),
    ("third_pair", "dropout_after_pooling"),
    ("normalised", "third_pair"),
    ("twenty_epochs", "normalised"),
    ("leaky_relu", "twenty_epochs"),
]

pytestmark = pytest.mark.filterwarnings(
    "ignore::etalon.MoreThanOneFactor"
)  # the document changes several things at once


@pytest.fixture(scope="module")
def colours(digits: Dataset) -> Dataset:
    """200 + 80 digits of 32x32, each in a colour of its own, under the names of CIFAR-10's classes."""
    rng = np.random.default_rng(0)

    def part(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        padded = np.pad(x, ((0, 0), (2, 2), (2, 2), (0, 0)))
        return (padded * rng.uniform(0.4, 1, (len(x), 1, 1, 3))).astype(np.uint8), y

    few = digits.take(train=200, test=80)
    return etalon.load((part(few.train.x, few.train.y), part(few.test.x, few.test.y)), classes=CIFAR_CLASSES)


@pytest.fixture(scope="module")
def cnn(digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Result:
    few, store = digits.take(train=200, test=80), tmp_path_factory.mktemp("store")
    study = etalon.open_study(STUDIES / "tp_cnn.py").with_(data=few, store=store).quick()
    return study.run(workers=0, progress=False).test()


@pytest.fixture(scope="module")
def cifar(colours: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Result:
    store = tmp_path_factory.mktemp("store")
    study = etalon.open_study(STUDIES / "tp_cifar.py").with_(data=colours, store=store).quick()
    return study.run(workers=0, progress=False).test()


@pytest.fixture(scope="module")
def cnn_study(digits: Dataset) -> Study:
    return etalon.open_study(STUDIES / "tp_cnn.py").with_(data=digits)


@pytest.fixture(scope="module")
def cifar_study(colours: Dataset) -> Study:
    return etalon.open_study(STUDIES / "tp_cifar.py").with_(data=colours)


def two_more_stages():
    pooled = [layer for filters in (16, 32, 64, 64) for layer in (layers.Conv2D(filters, 3), layers.MaxPooling2D(2))]
    return Sequential([Input((32, 32, 3)), *pooled, layers.Flatten(), layers.Dense(10, activation="softmax")])


def kinds(study: Study, name: str) -> list[str]:
    """The layers of a variant, in order."""
    return [type(layer).__name__ for layer in candidate(study, name).model.layers]


def candidate(study: Study, name: str):
    return next(c for c in study.plan.candidates if c.name == name)


@pytest.mark.parametrize("lang", ["fr", "en"])
def test_every_question_is_answered(cnn: Result, cifar: Result, lang: str) -> None:
    for result in (cnn, cifar):
        with use(lang):
            for answered in result.answers():
                assert not answered.failure, (answered.question.name, answered.failure)
                assert answered.findings or answered.blocks


def test_t2_01_how_a_convolutional_network_is_built(cnn: Result) -> None:
    """`studies/tp_cnn.py`, first question; `outcome.shapes()`, and `etalon.weights(model)`: shape of the maps and
    receptive field after each layer."""
    told = answer(cnn, "architecture")
    assert "28 × 28 to 24 × 24 to 12 × 12 to 10 × 10 to 5 × 5" in told
    assert "800 of them (5 × 5 × 32)" in told
    table = cnn.reference.candidate.weights.frame()
    assert table["output"].tolist()[:4] == ["24 × 24 × 16", "12 × 12 × 16", "10 × 10 × 32", "5 × 5 × 32"]
    assert table["receptive field"].tolist()[:4] == ["5 × 5", "6 × 6", "10 × 10", "12 × 12"]


def test_t2_02_sparse_categorical_crossentropy(cnn: Result, tmp_path: Path) -> None:
    """`studies/tp_cnn.py`, second question; `outcome.preparation()`. Both codings of the targets train alike."""
    steps = cnn.reference.preparation().steps
    assert (steps[-1].dtype, steps[-1].shape) == ("int64", ())
    assert "sparse_categorical_crossentropy" in steps[-1].why
    both = [
        cnn.study.with_(loss=loss, epochs=1, seeds=[0], store=tmp_path)
        for loss in ("sparse_categorical_crossentropy", "categorical_crossentropy")
    ]
    for study in both:
        study.variants = {"two_convolutions": cnn.study.variants["two_convolutions"]}
    sparse, one_hot = (study.run(workers=0, progress=False).test().reference.runs[0] for study in both)
    assert sparse.key != one_hot.key
    np.testing.assert_array_equal(sparse.test_logits, one_hot.test_logits)


def test_t2_03_the_first_network(cnn_study: Study) -> None:
    """`studies/tp_cnn.py`, the reference."""
    reference = cnn_study.plan.candidates[0]
    pooled = ["Conv2D", "MaxPooling2D"]
    assert kinds(cnn_study, reference.name) == [*pooled, *pooled, "Flatten", "Dense", "Dense", "Dense"]
    first, _pool, second, *_rest, wide, narrow, output = reference.model.layers
    assert [(layer.filters, layer.kernel_size) for layer in (first, second)] == [(16, (5, 5)), (32, (3, 3))]
    assert [layer.units for layer in (wide, narrow, output)] == [256, 128, 10]
    assert reference.recipe.scale is None
    assert reference.recipe.epochs == 20


def test_t2_04_weights_by_layer_and_by_filter(cnn: Result, cnn_study: Study) -> None:
    """`studies/tp_cnn.py`: *How many weights are there to fit*; `etalon.weights(model)`."""
    table = cnn_study.plan.candidates[0].weights
    fitted = [layer for layer in table.layers if layer.total]
    assert [layer.per_unit for layer in fitted] == [5 * 5 + 1, 3 * 3 * 16 + 1, 800 + 1, 256 + 1, 128 + 1]
    assert [layer.units for layer in fitted] == [16, 32, 256, 128, 10]
    assert table.total == cnn_study.plan.candidates[0].model.count_params() == 244_298
    assert "244,298 weights" in answer(cnn, "weights")


def test_t2_05_dropout_everywhere(cnn: Result, cnn_study: Study) -> None:
    """`studies/tp_cnn.py`, variant `dropout`: *What does dropout do*."""
    pooled = ["Conv2D", "MaxPooling2D", "Dropout"]
    dense = ["Dense", "Dropout"]
    assert kinds(cnn_study, "dropout") == [*pooled, *pooled, "Flatten", *dense, *dense, "Dense"]
    (factor,) = candidate(cnn_study, "dropout").factors
    assert (factor.family, factor.name) == ("regularisation", "dropout")
    assert "the gap between training and validation" in answer(cnn, "effect_of_dropout")


def test_t2_06_test_against_validation(cnn: Result) -> None:
    """`studies/tp_cnn.py`: *Do the errors on test and on validation agree*; curves of the three parts."""
    told = answer(cnn, "more_epochs")
    assert told.count("% on test, ") == 2
    assert "Training longer" in told
    curves = cnn.reference.curves()
    assert curves.values["test_accuracy"].shape == curves.values["val_accuracy"].shape
    last = [run.test_curves[-1, 1] for run in cnn.reference.runs]
    np.testing.assert_allclose(last, cnn.reference.accuracy)


def test_t2_07_one_more_dense_layer(cnn: Result, cnn_study: Study) -> None:
    """`studies/tp_cnn.py`, variant `third_dense_layer`: *Does one more dense layer improve the model*."""
    added = candidate(cnn_study, "third_dense_layer")
    assert added.after == "dropout"
    (factor,) = added.factors
    assert factor.sentence() == "Dense(128), Dropout(0.5) added"
    assert "Compared with dropout: third_dense_layer" in answer(cnn, "one_more_dense_layer")


def test_t2_08_coding_and_names(cifar: Result) -> None:
    """`studies/tp_cifar.py`, first two questions; `etalon.load("cifar10")` carries both lists of names."""
    names = "Avion, Voiture, Oiseau, Chat, Biche, Chien, Grenouille, Cheval, Bateau, Camion"
    assert ", ".join(CIFAR_CLASSES["fr"]) == names
    frame = cifar.coding().frame()
    assert frame["type"].tolist() == ["uint8", "int64", "uint8", "int64"]
    assert frame["images"].tolist() == [200, 200, 80, 80]
    with use("fr"):
        shown = cifar.dataset.show(25)
    first = cifar.dataset.train
    assert [ax.get_title() for ax in shown.axes] == [CIFAR_CLASSES["fr"][label] for label in first.y[:25]]
    for ax, image in zip(shown.axes, first.x, strict=False):
        np.testing.assert_allclose(ax.images[0].get_array(), image / 255, atol=0.01)
    (block,) = cifar.answer("first_images").blocks
    assert len(block.draw().axes) == 25


def test_t2_09_raw_then_divided_by_255(cifar: Result, cifar_study: Study) -> None:
    """`studies/tp_cifar.py`, variant `raw_pixels`: *What do raw pixels give*."""
    reference, raw = cifar_study.plan.candidates[:2]
    assert (reference.recipe.scale, raw.recipe.scale) == (1 / 255, None)
    assert [factor.name for factor in raw.factors] == ["scale"]
    first = etalon.open_study(STUDIES / "tp_cnn.py").with_(data=cifar_study.dataset)
    assert [layer.per_unit for layer in reference.weights.layers if layer.total] == [76, 145, 1153, 257, 129]
    assert kinds(cifar_study, reference.name)[:4] == ["Conv2D", "MaxPooling2D", "Conv2D", "MaxPooling2D"]
    assert first.settings["batch_size"] == cifar_study.settings["batch_size"]
    weighed(cifar, "scaling", "raw_pixels", "first_network")


def test_t2_10_two_dropouts_in_the_classifier(cifar: Result, cifar_study: Study) -> None:
    """`studies/tp_cifar.py`, variant `dropout_in_classifier`."""
    rates = [
        layer.rate for layer in candidate(cifar_study, "dropout_in_classifier").model.layers if hasattr(layer, "rate")
    ]
    assert rates == [0.5, 0.5]
    weighed(cifar, "dropout", "dropout_in_classifier", "first_network")


def test_t2_11_consistent_with_validation(cifar: Result) -> None:
    """`studies/tp_cifar.py`: *Are the performances consistent with those on validation*; `outcome.consistency()`."""
    finding = cifar["dropout_in_classifier"].consistency()
    on_test = cifar["dropout_in_classifier"].accuracy.mean()
    on_validation = np.mean([run.validation_accuracy for run in cifar["dropout_in_classifier"].runs])
    assert finding.numbers["difference"] == pytest.approx(on_test - on_validation)
    assert finding.numbers["low"] < finding.numbers["difference"] < finding.numbers["high"]
    assert finding.text in answer(cifar, "consistency")


def test_t2_12_heatmap_and_worst_class(cifar: Result) -> None:
    """`studies/tp_cifar.py`: *Which class is the worst evaluated*; `outcome.confusion().plot()`."""
    model, y = cifar["dropout_in_classifier"], cifar.dataset.test.y
    each = [confusion_matrix(y, run.test_logits.argmax(1), labels=range(10)) for run in model.runs]
    np.testing.assert_allclose(model.confusion().counts, np.mean(each, axis=0))
    with use("fr"):
        ax = model.confusion().plot()
        told = answer(cifar, "worst_class", "fr")
    names = tuple(label.get_text() for label in ax.get_yticklabels())
    assert names == CIFAR_CLASSES["fr"]
    errors = 1 - np.mean([recall_score(y, run.test_logits.argmax(1), average=None) for run in model.runs], axis=0)
    worst = {name for name, error in zip(names, errors, strict=True) if error == pytest.approx(errors.max())}
    assert any(f"La classe la plus mal reconnue\u00a0: {name} (" in told for name in worst)


def test_t2_13_two_more_poolings_leave_nothing(cifar: Result) -> None:
    """`studies/tp_cifar.py`: *What would happen if two layers of convolution were added with their poolings*;
    `result.fits(build)`. As a variant, such a network is refused before any training."""
    told = answer(cifar, "two_more_poolings")
    assert "layer conv2d_3 (Conv2D, window 3x3): its input is only 2x2" in told
    assert "32x32 → 28x28 → 14x14 → 12x12 → 6x6 → 4x4 → 2x2" in told
    deeper = cifar.study.with_()
    deeper.variant(name="deeper")(two_more_stages)
    with pytest.raises(ModelError, match="the feature map shrinks to nothing"):
        _ = deeper.plan
    fits = cifar.fits(lambda: cifar.study.variants["first_network"].build())
    assert fits.numbers["buildable"] == 1
    assert "a last map of 6 × 6 × 32" in fits.text


def test_t2_14_pairs_of_convolutions(cifar: Result, cifar_study: Study) -> None:
    """`studies/tp_cifar.py`, variant `pairs_of_convolutions`: its weights and its heatmap."""
    model = candidate(cifar_study, "pairs_of_convolutions").model
    convolutions = [layer for layer in model.layers if isinstance(layer, layers.Conv2D)]
    assert [layer.kernel_size for layer in convolutions] == [(3, 3)] * 4
    assert sum(isinstance(layer, layers.MaxPooling2D) for layer in model.layers) == 2
    weighed(cifar, "two_more_convolutions", "pairs_of_convolutions", "dropout_in_classifier")
    answered = cifar.answer("two_more_convolutions")
    assert len(answered.blocks) >= 2
    assert f"{model.count_params():,} weights" in str(answered)


def test_t2_15_padding_keeps_the_borders(cifar_study: Study, cifar: Result) -> None:
    """`studies/tp_cifar.py`, variant `same_padding`."""
    (factor,) = candidate(cifar_study, "same_padding").factors
    assert (factor.name, set(factor.after)) == ("padding", {"same"})
    assert "32 × 32 to 16 × 16 to 8 × 8" in answer(cifar, "padding")
    weighed(cifar, "padding", "same_padding", "pairs_of_convolutions")


def test_t2_16_dropout_after_each_pooling(cifar_study: Study, cifar: Result) -> None:
    """`studies/tp_cifar.py`, variant `dropout_after_pooling`: *is the training part learnt better*."""
    (factor,) = candidate(cifar_study, "dropout_after_pooling").factors
    assert factor.sentence() == "Dropout(0.25) added in 2 places"
    assert "the gap between training and validation" in answer(cifar, "dropout_and_training")


def test_t2_17_the_three_commonest_confusions(cifar: Result) -> None:
    """`studies/tp_cifar.py`: *What are the three commonest confusions*; `outcome.gallery(pairs=..., n=25)`."""
    model = cifar["dropout_after_pooling"]
    commonest = model.confusion().most_confused(3)
    gallery = model.gallery(pairs=[pair[:2] for pair in commonest], n=25)
    assert 0 < len(gallery) <= 25
    shown = {(gallery.names[m.true], gallery.names[m.predicted]) for m in gallery.mistakes}
    assert shown <= {(pair.true, pair.predicted) for pair in commonest}
    one_by_one = [model.gallery(true=pair.true, predicted=pair.predicted, n=999) for pair in commonest]
    assert gallery.found == len({m.index for each in one_by_one for m in each.mistakes})
    told = answer(cifar, "commonest_errors")
    assert all(pair.true in told for pair in commonest)


def test_t2_18_a_third_pair(cifar_study: Study, cifar: Result) -> None:
    """`studies/tp_cifar.py`, variant `third_pair`."""
    model = candidate(cifar_study, "third_pair").model
    assert [layer.filters for layer in model.layers if isinstance(layer, layers.Conv2D)] == [16, 16, 32, 32, 64, 64]
    assert [layer.rate for layer in model.layers if hasattr(layer, "rate")] == [0.25, 0.25, 0.25, 0.5, 0.5]
    weighed(cifar, "deeper", "third_pair", "dropout_after_pooling")


def test_t2_19_five_normalisations_and_the_gradient(cifar_study: Study, cifar: Result) -> None:
    """`studies/tp_cifar.py`, variant `normalised`: *Does the gradient vanish*; `gradient_norms=True`, then
    `outcome.gradients(other).plot()`."""
    names = kinds(cifar_study, "normalised")
    assert names.count("BatchNormalization") == 5
    before = [names[i - 1] for i, name in enumerate(names) if name == "BatchNormalization"]
    assert before == ["Conv2D", "Conv2D", "Conv2D", "Dense", "Dense"]
    (factor,) = candidate(cifar_study, "normalised").factors
    assert factor.name == "batch_normalization"
    gradients = cifar["third_pair"].gradients(cifar["normalised"])
    deep, normal = gradients.flows
    assert deep.layers == normal.layers
    assert deep.layers[0] == "1 conv2d"
    assert deep.layers[-1] == "9 dense"
    first = [run.history["gradient_norm/0.conv2d"] for run in cifar["normalised"].runs]
    np.testing.assert_allclose(normal.means[0], np.mean(first, axis=0))
    left, right = gradients.plot().axes
    assert left.get_yscale() == right.get_yscale() == "log"
    np.testing.assert_allclose(right.lines[0].get_ydata(), normal.means[0])
    assert "the gradient of the first layer" in answer(cifar, "vanishing_gradient")


def test_t2_20_the_two_worst_classes(cifar: Result) -> None:
    """`studies/tp_cifar.py`: *Which two classes are now the worst predicted*; `outcome.worst_classes(2)`."""
    y = cifar.dataset.test.y
    errors = 1 - np.mean(
        [recall_score(y, run.test_logits.argmax(1), average=None) for run in cifar["normalised"].runs], axis=0
    )
    found = cifar["normalised"].worst_classes(2).numbers
    assert sorted(found.values()) == pytest.approx(sorted(errors)[-2:])
    assert "The worst classes are" in answer(cifar, "two_worst_classes")


def test_t2_21_twenty_epochs(cifar_study: Study, cifar: Result) -> None:
    """`studies/tp_cifar.py`, variant `twenty_epochs`: *Are more epochs needed*."""
    (factor,) = candidate(cifar_study, "twenty_epochs").factors
    assert (factor.name, factor.before, factor.after) == ("epochs", 10, 20)
    assert "Compared with normalised: twenty_epochs" in answer(cifar, "more_epochs")


def test_t2_22_leaky_relu(cifar_study: Study, cifar: Result) -> None:
    """`studies/tp_cifar.py`, variant `leaky_relu`."""
    leaky = candidate(cifar_study, "leaky_relu")
    assert (leaky.recipe.epochs, leaky.recipe.batch_size) == (40, 128)
    assert {factor.name for factor in leaky.factors} == {"activation", "epochs", "batch_size"}
    (activation,) = (factor for factor in leaky.factors if factor.name == "activation")
    assert set(activation.after) == {"leaky_relu(0.3)"}
    weighed(cifar, "leaky", "leaky_relu", "twenty_epochs")


def test_t2_23_the_most_effective_model(cifar: Result) -> None:
    """`studies/tp_cifar.py`, last question; `result.recommend(weights)`, its `plot()`, `result.effects()`."""
    made = cifar.recommend()
    assert set(made.weights) == {"accuracy", "overfitting", "time"}
    heavier = cifar.recommend({"time": 5.0})
    assert heavier.weights["time"] == 5.0
    assert {c.name for c in made.candidates} == {"first_network", *(name for name, _after in STEPS)}
    assert len(made.plot().collections) + len(made.plot().lines) > 0
    told = answer(cifar, "most_effective")
    kept = cifar[made.chosen]
    assert made.chosen in told
    assert f"{number(kept.candidate.weights.total, 0)} weights" in told
    assert f"gap between training and validation is {in_points(kept.overfitting().gap)}" in told
    table = cifar.effects().frame()
    assert table["Variant"].iloc[0] == "first_network"
    assert table["Weights"].iloc[0] == number(cifar.reference.candidate.weights.total, 0)


def test_the_steps_follow_one_another(cifar_study: Study) -> None:
    assert [(c.name, c.after) for c in cifar_study.plan.candidates[1:]] == STEPS
    several = {c.name for c in cifar_study.plan.candidates[1:] if len(c.factors) > 1}
    assert several == {"pairs_of_convolutions", "leaky_relu"}  # as the document has them
