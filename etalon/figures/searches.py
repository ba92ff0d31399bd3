"""What a search has found: the figure of each configuration against the value of an argument."""

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from etalon.figures.curves import shared_legend
from etalon.figures.style import INK, PALETTE, REFERENCE, VERDICTS, axes, label, localise, style, whole
from etalon.locales import _, language, number, use

if TYPE_CHECKING:
    from matplotlib.axis import Axis

    from etalon.figures.style import Axes, Unit

WIDE = 20  # scores further apart than this factor are drawn on a log scale
TICKS = 12  # values nearer to one another than this part of the axis have no ticks of their own
DECADES = 3  # with more, only powers of ten have their tick


def response(
    values: Sequence[Any],
    score: ArrayLike,
    states: Sequence[str],
    *,
    low: ArrayLike | None = None,
    high: ArrayLike | None = None,
    chosen: int | None = None,
    log: bool = False,
    joined: bool = False,
    unit: "Unit" = "number",
    ax: "Axes | None" = None,
    legend: bool = True,
    xlabel: str = "",
    ylabel: str = "",
    title: str = "",
) -> "Axes":
    """Draw one point a configuration.

    Args:
        values: (n,) of the argument; those that are not numbers stand side by side.
        score: (n,) NaN where there is none; `low`, `high` its limits over seeds.
        states: (n,) "finished", "pruned" (hollow), "diverged" or "failed" (a cross at the top, without a score).
        chosen: which one is circled.
        log: put `values` on a log scale.
        joined: link the finished ones, in the order of the values.
        unit: of the scores, see `style.localise`.
    """
    y, states = np.asarray(score, float), list(states)
    own = ax is None
    ax = axes(ax, 6.4, 4.0)
    with style():
        x = _abscissas(ax, values, log)
        broken = np.array([state in ("diverged", "failed") for state in states])
        pruned = np.array([state == "pruned" for state in states])
        finished = ~broken & ~pruned
        trouble = _("diverged or failed") if "failed" in states else _("diverged")
        if joined:
            order = np.flatnonzero(finished)[np.argsort(x[finished], kind="stable")]
            ax.plot(x[order], y[order], color=PALETTE[0], linewidth=1.1, alpha=0.5, zorder=1)
        if low is not None and high is not None:
            ax.vlines(x, np.asarray(low, float), np.asarray(high, float), color="#8C8C8C", linewidth=1.1, zorder=1)
        _points(ax, x[finished], y[finished], "o", PALETTE[0], _("finished"))
        _points(ax, x[pruned], y[pruned], "o", REFERENCE, _("pruned"), hollow=True)
        _points(ax, x[broken], np.full(broken.sum(), 0.97), "X", VERDICTS["worse"], trouble, at_top=True)
        if chosen is not None:
            (ring,) = ax.plot(x[chosen], y[chosen], "o", color=INK, markersize=14, zorder=2)
            ring.set(fillstyle="none", label=_("chosen"))
        ax.margins(y=0.14)
        _ordinates(ax, y[np.isfinite(y)], unit)
        label(ax, title=title, xlabel=xlabel, ylabel=ylabel)
        if legend and own:
            shared_legend(whole(ax), ax)
        elif legend:
            ax.legend(loc="best")
    return ax


def _points(
    ax: "Axes",
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    marker: str,
    colour: str,
    name: str,
    *,
    hollow: bool = False,
    at_top: bool = False,
) -> None:
    if not len(x):
        return
    places: dict[str, Any] = {"transform": ax.get_xaxis_transform()} if at_top else {}
    face = "white" if hollow else colour
    ax.plot(x, y, marker, color=colour, markerfacecolor=face, markersize=7, label=name, zorder=4 - hollow, **places)


def _abscissas(ax: "Axes", values: Sequence[Any], log: bool) -> NDArray[np.float64]:
    """Where each value stands, and the ticks of the axis."""
    distinct = [value for i, value in enumerate(values) if value not in values[:i]]
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        ax.set_xticks(range(len(distinct)), [str(value) for value in distinct])
        ax.set_xlim(-0.5, len(distinct) - 0.5)
        return np.array([distinct.index(value) for value in values], float)
    if log:
        ax.set_xscale("log")
        log_ticks(ax.xaxis, np.array(distinct, float))
    places = np.sort(np.log10(distinct) if log else np.array(distinct, float))
    if (np.diff(places) >= np.ptp(places) / TICKS).all():
        ax.set_xticks(distinct, [_exact(value) for value in distinct])
    elif not log:
        localise(ax.xaxis)
    return np.array(values, float)


def _ordinates(ax: "Axes", y: NDArray[np.float64], unit: "Unit") -> None:
    if unit == "number" and len(y) and y.min() > 0 and y.max() > WIDE * y.min():
        ax.set_yscale("log")
        log_ticks(ax.yaxis, y)
    else:
        localise(ax.yaxis, unit)


def log_ticks(axis: "Axis", values: NDArray[np.float64]) -> None:
    """Ticks at 1, 2, 5, 10..., or at powers of ten only where there are many, in the language in force now."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    lang, decades = language(), np.log10(values.max() / values.min())

    def text(value: float, _position: int | None) -> str:
        with use(lang):
            return _exact(value)

    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if decades <= DECADES else (1.0,)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(text))


def _exact(value: float) -> str:
    """`value` with all its decimals (four significant figures), as a power of ten where they are many."""
    rounded = Decimal(f"{value:.4g}").normalize()
    digits = max(0, -int(rounded.as_tuple().exponent))
    if digits <= 5 and abs(value) < 1e6:
        return number(value, digits)
    return f"{value:.4g}"
