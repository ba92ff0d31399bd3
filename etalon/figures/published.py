"""A published figure beside our own trainings."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from etalon.figures.style import INK, PALETTE, axes, label, localise, style, whole
from etalon.locales import _

if TYPE_CHECKING:
    from etalon.figures.style import Axes


def beside(
    names: Sequence[str],
    published: Sequence[float],
    ours: Sequence[ArrayLike],
    low: Sequence[float],
    high: Sequence[float],
    *,
    ax: "Axes | None" = None,
    xlabel: str = "",
    title: str = "",
) -> "Axes":
    """Draw one line a metric: a dot a training of ours, where one more would fall, and a diamond for what is published.

    Args:
        names: of the metrics, from top to bottom.
        published, low, high: fractions; limits are NaN where there are none.
        ours: for each metric, (k,) one value a training.
    """
    own = ax is None
    ax = axes(ax, 7.2, 1.5 + 0.55 * len(names))
    with style():
        for row, values in enumerate(ours):
            each = np.asarray(values, float)
            first = row == 0
            interval = _("where 95% of trainings fall") if first and np.isfinite(low[row]) else None
            ax.plot([low[row], high[row]], [row, row], color=PALETTE[0], alpha=0.35, linewidth=7, label=interval)
            trainings = _("our trainings") if first else None
            ax.plot(each, np.full(len(each), row), "o", color=PALETTE[0], markersize=4.5, label=trainings)
            theirs = _("published") if first else None
            ax.plot(published[row], row, "D", color=PALETTE[1], markeredgecolor=INK, markersize=7.5, label=theirs)
        ax.set_yticks(np.arange(len(names)), list(names))
        ax.set_ylim(len(names) - 0.4, -0.6)
        ax.tick_params(axis="y", length=0)
        ax.yaxis.grid(False)
        ax.spines["left"].set_visible(False)
        ax.margins(x=0.08)
        localise(ax.xaxis, "percent")
        label(ax, title=title, xlabel=xlabel)
        handles, labels = ax.get_legend_handles_labels()
        if own:
            whole(ax).legend(handles, labels, loc="outside lower center", ncols=3)
        else:
            ax.legend(handles, labels, loc="best")
    return ax
