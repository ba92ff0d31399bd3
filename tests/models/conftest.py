"""Keras as the oracle of the lowered networks."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import etalon  # tells Keras to run on torch  # noqa: F401

SHAPE = (7, 9, 4)  # height and width differ, and are odd and coprime: no axis passes for another


def alone(layer: Any, shape: tuple[int, ...] = SHAPE, then: tuple[Any, ...] = ()) -> Any:
    """A model of one layer on images of `shape`, flattened so that it is a classifier."""
    from keras import Sequential, layers

    return Sequential([layers.Input(shape), layer, *then, layers.Flatten()])


def images(shape: tuple[int, ...], n: int = 4, seed: int = 0) -> np.ndarray:
    """float32 (n, *shape), standard normal."""
    return np.random.default_rng(seed).standard_normal((n, *shape)).astype(np.float32)


def as_network_input(x: np.ndarray, requires_grad: bool = False) -> Tensor:
    """(n, h, w, c) as the networks take it: (n, c, h, w) in channels-last memory."""
    return torch.tensor(x, requires_grad=requires_grad).permute(0, 3, 1, 2)


def scramble(model: Any, seed: int = 1) -> None:
    """Other weights than the initial ones, so that a bias of 0 or a gamma of 1 hides nothing."""
    rng = np.random.default_rng(seed)
    for variable in model.weights:
        noise = 0.3 * rng.standard_normal(variable.shape)
        positive = "variance" in variable.name
        variable.assign((np.abs(noise) + 0.5 if positive else variable.numpy() + noise).astype(np.float32))


def keras_answer(model: Any, x: np.ndarray, training: bool = False) -> np.ndarray:
    """Keras's own call."""
    with torch.no_grad():
        answer: Tensor = model(torch.tensor(x), training=training)
    return answer.numpy()


@pytest.fixture
def stray_shape_warning() -> Callable[[], Any]:
    """Lets pass Keras's warning about `input_shape=` on a first layer, as the courses still write it."""

    def expected() -> Any:
        return pytest.warns(UserWarning, match="Do not pass an `input_shape`")

    return expected
