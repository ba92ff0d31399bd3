"""Images that are there more than once: the same bytes, or nearly the same picture.

What counts as nearly the same is read from the set itself. Around an image, the distance to the nearest neighbour over
that to the k-th one follows a known law if the neighbours are there by chance, in a space of m dimensions:
P(ratio < r) = 1 - (1 - r**m)**(k - 1), since the k - 1 nearer ones are uniform in the volume of the ball (Levina and
Bickel 2004 and Facco et al. 2017 estimate m so). A pair is reported when its ratio is so small that chance would give
one such image in the whole set, and never above a half.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from etalon.data.dataset import Dataset, Part, PartName

NEIGHBOURS = 10  # the k of the law: a picture that is there more than k times escapes it
CEILING = 0.5
SIDE = {1: 14, 3: 8}  # of the shrunk images, by channels: 196 or 192 numbers each
FAINT = 2.0  # grey levels: an image whose standard deviation is below shows nothing
BUDGET = 1 << 24  # bytes of images shrunk at a time
GROUP, SHEET = 64, 1 << 27  # points in a group; bytes of the sheet of cosines that is looked at at a time


class Place(NamedTuple):
    """An image: its part and its place there."""

    part: PartName
    at: int


@dataclass(frozen=True)
class Duplicates:
    """Images that are the same, byte for byte.

    Attributes:
        train, test: their places in each part.
        labels: the distinct labels they carry, sorted.
    """

    train: tuple[int, ...]
    test: tuple[int, ...]
    labels: tuple[int, ...]

    @property
    def conflict(self) -> bool:
        """Whether the same image carries different labels."""
        return len(self.labels) > 1

    @property
    def places(self) -> tuple[Place, ...]:
        """All of them, those of train first."""
        return (*(Place("train", i) for i in self.train), *(Place("test", i) for i in self.test))


@dataclass(frozen=True)
class Pair:
    """Two images that resemble each other.

    Attributes:
        first, second: where they are; train before test.
        labels: the label of each.
        ratio: their distance over that to the tenth neighbour, the smaller of the two ways; 0 for the same bytes.
    """

    first: Place
    second: Place
    labels: tuple[int, int]
    ratio: float

    @property
    def across(self) -> bool:
        """Whether one is in train and the other in test."""
        return self.first.part != self.second.part

    def within(self, part: PartName) -> bool:
        """Whether both are in this part."""
        return self.first.part == self.second.part == part


@dataclass(frozen=True)
class NearDuplicates:
    """Pairs that are nearly the same picture, but not the same bytes.

    Attributes:
        pairs: the most alike first.
        threshold: the ratio under which a pair is reported; 0 where there were too few images to compare.
        dimension: of the images as a cloud of points, estimated from the median ratio.
    """

    pairs: tuple[Pair, ...]
    threshold: float
    dimension: float


def exact(dataset: Dataset) -> tuple[Duplicates, ...]:
    """Every group of identical images, over both parts."""
    places: dict[bytes, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for side, part in enumerate((dataset.train, dataset.test)):
        for i, image in enumerate(_hashes(part)):
            places[image][side].append(i)
    return tuple(
        Duplicates(tuple(train), tuple(test), _labels(dataset, train, test))
        for train, test in places.values()
        if len(train) + len(test) > 1
    )


def near(dataset: Dataset, known: Iterable[Duplicates] = ()) -> NearDuplicates:
    """The pairs of images far closer to each other than neighbours are.

    Images are shrunk by block means, centred and divided by their norm, so that brightness and contrast do not count;
    then all are compared with all, in time that grows with the square of their number. Finds the same picture
    recompressed, lighter or darker, with another tint, slightly moved or scaled; not mirrored, turned or cropped ones.

    Args:
        dataset: both parts are looked at together.
        known: identical images, as `exact` found them; only the first of each group is compared.
    """
    descriptors = np.concatenate([_descriptors(dataset.train), _descriptors(dataset.test)])
    comparable: NDArray[np.bool_] = np.any(descriptors, axis=1)
    n_train = len(dataset.train)
    for group in known:
        comparable[[place.at + (n_train if place.part == "test" else 0) for place in group.places[1:]]] = False
    rows = np.flatnonzero(comparable)
    if len(rows) <= 2 * NEIGHBOURS:
        return NearDuplicates((), 0.0, float("nan"))
    distances, neighbours = nearest(descriptors[rows], NEIGHBOURS)
    scale = distances[:, -1:]
    ratios = np.divide(distances[:, :-1], scale, out=np.zeros_like(distances[:, :-1]), where=scale > 0)
    dimension = intrinsic_dimension(ratios[:, 0])
    threshold = min(CEILING, chance_ratio(len(rows), dimension))
    found: dict[tuple[int, int], float] = {}
    for i, k in zip(*np.nonzero(ratios < threshold), strict=True):
        first, second = sorted((int(rows[i]), int(rows[neighbours[i, k]])))
        ratio = float(ratios[i, k])
        found[first, second] = min(ratio, found.get((first, second), ratio))
    pairs = [_pair(dataset, first, second, ratio) for (first, second), ratio in found.items()]
    return NearDuplicates(tuple(sorted(pairs, key=lambda pair: pair.ratio)), threshold, dimension)


def nearest(points: NDArray[np.float32], k: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Distances to the k nearest among the others, and which they are, the nearest first: (n, k) both.

    All points are compared with all. One of the k nearest is in one of the k groups whose own nearest points are the
    nearest, so that only these groups are sorted.

    Args:
        points: (n, d), of norm 1, more of them than k.
    """
    n = len(points)
    groups = max(-(-n // GROUP), k)
    padded = np.zeros((GROUP * groups, points.shape[1]), np.float32)
    padded[:n] = points
    distances, neighbours = np.empty((n, k)), np.empty((n, k), np.int64)
    for here in np.array_split(np.arange(n), -(-4 * n * len(padded) // SHEET)):
        cosines = points[here] @ padded.T
        cosines[:, n:] = -np.inf
        cosines[np.arange(len(here)), here] = -np.inf
        sheet = cosines.reshape(len(here), GROUP, groups)  # a group is a column
        columns = np.argpartition(-sheet.max(axis=1), k - 1, axis=1)[:, :k]
        some = np.take_along_axis(sheet, columns[:, None, :], axis=2).reshape(len(here), -1)
        places = (np.arange(GROUP)[:, None] * groups + columns[:, None, :]).reshape(len(here), -1)
        found = np.take_along_axis(places, np.argpartition(-some, k - 1, axis=1)[:, :k], axis=1)
        apart = np.linalg.norm(points[here][:, None, :].astype(np.float64) - points[found], axis=2)
        order = np.argsort(apart, axis=1, kind="stable")
        distances[here] = np.take_along_axis(apart, order, axis=1)
        neighbours[here] = np.take_along_axis(found, order, axis=1)
    return distances, neighbours


def intrinsic_dimension(ratios: NDArray[np.floating]) -> float:
    """The m of the law from the median of the ratios nearest / k-th distance, k = `NEIGHBOURS`.

    The median bears up to half of the images having a duplicate.
    """
    median = min(max(float(np.median(ratios)), 1e-6), 1 - 1e-6)
    return float(np.log(1 - 0.5 ** (1 / (NEIGHBOURS - 1))) / np.log(median))


def chance_ratio(n: int, dimension: float) -> float:
    """The ratio below which one of `n` images falls by chance: n (k - 1) r**m = 1."""
    return float((n * (NEIGHBOURS - 1)) ** (-1 / dimension))


def _descriptors(part: Part) -> NDArray[np.float32]:
    """float32 (n, d), each row of norm 1, or 0 where the image shows nothing."""
    _n, h, w, c = part.x.shape
    side = SIDE[c]
    rows = []
    for x, _y in part.chunks(max(1, BUDGET // (h * w * c))):
        small = _block_means(_block_means(x, 1, side), 2, side).reshape(len(x), -1)
        small -= small.mean(axis=1, keepdims=True)
        norm = np.linalg.norm(small, axis=1, keepdims=True)
        shows = norm > FAINT * small.shape[1] ** 0.5
        rows.append(np.divide(small, norm, out=np.zeros_like(small), where=shows))
    return np.concatenate(rows)


def _block_means(x: NDArray[np.generic], axis: int, side: int) -> NDArray[np.float32]:
    """Means of `side` blocks along an axis, or of single pixels where there are fewer."""
    size = x.shape[axis]
    starts = np.arange(min(side, size)) * size // min(side, size)
    shape = [1] * x.ndim
    shape[axis] = -1
    widths = np.diff(starts, append=size).reshape(shape).astype(np.float32)
    means: NDArray[np.float32] = np.add.reduceat(x, starts, axis=axis, dtype=np.float32) / widths
    return means


def _pair(dataset: Dataset, first: int, second: int, ratio: float) -> Pair:
    n = len(dataset.train)
    places = [Place("train", i) if i < n else Place("test", i - n) for i in (first, second)]
    labels = [int(dataset.part(place.part).y[place.at]) for place in places]
    return Pair(places[0], places[1], (labels[0], labels[1]), ratio)


def _hashes(part: Part) -> list[bytes]:
    return [
        hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=16).digest()
        for x, _y in part.chunks()
        for image in x
    ]


def _labels(dataset: Dataset, train: list[int], test: list[int]) -> tuple[int, ...]:
    labels = {*dataset.train.y[train].tolist(), *dataset.test.y[test].tolist()}
    return tuple(sorted(int(label) for label in labels))
