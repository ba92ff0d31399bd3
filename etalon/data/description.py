"""What a dataset holds, as a table and a sentence."""

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from etalon.data.dataset import Dataset, Part
from etalon.locales import _, number, p_value

if TYPE_CHECKING:
    import pandas as pd

    from etalon.figures.style import Axes

SIGNIFICANT = 0.05  # below this p-value, train and test are said to differ in their proportions
BALANCED, UNBALANCED = 1.5, 3.0  # largest class / smallest class


@dataclass(frozen=True)
class Description:
    """The table of a dataset.

    Attributes:
        dtype, low, high: type and range of the pixels, over both parts.
        train_shape, test_shape: (n, h, w, c).
        size: bytes of the images of both parts.
        train_counts, test_counts: images per class, in label order.
        statistic, freedom, p: chi-square test of homogeneity of the proportions of train and test
            (`scipy.stats.chi2_contingency`, without correction).
        imbalance: training images of the largest class / of the smallest.
    """

    name: str
    provenance: str
    digest: str
    dtype: str
    low: int
    high: int
    train_shape: tuple[int, ...]
    test_shape: tuple[int, ...]
    size: int
    classes: tuple[str, ...]
    train_counts: tuple[int, ...]
    test_counts: tuple[int, ...]
    statistic: float
    freedom: int
    p: float
    imbalance: float

    @property
    def verdict(self) -> str:
        """Whether the classes are balanced, and whether test resembles train, in one sentence."""
        ratio, p = number(self.imbalance), p_value(self.p)
        if self.p < SIGNIFICANT:
            alike = _("the test part does not have the proportions of the training part (chi-square, {p})")
        else:
            alike = _("the test part has the proportions of the training part (chi-square, {p})")
        if self.imbalance < BALANCED:
            balance = _("The classes are balanced (largest over smallest: {ratio})")
        elif self.imbalance < UNBALANCED:
            balance = _("The classes are slightly unbalanced (largest over smallest: {ratio})")
        else:
            balance = _("The classes are unbalanced (largest over smallest: {ratio}): read the balanced accuracy too")
        return _("{balance}; {alike}.").format(balance=balance.format(ratio=ratio), alike=alike.format(p=p))

    @property
    def untested(self) -> tuple[str, ...]:
        """The classes without any test image."""
        return tuple(name for name, n in zip(self.classes, self.test_counts, strict=True) if not n)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What must be known of the classes, a sentence each."""
        return nothing_known(self.untested)

    def frame(self) -> "pd.DataFrame":
        """One row per class: images and share in train and in test."""
        import pandas as pd

        train, test = np.array(self.train_counts), np.array(self.test_counts)
        frame = pd.DataFrame(
            {
                "train": train,
                "train_share": train / train.sum(),
                "test": test,
                "test_share": test / test.sum(),
            },
            index=pd.Index(self.classes, name="class"),
        )
        frame.attrs["caption"] = _("Images of each class in both parts")
        return frame

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Bars of the images per class, train beside test."""
        from etalon.figures.bars import bars

        groups = {_("train"): self.train_counts, _("test"): self.test_counts}
        return bars(list(self.classes), groups, ax=ax, xlabel=_("class"), ylabel=_("images"), title=self.name, digits=0)

    def to_json(self) -> dict[str, Any]:
        """The same numbers as plain JSON values."""
        return {
            "name": self.name,
            "provenance": self.provenance,
            "digest": self.digest,
            "dtype": self.dtype,
            "range": [self.low, self.high],
            "train_shape": list(self.train_shape),
            "test_shape": list(self.test_shape),
            "bytes": self.size,
            "classes": list(self.classes),
            "train_counts": list(self.train_counts),
            "test_counts": list(self.test_counts),
            "chi_square": {"statistic": self.statistic, "freedom": self.freedom, "p": self.p},
            "imbalance": self.imbalance,
            "untested": list(self.untested),
            "verdict": self.verdict,
        }

    def _counts(self) -> "pd.DataFrame":
        """Images per class, in the language in force."""
        counts = self.frame()[["train", "test"]]
        return counts.set_axis([_("train"), _("test")], axis=1).rename_axis(_("class"))

    def _lines(self) -> list[tuple[str, str]]:
        return [
            (_("training images"), str(self.train_shape)),
            (_("test images"), str(self.test_shape)),
            (_("pixels"), f"{self.dtype}, {self.low}..{self.high}"),
            (_("size"), _("{size} MB").format(size=number(self.size / 1e6, 1))),
            (_("provenance"), self.provenance),
        ]

    def __str__(self) -> str:
        width = max(len(label) for label, _text in self._lines())
        lines = [f"{label:<{width}}  {text}" for label, text in self._lines()]
        counts = self._counts().to_string()
        return "\n".join([self.name, *lines, "", counts, "", self.verdict, *self.warnings])

    def _repr_html_(self) -> str:
        rows = "".join(f"<tr><th>{escape(a)}</th><td>{escape(b)}</td></tr>" for a, b in self._lines())
        counts = self._counts().to_html()
        told = "".join(f"<p>{escape(sentence)}</p>" for sentence in (self.verdict, *self.warnings))
        return f"<h4>{escape(self.name)}</h4><table>{rows}</table>{counts}{told}"


def describe(dataset: Dataset) -> Description:
    """Count, measure and test a dataset; class names in the language in force."""
    train, test = dataset.counts("train"), dataset.counts("test")
    statistic, p, freedom = homogeneity(np.stack([train, test]))
    ranges = [_range(dataset.train), _range(dataset.test)]
    return Description(
        name=dataset.name,
        provenance=dataset.provenance,
        digest=dataset.digest,
        dtype=str(dataset.train.x.dtype),
        low=min(low for low, _high in ranges),
        high=max(high for _low, high in ranges),
        train_shape=dataset.train.x.shape,
        test_shape=dataset.test.x.shape,
        size=dataset.train.x.nbytes + dataset.test.x.nbytes,
        classes=dataset.class_names(),
        train_counts=tuple(int(n) for n in train),
        test_counts=tuple(int(n) for n in test),
        statistic=statistic,
        freedom=freedom,
        p=p,
        imbalance=float(train.max() / train.min()),
    )


def nothing_known(untested: Iterable[str]) -> tuple[str, ...]:
    """Of the classes without any test image, a sentence each."""
    return tuple(
        _("Class {name} has no test image: nothing is known of it there.").format(name=name) for name in untested
    )


def homogeneity(table: np.ndarray[Any, np.dtype[np.int64]]) -> tuple[float, float, int]:
    """Pearson's chi-square of a table of counts (parts, classes): statistic, p-value, degrees of freedom."""
    from scipy.stats import chi2_contingency

    result = chi2_contingency(table, correction=False)
    return float(result.statistic), float(result.pvalue), int(result.dof)


def _range(part: Part) -> tuple[int, int]:
    lows, highs = zip(*((int(x.min()), int(x.max())) for x, _y in part.chunks()), strict=True)
    return min(lows), max(highs)
