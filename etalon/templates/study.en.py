"""A first study: a reference, two variants. Run it with: etalon run THIS_FILE.py"""

import etalon
from keras import Input, Sequential, layers

study = etalon.Study(
    "My first study",
    data="digits",  # or "mnist", "fashion_mnist", "cifar10", a folder with one folder a class, an archive, a .npz
    seeds=5,
    epochs=10,
    batch_size=32,
)


@study.reference
def reference(dropout=0.0, neurons=64):
    model = Sequential(
        [
            Input((8, 8, 1)),  # height, width, channels of your images
            layers.Flatten(),
            layers.Dense(neurons, activation="relu"),
            layers.Dropout(dropout),
            layers.Dense(10, activation="softmax"),  # as many neurons as classes
        ]
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@study.variant(because="the hidden layer is small", neurons=256)
def wider(neurons):
    return reference(neurons=neurons)


@study.variant(because="a larger step goes further", learning_rate=3e-3)
def larger_steps():
    return reference()
