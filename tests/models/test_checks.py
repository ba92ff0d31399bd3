"""Mistakes that are caught before training: each message says what it is about."""

import copy
import warnings
from collections.abc import Callable
from typing import Any

import keras
import pytest
import torch
from keras import Input, Sequential, layers
from torch import nn

from etalon.errors import ModelError
from etalon.models.checks import built, check, guard

IMAGE = (28, 28, 1)
CATEGORICAL = "categorical_crossentropy"


def ends(activation: Any, units: int = 10) -> keras.Model:
    return Sequential([Input(IMAGE), layers.Flatten(), layers.Dense(units, activation=activation)])


def stages(n: int, *, given: bool) -> Callable[[], keras.Model]:
    """`n` pairs of convolution and pooling, with or without an input shape."""

    def build() -> keras.Model:
        body = [layer for _ in range(n) for layer in (layers.Conv2D(8, 3), layers.MaxPooling2D(2))]
        return Sequential([*([Input(IMAGE)] if given else []), *body, layers.Flatten(), layers.Dense(10)])

    return build


@pytest.mark.parametrize(
    ("activation", "loss", "from_logits"),
    [
        ("softmax", CATEGORICAL, False),
        ("softmax", "SparseCategoricalCrossentropy", False),
        (None, CATEGORICAL, True),
        ("sigmoid", "binary_crossentropy", False),
        (None, "BinaryCrossentropy", True),
        ("sigmoid", "mean_squared_error", False),
        (None, "categorical_hinge", False),
    ],
)
def test_what_fits_passes(activation: str | None, loss: str, from_logits: bool) -> None:
    check(ends(activation), IMAGE, 10, loss, from_logits)


@pytest.mark.parametrize(
    ("activation", "loss", "from_logits", "message"),
    [
        ("sigmoid", CATEGORICAL, False, "add up to 1"),
        ("sigmoid", "sparse_categorical_crossentropy", False, "add up to 1"),
        ("sigmoid", CATEGORICAL, True, "add up to 1"),
        (None, CATEGORICAL, False, "takes logits for probabilities"),
        (None, "binary_crossentropy", False, "takes logits for probabilities"),
        ("softmax", CATEGORICAL, True, "a second time"),
        ("sigmoid", "binary_crossentropy", True, "a second time"),
        ("softmax", "BinaryCrossentropy", False, "judges each class alone"),
        ("relu", CATEGORICAL, False, "relu gives neither"),
        ("relu", CATEGORICAL, True, "relu gives neither"),
        ("tanh", "sparse_categorical_crossentropy", False, "tanh gives neither"),
    ],
)
def test_a_last_activation_against_the_loss(activation: str | None, loss: str, from_logits: bool, message: str) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        check(ends(activation), IMAGE, 10, loss, from_logits)
    assert (activation or "linear") in str(caught.value)


def test_the_last_activation_is_found_in_a_layer_of_its_own_and_in_a_nested_model() -> None:
    head = Sequential([layers.Flatten(), layers.Dense(10), layers.Activation("sigmoid")])
    for model in (
        Sequential([Input(IMAGE), layers.Flatten(), layers.Dense(10), layers.Softmax(), layers.Reshape((10,))]),
        Sequential([Input(IMAGE), layers.Conv2D(10, 28, activation="softmax"), layers.Flatten()]),
    ):
        check(model, IMAGE, 10, CATEGORICAL, False)
    with pytest.raises(ModelError, match="last activation sigmoid"):
        check(Sequential([Input(IMAGE), head]), IMAGE, 10, CATEGORICAL, False)
    inside = Sequential([Input(IMAGE), layers.Conv2D(10, 3, activation="softmax"), layers.GlobalMaxPooling2D()])
    with pytest.raises(ModelError, match="last activation linear"):
        check(inside, IMAGE, 10, CATEGORICAL, False)


def test_the_number_of_outputs() -> None:
    with pytest.raises(ModelError, match="the data have 10 classes") as caught:
        check(ends("softmax", 8), IMAGE, 10, CATEGORICAL, False)
    assert "Dense(10, activation='softmax')" in caught.value.remedy


def test_an_output_that_is_still_a_map() -> None:
    model = Sequential([Input(IMAGE), layers.Dense(10, activation="softmax")])
    with pytest.raises(ModelError, match=r"shape \(28, 28, 10\) for one image.*Flatten"):
        check(model, IMAGE, 10, CATEGORICAL, False)


