"""Every layer of the table against Keras's own call on the torch backend."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch
from keras import layers
from numpy.testing import assert_allclose

from etalon.errors import ModelError
from etalon.models.lower import lower
from etalon.models.lowering.activations import ALONG_LAST_AXIS, ELEMENTWISE
from etalon.models.lowering.layers import TABLE
from etalon.models.lowering.order import to_keras
from tests.models.conftest import SHAPE, alone, as_network_input, images, keras_answer, scramble

Layer = Any


def agree(model: Any, shape: tuple[int, ...] = SHAPE, training: bool = False, tolerance: float = 1e-5) -> None:
    """Same outputs and same gradients with respect to the images."""
    scramble(model)
    network = lower(model, shape).train(training)
    x = images(shape)
    mine, theirs = as_network_input(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    before = network.weights()
    logits = network(mine)
    answer = model(theirs, training=training)
    assert_allclose(logits.detach().numpy(), answer.detach().numpy(), rtol=tolerance, atol=tolerance)
    direction = torch.tensor(images(tuple(answer.shape[1:]), seed=3))
    (gradient,) = torch.autograd.grad((logits * direction).sum(), mine)
    (expected,) = torch.autograd.grad((answer * direction).sum(), theirs)
    assert_allclose(to_keras(gradient).numpy(), expected.numpy(), rtol=1e-4, atol=10 * tolerance)
    if not training:
        assert all(np.array_equal(before[k], v) for k, v in network.weights().items())


CONVOLUTIONS: dict[str, Callable[[], Layer]] = {
    "valid": lambda: layers.Conv2D(5, 3),
    "same": lambda: layers.Conv2D(5, 3, padding="same"),
    "same, even kernel": lambda: layers.Conv2D(5, (2, 4), padding="same"),
    "same, stride 2": lambda: layers.Conv2D(5, 3, strides=2, padding="same"),
    "same, strides 2 and 3": lambda: layers.Conv2D(5, (3, 5), strides=(2, 3), padding="same"),
    "same, stride beyond kernel": lambda: layers.Conv2D(5, 2, strides=3, padding="same"),
    "valid, stride 2": lambda: layers.Conv2D(5, (3, 2), strides=2),
    "dilated": lambda: layers.Conv2D(5, 3, dilation_rate=2),
    "dilated, same": lambda: layers.Conv2D(5, 2, dilation_rate=(3, 2), padding="same"),
    "groups": lambda: layers.Conv2D(6, 3, groups=2),
    "1 x 1 without bias": lambda: layers.Conv2D(5, 1, use_bias=False),
    "relu": lambda: layers.Conv2D(5, 3, activation="relu"),
    "depthwise": lambda: layers.DepthwiseConv2D(3),
    "depthwise, multiplier 3, same, stride 2": lambda: layers.DepthwiseConv2D(
        (3, 2), strides=2, depth_multiplier=3, padding="same", activation="tanh"
    ),
    "depthwise, dilated": lambda: layers.DepthwiseConv2D(3, dilation_rate=2, use_bias=False),
    "separable": lambda: layers.SeparableConv2D(5, 3),
    "separable, same, stride 2": lambda: layers.SeparableConv2D(
        5, (3, 4), strides=2, padding="same", depth_multiplier=2, activation="relu"
    ),
    "separable, dilated": lambda: layers.SeparableConv2D(5, 2, dilation_rate=2, use_bias=False),
    "transposed": lambda: layers.Conv2DTranspose(5, 3),
    "transposed, same, stride 2": lambda: layers.Conv2DTranspose(5, 3, strides=2, padding="same"),
    "transposed, even kernel, same, stride 2": lambda: layers.Conv2DTranspose(
        5, (4, 2), strides=2, padding="same", activation="relu"
    ),
    "transposed, stride beyond kernel": lambda: layers.Conv2DTranspose(5, 2, strides=3),
    "transposed, output padding": lambda: layers.Conv2DTranspose(5, 3, strides=2, output_padding=1, padding="same"),
    "transposed, dilated": lambda: layers.Conv2DTranspose(5, 3, dilation_rate=2, use_bias=False),
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolutions(name: str) -> None:
    agree(alone(CONVOLUTIONS[name]()))


@pytest.mark.parametrize("shape", [(6, 8, 1), (8, 8, 3), (1, 1, 2)])
def test_convolution_sizes(shape: tuple[int, int, int]) -> None:
    agree(alone(layers.Conv2D(3, 3, strides=2, padding="same"), shape), shape)


@pytest.mark.parametrize("options", [{}, {"strides": 2, "padding": "same"}, {"padding": "causal", "dilation_rate": 2}])
def test_conv1d(options: dict[str, Any]) -> None:
    rows = keras.Sequential([layers.Input((7, 9)), layers.Conv1D(5, 3, activation="relu", **options), layers.Flatten()])
    agree_flat(rows, (7, 9, 1))


def agree_flat(model: Any, image_shape: tuple[int, int, int]) -> None:
    """As `agree`, for a model that takes the images without their channel."""
    scramble(model)
    x = images(image_shape)
    logits = lower(model, image_shape).eval()(as_network_input(x)).detach()
    assert_allclose(logits.numpy(), keras_answer(model, x.reshape(4, *model.input_shape[1:])), rtol=1e-5, atol=1e-5)


POOLS: dict[str, dict[str, Any]] = {
    "2": {"pool_size": 2},
    "2, same": {"pool_size": 2, "padding": "same"},
    "3, stride 2": {"pool_size": 3, "strides": 2},
    "3, stride 2, same": {"pool_size": 3, "strides": 2, "padding": "same"},
    "2 x 3, strides 3 x 2, same": {"pool_size": (2, 3), "strides": (3, 2), "padding": "same"},
    "3, stride 1, same": {"pool_size": 3, "strides": 1, "padding": "same"},
    "2, stride 1, same": {"pool_size": 2, "strides": 1, "padding": "same"},
    "4 x 2, strides 1 x 2, same": {"pool_size": (4, 2), "strides": (1, 2), "padding": "same"},
    "1, stride 3, same": {"pool_size": 1, "strides": 3, "padding": "same"},
}


@pytest.mark.parametrize("name", POOLS)
@pytest.mark.parametrize("shape", [SHAPE, (8, 6, 2)])
def test_max_pooling(name: str, shape: tuple[int, int, int]) -> None:
    agree(alone(layers.MaxPooling2D(**POOLS[name]), shape), shape)


@pytest.mark.parametrize("name", POOLS)
@pytest.mark.parametrize("shape", [(7, 9, 2), (8, 6, 2)])
def test_average_pooling_averages_what_is_there(name: str, shape: tuple[int, int, int]) -> None:
    """TensorFlow's meaning; Keras on torch repeats the edge where "same" pads unevenly, so numpy is the oracle."""
    layer = layers.AveragePooling2D(**POOLS[name])
    x = images(shape)
    logits = lower(alone(layer, shape), shape).eval()(as_network_input(x))
    assert_allclose(logits.numpy(), averaged(layer, x).reshape(4, -1), rtol=1e-5, atol=1e-6)


