"""Graphs from left to right: the neurons of a network, or operations and what they are given."""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from etalon.figures.style import FAINT, INK, PALETTE, PAPER, REFERENCE, axes, style

if TYPE_CHECKING:
    from etalon.figures.style import Axes

Node = tuple[int, int]  # layer from the left, rank from the top; both from 0
Link = tuple[Node, Node]
RADIUS, STEP, GAP = 0.34, 1.0, 1.9  # of a node; between nodes of a layer; between layers


def graph(
    layers: Sequence[Sequence[str]],
    *,
    links: Mapping[Link, str] | None = None,
    dropped: Collection[Node] = (),
    notes: Mapping[Node, str] | None = None,
    colours: Mapping[Node, str] | None = None,
    arrows: bool = False,
    ax: "Axes | None" = None,
    title: str = "",
) -> "Axes":
    """Draw layers of nodes, each layer a column, and the links between them.

    Args:
        layers: what is written in each node, layer after layer, from top to bottom.
        links: (node, node) -> what is written on the line; by default each node has a bare line to every node of the
            next layer.
        dropped: nodes that are crossed out, and left without links.
        notes: node -> what is written under it.
        colours: node -> its colour; by default each layer takes the next of the palette.
        arrows: lines end with an arrow.
    """
    highest = max(len(layer) for layer in layers)
    ax = axes(ax, 1.0 + 1.1 * GAP * (len(layers) - 1), 0.8 + 0.8 * STEP * highest)
    shades = {node: PALETTE[node[0] % len(PALETTE)] for node in _nodes(layers)} | dict(colours or {})
    kept = {link: text for link, text in (links or _all(layers)).items() if not set(link) & set(dropped)}
    with style():
        for link, text in kept.items():
            _line(ax, layers, link, text, arrows)
        for node in _nodes(layers):
            _circle(ax, layers, node, shades[node], crossed=node in dropped)
        for node, text in (notes or {}).items():
            x, y = place(layers, node)
            ax.text(x, y - RADIUS - 0.08, text, ha="center", va="top", fontsize=8)
            ax.update_datalim([(x, y - STEP / 2)])
        ax.set_aspect("equal", adjustable="datalim")
        ax.autoscale_view()
        ax.axis("off")
        ax.set_title(title)
    return ax


def place(layers: Sequence[Sequence[str]], node: Node) -> tuple[float, float]:
    """The centre of a node: the layers are centred on the ordinate 0."""
    layer, rank = node
    return GAP * layer, STEP * ((len(layers[layer]) - 1) / 2 - rank)


def _nodes(layers: Sequence[Sequence[str]]) -> list[Node]:
    return [(i, j) for i, layer in enumerate(layers) for j in range(len(layer))]


def _all(layers: Sequence[Sequence[str]]) -> dict[Link, str]:
    nodes = _nodes(layers)
    return {(a, b): "" for a in nodes for b in nodes if b[0] == a[0] + 1}


def _line(ax: "Axes", layers: Sequence[Sequence[str]], link: Link, text: str, arrows: bool) -> None:
    (x0, y0), (x1, y1) = (place(layers, node) for node in link)
    length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5
    dx, dy = RADIUS * (x1 - x0) / length, RADIUS * (y1 - y0) / length
    drawn = {"arrowstyle": "-|>" if arrows else "-", "color": REFERENCE, "linewidth": 1.0, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", (x1 - dx, y1 - dy), (x0 + dx, y0 + dy), arrowprops=drawn, zorder=1)
    if text:  # a third of the way, where lines that cross halfway are still apart
        at = (x0 + (x1 - x0) / 3, y0 + (y1 - y0) / 3)
        box = {"facecolor": PAPER, "edgecolor": "none", "pad": 1.0}
        ax.text(*at, text, ha="center", va="center", fontsize=8, bbox=box, zorder=2)


def _circle(ax: "Axes", layers: Sequence[Sequence[str]], node: Node, colour: str, crossed: bool) -> None:
    from matplotlib.patches import Circle

    x, y = place(layers, node)
    face, edge = (FAINT, REFERENCE) if crossed else (PAPER, colour)
    ax.add_patch(Circle((x, y), RADIUS, facecolor=face, edgecolor=edge, linewidth=1.8, zorder=3))
    text = layers[node[0]][node[1]]
    ax.text(x, y, text, ha="center", va="center", fontsize=10, color=REFERENCE if crossed else INK, zorder=4)
    if crossed:
        arm = 0.75 * RADIUS
        for slope in (1, -1):
            ax.plot([x - arm, x + arm], [y - slope * arm, y + slope * arm], color=PALETTE[1], linewidth=1.8, zorder=5)