def test_several_outputs_or_inputs() -> None:
    images = Input(IMAGE)
    flat = layers.Flatten()(images)
    two = keras.Model(images, [layers.Dense(10)(flat), layers.Dense(10)(flat)])
    with pytest.raises(ModelError, match="2 outputs"):
        check(two, IMAGE, 10, CATEGORICAL, False)
    other = Input((10,))
    mixed = keras.Model([images, other], layers.Add()([layers.Dense(10)(flat), other]))
    with pytest.raises(ModelError, match="2 inputs"):
        check(mixed, IMAGE, 10, CATEGORICAL, False)


@pytest.mark.parametrize("shape", [(28, 28, 1), (28, 28), (784,), (None, None, 1)])
def test_inputs_with_as_many_values_as_the_image(shape: tuple[int | None, ...]) -> None:
    body = [layers.GlobalAveragePooling2D()] if None in shape else [layers.Flatten()]
    model = Sequential([Input(shape), *body, layers.Dense(10, activation="softmax")])
    check(model, IMAGE, 10, CATEGORICAL, False)


@pytest.mark.parametrize("shape", [(32, 32, 1), (28, 28, 3), (100,), (1, 28, 28), (14, 14, 4)])
def test_inputs_that_do_not_fit_the_image(shape: tuple[int, ...]) -> None:
    model = Sequential([Input(shape), layers.Flatten(), layers.Dense(10, activation="softmax")])
    with pytest.raises(ModelError, match="784 values") as caught:
        check(model, IMAGE, 10, CATEGORICAL, False)
    assert str(shape) in caught.value.received
    assert "keras.Input((28, 28, 1))" in caught.value.remedy


def test_what_is_no_model() -> None:
    with pytest.raises(ModelError, match="return model"):
        check(None, IMAGE, 10, CATEGORICAL, False)
    with pytest.raises(ModelError, match="a list instead of a model"):
        check([layers.Dense(3)], IMAGE, 10, CATEGORICAL, False)


class Subclass(keras.Model):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.out = layers.Dense(10)

    def call(self, x: Any) -> Any:
        return self.out(x)


def test_a_subclassed_keras_model() -> None:
    with pytest.raises(ModelError, match=r"subclass of keras\.Model"):
        check(Subclass(), IMAGE, 10, CATEGORICAL, False)


def test_nothing_to_train() -> None:
    frozen = ends("softmax")
    frozen.trainable = False
    for model in (Sequential([Input((10,)), layers.Softmax()]), frozen):
        with pytest.raises(ModelError, match="without a weight to train"):
            check(model, (10, 1, 1) if model is not frozen else IMAGE, 10, CATEGORICAL, False)


def test_a_model_without_input_shape_is_built_for_the_images() -> None:
    model = stages(2, given=False)()
    assert built(model, IMAGE) is model
    assert model.output_shape == (None, 10)


@pytest.mark.parametrize("given", [True, False])
def test_a_map_that_shrinks_to_nothing_names_the_layer_and_the_sizes(given: bool) -> None:
    with pytest.raises(ModelError) as caught:
        guard(stages(4, given=given), IMAGE)
    assert caught.value.received == "layer conv2d_3 (Conv2D, window 3x3)"
    assert "only 1x1" in caught.value.why
    assert "28x28 → 26x26 → 13x13 → 11x11 → 5x5 → 3x3 → 1x1" in caught.value.why
    assert "padding='same'" in caught.value.remedy


def test_on_larger_images_the_same_network_stands() -> None:
    assert guard(stages(4, given=False), (64, 64, 3)).output_shape == (None, 10)
    assert guard(stages(3, given=True), IMAGE).output_shape == (None, 10)


def test_layers_are_numbered_from_the_start_whatever_was_built_before() -> None:
    names = [[layer.name for layer in guard(stages(2, given=True), IMAGE).layers] for _again in range(2)]
    assert names[0] == names[1]
    assert names[0][:4] == ["conv2d", "max_pooling2d", "conv2d_1", "max_pooling2d_1"]
    assert layers.Conv2D(1, 1).name != layers.Conv2D(1, 1).name


def test_a_layer_made_outside_keeps_its_name() -> None:
    with_name = guard(lambda: Sequential([Input(IMAGE), layers.Conv2D(4, 3, name="eyes"), layers.Flatten()]), IMAGE)
    assert with_name.layers[0].name == "eyes"
    keras.utils.clear_session()
    outside = layers.Conv2D(4, 3)  # "conv2d", as the first that the function makes would be
    model = guard(lambda: Sequential([Input(IMAGE), outside, layers.Conv2D(4, 3), layers.Flatten()]), IMAGE)
    assert model.layers[0] is outside
    assert len({layer.name for layer in model.layers}) == 3


def functional() -> keras.Model:
    x = images = Input(IMAGE)
    for _ in range(4):
        x = layers.MaxPooling2D(2)(layers.Conv2D(8, 3)(x))
    return keras.Model(images, x)


