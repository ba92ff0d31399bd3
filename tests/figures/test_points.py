"""Points of the plane and the line that parts them: the numbers in the artists."""

import numpy as np
from numpy.testing import assert_allclose

from etalon.figures.points import boundary, points
from etalon.figures.style import axes


def test_each_group_has_its_points_its_colour_and_its_marker() -> None:
    a, b = np.array([[0.0, 1.0], [2.0, 3.0]]), np.array([[4.0, 5.0]])
    ax = points({"a": a, "b": b}, xlabel="x", ylabel="y", title="T")
    first, second = ax.get_lines()
    assert_allclose(first.get_xydata(), a)
    assert_allclose(second.get_xydata(), b)
    assert first.get_color() != second.get_color()
    assert first.get_marker() != second.get_marker()
    legend = ax.get_legend()
    assert legend
    assert [text.get_text() for text in legend.get_texts()] == ["a", "b"]
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title("left")) == ("x", "y", "T")


def test_one_without_a_name_has_no_legend() -> None:
    assert points({"": np.zeros((3, 2))}).get_legend() is None


def test_the_boundary_is_where_the_score_changes_sign() -> None:
    ax = axes(None)
    ax.set(xlim=(-1, 1), ylim=(-2, 2))
    boundary(lambda x: x[:, 0] - x[:, 1] / 2, ax, name="line", shaded=True)
    shading, line = ax.collections
    vertices = line.get_paths()[0].vertices
    assert_allclose(np.asarray(vertices)[:, 0], np.asarray(vertices)[:, 1] / 2, atol=1e-9)
    assert len(shading.get_paths()) == 2
    assert (ax.get_xlim(), ax.get_ylim()) == ((-1, 1), (-2, 2))
    legend = ax.get_legend()
    assert legend
    assert [text.get_text() for text in legend.get_texts()] == ["line"]


def test_classes_have_a_level_of_their_own() -> None:
    ax = axes(None)
    ax.set(xlim=(0, 1), ylim=(0, 1))
    boundary(lambda x: (x[:, 0] > 0.25).astype(int), ax, level=0.5)
    vertices = np.asarray(ax.collections[0].get_paths()[0].vertices)
    assert_allclose(vertices[:, 0], 0.25, atol=1 / 300)