def averaged(layer: Any, x: np.ndarray) -> np.ndarray:
    """Windows of (n, h, w, c), without what lies outside, averaged one by one."""
    n, height, width, c = x.shape
    (_, rows, columns, _), (kh, kw), (sh, sw) = layer.compute_output_shape(x.shape), layer.pool_size, layer.strides
    top, left = (
        max((out - 1) * s + k - size, 0) // 2 if layer.padding == "same" else 0
        for out, s, k, size in ((rows, sh, kh, height), (columns, sw, kw, width))
    )
    found = np.empty((n, rows, columns, c), np.float32)
    for i in range(rows):
        for j in range(columns):
            y, z = i * sh - top, j * sw - left
            found[:, i, j] = x[:, max(y, 0) : y + kh, max(z, 0) : z + kw].mean((1, 2))
    return found


@pytest.mark.parametrize("name", ["2", "3, stride 2", "3, stride 1, same"])
def test_average_pooling_like_keras(name: str) -> None:
    agree(alone(layers.AveragePooling2D(**POOLS[name])))


@pytest.mark.parametrize("kind", [layers.MaxPooling1D, layers.AveragePooling1D])
@pytest.mark.parametrize("options", [{"pool_size": 2}, {"pool_size": 3, "strides": 2, "padding": "same"}])
def test_pooling_of_one_dimension(kind: Any, options: dict[str, Any]) -> None:
    agree_flat(keras.Sequential([layers.Input((7, 9)), kind(**options), layers.Flatten()]), (7, 9, 1))


