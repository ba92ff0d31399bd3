"""What an exported model reads in files, and which of them it leaves to a person."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.special import softmax
from torch import nn

from etalon.locales import use
from etalon.models.bundle import Bundle, Card
from etalon.models.readings import Readings, read

LOGITS = np.array([[4.0, 0.0], [0.5, 0.0], [0.0, 2.0]])


class Told(nn.Module):
    """A network that answers by what the first pixel says."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.tensor(LOGITS)[x[:, 0, 0, 0].long()]


def bundle(**known: Any) -> Bundle:
    facts: dict[str, Any] = {"image_shape": (2, 2, 1), "scale": None, "dataset": "d", "study": "s", "variant": "v"}
    names = {"en": ("bag", "boot"), "fr": ("sac", "botte")}
    return Bundle(Card(classes=names, seed=0, **facts, **known), None, Told())


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{i}.png" for i in range(3)]
    for i, path in enumerate(paths):
        Image.fromarray(np.full((2, 2), i, np.uint8)).save(path)
    return paths


def test_the_threshold_is_of_the_confidence_as_the_model_gives_it(files: list[Path]) -> None:
    found = read(bundle(temperature=2.0, threshold=0.9, risk=0.01), files)
    expected = softmax(LOGITS / 2, axis=1).max(axis=1)
    assert [item.confidence for item in found.items] == pytest.approx(expected, abs=1e-6)
    assert expected[0] < 0.9 < softmax(LOGITS, axis=1)[0].max()
    assert [item.to_a_person for item in found.items] == [False, True, True]
    assert found.to_json()[1]["to_a_person"] is True


@pytest.mark.parametrize(
    ("lang", "line", "last"),
    [
        ("en", "1.png  bag  56.2%  to a person", "Left to a person: 2 of 3. Of the others at most 1.0% are wrong, "),
        ("fr", "1.png  sac  56,2\u00a0%  à une personne", "Laissées à une personne\u00a0: 2 sur 3. Parmi les autres, "),
    ],
)
def test_what_is_said(lang: str, line: str, last: str, files: list[Path]) -> None:
    with use(lang):
        lines = str(read(bundle(temperature=2.0, threshold=0.9, risk=0.01), files)).splitlines()
    assert lines[1].endswith(line)
    assert lines[3].startswith(last)
    assert "person" not in lines[0]


def test_where_nothing_is_promised(files: list[Path]) -> None:
    found = read(bundle(), files)
    assert {item.to_a_person for item in found.items} == {None}
    assert len(str(found).splitlines()) == 3
    assert str(Readings(())) == ""
