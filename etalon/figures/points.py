"""Examples as points of the plane, and the line by which a model parts them."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from etalon.figures.curves import Stroke
from etalon.figures.style import INK, PALETTE, axes, colours, label, localise, markers, style

if TYPE_CHECKING:
    from etalon.figures.style import Axes

Plane = NDArray[np.float64]  # (n, 2)
FINENESS = 300  # points a side at which a model is asked what it answers


def points(
    groups: Mapping[str, ArrayLike],
    *,
    ax: "Axes | None" = None,
    xlabel: str = "",
    ylabel: str = "",
    title: str = "",
    legend: bool = True,
) -> "Axes":
    """Draw a cloud of points for each group, with a colour and a marker of its own.

    Args:
        groups: name -> (n, 2) abscissas and ordinates.
    """
    from matplotlib.ticker import MaxNLocator

    names = list(groups)
    shades, marks = colours(names), markers(names)
    ax = axes(ax, 5.6, 4.0)
    with style():
        for name, cloud in groups.items():
            x, y = np.asarray(cloud, float).reshape(-1, 2).T
            ax.plot(x, y, marks[name], color=shades[name], markersize=5.5, markeredgecolor="white", label=name or None)
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_locator(MaxNLocator(nbins=8, steps=[1, 2, 5, 10]))
            localise(axis)
        label(ax, title=title, xlabel=xlabel, ylabel=ylabel)
        if legend and any(names):
            ax.legend(loc="best")
    return ax


def boundary(
    score: Callable[[Plane], NDArray[Any]],
    ax: "Axes",
    *,
    name: str = "",
    level: float = 0.0,
    colour: str = INK,
    stroke: Stroke = "solid",
    shaded: bool = False,
) -> "Axes":
    """Draw, in the window of `ax`, the line where a model changes its mind.

    Args:
        score: (n, 2) points -> (n,) numbers, under `level` on one side and over it on the other:
            `decision_function` of a scikit-learn classifier, or its `predict` with a level of 0.5.
        name: of the line in the legend.
        shaded: tint both sides, in the colours of the first two groups of `points`.
    """
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    x, y = np.meshgrid(np.linspace(left, right, FINENESS), np.linspace(low, high, FINENESS))
    answers = np.asarray(score(np.column_stack([x.ravel(), y.ravel()])), float).reshape(x.shape)
    with style():
        if shaded:
            ends = [min(answers.min(), level) - 1, level, max(answers.max(), level) + 1]
            ax.contourf(x, y, answers, levels=ends, colors=PALETTE[:2], alpha=0.12, zorder=0)
        ax.contour(x, y, answers, levels=[level], colors=colour, linestyles=stroke, linewidths=1.6, zorder=1)
        if name:
            ax.plot([], [], color=colour, linestyle=stroke, linewidth=1.6, label=name)
            ax.legend(loc="best")
        ax.set(xlim=(left, right), ylim=(low, high))
    return ax