ELSEWHERE: dict[str, Callable[[], Layer]] = {
    "global max": lambda: layers.GlobalMaxPooling2D(),
    "global max, keepdims": lambda: layers.GlobalMaxPooling2D(keepdims=True),
    "global average": lambda: layers.GlobalAveragePooling2D(),
    "global average, keepdims": lambda: layers.GlobalAveragePooling2D(keepdims=True),
    "flatten": lambda: layers.Flatten(),
    "reshape to rank 2": lambda: layers.Reshape((9, 28)),
    "reshape to rank 3": lambda: layers.Reshape((4, 7, 9)),
    "reshape to rank 4": lambda: layers.Reshape((2, 2, 7, 9)),
    "reshape with -1": lambda: layers.Reshape((-1, 6, 3)),
    "permute": lambda: layers.Permute((3, 1, 2)),
    "zero padding": lambda: layers.ZeroPadding2D(((1, 2), (3, 0))),
    "cropping": lambda: layers.Cropping2D(((1, 2), (3, 0))),
    "upsampling": lambda: layers.UpSampling2D((2, 3)),
    "upsampling, bilinear": lambda: layers.UpSampling2D((3, 2), interpolation="bilinear"),
    "dense on channels": lambda: layers.Dense(5, activation="relu"),
    "rescaling": lambda: layers.Rescaling(1 / 255, offset=-0.5),
    "rescaling by channel": lambda: layers.Rescaling([1.0, 2.0, 0.5, -1.0], offset=[0.0, 1.0, 2.0, 3.0]),
    "normalization, given": lambda: layers.Normalization(mean=[1.0, 2.0, 0.5, 0.0], variance=[1.0, 4.0, 0.25, 2.0]),
    "normalization, inverse": lambda: layers.Normalization(mean=2.0, variance=4.0, invert=True),
    "layer norm": lambda: layers.LayerNormalization(),
    "layer norm, plain": lambda: layers.LayerNormalization(center=False, scale=False, epsilon=0.1),
    "layer norm, width and channels": lambda: layers.LayerNormalization(axis=(-2, -1)),
    "layer norm, all": lambda: layers.LayerNormalization(axis=(1, 2, 3)),
    "group norm": lambda: layers.GroupNormalization(groups=2),
    "group norm, one each": lambda: layers.GroupNormalization(groups=-1, epsilon=0.1),
    "group norm, plain": lambda: layers.GroupNormalization(groups=1, center=False, scale=False),
    "batch norm": lambda: layers.BatchNormalization(),
    "batch norm, plain": lambda: layers.BatchNormalization(center=False, scale=False),
    "batch norm, of rows": lambda: layers.BatchNormalization(axis=1, epsilon=0.1),
    "frozen batch norm": lambda: layers.BatchNormalization(trainable=False),
    "prelu": lambda: layers.PReLU(),
    "prelu, shared": lambda: layers.PReLU(shared_axes=[1, 2]),
    "relu": lambda: layers.ReLU(),
    "relu, bounded": lambda: layers.ReLU(max_value=0.7),
    "relu, sloped": lambda: layers.ReLU(negative_slope=0.3),
    "relu, all": lambda: layers.ReLU(max_value=1.2, negative_slope=0.1, threshold=0.4),
    "relu, threshold": lambda: layers.ReLU(threshold=0.5),
    "leaky relu": lambda: layers.LeakyReLU(negative_slope=0.15),
    "elu": lambda: layers.ELU(alpha=0.6),
    "softmax": lambda: layers.Softmax(),
    "softmax of rows": lambda: layers.Softmax(axis=1),
    "softmax of the map": lambda: layers.Softmax(axis=(1, 2)),
    "identity": lambda: layers.Identity(),
    "dropout": lambda: layers.Dropout(0.5),
    "no dropout": lambda: layers.Dropout(0.0),
    "spatial dropout": lambda: layers.SpatialDropout2D(0.5),
    "gaussian noise": lambda: layers.GaussianNoise(0.5),
    "gaussian dropout": lambda: layers.GaussianDropout(0.5),
    "flip": lambda: layers.RandomFlip(),
    "a layer as activation": lambda: layers.Conv2D(5, 3, activation=layers.LeakyReLU(0.4)),
}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_other_layers(name: str) -> None:
    agree(alone(ELSEWHERE[name]()))


DETERMINISTIC = ["batch norm", "batch norm, plain", "batch norm, of rows", "frozen batch norm", "group norm"]


@pytest.mark.parametrize("name", DETERMINISTIC)
def test_in_training(name: str) -> None:
    agree(alone(ELSEWHERE[name]()), training=True)


@pytest.mark.parametrize("name", sorted({*ELEMENTWISE, *ALONG_LAST_AXIS} - {"glu"}))
def test_activations(name: str) -> None:
    """On maps and on rows, as a layer and inside one."""
    agree(alone(layers.Activation(name), then=(layers.Dense(6, activation=name), layers.Dense(3))))
    agree(alone(layers.GlobalAveragePooling2D(), then=(layers.Dense(6, activation=name), layers.Dense(3))))


