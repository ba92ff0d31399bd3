"""What a dataset must be; each check refuses one thing that it must not."""

from typing import TYPE_CHECKING

import numpy as np

from etalon.errors import DataError
from etalon.locales import LANGUAGES, _, ngettext

if TYPE_CHECKING:
    from etalon.data.dataset import Dataset


def check(dataset: "Dataset") -> None:
    """Look at everything but the images themselves.

    Raises:
        DataError: see `Dataset`.
    """
    _check_classes(dataset)
    _check_part(dataset, "train")
    _check_part(dataset, "test")
    _check_shapes(dataset)
    _check_counts(dataset)


def _check_classes(dataset: "Dataset") -> None:
    names = dataset.classes
    if not all(lang in names for lang in LANGUAGES) or len({len(names[lang]) for lang in LANGUAGES}) != 1:
        raise DataError(
            _("{name}: classes {classes}").format(name=dataset.name, classes=dict(names)),
            _("each class needs one name in each language"),
            _('Give {{"en": (...), "fr": (...)}} of one length; the same names twice will do.').format(),
        )
    for lang in LANGUAGES:
        if len(set(names[lang])) < len(names[lang]):
            raise DataError(
                _("{name}: classes {classes}").format(name=dataset.name, classes=list(names[lang])),
                _("two classes have the same name"),
                _("Give each class a name of its own."),
            )
    if dataset.n_classes < 2:
        raise DataError(
            _("{name}: classes {classes}").format(name=dataset.name, classes=list(names["en"])),
            _("a classifier needs at least two classes"),
            _("Add the images of a second class."),
        )


def _check_part(dataset: "Dataset", name: str) -> None:
    part = dataset.part(name)
    where = f"{dataset.name}, {name}"
    if part.x.dtype != np.uint8 or part.x.ndim != 4 or part.x.shape[-1] not in (1, 3):
        raise DataError(
            _("{where}: {dtype} images of shape {shape}").format(where=where, dtype=part.x.dtype, shape=part.x.shape),
            _("a part holds uint8 images (n, h, w, c) with 1 or 3 channels"),
            _("Pass the arrays to etalon.load, which converts them."),
        )
    if part.y.ndim != 1 or part.y.dtype.kind not in "iu" or len(part.y) != len(part.x):
        raise DataError(
            _("{where}: {images} images, {dtype} labels of shape {shape}").format(
                where=where, images=len(part.x), dtype=part.y.dtype, shape=part.y.shape
            ),
            _("each image needs one whole number as its label"),
            _("Give as many integer labels as there are images."),
        )
    if len(part) == 0:
        raise DataError(where, _("the part is empty"), _("Give at least one image."))
    low, high = int(part.y.min()), int(part.y.max())
    if low < 0 or high >= dataset.n_classes:
        raise DataError(
            _("{where}: labels from {low} to {high}").format(where=where, low=low, high=high),
            _("there are {n} classes, numbered 0 to {last}").format(n=dataset.n_classes, last=dataset.n_classes - 1),
            _("Correct the labels, or name all the classes in classes=."),
        )


def _check_shapes(dataset: "Dataset") -> None:
    train, test = dataset.train.x.shape[1:], dataset.test.x.shape[1:]
    if train != test:
        raise DataError(
            _("{name}: training images {train}, test images {test}").format(name=dataset.name, train=train, test=test),
            _("both parts must have images of one height, width and number of channels"),
            _("Convert them to one shape first, or pass size= to etalon.load."),
        )


def _check_counts(dataset: "Dataset") -> None:
    counts = dataset.counts("train")
    poorest = int(np.argmin(counts))
    if counts[poorest] < 2:
        raise DataError(
            ngettext(
                "{name}: class {label} has {n} training image",
                "{name}: class {label} has {n} training images",
                int(counts[poorest]),
            ).format(name=dataset.name, label=repr(dataset.class_names()[poorest]), n=int(counts[poorest])),
            _("a class needs at least two: one to learn from, one to validate on"),
            _("Add images of this class, or leave the class out."),
        )
