"""Near ties and sure errors, on probabilities that are known."""

import numpy as np
import pytest

from etalon.analysis.hesitation import hesitation
from etalon.analysis.predictions import Predictions
from etalon.errors import StudyError
from etalon.locales import use

NAMES = ("shirt", "T-shirt", "boot")


@pytest.fixture(autouse=True)
def english():
    with use("en"):
        yield


def predictions(*rows, seeds=2):
    """All the images are shirts; each row of probabilities is an image, the same for every seed."""
    p = np.array(rows, np.float32)
    n = len(p)
    return Predictions(
        "m", "test", tuple(range(seeds)), (np.arange(n),) * seeds, (np.zeros(n, np.int64),) * seeds, (p,) * seeds, n
    )


NEAR, SURE, FAR = (0.4, 0.5, 0.1), (0.04, 0.95, 0.01), (0.1, 0.6, 0.3)


def test_near_ties():
    finding = hesitation(predictions(*[NEAR] * 30, SURE, (0.9, 0.05, 0.05)), NAMES, "shirt", "T-shirt")
    assert finding.numbers["images"] == 31
    assert finding.numbers["near"] == pytest.approx(30 / 31)
    assert finding.numbers["sure"] == pytest.approx(1 / 31)
    assert finding.text.endswith("Most of these errors are near ties between two classes that look alike.")


def test_sure_errors():
    finding = hesitation(predictions(*[SURE] * 30, NEAR), NAMES, 0, 1)
    assert "to the model, these images are of the other class" in finding.text


def test_neither():
    finding = hesitation(predictions(*[SURE] * 10, *[FAR] * 10, *[NEAR] * 10), NAMES, 0, 1)
    assert finding.text.endswith("Neither near ties nor sure errors are shown to be the most of them.")
    assert finding.numbers["second"] == pytest.approx(2 / 3)  # of FAR, a boot comes second


def test_none_and_one():
    right = (0.9, 0.05, 0.05)
    assert hesitation(predictions(right), NAMES, 0, 1).text == "m: no image of shirt is taken for T-shirt."
    assert "too few to tell" in hesitation(predictions(right, SURE), NAMES, 0, 1).text


def test_unknown_class():
    with pytest.raises(StudyError, match="shirt, T-shirt, boot"):
        hesitation(predictions(SURE), NAMES, "hat", 1)
