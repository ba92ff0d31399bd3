"""Which model to choose, from validation alone."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import log2
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from etalon.analysis.crossed import Interval, compare, mean_accuracy
from etalon.analysis.design import ONCE, Design
from etalon.analysis.times import Times, alike, duration, faster, mean, overlap
from etalon.analysis.verdicts import ALPHA, ROPE, Trained, Verdicts, plain, verdicts
from etalon.errors import StudyError
from etalon.figures.intervals import limit_points
from etalon.figures.scatter import pareto
from etalon.locales import _, in_points, ngettext, number, percent, points

if TYPE_CHECKING:
    import pandas as pd

    from etalon.figures.style import Axes

INSTANT = 1e-3  # s: no training is shorter
# What a point of accuracy is worth: ten points less of overfitting, or training ten times twice as fast.
WEIGHTS: Mapping[str, float] = {"accuracy": 1.0, "overfitting": 0.1, "time": 0.1}


@dataclass(frozen=True, eq=False)
class Candidate:
    """What is known of a model on validation.

    Attributes:
        correct: (k, N) 1 right, 0 wrong, NaN not seen; same seeds and images for all candidates.
        gap: overfitting, accuracy on training images minus on validation, as a fraction.
        times: (k,) seconds of one training, one a seed.
        trained: what became of its trainings, where that is known.
    """

    name: str
    correct: NDArray[Any]
    gap: float
    times: Times
    trained: Trained | None = None

    @property
    def time(self) -> float:
        """Seconds of one training, mean over seeds."""
        return mean(self.times)


@dataclass(frozen=True)
class Assessment:
    """A candidate weighed.

    Attributes:
        accuracy: on validation, with its interval.
        gap, times, time: as in `Candidate`.
        difference: of accuracy with the reference, 0 for the reference itself.
        verdict: against the reference; "reference" for itself.
        eligible: it is better than the reference.
        close: it cannot be told from the most accurate of the eligible.
        front: no other is both more accurate and faster.
        score: weighted sum, in points of accuracy against the reference.
    """

    name: str
    accuracy: Interval
    gap: float
    times: Times
    time: float
    difference: float
    verdict: str
    eligible: bool
    close: bool
    front: bool
    score: float


@dataclass(frozen=True)
class Recommendation:
    """The model to choose, and why.

    Attributes:
        chosen: its name; the reference when nothing is better.
        reference: name of the reference.
        candidates: all of them, weighed, the reference first.
        weights: of accuracy (a point), overfitting (a point of gap) and time (a doubling).
        verdicts: those of the variants, on validation.
        cheaper: variants equivalent to the reference that train at least 20 % faster, when nothing is better; the times
            of the seeds do not overlap.
        lost: variants that could not be trained at all.
    """

    chosen: str
    reference: str
    candidates: tuple[Assessment, ...]
    weights: Mapping[str, float]
    verdicts: Verdicts
    cheaper: tuple[str, ...]
    lost: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Assessment:
        return next(c for c in self.candidates if c.name == name)

    def weighed(self, weights: Mapping[str, float]) -> "Recommendation":
        """The same candidates under other weights, as `recommend` would assess them; nothing is measured again.

        Raises:
            StudyError: a weight that is unknown or negative.
        """
        weights, base = _checked(weights), self[self.reference]
        candidates = [replace(c, score=score(c, base, c.difference, weights)) for c in self.candidates]
        return replace(self, chosen=_best(candidates), candidates=tuple(candidates), weights=weights)

    def __str__(self) -> str:
        return "\n".join([self.chosen, *self.reasons])

    @property
    def reasons(self) -> tuple[str, ...]:
        """Sentences built from the numbers, in the language in force."""
        return (*_reasons(self), *_set_aside(self))

    def frame(self) -> "pd.DataFrame":
        """A line a candidate; accuracy, its interval, gap and difference are fractions, time is in seconds."""
        import pandas as pd

        rows = [
            {**asdict(c), "accuracy": c.accuracy.value, "low": c.accuracy.low, "high": c.accuracy.high}
            for c in self.candidates
        ]
        table = pd.DataFrame(rows).drop(columns="times")
        return table.assign(chosen=[c.name == self.chosen for c in self.candidates]).set_index("name")

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Accuracy on validation against training time, with the Pareto front; the choice is circled."""
        found = self.candidates
        return pareto(
            [c.name for c in found],
            [c.time for c in found],
            [c.accuracy.value for c in found],
            front=[c.front for c in found],
            low=[c.accuracy.low for c in found],
            high=[c.accuracy.high for c in found],
            reference=self.reference,
            chosen=self.chosen,
            ax=ax,
            ylabel=_("Accuracy on validation"),
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values, for `json.dumps`."""
        told = {"verdicts": self.verdicts.to_json(), "reasons": self.reasons}
        found: dict[str, Any] = plain({**asdict(self), **told})
        return found


def recommend(
    candidates: Sequence[Candidate],
    *,
    weights: Mapping[str, float] = WEIGHTS,
    alpha: float = ALPHA,
    rope: float = ROPE,
    design: Design = ONCE,
    lost: Sequence[str] = (),
) -> Recommendation:
    """Choose a model from what was measured on validation.

    1. Only a variant that is "better" than the reference can replace it (`verdicts.verdicts`); if none is, the
       reference is kept.
    2. Of those, keep the most accurate and all that cannot be told from it (crossed comparison: p above alpha, or a
       difference within ±rope).
    3. Of these, the highest score: accuracy (points gained on the reference) less overfitting (points of gap more
       than the reference's) less time (doublings of the reference's), each times its weight.

    Args:
        candidates: the reference first.
        weights: for "accuracy", "overfitting", "time"; those left out keep their default.
        design: the looks and the overlap to allow for.
        lost: variants that could not be trained at all.

    Raises:
        StudyError: no candidate, a weight that is unknown or negative, scores of other shapes.
    """
    weights = _checked(weights)
    if not candidates:
        raise StudyError(
            _("no candidate"), _("there is nothing to choose from"), _("Give the reference and its variants.")
        )
    reference, *others = candidates
    found = verdicts(
        reference.correct,
        {c.name: c.correct for c in others},
        alpha=alpha,
        rope=rope,
        design=design,
        trained={c.name: (reference.trained, c.trained) for c in others if reference.trained and c.trained},
    )
    eligible = [c for c in others if found[c.name].verdict == "better"]
    close = _close(sorted(eligible, key=lambda c: -found[c.name].difference), alpha, rope, design)
    gained = [0.0 if c is reference else found[c.name].difference for c in candidates]  # over the seeds of both
    front = pareto_front([c.time for c in candidates], gained)
    assessed = tuple(
        Assessment(
            name=c.name,
            accuracy=mean_accuracy(c.correct, alpha=alpha, design=design),
            gap=c.gap,
            times=c.times,
            time=c.time,
            difference=difference,
            verdict="reference" if c is reference else found[c.name].verdict,
            eligible=c in eligible,
            close=c in close,
            front=on_front,
            score=score(c, reference, difference, weights),
        )
        for c, difference, on_front in zip(candidates, gained, front, strict=True)
    )
    same = [a for a in assessed if a.verdict == "equivalent" and not eligible]
    cheaper = [a.name for a in same if faster(a.times, reference.times)]
    return Recommendation(_best(assessed), reference.name, assessed, weights, found, tuple(cheaper), tuple(lost))


def score(
    candidate: Candidate | Assessment,
    reference: Candidate | Assessment,
    difference: float,
    weights: Mapping[str, float],
) -> float:
    """In points of accuracy: what the candidate gains on the reference, less what it costs."""
    return (
        weights["accuracy"] * 100 * difference
        - weights["overfitting"] * 100 * (candidate.gap - reference.gap)
        - weights["time"] * log2(max(candidate.time, INSTANT) / max(reference.time, INSTANT))
    )


def pareto_front(time: Sequence[float], accuracy: Sequence[float]) -> list[bool]:
    """Whether no other is at least as fast and as accurate, and more so on one count."""
    t, a = np.asarray(time, float), np.asarray(accuracy, float)
    as_good = (t[None] <= t[:, None]) & (a[None] >= a[:, None])  # (i, j): j is as good as i
    beaten = as_good & ((t[None] < t[:, None]) | (a[None] > a[:, None]))
    return [not row.any() for row in beaten]


def _best(assessed: Sequence[Assessment]) -> str:
    """The highest score of those that cannot be told from the most accurate; the reference, the first, if none can."""
    return max((a for a in assessed if a.close), key=lambda a: a.score, default=assessed[0]).name


def _close(ranked: Sequence[Candidate], alpha: float, rope: float, design: Design) -> list[Candidate]:
    """The first, and those that cannot be told from it."""
    close = list(ranked[:1])
    for other in ranked[1:]:
        found = compare(np.asarray(other.correct, np.float64) - close[0].correct, overlap=design.overlap)
        if design.two_sided(found.p, found.k) > alpha or abs(found.difference) <= rope:
            close.append(other)
    return close


def _checked(weights: Mapping[str, float]) -> dict[str, float]:
    unknown = [name for name in weights if name not in WEIGHTS]
    if unknown or any(not w >= 0 for w in weights.values()):
        raise StudyError(
            _("weights {weights}").format(weights=dict(weights)),
            _("a weight is a number of 0 or more, for accuracy, overfitting or time"),
            _("Leave the defaults, or give for example {example}.").format(example={**WEIGHTS, "time": 0.5}),
        )
    return {**WEIGHTS, **weights}


def _reasons(made: Recommendation) -> list[str]:
    chosen = made[made.chosen]
    if made.chosen == made.reference:
        return _reasons_to_keep(made)
    verdict = made.verdicts[made.chosen]
    better = (
        _(
            "{name} is better than {reference} by {difference} on validation (95% interval {low_alone} to "
            "{high_alone}; all variants together, more than 0 and up to {high})."
        )
        if verdict.open_at_zero
        else _(
            "{name} is better than {reference} by {difference} on validation "
            "(simultaneous 95% interval {low} to {high})."
        )
    )
    reasons = [
        better.format(
            name=made.chosen,
            reference=made.reference,
            difference=in_points(chosen.difference),
            low=limit_points(verdict.low_simultaneous),
            high=limit_points(verdict.high_simultaneous),
            low_alone=limit_points(verdict.low),
            high_alone=limit_points(verdict.high),
        )
    ]
    rivals = [c for c in made.candidates if c.close and c is not chosen]
    if rivals:
        reasons.append(
            _(
                "The most accurate variant and those that cannot be told from it: {scores}. The score decides between "
                "them."
            ).format(scores=", ".join(_scored(c) for c in (chosen, *rivals)))
        )
    elif sum(c.eligible for c in made.candidates) > 1:
        reasons.append(_("It is more accurate than the other variants that are better than the reference."))
    reasons.append(_cost(made))
    reasons.append(
        _(
            "The score counts {accuracy} for a point of accuracy, −{overfitting} for a point of overfitting, −{time} "
            "for a doubling of the training time."
        ).format(**{name: number(value) for name, value in made.weights.items()})
    )
    return reasons


def _scored(candidate: Assessment) -> str:
    return _("{name} (score {score})").format(name=candidate.name, score=points(candidate.score / 100))


def _cost(made: Recommendation) -> str:
    chosen, reference = made[made.chosen], made[made.reference]
    same = alike(chosen.times, reference.times)
    if same:
        told = _(
            "It trains in the same time as {reference}, {time}; its gap between training and validation is {gap}, "
            "against {reference_gap}."
        )
    elif overlap(chosen.times, reference.times):
        told = _(
            "It trains in {time}, {reference} in {reference_time}, but the times of the seeds overlap; its gap between "
            "training and validation is {gap}, against {reference_gap}."
        )
    else:
        told = _(
            "It trains in {time}, {reference} in {reference_time}; its gap between training and validation is {gap}, "
            "against {reference_gap}."
        )
    return told.format(
        time=duration([*chosen.times, *reference.times] if same else chosen.times),
        reference=made.reference,
        reference_time=duration(reference.times),
        gap=in_points(chosen.gap),
        reference_gap=in_points(reference.gap),
    )


def _set_aside(made: Recommendation) -> list[str]:
    """The models of which little can be said: trainings broke down, or there is one seed where others have more."""
    broken = [
        (
            _("{breakdown}: the seeds left are not drawn at random.")
            if one.name == made.reference
            else _("{breakdown}: it cannot be chosen.")
        ).format(breakdown=one.told)
        for one in made.verdicts.broken
    ]
    alone = [v for v in made.verdicts.items if not v.comparison.seeds_assessed]
    if len(alone) == len(made.verdicts):
        return broken
    return broken + [
        _("With one seed {name} cannot be said to be better: train it with more.").format(name=v.variant)
        for v in alone
        if not v.broken
    ]


def _reasons_to_keep(made: Recommendation) -> list[str]:
    kept = made[made.reference]
    if len(made.candidates) == 1 and made.lost:
        return [
            ngettext(
                "The only variant could not be trained: {name} is kept.",
                "None of the {n} variants could be trained: {name} is kept.",
                len(made.lost),
            ).format(n=len(made.lost), name=made.reference)
        ]
    if len(made.candidates) == 1:
        return [_("{name} was not compared with any variant.").format(name=made.reference)]
    if not any(v.comparison.seeds_assessed for v in made.verdicts.items):
        return [
            _(
                "With one seed no variant can be said to be better than {name}: it is kept. Train with more seeds."
            ).format(name=made.reference)
        ]
    reasons = [
        _("No variant is really better than {name} on validation ({accuracy}): it is kept.").format(
            name=made.reference, accuracy=percent(kept.accuracy.value)
        )
    ]
    for name in made.cheaper:
        reasons.append(
            _("{name} is equivalent to it within {rope} and trains in {time} instead of {reference}.").format(
                name=name,
                rope=in_points(made.verdicts.rope, margin=True),
                time=duration(made[name].times),
                reference=duration(kept.times),
            )
        )
    return reasons
