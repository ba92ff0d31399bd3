import os

import numpy as np
import pytest
from scipy.spatial import cKDTree
from scipy.stats import kstest

import etalon
from etalon.data.dataset import Dataset, Part
from etalon.data.duplicates import NEIGHBOURS, chance_ratio, exact, intrinsic_dimension, near, nearest
from tests.conftest import needs_real_data
from tests.data.conftest import pictures, toy


def points(n: int, dimension: int) -> np.ndarray:
    """(n,) nearest distance over the k-th, for points drawn evenly on a torus, which has no edge."""
    drawn = np.random.default_rng(dimension).random((n, dimension))
    distances, _ = cKDTree(drawn, boxsize=1).query(drawn, NEIGHBOURS + 1)
    return distances[:, 1] / distances[:, -1]


@pytest.mark.parametrize("dimension", [2, 5])
def test_the_law_of_the_ratios(dimension: int) -> None:
    ratios = points(5000, dimension)
    assert intrinsic_dimension(ratios) == pytest.approx(dimension, rel=0.05)
    volumes = 1 - (1 - ratios**dimension) ** (NEIGHBOURS - 1)  # uniform, if the law is right
    assert kstest(volumes, "uniform").statistic < 0.03


@pytest.mark.parametrize("n", [11, 64, 65, 900])
@pytest.mark.parametrize("sheet", [1 << 27, 1 << 12])
def test_neighbours_are_those_of_scikit_learn(n: int, sheet: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from sklearn.neighbors import NearestNeighbors

    monkeypatch.setattr("etalon.data.duplicates.SHEET", sheet)
    points = np.random.default_rng(n).normal(size=(n, 12)).astype(np.float32)
    points[1] = points[0] + 1e-4
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    expected, others = NearestNeighbors(n_neighbors=10, algorithm="brute").fit(points.astype(float)).kneighbors()
    distances, neighbours = nearest(points, 10)
    np.testing.assert_allclose(distances, expected, rtol=1e-4, atol=1e-7)
    np.testing.assert_array_equal(neighbours, others)


def test_chance_gives_about_one() -> None:
    found = [(points(2000, m) < chance_ratio(2000, m)).sum() for m in range(1, 6)]
    assert sum(found) <= 15  # 5 expected, most of them two by two


def photographs(n: int, seed: int) -> np.ndarray:
    """Smooth colour images, uint8 (n, 32, 32, 3)."""
    from scipy.ndimage import gaussian_filter

    noise = np.random.default_rng(seed).normal(size=(n, 32, 32, 3))
    smooth = gaussian_filter(noise, (0, 3, 3, 0))
    return np.clip(128 + 40 * smooth / smooth.std(), 0, 255).astype(np.uint8)


def altered() -> dict[str, np.ndarray]:
    """One photograph of each kind of alteration, applied to the images 0, 1, 2..."""
    from io import BytesIO

    from PIL import Image

    x = photographs(200, 0)
    buffer = BytesIO()
    Image.fromarray(x[0]).save(buffer, "JPEG", quality=40)
    enlarged = np.asarray(Image.fromarray(x[4]).resize((34, 34), Image.Resampling.BICUBIC))[1:33, 1:33]
    tinted = np.clip(x[5] * np.array([1.1, 1.0, 0.9]), 0, 255)
    return {
        "jpeg": np.asarray(Image.open(buffer)),
        "lighter": np.clip(x[1].astype(int) + 40, 0, 255),
        "paler": x[2] // 2 + 50,
        "moved": np.roll(x[3], 1, axis=0),
        "enlarged": enlarged,
        "tinted": tinted,
    }


@pytest.mark.parametrize(("rank", "kind"), list(enumerate(altered())))
def test_an_altered_copy_is_found(rank: int, kind: str) -> None:
    x, xt = photographs(200, 0), photographs(40, 1)
    xt[7] = altered()[kind]
    names = {"en": ("a", "b"), "fr": ("a", "b")}
    data = Dataset("copies", Part(x, np.arange(200) % 2), Part(xt, np.arange(40) % 2), names, "Made.")
    assert not exact(data)
    assert [(p.first, p.second) for p in near(data).pairs] == [(("train", rank), ("test", 7))]


def test_identical_images_are_not_near_ones_too() -> None:
    data = toy(40, 12, shape=(8, 8, 1))
    data.train.x[3] = data.train.x[2]
    assert [(p.first.at, p.second.at, p.ratio) for p in near(data).pairs] == [(2, 3, pytest.approx(0, abs=1e-6))]
    assert not near(data, exact(data)).pairs


@pytest.mark.parametrize("shape", [(3, 5, 1), (30, 17, 1), (9, 40, 3)])
def test_any_size_of_image(shape: tuple[int, int, int]) -> None:
    data = toy(40, 12, shape=shape)
    data.test.x[0] = data.train.x[9] // 2 + 60
    assert [(p.first, p.second) for p in near(data).pairs] == [(("train", 9), ("test", 0))]


def test_too_few_images_are_not_compared() -> None:
    found = near(toy(12, 6))
    assert (found.pairs, found.threshold) == ((), 0)


def test_images_without_content_are_not_compared() -> None:
    data = toy(40, 12, shape=(8, 8, 1))
    data.train.x[:5] = np.arange(5).reshape(5, 1, 1, 1) + pictures(5, (8, 8, 1)) % 2
    assert not near(data).pairs


@needs_real_data
@pytest.mark.skipif(not os.environ.get("ETALON_SLOW"), reason="ETALON_SLOW is not set: two minutes of comparisons")
@pytest.mark.parametrize(
    ("name", "across", "within_train"),
    [
        ("mnist", (0, 0), (0, 0)),
        ("fashion_mnist", (40, 60), (140, 190)),
        ("cifar10", (257, 315), (700, 850)),  # ciFAIR (Barz & Denzler 2020) lists 286 test images: within a tenth
    ],
)
def test_published_sets(name: str, across: tuple[int, int], within_train: tuple[int, int]) -> None:
    pairs = near(etalon.load(name)).pairs
    assert across[0] <= len({pair.second.at for pair in pairs if pair.across}) <= across[1]
    assert within_train[0] <= sum(pair.within("train") for pair in pairs) <= within_train[1]
    assert all(pair.labels[0] == pair.labels[1] for pair in pairs)
