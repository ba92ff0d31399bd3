"""How training went: the curves of all the seeds, overfitting, and whether more epochs would help."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from etalon.analysis.crossed import quantile
from etalon.analysis.printed import Printed
from etalon.figures.curves import Line, Stroke, curves, shared_legend
from etalon.figures.intervals import limit_points
from etalon.figures.style import PALETTE, colours, panels, style, whole
from etalon.locales import _, in_points, ngettext, number, percent
from etalon.locales.columns import Row

if TYPE_CHECKING:
    import pandas as pd

    from etalon.figures.style import Figure
    from etalon.study.run import Run

METRICS = ("accuracy", "val_accuracy", "loss", "val_loss")
TEST = ("test_loss", "test_accuracy")  # columns of `Run.test_curves`
STROKES: tuple[Stroke, ...] = ("dashed", "solid", "dotted")  # of training, validation, test
NOTABLE = 0.01  # relative change of a loss that is worth a word
Longer = Literal["yes", "no", "flat", "unknown"]
Matrix = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class Overfitting(Printed):
    """Whether a variant learns its training images by heart.

    Attributes:
        gap: accuracy on training images minus accuracy on validation, of the kept weights, in inference mode,
            mean over seeds, as a fraction; `low`, `high` its 95 % interval over seeds, None with one seed.
        gaps: (k,) one a seed.
        epochs: how many all seeds were trained for.
        best_epoch: epoch, from 1, of the least mean validation loss.
        best_epochs: (k,) the same for each seed.
        overfits_from: first epoch of those where validation loss rises while training loss still falls, or None.
        longer: would more epochs help? "yes" (validation loss was still falling), "no" (it rises), "flat" (it
            no longer moves), "unknown" (there is one epoch, or it wobbles too much to tell).
    """

    variant: str
    gap: float
    low: float | None
    high: float | None
    gaps: Matrix
    epochs: int
    best_epoch: int
    best_epochs: NDArray[np.int64]
    overfits_from: int | None
    longer: Longer

    @property
    def verdict(self) -> str:
        """Is it wise to train longer, in one sentence."""
        best, last = self.best_epoch, self.epochs
        if self.longer == "unknown" and last == 1:
            return _("One epoch does not tell whether more would help.")
        if self.longer == "unknown":
            return _(
                "Validation loss changes too much from one epoch to the next to tell whether more than {last} would "
                "help."
            ).format(last=last)
        if self.longer == "yes":
            return _(
                "Training longer may help: validation loss was still falling over the last epochs, up to {last}."
            ).format(last=last)
        if self.longer == "no":
            return _(
                "Training longer is not wise: validation loss is least at epoch {best}, and rises from epoch {start} "
                "while training loss still falls."
            ).format(best=best, start=self.overfits_from)
        return _(
            "Training longer promises little: validation loss is least at epoch {best} and no longer falls up to "
            "epoch {last}."
        ).format(best=best, last=last)

    @property
    def sentence(self) -> str:
        """The gap between training and validation, in one sentence."""
        if self.low is None or self.high is None:
            return _("Training accuracy minus validation accuracy is {gap} (one seed).").format(gap=in_points(self.gap))
        return _(
            "Training accuracy minus validation accuracy is {gap} (95% interval over seeds {low} to {high})."
        ).format(gap=in_points(self.gap), low=limit_points(self.low), high=limit_points(self.high))


@dataclass(frozen=True, eq=False, repr=False)
class LearningCurves(Printed):
    """The histories of one variant.

    Attributes:
        seeds: (k,).
        values: metric -> (k, epochs), for accuracy, val_accuracy, loss, val_loss; NaN after a seed has stopped. And
            test_accuracy, test_loss, where they were asked for and the test part has been opened.
        overfitting: what training and validation show.
    """

    variant: str
    seeds: tuple[int, ...]
    values: dict[str, Matrix]
    overfitting: Overfitting

    @property
    def epochs(self) -> int:
        """Of the seed that was trained the longest."""
        return int(self.values["loss"].shape[1])

    @property
    def opened(self) -> bool:
        """Whether the curves of the test part are among them."""
        return "test_loss" in self.values

    @property
    def caution(self) -> str:
        """What the curves of the test part must not be used for, in two sentences; empty where there are none."""
        if not self.opened:
            return ""
        return _(
            "The test curves were kept sealed while the models were trained and chosen, and are drawn now to be looked "
            "at. Nothing may be chosen on them, neither an epoch nor a setting nor a variant: these images could then "
            "no longer tell what the choice is worth."
        )

    def mean(self, metric: str) -> Matrix:
        """(epochs,) over the seeds that were still training."""
        mean: Matrix = np.nanmean(self.values[metric], axis=0)
        return mean

    def spread(self, metric: str) -> tuple[Matrix, Matrix]:
        """(epochs,) the least and the greatest of the seeds."""
        return np.nanmin(self.values[metric], axis=0), np.nanmax(self.values[metric], axis=0)

    def frame(self) -> "pd.DataFrame":
        """A line an epoch; columns <metric>, <metric>_low, <metric>_high: mean, least and greatest of the seeds."""
        import pandas as pd

        columns: dict[str, Matrix] = {}
        for metric in self.values:
            low, high = self.spread(metric)
            columns |= {metric: self.mean(metric), f"{metric}_low": low, f"{metric}_high": high}
        return pd.DataFrame(columns, index=pd.RangeIndex(1, self.epochs + 1, name="epoch"))

    @property
    def caption(self) -> str:
        """What the table shows."""
        k = len(self.seeds)
        return ngettext(
            "{name}, epoch by epoch, with one seed", "{name}, epoch by epoch, mean over {k} seeds", k
        ).format(name=self.variant, k=k)

    def _cells(self) -> list[Row]:
        heads = {
            "accuracy": _("Accuracy"),
            "val_accuracy": _("Validation accuracy"),
            "test_accuracy": _("Test accuracy"),
            "loss": _("Loss"),
            "val_loss": _("Validation loss"),
            "test_loss": _("Test loss"),
        }
        columns = [
            [heads[metric], *(percent(v) if metric.endswith("accuracy") else number(v, 4) for v in self.mean(metric))]
            for metric in self.values
        ]
        epochs = [_("Epoch"), *(number(epoch, 0) for epoch in range(1, self.epochs + 1))]
        return list(zip(epochs, *columns, strict=True))

    def _texts(self) -> tuple[()]:
        return ()

    def plot(self, figure: "Figure | None" = None) -> "Figure":
        """Accuracy beside loss; training dashed, validation solid, the band from the least seed to the greatest.

        The test part, once opened, is dotted, and its legend says that it is not for choosing.
        """
        left, right = panels(1, 2, 9.0, 3.7, figure=figure)
        for ax, metric, label in ((left, "accuracy", _("Accuracy")), (right, "loss", _("Loss"))):
            lines = [self._line(metric, _("training"), 0), self._line(f"val_{metric}", _("validation"), 1)]
            if self.opened:
                lines.append(self._line(f"test_{metric}", _("test, not for choosing"), 2))
            curves(
                lines,
                ax=ax,
                xlabel=_("Epoch"),
                ylabel=label,
                title=f"{self.variant} · {label.lower()}",
                unit="percent" if metric == "accuracy" else "number",
                mark=self.overfitting.best_epoch,
                mark_label=_("least validation loss"),
                legend=False,
            )
        with style():
            shared_legend(whole(left), left)
        return whole(left)

    def _line(self, metric: str, label: str, rank: int) -> Line:
        low, high = self.spread(metric)
        return Line(label, self.mean(metric), low, high, colour=PALETTE[rank], stroke=STROKES[rank])


def learning_curves(runs: "Sequence[Run]") -> LearningCurves:
    """The curves of one variant.

    Args:
        runs: of one variant, one a seed, at least one; the test curves of those that are sealed are not read.
    """
    values = {metric: _stack([run.history[metric] for run in runs]) for metric in METRICS}
    on_test = [run.test_curves for run in runs if run.test_curves is not None]
    if len(on_test) == len(runs):
        values |= {metric: _stack([one[:, column] for one in on_test]) for column, metric in enumerate(TEST)}
    return LearningCurves(runs[0].variant, tuple(run.seed for run in runs), values, overfitting(runs))


def overfitting(runs: "Sequence[Run]") -> Overfitting:
    """Measure overfitting from the runs of one variant, one a seed, at least one.

    The curves are judged over the epochs that all seeds reached, by `judge`.
    """
    gaps = np.array([run.train_accuracy - run.validation_accuracy for run in runs], np.float64)
    low, high = _interval(gaps)
    validation, training = (_stack([run.history[m] for run in runs]) for m in ("val_loss", "loss"))
    epochs = int(np.isfinite(validation).all(axis=0).sum())
    best, start, longer = judge(training[:, :epochs], validation[:, :epochs])
    return Overfitting(
        variant=runs[0].variant,
        gap=float(gaps.mean()),
        low=low,
        high=high,
        gaps=gaps,
        epochs=epochs,
        best_epoch=best,
        best_epochs=np.nanargmin(validation, axis=1) + 1,
        overfits_from=start,
        longer=longer,
    )


def judge(training: Matrix, validation: Matrix) -> tuple[int, int | None, Longer]:
    """Epoch of least validation loss, epoch from which the model overfits or None, and whether to train longer.

    A loss wobbles from one epoch to the next, and of many epochs the least is the luckiest. Validation loss is said to
    rise when, at the last epoch, it exceeds its least mean by more than 1 %, than two standard errors over seeds, and
    than two epochs may differ by about the trend (Student's law; Bonferroni, as the least is chosen). It still falls
    when the line through the last third of the epochs does, by more than 1 % and significantly; if only by more than
    1 %, nobody can tell.

    Args:
        training, validation: (k, epochs) losses, without NaN.
    """
    k, epochs = validation.shape
    mean = validation.mean(axis=0)
    best, last, notable = int(mean.argmin()), epochs - 1, NOTABLE * float(mean.min())
    if last == 0:
        return 1, None, "unknown"
    rises = validation[:, last] - validation[:, best]
    rise, uneven = float(rises.mean()), float(rises.std(ddof=1)) / sqrt(k) if k > 1 else 0.0
    tail = validation[:, -max(3, ceil(epochs / 3)) :]
    fall, wobble, dof = _trend(tail)
    learns = training[:, last].mean() < training[:, best].mean()
    if learns and rise > max(notable, 2 * uneven, quantile(1 - 0.05 / epochs, dof) * wobble * sqrt(2 / k)):
        return best + 1, best + 2, "no"
    if fall > notable:
        n = tail.shape[1]
        error = wobble * sqrt(12 * (n - 1) / (k * n * (n + 1)))
        return best + 1, None, "yes" if fall > quantile(0.975, dof) * error else "unknown"
    return best + 1, None, "flat"


def _trend(losses: Matrix) -> tuple[float, float, int]:
    """How much the line through the mean of the seeds falls; standard deviation of a loss about its seed's line, and
    its degrees of freedom. Two epochs tell nothing of it: 0.

    Args:
        losses: (k, n), of the last epochs.
    """
    k, n = losses.shape
    x = np.arange(n) - (n - 1) / 2
    slopes = losses @ x / (x @ x)
    rest = losses - losses.mean(axis=1, keepdims=True) - slopes[:, None] * x
    dof = max(k * (n - 2), 1)
    return float(-slopes.mean()) * (n - 1), sqrt(float((rest**2).sum()) / dof), dof


def compare_curves(all_curves: Sequence[LearningCurves], reference: str | None = None) -> "Figure":
    """Validation accuracy and loss of several variants, each with its spread, the reference in grey."""
    shades = colours([one.variant for one in all_curves], reference)
    left, right = panels(1, 2, 10.0, 4.2)
    for ax, metric, label in ((left, "val_accuracy", _("Accuracy")), (right, "val_loss", _("Loss"))):
        lines = [
            Line(one.variant, one.mean(metric), *one.spread(metric), colour=shades[one.variant]) for one in all_curves
        ]
        curves(
            lines,
            ax=ax,
            xlabel=_("Epoch"),
            ylabel=label,
            title=_("{metric} on validation").format(metric=label),
            unit="percent" if metric == "val_accuracy" else "number",
            legend=False,
        )
    with style():
        shared_legend(whole(left), left)
    return whole(left)


def _stack(rows: Sequence[Sequence[float] | Matrix]) -> Matrix:
    """(k, longest) with NaN after the end of each row."""
    stacked = np.full((len(rows), max(map(len, rows))), np.nan)
    for s, row in enumerate(rows):
        stacked[s, : len(row)] = row
    return stacked


def _interval(values: Matrix) -> tuple[float, float] | tuple[None, None]:
    """Student's 95 % interval of the mean; None with one value."""
    k = len(values)
    if k < 2:
        return None, None
    half = quantile(0.975, k - 1) * float(values.std(ddof=1)) / sqrt(k)
    return float(values.mean()) - half, float(values.mean()) + half
