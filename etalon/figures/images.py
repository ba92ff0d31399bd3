"""Images side by side, with what is to be said of each."""

import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from etalon.figures.style import INK, canvas, panels, style

if TYPE_CHECKING:
    from etalon.figures.style import Axes, Figure

CELL = 1.25  # inches
LETTER = 0.078  # inches: width of a letter at the size of the titles
TITLE_LETTER = 0.09  # inches: of a letter of the title of the whole
LINE = 0.15  # inches


def grid(
    images: NDArray[Any],
    titles: Sequence[str] | None = None,
    *,
    columns: int | None = None,
    figure: "Figure | None" = None,
    row_titles: Sequence[str] | None = None,
    title: str = "",
    note: str = "",
    white: float | None = None,
) -> "Figure":
    """Draw images row after row.

    Args:
        images: (n, h, w, c) or (n, h, w), c = 1 (grey) or 3 (colours). Values beyond black and
            white are clipped.
        titles: one above each image; long ones are wrapped.
        columns: images a row; by default a shape close to a square that leaves no hole where one exists.
        figure: where to draw; a new figure by default.
        row_titles: one at the left of each row.
        title: above the whole, wrapped; where there is no image, in its place.
        note: under the whole, wrapped, in small letters.
        white: the value of white; by default 255 for uint8 and for floats that exceed 2, else 1.

    Returns:
        The figure; its axes are the images, in order.
    """
    images = images[..., None] if images.ndim == 3 else images
    n = len(images)
    columns = columns or columns_for(n)
    rows = max(1, math.ceil(n / columns))
    wrapped = ["\n".join(textwrap.fill(line, int(CELL / LETTER)) for line in t.split("\n")) for t in titles or [""] * n]
    lines = max((t.count("\n") + 1 for t in wrapped if t), default=0)
    margin = LETTER * max((len(t) for t in row_titles or ()), default=0)
    width = figure.get_figwidth() if figure else columns * CELL + margin + 0.2
    title, note = (textwrap.fill(text, int(width / letter)) for text, letter in ((title, TITLE_LETTER), (note, LETTER)))
    if figure is None:
        around = sum(LINE * (text.count("\n") + 1) + 0.1 for text in (title, note) if text)
        figure = canvas(width, rows * (CELL + LINE * lines + 0.06) + around)
    cells = panels(rows, columns, 0, 0, figure=figure)
    shown = _displayable(images, white)
    with style():
        for i, ax in enumerate(cells):
            _bare(ax)
            if i < n:
                ax.imshow(shown[i], cmap="gray", vmin=0, vmax=1, interpolation="none")
                ax.set_title(wrapped[i], fontsize=8, fontweight="normal", loc="center", pad=3)
        for row, text in enumerate(row_titles or ()):
            cells[row * columns].set_ylabel(text, rotation=0, ha="right", va="center", fontsize=9, color=INK)
        if not n:
            cells[0].text(0.5, 0.5, title, ha="center", va="center", fontsize=9)
        elif title:
            figure.suptitle(title, fontsize=10, fontweight="bold")
        if note:
            figure.supxlabel(note, fontsize=8)
    return figure


def columns_for(n: int) -> int:
    """The number of columns for `n` images: 3 for 9, 5 for 10 and for 25."""
    least = max(1, math.ceil(math.sqrt(n)))
    return next((c for c in range(least, 2 * least) if n % c == 0), least)


def _displayable(images: NDArray[Any], white: float | None) -> NDArray[np.float32]:
    """Values between 0 and 1; (n, h, w) when there is one channel."""
    if white is None:
        white = 255.0 if images.dtype == np.uint8 or (images.size and float(images.max()) > 2) else 1.0
    scaled: NDArray[np.float32] = np.clip(np.asarray(images, np.float32) / white, 0, 1)
    return scaled[..., 0] if scaled.shape[-1] == 1 else scaled


def _bare(ax: "Axes") -> None:
    ax.set_xticks([])
    ax.set_yticks([])
    ax.grid(False)
    for spine in ax.spines.values():
        spine.set_visible(False)
