"""The convolutional network of the practicals: one knob for each thing that they change."""

from keras import Input, Sequential
from keras.layers import BatchNormalization, Conv2D, Dense, Dropout, Flatten, MaxPooling2D


def network(
    image,
    stages,
    dense=(256, 128),
    padding="valid",
    activation="relu",
    pooling_dropout=0.0,
    dense_dropout=0.0,
    normalised=False,
):
    """Stages of convolutions, each closed by a pooling that halves the map, then dense layers.

    `image` is (height, width, channels); a stage is a list of (filters, kernel size).
    """
    model = Sequential([Input(image)])
    for stage in stages:
        for filters, size in stage:
            model.add(Conv2D(filters, size, padding=padding, activation=activation))
        if normalised:
            model.add(BatchNormalization())
        model.add(MaxPooling2D(2))
        if pooling_dropout:
            model.add(Dropout(pooling_dropout))
    model.add(Flatten())
    for units in dense:
        model.add(Dense(units, activation=activation))
        if normalised:
            model.add(BatchNormalization())
        if dense_dropout:
            model.add(Dropout(dense_dropout))
    model.add(Dense(10, activation="softmax"))
    return model
