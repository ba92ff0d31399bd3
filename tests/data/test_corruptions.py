import numpy as np
import pytest
import scipy.ndimage

from etalon.data.corruptions import (
    CORRUPTIONS,
    SEVERITIES,
    STRENGTHS,
    Wear,
    corrupt,
    document_noise,
    document_rotation,
)
from etalon.errors import DataError
from tests.data.conftest import pictures

SHAPES = [(8, 8, 1), (28, 28, 1), (32, 24, 3)]


def smooth(shape: tuple[int, int, int], n: int = 40) -> np.ndarray:
    """Blurred random images, stretched over 0..255: as photographs, unlike white noise."""
    x = scipy.ndimage.gaussian_filter(pictures(n, shape).astype(float), (0, 1.5, 1.5, 0))
    x -= x.min(axis=(1, 2, 3), keepdims=True)
    stretched: np.ndarray = (x * (255 / x.max(axis=(1, 2, 3), keepdims=True))).astype(np.uint8)
    return stretched


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", CORRUPTIONS)
def test_strength_grows_with_severity(name: str, shape: tuple[int, int, int]) -> None:
    x = smooth(shape)
    damages = []
    for severity in SEVERITIES:
        y = corrupt(x, name, severity, seed=3)
        assert y.dtype == np.uint8
        assert y.shape == x.shape
        damages.append(float(np.abs(y.astype(int) - x).mean()))
    assert damages[0] > 0
    assert (np.diff(damages) > 0).all()


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_the_same_seed_gives_the_same_bits(name: str) -> None:
    x = smooth((16, 16, 3))
    before = x.copy()
    np.testing.assert_array_equal(corrupt(x, name, 4, 1), corrupt(x, name, 4, 1))
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("name", ["noise", "rotation", "shift", "scale", "shear", "occlusion"])
def test_another_seed_draws_otherwise(name: str) -> None:
    x = smooth((16, 16, 3))
    assert (corrupt(x, name, 4, 1) != corrupt(x, name, 4, 2)).any()


def test_a_memory_map_is_corrupted_as_an_array(tmp_path: object) -> None:
    x = smooth((16, 16, 1))
    np.save(f"{tmp_path}/x.npy", x)
    mapped = np.load(f"{tmp_path}/x.npy", mmap_mode="r")
    for name in CORRUPTIONS:
        np.testing.assert_array_equal(corrupt(mapped, name, 2, 0), corrupt(x, name, 2, 0))


def test_rotation_is_scipys() -> None:
    x = smooth((28, 28, 1), 10)
    y = corrupt(x, "rotation", 3, seed=0)
    turned = [
        [scipy.ndimage.rotate(image[..., 0].astype(float), a, reshape=False, order=1) for a in (15, -15)] for image in x
    ]
    inside = (slice(6, 22), slice(6, 22))
    for image, candidates in zip(y, turned, strict=True):
        best = min(np.abs(image[..., 0][inside] - c[inside]).max() for c in candidates)
        assert best <= 1


def test_shift_by_whole_pixels_moves_them() -> None:
    x = smooth((25, 25, 1), 64)  # 0.04 x 25 = 1 pixel
    y = corrupt(x, "shift", 1, seed=0)
    steps = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j]
    moved = np.stack([np.roll(x, step, (1, 2)) for step in steps])[:, :, 1:-1, 1:-1]
    same = (moved == y[:, 1:-1, 1:-1]).all(axis=(2, 3, 4))
    assert (same.sum(0) == 1).all()
    assert same.any(1).all()  # all eight directions occur


def test_noise_has_its_deviation() -> None:
    x = np.full((200, 10, 10, 1), 128, np.uint8)
    assert (corrupt(x, "noise", 2, 0).astype(float) - 128).std() == pytest.approx(25.5, rel=0.02)


def test_occlusion_hides_its_share() -> None:
    x = np.zeros((50, 20, 20, 3), np.uint8)
    y = corrupt(x, "occlusion", 4, 0)
    assert ((y == 128).all(-1).sum((1, 2)) == 100).all()  # 0.5 x 20 = 10 pixels a side


def test_document_noise_is_the_documents() -> None:
    x = smooth((28, 28, 1), 6)
    rng = np.random.default_rng(4)
    oracle = np.clip(x / 255 + rng.normal(0, 0.1, x.shape), 0, 1) * 255
    got = document_noise(x, seed=4)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, oracle, rtol=1e-6, atol=1e-4)


def test_document_rotation_is_the_documents() -> None:
    x = smooth((28, 28, 1), 6)
    rng = np.random.default_rng(4)
    scaled = x.astype("float32") / 255
    oracle = np.zeros_like(scaled)
    for i in range(len(x)):
        angle = rng.uniform(-15, 15)
        oracle[i, :, :, 0] = scipy.ndimage.rotate(scaled[i, :, :, 0], angle, reshape=False)
    got = document_rotation(x, seed=4)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, oracle * 255, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize(("name", "severity"), [("fog", 1), ("noise", 0), ("noise", 6)])
def test_unknown_kinds_and_severities_are_refused(name: str, severity: int) -> None:
    with pytest.raises(DataError, match="Choose one of"):
        corrupt(pictures(2), name, severity, 0)


@pytest.mark.parametrize("severity", SEVERITIES)
def test_wear_of_a_severity_is_that_corruption(severity: int) -> None:
    x = np.random.default_rng(0).integers(0, 256, (6, 12, 10, 1), np.uint8)
    strength = {name: values[severity - 1] for name, values in STRENGTHS.items()}
    np.testing.assert_array_equal(Wear(noise=strength["noise"]).apply(x, 3), corrupt(x, "noise", severity, 3))
    np.testing.assert_array_equal(Wear(blur=strength["blur"]).apply(x), corrupt(x, "blur", severity, 0))
    turned, angle = corrupt(x, "rotation", severity, 0), strength["rotation"]
    both = [Wear(rotation=angle).apply(x), Wear(rotation=-angle).apply(x)]
    assert all(any(np.array_equal(turned[i], one[i]) for one in both) for i in range(len(x)))
    moved, far = corrupt(x, "shift", severity, 0), strength["shift"]
    ways = [Wear(right=a * far, down=b * far).apply(x) for a in (-1, 0, 1) for b in (-1, 0, 1) if a or b]
    assert all(any(np.array_equal(moved[i], one[i]) for one in ways) for i in range(len(x)))


def test_wear_goes_the_way_that_it_says() -> None:
    x = np.zeros((1, 9, 9, 1), np.uint8)
    x[0, 4, 6] = 255
    assert Wear(right=1 / 9).apply(x)[0, 4, 7, 0] == 255
    assert Wear(down=2 / 9).apply(x)[0, 6, 6, 0] == 255
    assert Wear(rotation=90).apply(x)[0, 2, 4, 0] == 255  # anticlockwise, from the right to the top
    assert Wear().apply(x) is x
