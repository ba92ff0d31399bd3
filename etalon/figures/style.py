"""One style and one palette for every figure, and the canvas on which they are drawn.

Nothing here goes through pyplot: a figure belongs to who asked for it, and can be made in any thread.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from io import BytesIO
from threading import RLock
from typing import TYPE_CHECKING, Any, Literal

from etalon.locales import language, number, percent, points, seconds, use

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes as Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure as Figure
    from matplotlib.figure import SubFigure as SubFigure
    from numpy.typing import NDArray

# Okabe and Ito's colours and four darker ones: told apart by colour-blind readers, and on grey paper, where no
# two that follow one another are nearer than 15 in lightness.
PALETTE = (
    "#0072B2",
    "#E69F00",
    "#882255",
    "#009E73",
    "#332288",
    "#D55E00",
    "#56B4E9",
    "#117733",
    "#CC79A7",
    "#994F00",
)
MARKERS = ("o", "s", "D", "^", "v", "P", "X", "<", ">", "p")
REFERENCE = "#6E6E6E"
INK = "#262626"
FAINT = "#E3E3E3"
PAPER = "#FFFFFF"
# What a page with a dark ground shows instead; the other colours stand out on both grounds.
NIGHT = {
    PAPER: "#14181D",
    INK: "#E3E7EC",
    FAINT: "#343C47",
    REFERENCE: "#9AA3AE",
    "#882255": "#E8326A",
    "#332288": "#9360F5",
    "#117733": "#9BEBB5",
    "#994F00": "#E6CD8E",
}
VERDICTS = {"better": "#0072B2", "worse": "#D55E00", "equivalent": "#009E73", "undecided": "#8C8C8C"}

Unit = Literal["number", "percent", "points", "seconds"]

_STYLE: dict[Any, Any] = {
    "font.family": ["DejaVu Sans"],  # shipped with matplotlib: the same picture everywhere
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#8C8C8C",
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.7,
    "xtick.color": "#8C8C8C",
    "ytick.color": "#8C8C8C",
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
    "figure.dpi": 110,
    "savefig.dpi": 150,
    "svg.hashsalt": "etalon",  # the same drawing gives the same file
}
_lock = RLock()  # rcParams are one for the process: two threads that swap them would leave ours behind


@contextmanager
def style() -> Iterator[None]:
    """Draw in Étalon's style inside the block; the user's own settings come back after it."""
    import matplotlib

    with _lock, matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        yield


def colours(names: Sequence[str], reference: str | None = None) -> dict[str, str]:
    """A colour for each name, by its rank; the reference takes none of them and stays grey."""
    others = [name for name in names if name != reference]
    chosen = {name: PALETTE[i % len(PALETTE)] for i, name in enumerate(others)}
    return {name: chosen.get(name, REFERENCE) for name in names}


def markers(names: Sequence[str], reference: str | None = None) -> dict[str, str]:
    """A marker for each name, so that colour is never the only sign; the reference is a star."""
    others = [name for name in names if name != reference]
    chosen = {name: MARKERS[i % len(MARKERS)] for i, name in enumerate(others)}
    return {name: chosen.get(name, "*") for name in names}


def canvas(width: float, height: float) -> "Figure":
    """An empty figure of `width` x `height` inches, which a notebook shows as an image."""
    from matplotlib.figure import Figure

    with style():
        figure = Figure(figsize=(width, height), layout="constrained")
    figure._repr_png_ = partial(png, figure)  # type: ignore[attr-defined]  # what IPython asks of a result
    return figure


def axes(ax: "Axes | None", width: float = 6.0, height: float = 3.8) -> "Axes":
    """The axes given, or those of a new figure of `width` x `height` inches."""
    return ax if ax is not None else panels(1, 1, width, height)[0]


def panels(
    rows: int,
    columns: int,
    width: float,
    height: float,
    *,
    figure: "Figure | SubFigure | None" = None,
    shared: bool = False,
) -> "list[Axes]":
    """The axes of a grid, row after row, in a new figure of `width` x `height` inches or in the one given.

    With `shared`, all have the same scales.
    """
    figure = figure if figure is not None else canvas(width, height)
    with style():
        drawn = figure.subplots(rows, columns, squeeze=False, sharex=shared, sharey=shared)
    cells: list[Axes] = list(drawn.flat)
    for ax in cells:
        ax._repr_png_ = partial(png, whole(ax))  # type: ignore[attr-defined]
    return cells


def whole(ax: "Axes") -> "Figure":
    """The figure, not the subfigure, that holds `ax`."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    return figure


def png(figure: "Figure", dpi: int = 110) -> bytes:
    """The figure as a PNG file."""
    return _saved(figure, "png", dpi)


def svg(figure: "Figure") -> str:
    """The figure as an SVG document, letters as outlines: it needs no font, and is the same at each call."""
    return _saved(figure, "svg", 100).decode()


def _saved(figure: "Figure", kind: str, dpi: int) -> bytes:
    metadata = {"Date": None} if kind == "svg" else {}
    buffer = BytesIO()
    with style():
        figure.savefig(buffer, format=kind, dpi=dpi, metadata=metadata)
    return buffer.getvalue()


def localise(axis: "Axis", unit: Unit = "number") -> None:
    """Write the ticks of `axis` in the language in force now, with as many decimals as their step needs.

    Args:
        unit: "number"; "percent" and "points" for fractions (0.01 is 1 % or +1); "seconds".
    """
    from matplotlib.ticker import FuncFormatter

    lang = language()  # a figure may be drawn long after the block that chose the language

    def text(value: float, _position: int | None) -> str:
        with use(lang):
            return tick(value, axis.get_majorticklocs(), unit)

    axis.set_major_formatter(FuncFormatter(text))


def tick(value: float, among: "Sequence[float] | NDArray[np.float64]", unit: Unit = "number") -> str:
    """`value` with the decimals that tell it from the other ticks."""
    factor = 100.0 if unit in ("percent", "points") else 1.0
    digits = _decimals([factor * float(v) for v in among])
    value = 0.0 if abs(value) < 1e-12 else value
    write: Callable[..., str] = {"number": number, "percent": percent, "points": points}.get(unit, number)
    if unit == "points" and value == 0:
        return number(0, digits)
    if unit == "seconds":
        return seconds(value) if value >= 60 else f"{number(value, digits)} s"
    return write(value, digits).replace("-", "−")


def _decimals(values: Sequence[float]) -> int:
    """The fewest decimals that write all the values without moving any by a hundredth of their span."""
    if not values or not all(math.isfinite(v) for v in values):
        return 2
    allowed = 1e-2 * (max(values) - min(values)) or 1e-9
    for digits in range(6):
        if all(abs(round(v, digits) - v) <= allowed for v in values):
            return digits
    return 6


def label(ax: "Axes", *, title: str = "", xlabel: str = "", ylabel: str = "") -> None:
    """Title and names of the two axes; an empty string leaves what stands."""
    if title:
        ax.set_title(title)
    if xlabel:
        ax.set_xlabel(xlabel)
    if ylabel:
        ax.set_ylabel(ylabel)
