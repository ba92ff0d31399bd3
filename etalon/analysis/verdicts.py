"""Which variants really differ from the reference."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from html import escape
from math import inf
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from etalon.analysis.crossed import Comparison, compare
from etalon.analysis.design import ONCE, Design
from etalon.analysis.outlook import detectable, images_needed, seeds_needed, unseen
from etalon.errors import StudyError
from etalon.figures.intervals import Unit, forest, interval, scaled, verdict_name, with_interval
from etalon.locales import _, ngettext, p_cell, p_value

if TYPE_CHECKING:
    import pandas as pd

    from etalon.figures.style import Axes

Word = Literal["better", "worse", "equivalent", "undecided"]
Metric = Literal["accuracy", "log_loss", "recall", "macro_f1"]

ALPHA = 0.05
ROPE = 0.002  # 0.2 point of accuracy


@dataclass(frozen=True)
class Trained:
    """What became of the trainings of a model.

    Attributes:
        name: of the model.
        seeds: with which it was to be trained.
        broken: trainings that broke down. The seeds left are then not drawn at random: they may be those that do well.
        keys: of its trials; two models with the same ones are one network.
    """

    name: str
    seeds: int
    broken: int = 0
    keys: tuple[str, ...] = field(default=(), repr=False)

    @property
    def told(self) -> str:
        """That some broke down, without a full stop, in the language in force."""
        return ngettext(
            "{name} broke down with {broken} seed of {seeds}",
            "{name} broke down with {broken} seeds of {seeds}",
            self.broken,
        ).format(name=self.name, broken=self.broken, seeds=self.seeds)


Pair = tuple[Trained, Trained]  # reference, variant


@dataclass(frozen=True)
class Verdict:
    """What can be said of one variant against the reference. Intervals of rates are cut at ±1.

    Attributes:
        difference: of the metric (accuracy unless said otherwise, as a fraction), variant minus reference.
        low, high: its interval at level 1 - alpha, of this variant alone. This interval and the next ones hold at all
            the looks of the design together, and so at the one after which the variant got no more seeds ("repeated
            confidence intervals", Jennison and Turnbull 1989).
        low_narrow, high_narrow: the same at level 1 - 2 alpha: it lies within ±rope exactly when two one-sided tests
            at alpha do say equivalent.
        low_simultaneous, high_simultaneous: intervals that hold for all variants together (Bonferroni); where Holm's
            test, which is sharper, has shown the sign, the limit on the other side of 0 is brought to 0, which is
            then not part of the interval.
        p, p_adjusted: two-sided, corrected for the looks of the design; before and after Holm's correction over the
            variants. None where nothing can be tested: with one seed, and where trainings broke down, unless the
            verdict is against the model that did.
        verdict: better, worse, equivalent or undecided.
        detectable: the least difference that this many seeds would have shown in 80 % of studies, at the level
            of the simultaneous intervals; None with one seed.
        seeds_needed: for an undecided variant, the number of seeds that would settle it (in 80 % of studies, were
            the true difference the one seen): show a difference, or equivalence. None when already settled, when no
            number of seeds would (the images dominate), with one seed, and where trainings broke down.
        images_needed: for a variant that is undecided only because there are too few images to show equivalence, how
            many it takes; None otherwise.
        comparison: the test itself.
        trained: what became of the trainings of the reference and of the variant, where that is known.
    """

    variant: str
    difference: float
    low: float
    high: float
    low_narrow: float
    high_narrow: float
    low_simultaneous: float
    high_simultaneous: float
    p: float | None
    p_adjusted: float | None
    verdict: Word
    detectable: float | None
    seeds_needed: int | None
    images_needed: int | None
    comparison: Comparison
    trained: tuple[()] | Pair = ()

    @property
    def broken(self) -> tuple[Trained, ...]:
        """Those of the two models of which trainings broke down."""
        return tuple(one for one in self.trained if one.broken)

    @property
    def shown(self) -> tuple[float, float]:
        """The interval to show beside the verdict: the one within the margin if equivalent, else the simultaneous."""
        if self.verdict == "equivalent":
            return self.low_narrow, self.high_narrow
        return self.low_simultaneous, self.high_simultaneous

    def to_json(self) -> dict[str, Any]:
        """Plain values, for `json.dumps`; what is not a finite number is None."""
        keys = [{"name": one.name, "seeds": one.seeds, "broken": one.broken} for one in self.trained]
        found: dict[str, Any] = plain({**asdict(self), "trained": keys})
        return found

    @property
    def open_at_zero(self) -> bool:
        """Whether the simultaneous interval ends at a 0 that is not part of it."""
        return self.verdict in ("better", "worse") and 0 in (self.low_simultaneous, self.high_simultaneous)


@dataclass(frozen=True)
class Verdicts:
    """The verdicts of a study, in the order of its variants.

    Attributes:
        items: one a variant.
        alpha: error rate, of all the "better" and "worse" together.
        rope: margin of practical interest, in the unit of the metric: a fraction, nats for log loss.
        metric: what was compared; of log loss, less is better.
        design: the looks and the overlap that were allowed for.
    """

    items: tuple[Verdict, ...]
    alpha: float
    rope: float
    metric: Metric = "accuracy"
    design: Design = ONCE

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, variant: str) -> Verdict:
        """The verdict of a variant, by its name.

        Raises:
            StudyError: no such variant.
        """
        for item in self.items:
            if item.variant == variant:
                return item
        raise StudyError(
            _("variant {name!r}").format(name=variant),
            _("it was not compared"),
            _("Choose one of {names}.").format(names=", ".join(item.variant for item in self.items)),
        )

    def frame(self) -> "pd.DataFrame":
        """One line a variant; differences are fractions. Columns: the attributes of `Verdict`, then k and n."""
        import pandas as pd

        columns = [name for name in Verdict.__dataclass_fields__ if name not in ("comparison", "trained")]
        rows = [{**{c: getattr(v, c) for c in columns}, "k": v.comparison.k, "n": v.comparison.n} for v in self.items]
        return pd.DataFrame(rows, columns=[*columns, "k", "n"]).set_index("variant")

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """The forest of the differences."""
        items = self.items
        return forest(
            [v.variant for v in items],
            [v.difference for v in items],
            [v.low for v in items],
            [v.high for v in items],
            [v.verdict for v in items],
            low_outer=[v.low_simultaneous for v in items],
            high_outer=[v.high_simultaneous for v in items],
            rope=self.rope,
            ax=ax,
            xlabel=_axis(self.metric),
            unit=self.unit,
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values, for `json.dumps`; what is not a finite number is None."""
        told = {"metric": self.metric, "alpha": self.alpha, "rope": self.rope, "design": plain(asdict(self.design))}
        return {**told, "verdicts": [v.to_json() for v in self.items]}

    def __str__(self) -> str:
        width = max((len(v.variant) for v in self.items), default=0)
        lines = []
        for v in self.items:
            difference = with_interval(v.difference, *v.shown, self.unit)
            told = [f"{v.variant:{width}}", difference, p_value(v.p_adjusted), verdict_name(v.verdict)]
            lines.append("  ".join([*told, *([seeds_of(v.comparison.k)] if self.uneven else [])]))
        return "\n".join([*lines, *self.notes])

    @property
    def uneven(self) -> bool:
        """Whether some variants were compared over fewer seeds than others."""
        return len({v.comparison.k for v in self.items}) > 1

    @property
    def broken(self) -> tuple[Trained, ...]:
        """The models compared of which trainings broke down, each once."""
        return tuple(dict.fromkeys(one for v in self.items for one in v.broken))

    @property
    def notes(self) -> tuple[str, ...]:
        """What must be said beside a table of the intervals, in the language in force."""
        found = []
        if any(v.open_at_zero for v in self.items):
            found.append(
                _("An interval that ends at 0 does not contain it: the test has shown the sign, not by how much.")
            )
        if any(v.verdict == "equivalent" for v in self.items):
            found.append(
                _(
                    "Equivalence is judged for each variant by itself, not corrected for their number: the interval of "
                    "an equivalent variant is its own, of 90%, which lies within the margin."
                )
            )
        if self.design.told:
            found.append(self.design.told)
        for one in self.broken:
            found.append(_("{breakdown}: the seeds left are not drawn at random.").format(breakdown=one.told))
        return tuple(found)

    def showable(self, comparison: Comparison) -> float:
        """The margin within which as many images can show equivalence: `rope`, or -inf where they are too few."""
        if self.metric == "log_loss" or unseen(self.rope, comparison.n, comparison.difference) < self.alpha:
            return self.rope
        return -inf

    def _repr_html_(self) -> str:
        head = (
            _("Variant"),
            _("Difference (points)") if self.unit == "points" else _("Difference"),
            _("Simultaneous 95% interval"),
            _("Adjusted p"),
            _("Verdict"),
            *([_("Seeds")] if self.uneven else []),
        )
        rows = [
            (
                escape(v.variant),
                scaled(v.difference, self.unit),
                interval(*v.shown, self.unit),
                escape(p_cell(v.p_adjusted)),
                verdict_name(v.verdict),
                *([str(v.comparison.k)] if self.uneven else []),
            )
            for v in self.items
        ]
        cells = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
        titles = "".join(f"<th>{title}</th>" for title in head)
        return f"<table><thead><tr>{titles}</tr></thead><tbody>{cells}</tbody></table>" + "".join(
            f"<p>{escape(note)}</p>" for note in self.notes
        )

    @property
    def unit(self) -> Unit:
        """In which the differences are told."""
        return unit_of(self.metric)


def verdicts(
    reference: ArrayLike,
    variants: Mapping[str, ArrayLike],
    *,
    alpha: float = ALPHA,
    rope: float = ROPE,
    design: Design = ONCE,
    trained: Mapping[str, Pair] = MappingProxyType({}),
) -> Verdicts:
    """Compare variants with the reference, all together; see `judge` for the words.

    Args:
        reference: (k, N) score of each image for each seed (1 right, 0 wrong), the greater the better; NaN where the
            seed has not seen the image, whole rows for seeds that were not trained.
        variants: name -> matrix of the same shape, same seeds and same images.
        alpha: error rate for all the variants together.
        rope: margin of practical interest, in the unit of the scores.
        design: the looks and the overlap to allow for.
        trained: as in `judge`.

    Raises:
        StudyError: matrices of other shapes, or seeds without images.
    """
    base = np.asarray(reference, np.float64)
    matrices = _same_shape(base, variants)
    found = {
        name: compare(np.asarray(matrix, np.float64) - base, alpha=alpha, overlap=design.overlap)
        for name, matrix in zip(variants, matrices, strict=True)
    }
    return judge(found, alpha=alpha, rope=rope, design=design, trained=trained)


def judge(
    found: Mapping[str, Comparison],
    *,
    alpha: float = ALPHA,
    rope: float = ROPE,
    metric: Metric = "accuracy",
    design: Design = ONCE,
    trained: Mapping[str, Pair] = MappingProxyType({}),
) -> Verdicts:
    """The verdicts on comparisons made already, all together.

    better, worse: Holm-adjusted p under alpha, and the sign; equivalent: two one-sided tests within ±rope at alpha,
    and, for a rate, images enough that a difference of `rope` would hardly have seemed as small (`outlook.unseen`),
    unless both are one network; undecided: neither, and always with one seed, which says nothing
    of what another would give.

    A model of which trainings broke down is judged on the seeds left, which are not drawn at random: it is never better
    nor equivalent, and another never worse than it. What cannot be tested counts in Holm's correction with a p of 1.

    Args:
        found: name -> difference of the metric, variant minus reference.
        alpha, rope: as in `verdicts`.
        metric: of log loss, less is better; of the others, more.
        design: the looks to allow for; the comparisons were made with its overlap.
        trained: what became of the trainings of both models, by the same names; known of none by default.
    """
    judged = Verdicts((), alpha, rope, metric, design)
    pairs = [trained.get(name, ()) for name in found]
    ps = [
        design.two_sided(one.p, one.k) if _testable(one, pair, metric) else 1.0
        for one, pair in zip(found.values(), pairs, strict=True)
    ]
    items = [
        _verdict(name, comparison, pair, p, adjusted, len(found), judged)
        for (name, comparison), pair, p, adjusted in zip(found.items(), pairs, ps, holm(ps), strict=True)
    ]
    return replace(judged, items=tuple(items))


def holm(p: Sequence[float]) -> list[float]:
    """p-values adjusted for their number (Holm 1979)."""
    values = np.asarray(p, float)
    order = np.argsort(values, kind="stable")
    factors = len(values) - np.arange(len(values))
    adjusted = np.empty(len(values))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(factors * values[order]))
    return [float(v) for v in adjusted]


