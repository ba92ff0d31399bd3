"""Which variants really differ from the reference."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from html import escape
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from etalon.analysis.crossed import Comparison, compare
from etalon.analysis.design import ONCE, Design
from etalon.analysis.outlook import detectable, seeds_needed
from etalon.errors import StudyError
from etalon.figures.intervals import Unit, forest, scaled, scaled_limit, verdict_name, with_interval
from etalon.locales import _, ngettext, number, p_value

if TYPE_CHECKING:
    import pandas as pd

    from etalon.figures.style import Axes

Word = Literal["better", "worse", "equivalent", "undecided"]
Metric = Literal["accuracy", "log_loss", "recall", "macro_f1"]

ALPHA = 0.05
ROPE = 0.002  # 0.2 point of accuracy


@dataclass(frozen=True)
class Verdict:
    """What can be said of one variant against the reference.

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
            variants.
        verdict: better, worse, equivalent or undecided.
        detectable: the least difference that this many seeds would have shown in 80 % of studies, at the level
            of the simultaneous intervals; None with one seed.
        seeds_needed: for an undecided variant, the number of seeds that would settle it (in 80 % of studies, were
            the true difference the one seen): show a difference, or equivalence. None when already settled, when no
            number of seeds would (the images dominate), and with one seed.
        comparison: the test itself.
    """

    variant: str
    difference: float
    low: float
    high: float
    low_narrow: float
    high_narrow: float
    low_simultaneous: float
    high_simultaneous: float
    p: float
    p_adjusted: float
    verdict: Word
    detectable: float | None
    seeds_needed: int | None
    comparison: Comparison

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

        columns = [name for name in Verdict.__dataclass_fields__ if name != "comparison"]
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
        return {**told, "verdicts": [plain(asdict(v)) for v in self.items]}

    def __str__(self) -> str:
        width = max((len(v.variant) for v in self.items), default=0)
        lines = []
        for v in self.items:
            difference = with_interval(v.difference, v.low_simultaneous, v.high_simultaneous, self.unit)
            told = [f"{v.variant:{width}}", difference, p_value(v.p_adjusted), verdict_name(v.verdict)]
            lines.append("  ".join([*told, *([seeds_of(v.comparison.k)] if self.uneven else [])]))
        return "\n".join([*lines, *self.notes])

    @property
    def uneven(self) -> bool:
        """Whether some variants were compared over fewer seeds than others."""
        return len({v.comparison.k for v in self.items}) > 1

    @property
    def notes(self) -> tuple[str, ...]:
        """What must be said beside a table of the intervals, in the language in force."""
        ends = _("An interval that ends at 0 does not contain it: the test has shown the sign, not by how much.")
        return tuple(filter(None, [ends if any(v.open_at_zero for v in self.items) else "", self.design.told]))

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
                _("[{low}, {high}]").format(
                    low=scaled_limit(v.low_simultaneous, self.unit), high=scaled_limit(v.high_simultaneous, self.unit)
                ),
                number(v.p_adjusted, 4),
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
) -> Verdicts:
    """Compare variants with the reference, all together.

    better, worse: Holm-adjusted p under alpha, and the sign; equivalent: two one-sided tests within ±rope at alpha;
    undecided: neither, and always with one seed, which says nothing of what another would give.

    Args:
        reference: (k, N) score of each image for each seed (1 right, 0 wrong), the greater the better; NaN where the
            seed has not seen the image, whole rows for seeds that were not trained.
        variants: name -> matrix of the same shape, same seeds and same images.
        alpha: error rate for all the variants together.
        rope: margin of practical interest, in the unit of the scores.
        design: the looks and the overlap to allow for.

    Raises:
        StudyError: matrices of other shapes, or seeds without images.
    """
    base = np.asarray(reference, np.float64)
    matrices = _same_shape(base, variants)
    found = {
        name: compare(np.asarray(matrix, np.float64) - base, alpha=alpha, overlap=design.overlap)
        for name, matrix in zip(variants, matrices, strict=True)
    }
    return judge(found, alpha=alpha, rope=rope, design=design)


def judge(
    found: Mapping[str, Comparison],
    *,
    alpha: float = ALPHA,
    rope: float = ROPE,
    metric: Metric = "accuracy",
    design: Design = ONCE,
) -> Verdicts:
    """The verdicts on comparisons made already, all together.

    Args:
        found: name -> difference of the metric, variant minus reference.
        alpha, rope: as in `verdicts`.
        metric: of log loss, less is better; of the others, more.
        design: the looks to allow for; the comparisons were made with its overlap.
    """
    ps = [design.two_sided(comparison.p, comparison.k) for comparison in found.values()]
    judged = Verdicts((), alpha, rope, metric, design)
    items = [
        _verdict(name, comparison, p, adjusted, len(found), judged)
        for (name, comparison), p, adjusted in zip(found.items(), ps, holm(ps), strict=True)
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


def _verdict(name: str, comparison: Comparison, p: float, adjusted: float, m: int, among: Verdicts) -> Verdict:
    alpha, rope, k = among.alpha, among.rope, comparison.k
    one, two, all_of_them = (among.design.level(share, k) for share in (alpha, 2 * alpha, alpha / m))
    word = _word(comparison, adjusted, among)
    low, high = comparison.interval(one)
    narrow = comparison.interval(two)
    outer = comparison.interval(all_of_them)
    if word in ("better", "worse"):  # Holm's test has shown the sign
        outer = (max(outer[0], 0.0), outer[1]) if comparison.difference > 0 else (outer[0], min(outer[1], 0.0))
    assessed, undecided = comparison.seeds_assessed, word == "undecided"
    needed = seeds_needed(comparison, two / 2, all_of_them, rope) if undecided and assessed else None
    return Verdict(
        variant=name,
        difference=comparison.difference,
        low=low,
        high=high,
        low_narrow=narrow[0],
        high_narrow=narrow[1],
        low_simultaneous=outer[0],
        high_simultaneous=outer[1],
        p=p,
        p_adjusted=adjusted,
        verdict=word,
        detectable=detectable(comparison, all_of_them) if assessed else None,
        seeds_needed=needed,
        comparison=comparison,
    )


def _word(comparison: Comparison, adjusted: float, among: Verdicts) -> Word:
    if not comparison.seeds_assessed:
        return "undecided"
    if adjusted < among.alpha:
        return "better" if (comparison.difference > 0) != (among.metric == "log_loss") else "worse"
    same = among.design.one_sided(comparison.equivalence_p(among.rope), comparison.k) < among.alpha
    return "equivalent" if same else "undecided"


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
