from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from etalon.data.audit import audit
from etalon.data.dataset import Dataset, Part
from etalon.data.mislabelled import LabelErrors, Suspect
from etalon.locales import use
from etalon.report.audited import audited, worth_knowing
from etalon.report.blocks import Block, Bullets, Callout, Figure, Paragraph, Section
from etalon.report.render import render

CREATED = datetime(2026, 1, 2, 3, 4)
NAMES = {"en": ("cat", "dog"), "fr": ("chat", "chien")}


@pytest.fixture(scope="module")
def data() -> Dataset:
    """Random images, one of train copied into test, one of train nearly so."""
    rng = np.random.default_rng(0)
    x, xt = (rng.integers(0, 256, (n, 8, 8, 1), dtype=np.uint8) for n in (40, 20))
    xt[3], xt[4] = x[1], x[2] // 2 + 50
    return Dataset("pets <b>", Part(x, np.arange(40) % 2), Part(xt, np.arange(20) % 2), NAMES, "Made.")


def figures(blocks: "list[Block] | tuple[Block, ...]") -> list[Figure]:
    """Those of a tree, in order."""
    found: list[Figure] = []
    for block in blocks:
        if isinstance(block, Figure):
            found.append(block)
        elif isinstance(block, Section):
            found += figures(list(block.blocks))
    return found


def test_each_finding_has_its_gallery(data: Dataset) -> None:
    labels = LabelErrors(data, (), (Suspect("test", 5, 1, 0, 0.97, 0.01, True),), {"test": 0.95})
    document = audited(audit(data), labels, CREATED)
    captions = [figure.caption for figure in figures(list(document.blocks))]
    assert captions == [
        "Images of each class in both parts",
        "Pairs across train and test, the most alike first (2 of 2)",
        "Labels of test, the most suspect first: place, label, suggested class",
    ]


@pytest.mark.parametrize(
    ("lang", "words"),
    [
        ("en", ["Audit of pets", "2 training images that are also in test, or nearly", "train 2 ≈ test 4"]),
        ("fr", ["Audit de pets", "2 images d’apprentissage qui sont aussi dans le test", "apprentissage 2 ≈ test 4"]),
    ],
)
def test_the_page(data: Dataset, tmp_path: Path, lang: str, words: list[str]) -> None:
    with use(lang):
        page = render(audited(audit(data), None, CREATED), tmp_path / "audit.html").read_text(encoding="utf-8")
    for word in words:
        assert word in page
    assert "pets <b>" not in page


def test_nothing_to_leave_out(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    parts = [Part(rng.integers(0, 256, (n, 8, 8, 1), dtype=np.uint8), np.arange(n) % 2) for n in (12, 4)]
    document = audited(audit(Dataset("few", *parts, NAMES, "Made.")), None, CREATED)
    page = render(document, tmp_path / "few.html").read_text(encoding="utf-8")
    assert "There is nothing to leave out." in page
    assert "too few images to tell near duplicates" in page


class TestAStudysReport:
    """What a reader of a study is told of its images."""

    def test_what_was_found_and_what_to_do(self, data: Dataset) -> None:
        blocks = worth_knowing(audit(data))
        lists = [block.items for block in blocks if isinstance(block, Bullets)]
        assert lists[0] == ["images of test that are also in train: 1", "near duplicates across train and test: 1"]
        assert lists[1] == ["2 training images that are also in test, or nearly"]
        told = [block.text for block in blocks if isinstance(block, Callout)]
        assert [text.split(":")[0] for text in told] == ["2 test images of 20 have their like in train"]
        (shown,) = figures(blocks)
        assert shown.caption.endswith("those in both parts first (2 of 2)")
        assert shown.source == "result.audit().plot(n=5)"
        assert any("data.without(" in block.text for block in blocks if isinstance(block, Paragraph))

    def test_a_sound_set_takes_one_paragraph(self) -> None:
        rng = np.random.default_rng(3)
        parts = [Part(rng.integers(0, 256, (n, 8, 8, 1), dtype=np.uint8), np.arange(n) % 2) for n in (40, 20)]
        (block,) = worth_knowing(audit(Dataset("sound", *parts, NAMES, "Made.")))
        assert isinstance(block, Paragraph)
        assert block.text == "No constant image and no duplicate."

    def test_what_was_not_looked_for_is_not_said_to_be_absent(self) -> None:
        (block,) = worth_knowing(None)
        assert isinstance(block, Paragraph)
        assert "not looked for" in block.text
