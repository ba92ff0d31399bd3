"""How long trainings take, seconds, one a seed: what may be said of two models whose times differ from seed to seed."""

from collections.abc import Sequence

from etalon.locales import seconds

FASTER = 0.8  # of another's time: from there on a difference is worth a word
Times = Sequence[float]  # (k,) seconds, one a seed


def mean(times: Times) -> float:
    """Over seeds, in seconds."""
    return sum(times) / len(times)


def duration(times: Times) -> str:
    """The mean, in words."""
    return seconds(mean(times))


def overlap(ours: Times, theirs: Times) -> bool:
    """Whether the times of the seeds are not all on one side: they may be as much the machine's as the models'."""
    return min(ours) <= max(theirs) and min(theirs) <= max(ours)


def alike(ours: Times, theirs: Times) -> bool:
    """Whether two models take as much time for all that one sees: the seeds overlap, the means are close."""
    return overlap(ours, theirs) and FASTER * mean(theirs) < mean(ours) < mean(theirs) / FASTER


def faster(ours: Times, theirs: Times) -> bool:
    """Whether ours are shorter, by more than chance and by enough to be worth a word."""
    return not overlap(ours, theirs) and mean(ours) <= FASTER * mean(theirs)
