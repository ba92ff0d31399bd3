"""What others have published, beside what we measure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, sqrt
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from etalon.analysis.crossed import quantile
from etalon.analysis.findings import Finding
from etalon.analysis.mistakes import per_class
from etalon.analysis.predictions import Predictions
from etalon.analysis.printed import Printed
from etalon.errors import StudyError
from etalon.figures.published import beside
from etalon.locales import _, in_points, ngettext, percent

if TYPE_CHECKING:
    import pandas as pd

    from etalon.figures.style import Axes

SCORES = ("accuracy", "precision_macro", "recall_macro", "f1_macro")
Matrix = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Claim:
    """A figure that somebody published, and ours.

    The published one is taken for one training, measured on the same test images: images are then no source of chance,
    seeds are. Ours is compared with it by the interval in which one more training of ours would fall with a
    probability of 95 %, mean ± t(k-1) s sqrt(1 + 1/k), s being the standard deviation over seeds.

    Attributes:
        metric: one of `SCORES`.
        published: a fraction.
        ours: (k,) one a seed.
    """

    metric: str
    published: float
    ours: Matrix

    @property
    def mean(self) -> float:
        """Ours, over seeds."""
        return float(self.ours.mean())

    @property
    def interval(self) -> tuple[float, float]:
        """Where one more training of ours would fall; infinite with one seed, which tells nothing of others."""
        low, high = _for_one_more(self.ours)
        return (max(low, 0.0), min(high, 1.0)) if low > -inf and self.metric in SCORES else (low, high)

    @property
    def explained(self) -> bool | None:
        """Whether the seed alone may explain the gap; None with one seed."""
        low, high = self.interval
        return None if low == -inf else low <= self.published <= high

    @property
    def sentence(self) -> str:
        """Both figures, and whether chance explains the gap."""
        low, high = self.interval
        values = {
            "metric": score_name(self.metric),
            "published": percent(self.published),
            "ours": percent(self.mean),
            "gap": in_points(self.mean - self.published),
            "low": percent(low),
            "high": percent(high),
        }
        k = len(self.ours)
        start = ngettext(
            "{metric}: {published} published, {ours} here with one training ({gap}).",
            "{metric}: {published} published, {ours} here on average over {k} trainings ({gap}).",
            k,
        ).format(**values, k=k)
        if self.explained is None:
            return start + " " + _("One training does not tell how much of it is chance.")
        end = (
            _("95% of such trainings fall between {low} and {high}: the seed alone may explain the gap.")
            if self.explained
            else _("95% of such trainings fall between {low} and {high}: the gap is more than the seed explains.")
        )
        return f"{start} {end.format(**values)}"


@dataclass(frozen=True, eq=False, repr=False)
class Published(Printed):
    """Figures that somebody published, beside those of one variant.

    Attributes:
        source: who published them.
        claims: one a metric.
    """

    variant: str
    source: str
    claims: tuple[Claim, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """One a figure; then, where both accuracy and precision are published, whether they go together."""
        told = [
            Finding(
                "published",
                claim.sentence,
                {"published": claim.published, "ours": claim.mean, "low": claim.interval[0], "high": claim.interval[1]},
                self.variant,
            )
            for claim in self.claims
        ]
        together = self._together()
        return (*told, together) if together else tuple(told)

    @property
    def caption(self) -> str:
        """What the figure shows."""
        return _("Our trainings of {name} beside what {source} published").format(name=self.variant, source=self.source)

    def frame(self) -> "pd.DataFrame":
        """A line a metric: published, ours (mean over seeds), low and high of one more training, as fractions."""
        import pandas as pd

        rows = [
            {"published": c.published, "ours": c.mean, "low": c.interval[0], "high": c.interval[1]} for c in self.claims
        ]
        return pd.DataFrame(rows, index=pd.Index([c.metric for c in self.claims], name="metric"))

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """One line a metric: our trainings, where one more would fall, and what is published."""
        limits = [[value if np.isfinite(value) else np.nan for value in c.interval] for c in self.claims]
        return beside(
            [score_name(c.metric) for c in self.claims],
            [c.published for c in self.claims],
            [c.ours for c in self.claims],
            [low for low, _high in limits],
            [high for _low, high in limits],
            ax=ax,
        )

    def _together(self) -> Finding | None:
        """Whether published accuracy and precision can come from the same answers, as far as ours tell."""
        by_name = {claim.metric: claim for claim in self.claims}
        accuracy, precision = by_name.get("accuracy"), by_name.get("precision_macro")
        if accuracy is None or precision is None or len(accuracy.ours) < 2:
            return None
        theirs, ours = precision.published - accuracy.published, precision.ours - accuracy.ours
        low, high = _for_one_more(ours)
        values = {"theirs": in_points(theirs), "low": in_points(low), "high": in_points(high)}
        pattern = (
            _(
                "Published precision is {theirs} away from published accuracy; 95% of our trainings would put the "
                "difference between {low} and {high}: the two figures go together."
            )
            if low <= theirs <= high
            else _(
                "Published precision is {theirs} away from published accuracy, where 95% of our trainings would put "
                "the difference between {low} and {high}: the two figures do not seem to be of the same answers, or "
                "not of the same kind of mean."
            )
        )
        return Finding(
            "published", pattern.format(**values), {"theirs": theirs, "low": low, "high": high}, self.variant
        )


def published(answers: Predictions, source: str, figures: Mapping[str, float]) -> Published:
    """Put published figures beside those of a variant.

    Args:
        source: who published them.
        figures: fractions, by metric, among `SCORES`; macro means are over classes.

    Raises:
        StudyError: no figure, another metric, or a figure that is no fraction.
    """
    if not figures or set(figures) - set(SCORES) or not all(0 <= value <= 1 for value in figures.values()):
        raise StudyError(
            _("published figures {figures}").format(figures=dict(figures)),
            _("they are fractions from 0 to 1, of metrics that are computed here"),
            _("Give some of {names}, for example accuracy=0.9281.").format(names=", ".join(SCORES)),
        )
    ours = scores(answers)
    return Published(answers.variant, source, tuple(Claim(name, value, ours[name]) for name, value in figures.items()))


def scores(answers: Predictions) -> dict[str, Matrix]:
    """Each of `SCORES`, (k,) one a seed; macro means are over the classes that have images."""
    classes = per_class(answers)
    macro = {"precision": classes.precision, "recall": classes.recall, "f1": classes.f1}
    return {"accuracy": answers.accuracy, **{f"{name}_macro": np.nanmean(each, axis=1) for name, each in macro.items()}}


def score_name(metric: str) -> str:
    """A metric in the language in force."""
    names = {
        "accuracy": _("Accuracy"),
        "precision_macro": _("Precision (mean over classes)"),
        "recall_macro": _("Recall (mean over classes)"),
        "f1_macro": _("F1 (mean over classes)"),
    }
    return names[metric]


def _for_one_more(values: Sequence[float] | Matrix) -> tuple[float, float]:
    """The 95 % prediction interval for one more value; without limits with a single one."""
    each = np.asarray(values, np.float64)
    k = len(each)
    if k < 2:
        return -inf, inf
    half = quantile(0.975, k - 1) * float(each.std(ddof=1)) * sqrt(1 + 1 / k)
    return float(each.mean()) - half, float(each.mean()) + half
