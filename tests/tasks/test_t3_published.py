"""T3, row by row: a published Fashion-MNIST network, on scikit-learn's digits."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from keras import layers
from sklearn.metrics import precision_score

import etalon
from etalon.data.dataset import Dataset
from etalon.data.splits import divide
from etalon.locales import use
from etalon.result import Result
from etalon.workbench import Study
from tests.conftest import needs_real_data
from tests.tasks.conftest import answer

STUDY = Path(__file__).parents[2] / "studies" / "fashion_2conv2fc.py"


@pytest.fixture(scope="module")
def study() -> Study:
    return etalon.open_study(STUDY)


@pytest.fixture(scope="module")
def result(study: Study, digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Result:
    few = digits.take(train=300, test=120)
    small = study.with_(data=few, seeds=3, epochs=3, store=tmp_path_factory.mktemp("store"))
    return small.run(workers=0, progress=False).test()


@pytest.mark.parametrize("lang", ["fr", "en"])
def test_every_question_is_answered(result: Result, lang: str) -> None:
    with use(lang):
        assert all(not answered.failure for answered in result.answers())


def test_t3_01_the_network(study: Study, digits: Dataset) -> None:
    """`studies/fashion_2conv2fc.py`, the reference."""
    model = study.with_(data=digits).plan.candidates[0].model
    stage, dense = ["Conv2D", "BatchNormalization", "MaxPooling2D"], ["Dense", "Dropout"]
    assert [type(layer).__name__ for layer in model.layers] == [*stage, *stage, "Flatten", *dense, *dense, "Dense"]
    convolutions = [layer for layer in model.layers if isinstance(layer, layers.Conv2D)]
    assert {layer.kernel_size for layer in convolutions} == {(3, 3)}
    assert {layer.pool_size for layer in model.layers if isinstance(layer, layers.MaxPooling2D)} == {(2, 2)}
    assert [layer.rate for layer in model.layers if isinstance(layer, layers.Dropout)] == [0.5, 0.5]
    activations = [layer.activation.__name__ for layer in model.layers if hasattr(layer, "activation")]
    assert activations == ["relu"] * 4 + ["softmax"]


def test_t3_02_the_learning_rate(result: Result) -> None:
    """`studies/fashion_2conv2fc.py`: *Which learning rate*; `result.search({"learning_rate": [...]})`."""
    found = result.search({"learning_rate": [1e-1, 1e-2, 1e-3, 1e-4]}, progress=False)
    assert found.metric == "val_loss"
    assert [c.arguments["learning_rate"] for c in found] == [1e-1, 1e-2, 1e-3, 1e-4]
    losses = {c.arguments["learning_rate"]: c.score for c in found}
    assert found.best["learning_rate"] == min(losses, key=lambda rate: losses[rate])
    ours = result.reference.run(seed=0)
    assert losses[1e-3] == pytest.approx(min(ours.history["val_loss"]))  # the study's own training, not done again
    told = answer(result, "learning_rate")
    assert "Tried: learning_rate = 0.1; learning_rate = 0.01; learning_rate = 0.001; learning_rate = 0.0001." in told
    (block,) = result.answer("learning_rate").blocks
    assert block.draw().get_xscale() == "log"


def test_t3_03_split_and_steps(study: Study) -> None:
    """`studies/fashion_2conv2fc.py`: *How many images, and how many updates an epoch*; `outcome.updates()`."""
    labels = np.arange(60_000) % 10
    learn, validate = divide(study.split, labels, seed=0)
    assert (len(learn), len(validate)) == (50_000, 10_000)
    blank = np.zeros((60_000, 8, 8, 1), np.uint8)
    whole = etalon.load(((blank, labels), (blank[:10], labels[:10])), size=28)
    reference = study.with_(data=whole).plan.candidates[0]
    assert (reference.recipe.batch_size, reference.recipe.optimizer.class_name) == (32, "Adam")
    assert (reference.recipe.loss, reference.recipe.learning_rate) == ("categorical_crossentropy", 1e-3)
    from etalon.analysis.explained import batches

    assert batches(reference, whole, study.split).numbers["updates"] == 1563


@needs_real_data
def test_t3_03_on_fashion_mnist_itself(study: Study) -> None:
    """`studies/fashion_2conv2fc.py`: *How many images, and how many updates an epoch*; `outcome.updates()`."""
    from etalon.analysis.explained import batches

    found = batches(study.plan.candidates[0], study.dataset, study.split)
    assert (found.numbers["images"], found.numbers["updates"]) == (50_000, 1563)
    assert "updated 1,563 times an epoch" in found.text


def test_t3_04_the_best_epoch_is_kept(result: Result, study: Study) -> None:
    """`studies/fashion_2conv2fc.py`, the reference's `EarlyStopping(patience=30)`: *At which epoch*."""
    assert study.settings["epochs"] == 30
    for run in result.reference.runs:
        assert run.best_epoch == 1 + int(np.argmin(run.history["val_loss"]))
        assert len(run.history["val_loss"]) == 3
    (factor,) = result["last_epoch"].candidate.factors
    assert factor.name == "early_stopping"
    assert all(run.best_epoch == 3 for run in result["last_epoch"].runs)
    assert "last_epoch" in answer(result, "best_epoch")


def test_t3_05_published_figures_beside_ours(result: Result) -> None:
    """`studies/fashion_2conv2fc.py`: *Are the published figures found again*;
    `outcome.published(source, accuracy=..., precision_macro=...)`."""
    found = result.reference.published("2 Conv + 2 FC", accuracy=0.9281, precision_macro=0.9154)
    y = result.dataset.test.y
    precision = [
        precision_score(y, run.test_logits.argmax(1), average="macro", zero_division=0) for run in result.reference.runs
    ]
    by_name = {claim.metric: claim for claim in found.claims}
    np.testing.assert_allclose(by_name["precision_macro"].ours, precision)
    np.testing.assert_allclose(by_name["accuracy"].ours, result.reference.accuracy)
    low, high = by_name["accuracy"].interval
    assert low < result.reference.accuracy.mean() < high
    for lang, published in (("en", ("92.81%", "91.54%")), ("fr", ("92,81\u00a0%", "91,54\u00a0%"))):
        told = answer(result, "published", lang)
        assert all(text in told for text in published)


def test_t3_06_confusions(result: Result) -> None:
    """`studies/fashion_2conv2fc.py`: *Which classes are taken for which others*."""
    told = answer(result, "confusions")
    for pair in result.reference.confusion().most_confused(3):
        assert f"{pair.true} taken for {pair.predicted}" in told


def test_t3_07_a_notebook_that_runs(study: Study, tmp_path: Path) -> None:
    """`etalon report studies/fashion_2conv2fc.py --format ipynb`."""
    file = tmp_path / "fashion_2conv2fc.py"
    file.write_text(STUDY.read_text())
    small = etalon.open_study(file).with_(data="digits", seeds=2, epochs=1, store=tmp_path / "store")
    path = small.run(workers=0, progress=False).report(tmp_path / "report.ipynb", "fr")
    code = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell["outputs"]]
    assert {output["output_type"] for output in outputs} <= {"display_data", "execute_result"}  # no error, no warning
    tables = ["".join(output["data"].get("text/html", "")) for output in outputs]
    assert sum("dataframe" in table for table in tables) >= 3
    for table in tables:
        words = re.sub(r"<style.*?</style>|<[^>]+>", " ", table, flags=re.DOTALL)
        assert not re.search(r"\d\.\d|\b(clean|noise|threshold|seed|log_loss|accuracy|model)\b", words), words
    assert any("two_conv_two_dense" in "".join(cell["source"]) for cell in code)