def _verdict(
    name: str,
    comparison: Comparison,
    pair: tuple[()] | Pair,
    p: float,
    adjusted: float,
    m: int,
    among: Verdicts,
) -> Verdict:
    alpha, k = among.alpha, comparison.k
    one, two, all_of_them = (among.design.level(share, k) for share in (alpha, 2 * alpha, alpha / m))
    word = _word(comparison, pair, adjusted, among)
    low, high = _interval(comparison, one, among)
    narrow = _interval(comparison, two, among)
    outer = _interval(comparison, all_of_them, among)
    if word in ("better", "worse"):  # Holm's test has shown the sign
        outer = (max(outer[0], 0.0), outer[1]) if comparison.difference > 0 else (outer[0], min(outer[1], 0.0))
    assessed, open_ = comparison.seeds_assessed, word == "undecided"
    tested = assessed and not any(each.broken for each in pair)
    rope = among.showable(comparison)
    few = open_ and tested and rope < among.rope and _close(comparison, among)
    needed = seeds_needed(comparison, two / 2, all_of_them, rope) if open_ and tested and not few else None
    return Verdict(
        variant=name,
        difference=comparison.difference,
        low=low,
        high=high,
        low_narrow=narrow[0],
        high_narrow=narrow[1],
        low_simultaneous=outer[0],
        high_simultaneous=outer[1],
        p=p if tested or not open_ else None,
        p_adjusted=adjusted if tested or not open_ else None,
        verdict=word,
        detectable=detectable(comparison, all_of_them) if assessed else None,
        seeds_needed=needed,
        images_needed=images_needed(among.rope, alpha, comparison.difference) if few else None,
        comparison=comparison,
        trained=pair,
    )


