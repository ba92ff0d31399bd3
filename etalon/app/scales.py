"""From values to places on a page: the scale that the rows of a table share, and that of a scatter of points."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

from etalon.analysis.verdicts import Verdict
from etalon.locales import number, seconds

WIDTH, HEIGHT = 170, 24  # px of an interval in a row
FURTHEST, MARGINS = 2.5, 3.0  # what is drawn goes that many times further than differences, than the margin
STEPS = (1.0, 2.0, 5.0, 10.0)
TIMES = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)  # ticks of a scale of times, within a power of ten


@dataclass(frozen=True)
class Forest:
    """The scale of the intervals of a table; one that goes beyond is cut, and an arrow says so.

    Attributes:
        low, high: of what is shown, in the unit of the differences.
        rope: the margin of equivalence.
    """

    low: float
    high: float
    rope: float

    @classmethod
    def of(cls, verdicts: Sequence[Verdict], rope: float) -> "Forest":
        """Room for the differences and the margin, and for the intervals unless they are very wide."""
        seen = max((abs(v.difference) for v in verdicts), default=0.0)
        reach = max(FURTHEST * seen, MARGINS * rope) or 0.01
        lows, highs = [v.low_simultaneous for v in verdicts], [v.high_simultaneous for v in verdicts]
        room = 1.5 * rope or 0.1 * reach
        return cls(max(-reach, min([-room, *lows])), min(reach, max([room, *highs])), rope)

    def at(self, value: float) -> float:
        """The place of a value, in pixels, within the drawing."""
        share = (value - self.low) / (self.high - self.low)
        return round(4 + min(1.0, max(0.0, share)) * (WIDTH - 8), 1)

    def ticks(self) -> list[float]:
        """Some round values, which differ by `step`."""
        return ticks(self.low, self.high, self.step)

    @property
    def step(self) -> float:
        """Between two ticks."""
        return step(self.low, self.high, 6)


@dataclass(frozen=True)
class Plane:
    """The scales of a scatter: time across, each doubling the same step; a share upwards.

    Attributes:
        left, right: decimal logarithms of seconds; low, high: fractions.
    """

    left: float
    right: float
    low: float
    high: float

    @classmethod
    def of(cls, times: Iterable[float], lows: Iterable[float], highs: Iterable[float], least: float = 1e-3) -> "Plane":
        """Room for points and for the intervals that go up and down from them."""
        logs = [log10(max(time, least)) for time in times]
        bottom, top = min(lows), max(highs)
        across, up = max(0.05, 0.08 * (max(logs) - min(logs))), 0.06 * (top - bottom) or 0.01
        return cls(min(logs) - across, max(logs) + across, max(0.0, bottom - up), min(1.0, top + up))

    def across(self, time: float, least: float = 1e-3) -> float:
        """The place of a time, in percent of the width."""
        return round(100 * (log10(max(time, least)) - self.left) / (self.right - self.left), 2)

    def up(self, share: float) -> float:
        """The place of a share, in percent of the height, from the bottom."""
        return round(100 * (share - self.low) / (self.high - self.low), 2)

    def times(self) -> list[float]:
        """Round times within the scale, in seconds; at most six."""
        powers = range(floor(self.left), ceil(self.right) + 1)
        found = [step * 10.0**power for power in powers for step in TIMES]
        found = [time for time in found if self.left <= log10(time) <= self.right]
        return found if len(found) <= 6 else found[:: ceil(len(found) / 6)]

    def shares(self) -> list[float]:
        """Round shares within the scale."""
        return ticks(self.low, self.high, step(self.low, self.high, 5))


def written(times: Sequence[float]) -> list[str]:
    """Times that differ, in seconds, with as many decimals as it takes for no two of them to read the same."""
    found, digits = [seconds(time) for time in times], 1
    while len(set(found)) < len(found):
        digits += 1
        found = [f"{number(time, digits)} s" if time < 10 else seconds(time) for time in times]
    return found


def step(low: float, high: float, n: int) -> float:
    """A round step that divides what lies between two values, which differ, in `n` at most."""
    rough = (high - low) / n
    power = 10.0 ** floor(log10(rough))
    return next(step * power for step in STEPS if step * power >= rough * 0.999)


def ticks(low: float, high: float, step: float) -> list[float]:
    """The multiples of a step from one value to another."""
    return [i * step for i in range(ceil(low / step), floor(high / step) + 1)]
