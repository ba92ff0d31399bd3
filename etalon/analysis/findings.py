"""Sentences computed from the results, each with the numbers that it rests on.

A sentence never claims more than its interval allows.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from html import escape
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from etalon.analysis.crossed import gap
from etalon.analysis.curves import Overfitting
from etalon.analysis.mistakes import Confusion, PerClass
from etalon.analysis.outlook import MOST_SEEDS
from etalon.analysis.predictions import Predictions
from etalon.analysis.recommend import Recommendation
from etalon.analysis.robustness import Robustness, corruption_name
from etalon.analysis.verdicts import Metric, Verdict, Verdicts, plain, unit_of
from etalon.figures.intervals import Unit, limit_points, scaled_limit, with_unit
from etalon.locales import _, in_points, ngettext, number, percent

if TYPE_CHECKING:
    from etalon.models.factors import Factor

Kind = Literal[
    "effect",
    "worth",
    "summary",
    "overfitting",
    "gap",
    "classes",
    "confusions",
    "hesitation",
    "robustness",
    "factors",
    "consistency",
    "recommendation",
    "data",
    "weights",
    "output",
    "compile",
    "updates",
    "architecture",
    "gradients",
    "published",
    "search",
]


@dataclass(frozen=True)
class Finding:
    """A sentence and its numbers.

    Attributes:
        kind: what it is about.
        text: in the language that was in force.
        numbers: name -> value: fractions for accuracies and their differences, nats for log losses, 1.0 for a class or
            epoch 1.
        variant: which it is about.
        figure: draws what it rests on, or None.
    """

    kind: Kind
    text: str
    numbers: Mapping[str, float]
    variant: str = ""
    figure: Callable[[], Any] | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return self.text

    def to_json(self) -> dict[str, Any]:
        """Plain values, for `json.dumps`; what is not a finite number is None."""
        told = asdict(self)
        del told["figure"]
        found: dict[str, Any] = plain(told)
        return found


class Findings(tuple[Finding, ...]):
    """Several findings, which print as their sentences, one a line."""

    def __str__(self) -> str:
        return "\n".join(finding.text for finding in self)

    def _repr_html_(self) -> str:
        return "".join(f"<p>{escape(finding.text)}</p>" for finding in self)


def effects(verdicts: Verdicts) -> Findings:
    """The effect of each variant; the metric is said where it is not accuracy."""
    found = (effect(verdict, verdicts.rope, metric=verdicts.metric) for verdict in verdicts.items)
    if verdicts.metric == "accuracy":
        return Findings(found)
    metrics = {
        "log_loss": _("Log loss: {text}"),
        "recall": _("Recall of the class: {text}"),
        "macro_f1": _("Macro F1: {text}"),
    }
    return Findings(replace(one, text=metrics[verdicts.metric].format(text=one.text)) for one in found)


def effect(verdict: Verdict, rope: float, against: str = "", metric: Metric = "accuracy") -> Finding:
    """The effect of a variant against the reference (or another, by its name), in words that its interval allows.

    The interval is the one that holds for all variants together.

    Args:
        metric: what was compared, which gives the unit: nats for log loss, points for the others.
    """
    unit = unit_of(metric)
    values = {
        "name": verdict.variant,
        "reference": against or _("the reference"),
        "difference": with_unit(verdict.difference, unit),
        "amount": with_unit(abs(verdict.difference), unit).removeprefix("+"),
        "low": scaled_limit(verdict.low_simultaneous, unit),
        "high": scaled_limit(verdict.high_simultaneous, unit),
        "low_alone": scaled_limit(verdict.low, unit),
        "high_alone": scaled_limit(verdict.high, unit),
        "low_90": scaled_limit(verdict.low_narrow, unit),
        "high_90": scaled_limit(verdict.high_narrow, unit),
        "rope": with_unit(rope, unit, margin=True),
    }
    if verdict.verdict == "equivalent":
        text = _equivalent(values)
    elif verdict.verdict == "undecided":
        text = _undecided(verdict, values, unit)
    elif metric == "log_loss":
        text = _decided_by_less(verdict, values)
    else:
        text = _decided(verdict, values)
    numbers = {
        "difference": verdict.difference,
        "low": verdict.low_simultaneous,
        "high": verdict.high_simultaneous,
        "seeds": float(verdict.comparison.k),
        "images": float(verdict.comparison.n),
    }
    if verdict.p_adjusted is not None:
        numbers["p_adjusted"] = verdict.p_adjusted
    if verdict.detectable is not None:
        numbers["detectable"] = verdict.detectable
    return Finding("effect", text, numbers, verdict.variant)


def against(verdict: Verdict, rope: float, parent: str) -> Finding:
    """The effect of a variant against another one than the reference, which is named first."""
    found = effect(verdict, rope, parent)
    told = _("Compared with {name}:").format(name=parent)
    return replace(found, text=f"{told} {found.text}")


def overfits(found: Overfitting) -> Finding:
    """Whether a variant overfits, from which epoch, and whether to train it longer."""
    told = [found.sentence, found.verdict, *_best_epochs(found)]
    if found.overfits_from is not None:
        told.insert(0, _("{name} overfits from epoch {epoch}.").format(name=found.variant, epoch=found.overfits_from))
    elif found.longer != "unknown":
        told.insert(0, _("{name} shows no overfitting on its loss curves.").format(name=found.variant))
    numbers = {
        "gap": found.gap,
        "best_epoch": float(found.best_epoch),
        "best_epoch_mean": float(found.best_epochs.mean()),
        "best_epoch_low": float(found.best_epochs.min()),
        "best_epoch_high": float(found.best_epochs.max()),
        "epochs": float(found.epochs),
    }
    if found.low is not None and found.high is not None:
        numbers |= {"low": found.low, "high": found.high}
    if found.overfits_from is not None:
        numbers["overfits_from"] = float(found.overfits_from)
    return Finding("overfitting", " ".join(told), numbers, found.variant)


def worst_classes(classes: PerClass, n: int = 1) -> Finding:
    """The class, or the n classes, with the highest error rate."""
    worst = classes.worst(n)
    listed = ", ".join(
        _("{name} ({rate} of its images misclassified)").format(name=name, rate=percent(rate)) for name, rate in worst
    )
    text = ngettext("The worst class is {listed}.", "The worst classes are {listed}.", len(worst)).format(listed=listed)
    k, times = len(classes.error), int((np.nanargmax(classes.error, axis=1) == classes.names.index(worst[0][0])).sum())
    if n == 1 and k > 1:
        text += " " + ngettext(
            "It is the worst with {times} seed of {k}.", "It is the worst with {times} seeds of {k}.", times
        ).format(times=times, k=k)
    return Finding("classes", text, dict(worst), classes.variant)


def confusions(confusion: Confusion, n: int = 3) -> Finding:
    """The commonest confusions."""
    pairs = confusion.most_confused(n)
    if not pairs:
        return Finding("confusions", _("No image is misclassified."), {}, confusion.variant)
    seeds = len(confusion.each)
    listed = _("; ").join(
        _("{true} taken for {predicted} ({images}, {share} of the class)").format(
            true=pair.true,
            predicted=pair.predicted,
            images=some_images(pair.count, mean=seeds > 1),
            share=percent(pair.share, 1),
        )
        for pair in pairs
    )
    text = ngettext(
        "The commonest confusion is {listed}.", "The {n} commonest confusions are {listed}.", len(pairs)
    ).format(n=len(pairs), listed=listed)
    if seeds > 1:
        text += " " + _("Counts are means over {k} seeds.").format(k=seeds)
    numbers = {f"{pair.true} → {pair.predicted}": pair.count for pair in pairs}
    return Finding("confusions", text, numbers, confusion.variant)


def robustness(found: Robustness, model: str) -> Finding:
    """What degraded images cost a model, and which corruption hurts it the most."""
    name, drop = found.worst(model)
    tests = {test: float(scores.mean()) for test, scores in found.document[model].items()}
    mean = found.mean_relative_drop(model)
    text = _(
        "{model} recognises {clean} of the original images, {noise} of the noisy ones, {rotation} of the rotated ones. "
        "Over all corruptions it loses {mean} of its accuracy on average; the one that hurts the most is {worst} "
        "({drop})."
    ).format(
        model=model,
        **{test: percent(score) for test, score in tests.items()},
        mean=percent(mean, 1),
        worst=corruption_name(name),
        drop=percent(drop, 1),
    )
    return Finding("robustness", text, {**tests, "mean_relative_drop": mean, "worst_drop": drop}, model)


def several_factors(variant: str, factors: "Sequence[Factor]", after: str = "") -> Finding | None:
    """A warning for a variant that changes more than one thing; None for one or none.

    Args:
        after: the variant that it comes after; "" for the reference.
    """
    if len(factors) < 2:
        return None
    text = _(
        "{name} differs from {other} in {n} factors ({factors}): its effect cannot be put down to one of them."
    ).format(
        name=variant,
        other=after or _("the reference"),
        n=len(factors),
        factors=_("; ").join(factor.sentence() for factor in factors),
    )
    return Finding("factors", text, {"factors": float(len(factors))}, variant)


def consistency(validation: Predictions, test: Predictions) -> Finding:
    """Whether accuracy on test is that of validation, for the seeds that have both."""
    found = gap(test.correct(), validation.correct())
    numbers = {"difference": found.difference, "low": found.low, "high": found.high}
    scores = {"test": percent(float(test.accuracy.mean())), "validation": percent(float(validation.accuracy.mean()))}
    interval = {
        "difference": in_points(found.difference),
        "low": limit_points(found.low),
        "high": limit_points(found.high),
    }
    if found.low > 0 or found.high < 0:
        pattern = _(
            "{name}: {test} on test, {validation} on validation; the difference, {difference} "
            "(95% interval {low} to {high}), is more than chance explains."
        )
    else:
        pattern = _(
            "{name}: {test} on test, {validation} on validation; the difference, {difference} "
            "(95% interval {low} to {high}), is compatible with 0."
        )
    return Finding("consistency", pattern.format(name=test.variant, **scores, **interval), numbers, test.variant)


def recommended(made: Recommendation) -> Finding:
    """The model to choose, all told: accuracy, overfitting, time."""
    chosen = made[made.chosen]
    told = _("{name} is the one to choose.") if made.chosen != made.reference else _("{name}, the reference, is kept.")
    numbers = {
        "accuracy": chosen.accuracy.value,
        "low": chosen.accuracy.low,
        "high": chosen.accuracy.high,
        "gap": chosen.gap,
        "fit_time": chosen.time,
        "score": chosen.score,
    }
    return Finding("recommendation", " ".join([told.format(name=made.chosen), *made.reasons]), numbers, made.chosen)


def _decided(verdict: Verdict, values: Mapping[str, str]) -> str:
    """Better or worse, by a metric of which more is better."""
    if verdict.verdict == "better":
        told = (
            _(
                "{name} is better by {difference} (95% interval {low_alone} to {high_alone}; all variants together, "
                "more than 0 and up to {high}: by how much is not well known)."
            )
            if verdict.open_at_zero
            else _("{name} is better by {difference} (95% interval {low} to {high}).")
        )
    else:
        told = (
            _(
                "{name} is worse: {difference} (95% interval {low_alone} to {high_alone}; all variants together, from "
                "{low} to less than 0: by how much is not well known)."
            )
            if verdict.open_at_zero
            else _("{name} is worse: {difference} (95% interval {low} to {high}).")
        )
    return told.format(**values)


def _decided_by_less(verdict: Verdict, values: Mapping[str, str]) -> str:
    """Better or worse, by a metric of which less is better."""
    if verdict.verdict == "better":
        told = (
            _(
                "{name} is better, lower by {amount} (95% interval {low_alone} to {high_alone}; all variants "
                "together, from {low} to less than 0: by how much is not well known)."
            )
            if verdict.open_at_zero
            else _("{name} is better, lower by {amount} (95% interval {low} to {high}).")
        )
    else:
        told = (
            _(
                "{name} is worse, higher by {amount} (95% interval {low_alone} to {high_alone}; all variants "
                "together, more than 0 and up to {high}: by how much is not well known)."
            )
            if verdict.open_at_zero
            else _("{name} is worse, higher by {amount} (95% interval {low} to {high}).")
        )
    return told.format(**values)


def _equivalent(values: Mapping[str, str]) -> str:
    return _(
        "{name} is equivalent to {reference}: {difference}, and the 90% interval ({low_90} to {high_90}) lies "
        "within the margin of {rope}."
    ).format(**values)


def _undecided(verdict: Verdict, values: Mapping[str, str], unit: Unit) -> str:
    k = verdict.comparison.k
    if verdict.broken:
        return _(
            "{name} is undecided: {difference}, but {breakdown}, and the seeds left are not drawn at random."
        ).format(**values, breakdown=", ".join(one.told for one in verdict.broken))
    if verdict.images_needed is not None:
        return _(
            "{name} is undecided: {difference}, and the 90% interval ({low_90} to {high_90}) lies within the margin of "
            "{rope}, but models that differ by as much could seem as close on {n} images by chance: it takes {needed}."
        ).format(**values, n=number(verdict.comparison.n, 0), needed=number(verdict.images_needed, 0))
    if verdict.detectable is None:
        return _(
            "{name} is undecided: trained with one seed, it shows {difference}, and nothing tells whether the seed "
            "alone can do that."
        ).format(**values)
    if unit == "points" and verdict.detectable > 1:  # more than two accuracies can differ by
        text = _(
            "{name} is undecided: {difference}, and the interval ({low} to {high}) contains 0; these {k} seeds are too "
            "few to show any difference."
        ).format(**values, k=k)
    else:
        text = _(
            "{name} is undecided: {difference}, and the interval ({low} to {high}) contains 0; with these {k} seeds a "
            "difference under {seen} could well not have been seen."
        ).format(**values, k=k, seen=with_unit(verdict.detectable, unit).removeprefix("+"))
    return f"{text} {_settled(verdict)}"


def _best_epochs(found: Overfitting) -> list[str]:
    """When each seed does best; nothing with one seed, or one epoch."""
    best = found.best_epochs
    if len(best) < 2 or found.epochs < 2:
        return []
    if best.min() == best.max():
        return [_("Each seed does best at epoch {epoch}.").format(epoch=best[0])]
    return [
        _("The {k} seeds do best at epoch {mean} on average ({low} to {high}).").format(
            k=len(best), mean=number(float(best.mean()), 1), low=best.min(), high=best.max()
        )
    ]


def _settled(verdict: Verdict) -> str:
    if verdict.seeds_needed is None:
        return _(
            "If the true difference is the one seen, even {n} seeds would not settle it; more images might."
        ).format(n=number(MOST_SEEDS, 0))
    return _("About {n} seeds would settle it, if the true difference is the one seen.").format(n=verdict.seeds_needed)


def some_images(count: float, *, mean: bool) -> str:
    """A number of images, or a mean number with one decimal, of which English makes a plural whatever it is."""
    if mean:
        return ngettext("{n} images", "{n} images", int(round(count, 1))).format(n=number(count, 1))
    return ngettext("{n} image", "{n} images", round(count)).format(n=number(count, 0))
