"""Which variants get more seeds after a look at the verdicts."""

from collections.abc import Mapping

from etalon.analysis.outlook import chance_to_settle
from etalon.analysis.verdicts import Verdict, Verdicts

FUTILE = 0.1  # a variant with less chance than that to be settled by the last look gets no more seeds


def further(verdicts: Verdicts, taken: Mapping[str, int], reference: str) -> dict[str, int]:
    """How many seeds each variant is to have at the next look.

    A variant goes on while its verdict is undecided, none of its trainings broke down, and the last look has a chance
    to settle it. One that has stopped does not start again, and remains in the family over which the error rate is
    kept: verdicts are judged all together, each on the seeds that it has. To stop in vain is no error: it only leaves
    undecided what might not have been. The reference has as many seeds as the variant that has most.

    Args:
        verdicts: on validation, made with the looks of the design.
        taken: how many seeds each variant has now, the reference included.

    Returns:
        The same numbers where nothing is to be added.
    """
    now = max(taken.values())
    later = [look for look in verdicts.design.looks if look > now]
    if not later:
        return dict(taken)
    on = [v.variant for v in verdicts.items if taken[v.variant] == now and _goes_on(v, verdicts)]
    return {**taken, **dict.fromkeys([reference, *on] if on else [], later[0])}


def _goes_on(verdict: Verdict, verdicts: Verdicts) -> bool:
    if verdict.verdict != "undecided" or any(one.name == verdict.variant for one in verdict.broken):
        return False
    if not verdict.comparison.seeds_assessed:
        return True
    design, alpha, most = verdicts.design, verdicts.alpha, verdicts.design.looks[-1]
    left = sum(v.verdict not in ("better", "worse") for v in verdicts.items)  # Holm's divisor, were it the next shown
    chance = chance_to_settle(
        verdict.comparison,
        most,
        design.level(2 * alpha, most) / 2,
        design.level(alpha / left, most),
        verdicts.showable(verdict.comparison),
    )
    return chance >= FUTILE
