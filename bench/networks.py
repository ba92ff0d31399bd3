"""The networks that are trained, written once in Keras for every Keras backend and for Étalon."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

CATEGORICAL, SPARSE = "categorical_crossentropy", "sparse_categorical_crossentropy"


@dataclass(frozen=True)
class Network:
    """A model, the images it was proposed for, and how it is trained, with Adam."""

    build: Callable[..., Any]
    data: str
    loss: str
    batch_size: int


@dataclass(frozen=True)
class Variant:
    """What a variant of the mini-project changes: arguments of `cnn`, settings of the training."""

    arguments: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)


def output() -> Any:
    """The last layer, in float32 under mixed precision too, as Keras's guide has it."""
    from keras.layers import Dense

    return Dense(10, activation="softmax", dtype="float32")


def cnn(
    filters: Sequence[int] = (32, 64),
    kernel: int = 3,
    dropout: float = 0.0,
    normalised: bool = False,
    l2: float = 0.0,
) -> Any:
    """The reference of the mini-project (T4), one knob for each proposal."""
    from keras import Input, Sequential
    from keras.layers import BatchNormalization, Conv2D, Dense, Dropout, Flatten, MaxPooling2D
    from keras.regularizers import L2

    model = Sequential([Input((28, 28, 1))])
    for count in filters:
        model.add(Conv2D(count, kernel, activation="relu"))
        if normalised:
            model.add(BatchNormalization())
        model.add(MaxPooling2D(2))
    model.add(Flatten())
    model.add(Dense(128, activation="relu", kernel_regularizer=L2(l2) if l2 else None))
    if dropout:
        model.add(Dropout(dropout))
    model.add(output())
    return model


def mlp() -> Any:
    """Two hidden layers of 256 (T1.9)."""
    from keras import Input, Sequential
    from keras.layers import Dense, Flatten

    hidden = [Dense(256, activation="relu") for _ in range(2)]
    return Sequential([Input((28, 28, 1)), Flatten(), *hidden, output()])


def cifar() -> Any:
    """Three pairs of convolutions, each with its pooling and dropout, then 256 and 128 (T2.18)."""
    from keras import Input, Sequential
    from keras.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D

    model = Sequential([Input((32, 32, 3))])
    for count in (16, 32, 64):
        model.add(Conv2D(count, 3, padding="same", activation="relu"))
        model.add(Conv2D(count, 3, padding="same", activation="relu"))
        model.add(MaxPooling2D(2))
        model.add(Dropout(0.25))
    model.add(Flatten())
    for units in (256, 128):
        model.add(Dense(units, activation="relu"))
        model.add(Dropout(0.5))
    model.add(output())
    return model


NETWORKS = {
    "cnn": Network(cnn, "mnist", CATEGORICAL, 128),
    "mlp": Network(mlp, "fashion_mnist", SPARSE, 256),
    "cifar": Network(cifar, "cifar10", SPARSE, 128),
}

VARIANTS = {  # of studies/mini_projet.py, whose reasons are there
    "reference": Variant(),
    "more_filters": Variant({"filters": (64, 128)}),
    "larger_kernels": Variant({"kernel": 5}),
    "dropout": Variant({"dropout": 0.5}),
    "batch_normalisation": Variant({"normalised": True}),
    "l2_penalty": Variant({"l2": 1e-3}),
    "rmsprop": Variant(settings={"optimizer": "rmsprop"}),
    "larger_steps": Variant(settings={"learning_rate": 3e-3}),
    "small_batches": Variant(settings={"batch_size": 32}),
}
