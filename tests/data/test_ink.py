"""A drawing told from paper that is lit unevenly: the oracle is the drawing that was put on it, and the light."""

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter

from etalon.data.ink import ground_of, ink, thickness

SIDE = 400
Y, X = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]  # type: ignore[misc]
LIGHTS = {
    "even": np.ones((SIDE, SIDE)),
    "lamp on one side": 0.65 - 0.35 * X,
    "in a corner": 0.6 + 0.2 * X + 0.2 * Y,
    "vignette": 1 - 0.3 * (X**2 + Y**2),
    "shadow": 1 - 0.5 / (1 + np.exp(-(X + 0.4 * Y - 0.1) / 0.03)),
}


def drawn(width: int = 24) -> NDArray[np.bool_]:
    """A four, and a dot beside it."""
    sheet = Image.new("1", (SIDE, SIDE))
    pen = ImageDraw.Draw(sheet)
    pen.line([(160, 80), (120, 220), (270, 220)], 1, width, joint="curve")
    pen.line([(230, 140), (230, 320)], 1, width)
    pen.ellipse((290, 290, 320, 320), fill=1)
    return np.asarray(sheet)


def photographed(mask: NDArray[np.bool_], light: NDArray[np.floating], paper: float, ink: float) -> NDArray[np.float32]:
    """Light times reflection, in sRGB's greys, with the grain of a sensor."""
    reflected = gaussian_filter(np.where(mask, ink, paper), 0.8)
    levels = 255 * (reflected * light) ** (1 / 2.2) + np.random.default_rng(0).normal(0, 3, mask.shape)
    return np.clip(np.rint(levels), 0, 255).astype(np.float32)


def overlap(found: NDArray[np.bool_], wanted: NDArray[np.bool_]) -> float:
    """Intersection over union."""
    return float((found & wanted).sum() / (found | wanted).sum())


@pytest.mark.parametrize("light", LIGHTS)
@pytest.mark.parametrize(("paper", "pen"), [(0.9, 0.1), (0.85, 0.35), (0.06, 0.8)], ids=["ink", "pencil", "chalk"])
def test_the_drawing_is_found_in_any_light(light: str, paper: float, pen: float) -> None:
    mask = drawn()
    found = ink(photographed(mask, LIGHTS[light], paper, pen))
    assert found is not None
    assert found.dark == (pen < paper)
    assert overlap(found.drawn, mask) > 0.9
    assert overlap(found.share > 0.5, mask) > 0.9
    assert np.median(found.share[mask]) == pytest.approx(1, abs=0.05)
    assert found.share[~mask].mean() < 0.02


@pytest.mark.parametrize("light", LIGHTS)
def test_the_ground_is_the_paper_without_the_drawing(light: str) -> None:
    nothing = np.zeros((SIDE, SIDE), bool)
    bare = 255 * (0.9 * LIGHTS[light]) ** (1 / 2.2)
    for mask in (nothing, drawn()):
        assert np.abs(ground_of(photographed(mask, LIGHTS[light], 0.9, 0.1)) - bare).mean() < 5


@pytest.mark.parametrize("light", LIGHTS)
def test_paper_alone_has_no_drawing(light: str) -> None:
    found = ink(photographed(np.zeros((SIDE, SIDE), bool), LIGHTS[light], 0.9, 0.1))
    assert found is None


def test_lines_of_the_paper_and_dust_are_no_ink() -> None:
    mask = drawn(16)
    reflected = np.where(mask, 0.15, 0.9)
    lines = np.zeros_like(mask)
    lines[20::50] = lines[21::50] = True
    dust = np.zeros_like(mask)
    dust[40:43, 340:343] = True
    paper = np.where(lines & ~mask, 0.65, reflected)
    paper[dust] = 0.1
    found = ink((255 * (paper * LIGHTS["shadow"]) ** (1 / 2.2)).astype(np.float32))
    assert found is not None
    assert overlap(found.drawn, mask) > 0.9
    assert not found.drawn[dust].any()


def test_a_drawing_that_reaches_the_edges_is_still_one() -> None:
    mask = np.zeros((200, 200), bool)
    mask[:, 90:110] = True
    found = ink(np.where(mask, 0, 255).astype(np.float32))
    assert found is not None
    assert found.dark
    np.testing.assert_array_equal(found.drawn, mask)


def test_strokes_are_as_thick_as_they_were_drawn() -> None:
    for width in (2, 4, 9, 20):
        mask = np.zeros((200, 200), bool)
        mask[20:180, 50 : 50 + width] = True
        assert thickness(mask) == pytest.approx(width, rel=0.1)
    assert thickness(drawn(30)) > 1.7 * thickness(drawn(15))
