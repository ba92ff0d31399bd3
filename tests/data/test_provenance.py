"""A set tells where it comes from in the language of who reads, whatever the one in which it was loaded."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from etalon.data.audit import audit
from etalon.data.dataset import Dataset
from etalon.data.load import load
from etalon.locales import LANGUAGES, use
from tests.data.conftest import Tree, packed, pictures, toy
from tests.data.test_formats import cifar_folder

ENGLISH = re.compile(r"\b(the|of|from|with|in|and|to|by|image of|checked|brought|kept|first|its)\b", re.IGNORECASE)
PUBLISHED = ("mnist", "fashion_mnist", "cifar10")


def read_in_french(dataset: Dataset) -> str:
    """Its provenance in French, which has a clause for each of the English ones and no English in it."""
    told = {}
    for lang in LANGUAGES:
        with use(lang):
            told[lang] = dataset.provenance
    french, english = (re.split(r"\s?[;:.] ", told[lang]) for lang in ("fr", "en"))
    assert len(french) == len(english)
    assert not set(french) & set(english)
    assert not ENGLISH.search(told["fr"])
    return told["fr"]


def test_the_digits() -> None:
    assert "1\u202f797 images" in read_in_french(load("digits"))
    assert "12×12 pixels" in read_in_french(load("digits", size=12))


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_sets(name: str, real_data: Path) -> None:
    read_in_french(load(name))


def test_folders_and_their_archives(tree: Tree) -> None:
    root = tree(("train", "val", "test"), n=3, root="both")
    assert "sa partie de validation jointe à la partie d’apprentissage" in read_in_french(load(root))
    assert "packed.zip" in read_in_french(load(packed(root, ".zip", "")))
    alone = tree(n=10, root="alone")
    assert "30\u00a0% des images de chaque classe" in read_in_french(load(alone, test=0.3, size=4))


@pytest.mark.parametrize("pixels", [lambda x: x / 255, lambda x: x > 127], ids=["floats", "booleans"])
def test_arrays(pixels: Callable[[np.ndarray], np.ndarray], tmp_path: Path) -> None:
    x, y = pixels(pictures(20)), np.arange(20) % 2
    read_in_french(load((x, y)))
    np.savez(tmp_path / "mine.npz", x=x, y=y)
    assert "mine.npz" in read_in_french(load(tmp_path / "mine.npz"))


def test_batches_of_cifar(tmp_path: Path) -> None:
    read_in_french(load(cifar_folder(tmp_path / "batches")))


@pytest.mark.parametrize(
    "made",
    [
        lambda digits: digits.take(train=40),
        lambda digits: digits.unbalanced(2.5),
        lambda digits: digits.unbalanced(10, test=True),
        lambda digits: digits.take(train=40).unbalanced(2),
    ],
)
def test_what_was_done_to_it_after(made: Callable[[Dataset], Dataset]) -> None:
    read_in_french(made(load("digits")))


def test_what_was_removed() -> None:
    x = np.array(toy().train.x)
    x[4] = 9
    with use("en"):
        data = load(((x, toy().train.y), (toy().test.x, toy().test.y)))
        cleaned = data.without(audit(data))
    assert read_in_french(cleaned).endswith("Ont été retirées\u00a0: 1 image d’apprentissage sans contenu.")


def test_a_sentence_of_ones_own_is_told_as_it_is() -> None:
    for lang in LANGUAGES:
        with use(lang):
            assert toy().provenance == "Random pixels."
            assert toy().take(train=12).provenance.startswith("Random pixels. ")
