"""What an exported model reads in files, and which of them it leaves to a person."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.special import softmax
from torch import nn

from etalon.data.framing import Framing, prepare
from etalon.errors import DataError
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


def test_every_class_and_both_confidences(files: list[Path]) -> None:
    found = read(bundle(temperature=2.0), files).to_json()
    scaled, raw = softmax(LOGITS / 2, axis=1), softmax(LOGITS, axis=1)
    for told, row, plain in zip(found, scaled, raw, strict=True):
        assert list(told["probabilities"].values()) == pytest.approx(list(row), abs=1e-6)
        assert set(told["probabilities"]) == {"bag", "boot"}
        assert (told["temperature"], told["unscaled"]) == (2.0, pytest.approx(plain.max(), abs=1e-6))


def test_one_file_that_cannot_be_read_spares_the_others(files: list[Path], tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"no")
    found = read(bundle(), [files[0], tmp_path / "bad.png", tmp_path / "none.png", files[2]])
    assert [item.path for item in found.items] == [str(files[0]), str(files[2])]
    assert [item.predicted for item in found.items] == ["bag", "boot"]
    assert ["bad.png" in found.refused[0], "none.png" in found.refused[1]] == [True, True]
    with pytest.raises(DataError, match=r"bad\.png"):
        read(bundle(), [tmp_path / "bad.png", tmp_path / "none.png"])


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


LAYOUT = Framing(ground=0, box=(20, 20), by="mass", centre=(13.5, 13.5), stroke=2.0)
SHAPE = (28, 28, 1)


class Remembers(nn.Module):
    """A network that keeps what it is shown."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen = x.permute(0, 2, 3, 1).numpy().astype(np.uint8)
        return torch.zeros(len(x), 2)


class TestPictures:
    """One as those of the set, larger; and one on white paper."""

    @pytest.fixture
    def pictures(self, tmp_path: Path) -> list[Path]:
        kind, paper = np.zeros((56, 56), np.uint8), np.full((300, 200, 3), 230, np.uint8)
        kind[10:40, 20:30] = 255
        paper[50:200, 40:60] = 30
        for name, pixels in (("kind", kind), ("paper", paper)):
            Image.fromarray(pixels).save(tmp_path / f"{name}.png")
        return [tmp_path / "kind.png", tmp_path / "paper.png"]

    @pytest.fixture
    def model(self) -> Bundle:
        facts: dict[str, Any] = {"scale": None, "dataset": "d", "study": "s", "variant": "v", "seed": 0}
        return Bundle(Card(classes={"en": ("a", "b")}, image_shape=SHAPE, layout=LAYOUT, **facts), None, Remembers())

    @pytest.mark.parametrize("frame", [None, True, False])
    def test_what_the_model_is_shown(self, model: Bundle, pictures: list[Path], frame: bool | None) -> None:
        found = read(model, pictures, frame)
        assert isinstance(model.network, Remembers)
        for path, item, seen in zip(pictures, found.items, model.network.seen, strict=True):
            pixels = np.atleast_3d(np.asarray(Image.open(path)))
            framed = frame or (frame is None and path.stem == "paper")
            made = prepare(pixels, SHAPE, LAYOUT if framed else None)
            assert np.abs(seen.astype(int) - made.image).max() <= 1  # luminance before or after the size
            assert bool(item.prepared) == framed
            assert ("framed" in item.prepared) == framed

    def test_what_is_said(self, model: Bundle, pictures: list[Path]) -> None:
        with use("en"):
            first, second, note = str(read(model, pictures)).splitlines()
        assert " *" not in first
        assert second.endswith("50.0% *")
        assert note.startswith("* 1 picture is not laid out as the images that were learnt from")
        assert "--no-frame" in note
        assert read(model, pictures).to_json()[1]["prepared"] == ("inverted", "contrast", "framed")

    def test_photographs_cannot_be_framed(self, files: list[Path]) -> None:
        with pytest.raises(DataError, match="plain ground"):
            read(bundle(), files, True)

    def test_the_layout_travels_with_the_model(self, model: Bundle) -> None:
        assert Card.model_validate_json(model.card.model_dump_json()).layout == LAYOUT
