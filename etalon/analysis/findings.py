"""Sentences computed from the results, each with the numbers that it rests on.

A sentence never claims more than its interval allows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from etalon.analysis.crossed import gap
from etalon.analysis.curves import Overfitting
from etalon.analysis.mistakes import Confusion, PerClass
from etalon.analysis.predictions import Predictions
from etalon.analysis.robustness import Robustness, corruption_name
from etalon.analysis.verdicts import MOST_SEEDS, Verdict, Verdicts
from etalon.figures.intervals import limit_points
from etalon.locales import _, in_points, ngettext, number, percent

if TYPE_CHECKING:
    from etalon.models.factors import Factor

Kind = Literal["effect", "overfitting", "classes", "confusions", "robustness", "factors", "consistency"]


@dataclass(frozen=True)
class Finding:
    """A sentence and its numbers.

    Attributes:
        kind: what it is about.
        text: in the language that was in force.
        numbers: name -> value: fractions for accuracies and their differences, 1.0 for a class or epoch 1.
        variant: which it is about.
    """

    kind: Kind
    text: str
    numbers: Mapping[str, float]
    variant: str = ""


def effects(verdicts: Verdicts) -> tuple[Finding, ...]:
    """The effect of each variant."""
    return tuple(effect(verdict, verdicts.rope) for verdict in verdicts.items)


def effect(verdict: Verdict, rope: float) -> Finding:
    """The effect of a variant against the reference, in words that its interval allows.

    The interval is the one that holds for all variants together.
    """
    values = {
        "name": verdict.variant,
        "difference": in_points(verdict.difference),
        "low": limit_points(verdict.low_simultaneous),
        "high": limit_points(verdict.high_simultaneous),
        "low_alone": limit_points(verdict.low),
        "high_alone": limit_points(verdict.high),
        "rope": in_points(rope, margin=True),
    }
    sentence = {"better": _better, "worse": _worse, "equivalent": _equivalent, "undecided": _undecided}
    numbers = {
        "difference": verdict.difference,
        "low": verdict.low_simultaneous,
        "high": verdict.high_simultaneous,
        "p_adjusted": verdict.p_adjusted,
        "seeds": float(verdict.comparison.k),
        "images": float(verdict.comparison.n),
    }
    if verdict.detectable is not None:
        numbers["detectable"] = verdict.detectable
    return Finding("effect", sentence[verdict.verdict](verdict, values), numbers, verdict.variant)


def overfits(found: Overfitting) -> Finding:
    """Whether a variant overfits, from which epoch, and whether to train it longer."""
    told = [found.sentence, found.verdict]
    if found.overfits_from is not None:
        told.insert(0, _("{name} overfits from epoch {epoch}.").format(name=found.variant, epoch=found.overfits_from))
    elif found.longer != "unknown":
        told.insert(0, _("{name} shows no overfitting on its loss curves.").format(name=found.variant))
    numbers = {"gap": found.gap, "best_epoch": float(found.best_epoch), "epochs": float(found.epochs)}
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
            images=_images(pair.count, mean=seeds > 1),
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


def several_factors(variant: str, factors: "Sequence[Factor]") -> Finding | None:
    """A warning for a variant that differs from the reference in more than one thing; None for one or none."""
    if len(factors) < 2:
        return None
    text = _(
        "{name} differs from the reference in {n} factors ({factors}): its effect cannot be put down to one of them."
    ).format(name=variant, n=len(factors), factors=_("; ").join(factor.sentence() for factor in factors))
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


def _better(verdict: Verdict, values: Mapping[str, str]) -> str:
    if verdict.low_simultaneous > 0:
        return _("{name} is better by {difference} (95% interval {low} to {high}).").format(**values)
    return _(
        "{name} is better by {difference} (95% interval {low_alone} to {high_alone}; all variants together, more than "
        "0 and up to {high}: by how much is not well known)."
    ).format(**values)


def _worse(verdict: Verdict, values: Mapping[str, str]) -> str:
    if verdict.high_simultaneous < 0:
        return _("{name} is worse: {difference} (95% interval {low} to {high}).").format(**values)
    return _(
        "{name} is worse: {difference} (95% interval {low_alone} to {high_alone}; all variants together, from {low} "
        "to less than 0: by how much is not well known)."
    ).format(**values)


def _equivalent(verdict: Verdict, values: Mapping[str, str]) -> str:
    low, high = verdict.comparison.interval(0.1)  # inside the margin exactly when both one-sided tests at 5 % pass
    return _(
        "{name} is equivalent to the reference: {difference}, and the 90% interval ({low_90} to {high_90}) lies "
        "within the margin of {rope}."
    ).format(**values, low_90=limit_points(low), high_90=limit_points(high))


def _undecided(verdict: Verdict, values: Mapping[str, str]) -> str:
    k = verdict.comparison.k
    if verdict.detectable is None:
        return _(
            "{name} is undecided: trained with one seed, it shows {difference}, and nothing tells whether the seed "
            "alone can do that."
        ).format(**values)
    if verdict.detectable > 1:  # more than two accuracies can differ by
        text = _(
            "{name} is undecided: {difference}, and the interval ({low} to {high}) contains 0; these {k} seeds are too "
            "few to show any difference."
        ).format(**values, k=k)
    else:
        text = _(
            "{name} is undecided: {difference}, and the interval ({low} to {high}) contains 0; with these {k} seeds a "
            "difference under {seen} could well not have been seen."
        ).format(**values, k=k, seen=in_points(verdict.detectable).removeprefix("+"))
    return f"{text} {_settled(verdict)}"


def _settled(verdict: Verdict) -> str:
    if verdict.seeds_needed is None:
        return _(
            "If the true difference is the one seen, even {n} seeds would not settle it; more images might."
        ).format(n=number(MOST_SEEDS, 0))
    return _("About {n} seeds would settle it, if the true difference is the one seen.").format(n=verdict.seeds_needed)


def _images(count: float, *, mean: bool) -> str:
    """A number of images, or a mean number with one decimal, of which English makes a plural whatever it is."""
    if mean:
        return ngettext("{n} images", "{n} images", int(round(count, 1))).format(n=number(count, 1))
    return ngettext("{n} image", "{n} images", round(count)).format(n=number(count, 0))
