"""Regularizers and constraints, against Keras's own losses and projections."""

from typing import Any

import keras
import pytest
import torch
from keras import layers
from keras import regularizers as kr
from numpy.testing import assert_allclose

from etalon.models.lower import lower
from tests.models.conftest import SHAPE, alone, as_network_input, images, scramble

PENALTIES: dict[str, Any] = {
    "l1": kr.L1(0.02),
    "l2": "l2",
    "l1 and l2": kr.L1L2(0.01, 0.03),
    "orthogonal rows": kr.OrthogonalRegularizer(0.05, mode="rows"),
    "orthogonal columns": kr.OrthogonalRegularizer(0.05, mode="columns"),
}


@pytest.mark.parametrize("name", PENALTIES)
def test_penalties_of_weights(name: str) -> None:
    matrix = "orthogonal" in name
    first = {} if matrix else {"kernel_regularizer": PENALTIES[name], "bias_regularizer": kr.L1(0.5)}
    norm = {} if matrix else {"gamma_regularizer": PENALTIES[name], "beta_regularizer": kr.L2(0.1)}
    model = keras.Sequential(
        [
            layers.Input(SHAPE),
            layers.Conv2D(5, 3, **first),
            layers.BatchNormalization(**norm),
            layers.Conv2D(5, 3, kernel_regularizer=None if matrix else "l2", trainable=False),
            layers.Flatten(),
            layers.Dense(6, kernel_regularizer=PENALTIES[name]),
        ]
    )
    scramble(model)
    penalty = lower(model, SHAPE).penalty()
    assert penalty is not None
    assert penalty.item() == pytest.approx(sum(model.losses).item(), rel=1e-5)
    penalty.backward()


@pytest.mark.parametrize("activation", ["relu", "softmax"])
def test_penalties_of_activity(activation: str) -> None:
    """Divided by the batch size, on the layer's own result, be it the softmax that the network sets apart."""
    model = keras.Sequential(
        [
            layers.Input(SHAPE),
            layers.Conv2D(5, 3, activation="relu", activity_regularizer="l1", kernel_regularizer="l2"),
            layers.MaxPooling2D(),
            layers.ActivityRegularization(l2=0.1),
            layers.Flatten(),
            layers.Dense(6, activation=activation, activity_regularizer=kr.L2(0.3)),
        ]
    )
    scramble(model)
    network = lower(model, SHAPE)
    x = images(SHAPE)
    network(as_network_input(x))
    model(torch.tensor(x))
    penalty = network.penalty()
    assert penalty is not None
    assert penalty.item() == pytest.approx(sum(model.losses).item(), rel=1e-5)


def test_no_penalty() -> None:
    assert lower(alone(layers.Dense(3)), SHAPE).penalty() is None


CONSTRAINTS = [
    keras.constraints.MaxNorm(0.5),
    keras.constraints.MaxNorm(0.5, axis=[0, 1, 2]),
    keras.constraints.NonNeg(),
    keras.constraints.UnitNorm(axis=0),
    keras.constraints.MinMaxNorm(0.2, 0.4, rate=0.7),
]


@pytest.mark.parametrize("given", CONSTRAINTS, ids=lambda c: type(c).__name__)
def test_constraints(given: Any) -> None:
    model = keras.Sequential(
        [
            layers.Input(SHAPE),
            layers.Conv2D(5, 3, kernel_constraint=given, bias_constraint="non_neg"),
            layers.DepthwiseConv2D(3, depth_multiplier=2, depthwise_constraint=given),
            layers.Flatten(),
        ]
    )
    scramble(model)
    network = lower(model, SHAPE)
    network.constrain()
    for mine, variable in zip(network.weights().values(), model.weights, strict=True):
        theirs = variable if variable.constraint is None else variable.constraint(variable)
        assert_allclose(mine, keras.ops.convert_to_numpy(theirs), rtol=1e-5, atol=1e-6)