def poolings() -> keras.Model:
    return Sequential([Input(IMAGE), *(layers.AveragePooling2D(2) for _ in range(5)), layers.Flatten()])


def nested() -> keras.Model:
    return Sequential([Input(IMAGE), layers.MaxPooling2D(8), Sequential([layers.Conv2D(4, 5)])])


def cropped() -> keras.Model:
    return Sequential([Input(IMAGE), layers.Cropping2D(14)])


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (functional, ("Conv2D", "only 1x1")),
        (poolings, ("AveragePooling2D", "window 2x2", "only 1x1")),
        (nested, ("Conv2D", "window 5x5", "only 3x3")),
        (cropped, ("Cropping2D", "only 28x28")),
    ],
)
def test_other_ways_to_shrink(build: Callable[[], keras.Model], words: tuple[str, ...]) -> None:
    with pytest.raises(ModelError) as caught:
        guard(build, IMAGE)
    assert all(word in str(caught.value) for word in words)


def test_an_empty_map_that_keras_lets_pass() -> None:
    def build() -> keras.Model:
        images = Input(IMAGE)
        return keras.Model(images, layers.Flatten()(images[:, 5:5]))

    with pytest.raises(ModelError, match=r"nothing is left of the image"):
        guard(build, IMAGE)


def test_other_errors_are_left_as_they_are() -> None:
    def build() -> keras.Model:
        raise ValueError("my own mistake")

    with pytest.raises(ValueError, match="my own mistake"):
        guard(build, IMAGE)
    assert guard(lambda: None, IMAGE) is None
    assert keras.config.is_traceback_filtering_enabled()


def test_only_the_habit_of_input_shape_is_silenced() -> None:
    def build() -> keras.Model:
        return Sequential([layers.Flatten(input_shape=IMAGE), layers.Dense(10)])

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message="__array__", category=DeprecationWarning)
        assert guard(build, IMAGE).output_shape == (None, 10)
        with pytest.raises(UserWarning, match="input_shape"):
            build()

    def noisy() -> keras.Model:
        warnings.warn("something else", UserWarning, stacklevel=1)
        return build()

    with pytest.warns(UserWarning, match="something else"):
        guard(noisy, IMAGE)


def test_a_torch_module_is_tried_and_left_as_it_was() -> None:
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Dropout(), nn.Flatten(), nn.Linear(2704, 10))
    torch.manual_seed(0)
    expected = torch.rand(1)
    before = copy.deepcopy(model.state_dict())
    torch.manual_seed(0)
    check(model, IMAGE, 10, CATEGORICAL, False)
    assert torch.equal(torch.rand(1), expected)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert model.training


@pytest.mark.filterwarnings("ignore:Lazy modules are a new feature")
def test_lazy_modules_are_refused() -> None:
    with pytest.raises(ModelError, match=r"1\.weight has no size yet"):
        check(nn.Sequential(nn.Flatten(), nn.LazyLinear(10)), IMAGE, 10, CATEGORICAL, False)


def test_torch_modules_that_do_not_fit() -> None:
    def linear(n: int) -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(784, n))

    with pytest.raises(ModelError, match="the data have 10 classes"):
        check(linear(8), IMAGE, 10, CATEGORICAL, False)
    with pytest.raises(ModelError, match=r"\(1, 3, 28, 28\).*it fails"):
        check(linear(10), (28, 28, 3), 10, CATEGORICAL, False)
    with pytest.raises(ModelError, match="without a weight to train"):
        check(nn.Flatten(), IMAGE, 784, CATEGORICAL, False)
    with pytest.raises(ModelError, match="returns a tuple"):
        check(Pair(), IMAGE, 10, CATEGORICAL, False)


class Pair(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Linear(784, 10)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, None]:
        return self.out(x.flatten(1)), None


def test_a_torch_module_that_shrinks_to_nothing() -> None:
    body = [nn.Sequential(nn.Conv2d(1 if k == 0 else 4, 4, 3), nn.MaxPool2d(2)) for k in range(4)]
    with pytest.raises(ModelError, match=r"layer 3\.0 \(Conv2d, window 3x3\).*only 1x1"):
        check(nn.Sequential(*body, nn.Flatten(), nn.Linear(4, 10)), IMAGE, 10, CATEGORICAL, False)
    pools = nn.Sequential(nn.Conv2d(1, 2, 3), *(nn.MaxPool2d(2) for _ in range(5)))
    with pytest.raises(ModelError, match=r"MaxPool2d, window 2x2.*only 1x1"):
        check(pools, IMAGE, 10, CATEGORICAL, False)
