"""Where a variant is wrong: confusions, classes, and the images themselves."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from etalon.analysis.predictions import Predictions
from etalon.analysis.printed import Printed
from etalon.errors import StudyError
from etalon.figures import heatmaps
from etalon.figures.bars import bars, over_seeds
from etalon.figures.images import grid
from etalon.locales import _, ngettext, number, percent
from etalon.locales.columns import Row

if TYPE_CHECKING:
    import pandas as pd

    from etalon.figures.heatmaps import Normalise
    from etalon.figures.style import Axes, Figure

Matrix = NDArray[np.float64]


class Confused(NamedTuple):
    """A pair of classes: how many images of `true` are taken for `predicted` (mean over seeds), and their share."""

    true: str
    predicted: str
    count: float  # type: ignore[assignment]  # hides tuple.count, which is of no use here
    share: float


@dataclass(frozen=True, eq=False, repr=False)
class Confusion(Printed):
    """The confusion matrix of a variant.

    Attributes:
        names: (c,) of the classes.
        counts: (c, c) mean over seeds; rows are the true classes, columns the predicted ones.
        each: (k, c, c) one matrix a seed.
    """

    variant: str
    names: tuple[str, ...]
    counts: Matrix
    each: NDArray[np.int64]

    def most_confused(self, n: int = 3) -> list[Confused]:
        """The n pairs with the most errors, of those that occur."""
        errors = self.counts - np.diag(np.diag(self.counts))
        order = np.argsort(-errors, axis=None, kind="stable")[:n]
        totals = self.counts.sum(axis=1)
        pairs = zip(*np.unravel_index(order, errors.shape), strict=True)
        return [
            Confused(self.names[i], self.names[j], float(errors[i, j]), float(errors[i, j] / totals[i]))
            for i, j in pairs
            if errors[i, j] > 0
        ]

    def frame(self) -> "pd.DataFrame":
        """The mean counts, true classes down, predicted ones across."""
        import pandas as pd

        names = list(self.names)
        return pd.DataFrame(self.counts, pd.Index(names, name="true"), pd.Index(names, name="predicted"))

    @property
    def caption(self) -> str:
        """What the table shows."""
        k = len(self.each)
        return ngettext(
            "{name}: images of each class (rows) by answer (columns)",
            "{name}: images of each class (rows) by answer (columns), mean over {k} seeds",
            k,
        ).format(name=self.variant, k=k)

    def _cells(self) -> list[Row]:
        digits = 0 if len(self.each) == 1 else 1
        rows = [
            [name, *(number(count, digits) if count else "" for count in row)]
            for name, row in zip(self.names, self.counts, strict=True)
        ]
        return [["", *self.names], *rows]

    def plot(self, ax: "Axes | None" = None, *, normalise: "Normalise | None" = None) -> "Axes":
        """The heatmap, names on both axes; under it, what the numbers are."""
        return heatmaps.confusion(
            self.counts, self.names, normalise=normalise, seeds=len(self.each), ax=ax, title=self.variant
        )


@dataclass(frozen=True, eq=False, repr=False)
class PerClass(Printed):
    """The scores of a variant class by class, one row a seed.

    Attributes:
        names: (c,) of the classes.
        error, precision, recall, f1: (k, c), as scikit-learn computes them, 0 where there is nothing to divide by; the
            error of a class is the share of its images that are misclassified. NaN for a class of which a seed has seen
            no image: nothing is known of it, and means over classes leave it out, as
            `sklearn.metrics.balanced_accuracy_score` does.
        support: (c,) images of each class, mean over seeds.
    """

    variant: str
    names: tuple[str, ...]
    error: Matrix
    precision: Matrix
    recall: Matrix
    f1: Matrix
    support: Matrix

    @property
    def precision_macro(self) -> float:
        """Mean over classes, then over seeds."""
        return _macro(self.precision)

    @property
    def recall_macro(self) -> float:
        """Mean over classes, then over seeds."""
        return _macro(self.recall)

    @property
    def f1_macro(self) -> float:
        """Mean over classes, then over seeds."""
        return _macro(self.f1)

    def worst(self, n: int = 1) -> list[tuple[str, float]]:
        """The n classes with the highest error rate (mean over seeds), the worst first, of those with images."""
        error = _over_seeds(self.error).mean(axis=0).filled(-1)
        return [(self.names[i], float(error[i])) for i in np.argsort(-error, kind="stable")[:n] if error[i] >= 0]

    def frame(self) -> "pd.DataFrame":
        """A line a class: errors, their rate with the least and the greatest of the seeds, precision... images."""
        import pandas as pd

        error = _over_seeds(self.error)
        columns = {
            "errors": error.mean(axis=0) * self.support,
            "error": error.mean(axis=0),
            "error_low": error.min(axis=0),
            "error_high": error.max(axis=0),
            "precision": _over_seeds(self.precision).mean(axis=0),
            "recall": _over_seeds(self.recall).mean(axis=0),
            "f1": _over_seeds(self.f1).mean(axis=0),
        }
        told = {name: np.ma.filled(column, np.nan) for name, column in columns.items()}
        frame = pd.DataFrame(told | {"support": self.support}, index=pd.Index(list(self.names), name="class"))
        frame.attrs["caption"] = self.caption
        return frame

    @property
    def caption(self) -> str:
        """What the table shows."""
        return _("{variant}: errors of each class, mean over seeds").format(variant=self.variant)

    def _cells(self) -> list[Row]:
        heads = [_("Class"), _("Images"), _("Errors"), _("Error rate"), _("least seed"), _("greatest seed")]
        digits = 0 if len(self.error) == 1 else 1
        rows = [
            [
                name,
                number(images, 0),
                "—" if np.isnan(errors) else number(errors, digits),
                *("—" if np.isnan(share) else percent(share, 1) for share in shares),
            ]
            for name, (errors, *shares, images) in zip(self.names, self.frame().to_numpy(), strict=True)
        ]
        return [[*heads, _("Precision"), _("Recall"), "F1"], *rows]

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Error rate of each class; the line goes from the least of the seeds to the greatest."""
        name, frame = self.variant, self.frame()
        return bars(
            self.names,
            {name: list(frame["error"])},
            low={name: frame["error_low"]},
            high={name: frame["error_high"]},
            ax=ax,
            xlabel="\n".join(filter(None, [_("Class"), over_seeds(len(self.error))])),
            ylabel=_("Error rate"),
            title=_("{variant} · error rate of each class").format(variant=name),
            percent=True,
        )


