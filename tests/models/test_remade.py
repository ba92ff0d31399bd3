"""Keras models made again from their description; nothing else is made of one."""

import json
from typing import Any

import keras
import numpy as np
import pytest
import torch
from keras import Input, Sequential, layers

from etalon.errors import ModelError
from etalon.models.lower import lower
from etalon.models.remade import described, remade

SHAPE = (8, 8, 1)


def residual() -> keras.Model:
    inputs = Input(SHAPE)
    x = layers.Conv2D(4, 3, padding="same", kernel_regularizer=keras.regularizers.L2(0.01), use_bias=False)(inputs)
    x = layers.BatchNormalization()(x)
    x = layers.Add()([x, layers.Activation("relu")(x)])
    x = layers.GlobalAveragePooling2D()(x + x)
    return keras.Model(inputs, layers.Dense(3, activation="softmax")(x))


def nested() -> keras.Model:
    block = Sequential([layers.Dense(6, activation=layers.LeakyReLU(0.2)), layers.Dropout(0.3)])
    dense = layers.Dense(3, kernel_initializer=keras.initializers.HeNormal(), kernel_constraint="max_norm")
    return Sequential([Input(SHAPE), layers.Rescaling(2.0), layers.Flatten(), block, dense])


def augmented() -> keras.Model:
    head = [layers.Flatten(), layers.Dense(3, activation="sigmoid", dtype="float32")]
    return Sequential([Input(SHAPE), layers.RandomFlip("horizontal"), layers.RandomRotation(0.1), *head])


def compiled() -> keras.Model:
    model = Sequential([Input((64,)), layers.Dense(3, activation="softmax")])
    model.compile(optimizer="adam", loss="categorical_crossentropy")
    return model


@pytest.mark.parametrize("build", [residual, nested, augmented, compiled])
def test_a_model_made_again_computes_the_same(build: Any) -> None:
    model = build()
    description = described(model)
    assert description
    other = remade(description)
    first, second = lower(model, SHAPE).eval(), lower(other, SHAPE).eval()
    second.load(first.weights())
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(5, 1, 8, 8)).astype(np.float32))
    with torch.no_grad():
        torch.testing.assert_close(first(x), second(x), rtol=0, atol=0)
    assert first.head == second.head
    assert described(other) == description


class Own(layers.Layer):  # type: ignore[misc]
    """A layer of the user's."""

    def call(self, x: Any) -> Any:
        return 2 * x


def own_function(x: Any) -> Any:
    return 2 * x


@pytest.mark.parametrize(
    "layer",
    [Own(), layers.Lambda(lambda x: 2 * x), layers.Dense(3, activation=own_function), layers.LSTM(3)],
    ids=["own", "lambda", "function", "unknown"],
)
def test_what_takes_code_is_not_described(layer: Any) -> None:
    flat = layers.Reshape((8, 8)) if isinstance(layer, layers.LSTM) else layers.Flatten()
    assert described(Sequential([Input(SHAPE), flat, layer, layers.Dense(3)])) is None


def test_a_torch_module_is_not_described() -> None:
    assert described(torch.nn.Linear(2, 2)) is None


def entry(class_name: Any, config: Any, **others: Any) -> dict[str, Any]:
    return {"module": "keras.layers", "class_name": class_name, "config": config, "registered_name": None, **others}


HOSTILE = {
    "lambda": entry("Lambda", {"name": "l", "function": {"class_name": "__lambda__", "config": {"value": "x"}}}),
    "files": entry("TFSMLayer", {"filepath": "/etc"}),
    "pickle": entry("TorchModuleWrapper", {"module": "x"}),
    "vocabulary": entry("StringLookup", {"vocabulary": "/etc/passwd"}),
    "another module": entry("system", "true", module="os"),
    "builtins": entry("Dense", {"units": 3, "activation": entry("function", "exec", module="builtins")}),
    "a function": entry("get_file", {}, module="keras.utils"),
    "upper case": entry("Popen", {"args": "true"}, module="subprocess"),
    "inside": entry("Dense", {"units": 3, "kernel_initializer": entry("Popen", {}, module="subprocess")}),
    "type": entry("__typespec__", [], module="os", spec_name="system"),
    "deep": entry("Dropout", {"rate": [{"x": [entry("Loader", {}, module="yaml")]}]}),
    "no name": entry(3, {}),
    "no module": entry("Dense", {"units": 3}, module=None),
    "compiled": entry("Dense", {"units": 3}, compile_config={"optimizer": entry("Adam", {}, module="optax")}),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_nothing_else_is_made(what: str) -> None:
    config = {"name": "s", "layers": [entry("InputLayer", {"batch_shape": [None, 4]}), HOSTILE[what]]}
    with pytest.raises(ModelError, match="it is none of the parts of which Étalon makes a network"):
        remade(json.dumps(["Sequential", config]))


@pytest.mark.parametrize("text", ["", "3", "{}", "[1, 2, 3]", '["utils", {}]', '["Lambda", {}]', "\udcff"])
def test_no_description(text: str) -> None:
    with pytest.raises(ModelError, match="a model described with"):
        remade(text)
