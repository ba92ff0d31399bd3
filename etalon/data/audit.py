"""What may be wrong with a dataset before any model is trained on it."""

import hashlib
from collections import defaultdict
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from etalon.data.dataset import Dataset, Part
from etalon.locales import _, ngettext, number, p_value

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 10  # images named in a table; to_json names them all


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


@dataclass(frozen=True)
class Audit:
    """The findings.

    Attributes:
        imbalance: training images of the largest class / of the smallest.
        p: chi-square test of the training counts against equal classes (`scipy.stats.chisquare`).
        constant_train, constant_test: images of one single value throughout.
        duplicates: every group of identical images, over both parts.
    """

    name: str
    imbalance: float
    p: float
    constant_train: tuple[int, ...]
    constant_test: tuple[int, ...]
    duplicates: tuple[Duplicates, ...]

    @property
    def within_train(self) -> tuple[Duplicates, ...]:
        """The groups with at least two training images."""
        return tuple(group for group in self.duplicates if len(group.train) > 1)

    @property
    def within_test(self) -> tuple[Duplicates, ...]:
        """The groups with at least two test images."""
        return tuple(group for group in self.duplicates if len(group.test) > 1)

    @property
    def across(self) -> tuple[Duplicates, ...]:
        """The groups that stand in both parts: test images that are learnt by heart."""
        return tuple(group for group in self.duplicates if group.train and group.test)

    @property
    def conflicts(self) -> tuple[Duplicates, ...]:
        """The groups whose images carry different labels."""
        return tuple(group for group in self.duplicates if group.conflict)

    def frame(self) -> "pd.DataFrame":
        """One row per check: how many images or groups, and the first of them."""
        import pandas as pd

        rows = [
            (_("constant images in train"), len(self.constant_train), _listed(self.constant_train)),
            (_("constant images in test"), len(self.constant_test), _listed(self.constant_test)),
            (_("identical images within train"), len(self.within_train), _groups(self.within_train)),
            (_("identical images within test"), len(self.within_test), _groups(self.within_test)),
            (_("images of test that are also in train"), len(self.across), _groups(self.across)),
            (_("identical images with different labels"), len(self.conflicts), _groups(self.conflicts)),
        ]
        return pd.DataFrame(rows, columns=[_("check"), _("found"), _("first")])

    def to_json(self) -> dict[str, Any]:
        """Every finding as plain JSON values."""
        return {
            "name": self.name,
            "imbalance": self.imbalance,
            "p": self.p,
            "constant": {"train": list(self.constant_train), "test": list(self.constant_test)},
            "duplicates": [
                {"train": list(group.train), "test": list(group.test), "labels": list(group.labels)}
                for group in self.duplicates
            ],
        }

    def _balance(self) -> str:
        return _("Largest class over smallest: {ratio} (chi-square against equal classes, {p}).").format(
            ratio=number(self.imbalance), p=p_value(self.p)
        )

    def _verdict(self) -> str:
        found = len(self.constant_train) + len(self.constant_test) + len(self.duplicates)
        if not found:
            return _("No constant image and no duplicate.")
        return ngettext(
            "{n} thing to look at before training.", "{n} things to look at before training.", found
        ).format(n=found)

    def __str__(self) -> str:
        table = self.frame().to_string(index=False)
        return "\n".join([self.name, self._balance(), "", table, "", self._verdict()])

    def _repr_html_(self) -> str:
        table = self.frame().to_html(index=False)
        lines = "<br>".join(escape(line) for line in (self._balance(), self._verdict()))
        return f"<h4>{escape(self.name)}</h4><p>{lines}</p>{table}"


def audit(dataset: Dataset) -> Audit:
    """Look for unbalanced classes, constant images, and images present more than once.

    Identical means the same bytes; images that merely resemble each other are not looked for.
    """
    from scipy.stats import chisquare

    counts = dataset.counts("train")
    return Audit(
        name=dataset.name,
        imbalance=float(counts.max() / counts.min()),
        p=float(chisquare(counts).pvalue),
        constant_train=_constant(dataset.train),
        constant_test=_constant(dataset.test),
        duplicates=_duplicates(dataset),
    )


def _constant(part: Part) -> tuple[int, ...]:
    flat = [x.reshape(len(x), -1).min(axis=1) == x.reshape(len(x), -1).max(axis=1) for x, _y in part.chunks()]
    return tuple(int(i) for i in np.flatnonzero(np.concatenate(flat)))


def _duplicates(dataset: Dataset) -> tuple[Duplicates, ...]:
    places: dict[bytes, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for side, part in enumerate((dataset.train, dataset.test)):
        for i, image in enumerate(_hashes(part)):
            places[image][side].append(i)
    return tuple(
        Duplicates(tuple(train), tuple(test), _labels(dataset, train, test))
        for train, test in places.values()
        if len(train) + len(test) > 1
    )


def _hashes(part: Part) -> list[bytes]:
    return [
        hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=16).digest()
        for x, _y in part.chunks()
        for image in x
    ]


def _labels(dataset: Dataset, train: list[int], test: list[int]) -> tuple[int, ...]:
    labels = {*dataset.train.y[train].tolist(), *dataset.test.y[test].tolist()}
    return tuple(sorted(int(label) for label in labels))


def _listed(images: tuple[int, ...]) -> str:
    return ", ".join(map(str, images[:SHOWN])) + (" …" if len(images) > SHOWN else "")


def _groups(groups: tuple[Duplicates, ...]) -> str:
    train, test = _("train"), _("test")
    shown = [
        " = ".join([*(f"{train} {i}" for i in group.train), *(f"{test} {i}" for i in group.test)])
        for group in groups[:3]
    ]
    return _("; ").join(shown) + (" …" if len(groups) > len(shown) else "")
