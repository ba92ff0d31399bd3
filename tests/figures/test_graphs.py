"""Graphs are read back: a circle a node, a line a link, and no text outside its node."""

import itertools

from matplotlib.patches import Circle

from etalon.figures.graphs import RADIUS, graph, place
from etalon.figures.style import whole

LAYERS = [["$x_0$", "$x_1$"], ["$N_3$", "$N_2$"], ["y"]]


def links(ax):
    return [text for text in ax.texts if getattr(text, "arrow_patch", None) is not None]


def test_every_neuron_is_linked_to_the_next_layer():
    ax = graph(LAYERS)
    circles = [patch for patch in ax.patches if isinstance(patch, Circle)]
    assert len(circles) == 5
    assert len(links(ax)) == 2 * 2 + 2
    written = {text.get_text() for text in ax.texts}
    assert {"$x_0$", "$N_3$", "y"} <= written


def test_a_dropped_neuron_is_crossed_and_loses_its_links():
    ax = graph(LAYERS, dropped={(1, 0)})
    assert len(links(ax)) == 3
    assert len(ax.lines) == 2


def test_links_and_notes_say_what_they_are_given():
    ax = graph(LAYERS, links={((0, 0), (1, 0)): "1", ((1, 1), (2, 0)): "−1"}, notes={(1, 0): "threshold 0"})
    assert len(links(ax)) == 2
    assert {"1", "−1", "threshold 0"} <= {text.get_text() for text in ax.texts}


def test_nodes_stand_apart_and_inside_the_axes():
    ax = graph([["a"] * 5, ["b"] * 3, ["c"]], notes={(0, 4): "below"})
    nodes = [(i, j) for i, layer in enumerate((5, 3, 1)) for j in range(layer)]
    places = [place([["a"] * 5, ["b"] * 3, ["c"]], node) for node in nodes]
    for (x0, y0), (x1, y1) in itertools.combinations(places, 2):
        assert (x1 - x0) ** 2 + (y1 - y0) ** 2 > (2 * RADIUS) ** 2
    whole(ax).draw_without_rendering()
    frame = ax.get_window_extent().padded(1)
    for text in ax.texts:
        box = text.get_window_extent()
        assert frame.contains(box.x0, box.y0)
        assert frame.contains(box.x1, box.y1)
