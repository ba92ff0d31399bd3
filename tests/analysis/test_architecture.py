"""Sizes of the maps, against Keras's own shapes."""

import keras
import pytest
from keras import Input, Sequential, layers

from etalon.analysis.architecture import buildable, shapes
from etalon.locales import use
from etalon.models.weights import weights


def network(stages: int) -> keras.Model:
    body = [layer for _stage in range(stages) for layer in (layers.Conv2D(8, 3), layers.MaxPooling2D(2))]
    return Sequential([Input((28, 28, 1)), *body, layers.Flatten(), layers.Dense(10, activation="softmax")])


@pytest.fixture(autouse=True)
def english():
    with use("en"):
        yield


def test_from_the_image_to_the_classes() -> None:
    found = shapes(weights(network(2)), (28, 28, 1), "net")
    assert found.text.startswith("net: convolutions and poolings take the image from 28 × 28 to 26 × 26 to 13 × 13 to")
    assert "A value of the last map depends on 10 × 10 pixels of 28 × 28" in found.text
    assert found.numbers == {"values": 5 * 5 * 8, "field": 10}


def test_a_network_that_does_not_look_at_neighbours() -> None:
    dense = Sequential([Input((28, 28, 1)), layers.Flatten(), layers.Dense(10, activation="softmax")])
    assert "a line of 784 values" in shapes(weights(dense), (28, 28, 1), "dense").text


def test_what_can_be_built_and_what_cannot() -> None:
    assert buildable(lambda: network(3), (28, 28, 1)).text == "It can be built: 1,338 weights, a last map of 1 × 1 × 8."
    refused = buildable(lambda: network(4), (28, 28, 1))
    assert refused.text.startswith("It cannot be built: layer conv2d_3 (Conv2D, window 3x3): its input is only 1x1")
    assert refused.numbers == {"buildable": 0}
