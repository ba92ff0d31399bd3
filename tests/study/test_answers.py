"""An answer is given again as long as nothing that decides it has changed, and never afterwards."""

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_studies import finished_run, some_weights

from etalon.data.dataset import Dataset
from etalon.data.load import load
from etalon.locales import use
from etalon.study import answers
from etalon.study.answers import Answer, Question, ask
from etalon.study.store import Store

TRIALS = ["a" * 32, "b" * 32]
OPTIONS = {"seeds": 2, "sealed": False}


@pytest.fixture
def place(tmp_path: Path, blobs: Dataset, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A study, a file beside it, its images, and a store where its trials are finished."""
    (tmp_path / "the_study.py").write_text("import etalon\nimport beside\nstudy = etalon.Study('A study')")
    (tmp_path / "beside.py").write_text("x = 1")
    save_images(tmp_path, blobs.train.x)
    store = Store(tmp_path / "store")
    for key in TRIALS:
        store.save(finished_run(key), some_weights())
    monkeypatch.chdir(tmp_path)
    for name in ("KERAS_HOME", "MPLCONFIGDIR"):  # the user's own settings are left alone
        monkeypatch.setenv(name, str(tmp_path / "settings"))
    return tmp_path


def save_images(place: Path, x: np.ndarray) -> None:
    y = np.arange(len(x)) % 3
    np.savez(place / "images.npz", x_train=x, y_train=y, x_test=x[:30], y_test=y[:30])


def question() -> Question:
    found = ask(Path("the_study.py"), Path("store"), OPTIONS)
    assert found is not None
    return found


def keep(asked: Question | None = None, data: object = "images.npz", size: object = (4, 4)) -> Answer:
    """Answer the question, with a report."""
    Path("report.html").write_bytes(b"<html>\xff")
    answer = Answer(
        "a table",
        {"trials": {"trained": 2, "cached": 0, "failed": 0}, "p": 0.05},
        ("mind",),
        "report.html",
        study="0123456789ab",
    )
    store, dataset = Store("store"), load("images.npz", size=(4, 4))
    (asked or question()).keep(answer, (data, size), dataset, [*TRIALS, TRIALS[0]], store)
    Path("report.html").unlink()
    return answer


def test_the_answer_comes_back(place: Path) -> None:
    assert question().recall() is None
    given = keep()
    found = question().recall()
    assert found == replace(given, content={"trials": {"trained": 0, "cached": 2, "failed": 0}, "p": 0.05})
    assert (str(found), found.to_json()) == ("a table", found.content)
    assert Path("report.html").read_bytes() == b"<html>\xff"


def test_no_store_is_made(place: Path) -> None:
    elsewhere = ask(Path("the_study.py"), Path("elsewhere"), OPTIONS)
    assert elsewhere is not None
    assert elsewhere.recall() is None
    assert not Path("elsewhere").exists()


def an_image() -> None:
    x = load("images.npz").train.x.copy()
    x[7, 3, 3] ^= 255
    save_images(Path(), x)


def a_run_trained_anew() -> None:
    store = Store("store")
    store.save(replace(store.load(TRIALS[1]), fit_time=1.0), some_weights())


def an_opening() -> None:
    Store("store").open_test(load("images.npz", size=(4, 4)).test_digest, "another choice", "Another study", 3, "x")


def a_library() -> None:
    (Path("library") / "keras-99.dist-info").mkdir(parents=True)
    sys.path.append("library")


CHANGES: dict[str, Callable[[], object]] = {
    "the study": lambda: Path("the_study.py").write_text(
        "import etalon\nimport beside\nstudy = etalon.Study('B study')"
    ),
    "the study, no longer plain": lambda: Path("the_study.py").write_text("import os"),
    "the study, gone": lambda: Path("the_study.py").unlink(),
    "the file beside": lambda: Path("beside.py").write_text("x = 2"),
    "an image": an_image,
    "no images": lambda: Path("images.npz").unlink(),
    "a run, gone": lambda: shutil.rmtree(Path("store/runs") / TRIALS[0]),
    "a run, cut": lambda: os.truncate(Path("store/runs") / TRIALS[0] / "arrays.npz", 100),
    "a run, trained anew": a_run_trained_anew,
    "an opening": an_opening,
    "a library": a_library,
    "Keras's settings": lambda: (Path("settings").mkdir(), Path("settings/keras.json").write_text("{}")),
    "matplotlib's settings": lambda: Path("matplotlibrc").write_text("font.size: 20"),
    "a variable": lambda: os.environ.update(KERAS_BACKEND="jax"),
    "the answer, gone": lambda: shutil.rmtree("store/derived"),
    "the answer, cut": lambda: [os.truncate(path, 60) for path in Path("store/derived").iterdir()],
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_changes_it(place: Path, change: str, monkeypatch: pytest.MonkeyPatch) -> None:
    keep()
    monkeypatch.setenv("KERAS_BACKEND", os.environ["KERAS_BACKEND"])  # both as they were, after the test
    monkeypatch.setattr(sys, "path", list(sys.path))
    CHANGES[change]()
    asked = ask(Path("the_study.py"), Path("store"), OPTIONS)
    assert asked is None or asked.recall() is None


@pytest.mark.parametrize("change", [{"seeds": 3}, {"sealed": True}, {"data": "mnist"}], ids=str)
def test_other_options(place: Path, change: dict[str, object]) -> None:
    keep()
    other = ask(Path("the_study.py"), Path("store"), {**OPTIONS, **change})
    assert other is not None
    assert other.recall() is None
    assert question().recall() is not None


def test_another_language_version_or_folder(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep()
    with use("fr"):
        assert question().recall() is None
    with monkeypatch.context() as patch:
        patch.setattr(answers, "PACKAGE", place)
        assert question().recall() is None
    Path("sub").mkdir()
    monkeypatch.chdir("sub")
    moved = ask(place / "the_study.py", place / "store", OPTIONS)
    assert moved is not None
    assert moved.recall() is None


def test_another_terminal_changes_nothing(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep()
    monkeypatch.setenv("SSH_TTY", "/dev/pts/9")
    monkeypatch.setenv("_", "/usr/bin/etalon")
    assert question().recall() is not None


def test_a_library_that_somebody_works_on(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "mine" / "keras").mkdir(parents=True)
    (place / "mine" / "keras" / "__init__.py").touch()
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    monkeypatch.syspath_prepend(place / "mine")
    assert ask(Path("the_study.py"), Path("store"), OPTIONS) is None


def test_what_is_not_kept(place: Path) -> None:
    keep(data=load("images.npz"))  # images that no text tells
    assert question().recall() is None
    elsewhere = ask(Path("the_study.py"), Path("elsewhere"), OPTIONS)
    assert elsewhere is not None
    keep(elsewhere)  # the study has a store of its own
    assert elsewhere.recall() is None
    asked = question()
    Path("beside.py").write_text("x = 3")  # edited while it trained
    keep(asked)
    assert question().recall() is None
    shutil.rmtree(Path("store/runs") / TRIALS[0])  # a trial that failed
    keep()
    assert question().recall() is None


def test_a_report_that_cannot_be_written(place: Path) -> None:
    keep()
    Path("report.html").mkdir()
    assert question().recall() is None
