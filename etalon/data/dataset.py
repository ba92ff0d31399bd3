"""Labelled images: a training part and a test part, their classes, and where they come from."""

import hashlib
import json
import mmap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from etalon.data.sound import check
from etalon.errors import DataError
from etalon.locales import Text, _, choose, each, language, number

if TYPE_CHECKING:
    from etalon.data.description import Description
    from etalon.figures.style import Figure

Images = NDArray[np.uint8]  # (n, h, w, c), c = 1 or 3
Labels = NDArray[np.int64]  # (n,)
PartName = Literal["train", "test"]

CHUNK = 4096  # images read at a time from a memory-mapped part


@dataclass(frozen=True, eq=False)
class Part:
    """Images and their labels.

    Attributes:
        x: uint8 (n, h, w, c), c = 1 or 3, values 0..255; may be a read-only memory map.
        y: int64 (n,), the class of each image.
    """

    x: Images
    y: Labels

    def __len__(self) -> int:
        return len(self.y)

    def __repr__(self) -> str:
        return f"Part({len(self)} images of {' x '.join(map(str, self.x.shape[1:]))})"

    def chunks(self, images: int = CHUNK) -> Iterator[tuple[Images, Labels]]:
        """The part, `images` at a time, in order."""
        for start in range(0, len(self), images):
            yield self.x[start : start + images], self.y[start : start + images]

    def __reduce__(self) -> tuple[Any, ...]:
        # A memory-mapped part travels to a worker process as a file name, not as its gigabytes.
        base: object = self.x.base  # a map itself, and not a slice of one
        if isinstance(self.x, np.memmap) and isinstance(base, mmap.mmap):
            return _reopen, (str(self.x.filename), self.y)
        return Part, (self.x, self.y)


def _reopen(path: str, y: Labels) -> Part:
    return Part(np.load(path, mmap_mode="r"), y)


@dataclass(frozen=True)
class Removal:
    """Images to leave out, by their places in each part, and what they are, with their number."""

    what: str
    train: tuple[int, ...] = ()
    test: tuple[int, ...] = ()