@dataclass(frozen=True)
class Mistake:
    """A misclassified image.

    Attributes:
        index: in the pool.
        true, predicted: numbers of the classes; the prediction is that of most of the seeds that are wrong.
        confidence: mean probability that those seeds give to their prediction.
        wrong, seen: seeds that misclassify it so, seeds that saw it.
    """

    index: int
    true: int
    predicted: int
    confidence: float
    wrong: int
    seen: int


@dataclass(frozen=True, eq=False, repr=False)
class Gallery(Printed):
    """Misclassified images, with what they are and what they were taken for.

    Attributes:
        images: (n, h, w, c).
        mistakes: (n,) in the same order.
        found: how many images were misclassified in the way asked for, of which these are the first.
        true, predicted: the only class, the only answer that were asked for; empty for all.
    """

    variant: str
    names: tuple[str, ...]
    images: NDArray[Any]
    mistakes: tuple[Mistake, ...]
    found: int
    true: str = ""
    predicted: str = ""

    def __len__(self) -> int:
        return len(self.mistakes)

    def __repr__(self) -> str:
        return f"Gallery({self.variant!r}, {len(self)} images of {self.found})"

    @property
    def none(self) -> str:
        """That no image was found, in a sentence."""
        if self.true and self.predicted:
            told = _("{name}: no image of {true} is taken for {predicted}.")
        elif self.true:
            told = _("{name}: no image of {true} is misclassified.")
        elif self.predicted:
            told = _("{name}: no image is wrongly taken for {predicted}.")
        else:
            told = _("{name}: no image is misclassified in this way.")
        return told.format(name=self.variant, true=self.true, predicted=self.predicted)

    @property
    def caption(self) -> str:
        """How many images there are, of how many."""
        if not len(self):
            return self.none
        return ngettext(
            "{name}: {n} misclassified image of {found}", "{name}: {n} misclassified images of {found}", len(self)
        ).format(name=self.variant, n=number(len(self), 0), found=number(self.found, 0))

    def _cells(self) -> list[Row]:
        rows = [
            [number(m.index, 0), self.names[m.true], self.names[m.predicted], percent(m.confidence, 0), self._seeds(m)]
            for m in self.mistakes
        ]
        heads = [_("Image"), _("True class"), _("Predicted class"), _("Confidence"), _("Seeds")]
        return [heads, *rows] if rows else []

    def _texts(self) -> range:
        return range(1, 3)

    def frame(self) -> "pd.DataFrame":
        """A line an image: the attributes of `Mistake`, classes by name."""
        import pandas as pd

        table = pd.DataFrame([asdict(m) for m in self.mistakes], columns=list(Mistake.__dataclass_fields__))
        return table.assign(**{c: [self.names[i] for i in table[c]] for c in ("true", "predicted")})

    def plot(self, columns: int = 5, figure: "Figure | None" = None) -> "Figure":
        """The images; above each the truth, the prediction, its confidence and how many seeds are wrong."""
        several = any(mistake.seen > 1 for mistake in self.mistakes)
        note = (
            _("Above each image: the truth → the answer, its confidence (seeds that give it / seeds that saw it)")
            if several
            else _("Above each image: the truth → the answer, its confidence")
        )
        titles = [self._title(mistake) for mistake in self.mistakes]
        return grid(
            self.images, titles, columns=columns, figure=figure, title=self.caption, note=note if titles else ""
        )

    def _title(self, mistake: Mistake) -> str:
        true, predicted = self.names[mistake.true], self.names[mistake.predicted]
        seeds = f" ({self._seeds(mistake)})" if mistake.seen > 1 else ""
        return f"{true}\n→ {predicted}\n{percent(mistake.confidence, 0)}{seeds}"

    @staticmethod
    def _seeds(mistake: Mistake) -> str:
        """Those that are wrong, of those that saw the image."""
        return f"{mistake.wrong}/{mistake.seen}"