def _word(comparison: Comparison, pair: tuple[()] | Pair, adjusted: float, among: Verdicts) -> Word:
    if adjusted < among.alpha and _testable(comparison, pair, among.metric):
        return "better" if _is_better(comparison, among.metric) else "worse"
    if not comparison.seeds_assessed or any(one.broken for one in pair):
        return "undecided"
    one_network = len({one.keys for one in pair}) == 1 and any(one.keys for one in pair)
    enough = one_network or among.showable(comparison) == among.rope
    return "equivalent" if enough and _close(comparison, among) else "undecided"


def _testable(comparison: Comparison, pair: tuple[()] | Pair, metric: Metric) -> bool:
    """Whether the test may show the difference seen: over two seeds at least, and not in favour of what broke down."""
    favoured = pair[_is_better(comparison, metric)] if pair else None
    return comparison.seeds_assessed and not (favoured and favoured.broken)


def _is_better(comparison: Comparison, metric: Metric) -> bool:
    """Whether the difference seen is in favour of the variant."""
    return (comparison.difference > 0) != (metric == "log_loss")


def _close(comparison: Comparison, among: Verdicts) -> bool:
    """Whether two one-sided tests place the difference within the margin."""
    return among.design.one_sided(comparison.equivalence_p(among.rope), comparison.k) < among.alpha


