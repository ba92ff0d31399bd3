"""A map laid over the image that it tells something of."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from etalon.figures.style import axes, localise, style, whole

if TYPE_CHECKING:
    from etalon.figures.style import Axes

LEAST = 1e-3  # a scale shorter than this would make noise look like something


def overlay(
    image: NDArray[Any],
    values: NDArray[np.floating],
    *,
    ax: "Axes | None" = None,
    label: str = "",
    signed: bool = False,
) -> "Axes":
    """Draw an image in grey, and over it a value for each pixel.

    Args:
        image: uint8 (h, w, c).
        values: (h, w).
        label: of the scale.
        signed: values under 0 have colours of their own; they are fractions, written as percentages.
    """
    ax = axes(ax, 4.2, 3.6)
    top = max(LEAST, float(np.abs(values).max())) if signed else float(values.max()) or 1.0
    with style():
        ax.imshow(image.mean(axis=-1), cmap="gray", vmin=0, vmax=255, interpolation="none")
        drawn = ax.imshow(
            values,
            cmap="PuOr_r" if signed else "inferno",
            vmin=-top if signed else 0,
            vmax=top,
            alpha=0.65,
            interpolation="none",
        )
        bar = whole(ax).colorbar(drawn, ax=ax, label=label, shrink=0.85)
        if signed:
            localise(bar.ax.yaxis, "percent")
        else:
            bar.set_ticks([])
        ax.set_xticks([])
        ax.set_yticks([])
        ax.grid(False)
    return ax
