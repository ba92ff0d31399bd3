"""Differences with their intervals, one line a variant."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike

from etalon.figures.style import FAINT, INK, VERDICTS, axes, label, localise, style, whole
from etalon.locales import _, in_points, ngettext, number, points

if TYPE_CHECKING:
    from matplotlib.artist import Artist

    from etalon.figures.style import Axes

DIGITS = 4  # of a log loss, in nats
Unit = Literal["points", "number"]  # of differences of fractions, and of other scores
MARKS = {"better": "o", "worse": "s", "equivalent": "D", "undecided": "o"}


def forest(
    names: Sequence[str],
    difference: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    verdicts: Sequence[str],
    *,
    low_outer: ArrayLike | None = None,
    high_outer: ArrayLike | None = None,
    rope: float = 0.0,
    ax: "Axes | None" = None,
    xlabel: str = "",
    title: str = "",
    unit: Unit = "points",
) -> "Axes":
    """Draw differences of accuracy, or of another score, with the reference, from top to bottom.

    Args:
        difference, low, high: (n,) fractions: the difference and its interval (thick line).
        verdicts: "better", "worse", "equivalent" or "undecided", which gives colour and marker.
        low_outer, high_outer: (n,) limits of a second, wider interval (thin line).
        rope: margin within which a difference has no practical interest, shaded.
        unit: "points" for differences of fractions, whose intervals are cut at ±1: no two differ by more.
    """
    most = 1.0 if unit == "points" else np.inf
    middle, inner = np.asarray(difference, float), (np.clip(low, -most, most), np.clip(high, -most, most))
    outer = inner
    if low_outer is not None and high_outer is not None:
        outer = np.clip(low_outer, -most, most), np.clip(high_outer, -most, most)
    own = ax is None
    ax = axes(ax, 8.2, 1.7 + 0.34 * len(names))
    with style():
        if rope > 0:
            ax.axvspan(-rope, rope, color=FAINT, alpha=0.75, linewidth=0, zorder=0)
        ax.axvline(0, color=INK, linewidth=1, zorder=1)
        for row, verdict in enumerate(verdicts):
            colour = VERDICTS[verdict]
            ax.plot([outer[0][row], outer[1][row]], [row, row], color=colour, linewidth=1.1)
            ax.plot([inner[0][row], inner[1][row]], [row, row], color=colour, linewidth=3.4, solid_capstyle="butt")
            face = "white" if verdict == "undecided" else colour
            ax.plot(middle[row], row, MARKS[verdict], color=colour, markerfacecolor=face, markersize=6.5)
            text = with_interval(middle[row], outer[0][row], outer[1][row], unit)
            ax.text(1.015, row, text, transform=ax.get_yaxis_transform(), va="center", fontsize=8.5)
        _dress(ax, names, unit)
        label(ax, title=title, xlabel=xlabel or _("Difference of accuracy with the reference (points)"))
        handles = _handles(verdicts, rope, unit, wider=low_outer is not None)
        if own:
            whole(ax).legend(handles=handles, loc="outside lower center", ncols=min(4, len(handles)))
        else:
            ax.legend(handles=handles, loc="best")
    return ax


def with_interval(difference: float, low: float, high: float, unit: Unit = "points") -> str:
    """A difference and its interval, of accuracies in points: "+0.31 [+0.10, +0.52]"."""
    return f"{scaled(difference, unit)} {interval(low, high, unit)}"


def interval(low: float, high: float, unit: Unit = "points") -> str:
    """An interval of differences: "[+0.10, +0.52]".

    A limit of exactly 0 is one to which Holm's test has brought it (`analysis.verdicts.Verdict`) and no part of the
    interval, which is open there: "(0.00, +0.52]".
    """
    if low == 0 < high:
        pattern = _("({low}, {high}]")
    elif low < 0 == high:
        pattern = _("[{low}, {high})")
    else:
        pattern = _("[{low}, {high}]")
    zero = number(0, 2 if unit == "points" else DIGITS)
    left, right = (zero if limit == 0 and low < high else scaled_limit(limit, unit) for limit in (low, high))
    return pattern.format(low=left, high=right)


def scaled(difference: float, unit: Unit) -> str:
    """A difference, always signed, in points or as it is."""
    return points(difference) if unit == "points" else points(difference / 100, DIGITS)


def with_unit(difference: float, unit: Unit, *, margin: bool = False) -> str:
    """A difference with its unit: "+0.31 points", or "−0.0123 nats" of log loss; as a margin, "±0.20 points"."""
    if unit == "points":
        return in_points(difference, margin=margin)
    nats = f"±{number(abs(difference), DIGITS)}" if margin else scaled(difference, unit)
    return ngettext("{nats} nats", "{nats} nats", int(round(abs(difference), DIGITS))).format(nats=nats)


def scaled_limit(limit: float, unit: Unit) -> str:
    """A limit of an interval, in points or as it is."""
    return limit_points(limit) if unit == "points" else scaled(limit, unit)


def limit_points(limit: float) -> str:
    """A limit of the interval of a difference of accuracies, in points, at most ±100: no two differ by more."""
    return points(max(-1.0, min(1.0, limit)))


def verdict_name(verdict: str) -> str:
    """A verdict in the language in force."""
    names = {
        "better": _("better"),
        "worse": _("worse"),
        "equivalent": _("equivalent"),
        "undecided": _("undecided"),
    }
    return names[verdict]


def _dress(ax: "Axes", names: Sequence[str], unit: Unit) -> None:
    ax.set_yticks(np.arange(len(names)), list(names))
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.yaxis.grid(False)
    ax.spines["left"].set_visible(False)
    localise(ax.xaxis, unit)


def _handles(verdicts: Sequence[str], rope: float, unit: Unit, wider: bool) -> "list[Artist]":
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Artist] = [
        Line2D(
            [],
            [],
            color=VERDICTS[v],
            marker=MARKS[v],
            markerfacecolor="white" if v == "undecided" else VERDICTS[v],
            linewidth=3.4,
            label=verdict_name(v),
        )
        for v in VERDICTS
        if v in verdicts
    ]
    if rope > 0:
        margin = _("within {margin}").format(margin=with_unit(rope, unit, margin=True))
        handles.append(Patch(color=FAINT, alpha=0.75, label=margin))
    if wider:
        thick, thin = _("95% interval"), _("simultaneous 95% interval")
        handles += [Line2D([], [], color=INK, linewidth=w, label=t) for w, t in ((3.4, thick), (1.1, thin))]
    return handles