def test_glu() -> None:
    x = images(SHAPE)
    model = keras.Sequential([layers.Input(SHAPE), layers.Flatten(), layers.Dense(8), layers.Activation("glu")])
    logits = lower(model, SHAPE).eval()(as_network_input(x)).detach()
    assert_allclose(logits.numpy(), keras_answer(model, x), rtol=1e-5, atol=1e-5)


def test_all_of_keras_activations_are_known() -> None:
    missing = set(keras.src.activations.ALL_OBJECTS_DICT) - {*ELEMENTWISE, *ALONG_LAST_AXIS}
    assert missing == {"linear", "threshold", "swish", "hard_swish"}  # nothing, not one of one argument, two aliases


@pytest.mark.parametrize("alias", ["swish", "hard_swish"])
def test_activation_aliases(alias: str) -> None:
    agree(alone(layers.Activation(alias)))


def test_adapted_normalization() -> None:
    layer = layers.Normalization()
    layer.adapt(images(SHAPE, n=20) * 3 + 1)
    model = alone(layer)
    x = images(SHAPE)
    logits = lower(model, SHAPE).eval()(as_network_input(x))
    assert_allclose(logits.numpy(), keras_answer(model, x), rtol=1e-5, atol=1e-5)
    assert list(lower(model, SHAPE).weights()) == ["0.normalization.mean", "0.normalization.variance"]


@pytest.mark.parametrize("shape", [(5, 6, 3), (1, 8, 1)])
@pytest.mark.parametrize("n", [6, 1])
def test_batch_norm_statistics_after_several_steps(shape: tuple[int, int, int], n: int) -> None:
    """Biased variance, momentum 0.99, a batch of one image included."""
    model = keras.Sequential(
        [layers.Input(shape), layers.BatchNormalization(), layers.Flatten(), layers.BatchNormalization(momentum=0.8)]
    )
    network = lower(model, shape).train()
    for seed in range(5):
        x = images(shape, n, seed) * 3 + 2
        logits = network(as_network_input(x))
        assert_allclose(logits.detach().numpy(), keras_answer(model, x, training=True), rtol=1e-4, atol=2e-5)
    for mine, theirs in zip(network.weights().values(), model.weights, strict=True):
        assert_allclose(mine, theirs.numpy(), rtol=1e-5, atol=1e-5)


def test_batch_norm_in_bfloat16_keeps_float32_statistics() -> None:
    model = alone(layers.BatchNormalization())
    network = lower(model, SHAPE).train()
    x = as_network_input(images(SHAPE))
    with torch.autocast("cpu", torch.bfloat16):
        network(x.bfloat16())
    assert_allclose(network.weights()["0.batch_normalization.moving_mean"], x.mean((0, 2, 3)) * 0.01, atol=1e-4)


@pytest.mark.parametrize(
    ("layer", "shared"),
    [
        (lambda: layers.Dropout(0.3), None),
        (lambda: layers.Dropout(0.3, noise_shape=(None, 1, None, 4)), (2,)),
        (lambda: layers.SpatialDropout2D(0.3), (2, 3)),
    ],
)
def test_dropout_in_training(layer: Callable[[], Layer], shared: tuple[int, ...] | None) -> None:
    shape = (20, 20, 4)
    network = lower(alone(layer(), shape), shape).train()
    torch.manual_seed(0)
    kept = network(torch.ones(200, 4, 20, 20)).reshape(200, 20, 20, 4).permute(0, 3, 1, 2)
    assert_allclose(sorted(kept.unique().tolist()), [0, 1 / 0.7], rtol=1e-6)
    assert float(kept.mean()) == pytest.approx(1, abs=0.05)
    if shared:
        assert torch.equal(kept.amax(shared), kept.amin(shared))


def test_noise_in_training() -> None:
    shape = (20, 20, 4)
    torch.manual_seed(0)
    ones = torch.ones(50, 4, 20, 20)
    noise = lower(alone(layers.GaussianNoise(0.2), shape), shape).train()(ones)
    assert (float(noise.mean()), float(noise.std())) == pytest.approx((1, 0.2), abs=0.01)
    noise = lower(alone(layers.GaussianDropout(0.2), shape), shape).train()(ones)
    assert (float(noise.mean()), float(noise.std())) == pytest.approx((1, 0.5), abs=0.01)


