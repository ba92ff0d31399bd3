"""How long trainings take, seconds, one a seed: what may be said of two models whose times differ from seed to seed."""

from collections.abc import Sequence

from etalon.locales import seconds

FASTER = 0.8  # of another's time: from there on a difference is worth a word
Times = Sequence[float]  # (k,) seconds, one a seed


def mean(times: Times) -> float:
    """Over seeds, in seconds."""
    return sum(times) / len(times)


def duration(times: Times) -> str:
    """The mean, in no finer unit than the seeds agree on."""
    return seconds(mean(times), max(times) - min(times))


def alike(ours: Times, theirs: Times) -> bool:
    """Whether nothing tells two models apart by their times: those of the seeds overlap."""
    return min(ours) <= max(theirs) and min(theirs) <= max(ours)


def faster(ours: Times, theirs: Times) -> bool:
    """Whether ours are shorter, by more than chance and by enough to be worth a word."""
    return not alike(ours, theirs) and mean(ours) <= FASTER * mean(theirs)
