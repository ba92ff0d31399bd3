"""Keras's Random* layers, against Keras where their bounds leave nothing to chance."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from keras import layers
from numpy.testing import assert_allclose

from etalon.models.lower import lower
from tests.models.conftest import alone, as_network_input, images, keras_answer

Layer = Any

AUGMENTATIONS: dict[str, Callable[[], Layer]] = {
    "rotation": lambda: layers.RandomRotation((0.1, 0.1)),
    "rotation, constant": lambda: layers.RandomRotation((-0.07, -0.07), fill_mode="constant", fill_value=0.5),
    "rotation, nearest": lambda: layers.RandomRotation((0.1, 0.1), fill_mode="nearest"),
    "zoom out": lambda: layers.RandomZoom((0.2, 0.2)),
    "zoom, width apart": lambda: layers.RandomZoom((-0.3, -0.3), (0.1, 0.1), fill_mode="constant"),
    "translation": lambda: layers.RandomTranslation((0.2, 0.2), (-0.1, -0.1)),
    "translation, constant": lambda: layers.RandomTranslation((0.13, 0.13), (0.3, 0.3), fill_mode="constant"),
    "brightness": lambda: layers.RandomBrightness((0.2, 0.2), value_range=(0, 1)),
}


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_augmentation_without_chance(name: str) -> None:
    """A factor whose bounds are equal leaves nothing to chance, so Keras can be the oracle."""
    x = np.random.default_rng(0).random((3, 10, 13, 2), np.float32)
    model = alone(AUGMENTATIONS[name](), x.shape[1:])
    network = lower(model, x.shape[1:])
    assert_allclose(
        network.train()(as_network_input(x)).numpy(), keras_answer(model, x, training=True), rtol=1e-4, atol=1e-4
    )
    assert_allclose(network.eval()(as_network_input(x)).numpy(), x.reshape(3, -1))


@pytest.mark.parametrize("mode", ["horizontal", "vertical", "horizontal_and_vertical"])
def test_random_flip(mode: str) -> None:
    x = images((6, 5, 2), n=40)
    torch.manual_seed(0)
    found = lower(alone(layers.RandomFlip(mode), (6, 5, 2)), (6, 5, 2)).train()(as_network_input(x)).numpy()
    axes = [axis for axis, word in ((1, "vertical"), (2, "horizontal")) if word in mode]
    mirrored = np.flip(x, axes).reshape(40, -1)
    flips = [np.array_equal(f, m) for f, m in zip(found, mirrored, strict=True)]
    same = [np.array_equal(f, o) for f, o in zip(found, x.reshape(40, -1), strict=True)]
    assert all(a != b for a, b in zip(flips, same, strict=True))
    assert 10 < sum(flips) < 30


def test_random_contrast_stays_in_its_bounds() -> None:
    layer = layers.RandomContrast((0.3, 0.4), value_range=(-1000, 1000))
    x = images((6, 5, 2), n=200)
    torch.manual_seed(0)
    found = lower(alone(layer, (6, 5, 2)), (6, 5, 2)).train()(as_network_input(x)).numpy().reshape(x.shape)
    mean = x.mean((1, 2), keepdims=True)
    factors = ((found - mean) * (x - mean)).sum((1, 2, 3)) / ((x - mean) ** 2).sum((1, 2, 3))
    assert_allclose(found, (x - mean) * factors[:, None, None, None] + mean, atol=1e-5)
    assert 0.7 <= factors.min() < 0.75
    assert 1.35 < factors.max() <= 1.4
    given = layer.transform_images(torch.tensor(x), {"contrast_factor": torch.tensor(factors)[:, None, None, None]})
    assert_allclose(found, given.numpy(), atol=1e-5)
