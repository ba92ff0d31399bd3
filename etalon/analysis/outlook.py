"""What more seeds or images would bring: the difference that could be seen, what would settle a comparison."""

from bisect import bisect_left
from math import floor, sqrt

from etalon.analysis.crossed import Comparison, quantile

POWER = 0.8
MOST_SEEDS = 1000  # beyond, to say that more seeds would settle it is no use
MOST_IMAGES = 10_000_000


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
        alpha: of each of the two one-sided tests of equivalence.
        alpha_each: of the test of a difference.
        rope: margin of equivalence; -inf where nothing can show it.

    Returns:
        None when no number of seeds up to 1,000 does it.
    """
    seen = abs(comparison.difference)

    def enough(k: int) -> bool:
        error, nu = with_seeds(comparison, k)
        shown, same = ((quantile(1 - level, nu) + quantile(power, nu)) * error for level in (alpha_each / 2, alpha))
        return shown < seen or same < rope - seen

    more = range(comparison.k + 1, MOST_SEEDS + 1)
    rank = bisect_left(more, True, key=enough)
    return more[rank] if rank < len(more) else None


def unseen(rope: float, n: int, difference: float = 0.0) -> float:
    """The chance that on n images two rates that differ by `rope` seem to differ by no more than `difference`.

    On at least a share `rope` of all images such models do not answer alike; the fewest disagreements make it binomial:
    P(B(n, rope) <= n |difference|), (1 - rope)^n where no difference is seen. The estimate of a variance allows for no
    disagreement that has not been seen; so, unless this is small, n images do not show that the rates differ by less.
    """
    from scipy.special import bdtr

    return float(bdtr(floor(n * abs(difference) + 1e-9), n, rope)) if rope < 1 else 0.0


def images_needed(rope: float, alpha: float, difference: float = 0.0) -> int | None:
    """The least number of images that can show at level `alpha` that two rates differ by less than `rope`.

    Args:
        difference: the one that is seen, and supposed to stay.

    Returns:
        None when no number up to ten million does it.
    """
    more = range(1, MOST_IMAGES + 1)
    rank = bisect_left(more, True, key=lambda n: unseen(rope, n, difference) < alpha)
    return more[rank] if rank < len(more) else None


def chance_to_settle(comparison: Comparison, k: int, alpha: float, alpha_each: float, rope: float) -> float:
    """The chance that `k` seeds, more than there are, will show a difference or equivalence.

    It is the predictive power of Spiegelhalter, Freedman and Blackburn (1986): given what has been seen, and nothing
    else, the difference over k seeds is centred on the one seen, with the variance that more seeds take away.

    Args:
        alpha, alpha_each, rope: as in `seeds_needed`.
    """
    error, nu = with_seeds(comparison, k)
    spread = sqrt(max(0.0, comparison.variance - error**2))
    shown = quantile(1 - alpha_each / 2, nu) * error
    same = rope - quantile(1 - alpha, nu) * error
    return min(1.0, 1 - _within(shown, comparison, spread) + _within(same, comparison, spread))


def with_seeds(comparison: Comparison, k: int) -> tuple[float, float]:
    """Standard error and degrees of freedom that `k` seeds would give, more than there are."""
    parts, n, less = comparison.components, comparison.n, comparison.k / k
    floor = min(comparison.variance, parts.images * parts.shared + parts.overlap * parts.seeds)
    variance = floor + (comparison.variance - floor) * less
    image_floor = min(parts.image_part, parts.images * parts.shared)
    image_part = image_floor + (parts.image_part - image_floor) * less
    seed_part = parts.rows / k + parts.overlap * parts.seeds
    spread = seed_part**2 / (k - 1) + image_part**2 / (n - 1)
    return sqrt(variance), variance**2 / spread if spread > 0 else n - 1.0


def _within(reach: float, comparison: Comparison, spread: float) -> float:
    """The chance that the difference over more seeds lies within ±reach."""
    from scipy.special import stdtr

    if reach < 0:
        return 0.0
    seen = comparison.difference
    if spread == 0:
        return float(abs(seen) <= reach)
    high, low = stdtr(comparison.nu, [(reach - seen) / spread, (-reach - seen) / spread])
    return float(high - low)
