"""Which variants really differ from the reference."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from etalon.analysis.crossed import Comparison, compare, quantile
from etalon.errors import StudyError
from etalon.figures.intervals import forest, limit_points, verdict_name, with_interval
from etalon.locales import _, number, p_value, points

if TYPE_CHECKING:
    import pandas as pd

    from etalon.figures.style import Axes

Word = Literal["better", "worse", "equivalent", "undecided"]

ALPHA = 0.05
ROPE = 0.002  # 0.2 point of accuracy
POWER = 0.8
MOST_SEEDS = 1000  # beyond, to say that more seeds would settle it is no use


@dataclass(frozen=True)
class Verdict:
    """What can be said of one variant against the reference.

    Attributes:
        difference: of mean accuracy, variant minus reference, as a fraction.
        low, high: its interval at level 1 - alpha, of this variant alone.
        low_simultaneous, high_simultaneous: intervals that hold for all variants together (Bonferroni).
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


@dataclass(frozen=True)
class Verdicts:
    """The verdicts of a study, in the order of its variants.

    Attributes:
        items: one a variant.
        alpha: error rate, of all the "better" and "worse" together.
        rope: margin of practical interest, as a fraction of accuracy.
    """

    items: tuple[Verdict, ...]
    alpha: float
    rope: float

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
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values, for `json.dumps`; what is not a finite number is None."""
        return {"alpha": self.alpha, "rope": self.rope, "verdicts": [plain(asdict(v)) for v in self.items]}

    def __str__(self) -> str:
        width = max((len(v.variant) for v in self.items), default=0)
        lines = []
        for v in self.items:
            difference = with_interval(v.difference, v.low_simultaneous, v.high_simultaneous)
            lines.append(f"{v.variant:{width}}  {difference}  {p_value(v.p_adjusted)}  {verdict_name(v.verdict)}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        head = (
            _("Variant"),
            _("Difference (points)"),
            _("Simultaneous 95% interval"),
            _("Adjusted p"),
            _("Verdict"),
        )
        rows = [
            (
                escape(v.variant),
                points(v.difference),
                _("[{low}, {high}]").format(
                    low=limit_points(v.low_simultaneous), high=limit_points(v.high_simultaneous)
                ),
                number(v.p_adjusted, 4),
                verdict_name(v.verdict),
            )
            for v in self.items
        ]
        cells = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
        titles = "".join(f"<th>{title}</th>" for title in head)
        return f"<table><thead><tr>{titles}</tr></thead><tbody>{cells}</tbody></table>"


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
    found = [compare(np.asarray(m, np.float64) - base, alpha=alpha) for m in _same_shape(base, variants)]
    adjusted = holm([comparison.p for comparison in found])
    items = [
        _verdict(name, comparison, p, len(found), alpha, rope)
        for name, comparison, p in zip(variants, found, adjusted, strict=True)
    ]
    return Verdicts(tuple(items), alpha, rope)


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


def _verdict(name: str, comparison: Comparison, adjusted: float, m: int, alpha: float, rope: float) -> Verdict:
    low, high = comparison.interval(alpha / m)
    word = _word(comparison, adjusted, alpha, rope)
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


def _word(comparison: Comparison, adjusted: float, alpha: float, rope: float) -> Word:
    if not comparison.seeds_assessed:
        return "undecided"
    if adjusted < alpha:
        return "better" if comparison.difference > 0 else "worse"
    return "equivalent" if comparison.equivalence_p(rope) < alpha else "undecided"


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
