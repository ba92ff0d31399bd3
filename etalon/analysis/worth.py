"""Whether a change is worth what it costs, and what all the changes tell together."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from etalon.analysis.crossed import Interval, quantile
from etalon.analysis.curves import Overfitting
from etalon.analysis.findings import Finding, effect
from etalon.analysis.findings import against as compared
from etalon.analysis.predictions import PartName
from etalon.analysis.times import FASTER, Times, alike, duration, faster, mean, overlap
from etalon.analysis.verdicts import Verdict, Verdicts
from etalon.errors import StudyError
from etalon.figures.intervals import limit_points
from etalon.locales import _, in_points, ngettext, number, percent

if TYPE_CHECKING:
    from etalon.figures.style import Axes


@dataclass(frozen=True)
class Cost:
    """What one training of a variant takes.

    Attributes:
        weights: of the model.
        times: (k,) seconds, one a seed.
        updates: of the weights, in all the epochs.
    """

    weights: int
    times: Times
    updates: int

    @property
    def time(self) -> float:
        """Seconds, mean over seeds."""
        return mean(self.times)


def worth(verdicts: Verdicts, name: str, cost: Cost, before: Cost, against: str = "") -> Finding:
    """Whether a variant is worth adopting: its effect, what it costs, and what follows.

    Args:
        verdicts: against the reference, or against the variant called `against`; that of the variant is among them.
        cost, before: of the variant, and of what it is compared with.

    Raises:
        StudyError: no such variant.
    """
    verdict = verdicts[name]
    found = compared(verdict, verdicts.rope, against) if against else effect(verdict, verdicts.rope)
    told = [found.text, *_costs(cost, before), _conclusion(verdict, cost, before)]
    numbers = {
        **found.numbers,
        **{"weights": float(cost.weights), "weights_before": float(before.weights)},
        **{"fit_time": cost.time, "fit_time_before": before.time},
        **{"updates": float(cost.updates), "updates_before": float(before.updates)},
    }
    return Finding(
        "worth", " ".join(told), numbers, name, partial(_forest, replace(verdicts, items=(verdict,)), against)
    )


def merits(name: str, part: PartName, accuracy: Interval, gap: float, cost: Cost) -> Finding:
    """What a model is worth, all told: accuracy on a part, overfitting, weights, time.

    Args:
        gap: accuracy on training images minus on validation, as a fraction.
    """
    right = (
        _("On test, {name} classes {accuracy} of the images rightly (95% interval {low} to {high}).")
        if part == "test"
        else _("On validation, {name} classes {accuracy} of the images rightly (95% interval {low} to {high}).")
    )
    told = [
        right.format(
            name=name, accuracy=percent(accuracy.value), low=percent(accuracy.low), high=percent(accuracy.high)
        ),
        _("Its gap between training and validation is {gap}; it has {weights} weights and trains in {time}.").format(
            gap=in_points(gap), weights=number(cost.weights, 0), time=duration(cost.times)
        ),
    ]
    numbers = {"accuracy": accuracy.value, "low": accuracy.low, "high": accuracy.high, "gap": gap}
    numbers |= {"weights": float(cost.weights), "fit_time": cost.time, "updates": float(cost.updates)}
    return Finding("worth", " ".join(told), numbers, name)


def gaps(first: Overfitting, second: Overfitting) -> Finding:
    """Whether the second overfits less than the first: the difference of their gaps, over the same seeds.

    The interval is Student's, over the seeds.

    Raises:
        StudyError: other numbers of seeds.
    """
    if len(first.gaps) != len(second.gaps):
        raise StudyError(
            _("gaps of {a} and of {b} seeds").format(a=len(first.gaps), b=len(second.gaps)),
            _("they are compared seed by seed"),
            _("Train both with the same seeds."),
        )
    each = second.gaps - first.gaps
    difference, k = float(each.mean()), len(each)
    told = {
        "name": second.variant,
        "other": first.variant,
        "gap": in_points(second.gap),
        "before": in_points(first.gap),
        "difference": in_points(difference),
    }
    numbers = {"gap": second.gap, "gap_before": first.gap, "difference": difference}
    if k < 2:
        text = _(
            "The gap between training and validation is {gap} for {name}, {before} for {other}: with one seed, nothing "
            "tells whether the difference is chance."
        )
        return Finding("gap", text.format(**told), numbers, second.variant)
    half = quantile(0.975, k - 1) * float(np.std(each, ddof=1)) / k**0.5
    low, high = difference - half, difference + half
    if high < 0:
        text = _(
            "{name} overfits less than {other}: the gap between training and validation goes from {before} to {gap}, a "
            "difference of {difference} (95% interval over seeds {low} to {high})."
        )
    elif low > 0:
        text = _(
            "{name} overfits more than {other}: the gap between training and validation goes from {before} to {gap}, a "
            "difference of {difference} (95% interval over seeds {low} to {high})."
        )
    else:
        text = _(
            "{name} is not shown to overfit less or more than {other}: the gap between training and validation goes "
            "from {before} to {gap}, a difference of {difference} (95% interval over seeds {low} to {high})."
        )
    told |= {"low": limit_points(low), "high": limit_points(high)}
    return Finding("gap", text.format(**told), {**numbers, "low": low, "high": high}, second.variant)


def summary(found: Verdicts) -> Finding:
    """What all the changes tell together: how many help, harm, change nothing; the largest effect."""
    items, names = found.items, {}
    for word in ("better", "worse", "equivalent", "undecided"):
        names[word] = [v.variant for v in items if v.verdict == word]
    lines = {
        "better": _("shown better: {names}"),
        "worse": _("shown worse: {names}"),
        "equivalent": _("equivalent: {names}"),
        "undecided": _("undecided: {names}"),
    }
    listed = [lines[word].format(names=", ".join(some)) for word, some in names.items() if some]
    told = ngettext("Of {n} change tried, {listed}.", "Of {n} changes tried, {listed}.", len(items)).format(
        n=len(items), listed=_("; ").join(listed)
    )
    decided = [v for v in items if v.verdict in ("better", "worse")]
    if decided:
        most = max(decided, key=lambda v: abs(v.difference))
        told += " " + _("The largest effect that is shown is that of {name}: {difference}.").format(
            name=most.variant, difference=in_points(most.difference)
        )
    else:
        told += " " + _("None of them has an effect that is shown.")
    return Finding("summary", told, {word: float(len(some)) for word, some in names.items()})


def _forest(verdicts: Verdicts, against: str) -> "Axes":
    ax = verdicts.plot()
    if against:
        ax.set_xlabel(_("Difference of accuracy with {name} (points)").format(name=against))
    return ax


def _costs(cost: Cost, before: Cost) -> Sequence[str]:
    told, same_time = [], alike(cost.times, before.times)
    figures = {
        "weights": number(cost.weights, 0),
        "weights_before": number(before.weights, 0),
        "time": duration([*cost.times, *before.times] if same_time else cost.times),
        "time_before": duration(before.times),
        "updates": number(cost.updates, 0),
        "updates_before": number(before.updates, 0),
    }
    if cost.weights == before.weights:
        told.append(_("It has as many weights, {weights}."))
    else:
        told.append(_("It has {weights} weights instead of {weights_before}."))
    if same_time:
        told.append(_("It trains in as much time, {time}."))
    elif overlap(cost.times, before.times):
        told.append(_("It trains in {time} instead of {time_before}, but the times of the seeds overlap."))
    else:
        told.append(_("It trains in {time} instead of {time_before}."))
    if cost.updates != before.updates:
        told.append(_("A training updates the weights {updates} times instead of {updates_before}."))
    return [text.format(**figures) for text in told]


def _conclusion(verdict: Verdict, cost: Cost, before: Cost) -> str:
    cheaper = cost.weights < before.weights or faster(cost.times, before.times)
    if verdict.verdict == "worse":
        return _("The results are degraded: it is not worth it.")
    if verdict.verdict == "better":
        dearer = cost.weights > before.weights or mean(before.times) <= FASTER * mean(cost.times)
        return _("It is worth it if that gain is worth its cost.") if dearer else _("It is worth it: it costs no more.")
    if verdict.verdict == "equivalent":
        return (
            _("It is worth it for its cost alone: the accuracy is the same.")
            if cheaper
            else _("It is not worth it: nothing is gained.")
        )
    return _("These trainings do not show that it is worth it.")
