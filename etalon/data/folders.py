"""Image files, sorted by class or listed in a table, decoded once into the cache."""

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from etalon.data import cache
from etalon.data.containers import Container
from etalon.data.dataset import CHUNK, Images, PartName
from etalon.data.images import Size, decode
from etalon.data.listing import Listing
from etalon.data.names import Given, order
from etalon.data.splits import HoldOut, divide
from etalon.errors import DataError
from etalon.locales import _, ngettext, number

NAMED = 10  # files that are not images, in a refusal

Rows = dict[PartName, NDArray[np.int64]]  # the files of each part, in order
Places = dict[str, list[tuple[PartName, int]]]  # file -> the rows it fills; a table may list a file twice


def read(
    container: Container,
    list_files: Callable[[], Listing],
    *,
    size: Size | None,
    classes: Given,
    test: float,
    seed: int,
    root: Path | None,
    rows: object = None,
) -> cache.Decoded:
    """Decode a container's images into the cache, or open what is there already.

    Args:
        container: where the files are.
        list_files: which they are; asked for only when they have not been decoded before.
        size, classes, test, seed: as in `etalon.data.load.load`.
        root: the cache; None for the default one.
        rows: what else decides the result (the lines of a table).

    `meta` says "classes" (by language, in label order), "held_out" (whether the test part was drawn here)
    and "validation" and "ignored" (see `Listing`).

    Raises:
        DataError: files that are not images, a class too small for a test part to be drawn, sizes that differ while
            `size` is None, or classes that are not those of the source.
    """

    def build(folder: Path) -> cache.Meta:
        listing = list_files()
        found, names = order(classes, set(listing.classes), str(container.path))
        if not listing.parts:
            _check_room(listing, container.path)
        label = {name: i for i, name in enumerate(found)}
        y = np.array([label[name] for name in listing.classes], np.int64)
        parts = np.array(listing.parts or _held_out(y, test, seed))
        rows: Rows = {"train": np.flatnonzero(parts == "train"), "test": np.flatnonzero(parts == "test")}
        _decode(container, listing, rows, folder, size)
        for part, index in rows.items():
            np.save(folder / f"y_{part}.npy", y[index])
        told = {"held_out": not listing.parts, "validation": listing.validation, "ignored": listing.ignored}
        return {"classes": names, **told}

    settings = {"size": size, "classes": classes, "test": test, "seed": seed, "rows": rows}
    return cache.decoded(root, cache.key(container.path, container.stamps(), **settings), build)


def _check_room(listing: Listing, where: Path) -> None:
    """Before the test part is drawn, class by class."""
    name, n = min(Counter(listing.classes).items(), key=lambda item: item[1])
    if n < 2:
        raise DataError(
            ngettext("{where}: class {name!r} with {n} image", "{where}: class {name!r} with {n} images", n).format(
                where=where, name=name, n=n
            ),
            _("the source has no test part: one is drawn from the images of each class, which takes two of each"),
            _("Add images of this class, leave it out, or arrange the images in the folders train and test."),
        )


def _held_out(y: NDArray[np.int64], share: float, seed: int) -> list[PartName]:
    parts: list[PartName] = ["train"] * len(y)
    for i in divide(HoldOut(share), y, seed)[1]:
        parts[i] = "test"
    return parts


def _decode(container: Container, listing: Listing, rows: Rows, folder: Path, size: Size | None) -> None:
    """Read the files in the container's order, and put each where it belongs."""
    places: Places = defaultdict(list)
    for part, index in rows.items():
        for row, i in enumerate(index):
            places[listing.names[i]].append((part, row))
    writer = _Writer(folder, {part: len(index) for part, index in rows.items()})
    refused: list[DataError] = []
    for name, data in container.read(list(places)):
        where = os.path.join(container.path, name)
        try:
            pixels = decode(data, where, size)
        except DataError as error:
            refused.append(error)
            continue
        if not refused:
            writer.put(pixels, where, places[name])
    writer.close()
    if len(refused) == 1:
        raise refused[0]
    if refused:
        listed = ", ".join(error.received for error in refused[:NAMED]) + (", …" if len(refused) > NAMED else "")
        raise DataError(
            _("{n} files: {names}").format(n=number(len(refused), 0), names=listed),
            _("these are not images that can be read"),
            _("Remove the files, or replace them by PNG or JPEG files."),
        )


class _Writer:
    """Two memory maps, made when the first image shows their shape, widened when the first colour comes."""

    def __init__(self, folder: Path, sizes: Mapping[PartName, int]) -> None:
        self.folder, self.sizes = folder, sizes
        self.x: dict[PartName, Images] = {}
        self.first = ""

    def put(self, pixels: NDArray[np.uint8], where: str, places: Sequence[tuple[PartName, int]]) -> None:
        if not self.x:
            self.first = where
            self.x = {part: cache.allocate(self.folder, part, (n, *pixels.shape)) for part, n in self.sizes.items()}
        shape = self.x["train"].shape[1:]
        if pixels.shape[:2] != shape[:2]:
            raise DataError(
                _("{a} is {ha}×{wa}, {b} is {hb}×{wb}").format(
                    a=self.first, ha=shape[0], wa=shape[1], b=where, hb=pixels.shape[0], wb=pixels.shape[1]
                ),
                _("images must all have one size (height×width)"),
                _("Pass size=({h}, {w}) or another to etalon.load.").format(h=shape[0], w=shape[1]),
            )
        if pixels.shape[2] > shape[2]:
            self.x = {part: self._widened(part) for part in self.x}
        for part, row in places:
            self.x[part][row] = pixels

    def close(self) -> None:
        for x in self.x.values():
            x.flush()  # type: ignore[attr-defined]  # a memory map
        self.x = {}

    def _widened(self, part: PartName) -> Images:
        """The rows written so far, grey, in a new map of three channels that takes the old one's name."""
        grey = self.x[part]
        final, aside = (self.folder / f"{name}_{part}.npy" for name in ("x", "grey"))
        os.rename(final, aside)
        colour = cache.allocate(self.folder, part, (*grey.shape[:3], 3))
        for start in range(0, len(grey), CHUNK):
            colour[start : start + CHUNK] = grey[start : start + CHUNK]
        os.remove(aside)
        return colour
