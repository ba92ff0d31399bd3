"""Lines with the spread of the seeds around them."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from etalon.figures.style import INK, PALETTE, axes, canvas, label, localise, panels, style

if TYPE_CHECKING:
    from matplotlib.lines import Line2D

    from etalon.figures.style import Axes, Figure, SubFigure, Unit

Stroke = Literal["solid", "dashed", "dotted"]
STROKES: tuple[Stroke, ...] = get_args(Stroke)
CROWD = 5  # lines: more than this, and the legend stands beside the curves


@dataclass(frozen=True, eq=False)
class Line:
    """A curve to draw.

    Attributes:
        label: its name in the legend; empty for none.
        y: (n,) values, NaN where there is none.
        low, high: (n,) limits of the band around it, or None.
        x: (n,) abscissas; 1, 2, 3... by default.
        colour: by default the next of the palette.
        stroke: training is dashed, validation solid, test dotted.
        marker: a matplotlib marker, or "".
    """

    label: str
    y: ArrayLike
    low: ArrayLike | None = None
    high: ArrayLike | None = None
    x: ArrayLike | None = None
    colour: str | None = None
    stroke: Stroke = "solid"
    marker: str = ""


def curves(
    lines: Sequence[Line],
    *,
    ax: "Axes | None" = None,
    xlabel: str = "",
    ylabel: str = "",
    title: str = "",
    unit: "Unit" = "number",
    mark: float | None = None,
    mark_label: str = "",
    whole_x: bool = True,
    legend: bool = True,
) -> "Axes":
    """Draw the lines and their bands.

    Args:
        unit: of the ordinates, see `style.localise`.
        mark: abscissa of a vertical line (an epoch), named by `mark_label`.
        whole_x: abscissas are counted (epochs, severities): ticks on whole numbers only.
    """
    from matplotlib.ticker import MaxNLocator

    ax = axes(ax, 6.4 if len(lines) <= CROWD else 8.0)
    with style():
        drawn: Counter[tuple[str, str]] = Counter()
        for i, line in enumerate(lines):
            colour = line.colour or PALETTE[i % len(PALETTE)]
            again = drawn[colour, line.stroke]  # where colours come round again, strokes tell lines apart
            drawn[colour, line.stroke] += 1
            _draw(ax, line, colour, STROKES[(STROKES.index(line.stroke) + again) % len(STROKES)])
        if mark is not None:
            ax.axvline(mark, color=INK, linewidth=1, linestyle=":", label=mark_label or None, zorder=1)
        ax.xaxis.set_major_locator(MaxNLocator(nbins=10, steps=[1, 2, 5, 10], integer=whole_x, min_n_ticks=1))
        localise(ax.xaxis)
        localise(ax.yaxis, unit)
        label(ax, title=title, xlabel=xlabel, ylabel=ylabel)
        if legend and any(line.label for line in lines):
            _legend(ax, len(lines))
    return ax


def small_multiples(
    plots: Mapping[str, Sequence[Line]],
    *,
    columns: int | None = None,
    figure: "Figure | None" = None,
    xlabel: str = "",
    ylabel: str = "",
    title: str = "",
    unit: "Unit" = "number",
) -> "Figure":
    """One panel for each title, all on the same scale, with one legend below for all."""
    columns = columns or min(5, max(1, len(plots)))
    rows = max(1, math.ceil(len(plots) / columns))
    names = [line.label for line in next(iter(plots.values()), ())]
    across = _across(names, 2.15 * columns + 0.5)
    height = 1.75 * rows + 0.6 + 0.2 * math.ceil(len(names) / across) + (0.3 if title else 0)
    figure = figure if figure is not None else canvas(2.15 * columns + 0.5, height)
    cells = panels(rows, columns, 0, 0, figure=figure, shared=True)
    for ax, (name, lines) in zip(cells, plots.items(), strict=False):
        curves(lines, ax=ax, title=name, unit=unit, legend=False)
    with style():
        for place, ax in enumerate(cells):
            ax.set_visible(place < len(plots))
            if place >= len(plots) - columns:  # nothing stands under it
                ax.set_xlabel(xlabel)
                ax.xaxis.set_tick_params(labelbottom=True)
            if place % columns == 0:
                ax.set_ylabel(ylabel)
        if title:
            figure.suptitle(title, fontsize=10, fontweight="bold")
        shared_legend(figure, cells[0], across)
    return figure


def shared_legend(figure: "Figure | SubFigure", ax: "Axes", columns: int | None = None) -> None:
    """Below the figure, the legend of the lines of `ax`."""
    handles, names = ax.get_legend_handles_labels()
    columns = columns or _across(names, 8.0)
    figure.legend(handles, names, loc="outside lower center", ncols=columns)


def _draw(ax: "Axes", line: Line, colour: str, stroke: Stroke) -> "Line2D":
    y = np.asarray(line.y, float)
    x = np.arange(1, len(y) + 1) if line.x is None else np.asarray(line.x, float)
    alone = np.isfinite(y).sum() == 1  # a single epoch has no line: show its point
    (drawn,) = ax.plot(
        x,
        y,
        color=colour,
        linestyle=stroke,
        marker=line.marker or ("o" if alone else None),
        markersize=4,
        label=line.label or None,
    )
    if line.low is not None and line.high is not None:
        low, high = np.asarray(line.low, float), np.asarray(line.high, float)
        ax.fill_between(x, low, high, color=colour, alpha=0.16, linewidth=0)
    return drawn


def _legend(ax: "Axes", lines: int) -> None:
    if lines > CROWD:
        ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0)
    else:
        ax.legend(loc="best")


def _across(names: Sequence[str], width: float) -> int:
    """How many names fit side by side in `width` inches."""
    longest = max((len(name) for name in names), default=1)
    return max(1, min(len(names) or 1, int(width / (0.075 * longest + 0.55))))
