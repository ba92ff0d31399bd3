"""Keras's Random* layers: each image of a batch gets its own draw, in training only.

The draws come from torch's global generator, within Keras's bounds; the work is done by `etalon.data.transforms`.
"""

from math import tau
from typing import Any

import torch
from torch import Tensor

from etalon.data import transforms
from etalon.data.transforms import Sampling
from etalon.models.lowering.general import TrainingOnly
from etalon.models.lowering.order import channels_last

Bounds = tuple[float, float]
KerasLayer = Any
Shape = tuple[int, ...]


class Augmentation(TrainingOnly):
    """One image in, one image out: (b, c, h, w)."""

    def forward(self, x: Tensor) -> Tensor:
        return channels_last(self.perturb(x)) if self.training else x


class RandomFlip(Augmentation):
    """`keras.layers.RandomFlip`: half of the images, mirrored (along both axes at once, where there are two)."""

    def __init__(self, layer: KerasLayer, shape: Shape) -> None:
        super().__init__()
        self.horizontal, self.vertical = "horizontal" in layer.mode, "vertical" in layer.mode

    def perturb(self, x: Tensor) -> Tensor:
        chosen = uniform(x, (0.0, 1.0)) <= 0.5
        return transforms.flip(x, chosen & self.horizontal, chosen & self.vertical)


class RandomRotation(Augmentation):
    """`keras.layers.RandomRotation`: the factor is a share of a turn."""

    def __init__(self, layer: KerasLayer, shape: Shape) -> None:
        super().__init__()
        self.turns, self.sampling = bounds(layer.factor), sampling(layer)

    def perturb(self, x: Tensor) -> Tensor:
        return transforms.rotate(x, tau * uniform(x, self.turns), **self.sampling)


class RandomZoom(Augmentation):
    """`keras.layers.RandomZoom`: both sides by the same factor unless the layer has one for the width."""

    def __init__(self, layer: KerasLayer, shape: Shape) -> None:
        super().__init__()
        self.height = bounds((1 + layer.height_lower, 1 + layer.height_upper))
        self.width: Bounds | None = None
        if layer.width_factor is not None:
            self.width = bounds((1 + layer.width_lower, 1 + layer.width_upper))
        self.sampling = sampling(layer)

    def perturb(self, x: Tensor) -> Tensor:
        height = uniform(x, self.height)
        return transforms.zoom(x, height, uniform(x, self.width) if self.width else height, **self.sampling)


class RandomTranslation(Augmentation):
    """`keras.layers.RandomTranslation`: the factors are shares of the height and of the width."""

    def __init__(self, layer: KerasLayer, shape: Shape) -> None:
        super().__init__()
        height, width, _ = shape
        self.down = bounds((layer.height_lower * height, layer.height_upper * height))
        self.right = bounds((layer.width_lower * width, layer.width_upper * width))
        self.sampling = sampling(layer)

    def perturb(self, x: Tensor) -> Tensor:
        return transforms.shift(x, uniform(x, self.down), uniform(x, self.right), **self.sampling)


class RandomContrast(Augmentation):
    """`keras.layers.RandomContrast`: distances to the channel's mean times 1 - lower to 1 + upper, then clipped."""

    def __init__(self, layer: KerasLayer, shape: Shape) -> None:
        super().__init__()
        lower, upper = layer.factor
        self.factor, self.range = bounds((1 - lower, 1 + upper)), bounds(layer.value_range)

    def perturb(self, x: Tensor) -> Tensor:
        return transforms.contrast(x, uniform(x, self.factor), *self.range)


class RandomBrightness(Augmentation):
    """`keras.layers.RandomBrightness`: the factor is a share of the range of values."""

    def __init__(self, layer: KerasLayer, shape: Shape) -> None:
        super().__init__()
        self.range = low, high = bounds(layer.value_range)
        self.delta = bounds([factor * (high - low) for factor in layer.factor])

    def perturb(self, x: Tensor) -> Tensor:
        return transforms.brightness(x, uniform(x, self.delta), *self.range)


def uniform(x: Tensor, bounds: Bounds) -> Tensor:
    """One draw for each image of the batch: (b,)."""
    low, high = bounds
    return low + (high - low) * torch.rand(len(x), device=x.device)


def bounds(pair: Any) -> Bounds:
    """Two plain numbers."""
    low, high = pair
    return float(low), float(high)


def sampling(layer: KerasLayer) -> Sampling:
    """How a Keras layer reads between the pixels and beyond the edge."""
    return Sampling(fill_mode=layer.fill_mode, fill_value=float(layer.fill_value), interpolation=layer.interpolation)
