"""Small architectures drawn from a seed."""

from typing import Any

import keras
import numpy as np
from keras import layers


def random_model(seed: int) -> tuple[Any, tuple[int, int, int]]:
    """A small architecture drawn from the seed: Sequential when even, functional with branches when odd."""
    rng = np.random.default_rng(seed)
    shape = (int(rng.integers(8, 15)), int(rng.integers(8, 15)), int(rng.choice([1, 3])))
    x = y = layers.Input(shape)
    for _ in range(int(rng.integers(2, 5))):
        y = _stage(rng)(y)
        if seed % 2 and rng.random() < 0.8:
            y = _branches(rng, y)
    y = [layers.Flatten, layers.GlobalAveragePooling2D, layers.GlobalMaxPooling2D][rng.integers(3)]()(y)
    if rng.random() < 0.5:
        y = layers.Dense(int(rng.integers(2, 9)), activation=_activation(rng))(y)
        y = [layers.BatchNormalization, layers.LayerNormalization, layers.Identity][rng.integers(3)]()(y)
    y = layers.Dense(4, activation=[None, "softmax", "sigmoid"][rng.integers(3)])(y)
    model = keras.Model(x, y)
    return (keras.Sequential([x, *model.layers[1:]]) if seed % 2 == 0 else model), shape


def _activation(rng: np.random.Generator) -> str | None:
    return [None, "relu", "tanh", "gelu", "softsign"][rng.integers(5)]


def _stage(rng: np.random.Generator) -> Any:
    filters, padding = int(rng.integers(2, 6)), str(rng.choice(["same", "same", "valid"]))
    window, stride = int(rng.integers(1, 4)), int(rng.integers(1, 3))
    choices: list[Any] = [
        lambda: layers.Conv2D(filters, window, stride, padding, activation=_activation(rng)),
        lambda: layers.Conv2D(filters, (window, 2), padding="same", activation="relu"),
        lambda: layers.SeparableConv2D(filters, window, padding=padding, activation=_activation(rng)),
        lambda: layers.DepthwiseConv2D(window, padding=padding, depth_multiplier=2),
        lambda: layers.Conv2DTranspose(filters, window, stride, padding="same"),
        lambda: layers.MaxPooling2D(2, padding=padding),
        lambda: layers.MaxPooling2D(3, 1, padding="same"),
        lambda: layers.AveragePooling2D(2, padding=padding),
        lambda: layers.BatchNormalization(),
        lambda: layers.LayerNormalization(),
        lambda: layers.GroupNormalization(groups=1),
        lambda: layers.PReLU(shared_axes=[1, 2]),
        lambda: layers.ReLU(max_value=1.0, negative_slope=0.1),
        lambda: layers.ZeroPadding2D((1, 2)),
        lambda: layers.UpSampling2D(),
        lambda: layers.SpatialDropout2D(0.2),
        lambda: layers.Dense(filters, activation=_activation(rng)),
        lambda: layers.Permute((2, 1, 3)),
    ]
    return choices[rng.integers(len(choices))]()


def _branches(rng: np.random.Generator, x: Any) -> Any:
    """Two ways over the same map, merged; or a gate on its channels."""
    channels = x.shape[-1]
    if rng.random() < 0.25:
        gate = layers.Dense(channels, activation="sigmoid")(layers.GlobalAveragePooling2D(keepdims=True)(x))
        return layers.Multiply()([x, gate])
    sides = [layers.Conv2D(channels, w, padding="same", activation=_activation(rng))(x) for w in (1, 3)]
    ways = [x, sides[0], layers.BatchNormalization()(sides[1])]
    kinds = [layers.Add, layers.Concatenate, layers.Average, layers.Maximum]
    return kinds[rng.integers(4)]()(ways[: rng.integers(2, 4)])
