"""Which variants really differ from the reference."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from etalon.analysis.crossed import Comparison, compare, quantile
from etalon.errors import StudyError
from etalon.figures.intervals import Unit, forest, scaled, scaled_limit, verdict_name, with_interval
from etalon.locales import _, number, p_value

if TYPE_CHECKING:
    import pandas as pd

    from etalon.figures.style import Axes

Word = Literal["better", "worse", "equivalent", "undecided"]
Metric = Literal["accuracy", "log_loss", "recall", "macro_f1"]

ALPHA = 0.05
ROPE = 0.002  # 0.2 point of accuracy
POWER = 0.8
MOST_SEEDS = 1000  # beyond, to say that more seeds would settle it is no use


@dataclass(frozen=True)
class Verdict:
    """What can be said of one variant against the reference.

    Attributes:
        difference: of the metric (accuracy unless said otherwise, as a fraction), variant minus reference.
        low, high: its interval at level 1 - alpha, of this variant alone.
        low_simultaneous, high_simultaneous: intervals that hold for all variants together (Bonferroni); where Holm's
            test, which is sharper, has shown the sign, the limit on the other side of 0 is brought to 0, which is
            then not part of the interval.
        p, p_adjusted: two-sided, before and after Holm's correction over the variants.
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
    """

    items: tuple[Verdict, ...]
    alpha: float
    rope: float
    metric: Metric = "accuracy"

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
            unit=self._unit,
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values, for `json.dumps`; what is not a finite number is None."""
        told = {"metric": self.metric, "alpha": self.alpha, "rope": self.rope}
        return {**told, "verdicts": [plain(asdict(v)) for v in self.items]}

    def __str__(self) -> str:
        width = max((len(v.variant) for v in self.items), default=0)
        lines = []
        for v in self.items:
            difference = with_interval(v.difference, v.low_simultaneous, v.high_simultaneous, self._unit)
            lines.append(f"{v.variant:{width}}  {difference}  {p_value(v.p_adjusted)}  {verdict_name(v.verdict)}")
        return "\n".join([*lines, *self.notes])

    @property
    def notes(self) -> tuple[str, ...]:
        """What must be said beside a table of the intervals, in the language in force."""
        if not any(v.open_at_zero for v in self.items):
            return ()
        return (_("An interval that ends at 0 does not contain it: the test has shown the sign, not by how much."),)

    def _repr_html_(self) -> str:
        head = (
            _("Variant"),
            _("Difference (points)") if self._unit == "points" else _("Difference"),
            _("Simultaneous 95% interval"),
            _("Adjusted p"),
            _("Verdict"),
        )
        rows = [
            (
                escape(v.variant),
                scaled(v.difference, self._unit),
                _("[{low}, {high}]").format(
                    low=scaled_limit(v.low_simultaneous, self._unit), high=scaled_limit(v.high_simultaneous, self._unit)
                ),
                number(v.p_adjusted, 4),
                verdict_name(v.verdict),
            )
            for v in self.items
        ]
        cells = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
        titles = "".join(f"<th>{title}</th>" for title in head)
        return f"<table><thead><tr>{titles}</tr></thead><tbody>{cells}</tbody></table>" + "".join(
            f"<p>{escape(note)}</p>" for note in self.notes
        )

    @property
    def _unit(self) -> Unit:
        return "number" if self.metric == "log_loss" else "points"


