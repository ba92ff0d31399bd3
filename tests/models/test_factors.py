"""What differs between two models and recipes, named and counted: variants of the mini-project's network."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import keras
import pytest
import torch
from keras import Input, Sequential, layers, regularizers
from torch import nn

from etalon.locales import use
from etalon.models.describe import LayerDescription, describe, digest
from etalon.models.factors import Factor, differences

ADAM = {"class_name": "Adam", "config": {"beta_1": 0.9}}
SGD = {"class_name": "SGD", "config": {"momentum": 0.0}}
RECIPE: Mapping[str, Any] = {
    "optimizer": ADAM,
    "learning_rate": 0.001,
    "loss": "categorical_crossentropy",
    "epochs": 5,
    "batch_size": 128,
    "scale": 1 / 255,
    "augmentation": [],
    "class_weight": None,
    "early_stopping": None,
    "callbacks": [],
    "label_smoothing": 0.0,
    "precision": "float32",
}


def conv(filters: int, size: int = 3, activation: str | None = "relu", **settings: Any) -> keras.Layer:
    return layers.Conv2D(filters, size, activation=activation, **settings)


def pool() -> keras.Layer:
    return layers.MaxPooling2D(2)


def drop(rate: float = 0.25) -> keras.Layer:
    return layers.Dropout(rate)


def net(*body: keras.Layer) -> keras.Model:
    return Sequential([Input((28, 28, 1)), *body])


def dense(units: int = 128, activation: str | None = "relu", **settings: Any) -> keras.Layer:
    return layers.Dense(units, activation=activation, **settings)


def end() -> keras.Layer:
    return dense(10, "softmax")


def flat() -> keras.Layer:
    return layers.Flatten()


def reference() -> keras.Model:
    """create_baseline_model of the mini-project."""
    return net(conv(32), pool(), conv(64), pool(), flat(), dense(), end())


def compare(variant: keras.Model, base: keras.Model | None = None, **recipe: Any) -> tuple[Factor, ...]:
    return differences(describe(base or reference()), describe(variant), RECIPE, {**RECIPE, **recipe})


L2 = regularizers.L2(0.01)
ONE_CHANGE: dict[str, tuple[Callable[[], keras.Model], str, str, str]] = {
    "filters": (
        lambda: net(conv(64), pool(), conv(128), pool(), flat(), dense(), end()),
        "architecture", "filters", "filters: 32 → 64, 64 → 128",
    ),
    "filters of a layer named in the other": (
        lambda: net(conv(16), pool(), conv(32), pool(), flat(), dense(), end()),
        "architecture", "filters", "filters: 32 → 16, 64 → 32",
    ),
    "kernels": (
        lambda: net(conv(32, 5), pool(), conv(64, 5), pool(), flat(), dense(), end()),
        "architecture", "kernel_size", "kernel size: 3x3 → 5x5",
    ),
    "padding": (
        lambda: net(conv(32, padding="same"), pool(), conv(64, padding="same"), pool(), flat(), dense(), end()),
        "architecture", "padding", "padding: valid → same",
    ),
    "third convolution": (
        lambda: net(conv(32), pool(), conv(64), pool(), conv(64), flat(), dense(), end()),
        "architecture", "layers", "Conv2D(64, 3x3) added",
    ),
    "third block": (
        lambda: net(conv(32), pool(), conv(64), pool(), conv(128), pool(), flat(), dense(), end()),
        "architecture", "layers", "Conv2D(128, 3x3), MaxPooling2D added",
    ),
    "two convolutions ahead": (
        lambda: net(conv(16), conv(16), conv(32), pool(), conv(64), pool(), flat(), dense(), end()),
        "architecture", "layers", "Conv2D(16, 3x3), Conv2D(16, 3x3) added",
    ),
    "each convolution twice": (
        lambda: net(conv(32), conv(32), pool(), conv(64), conv(64), pool(), flat(), dense(), end()),
        "architecture", "layers", "Conv2D(32, 3x3) added, Conv2D(64, 3x3) added",
    ),
    "no hidden dense layer": (
        lambda: net(conv(32), pool(), conv(64), pool(), flat(), end()),
        "architecture", "layers", "Dense(128) removed",
    ),
    "a second dense layer of the same size": (
        lambda: net(conv(32), pool(), conv(64), pool(), flat(), dense(), dense(), end()),
        "architecture", "layers", "Dense(128) added",
    ),
    "neurons": (
        lambda: net(conv(32), pool(), conv(64), pool(), flat(), dense(256), end()),
        "architecture", "units", "neurons: 128 → 256",
    ),
    "elu": (
        lambda: net(conv(32, activation="elu"), pool(), conv(64, activation="elu"), pool(), flat(),
                    dense(activation="elu"), end()),
        "architecture", "activation", "activation: relu → elu",
    ),
    "leaky relu as layers": (
        lambda: net(conv(32, activation=None), layers.LeakyReLU(negative_slope=0.3), pool(),
                    conv(64, activation=None), layers.LeakyReLU(negative_slope=0.3), pool(), flat(),
                    dense(activation=None), layers.LeakyReLU(negative_slope=0.3), end()),
        "architecture", "activation", "activation: relu → leaky_relu(0.3)",
    ),
    "average pooling": (
        lambda: net(conv(32), layers.AveragePooling2D(2), conv(64), layers.AveragePooling2D(2), flat(), dense(), end()),
        "architecture", "pooling", "pooling: MaxPooling2D → AveragePooling2D",
    ),
    "strides instead of pooling": (
        lambda: net(conv(32), conv(32, 2, strides=2), conv(64), conv(64, 2, strides=2), flat(), dense(), end()),
        "architecture", "layers", "layers: MaxPooling2D → Conv2D(32, 2x2), MaxPooling2D → Conv2D(64, 2x2)",
    ),
    "global pooling": (
        lambda: net(conv(32), pool(), conv(64), pool(), layers.GlobalAveragePooling2D(), dense(), end()),
        "architecture", "reduction", "reduction: Flatten → GlobalAveragePooling2D",
    ),
    "dropout": (
        lambda: net(conv(32), pool(), drop(), conv(64), pool(), drop(), flat(), dense(), end()),
        "regularisation", "dropout", "Dropout(0.25) added in 2 places",
    ),
    "dropout of two rates": (
        lambda: net(conv(32), pool(), drop(), conv(64), pool(), drop(), flat(), dense(), drop(0.5), end()),
        "regularisation", "dropout", "Dropout(0.25) added in 2 places, Dropout(0.5) added",
    ),
    "L2": (
        lambda: net(conv(32, kernel_regularizer=L2), pool(), conv(64, kernel_regularizer=L2), pool(), flat(),
                    dense(kernel_regularizer=L2), end()),
        "regularisation", "kernel_regularizer", "regularisation of the weights: none → L2(0.01)",
    ),
    "batch normalisation": (
        lambda: net(conv(32, activation=None), layers.BatchNormalization(), layers.ReLU(), pool(),
                    conv(64, activation=None), layers.BatchNormalization(), layers.ReLU(), pool(), flat(), dense(),
                    end()),
        "regularisation", "batch_normalization", "BatchNormalization added in 2 places",
    ),
    "random layers": (
        lambda: net(layers.RandomRotation(0.05), layers.RandomZoom(0.1), layers.RandomTranslation(0.1, 0.1),
                    conv(32), pool(), conv(64), pool(), flat(), dense(), end()),
        "augmentation", "augmentation",
        "augmentation: none → RandomRotation(0.05), RandomZoom(0.1), RandomTranslation(0.1, 0.1)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ONE_CHANGE)
def test_one_change_is_one_factor(case: str) -> None:
    build, family, name, sentence = ONE_CHANGE[case]
    found = compare(build())
    assert [(factor.family, factor.name, factor.sentence()) for factor in found] == [(family, name, sentence)]


@pytest.mark.parametrize("case", ONE_CHANGE)
def test_undoing_one_change_is_one_factor(case: str) -> None:
    build, family, _name, _sentence = ONE_CHANGE[case]
    (factor,) = compare(reference(), build())
    assert factor.family == family


RECIPE_CHANGES: list[tuple[dict[str, Any], str, str, str]] = [
    ({"optimizer": SGD, "learning_rate": 0.01}, "hyperparameters", "optimizer",
     "optimizer: adam (learning rate 0.001) → sgd (learning rate 0.01)"),
    ({"learning_rate": 0.0003}, "hyperparameters", "learning_rate", "learning rate: 0.001 → 0.0003"),
    ({"learning_rate": {"class_name": "CosineDecay", "config": {"initial_learning_rate": 0.01, "decay_steps": 100}}},
     "strategy", "learning_rate_schedule", "learning rate schedule: 0.001 → CosineDecay(0.01, 100)"),
    ({"batch_size": 64}, "hyperparameters", "batch_size", "batch size: 128 → 64"),
    ({"loss": "mean_squared_error"}, "hyperparameters", "loss",
     "loss: categorical_crossentropy → mean_squared_error"),
    ({"scale": None}, "hyperparameters", "scale", "scale of the pixels: 0.00392157 → none"),
    ({"epochs": 15}, "strategy", "epochs", "epochs: 5 → 15"),
    ({"early_stopping": {"patience": 3, "monitor": "val_loss"}}, "strategy", "early_stopping",
     "early stopping: none → patience 3"),
    ({"callbacks": [{"class_name": "ReduceLROnPlateau", "patience": 2}, {"class_name": "CSVLogger"}]},
     "strategy", "reduce_lr_on_plateau", "learning rate on a plateau: none → ReduceLROnPlateau"),
    ({"class_weight": {"0": 1.0, "1": 5.0}}, "strategy", "class_weight", "class weights: none → 0=1, 1=5"),
    ({"label_smoothing": 0.1}, "regularisation", "label_smoothing", "label smoothing: none → 0.1"),
    ({"optimizer": {"class_name": "Adam", "config": {"beta_1": 0.9, "weight_decay": 0.004}}},
     "regularisation", "weight_decay", "weight decay: none → 0.004"),
    ({"augmentation": [{"kind": "rotation", "degrees": 10.0}, {"kind": "zoom", "amount": 0.1}]},
     "augmentation", "augmentation", "augmentation: none → rotation ±10°, zoom ±10%"),
    ({"augmentation": [{"kind": "flip", "horizontal": True, "vertical": False}, {"kind": "noise", "sigma": 0.1}]},
     "augmentation", "augmentation", "augmentation: none → horizontal flip, noise σ = 0.1"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "family", "name", "sentence"), RECIPE_CHANGES)
def test_one_setting_is_one_factor(change: dict[str, Any], family: str, name: str, sentence: str) -> None:
    (factor,) = compare(reference(), **change)
    assert (factor.family, factor.name, factor.sentence()) == (family, name, sentence)


@pytest.mark.parametrize(
    ("variant", "recipe"),
    [
        (reference, {}),
        (reference, {"loss": "sparse_categorical_crossentropy"}),  # the same loss, targets written otherwise
        (reference, {"gradient_norms": True, "callbacks": [{"class_name": "CSVLogger"}]}),
        (reference, {"learning_rate": 0.0010000000474974513}),  # 0.001 as Keras keeps it
        (
            lambda: net(conv(32, activation=None), layers.ReLU(), pool(), conv(64, activation=None),
                        layers.Activation("relu"), pool(), flat(), dense(), dense(10, None), layers.Softmax()),
            {},
        ),
        (lambda: net(conv(32), pool(), conv(64), pool(), flat(), dense(), dense(10, None)), {"from_logits": True}),
        (
            lambda: Sequential([Input((28, 28, 1)), Sequential([conv(32), pool()]), Sequential([conv(64), pool()]),
                                flat(), dense(), end()]),
            {},
        ),
    ],
)  # fmt: skip
def test_other_ways_to_write_the_same_are_no_factor(variant: Callable[[], keras.Model], recipe: dict[str, Any]) -> None:
    assert compare(variant(), **recipe) == ()


@pytest.mark.parametrize(
    ("variant", "recipe", "names"),
    [
        (lambda: net(conv(64), pool(), drop(), conv(128), pool(), drop(), flat(), dense(), end()), {},
         {"filters", "dropout"}),
        (lambda: net(conv(32), layers.BatchNormalization(), pool(), drop(), conv(64), layers.BatchNormalization(),
                     pool(), drop(), flat(), dense(), end()), {}, {"batch_normalization", "dropout"}),
        (lambda: net(conv(32, 5), pool(), conv(64, 5), pool(), flat(), dense(64), end()), {},
         {"kernel_size", "units"}),
        (lambda: net(conv(32), pool(), conv(64), pool(), conv(64), pool(), drop(), flat(), dense(), end()), {},
         {"layers", "dropout"}),
        (reference, {"epochs": 15, "early_stopping": 3}, {"epochs", "early_stopping"}),
        (reference, {"optimizer": SGD, "learning_rate": 0.1}, {"optimizer", "learning_rate"}),
        (lambda: net(conv(32), pool(), drop(), conv(64), pool(), flat(), dense(), end()), {"batch_size": 32},
         {"dropout", "batch_size"}),
    ],
)  # fmt: skip
def test_two_changes_are_two_factors(
    variant: Callable[[], keras.Model], recipe: dict[str, Any], names: set[str]
) -> None:
    found = compare(variant(), **recipe)
    assert {factor.name for factor in found} == names
    assert len(found) == 2


def test_a_block_that_repeats_what_is_there_brings_its_dropout() -> None:
    """T2.18: two more convolutions, pooling, dropout, in a network that has dropout after each pooling."""
    start = [lambda: conv(32), pool, drop, lambda: conv(64), pool, drop]
    more = [lambda: conv(64, padding="same"), lambda: conv(64, padding="same"), pool, drop]
    base = net(*(make() for make in start), flat(), end())
    (factor,) = compare(net(*(make() for make in start + more), flat(), end()), base)
    assert factor.sentence() == "Conv2D(64, 3x3), Conv2D(64, 3x3), MaxPooling2D, Dropout(0.25) added"


def test_changed_and_moved_dropout() -> None:
    base = net(conv(32), pool(), drop(), flat(), dense(), end())
    (stronger,) = compare(net(conv(32), pool(), drop(0.5), flat(), dense(), end()), base)
    assert (stronger.family, stronger.sentence()) == ("regularisation", "dropout: 0.25 → 0.5")
    (moved,) = compare(net(conv(32), pool(), flat(), dense(), drop(), end()), base)
    assert moved.sentence() == "Dropout(0.25) moved"
    (other,) = compare(net(conv(32), pool(), layers.SpatialDropout2D(0.25), flat(), dense(), end()), base)
    assert other.sentence() == "spatial dropout2d: Dropout(0.25) → SpatialDropout2D(0.25)"


def test_model_m_of_the_first_exercise() -> None:
    base = net(flat(), dense(256), dense(256), end())
    found = compare(net(flat(), dense(256), drop(0.4), dense(128), drop(0.4), end()), base)
    assert {factor.sentence() for factor in found} == {"neurons: 256 → 128", "Dropout(0.4) added in 2 places"}


def test_where_says_the_places_in_the_variant() -> None:
    (factor,) = compare(net(conv(32), pool(), drop(), conv(64), pool(), drop(), flat(), dense(), end()))
    assert factor.where == (2, 5)
    assert (factor.before, factor.after) == ((), ("Dropout(0.25)", "Dropout(0.25)"))


def test_other_connections_are_a_factor() -> None:
    def block(skip: bool) -> keras.Model:
        images = Input((28, 28, 1))
        start = conv(8, padding="same")(images)
        deep = conv(8, padding="same")(start)
        return keras.Model(images, end()(flat()(layers.Add()([deep, start if skip else deep]))))

    assert compare(block(True), block(True)) == ()
    (factor,) = compare(block(True), block(False))
    assert factor.name == "connections"


def test_a_skip_connection_added_to_a_chain() -> None:
    def block(skip: bool) -> keras.Model:
        images = Input((28, 28, 1))
        start = conv(8, padding="same")(images)
        deep = conv(8, padding="same")(start)
        return keras.Model(images, end()(flat()(layers.Add()([deep, start]) if skip else deep)))

    (factor,) = compare(block(True), block(False))
    assert factor.sentence() == "Add added"


def test_factors_are_json() -> None:
    for build, *_expected in ONE_CHANGE.values():
        json.dumps([vars(factor) for factor in compare(build())])


def test_in_french_numbers_are_written_in_french() -> None:
    (factor,) = compare(reference(), learning_rate=0.0003)
    with use("fr"):
        assert "0,0003" in factor.sentence()


class Perceptron(nn.Module):
    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.hidden, self.out = nn.Linear(784, hidden), nn.Linear(hidden, 10)
        self.rate = 0.1 * (hidden > 100)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = nn.functional.dropout(self.hidden(x.flatten(1)), self.rate)
        return torch.as_tensor(self.out(torch.relu(hidden)))


def test_torch_modules_are_the_same_or_another() -> None:
    def build() -> nn.Module:
        return Perceptron(64)

    def again() -> nn.Module:
        return build()

    same = describe(build(), build), describe(again(), again)
    assert differences(*same, RECIPE, {**RECIPE, "epochs": 15})[0].name == "epochs"
    assert len(differences(*same, RECIPE, {**RECIPE, "epochs": 15})) == 1
    (factor,) = differences(describe(Perceptron(64)), describe(Perceptron(32)), RECIPE, RECIPE)
    assert (factor.family, factor.name) == ("architecture", "network")
    assert len({digest(describe(Perceptron(n))) for n in (32, 64, 128)}) == 3


def test_two_builds_of_one_function_have_one_description() -> None:
    assert describe(reference()) == describe(reference())
    assert digest(describe(reference())) == digest(describe(reference()))
    others = [build() for build, *_expected in ONE_CHANGE.values()]
    assert len({digest(describe(model)) for model in [reference(), *others]}) == 1 + len(ONE_CHANGE)


@pytest.mark.parametrize(
    "opening",
    [
        lambda: [Input((784,))],
        lambda: [Input((28, 28, 1)), flat()],
        lambda: [Input((28, 28)), flat()],
        lambda: [Input((28, 28, 1)), layers.Reshape((-1,))],
        lambda: [flat()],
    ],
)
def test_the_ways_to_flatten_an_image_are_one(opening: Callable[[], list[Any]]) -> None:
    expected = describe(net(flat(), dense(), end()))
    assert describe(Sequential([*opening(), dense(), end()])) == expected
    assert describe(net(dense(), flat(), end())) != expected


def test_a_description_has_neither_names_nor_empty_settings() -> None:
    images = Input((28, 28, 1), name="pictures")
    shared = dense(32)
    model = keras.Model(images, end()(shared(shared(dense(32, name="first")(flat()(images))) * 2.0)))
    description = describe(model)
    kinds = [layer.kind for layer in description.layers]
    assert kinds == ["Flatten", "Dense", "Dense", "Multiply", "Shared", "Dense"]
    assert description.layers[3] == LayerDescription("Multiply", {"call": [[{"tensor": 0}, 2.0], {}]}, (2,))
    assert description.layers[4].config["layer"] == 2
    assert description.outputs == (5,)
    text = json.dumps(description.as_dict())
    assert "first" not in text
    assert "null" not in text
