"""The gradient that each layer receives, epoch after epoch."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from etalon.figures.curves import Line, curves, shared_legend
from etalon.figures.searches import log_ticks
from etalon.figures.style import panels, style, whole

if TYPE_CHECKING:
    from etalon.figures.style import Figure

SHADES = 0.3, 0.82  # of viridis: what stands out on white paper and on a dark page


def gradient_norms(
    norms: Mapping[str, tuple[Sequence[str], ArrayLike]], *, xlabel: str = "", ylabel: str = ""
) -> "Figure":
    """Draw a panel for each network, on the same log scale: a line a layer, from dark at the image to light.

    Args:
        norms: title of the panel -> names of the layers, (layers, epochs) norms. The legend is that of the first
            panel.
    """
    cells = panels(1, len(norms), 0.6 + 4.4 * len(norms), 4.1, shared=True)
    every = [np.asarray(values, float) for _layers, values in norms.values()]
    for ax, (title, (layers, values)) in zip(cells, norms.items(), strict=True):
        lines = [
            Line(layer, row, colour=shade)
            for layer, row, shade in zip(layers, np.asarray(values, float), shades(len(layers)), strict=True)
        ]
        curves(lines, ax=ax, title=title, xlabel=xlabel, ylabel=ylabel, legend=False)
    with style():
        for ax in cells:
            ax.set_yscale("log")
            positive = np.concatenate([values[values > 0] for values in every])
            if len(positive):
                log_ticks(ax.yaxis, positive)
            ax.label_outer()
        shared_legend(whole(cells[0]), cells[0])
    return whole(cells[0])


def shades(n: int) -> list[str]:
    """`n` colours from blue to green, from dark to light, so that they are told apart in grey too."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    return [to_hex(colour) for colour in colormaps["viridis"](np.linspace(*SHADES, n))]
