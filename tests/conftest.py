"""Fixtures for every room; importing etalon first tells Keras to run on torch."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from blobs import blobs_of

import etalon
from etalon.data.dataset import Dataset
from etalon.report.blocks import Document

DATA = os.environ.get("ETALON_DATA")

needs_real_data = pytest.mark.skipif(not DATA, reason="ETALON_DATA is not set: the real images are not at hand")

LONGEST = (  # files that take 20 s and more, the longest first
    "test_docs.py",
    "test_t4_mini_projet.py",
    "test_browser_studies.py",
    "test_browser_results.py",
    "test_t3_published.py",
    "test_t5_lessons_11_to_20.py",
    "test_t1_tp_mlp.py",
    "test_browser_pages.py",
    "test_executors.py",
    "test_queue.py",
    "test_killed.py",
    "test_kills.py",
    "test_cli.py",
    "test_lower.py",
    "test_live.py",
    "test_sources.py",
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Processes that share the files take the longest first: with one of them last, a process would end alone."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


def stable_id(value: object) -> str:
    """A test's name from its parameters, without addresses: processes that share the tests must agree on the names."""
    return re.sub(r" at 0x[0-9a-f]+", "", str(value))


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    """As every trial is trained; small networks are slower with more."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _apart(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads the user's settings, nor writes in the working directory."""
    for name in ("ETALON_STORE", "ETALON_DATABASE", "ETALON_LANG", "LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "en_GB.UTF-8")
    monkeypatch.setenv("ETALON_DEVICE", "cpu")


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """scikit-learn's 1,797 digits, 28x28: 1,437 to train, 360 to test."""
    return etalon.load("digits", size=28, cache=tmp_path_factory.mktemp("digits"))


@pytest.fixture(scope="session")
def blobs() -> Dataset:
    """300 + 90 images of 8x8 in three classes that a dense layer tells apart: a bright row, one for each class."""
    return blobs_of(300, 90)


@pytest.fixture
def store_folder(tmp_path: Path) -> Path:
    """A folder for a store of this test's own."""
    return tmp_path / "store"


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Document]:
    """The reports that were asked for, without the time that it takes to draw them."""
    documents: list[Document] = []

    def keep(document: Document, path: Path, **_options: Any) -> Path:
        documents.append(document)
        return path

    monkeypatch.setattr("etalon.report.render.render", keep)
    return documents