def _interval(comparison: Comparison, alpha: float, among: Verdicts) -> tuple[float, float]:
    """At level 1 - alpha; no two rates differ by more than 1."""
    low, high = comparison.interval(alpha)
    return (low, high) if among.metric == "log_loss" else (max(-1.0, low), min(1.0, high))


def seeds_of(k: int) -> str:
    """A number of seeds, in the language in force."""
    return ngettext("{n} seed", "{n} seeds", k).format(n=k)


def unit_of(metric: Metric) -> Unit:
    """Of the differences of a metric: log loss is in nats, the others are fractions, told in points."""
    return "number" if metric == "log_loss" else "points"


def _axis(metric: Metric) -> str:
    """What the axis of the differences says."""
    names = {
        "accuracy": _("Difference of accuracy with the reference (points)"),
        "log_loss": _("Difference of log loss (nats; negative is better)"),
        "recall": _("Difference of recall (points)"),
        "macro_f1": _("Difference of macro F1 (points)"),
    }
    return names[metric]


def _same_shape(base: NDArray[np.float64], variants: Mapping[str, ArrayLike]) -> list[ArrayLike]:
    for name, matrix in variants.items():
        if np.shape(matrix) != base.shape:
            raise StudyError(
                _("scores of {name}, of shape {shape}").format(name=name, shape=np.shape(matrix)),
                _("those of the reference have shape {shape}").format(shape=base.shape),
                _("Give the same seeds and the same images, with NaN for what was not seen."),
            )
    return list(variants.values())


def plain(value: Any) -> Any:
    """`value` as JSON knows it: lists, numbers, None for what is not finite."""
    if isinstance(value, Mapping):
        return {str(key): plain(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    return value
