"""Arrays in whatever form they come, to uint8 images and whole labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from etalon.data.dataset import Images, Labels, Part
from etalon.data.names import Classes, Given, numbered, order
from etalon.errors import DataError
from etalon.locales import Text, _, each

Pair = tuple[Any, Any]  # images and labels, as the user has them


@dataclass(frozen=True, eq=False)
class Raw:
    """Images and labels of a source, before a test part is set apart.

    Attributes:
        test: None when the source has no test part.
        notes: what was done to the values, in words.
    """

    train: Part
    test: Part | None
    classes: Classes
    notes: tuple[Text, ...] = ()


def from_arrays(pairs: Sequence[Pair], classes: Given, where: str) -> Raw:
    """One (x, y) pair, or a training and a test pair, as Keras's `load_data` returns.

    Args:
        pairs: images (n, h, w) or (n, h, w, 1 or 3), whole numbers 0..255 or floats 0..1; labels (n,), (n, 1),
            one-hot (n, k), or words.
        classes: names in label order.
        where: what errors call the source.

    Raises:
        DataError: values that are not finite or whose range is not clear, or shapes that do not fit.
    """
    xs, ys = [np.asarray(x) for x, _y in pairs], [np.asarray(y) for _x, y in pairs]
    for x, y in zip(xs, ys, strict=True):
        _check_lengths(x, y, where)
    images, note = _images(xs, where)
    labels, names = _labels(ys, classes, where)
    parts = [Part(x, y) for x, y in zip(images, labels, strict=True)]
    test = parts[1] if len(parts) > 1 else None
    return Raw(parts[0], test, names, (note,) if note else ())


def _check_lengths(x: NDArray[Any], y: NDArray[Any], where: str) -> None:
    if x.ndim == 0 or y.ndim == 0 or len(x) != len(y):
        raise DataError(
            _("{where}: images {x}, labels {y}").format(where=where, x=x.shape, y=y.shape),
            _("there must be as many labels as images"),
            _("Give (x, y), or (x_train, y_train), (x_test, y_test), in this order."),
        )
    if len(x) == 0:
        raise DataError(where, _("there is no image"), _("Give at least one image."))


def _images(xs: Sequence[NDArray[Any]], where: str) -> tuple[list[Images], Text]:
    """The images as uint8 (n, h, w, c), all converted alike, and what was done to their values."""
    xs = [_shaped(x, where) for x in xs]
    if all(x.dtype == np.bool_ for x in xs):
        return [x.astype(np.uint8) * np.uint8(255) for x in xs], each(lambda: _("true and false brought to 255 and 0"))
    for x in xs:
        if x.dtype.kind not in "uif":
            raise DataError(
                _("{where}: {dtype} images").format(where=where, dtype=x.dtype),
                _("pixels are numbers"),
                _("Give uint8 images with values 0..255."),
            )
        _check_finite(x, where)
    low, high = min(float(x.min()) for x in xs), max(float(x.max()) for x in xs)
    if all(x.dtype.kind == "f" for x in xs) and low >= 0 and high <= 1:
        return [np.rint(x * 255.0).astype(np.uint8) for x in xs], each(
            lambda: _("floats 0..1 multiplied by 255 and rounded")
        )
    _check_range(xs, low, high, where)
    return [x.astype(np.uint8, copy=False) for x in xs], ""


def _shaped(x: NDArray[Any], where: str) -> NDArray[Any]:
    shaped = x[..., None] if x.ndim == 3 else x
    if shaped.ndim != 4 or shaped.shape[-1] not in (1, 3):
        raise DataError(
            _("{where}: images of shape {shape}").format(where=where, shape=x.shape),
            _("images are (n, h, w), or (n, h, w, c) with 1 or 3 channels"),
            _("Reshape flat pixels to (n, h, w); bring channels last with x.transpose(0, 2, 3, 1)."),
        )
    return shaped


def _check_finite(x: NDArray[Any], where: str) -> None:
    if x.dtype.kind != "f":
        return
    bad = ~np.isfinite(x).reshape(len(x), -1).all(axis=1)
    if bad.any():
        raise DataError(
            _("{where}: image {first}").format(where=where, first=int(np.argmax(bad))),
            _("it holds NaN or Inf (images that do, in all: {n})").format(n=int(bad.sum())),
            _("Replace these values (np.nan_to_num), or leave the images out."),
        )


def _check_range(xs: Sequence[NDArray[Any]], low: float, high: float, where: str) -> None:
    whole = all(x.dtype.kind in "ui" or bool((x == np.rint(x)).all()) for x in xs)
    if whole and low >= 0 and high <= 255 and high != 1:
        return
    if high == 1 and low == 0:
        why = _("whole numbers 0 and 1 may be black and white, or nearly black")
    elif not whole and low >= 0 and high <= 255:
        why = _("these floats are neither in 0..1 nor whole numbers in 0..255")
    else:
        why = _("pixels are whole numbers 0..255 or floats 0..1")
    raise DataError(
        _("{where}: {dtype} images with values from {low:g} to {high:g}").format(
            where=where, dtype=xs[0].dtype, low=low, high=high
        ),
        why,
        _("Bring them to uint8 0..255 yourself, undoing any standardisation, then load them."),
    )


def _labels(ys: Sequence[NDArray[Any]], given: Given, where: str) -> tuple[list[Labels], Classes]:
    flat = [_flat(y, where) for y in ys]
    if all(y.dtype.kind in "US" for y in flat):
        words = [y.astype(str) for y in flat]
        found, names = order(given, {str(word) for y in words for word in np.unique(y)}, where)
        sorter = np.argsort(found)
        at = [np.searchsorted(found, y, sorter=sorter) for y in words]
        return [sorter[i].astype(np.int64) for i in at], names
    labels = [_whole(y, where) for y in flat]
    low, high = min(int(y.min()) for y in labels), max(int(y.max()) for y in labels)
    if low > 0:
        raise DataError(
            _("{where}: labels from {low} to {high}").format(where=where, low=low, high=high),
            _("they begin at 0"),
            _("Give y - {low}.").format(low=low),
        )
    return labels, numbered(given, high + 1)


def _flat(y: NDArray[Any], where: str) -> NDArray[Any]:
    """Labels (n,) from (n,), (n, 1) or one-hot (n, k)."""
    if y.dtype == object:
        y = y.astype(str)
    if y.ndim == 1:
        return y
    if y.ndim == 2 and y.shape[1] == 1:
        return y[:, 0]
    if y.ndim == 2 and y.dtype.kind in "uifb" and np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all():
        return y.nonzero()[1]
    raise DataError(
        _("{where}: labels of shape {shape}").format(where=where, shape=y.shape),
        _("labels are (n,), (n, 1), or one-hot (n, classes) with a single 1 in each row"),
        _("Give one whole number or one word per image."),
    )


def _whole(y: NDArray[Any], where: str) -> Labels:
    if y.dtype.kind not in "uifb" or not np.isfinite(y).all() or (y != np.rint(y)).any() or y.min() < 0:
        raise DataError(
            _("{where}: {dtype} labels, the first of them {first}").format(
                where=where, dtype=y.dtype, first=y[:3].tolist()
            ),
            _("labels are the whole numbers 0 to classes - 1, or words"),
            _("Number the classes from 0."),
        )
    return y.astype(np.int64)
