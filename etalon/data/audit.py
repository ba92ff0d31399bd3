"""What may be wrong with a dataset before any model is trained on it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from etalon.data.balance import Balance, balance
from etalon.data.dataset import Dataset, Part, Removal
from etalon.data.description import nothing_known
from etalon.data.duplicates import FAINT, Duplicates, NearDuplicates, Pair, Place, exact, near
from etalon.locales import _, ngettext, number

if TYPE_CHECKING:
    import pandas as pd

    from etalon.figures.style import Figure

Where = Literal["across", "train", "test"]
VERSION = 1  # raised when the same images would no longer give the same findings
SHOWN, PAIRS_SHOWN = 10, 3  # images and pairs named in a table; to_json names them all


@dataclass(frozen=True, eq=False)
class Audit:
    """The findings.

    Attributes:
        sizes: of the classes, in train.
        constant_train, constant_test: images of one single value throughout.
        faint_train, faint_test: others whose pixels have a standard deviation below two grey levels.
        duplicates: every group of identical images, over both parts.
        near: pairs of images that are nearly the same.
    """

    dataset: Dataset
    sizes: Balance
    constant_train: tuple[int, ...]
    constant_test: tuple[int, ...]
    faint_train: tuple[int, ...]
    faint_test: tuple[int, ...]
    duplicates: tuple[Duplicates, ...]
    near: NearDuplicates

    @property
    def name(self) -> str:
        """Of the dataset."""
        return self.dataset.name

    @property
    def digest(self) -> str:
        """Of the dataset."""
        return self.dataset.digest

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

    @cached_property
    def pairs(self) -> tuple[Pair, ...]:
        """Identical images, as pairs with the first of their group, then the near duplicates, the most alike first."""
        return (*(pair for group in self.duplicates for pair in self._identical(group)), *self.near.pairs)

    @property
    def removals(self) -> tuple[Removal, ...]:
        """Training images to leave out; the test part stays as published.

        Images without content; those that are in test too, or nearly; of those that are several times in train, all
        but the first, and the first too if their labels differ. Each image is counted once, in that order.
        """
        empty = {*self.constant_train, *self.faint_train}
        leaked = {pair.first.at for pair in self.pairs if pair.across} - empty
        repeated = set(_repeated([pair for pair in self.pairs if pair.within("train")])) - empty - leaked
        told = [
            (ngettext("{n} training image without content", "{n} training images without content", len(empty)), empty),
            (
                ngettext(
                    "{n} training image that is also in test, or nearly",
                    "{n} training images that are also in test, or nearly",
                    len(leaked),
                ),
                leaked,
            ),
            (
                ngettext(
                    "{n} training image that repeats another, or nearly",
                    "{n} training images that repeat others, or nearly",
                    len(repeated),
                ),
                repeated,
            ),
        ]
        return tuple(Removal(what.format(n=len(at)), train=tuple(sorted(at))) for what, at in told if at)

    def chosen(self, where: Where | None = None) -> tuple[Pair, ...]:
        """The pairs within a part or "across" both; by default all, those across first."""
        if where is None:
            return tuple(sorted(self.pairs, key=lambda pair: not pair.across))
        return tuple(pair for pair in self.pairs if (pair.across if where == "across" else pair.within(where)))

    def plot(self, where: Where | None = None, n: int = 10, *, figure: "Figure | None" = None) -> "Figure":
        """The first pairs, one image above the other, with place, label, and ratio of distances (0: same bytes)."""
        from etalon.figures.images import grid

        pairs = self.chosen(where)[:n]
        columns = max(1, min(5, len(pairs)))
        rows = [pairs[start : start + columns] for start in range(0, len(pairs), columns)]
        images, titles = [], []
        for row in rows:
            for places in ([pair.first for pair in row], [pair.second for pair in row]):
                blank = columns - len(row)  # the last row may be shorter: its second images stand under the first
                images += [self.dataset.part(place.part).x[place.at] for place in places]
                images += [np.full_like(images[0], 255)] * blank
                titles += [self._title(place, pair) for place, pair in zip(places, row, strict=True)] + [""] * blank
        shown = np.stack(images) if images else self.dataset.train.x[:0]
        return grid(shown, titles, columns=columns, figure=figure)

    def frame(self) -> "pd.DataFrame":
        """One row per check: how many images, groups or pairs, and the first of them."""
        import pandas as pd

        rows = [
            (_("constant images in train"), len(self.constant_train), _listed(self.constant_train)),
            (_("constant images in test"), len(self.constant_test), _listed(self.constant_test)),
            (_("almost constant images in train"), len(self.faint_train), _listed(self.faint_train)),
            (_("almost constant images in test"), len(self.faint_test), _listed(self.faint_test)),
            (_("identical images within train"), len(self.within_train), _groups(self.within_train)),
            (_("identical images within test"), len(self.within_test), _groups(self.within_test)),
            (_("images of test that are also in train"), len(self.across), _groups(self.across)),
            (_("identical images with different labels"), len(self.conflicts), _groups(self.conflicts)),
            (_("near duplicates within train"), *self._near("train")),
            (_("near duplicates within test"), *self._near("test")),
            (_("near duplicates across train and test"), *self._near("across")),
        ]
        return pd.DataFrame(rows, columns=[_("check"), _("found"), _("first")])

    def to_json(self) -> dict[str, Any]:
        """Every finding as plain JSON values."""
        return {
            "name": self.name,
            "digest": self.digest,
            "imbalance": self.sizes.ratio,
            "p": self.sizes.p,
            "unbalanced": self.sizes.unbalanced,
            "untested": list(self.untested),
            "constant": {"train": list(self.constant_train), "test": list(self.constant_test)},
            "almost_constant": {"train": list(self.faint_train), "test": list(self.faint_test)},
            "duplicates": [
                {"train": list(group.train), "test": list(group.test), "labels": list(group.labels)}
                for group in self.duplicates
            ],
            "near_duplicates": {
                "threshold": self.near.threshold,
                "dimension": self.near.dimension if self.near.threshold else None,
                "pairs": [
                    {
                        "first": list(pair.first),
                        "second": list(pair.second),
                        "labels": list(pair.labels),
                        "ratio": pair.ratio,
                    }
                    for pair in self.near.pairs
                ],
            },
        }

    @classmethod
    def of(cls, dataset: Dataset, told: Mapping[str, Any]) -> "Audit":
        """The reverse of `to_json`, for the same dataset."""
        constant, faint, near = told["constant"], told["almost_constant"], told["near_duplicates"]
        pairs = [
            Pair(Place(*pair["first"]), Place(*pair["second"]), (pair["labels"][0], pair["labels"][1]), pair["ratio"])
            for pair in near["pairs"]
        ]
        dimension = float("nan") if near["dimension"] is None else near["dimension"]
        return cls(
            dataset,
            sizes=Balance(told["imbalance"], told["p"]),
            constant_train=tuple(constant["train"]),
            constant_test=tuple(constant["test"]),
            faint_train=tuple(faint["train"]),
            faint_test=tuple(faint["test"]),
            duplicates=tuple(
                Duplicates(tuple(group["train"]), tuple(group["test"]), tuple(group["labels"]))
                for group in told["duplicates"]
            ),
            near=NearDuplicates(tuple(pairs), near["threshold"], dimension),
        )

    @property
    def verdict(self) -> str:
        """How many things there are to look at, in one sentence."""
        constant = len(self.constant_train) + len(self.constant_test) + len(self.faint_train) + len(self.faint_test)
        found = constant + len(self.duplicates) + len(self.near.pairs)
        if not found:
            return _("No constant image and no duplicate.")
        return ngettext(
            "{n} thing to look at before training.", "{n} things to look at before training.", found
        ).format(n=found)

    @property
    def untested(self) -> tuple[str, ...]:
        """The classes without any test image."""
        counts = zip(self.dataset.class_names(), self.dataset.counts("test"), strict=True)
        return tuple(name for name, n in counts if not n)

    def __str__(self) -> str:
        table = self.frame().to_string(index=False)
        return "\n".join([self.name, *self._classes(), "", table, "", self.verdict])

    def _repr_html_(self) -> str:
        table = self.frame().to_html(index=False)
        lines = "<br>".join(escape(line) for line in (*self._classes(), self.verdict))
        return f"<h4>{escape(self.name)}</h4><p>{lines}</p>{table}"

    def _classes(self) -> tuple[str, ...]:
        """What is said of their sizes."""
        return (self.sizes.sentence, *nothing_known(self.untested))

    def _identical(self, group: Duplicates) -> Iterator[Pair]:
        first, *others = group.places
        for other in others:
            labels = [int(self.dataset.part(place.part).y[place.at]) for place in (first, other)]
            yield Pair(first, other, (labels[0], labels[1]), 0.0)

    def _near(self, where: Where) -> tuple[int, str]:
        pairs = [p for p in self.near.pairs if (p.across if where == "across" else p.within(where))]
        shown = [f"{_place(pair.first)} ≈ {_place(pair.second)}" for pair in pairs[:PAIRS_SHOWN]]
        return len(pairs), _("; ").join(shown) + (" …" if len(pairs) > len(shown) else "")

    def _title(self, place: Place, pair: Pair) -> str:
        label = self.dataset.class_names()[int(self.dataset.part(place.part).y[place.at])]
        return f"{_place(place)}\n{label}" + (f"\n{number(pair.ratio)}" if place == pair.first else "")


def audit(dataset: Dataset) -> Audit:
    """Look for unbalanced classes, images without content, and images present more than once, or nearly so.

    Identical means the same bytes; `etalon.data.duplicates` says what nearly means. All images are compared with all:
    the time grows with the square of their number.
    """
    identical = exact(dataset)
    constant_train, faint_train = _without_content(dataset.train)
    constant_test, faint_test = _without_content(dataset.test)
    return Audit(
        dataset,
        sizes=balance(dataset.counts("train")),
        constant_train=constant_train,
        constant_test=constant_test,
        faint_train=faint_train,
        faint_test=faint_test,
        duplicates=identical,
        near=near(dataset, identical),
    )


def _without_content(part: Part) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The constant images, then those that nearly are."""
    flat = [x.reshape(len(x), -1) for x, _y in part.chunks(512)]
    constant = np.concatenate([pixels.min(axis=1) == pixels.max(axis=1) for pixels in flat])
    faint = np.concatenate([pixels.std(axis=1, dtype=np.float32) < FAINT for pixels in flat]) & ~constant
    return tuple(np.flatnonzero(constant).tolist()), tuple(np.flatnonzero(faint).tolist())


