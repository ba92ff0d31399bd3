"""A small study, trained once for the session, and the application on its store."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright
from starlette.testclient import TestClient

from etalon.app import desk as desks
from etalon.app.desk import Desk
from etalon.app.server import create
from etalon.opening import open_study
from etalon.study.journal import Dossier
from etalon.study.store import Store

CHROMIUM = Path("/usr/bin/chromium")

STUDY = '''"""Digits, for the tests of the application."""

import etalon
from keras import Input, Sequential, layers

study = etalon.Study(
    {"en": "Reading digits", "fr": "Lire des chiffres"}, data="digits", seeds=2, epochs=2, learning_rate=3e-3
)


@study.reference
def reference(neurons=16, dropout=0.0):
    return Sequential(
        [
            Input((8, 8, 1)),
            layers.Flatten(),
            layers.Dense(neurons, activation="relu"),
            layers.Dropout(dropout),
            layers.Dense(10, activation="softmax"),
        ]
    )


@study.variant(because={"en": "sixteen neurons are few", "fr": "seize neurones, c’est peu"}, neurons=64)
def wider(neurons):
    return reference(neurons)


@study.variant(because={"en": "learning by heart", "fr": "l’apprentissage par cœur"}, dropout=0.5)
def with_dropout(dropout):
    return reference(dropout=dropout)
'''


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages are there when they are asked for, however busy the machine is."""
    monkeypatch.setattr(desks, "PATIENCE", 120.0)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that is served: one study file. To be read only."""
    place = tmp_path_factory.mktemp("served")
    (place / "digits_study.py").write_text(STUDY, encoding="utf-8")
    return place


@pytest.fixture(scope="session")
def trained(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store in which it has been trained: a reference, two variants, two seeds, two epochs. To be read only."""
    place = tmp_path_factory.mktemp("app") / "store"
    open_study(folder / "digits_study.py").with_(store=place).run(workers=0, progress=False)
    return place


@pytest.fixture(scope="session")
def dossier(trained: Path) -> Dossier:
    """What that store knows of the study."""
    return Store(trained).studies()[0]


@pytest.fixture
def own(trained: Path, tmp_path: Path) -> Path:
    """A copy of the trained store, for a test that writes in it."""
    return Path(shutil.copytree(trained, tmp_path / "store"))


@pytest.fixture(scope="session")
def desk(trained: Path, folder: Path) -> Desk:
    """The desk on that store, whose results are opened once for all the tests."""
    return Desk(Store(trained), folder)


@pytest.fixture
def client(desk: Desk) -> Iterator[TestClient]:
    """A browser on that store, in English, without cookies."""
    with TestClient(create(desk), base_url="http://localhost", headers={"accept-language": "en"}) as made:
        yield made


@pytest.fixture
def browse(folder: Path) -> Iterator[Callable[[Path], TestClient]]:
    """A browser on another store."""
    opened: list[TestClient] = []

    def made(store: Path) -> TestClient:
        app = create(Desk(Store(store), folder))
        opened.append(TestClient(app, base_url="http://localhost", headers={"accept-language": "en"}))
        return opened[-1]

    yield made
    for one in opened:
        one.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A real browser. Not for the session: while it is there, no test of the process can run an asyncio loop."""
    if not CHROMIUM.exists():
        pytest.skip("no chromium: apt install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()
