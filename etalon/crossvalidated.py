"""Label errors of a dataset, from a small study of its own: k folds of one ready-made network."""

from pathlib import Path
from typing import Any

import numpy as np

from etalon.data.dataset import Dataset
from etalon.data.load import load
from etalon.data.mislabelled import LabelErrors, mislabelled
from etalon.locales import _
from etalon.workbench import Study

FOLDS, BATCH = 5, 128
EPOCHS, STEPS, MOST_EPOCHS = 5, 1000, 50  # a small set gets more epochs, so that the network takes as many steps
LAST = 8  # pixels: blocks of convolution and pooling follow one another while the image is at least as large
FILTERS, MOST = 32, 128


def label_errors(
    data: Any = "mnist",
    *,
    folds: int = FOLDS,
    epochs: int | None = None,
    store: str | Path | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> LabelErrors:
    """Train `folds` networks, and list the labels that they contradict.

    Each training image is judged by the one network that has not learnt from it, each test image by the mean of all.
    This opens the test part, which the store writes down.

    Args:
        data: anything that `etalon.load` takes.
        epochs: of each training; by default five, and more for small sets.
        store, workers, progress: as for a `Study`; what has been trained before is not trained again.
    """
    dataset = load(data)
    steps = -(-len(dataset.train) * (folds - 1) // (folds * BATCH))  # in one epoch
    epochs = epochs or min(max(EPOCHS, STEPS // steps), MOST_EPOCHS)
    result = _study(dataset, folds, epochs, store).run(workers=workers, progress=progress)
    validation, test = result.reference.predictions, result.test().reference.predictions
    train = np.empty((len(dataset.train), dataset.n_classes), np.float32)
    for index, probabilities in zip(validation.index, validation.probabilities, strict=True):
        train[index] = probabilities
    return mislabelled(dataset, train, np.mean(test.probabilities, axis=0))


def _study(dataset: Dataset, folds: int, epochs: int, store: str | Path | None) -> Study:
    title = _("Label errors of {name}").format(name=dataset.name)
    study = Study(title, data=dataset, folds=folds, epochs=epochs, batch_size=BATCH, store=store)

    @study.reference
    def judge() -> Any:
        from keras import Input, Sequential, layers

        blocks, side, filters = [], min(dataset.image_shape[:2]), FILTERS
        while side >= LAST:
            blocks += [layers.Conv2D(filters, 3, padding="same", activation="relu"), layers.MaxPooling2D(2)]
            side, filters = side // 2, min(2 * filters, MOST)
        return Sequential(
            [
                Input(dataset.image_shape),
                *blocks,
                layers.Flatten(),
                layers.Dense(128, activation="relu"),
                layers.Dense(dataset.n_classes, activation="softmax"),
            ]
        )

    return study
