"""How training images are divided between learning and validation."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from etalon.errors import DataError
from etalon.locales import _, ngettext

Index = NDArray[np.int64]


@dataclass(frozen=True)
class HoldOut:
    """A new random share for each seed, the same for all variants.

    Attributes:
        fraction: share of the images set apart for validation, between 0 and 1.
        stratified: keep the proportions of the classes.
    """

    fraction: float = 0.2
    stratified: bool = True

    def __post_init__(self) -> None:
        _check_fraction(self.fraction)


@dataclass(frozen=True)
class Fixed:
    """The last images, the same for every seed: Keras's `validation_split`."""

    fraction: float = 0.2

    def __post_init__(self) -> None:
        _check_fraction(self.fraction)


@dataclass(frozen=True)
class KFold:
    """Stratified folds, the same for all; seed s validates on fold s and learns from the others."""

    folds: int

    def __post_init__(self) -> None:
        if self.folds < 2:
            raise DataError(
                _("folds: {n}").format(n=self.folds),
                _("one fold is validated on while the others are learnt from"),
                _("Ask for at least two folds."),
            )


Split = HoldOut | Fixed | KFold


def overlap(split: Split) -> float:
    """Validation images / training images, where each seed divides the images otherwise; 0 where all do so alike."""
    match split:
        case HoldOut():
            return split.fraction / (1 - split.fraction)
        case Fixed():
            return 0.0
        case KFold():
            return 1 / (split.folds - 1)


def divide(split: Split, y: NDArray[np.int64], seed: int) -> tuple[Index, Index]:
    """The images to learn from and those to validate on.

    Args:
        split: how to divide.
        y: the labels of the training images, (n,).
        seed: the seed of the trial.

    Returns:
        Two sorted int64 index arrays, disjoint, which together cover 0..n-1.

    Raises:
        DataError: a class with too few images for this split, or a seed beyond the folds.
    """
    match split:
        case HoldOut():
            learn, validate = _hold_out(split, y, seed)
        case Fixed():
            at = math.floor(len(y) * (1 - split.fraction))  # as keras.src.trainers.data_adapters does
            learn, validate = np.arange(at), np.arange(at, len(y))
        case KFold():
            learn, validate = _fold(split, y, seed)
    _check_classes(split, y, learn, validate)
    return np.sort(learn).astype(np.int64), np.sort(validate).astype(np.int64)


def _hold_out(split: HoldOut, y: NDArray[np.int64], seed: int) -> tuple[Index, Index]:
    if not split.stratified:
        order = np.random.RandomState(seed).permutation(len(y))
        held = math.ceil(len(y) * split.fraction)
        return order[held:], order[:held]
    counts = np.unique(y, return_counts=True)[1]
    _check_room(y, 2, split)
    held = math.ceil(len(y) * split.fraction)
    if min(held, len(y) - held) < len(counts):
        raise DataError(
            _("{n} images of {classes} classes (to validate on: {held})").format(
                n=len(y), classes=len(counts), held=held
            ),
            _("each side needs at least one image of each class"),
            _("Give more images, or another share."),
        )
    from sklearn.model_selection import StratifiedShuffleSplit

    splitter = StratifiedShuffleSplit(1, test_size=held, random_state=seed)
    learn, validate = next(splitter.split(np.zeros(len(y)), y))
    return learn, validate


def _fold(split: KFold, y: NDArray[np.int64], seed: int) -> tuple[Index, Index]:
    if not 0 <= seed < split.folds:
        raise DataError(
            _("seed {seed} with {folds} folds").format(seed=seed, folds=split.folds),
            _("seed s validates on fold s, and the folds are numbered 0 to {last}").format(last=split.folds - 1),
            _("Use the seeds 0 to {last}, or a HoldOut split.").format(last=split.folds - 1),
        )
    _check_room(y, split.folds, split)
    from sklearn.model_selection import StratifiedKFold

    splitter = StratifiedKFold(split.folds, shuffle=True, random_state=0)
    learn, validate = list(splitter.split(np.zeros(len(y)), y))[seed]
    return learn, validate


def _check_fraction(fraction: float) -> None:
    if not 0 < fraction < 1:
        raise DataError(
            _("validation share {fraction}").format(fraction=fraction),
            _("it is a share of the training images, strictly between 0 and 1"),
            _("Say 0.2 for one image in five."),
        )


def _check_room(y: NDArray[np.int64], least: int, split: Split) -> None:
    labels, counts = np.unique(y, return_counts=True)
    poorest = int(np.argmin(counts))
    if counts[poorest] < least:
        raise DataError(
            ngettext(
                "class {label} with {n} image, divided by {split}",
                "class {label} with {n} images, divided by {split}",
                int(counts[poorest]),
            ).format(label=int(labels[poorest]), n=int(counts[poorest]), split=split),
            _("this split needs at least {least} images of each class").format(least=least),
            _("Add images of this class, leave it out, or divide otherwise."),
        )


def _check_classes(split: Split, y: NDArray[np.int64], learn: Index, validate: Index) -> None:
    present = np.unique(y)
    stratified = isinstance(split, KFold) or (isinstance(split, HoldOut) and split.stratified)
    sides = [(_("to learn from"), learn)] + ([(_("to validate on"), validate)] if stratified else [])
    for side, index in sides:
        missing = np.setdiff1d(present, y[index])
        if len(missing):
            raise DataError(
                _("{split} on {n} images").format(split=split, n=len(y)),
                _("it leaves class {label} with no image {side}").format(label=int(missing[0]), side=side),
                _("Add images of this class, change the share, or use a stratified HoldOut."),
            )
    if not len(validate):
        raise DataError(
            _("{split} on {n} images").format(split=split, n=len(y)),
            _("it leaves no image to validate on"),
            _("Give more images, or a larger share."),
        )
