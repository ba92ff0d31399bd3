"""What the report says of confidence."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from etalon.analysis.confidence import Confidence, confidence
from etalon.locales import use
from etalon.report.blocks import Bullets, Callout, Details, Figure, Section, Table
from etalon.report.confidence import trust

Y = np.arange(1200) % 3


def made(noise: float = 1.0, loss: str = "categorical_crossentropy") -> Confidence:
    rng = np.random.default_rng(0)
    common: Mapping[str, Any] = {"variant": "wide_net", "head": "linear", "validation_index": np.arange(1200)}
    runs = [
        SimpleNamespace(
            **common,
            seed=seed,
            **{n: 4 * np.eye(3)[Y] + rng.normal(0, noise, (1200, 3)) for n in ("validation_logits", "test_logits")},
        )
        for seed in range(2)
    ]
    return confidence(runs, Y, Y, loss=loss)  # type: ignore[arg-type]


def section(found: Confidence) -> Section:
    return trust(SimpleNamespace(name=found.variant), found)  # type: ignore[arg-type]


def kinds(found: Section, kind: type) -> list[Any]:
    return [block for block in found.blocks if isinstance(block, kind)]


def test_blocks() -> None:
    found = section(made())
    (promises,) = kinds(found, Table)
    assert [row[0] for row in promises.rows] == ["2%", "1%", "0.5%", "0.1%"]
    assert promises.rows[0][2].startswith("0.0%")
    assert promises.rows[3][1:] == ["—", "—", "—", "—"]
    assert " to " in promises.rows[2][1]
    (missing,) = kinds(found, Bullets)
    assert [text[:25] for text in missing.items] == ["At most 0.1% of errors: n"]
    (advice,) = kinds(found, Callout)
    assert (advice.tone, advice.text[:20]) == ("good", "At most 0.5% of erro")
    assert [figure.source for figure in kinds(found, Figure)] == [
        "opened['wide_net'].confidence().plot_risk_coverage()",
        "opened['wide_net'].confidence().plot_reliability()",
    ]
    assert all(figure.draw() is not None for figure in kinds(found, Figure))
    (details,) = kinds(found, Details)
    assert len(details.blocks[0].rows) == 2


def test_when_nothing_can_be_promised() -> None:
    (advice,) = kinds(section(made(noise=8.0)), Callout)
    assert advice.tone == "unsure"
    assert advice.text.startswith("At most 2% of errors: no threshold promises it")


def test_outputs_that_are_no_probabilities() -> None:
    found = section(made(loss="mean_squared_error"))
    assert len(kinds(found, Figure)) == 1
    assert not kinds(found, Details)
    assert any("`wide_net` ends without softmax" in getattr(block, "text", "") for block in found.blocks)


@pytest.mark.parametrize(("lang", "title"), [("en", "What confidence is worth"), ("fr", "Ce que vaut la confiance")])
def test_title(lang: str, title: str) -> None:
    with use(lang):
        assert section(made()).title == title