MERGES = [layers.Add, layers.Multiply, layers.Average, layers.Maximum, layers.Minimum, layers.Subtract]


@pytest.mark.parametrize("kind", MERGES)
@pytest.mark.parametrize("pair", ["maps", "map and row", "map and pooled map", "rows"])
def test_merging(kind: Any, pair: str) -> None:
    x = layers.Input(SHAPE)
    first, second = layers.Conv2D(4, 1)(x), layers.Conv2D(4, 1)(x)
    if pair == "rows":
        first = layers.GlobalMaxPooling2D()(first)
    if pair != "maps":
        second = layers.GlobalAveragePooling2D(keepdims=pair == "map and pooled map")(second)
    agree(keras.Model(x, layers.Flatten()(kind()([first, second]))))


@pytest.mark.parametrize("kind", MERGES[:5])
def test_merging_three(kind: Any) -> None:
    x = layers.Input(SHAPE)
    agree(keras.Model(x, layers.Flatten()(kind()([layers.Conv2D(4, 1)(x), x, layers.Conv2D(4, 1)(x)]))))


@pytest.mark.parametrize("axis", [-1, 1, 2, 3])
def test_concatenate(axis: int) -> None:
    x = layers.Input(SHAPE)
    agree(keras.Model(x, layers.Flatten()(layers.Concatenate(axis=axis)([x, layers.Conv2D(4, 1)(x), x]))))


def test_concatenate_rows() -> None:
    x = layers.Input(SHAPE)
    rows = [layers.GlobalMaxPooling2D()(x), layers.Flatten()(x)]
    agree(keras.Model(x, layers.Concatenate()(rows)))


def test_sums_written_with_operators() -> None:
    x = layers.Input(SHAPE)
    y = layers.Conv2D(4, 1)(x)
    agree(keras.Model(x, layers.Flatten()((x + y) * y - x)))


def test_layers_on_rows_and_sequences() -> None:
    model = keras.Sequential(
        [
            layers.Input((7, 9)),
            layers.Dense(6, activation="relu"),
            layers.LayerNormalization(),
            layers.BatchNormalization(),
            layers.GroupNormalization(groups=3),
            layers.PReLU(shared_axes=[1]),
            layers.Permute((2, 1)),
            layers.SpatialDropout1D(0.2),
            layers.GlobalAveragePooling1D(),
            layers.LayerNormalization(),
            layers.PReLU(),
        ]
    )
    agree_flat(model, (7, 9, 1))
    agree_flat(keras.Sequential([layers.Input((7, 9)), layers.GlobalMaxPooling1D()]), (7, 9, 1))


def test_the_table_is_covered_here() -> None:
    """A layer of the table that no test names is not held against Keras."""
    files = ("test_layers.py", "test_augmentation_layers.py", "test_regularizers.py")
    source = "".join(Path(__file__).with_name(name).read_text("utf-8") for name in files)
    assert [name for name in TABLE if name != "Activation" and f"layers.{name}" not in source] == []


class Doubled(layers.Dense):
    """A user's own layer."""


REFUSED: dict[str, tuple[Callable[[], Layer], str]] = {
    "unsupported": (lambda: layers.RandomCrop(3, 3), "RandomCrop"),
    "a user's own": (lambda: Doubled(3), "Doubled"),
    "channels first": (lambda: layers.Conv2D(3, 3, data_format="channels_first"), "channels_last"),
    "renorm": (lambda: layers.BatchNormalization(renorm=True), "renorm"),
    "lambda activation": (lambda: layers.Dense(3, activation=lambda x: x), "activation"),
    "prelu as activation": (lambda: layers.Dense(3, activation=layers.PReLU()), "PReLU"),
    "bicubic": (lambda: layers.UpSampling2D(interpolation="bicubic"), "bicubic"),
    "a user's regularizer": (lambda: layers.Dense(3, kernel_regularizer=lambda w: w.sum()), "L1L2"),
    "a user's constraint": (lambda: layers.Dense(3, kernel_constraint=lambda w: w), "MaxNorm"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refusals(name: str) -> None:
    make, word = REFUSED[name]
    with pytest.raises(ModelError, match=word) as caught:
        lower(alone(make()), SHAPE)
    assert "nn.Module" in caught.value.remedy or "channels_last" in caught.value.remedy


def test_the_refusal_of_a_layer_says_what_is_supported() -> None:
    with pytest.raises(ModelError) as caught:
        lower(alone(layers.RandomCrop(3, 3, name="window")), SHAPE)
    assert "window" in caught.value.received
    assert "Conv2DTranspose" in caught.value.remedy
