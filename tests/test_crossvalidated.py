from pathlib import Path

import numpy as np

import etalon
from etalon.data.dataset import Dataset, Part


def test_planted_errors_are_the_first(blobs: Dataset, tmp_path: Path) -> None:
    """Two wrong labels in each part; the networks that judge an image have not learnt from it."""
    y, yt = blobs.train.y.copy(), blobs.test.y.copy()
    for labels, at in ((y, [10, 200]), (yt, [5, 60])):
        labels[at] = (labels[at] + 1) % 3
    data = Dataset("planted", Part(blobs.train.x, y), Part(blobs.test.x, yt), blobs.classes, "Made.")
    arguments = {"folds": 3, "epochs": 40, "store": tmp_path / "store", "workers": 0, "progress": False}
    found = etalon.label_errors(data, **arguments)
    assert {suspect.at for suspect in found.train[:2]} == {10, 200}
    assert {suspect.at for suspect in found.test[:2]} == {5, 60}
    assert [s.suggested for s in found.test[:2]] == [int(blobs.test.y[s.at]) for s in found.test[:2]]
    assert all(share > 0.95 for share in found.agreement.values())
    again = etalon.label_errors(data, **arguments)  # nothing is trained: the store remembers
    np.testing.assert_equal([s.quality for s in again.test], [s.quality for s in found.test])
    assert len(etalon.Store(tmp_path / "store").openings(data.test_digest)) == 1
