import os
from pathlib import Path

import numpy as np
import pytest

import etalon
from bench.labels import AGREED, KNOWN, among_the_first, measure, ranks
from etalon.data.dataset import Dataset
from etalon.data.mislabelled import LabelErrors, Suspect
from tests.conftest import needs_real_data


def test_ranks_are_places_in_the_list(blobs: Dataset) -> None:
    listed = tuple(Suspect("test", at, 0, 1, 0.9, 0.1, False) for at in (5, 947, 8, 5937))
    places = ranks(LabelErrors(blobs, (), listed, {"test": 0.9}))
    assert places.keys() == KNOWN.keys()
    assert (places[947], places[5937], places[2462]) == (2, 4, None)
    assert [among_the_first(n, tuple(KNOWN), places) for n in (1, 2, 4)] == [0, 1, 2]


@needs_real_data
def test_the_known_errors_are_those_of_the_published_labels() -> None:
    labels = etalon.load("mnist").test.y
    assert {at: int(labels[at]) for at in KNOWN} == {at: given for at, (given, *_votes) in KNOWN.items()}
    assert all(np.sum(votes) <= 5 for _given, _guess, *votes in KNOWN.values())
    assert set(AGREED) < set(KNOWN)


@needs_real_data
@pytest.mark.skipif(not os.environ.get("ETALON_SLOW"), reason="ETALON_SLOW is not set: five trainings on MNIST")
def test_the_known_errors_are_among_the_first(tmp_path: Path) -> None:
    measured = measure(tmp_path / "store")
    assert measured["listed"] >= 12
    assert measured["among_the_first"][30] >= 8
