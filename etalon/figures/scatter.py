"""Accuracy against time: what each model gives for what it costs."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from etalon.figures.curves import shared_legend
from etalon.figures.style import FAINT, INK, PAPER, REFERENCE, axes, colours, label, localise, markers, style, whole
from etalon.locales import _, number

if TYPE_CHECKING:
    from matplotlib.transforms import Bbox

    from etalon.figures.style import Axes

LETTER = 5.6  # points: width of a letter under an axis
# Steps of a decade of time, the roundest first.
STEPS = ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 6, 8), (1, 1.25, 1.5, 1.75, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 9))
# Where a name may stand beside its point: points to the right, points up, and how the text is aligned.
SPOTS = [
    (dx * far, dy * far, align)
    for far in (1.0, 1.9, 3.0, 4.4, 6.0, 8.0)
    for dx, dy, align in (
        (8, 0, "left"),
        (-8, 0, "right"),
        (6, 7, "left"),
        (6, -7, "left"),
        (-6, 7, "right"),
        (-6, -7, "right"),
        (0, 9, "center"),
        (0, -9, "center"),
    )
]


def pareto(
    names: Sequence[str],
    time: ArrayLike,
    accuracy: ArrayLike,
    *,
    front: Sequence[bool],
    low: ArrayLike | None = None,
    high: ArrayLike | None = None,
    reference: str | None = None,
    chosen: str | None = None,
    ax: "Axes | None" = None,
    xlabel: str = "",
    ylabel: str = "",
    title: str = "",
) -> "Axes":
    """Draw one point a model, and a line through those that no other beats on both counts.

    Args:
        time: (n,) seconds.
        accuracy: (n,) fractions, with `low`, `high` the limits of their intervals.
        front: whether each model is on the Pareto front.
        reference: the model drawn in grey.
        chosen: the model to be circled.
    """
    x, y = np.asarray(time, float), np.asarray(accuracy, float)
    own = ax is None
    ax = axes(ax, 7.4, max(4.6, 0.31 * len(names)))  # inches: room for the names
    shades, marks = colours(names, reference), markers(names, reference)
    with style():
        _front(ax, x, y, np.asarray(front, bool))
        for i, name in enumerate(names):
            if low is not None and high is not None:
                ends = [np.asarray(low, float)[i], np.asarray(high, float)[i]]
                ax.plot([x[i], x[i]], ends, color=shades[name], linewidth=1.1, alpha=0.6)
            size = 11 if name == reference else 7
            ax.plot(x[i], y[i], marks[name], color=shades[name], markersize=size, zorder=3)
            if name == chosen:
                (ring,) = ax.plot(x[i], y[i], "o", color=INK, markersize=14, zorder=2)
                ring.set(fillstyle="none", label=_("recommended"))
        _scales(ax, x)
        label(ax, title=title, xlabel=xlabel or _("Training time (log scale)"), ylabel=ylabel or _("Accuracy"))
        if own:
            shared_legend(whole(ax), ax)
        _write(ax, names, x, y, [INK if name != reference else REFERENCE for name in names])
    return ax


def _front(ax: "Axes", x: NDArray[np.float64], y: NDArray[np.float64], front: NDArray[np.bool_]) -> None:
    """A staircase: what can be had at most for a given time."""
    order = np.argsort(x[front])
    ax.plot(
        x[front][order],
        y[front][order],
        drawstyle="steps-post",
        color="#B5B5B5",
        linewidth=1.4,
        zorder=1,
        label=_("Pareto front"),
    )


def _scales(ax: "Axes", x: NDArray[np.float64]) -> None:
    """A doubling of time is the same step everywhere; as many ticks as there is room for."""
    from matplotlib.ticker import NullLocator

    ax.set_xscale("log")
    least, most = float(x.min()), float(x.max())
    room = max(1.25, (most / least) ** 0.2)
    least, most = least / room, most * room
    ax.set_xlim(least, most)
    width = ax.get_window_extent().width * 72 / whole(ax).dpi
    ticks: list[float] = []
    for steps in STEPS:  # those that come first have their text, the others where room is left
        for moment in _moments(steps):
            if least <= moment <= most and _apart(among := sorted({*ticks, moment}), width / np.log(most / least)):
                ticks = among
    ax.set_xticks(ticks, [_moment(t) for t in ticks])
    ax.xaxis.set_minor_locator(NullLocator())
    ax.margins(y=0.14)
    localise(ax.yaxis, "percent")
    ax.grid(color=FAINT)


def _moments(steps: Sequence[float]) -> list[float]:
    """Round durations, in seconds: from a millisecond to a minute, then to a hundred thousand minutes."""
    under = [step * 10.0**power for power in range(-3, 2) for step in steps if step * 10.0**power < 60]
    return under + [60 * step * 10.0**power for power in range(5) for step in steps]


def _moment(duration: float) -> str:
    """A round duration, with the decimals that it needs."""
    if duration < 60:
        digits = next(d for d in range(6) if abs(round(duration, d) - duration) < 1e-9)
        return f"{number(duration, digits)} s"
    minutes, rest = divmod(round(duration), 60)
    return f"{number(minutes, 0)} min" + (f" {rest:02d} s" if rest else "")


def _apart(ticks: Sequence[float], scale: float) -> bool:
    """Whether the texts of ticks do not touch, when a factor e of time is `scale` points long."""
    half = [LETTER * (len(_moment(t)) + 1.5) / 2 for t in ticks]
    gaps = scale * np.diff(np.log(ticks))
    return all(gap > one + other for gap, one, other in zip(gaps, half, half[1:], strict=False))


def _write(
    ax: "Axes",
    names: Sequence[str],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    inks: Sequence[str],
) -> None:
    """Each name at the first free spot beside its point, linked to it when it has to stand far."""
    figure = whole(ax)
    figure.draw_without_rendering()  # gives the axes their place, which texts are measured against
    dots = ax.transData.transform(np.column_stack([x, y]))
    unit = figure.dpi / 72  # pixels in a typographic point
    taken: list[Bbox] = []
    frame = ax.get_window_extent()
    for i in np.argsort(-y):
        best = None
        for dx, dy, align in SPOTS:
            box = _box(ax, names[i], dots[i] + unit * np.array([dx, dy]), align)
            if frame.contains(box.x0, box.y0) and frame.contains(box.x1, box.y1) and _free(box, dots, taken, unit):
                best = (dx, dy, align, box)
                break
        dx, dy, align, box = best or (8, 0, "left", _box(ax, names[i], dots[i], "left"))
        taken.append(box)
        link = {"arrowstyle": "-", "color": "#B5B5B5", "linewidth": 0.7} if abs(dx) + abs(dy) > 14 else None
        ax.annotate(
            names[i],
            (x[i], y[i]),
            xytext=(dx, dy),
            textcoords="offset points",
            ha=align,
            va="center",
            fontsize=8,
            color=inks[i],
            arrowprops=link,
            bbox={"facecolor": PAPER, "alpha": 0.7, "linewidth": 0, "pad": 0.6},  # over lines, a name stays legible
        )


def _box(ax: "Axes", text: str, at: NDArray[np.float64], align: str) -> "Bbox":
    """The rectangle, in pixels, of a text written at a place."""
    from matplotlib.transforms import IdentityTransform

    trial = ax.text(at[0], at[1], text, ha=align, va="center", fontsize=8, transform=IdentityTransform())
    box = trial.get_window_extent()
    trial.remove()
    return box


def _free(box: "Bbox", dots: NDArray[np.float64], taken: "Sequence[Bbox]", unit: float) -> bool:
    near = box.padded(3.5 * unit)
    return not any(near.contains(*dot) for dot in dots) and not any(box.overlaps(other) for other in taken)
