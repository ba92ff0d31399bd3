"""Matrices of counts as coloured squares."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from etalon.figures.style import axes, label, style
from etalon.locales import _, number, percent

if TYPE_CHECKING:
    from etalon.figures.style import Axes

Normalise = Literal["true", "pred", "all"]
LETTER = 0.07  # inches: width of a letter of a name
READABLE = 20  # classes: with more, the squares are too small for a number
ON_PALE, ON_DARK = "#252525", "#FEFEFE"  # not the style's ink and paper: a dark page leaves these as they are
TICKS = (0, 0.01, 0.05, 0.2, 0.5, 1)


def confusion(
    matrix: ArrayLike,
    names: Sequence[str],
    *,
    normalise: Normalise | None = None,
    seeds: int = 1,
    ax: "Axes | None" = None,
    title: str = "",
) -> "Axes":
    """Draw a confusion matrix as a seaborn heatmap, names on both axes.

    The colour is always the share of the true class, on a scale stretched towards 0 so that rare confusions
    show beside a diagonal close to 100 %.

    Args:
        matrix: (c, c) counts or mean counts, rows the true classes, columns the predicted ones.
        normalise: what is written: counts (None), or shares of the "true" class, of the "pred"icted one or of
            "all", as in `sklearn.metrics.confusion_matrix`; it is told under the matrix where it is not plain counts.
        seeds: of which the counts are the means.
    """
    import seaborn
    from matplotlib.colors import PowerNorm

    counts = np.asarray(matrix, float)
    n = len(counts)
    width, height = _cell(n)
    names_room = LETTER * max((len(name) for name in names), default=0)
    ax = axes(ax, max(4.4, width * n + 1.6 + names_room), max(3.6, height * n + 1.1 + names_room / 2))
    with style():
        seaborn.heatmap(
            shares(counts, "true"),
            annot=_texts(counts, normalise) if n <= READABLE else None,
            fmt="",
            annot_kws={"fontsize": 8 if n <= 12 else 6.5},
            norm=PowerNorm(0.4, vmin=0, vmax=1),
            cmap="Blues",
            linewidths=0.6 if n <= READABLE else 0,
            linecolor="white",
            xticklabels=list(names),
            yticklabels=list(names),
            cbar_kws={"label": _("Share of the true class")},
            ax=ax,
        )
        for text in ax.texts:
            text.set_color(ON_DARK if text.get_color() == "w" else ON_PALE)
        _dress(ax, names)
        ax.tick_params(labelsize=min(9.0, 54 * height))  # three quarters of a row, in points
        predicted = filter(None, [_("Predicted class"), _unit(normalise, seeds) if n <= READABLE else ""])
        label(ax, title=title, xlabel="\n".join(predicted), ylabel=_("True class"))
    return ax


def shares(counts: NDArray[np.float64], normalise: Normalise) -> NDArray[np.float64]:
    """Counts divided by their row ("true"), column ("pred") or total ("all"); 0 where there is nothing."""
    axis = {"true": 1, "pred": 0, "all": None}[normalise]
    total = counts.sum(axis=axis, keepdims=True)
    quotient: NDArray[np.float64] = np.divide(counts, total, out=np.zeros_like(counts), where=total > 0)
    return quotient


def _unit(normalise: Normalise | None, seeds: int) -> str:
    """What the numbers are, where that is not plain to see."""
    if normalise is None:
        return _("numbers of images, means over {k} seeds").format(k=seeds) if seeds > 1 else ""
    return {
        "true": _("percentages of the true class"),
        "pred": _("percentages of the predicted class"),
        "all": _("percentages of all the images"),
    }[normalise]


def _texts(counts: NDArray[np.float64], normalise: Normalise | None) -> NDArray[np.object_]:
    """(c, c) what each square says; a zero says nothing, so that the confusions stand out."""
    if normalise is None:
        digits = 0 if np.allclose(counts, counts.round()) else 1
        texts = [["" if v == 0 else number(v, digits if v < 100 else 0) for v in row] for row in counts]
    else:
        values = 100 * shares(counts, normalise)
        texts = [["" if v == 0 else number(v, 1) for v in row] for row in values]
    return np.array(texts, dtype=object)


def _cell(n: int) -> tuple[float, float]:
    """Width and height of a square, in inches."""
    if n <= 12:
        return 0.56, 0.42
    return (0.4, 0.32) if n <= READABLE else (max(0.1, 6 / n), max(0.1, 6 / n))


def _dress(ax: "Axes", names: Sequence[str]) -> None:
    ax.grid(False)
    ax.tick_params(length=0)
    ax.tick_params(axis="y", rotation=0)
    turned = max((len(name) for name in names), default=0) > 3
    for text in ax.get_xticklabels():
        text.set(rotation=40 if turned else 0, ha="right" if turned else "center", rotation_mode="anchor")
    bar = ax.collections[0].colorbar
    if bar is not None:
        bar.set_ticks(TICKS, labels=[percent(share, 0) for share in TICKS])
        bar.outline.set_visible(False)
        bar.ax.grid(False)