def verdicts(
    reference: ArrayLike, variants: Mapping[str, ArrayLike], *, alpha: float = ALPHA, rope: float = ROPE
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

    Raises:
        StudyError: matrices of other shapes, or seeds without images.
    """
    base = np.asarray(reference, np.float64)
    matrices = _same_shape(base, variants)
    found = {
        name: compare(np.asarray(matrix, np.float64) - base, alpha=alpha)
        for name, matrix in zip(variants, matrices, strict=True)
    }
    return judge(found, alpha=alpha, rope=rope)


def judge(
    found: Mapping[str, Comparison], *, alpha: float = ALPHA, rope: float = ROPE, metric: Metric = "accuracy"
) -> Verdicts:
    """The verdicts on comparisons made already, all together.

    Args:
        found: name -> difference of the metric, variant minus reference.
        alpha, rope: as in `verdicts`.
        metric: of log loss, less is better; of the others, more.
    """
    adjusted = holm([comparison.p for comparison in found.values()])
    items = [
        _verdict(name, comparison, p, len(found), alpha, rope, metric)
        for (name, comparison), p in zip(found.items(), adjusted, strict=True)
    ]
    return Verdicts(tuple(items), alpha, rope, metric)


def holm(p: Sequence[float]) -> list[float]:
    """p-values adjusted for their number (Holm 1979)."""
    values = np.asarray(p, float)
    order = np.argsort(values, kind="stable")
    factors = len(values) - np.arange(len(values))
    adjusted = np.empty(len(values))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(factors * values[order]))
    return [float(v) for v in adjusted]


def detectable(comparison: Comparison, alpha: float, power: float = POWER) -> float:
    """The difference that a two-sided test at level `alpha` finds with this power, the variance being as it is."""
    reach = quantile(1 - alpha / 2, comparison.nu) + quantile(power, comparison.nu)
    return reach * comparison.error


def seeds_needed(
    comparison: Comparison, alpha: float, alpha_each: float, rope: float, power: float = POWER
) -> int | None:
    """The least number of seeds, more than there are, that shows the difference seen, or shows equivalence.

    With more seeds the variance falls as A/k + B: B is what the images leave, however many the seeds.

    Args:
        alpha: of the tests of equivalence.
        alpha_each: of the test of a difference.
        rope: margin of equivalence.

    Returns:
        None when no number of seeds up to 1,000 does it.
    """
    ks = np.arange(comparison.k + 1, MOST_SEEDS + 1, dtype=np.float64)
    error, nu = _with_seeds(comparison, ks)
    shown = (_quantiles(1 - alpha_each / 2, nu) + _quantiles(power, nu)) * error <= abs(comparison.difference)
    margin = rope - abs(comparison.difference)
    same = (_quantiles(1 - alpha, nu) + _quantiles(power, nu)) * error <= margin
    enough = np.flatnonzero(shown | same)
    return int(ks[enough[0]]) if len(enough) else None


def _with_seeds(comparison: Comparison, ks: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Standard error and degrees of freedom that `ks` seeds would give."""
    parts, k = comparison.components, comparison.k
    floor = min(comparison.variance, parts.images * parts.shared)
    variance = floor + (comparison.variance - floor) * k / ks
    image_floor = min(parts.image_part, floor)
    image_part = image_floor + (parts.image_part - image_floor) * k / ks
    spread = (parts.rows / ks) ** 2 / (ks - 1) + image_part**2 / (comparison.n - 1)
    nu = np.where(spread > 0, variance**2 / np.where(spread > 0, spread, 1.0), comparison.n - 1.0)
    return np.sqrt(variance), nu


def _quantiles(level: float, nu: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.special import stdtrit

    return np.asarray(stdtrit(nu, level), np.float64)


def _verdict(
    name: str, comparison: Comparison, adjusted: float, m: int, alpha: float, rope: float, metric: Metric
) -> Verdict:
    word = _word(comparison, adjusted, alpha, rope, metric)
    low, high = comparison.interval(alpha / m)
    if word in ("better", "worse"):  # Holm's test has shown the sign
        low, high = (max(low, 0.0), high) if comparison.difference > 0 else (low, min(high, 0.0))
    assessed = comparison.seeds_assessed
    return Verdict(
        variant=name,
        difference=comparison.difference,
        low=comparison.low,
        high=comparison.high,
        low_simultaneous=low,
        high_simultaneous=high,
        p=comparison.p,
        p_adjusted=adjusted,
        verdict=word,
        detectable=detectable(comparison, alpha / m) if assessed else None,
        seeds_needed=(seeds_needed(comparison, alpha, alpha / m, rope) if word == "undecided" and assessed else None),
        comparison=comparison,
    )


def _word(comparison: Comparison, adjusted: float, alpha: float, rope: float, metric: Metric) -> Word:
    if not comparison.seeds_assessed:
        return "undecided"
    if adjusted < alpha:
        return "better" if (comparison.difference > 0) != (metric == "log_loss") else "worse"
    return "equivalent" if comparison.equivalence_p(rope) < alpha else "undecided"


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
