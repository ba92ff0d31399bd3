"""The gradient of each layer: what is read from the runs, and what is said of it."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from etalon.analysis.gradients import Gradients, gradient_flow
from etalon.errors import StudyError
from etalon.locales import use

NAMES = ["0.conv2d", "1.batch_normalization", "2.conv2d", "3.dense"]


def run(seed: int, first: float, last: float = 1.0, epochs: int = 3, variant: str = "net") -> Any:
    values = dict(zip(NAMES, [first, 9.0, 0.5, last], strict=True))
    history = {f"gradient_norm/{name}": (value,) * epochs for name, value in values.items()}
    return SimpleNamespace(variant=variant, seed=seed, history={"loss": (1.0,) * epochs, **history})


def test_layers_are_numbered_and_normalisations_left_out() -> None:
    flow = gradient_flow([run(0, 0.2), run(1, 0.4)])
    assert flow.layers == ("1 conv2d", "2 conv2d", "3 dense")
    assert flow.norms.shape == (2, 3, 3)
    np.testing.assert_allclose(flow.means[0], 0.3)
    assert flow.ratio == pytest.approx(np.sqrt(0.2 * 0.4))
    assert flow.frame().columns.tolist() == list(flow.layers)


def test_layers_are_in_the_order_of_their_numbers_however_a_store_sorts_them() -> None:
    history = {f"gradient_norm/{place}.conv2d": (float(place),) for place in (0, 1, 10, 11, 2)}
    flow = gradient_flow([SimpleNamespace(variant="net", seed=0, history=history)])
    np.testing.assert_allclose(flow.norms[0, :, 0], [0, 1, 2, 10, 11])
    assert flow.layers[-1] == "5 conv2d"


def test_a_seed_that_stopped_earlier() -> None:
    flow = gradient_flow([run(0, 0.2, epochs=2), run(1, 0.4, epochs=4)])
    np.testing.assert_allclose(flow.means[0], [0.3, 0.3, 0.4, 0.4])


@pytest.mark.parametrize(
    ("first", "fate", "words"),
    [
        (2.0, "kept", "2.00 times that of the last (3 dense): it does not vanish"),
        (0.05, "shrunk", "0.050 times that of the last (3 dense): it shrinks"),
        (0.001, "vanished", "only 0.0010 times that of the last (3 dense): it vanishes"),
        (0.0, "vanished", "only 0.0000 times"),
    ],
)
def test_what_becomes_of_it(first: float, fate: str, words: str) -> None:
    flow = gradient_flow([run(0, first)])
    assert flow.fate == fate
    with use("en"):
        assert words in flow.finding.text


def test_side_by_side_on_one_scale() -> None:
    both = Gradients((gradient_flow([run(0, 0.2)]), gradient_flow([run(0, 0.01, variant="other")])))
    left, right = both.plot().axes
    assert left.get_ylim() == right.get_ylim()
    assert [ax.get_title(loc="left") for ax in (left, right)] == ["net", "other"]
    np.testing.assert_allclose(right.lines[0].get_ydata(), 0.01)
    assert len(both.findings) == 2


def test_a_training_that_did_not_record_them() -> None:
    plain = SimpleNamespace(variant="net", seed=0, history={"loss": (1.0,)})
    with pytest.raises(StudyError, match="gradient_norms=True"):
        gradient_flow([plain])
