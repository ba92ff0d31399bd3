"""Whether confidence is deserved, and what answering only where it is high brings."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from etalon.figures.curves import Line, curves
from etalon.figures.style import INK, MARKERS, PALETTE, REFERENCE, axes, canvas, label, localise, style
from etalon.locales import _

if TYPE_CHECKING:
    from etalon.figures.style import Axes, Figure

Vector = NDArray[np.float64]
Bins = tuple[Vector, Vector, Vector]  # answers, mean confidence, share of right answers; NaN where there is none


def reliability(panels: Mapping[str, Bins], *, seeds: int = 1, figure: "Figure | None" = None) -> "Figure":
    """Draw, for each panel, accuracy against confidence with the diagonal, and below how many answers there are.

    Args:
        panels: title -> bins of equal width over [0, 1], the answers of all seeds together.
        seeds: how many; the lines are 95 % intervals for as many answers as one seed has in the bin, since the seeds
            answer for the same images or for some of them.
    """
    figure = figure if figure is not None else canvas(3.7 * len(panels), 4.4)
    with style():
        drawn = figure.subplots(
            2,
            len(panels),
            squeeze=False,
            sharex=True,
            sharey="row",
            height_ratios=(3, 1),
            gridspec_kw={"wspace": 0.08},
        )
        for place, (title, (count, confidence, accuracy)) in enumerate(panels.items()):
            above, below = drawn[:, place]
            above.plot([0, 1], [0, 1], color=REFERENCE, linewidth=1, linestyle=":")
            low, high = _limits(accuracy, count / seeds)
            arms = np.maximum(0, [accuracy - low, high - accuracy])
            colour = PALETTE[place]
            above.errorbar(confidence, accuracy, arms, fmt="o", color=colour, markersize=4, linewidth=1, clip_on=False)
            width = 1 / len(count)
            below.bar((np.arange(len(count)) + 0.5) * width, count / seeds, 0.9 * width, color=colour, linewidth=0)
            above.set(xlim=(0, 1), ylim=(0, 1), xticks=np.linspace(0, 1, 5))
            below.set_yscale("log")
            below.set_ylim(bottom=0.5 / seeds)
            below.grid(False, axis="x")
            label(above, title=title)
            label(below, xlabel=_("Confidence"))
            localise(below.xaxis, "percent")
        label(drawn[0, 0], ylabel=_("Right answers"))
        label(drawn[1, 0], ylabel=_("Images"))
        localise(drawn[0, 0].yaxis, "percent")
        localise(drawn[1, 0].yaxis)
    return figure


def risk_coverage(
    coverage: Vector,
    risks: NDArray[np.float64],
    points: Mapping[str, tuple[float, float]],
    *,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw the error rate of the images kept against their share.

    Args:
        coverage: (n,) increasing, the last one 1.
        risks: (k, n) for each seed.
        points: error rate promised -> coverage and error rate at the threshold.
    """
    mean = risks.mean(axis=0)
    perfect = np.maximum(0, 1 - (1 - mean[-1]) / coverage)
    lines = [
        Line(_("by confidence"), mean, risks.min(axis=0), risks.max(axis=0), x=coverage),
        Line(_("at random"), np.full(len(coverage), mean[-1]), x=coverage, colour=REFERENCE, stroke="dashed"),
        Line(_("with a perfect confidence"), perfect, x=coverage, colour=INK, stroke="dashed"),
    ]
    ax = axes(ax, 6.4, 3.8)
    curves(
        lines,
        ax=ax,
        xlabel=_("Images kept, the surest first"),
        ylabel=_("Errors among the images kept"),
        unit="percent",
        whole_x=False,
        legend=False,
    )
    with style():
        for i, (promise, (x, y)) in enumerate(points.items()):
            text = _("at most {risk} promised").format(risk=promise)
            ax.plot(x, y, MARKERS[i], color=PALETTE[1 + i], label=text, zorder=3, clip_on=False)
        ax.set_xlim(0, 1.01)
        ax.set_ylim(bottom=0)
        localise(ax.xaxis, "percent")
        ax.legend(loc="best")
    return ax


def _limits(share: Vector, n: Vector) -> tuple[Vector, Vector]:
    """Two-sided 95 % limits of a proportion (Clopper and Pearson 1934)."""
    from scipy.special import betaincinv

    hits = share * n
    with np.errstate(invalid="ignore"):
        low = np.where(hits > 0, betaincinv(np.maximum(hits, 1e-9), n - hits + 1, 0.025), 0.0)
        high = np.where(hits < n, betaincinv(hits + 1, np.maximum(n - hits, 1e-9), 0.975), 1.0)
    return low, high
