"""`etalon lessons`."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from etalon.cli import app
from etalon.lessons import pages
from etalon.lessons.sources import Cell, Lesson, lessons


def asked(*words: str) -> str:
    found = CliRunner().invoke(app, ["lessons", *words], catch_exceptions=False)
    assert found.exit_code == 0
    return found.stdout


@pytest.mark.parametrize(
    ("lang", "title"), [("fr", "Accuracy, précision, rappel"), ("en", "Accuracy, precision, recall")]
)
def test_listed(lang: str, title: str) -> None:
    lines = asked("--lang", lang).splitlines()
    assert len(lines) == len(lessons())
    assert f"10  {title}  (T5.10)" in lines


def test_listed_as_json(tmp_path: Path) -> None:
    entries = json.loads(asked("--json", "-"))
    assert entries[9]["row"] == "T5.10"
    assert set(entries[0]) == {"number", "row", "title", "summary"}
    asked("--json", str(tmp_path / "a.json"), "--lang", "fr")
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))[0]["title"].startswith("Les mots")


@pytest.mark.parametrize("words", [("--lang", "fr", "open", "10"), ("open", "10", "--lang", "fr")])
def test_opened(words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path, how = asked(*words).splitlines()
    assert path == "10_accuracy_precision_recall.fr.ipynb"
    assert how == f"Ouvrez-le avec JupyterLab (`jupyter lab {path}`) ou VS Code."
    assert "Quatre façons" in Path(path).read_text(encoding="utf-8")


def test_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = (Cell("# T\n\nS.", "fr"), Cell("# T\n\nS.", "en"))
    monkeypatch.setattr(pages, "lessons", lambda: (Lesson(1, "01_t", texts),))
    assert asked("site", str(tmp_path / "both")).strip() == str(tmp_path / "both" / "index.html")
    assert asked("site", str(tmp_path / "one"), "--lang", "fr").strip() == str(tmp_path / "one" / "index.html")
    assert (tmp_path / "both" / "en" / "01_t.html").is_file()
    assert (tmp_path / "one" / "01_t.html").is_file()