def confusion(predictions: Predictions, names: Sequence[str] | None = None) -> Confusion:
    """Count, for each true class, the predicted ones.

    Args:
        names: of the classes; their numbers by default.
    """
    c = predictions.n_classes
    each = np.zeros((len(predictions.seeds), c, c), np.int64)
    for s, y in enumerate(predictions.labels):
        np.add.at(each[s], (y, predictions.predicted(s)), 1)
    return Confusion(predictions.variant, _names(names, c), each.mean(axis=0), each)


def per_class(predictions: Predictions, names: Sequence[str] | None = None) -> PerClass:
    """Error rate, precision, recall and F1 of each class for each seed."""
    each = confusion(predictions, names).each.astype(np.float64)
    right = np.diagonal(each, axis1=1, axis2=2)  # (k, c)
    support, answered = each.sum(axis=2), each.sum(axis=1)
    known = np.where(support > 0, 1.0, np.nan)
    return PerClass(
        predictions.variant,
        _names(names, predictions.n_classes),
        error=known * _ratio(support - right, support),
        precision=known * _ratio(right, answered),
        recall=known * _ratio(right, support),
        f1=known * _ratio(2 * right, support + answered),
        support=support.mean(axis=0),
    )


def gallery(
    predictions: Predictions,
    images: NDArray[Any],
    names: Sequence[str] | None = None,
    *,
    true: int | str | None = None,
    predicted: int | str | None = None,
    pairs: Sequence[tuple[int | str, int | str]] = (),
    n: int = 10,
    order: Literal["seeds", "first"] = "seeds",
    seed: int | None = None,
) -> Gallery:
    """Gather misclassified images.

    Args:
        images: (pool, h, w, c) those that the predictions are about.
        names: of the classes; their numbers by default.
        true, predicted: keep this class, this answer: a number or a name.
        pairs: keep these confusions, each (true, predicted), such as the first two fields of a `Confused`.
        n: how many at most.
        order: "seeds": those that most seeds misclassify, then the most confident; "first": by their place in the
            pool, for one seed.
        seed: whose answers, for "first"; the first seed by default.

    Raises:
        StudyError: an unknown class or seed.
    """
    shown = _names(names, predictions.n_classes)
    ranks = range(len(predictions.seeds)) if order == "seeds" else [predictions.rank(seed)]
    kept = _mistakes(predictions, ranks, _wanted(shown, true, predicted, pairs))
    if order == "seeds":
        kept.sort(key=lambda m: (-m.wrong, -m.confidence, m.index))
    chosen = tuple(kept[:n])
    pictures = images[[m.index for m in chosen]] if chosen else images[:0]
    asked = ["" if one is None else shown[class_number(one, shown)] for one in (true, predicted)]
    return Gallery(predictions.variant, shown, np.asarray(pictures), chosen, len(kept), *asked)


