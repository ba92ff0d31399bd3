import numpy as np
import pytest

from etalon.analysis.occlusion import occlusion
from etalon.data.corruptions import OCCLUDER


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (9, 7, 1), np.uint8)


def predict(images: np.ndarray) -> np.ndarray:
    """Two classes: the second is the light in a corner."""
    light = images[:, 1:4, 1:4].mean(axis=(1, 2, 3)) / 255
    return np.stack([1 - light, light], axis=1)


@pytest.mark.parametrize("side", [1, 2, 3, 4])
def test_it_is_the_loop_that_one_would_write(image, side):
    found = occlusion(image, predict, 1, side=side)
    whole = predict(image[None])[0, 1]
    lost, times = np.zeros((9, 7)), np.zeros((9, 7))
    for top in range(9 - side + 1):  # the step is one pixel up to a side of seven
        for left in range(7 - side + 1):
            hidden = image.copy()
            hidden[top : top + side, left : left + side] = OCCLUDER
            lost[top : top + side, left : left + side] += whole - predict(hidden[None])[0, 1]
            times[top : top + side, left : left + side] += 1
    np.testing.assert_allclose(found.drop, lost / times, atol=1e-12)
    assert found.probability == whole


def test_by_default_the_class_predicted_and_a_fifth_of_the_image():
    image = np.full((40, 60, 3), 255, np.uint8)
    found = occlusion(image, predict)
    assert (found.label, found.side, found.drop.shape) == (1, 8, (40, 60))
    assert found.drop[2, 2] > 0
    assert (found.drop[20:, 20:] == 0).all()
    assert np.isfinite(found.drop).all()


def test_every_pixel_is_hidden_by_a_square():
    found = occlusion(np.zeros((45, 51, 1), np.uint8), predict, side=12)
    assert np.isfinite(found.drop).all()


def test_plot_holds_the_map(image):
    found = occlusion(image, predict, 1)
    ax = found.plot()
    np.testing.assert_array_equal(ax.images[1].get_array(), found.drop)
