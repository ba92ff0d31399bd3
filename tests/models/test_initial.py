"""Initial weights: paired between variants, obedient to the seed, and of the initializer's own distribution."""

from collections.abc import Callable

import keras
import numpy as np
import pytest
from keras import Input, Sequential, initializers, layers

from etalon.models.initial import draw, kept

NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"  # sha256 of no bytes


def plain() -> keras.Model:
    return Sequential(
        [
            Input((12, 12, 1)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.Conv2D(8, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(64),
            layers.Dense(64),
            layers.Dense(10),
        ]
    )


def with_dropout() -> keras.Model:
    return Sequential(
        [
            Input((12, 12, 1)),
            layers.Conv2D(8, 3),
            layers.Dropout(0.25),
            layers.BatchNormalization(),
            layers.LeakyReLU(),
            layers.Conv2D(8, 3),
            layers.GaussianNoise(0.1),
            layers.Flatten(),
            layers.Dense(64),
            layers.Dropout(0.5),
            layers.Dense(64),
            layers.Dense(10),
        ]
    )


def kernels(model: keras.Model, seed: int) -> list[np.ndarray]:
    return [v for v, w in zip(draw(model, seed), model.weights, strict=True) if w.name == "kernel"]


def test_shapes_order_and_dtype_are_those_of_the_model() -> None:
    model = with_dropout()
    values = draw(model, 0)
    assert [value.shape for value in values] == [tuple(w.shape) for w in model.weights]
    assert {value.dtype for value in values} == {np.dtype(np.float32)}
    model.set_weights(values)
    assert kept(plain()) == NOTHING


def test_layers_without_weights_do_not_shift_the_others() -> None:
    for one, other in zip(kernels(plain(), 3), kernels(with_dropout(), 3), strict=True):
        assert np.array_equal(one, other)


def test_keras_itself_does_shift_them() -> None:
    values = []
    for build in (plain, with_dropout):
        keras.utils.set_random_seed(3)
        values.append([w.value.detach().numpy() for w in build().weights if w.name == "kernel"])
    assert not np.array_equal(values[0][-1], values[1][-1])


def test_same_seed_same_values_other_seed_other_values() -> None:
    once, again, other = (kernels(plain(), seed) for seed in (0, 0, 1))
    assert all(map(np.array_equal, once, again))
    assert not any(map(np.array_equal, once, other))


def test_equal_layers_of_one_model_differ() -> None:
    model = Sequential([Input((64,)), layers.Dense(64), layers.Dense(64)])
    first, second = kernels(model, 0)
    assert not np.array_equal(first, second)


def test_drawing_changes_neither_the_model_nor_the_global_generators() -> None:
    model = plain()
    before = [w.value.detach().numpy().copy() for w in model.weights]
    keras.utils.set_random_seed(0)
    expected = np.random.random(), float(keras.random.uniform((), seed=None))  # noqa: NPY002
    keras.utils.set_random_seed(0)
    draw(model, 5)
    assert (np.random.random(), float(keras.random.uniform((), seed=None))) == expected  # noqa: NPY002
    assert all(np.array_equal(a, w.value.detach().numpy()) for a, w in zip(before, model.weights, strict=True))


@pytest.mark.parametrize(
    ("initializer", "deviation", "bound"),
    [
        ("glorot_uniform", np.sqrt(2 / (300 + 200)), np.sqrt(6 / (300 + 200))),
        ("he_normal", np.sqrt(2 / 300), np.inf),
        ("lecun_uniform", np.sqrt(1 / 300), np.sqrt(3 / 300)),
        (initializers.RandomNormal(0.0, 0.3), 0.3, np.inf),
        (initializers.TruncatedNormal(0.0, 0.1), 0.1 * 0.8796, 0.2),
        (initializers.RandomUniform(-0.2, 0.2), 0.4 / np.sqrt(12), 0.2),
    ],
)
def test_the_distribution_is_the_initializer_s(initializer: object, deviation: float, bound: float) -> None:
    model = Sequential([Input((300,)), layers.Dense(200, kernel_initializer=initializer)])
    kernel, bias = draw(model, 7)
    assert kernel.std() == pytest.approx(deviation, rel=0.02)
    assert abs(kernel.mean()) < 4 * deviation / np.sqrt(kernel.size)
    assert np.abs(kernel).max() <= bound
    assert not bias.any()


def test_orthogonal_stays_orthogonal() -> None:
    model = Sequential([Input((32,)), layers.Dense(32, kernel_initializer="orthogonal")])
    kernel = draw(model, 1)[0]
    np.testing.assert_allclose(kernel @ kernel.T, np.eye(32), atol=1e-5)


@pytest.mark.parametrize(
    "layer",
    [
        lambda: layers.DepthwiseConv2D(3),
        lambda: layers.SeparableConv2D(4, 3),
        lambda: layers.Conv2DTranspose(4, 3),
        lambda: layers.Bidirectional(layers.LSTM(4)),
        lambda: Sequential([layers.Conv2D(4, 3), layers.Conv2D(4, 3)]),
    ],
)
def test_every_random_weight_obeys_the_seed(layer: Callable[[], keras.Layer]) -> None:
    made = layer()
    shape = (12, 3) if isinstance(made, layers.Bidirectional) else (12, 12, 3)
    model = Sequential([Input(shape), made])
    one, two = draw(model, 0), draw(model, 1)
    random = [w.name for w, a in zip(model.weights, one, strict=True) if a.std() > 0 and w.name != "bias"]
    changed = [w.name for w, a, b in zip(model.weights, one, two, strict=True) if not np.array_equal(a, b)]
    assert changed == random


def test_loaded_weights_are_kept() -> None:
    model = plain()
    loaded = np.full((64, 10), 0.5, np.float32)
    model.layers[-1].set_weights([loaded, np.ones(10, np.float32)])
    values = draw(model, 9)
    assert np.array_equal(values[-2], loaded)
    assert np.array_equal(values[-1], np.ones(10))
    assert np.array_equal(values[0], draw(plain(), 9)[0])


def test_an_explicit_seed_is_kept() -> None:
    def build() -> keras.Model:
        return Sequential(
            [Input((20,)), layers.Dense(5, kernel_initializer=initializers.GlorotUniform(seed=4)), layers.Dense(5)]
        )

    model = build()
    fixed = model.weights[0].value.detach().numpy().copy()
    assert np.array_equal(draw(model, 0)[0], fixed)
    assert np.array_equal(draw(model, 1)[0], fixed)
    assert kept(model) == kept(build()) != NOTHING


def test_what_is_kept_has_a_stable_digest() -> None:
    def build(value: float) -> keras.Model:
        model = plain()
        model.layers[-1].set_weights([np.full((64, 10), value, np.float32), np.zeros(10, np.float32)])
        return model

    assert kept(plain()) == kept(plain()) == kept(with_dropout()) == NOTHING
    assert kept(build(0.5)) == kept(build(0.5)) != NOTHING
    assert kept(build(0.5)) != kept(build(0.25))
