"""Bars, or points on an axis that does not start at 0: one for each label, side by side where there are groups."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from etalon.figures.style import INK, PALETTE, REFERENCE, axes, label, localise, markers, style
from etalon.locales import _, number
from etalon.locales import percent as as_percent

if TYPE_CHECKING:
    from etalon.figures.style import Axes

Limits = Mapping[str, ArrayLike]
Values = NDArray[np.float64]
Spreads = Mapping[str, tuple[Values, Values] | None]


def bars(
    labels: Sequence[str],
    groups: Mapping[str, Sequence[float]],
    *,
    low: Limits | None = None,
    high: Limits | None = None,
    ax: "Axes | None" = None,
    xlabel: str = "",
    ylabel: str = "",
    title: str = "",
    percent: bool = False,
    horizontal: bool | None = None,
    zoomed: bool = False,
    digits: int = 2,
    reference: str | None = None,
) -> "Axes":
    """Draw bars from 0, or points, with their intervals, and their values where there is room.

    Args:
        labels: one for each place.
        groups: name -> a value for each label; one group alone has no legend.
        low, high: name of a group -> limits of the interval at each label.
        xlabel: what the labels are; `ylabel`: what the values are, whichever way the bars lie.
        percent: the values are fractions, written as percentages.
        horizontal: bars that lie; by default when the labels are too long to stand under them.
        zoomed: points rather than bars, on an axis that starts a little under the least value: it shows differences
            that are small beside the values, and lengths from such a start would mislead.
        digits: decimals of the values written.
        reference: the label (one group) or the group (several) to be drawn in grey.
    """
    labels = [str(text) for text in labels]
    lying = _long(labels) if horizontal is None else horizontal
    ax = axes(ax, *_size(labels, len(groups), lying))
    table = {name: np.asarray(values, np.float64) for name, values in groups.items()}
    limits = {name: _limits(name, values, low, high) for name, values in table.items()}
    with style():
        _draw(ax, table, limits, lying, labels, reference, zoomed)
        _values_axis(ax, table, limits, lying, zoomed, percent)
        if len(labels) * len(groups) <= 24 and len(groups) <= 2:
            _write(ax, table, limits, lying, digits, percent)
        _labels_axis(ax, labels, lying)
        names = {"xlabel": ylabel, "ylabel": xlabel} if lying else {"xlabel": xlabel, "ylabel": ylabel}
        label(ax, title=title, **names)
        if len(groups) > 1:
            ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0)
    return ax


def over_seeds(k: int) -> str:
    """What is drawn of several seeds: a note for an axis; empty for one."""
    return _("mean over {k} seeds; lines: from the least seed to the greatest").format(k=k) if k > 1 else ""


def _long(labels: Sequence[str]) -> bool:
    return max((len(text) for text in labels), default=0) > 11


def _size(labels: Sequence[str], groups: int, lying: bool) -> tuple[float, float]:
    """Inches, so that neither labels nor values touch."""
    places = len(labels)
    if lying:
        return 7.2, max(2.2, 0.9 + places * max(0.3, 0.2 * groups))
    return min(13.0, max(5.0, 1.3 + places * max(0.62, 0.3 * groups) + (1.4 if groups > 1 else 0))), 3.6


def _limits(name: str, values: Values, low: Limits | None, high: Limits | None) -> tuple[Values, Values] | None:
    if low is None or high is None or name not in low:
        return None
    return np.asarray(low[name], np.float64), np.asarray(high[name], np.float64)


def _places(groups: int, labels: int) -> list[Values]:
    """For each group, the middle of its bars."""
    width = 0.8 / max(1, groups)
    middles: list[Values] = [
        np.arange(labels, dtype=np.float64) + (g - (groups - 1) / 2) * width for g in range(groups)
    ]
    return middles


def _draw(
    ax: "Axes",
    table: Mapping[str, Values],
    limits: Spreads,
    lying: bool,
    labels: Sequence[str],
    reference: str | None,
    zoomed: bool,
) -> None:
    width = 0.8 / max(1, len(table))
    others, marks = iter(PALETTE), markers(list(table))
    for where, (name, values) in zip(_places(len(table), len(labels)), table.items(), strict=True):
        colour = REFERENCE if name == reference else next(others)
        shades = [REFERENCE if text == reference and len(table) == 1 else colour for text in labels]
        x, y = (values, where) if lying else (where, values)
        spread = limits[name]
        if zoomed:
            if spread is not None:
                (ax.hlines if lying else ax.vlines)(where, *spread, colors=shades, linewidth=1.6)
            ax.scatter(x, y, 46, c=shades, marker=marks[name], label=name, linewidth=0, zorder=3)
            continue
        draw = ax.barh if lying else ax.bar
        draw(where, values, 0.92 * width, color=shades, label=name, linewidth=0)
        if spread is not None:
            arms = np.maximum(0, np.stack([values - spread[0], spread[1] - values]))
            axis = {"xerr": arms} if lying else {"yerr": arms}
            ax.errorbar(x, y, **axis, fmt="none", ecolor=INK, elinewidth=1, capsize=2.5)  # type: ignore[arg-type]


def _values_axis(
    ax: "Axes",
    table: Mapping[str, Values],
    limits: Spreads,
    lying: bool,
    zoomed: bool,
    percent: bool,
) -> None:
    from matplotlib.ticker import MaxNLocator

    ends = [end for pair in limits.values() if pair is not None for end in pair]
    every = np.concatenate([np.zeros(0), *table.values(), *ends])
    least, most = float(np.nanmin(every)), float(np.nanmax(every))
    first = least - 0.1 * (most - least or abs(least) or 1) if zoomed else min(0.0, least)
    first = max(0.0, first) if least >= 0 else first
    last = most + (0.16 if lying else 0.1) * ((most - first) or 1)
    (ax.set_xlim if lying else ax.set_ylim)(first, last)
    axis = ax.xaxis if lying else ax.yaxis
    if lying:
        axis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 2.5, 5, 10]))  # the texts of more would touch
    localise(axis, "percent" if percent else "number")
    (ax.yaxis if lying else ax.xaxis).grid(False)


def _write(
    ax: "Axes",
    table: Mapping[str, Values],
    limits: Spreads,
    lying: bool,
    digits: int,
    percent: bool,
) -> None:
    write = as_percent if percent else number
    for where, (name, values) in zip(_places(len(table), len(next(iter(table.values())))), table.items(), strict=True):
        spread = limits[name]
        tops = values if spread is None else np.fmax(values, spread[1])
        for place, value, top in zip(where, values, tops, strict=True):
            if np.isfinite(value):
                ax.annotate(
                    write(float(value), digits),
                    (top, place) if lying else (place, top),
                    xytext=(4, 0) if lying else (0, 3),
                    textcoords="offset points",
                    ha="left" if lying else "center",
                    va="center" if lying else "bottom",
                    fontsize=7.5,
                )


def _labels_axis(ax: "Axes", labels: Sequence[str], lying: bool) -> None:
    places = np.arange(len(labels))
    if lying:
        ax.set_yticks(places, labels)
        ax.set_ylim(len(labels) - 0.4, -0.6)
        ax.tick_params(axis="y", length=0)
        return
    turned = max((len(text) for text in labels), default=0) > 6 and len(labels) > 4
    ax.set_xticks(
        places,
        labels,
        rotation=35 if turned else 0,
        ha="right" if turned else "center",
        rotation_mode="anchor",
    )
    ax.tick_params(axis="x", length=0)
