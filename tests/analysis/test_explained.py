"""Why a variant is set up as it is."""

import numpy as np
import pytest

from etalon.analysis.coding import coding, preparation
from etalon.analysis.explained import batches, compiled, output_layer, stratified
from etalon.data.dataset import Dataset
from etalon.data.splits import Fixed, HoldOut
from etalon.locales import use
from etalon.study.variant import Candidate, Variant


@pytest.fixture(autouse=True)
def english():
    with use("en"):
        yield


def candidate(data: Dataset, *, activation: str | None = "softmax", **settings: object) -> Candidate:
    from keras import Input, Sequential, layers

    def dense() -> Sequential:
        return Sequential([Input((8, 8, 1)), layers.Flatten(), layers.Dense(3, activation=activation)])

    return Candidate.of(Variant.of(dense, "", settings), {}, data)


def test_output_layer(blobs: Dataset) -> None:
    assert "activation is softmax" in output_layer(candidate(blobs), blobs).text
    told = output_layer(candidate(blobs, activation="sigmoid", loss="binary_crossentropy"), blobs).text
    assert "each class is judged alone, as binary_crossentropy wants" in told
    told = output_layer(candidate(blobs, activation=None, loss="mean_squared_error"), blobs).text
    assert "computed from the scores themselves" in told


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adam", "adamw", "nadam", "adagrad", "adamax"])
def test_every_optimizer_is_explained(optimizer: str, blobs: Dataset) -> None:
    _loss, told, _metric = compiled(candidate(blobs, optimizer=optimizer, learning_rate=0.003), blobs)
    assert "learning rate 0.003: " in told.text
    assert told.numbers == {"learning_rate": 0.003}


def test_metric_of_unbalanced_classes(blobs: Dataset) -> None:
    *_others, metric = compiled(candidate(blobs), blobs.unbalanced(10))
    assert "read macro F1 beside it" in metric.text


def test_batches(blobs: Dataset) -> None:
    finding = batches(candidate(blobs, epochs=4, batch_size=50), blobs, HoldOut(0.2), fewer_than=5)
    assert finding.numbers == {
        "images": 240,
        "batch_size": 50,
        "updates": 5,
        "run": 20,
        "smallest_batch": 60,
        "smallest_batch_run": 240,
    }
    assert "is 60: 4 updates, and 5 with one image less" in finding.text


def test_stratified_or_not(blobs: Dataset) -> None:
    few = blobs.unbalanced(10)
    assert stratified(few, HoldOut(0.2)).text.startswith("Validation keeps")
    order = np.argsort(-few.train.y, kind="stable")
    sorted_ = Dataset("sorted", type(few.train)(few.train.x[order], few.train.y[order]), few.test, few.classes, "")
    assert stratified(sorted_, Fixed(0.2)).text.startswith("Validation does not keep")


def test_coding(blobs: Dataset) -> None:
    frame = coding(blobs).frame()
    assert list(frame["type"]) == ["uint8", "int64", "uint8", "int64"]
    assert list(frame["images"]) == [300, 300, 90, 90]
    assert frame["shape"][0] == "300 × 8 × 8 × 1"


def test_preparation_follows_the_recipe(blobs: Dataset) -> None:
    raw = preparation(candidate(blobs, scale=None, loss="sparse_categorical_crossentropy"), blobs).frame()
    steps = ["images as they are stored", "to decimal numbers", "Flatten", "targets left as whole numbers"]
    assert list(raw["step"]) == steps
    assert list(raw["shape of one"]) == ["8 × 8 × 1", "8 × 8 × 1", "64", "a number"]
    scaled = preparation(candidate(blobs), blobs).frame()
    assert scaled["step"][1] == "scaled by 1/255"
    assert scaled["shape of one"][3] == "3"
