import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from etalon.analysis import neighbours as module
from etalon.analysis.neighbours import neighbours
from etalon.data.dataset import Part


@pytest.fixture
def part() -> Part:
    rng = np.random.default_rng(0)
    return Part(rng.integers(0, 256, (50, 4, 5, 3), np.uint8), np.arange(50) % 3)


@pytest.mark.parametrize("budget", [1 << 24, 400])
def test_they_are_those_of_scikit_learn(part, monkeypatch, budget):
    monkeypatch.setattr(module, "BUDGET", budget)
    flat = part.x.reshape(50, -1).astype(float)
    distances, places = NearestNeighbors(n_neighbors=6).fit(flat).kneighbors(flat[7:8])
    found = neighbours(part.x[7], part, 5, besides=7)
    np.testing.assert_array_equal(found.index, places[0, 1:])
    np.testing.assert_allclose(found.distance, distances[0, 1:] / np.sqrt(60), rtol=1e-5)
    np.testing.assert_array_equal(found.labels, part.y[found.index])


def test_no_more_than_there_are(part):
    few = Part(part.x[:3], part.y[:3])
    assert len(neighbours(part.x[0], few, 10, besides=0).index) == 2
    assert neighbours(part.x[0], few, 10).distance[0] == 0