def _repeated(pairs: list[Pair]) -> Iterator[int]:
    """Of images linked by pairs, all but the first; the first too if the labels differ: there is no telling which."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not pairs:
        return
    first, second = np.array([pair.first.at for pair in pairs]), np.array([pair.second.at for pair in pairs])
    labels = {place.at: y for pair in pairs for place, y in zip((pair.first, pair.second), pair.labels, strict=True)}
    size = int(max(first.max(), second.max())) + 1
    links = coo_array((np.ones(len(pairs)), (first, second)), shape=(size, size))
    _n, groups = connected_components(links, directed=False)
    linked = np.unique(np.concatenate([first, second]))
    for group in np.unique(groups[linked]):
        members = [int(i) for i in linked[groups[linked] == group]]
        alike = len({labels[i] for i in members}) == 1
        yield from members[1:] if alike else members


def _place(place: Place) -> str:
    return f"{_('train') if place.part == 'train' else _('test')} {place.at}"


def _listed(images: tuple[int, ...]) -> str:
    return ", ".join(map(str, images[:SHOWN])) + (" …" if len(images) > SHOWN else "")


def _groups(groups: tuple[Duplicates, ...]) -> str:
    shown = [" = ".join(map(_place, group.places)) for group in groups[:PAIRS_SHOWN]]
    return _("; ").join(shown) + (" …" if len(groups) > len(shown) else "")
