"""The table: Keras layer -> torch module."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

from etalon.errors import ModelError
from etalon.locales import _
from etalon.models.lowering import augmentation_layers as random
from etalon.models.lowering import builders as build
from etalon.models.lowering import general
from etalon.models.lowering.builders import Builder, KerasLayer, Shape, refuse
from etalon.models.lowering.general import Merge

TABLE: Mapping[str, Builder] = {
    "Activation": build.nothing,
    "ActivityRegularization": build.nothing,
    "Add": build.merging(general.add),
    "Average": build.merging(general.average),
    "AveragePooling1D": build.pooling("average"),
    "AveragePooling2D": build.pooling("average"),
    "BatchNormalization": build.batch_normalization,
    "Concatenate": build.concatenate,
    "Conv1D": build.convolution,
    "Conv2D": build.convolution,
    "Conv2DTranspose": build.conv2d_transpose,
    "Cropping2D": build.cropping2d,
    "Dense": build.dense,
    "DepthwiseConv2D": build.convolution,
    "Dropout": build.dropout,
    "ELU": build.elu,
    "Flatten": build.flatten,
    "GaussianDropout": build.gaussian_dropout,
    "GaussianNoise": build.gaussian_noise,
    "GlobalAveragePooling1D": build.global_pooling("average"),
    "GlobalAveragePooling2D": build.global_pooling("average"),
    "GlobalMaxPooling1D": build.global_pooling("max"),
    "GlobalMaxPooling2D": build.global_pooling("max"),
    "GroupNormalization": build.group_normalization,
    "Identity": build.nothing,
    "LayerNormalization": build.layer_normalization,
    "LeakyReLU": build.leaky_relu,
    "MaxPooling1D": build.pooling("max"),
    "MaxPooling2D": build.pooling("max"),
    "Maximum": build.merging(general.maximum),
    "Minimum": build.merging(general.minimum),
    "Multiply": build.merging(general.multiply),
    "Normalization": build.normalization,
    "PReLU": build.prelu,
    "Permute": build.permute,
    "RandomBrightness": random.RandomBrightness,
    "RandomContrast": random.RandomContrast,
    "RandomFlip": random.RandomFlip,
    "RandomRotation": random.RandomRotation,
    "RandomTranslation": random.RandomTranslation,
    "RandomZoom": random.RandomZoom,
    "ReLU": build.relu,
    "Rescaling": build.rescaling,
    "Reshape": build.reshape,
    "SeparableConv2D": build.separable_conv2d,
    "Softmax": build.softmax,
    "SpatialDropout1D": build.spatial_dropout,
    "SpatialDropout2D": build.spatial_dropout,
    "Subtract": build.merging(general.subtract),
    "UpSampling2D": build.up_sampling2d,
    "ZeroPadding2D": build.zero_padding2d,
}

# layers that may stand for a function: Dense(10, activation=LeakyReLU(0.1))
WITHOUT_WEIGHTS = ("Activation", "ELU", "LeakyReLU", "ReLU", "Softmax")

OPERATIONS: Mapping[str, Callable[..., Tensor]] = {
    "Add": general.add,
    "Maximum": general.maximum,
    "Minimum": general.minimum,
    "Multiply": general.multiply,
    "Subtract": general.subtract,
}


def module_for(layer: KerasLayer, *shapes: Shape) -> nn.Module | None:
    """The torch module of a Keras layer, by the table.

    Args:
        layer: a Keras layer, built.
        shapes: of its inputs, in Keras's order, without the batch.

    Raises:
        ModelError: a layer, or an option of it, that is not supported.
    """
    import keras

    name = type(layer).__name__
    if not isinstance(layer, keras.Layer):
        return _operation(layer, *shapes)
    if name not in TABLE or type(layer) is not getattr(keras.layers, name, None):
        raise ModelError(
            _("layer {name} ({kind})").format(name=layer.name, kind=name),
            _("this kind of layer is not supported"),
            _("Use one of {names}; or return a torch nn.Module instead of a Keras model.").format(
                names=", ".join(TABLE)
            ),
        )
    if getattr(layer, "data_format", None) == "channels_first":
        raise ModelError(
            _("layer {name} ({kind}) with data_format='channels_first'").format(name=layer.name, kind=name),
            _("only 'channels_last' is supported: images are (height, width, channels)"),
            _("Leave data_format out, and set image_data_format to 'channels_last' in keras.json."),
        )
    for option in ("lora_rank", "quantization_mode"):
        if getattr(layer, option, None):
            raise refuse(layer, f"{option}={getattr(layer, option)!r}")
    inner = getattr(layer, "activation", None)
    if isinstance(inner, keras.Layer) and type(inner).__name__ not in WITHOUT_WEIGHTS:
        raise refuse(layer, f"activation={type(inner).__name__}(...)")
    return TABLE[name](layer, *shapes)


def _operation(operation: Any, *shapes: Shape) -> nn.Module:
    """`x + y` and the like, written on Keras tensors instead of with a merging layer."""
    name = type(operation).__name__
    if name not in OPERATIONS or len(shapes) != 2 or len(shapes[0]) != len(shapes[1]):
        raise ModelError(
            _("operation {name} outside any layer").format(name=name),
            _("only {names} of two tensors of the same rank are supported").format(names=", ".join(OPERATIONS)),
            _("Use a layer for it, or return a torch nn.Module instead of a Keras model."),
        )
    return Merge(OPERATIONS[name], len(shapes[0]) + 1)