class Findings(Protocol):
    """What `Dataset.without` takes: `etalon.audit` and `etalon.label_errors` return some."""

    @property
    def digest(self) -> str:
        """Of the dataset that was looked at."""

    @property
    def removals(self) -> Sequence[Removal]:
        """What to leave out of it."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """A training part, a test part, their classes and their provenance.

    Attributes:
        name: what reports call it.
        train, test: the two parts, images of one and the same shape.
        classes: the names in label order, by language ("en", "fr").
        origin: one sentence, by language or in one: where the images come from, and what was done to them.
        digest: sha256 of images, labels and English class names in order; computed when left empty.

    Raises:
        DataError: images that are not uint8 (n, h, w, 1 or 3), an empty part, parts of different shapes,
            labels outside the classes, fewer than two classes, a class with fewer than two training images.
    """

    name: str
    train: Part
    test: Part
    classes: Mapping[str, tuple[str, ...]]
    origin: Text
    digest: str = ""

    def __post_init__(self) -> None:
        check(self)
        if not self.digest:
            object.__setattr__(self, "digest", digest(self.train, self.test, names=self.classes["en"]))

    def __repr__(self) -> str:
        return f"Dataset({self.name!r}, train={self.train!r}, test={self.test!r}, {self.n_classes} classes)"

    @property
    def provenance(self) -> str:
        """Where the images come from, and what was done to them, in the language in force."""
        return choose(self.origin)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(h, w, c) of every image."""
        h, w, c = self.train.x.shape[1:]
        return h, w, c

    @property
    def n_classes(self) -> int:
        return len(self.classes["en"])

    def part(self, name: str) -> Part:
        """The part called "train" or "test".

        Raises:
            DataError: another name.
        """
        if name == "train":
            return self.train
        if name == "test":
            return self.test
        raise DataError(
            _("part {name!r}").format(name=name),
            _("a dataset has two parts, train and test"),
            _('Say "train" or "test"; validation images are drawn from train by a split.'),
        )

    @cached_property
    def test_digest(self) -> str:
        """The sha256 (hex) of the test images and their labels alone: the same set whatever is learnt from."""
        return digest(self.test)

    def class_names(self, lang: str | None = None) -> tuple[str, ...]:
        """The names in label order, in `lang` or in the language in force."""
        return self.classes[lang or language()]

    def counts(self, part: PartName) -> NDArray[np.int64]:
        """Images of each class, int64 (n_classes,)."""
        return np.bincount(self.part(part).y, minlength=self.n_classes).astype(np.int64)

    def describe(self) -> "Description":
        """Types, ranges, sizes, images per class, and whether train and test have the same proportions."""
        from etalon.data.description import describe

        return describe(self)

    def show(self, n: int = 9, part: PartName = "train", *, figure: "Figure | None" = None) -> "Figure":
        """Draw the first `n` images of a part, each with its class."""
        from etalon.figures.images import grid

        shown = self.part(part)
        names = self.class_names()
        titles = [names[label] for label in shown.y[:n]]
        return grid(np.asarray(shown.x[:n]), titles, figure=figure)

    def take(self, train: int | None = None, test: int | None = None) -> "Dataset":
        """The same set with fewer images, for a quick look: the first of each class, proportions kept.

        Args:
            train: training images to keep, at least two per class; None keeps all of them.
            test: test images to keep, at least one; None keeps all of them.

        Raises:
            DataError: fewer images than that, or more than there are.
        """
        learn, held = self._first("train", train, 2), self._first("test", test, 0)

        def kept() -> str:
            told = _("Kept: {train} training and {test} test images, the first of each class.")
            return f"{self.provenance} {told.format(train=number(len(learn), 0), test=number(len(held), 0))}"

        whole = train is None and test is None
        return Dataset(self.name, learn, held, self.classes, self.origin if whole else each(kept))

    def unbalanced(self, factor: float = 10.0, *, test: bool = False) -> "Dataset":
        """A copy whose classes shrink from the first to the last, to see what imbalance does, and what mends it.

        Class c of C keeps the first factor**(-c / (C - 1)) of its images: the long tail of Cui et al. 2019,
        *Class-balanced loss based on effective number of samples*.

        Args:
            factor: what the first class keeps over what the last one keeps, at least 1.
            test: thin out the test part too; by default it stays whole, and remains comparable.

        Raises:
            DataError: a factor under 1, or one that leaves a class with fewer than two training images.
        """
        if not factor >= 1:
            raise DataError(
                _("imbalance factor {factor}").format(factor=factor),
                _("it is what the first class keeps over what the last one keeps"),
                _("Give a number of at least 1."),
            )
        shares = factor ** -np.linspace(0, 1, self.n_classes)

        def thinned() -> str:
            told = (
                _("Unbalanced on purpose in train and test: of the last class 1 image in {factor} is kept.")
                if test
                else _("Unbalanced on purpose in train: of the last class 1 image in {factor} is kept.")
            )
            return f"{self.provenance} {told.format(factor=number(factor, 0 if factor == round(factor) else 1))}"

        return Dataset(
            self.name,
            _thin(self.train, shares),
            _thin(self.test, shares) if test else self.test,
            self.classes,
            each(thinned),
        )

    def without(self, *findings: Findings) -> "Dataset":
        """The same set without the images that were found at fault, to study what they change.

        Args:
            findings: those of `etalon.audit`, which leave the test part as it is, so that accuracies remain those of
                the same images; those of `etalon.label_errors`, in both parts unless `only` says otherwise.

        Raises:
            DataError: findings about another set, or a class left with fewer than two training images.
        """
        for found in findings:
            if found.digest != self.digest:
                raise DataError(
                    _("{name}: findings about the set {digest}").format(name=self.name, digest=found.digest[:12]),
                    _("this set is {digest}: its images are not the same").format(digest=self.digest[:12]),
                    _("Look for them in this very set, and give all the findings at once."),
                )
        removals = [removal for found in findings for removal in found.removals]
        if not removals:
            return self

        def removed() -> str:
            told = _("; ").join(removal.what for found in findings for removal in found.removals)
            return " ".join([self.provenance, _("Removed: {what}.").format(what=told)])

        return Dataset(
            self.name,
            _rest(self.train, (i for removal in removals for i in removal.train)),
            _rest(self.test, (i for removal in removals for i in removal.test)),
            self.classes,
            each(removed),
        )

    def _first(self, name: PartName, n: int | None, at_least: int) -> Part:
        part = self.part(name)
        if n is None:
            return part
        if not max(1, at_least * self.n_classes) <= n <= len(part):
            asked = _("{n} training images") if name == "train" else _("{n} test images")
            raise DataError(
                asked.format(n=number(n, 0)),
                _("this part has {size} images in {classes} classes").format(
                    size=number(len(part), 0), classes=self.n_classes
                ),
                _("Ask for {low} to {high}.").format(
                    low=number(max(1, at_least * self.n_classes), 0), high=number(len(part), 0)
                ),
            )
        shares = _apportion(self.counts(name), n, at_least)
        kept = [np.flatnonzero(part.y == label)[:share] for label, share in enumerate(shares)]
        index = np.sort(np.concatenate(kept))
        return Part(np.asarray(part.x[index]), part.y[index])


def _rest(part: Part, removed: Iterable[int]) -> Part:
    """The part itself where nothing is removed."""
    kept = np.setdiff1d(np.arange(len(part)), np.fromiter(removed, np.int64))
    return part if len(kept) == len(part) else Part(np.asarray(part.x[kept]), part.y[kept])


def _thin(part: Part, shares: NDArray[np.float64]) -> Part:
    """The first images of each class, so many of each; one at least."""
    kept = []
    for label, share in enumerate(shares):
        places = np.flatnonzero(part.y == label)
        kept.append(places[: max(1, round(share * len(places)))])
    index = np.sort(np.concatenate(kept))
    return Part(np.asarray(part.x[index]), part.y[index])


def digest(*parts: Part, names: Sequence[str] = ()) -> str:
    """The sha256 (hex) of the images, the labels and the class names in order, read a chunk at a time."""
    total = hashlib.sha256()
    for part in parts:
        total.update(json.dumps([list(part.x.shape), list(names)]).encode())
        for x, _y in part.chunks():
            total.update(np.ascontiguousarray(x).data)
        total.update(np.ascontiguousarray(part.y, dtype="<i8").data)
    return total.hexdigest()


def _apportion(counts: NDArray[np.int64], n: int, at_least: int) -> list[int]:
    """`n` images shared between the classes as `counts` are, by largest remainders."""
    exact = counts * (n / counts.sum())
    shares = np.maximum(np.floor(exact).astype(int), np.minimum(at_least, counts))
    while shares.sum() < n:
        room = np.where(shares < counts, exact - shares, -np.inf)
        shares[int(np.argmax(room))] += 1
    while shares.sum() > n:
        surplus = np.where(shares > at_least, shares - exact, -np.inf)
        shares[int(np.argmax(surplus))] -= 1
    return [int(share) for share in shares]
