"""What the page Compare shows, made from the results of a study."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise
from math import ceil, log10
from typing import Literal

from etalon.analysis.crossed import Interval
from etalon.analysis.findings import effect
from etalon.analysis.recommend import Assessment, Recommendation
from etalon.analysis.verdicts import Metric, Verdict, Verdicts
from etalon.app.scales import Forest, Plane
from etalon.errors import StudyError
from etalon.figures.intervals import DIGITS, Unit, verdict_name, with_interval
from etalon.figures.style import NIGHT, colours
from etalon.locales import _, in_points, number
from etalon.locales import points as signed_points
from etalon.report.evidence import Entry
from etalon.report.tables import TONES
from etalon.result import Result

Pairs = Literal["reference", "steps", "all"]
Measure = Literal["val_accuracy", "val_loss", "accuracy", "loss"]
NEAR, LETTER, LINE = 1.2, 0.68, 4.0  # percent of a wide plane: from a point to its name, a letter, a line of text
DRAWN = 4  # curves, where nobody has chosen which


@dataclass(frozen=True)
class Row:
    """A line of the verdict table: a variant, or two of them.

    Attributes:
        name: of the variant; base: what it is compared with, "" for the reference itself.
        seeds: of the comparison, or of the reference.
        accuracy, gap, time: of the variant; None in a table of all pairs.
    """

    name: str
    base: str
    verdict: Verdict | None
    seeds: int
    accuracy: Interval | None = None
    gap: float | None = None
    time: float | None = None


@dataclass(frozen=True)
class Compared:
    """The verdict table, and the scale of its intervals."""

    rows: Sequence[Row]
    verdicts: Verdicts
    forest: Forest

    @property
    def unit(self) -> Unit:
        """Of the differences."""
        return unit_of(self.verdicts.metric)


@dataclass(frozen=True)
class Change:
    """A line of what each change does: a factor of a variant, or the reference.

    Attributes:
        because: why the variant was proposed; where it has several lines, on the first only.
        what: the factor, in words; base: the variant that it comes after, "" for the reference.
        weights: how many; gap, time: of the variant.
    """

    name: str
    because: str
    what: str
    base: str
    verdict: Verdict | None
    gap: float
    weights: int
    time: float


@dataclass(frozen=True)
class Changes:
    """What each change does; or why that cannot be told, where a variant waits for what it changes."""

    rows: Sequence[Change] = ()
    refusal: StudyError | None = None


@dataclass(frozen=True)
class Point:
    """A model in the plane of accuracy and time; places are percentages of the plane.

    Attributes:
        low, high: ends of the interval of its accuracy.
        tone: of its verdict.
        side: where its name stands, "right" or "left"; "" where there is no room, and it is shown once pointed at.
    """

    model: Assessment
    across: float
    up: float
    low: float
    high: float
    tone: str
    side: str = ""

    def box(self, side: str) -> tuple[float, float]:
        """The places across between which its name would stand."""
        length = NEAR + LETTER * len(self.model.name)
        return (
            (self.across + NEAR, self.across + length)
            if side == "right"
            else (self.across - length, self.across - NEAR)
        )


@dataclass(frozen=True)
class Drawn:
    """A curve: mean, least and greatest of the seeds, epoch after epoch, with its colours by day and by night."""

    name: str
    day: str
    night: str
    mean: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


def compared(result: Result, metric: Metric, of: int, pairs: Pairs) -> Compared:
    """The verdicts on a metric.

    Args:
        of: number of the class, for recall.

    Raises:
        StudyError: a class that is not there, or a metric that these models do not have.
    """
    names = result.dataset.class_names()
    if of >= len(names):
        raise StudyError(
            _("class {n}").format(n=of),
            _("the classes go from 0 to {last}").format(last=len(names) - 1),
            _("Choose a class in the list."),
        )
    verdicts = result.verdicts(metric=metric, of=names[of] if metric == "recall" else None, pairs=pairs)
    rows = _pairs(result, verdicts) if pairs == "all" else _variants(result, verdicts, pairs)
    return Compared(rows, verdicts, Forest.of(verdicts.items, verdicts.rope))


def pair(result: Result, first: str, second: str, metric: Metric, of: int) -> tuple[Verdict, str]:
    """What can be said of two variants, decided beforehand: the verdict, and a sentence.

    Raises:
        StudyError: a variant that has no finished trial, or a metric that these models do not have.
    """
    name = result.dataset.class_names()[of] if metric == "recall" else None
    found = result.compare(first, second, metric=metric, of=name)
    verdict = found.items[0]
    if unit_of(metric) == "points":
        return verdict, effect(verdict, found.rope, first).text
    told = with_interval(verdict.difference, *verdict.shown, unit_of(metric))
    return verdict, _("{name} against {reference}: {difference} nats, {verdict}.").format(
        name=second, reference=first, difference=told, verdict=verdict_name(verdict.verdict)
    )


def unit_of(metric: Metric) -> Unit:
    """Of the differences of a metric: log loss is in nats, the others are fractions."""
    return "number" if metric == "log_loss" else "points"


def amount(value: float, unit: Unit) -> str:
    """A difference without its sign, with its unit; nobody needs hundredths beyond ten points."""
    if unit == "number":
        return _("{n} nat").format(n=number(value, DIGITS))
    return in_points(value, 1 if value >= 0.1 else 2).removeprefix("+")


def tick(value: float, step: float, unit: Unit) -> str:
    """What stands at a tick of the differences, with as many decimals as the step asks for."""
    if abs(value) < step / 2:
        return "0"
    scale = 100 if unit == "points" else 1
    return signed_points(value * scale / 100, max(0, ceil(-log10(step * scale * 1.001))))


def points(made: Recommendation) -> tuple[Plane, list[Point]]:
    """The models in the plane of accuracy and time."""
    models = made.candidates
    lows, highs = [m.accuracy.low for m in models], [m.accuracy.high for m in models]
    plane = Plane.of([m.time for m in models], lows, highs)
    found = [
        Point(
            m,
            plane.across(m.time),
            plane.up(m.accuracy.value),
            plane.up(m.accuracy.low),
            plane.up(m.accuracy.high),
            TONES.get(m.verdict, "neutral"),
        )
        for m in models
    ]
    ranked = sorted(found, key=lambda p: (p.model.name not in (made.chosen, made.reference), not p.model.front, -p.up))
    sides = _sides(ranked)
    return plane, [replace(p, side=sides.get(p.model.name, "")) for p in found]


def staircase(found: Sequence[Point]) -> str:
    """The Pareto front as points of a polyline, from the fastest on, in percent, y downwards."""
    front = sorted((p for p in found if p.model.front), key=lambda p: p.across)
    corners = [f"{p.across} {100 - before.up:.2f}" for before, p in pairwise(front)]
    places = [f"{p.across} {100 - p.up:.2f}" for p in front]
    return " ".join([places[0], *(place for two in zip(corners, places[1:], strict=True) for place in two)])


def changes(result: Result) -> Changes:
    """What each change does, a line a factor, the reference first."""
    first, *others = result.evidence.entries
    rows = [_change(first, "", "—", None)]
    try:
        verdicts = result.verdicts(pairs="steps")
        for entry in others:
            said = [factor.sentence() for factor in entry.candidate.factors] or [_("nothing")]
            for i, what in enumerate(said):
                rows.append(_change(entry, "" if i else entry.because, what, verdicts[entry.name]))
    except StudyError as error:
        return Changes(refusal=error)
    return Changes(rows)


def _change(entry: Entry, because: str, what: str, verdict: Verdict | None) -> Change:
    return Change(
        entry.name,
        because,
        what,
        entry.candidate.after if verdict else "",
        verdict,
        entry.curves.overfitting.gap,
        entry.candidate.weights.total,
        entry.fit_time,
    )


def curves(result: Result, names: Sequence[str], measure: Measure) -> list[Drawn]:
    """The curves of some variants; those that have none yet are left out."""
    entries = result.evidence.entries
    shades = colours([entry.name for entry in entries], result.reference.name)
    found = []
    for entry in entries:
        if entry.name in names:
            values = (entry.curves.mean(measure), *entry.curves.spread(measure))
            day = shades[entry.name]
            found.append(Drawn(entry.name, day, NIGHT.get(day, day), *(one.tolist() for one in values)))
    return found


def notable(made: Recommendation) -> list[str]:
    """The variants whose curves are drawn unless others are chosen: the reference, the choice, the most accurate."""
    best = sorted(made.candidates, key=lambda c: -c.accuracy.value)
    return list(dict.fromkeys([made.reference, made.chosen, *(c.name for c in best)]))[:DRAWN]


def _sides(ranked: Sequence[Point]) -> dict[str, str]:
    """On which side of its point each name stands, the first ones first, where it covers no point nor other name."""
    taken: list[tuple[float, float, float]] = [(p.across, p.across, p.up) for p in ranked]
    sides = {}
    for point in ranked:
        for side in ("right", "left"):
            start, end = point.box(side)
            free = all(abs(up - point.up) > LINE or high < start or low > end for low, high, up in taken)
            if free and start >= 0 and end <= 100:
                sides[point.model.name] = side
                taken.append((start, end, point.up))
                break
    return sides


def _variants(result: Result, verdicts: Verdicts, pairs: Pairs) -> list[Row]:
    """A line a variant; the reference too, where all are compared with it."""
    rows = []
    judged = {v.variant: v for v in verdicts.items}
    for entry in result.evidence.entries:
        verdict, alone = judged.get(entry.name), entry.name == result.reference.name
        if verdict is None and not (alone and pairs == "reference"):
            continue
        base = "" if alone else entry.candidate.after if pairs == "steps" else result.reference.name
        rows.append(
            Row(
                entry.name,
                base,
                verdict,
                verdict.comparison.k if verdict else len(entry.fit_times),
                (entry.test or entry.validation).accuracy,
                entry.curves.overfitting.gap,
                entry.fit_time,
            )
        )
    return rows


def _pairs(result: Result, verdicts: Verdicts) -> list[Row]:
    two = combinations([outcome.name for outcome in result], 2)
    found = zip(two, verdicts.items, strict=True)
    return [Row(second, first, verdict, verdict.comparison.k) for (first, second), verdict in found]