def _wanted(
    names: Sequence[str],
    true: int | str | None,
    predicted: int | str | None,
    pairs: Sequence[tuple[int | str, int | str]],
) -> NDArray[np.bool_]:
    """(c, c) the confusions to keep, true classes down."""
    wanted = np.full((len(names), len(names)), not pairs)
    for one, other in pairs:
        wanted[class_number(one, names), class_number(other, names)] = True
    numbers = np.arange(len(names))
    if true is not None:
        wanted &= (numbers == class_number(true, names))[:, None]
    if predicted is not None:
        wanted &= numbers == class_number(predicted, names)
    return wanted


def _mistakes(predictions: Predictions, ranks: Sequence[int], wanted: NDArray[np.bool_]) -> list[Mistake]:
    """One for each image that a seed among `ranks` misclassifies as `wanted` (c, c), in the order of the pool."""
    votes = np.zeros((predictions.pool, predictions.n_classes), np.int64)
    trust = np.zeros((predictions.pool, predictions.n_classes))
    seen = np.zeros(predictions.pool, np.int64)
    truth = np.zeros(predictions.pool, np.int64)
    for s in ranks:
        index, y, answer = predictions.index[s], predictions.labels[s], predictions.predicted(s)
        seen[index] += 1
        truth[index] = y
        wrong = (answer != y) & wanted[y, answer]
        votes[index[wrong], answer[wrong]] += 1
        trust[index[wrong], answer[wrong]] += predictions.confidence(s)[wrong]
    answer = votes.argmax(axis=1)
    rows = np.flatnonzero(votes.any(axis=1))
    return [
        Mistake(
            int(i),
            int(truth[i]),
            int(answer[i]),
            float(trust[i, answer[i]] / votes[i, answer[i]]),
            int(votes[i, answer[i]]),
            int(seen[i]),
        )
        for i in rows
    ]


def _names(names: Sequence[str] | None, c: int) -> tuple[str, ...]:
    if names is None:
        return tuple(str(i) for i in range(c))
    if len(names) != c:
        raise StudyError(
            _("{n} class names").format(n=len(names)),
            _("the predictions have {n} classes").format(n=c),
            _("Give one name a class, in the order of the labels."),
        )
    return tuple(names)


def class_number(wanted: int | str, names: Sequence[str]) -> int:
    """The number of a class, given by its number or by its name.

    Raises:
        StudyError: there is none.
    """
    if isinstance(wanted, int) and 0 <= wanted < len(names):
        return int(wanted)
    if wanted in names:
        return list(names).index(str(wanted))
    raise StudyError(
        _("class {name!r}").format(name=wanted),
        _("there is none of that name or number"),
        _("Choose one of {names}.").format(names=", ".join(names)),
    )


def _over_seeds(values: Matrix) -> "np.ma.MaskedArray[Any, np.dtype[np.float64]]":
    """(k, c) without the classes of which a seed has seen no image."""
    found: np.ma.MaskedArray[Any, np.dtype[np.float64]] = np.ma.masked_invalid(values)
    return found


def _macro(values: Matrix) -> float:
    """Mean over the classes that have images, then over seeds."""
    return float(np.nanmean(values, axis=1).mean())


def _ratio(above: ArrayLike, below: ArrayLike) -> Matrix:
    """0 where there is nothing to divide by."""
    over, under = np.asarray(above, np.float64), np.asarray(below, np.float64)
    found: Matrix = np.divide(over, under, out=np.zeros_like(under), where=under > 0)
    return found
