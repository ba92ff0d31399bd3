"""Une première étude : une référence, deux variantes. À lancer par : etalon run CE_FICHIER.py"""

import etalon
from keras import Input, Sequential, layers

study = etalon.Study(
    "Ma première étude",
    data="digits",  # ou "mnist", "fashion_mnist", "cifar10", un dossier d'images par classe, une archive, un .npz
    seeds=5,
    epochs=10,
    batch_size=32,
)


@study.reference
def reference(dropout=0.0, neurons=64):
    model = Sequential(
        [
            Input((8, 8, 1)),  # hauteur, largeur, canaux de vos images
            layers.Flatten(),
            layers.Dense(neurons, activation="relu"),
            layers.Dropout(dropout),
            layers.Dense(10, activation="softmax"),  # autant de neurones que de classes
        ]
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@study.variant(because="la couche cachée est petite", neurons=256)
def wider(neurons):
    return reference(neurons=neurons)


@study.variant(because="un pas plus grand avance plus vite", learning_rate=3e-3)
def larger_steps():
    return reference()
