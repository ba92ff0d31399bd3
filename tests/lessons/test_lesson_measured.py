"""What the studies of the course gave on the real images, read from the file that they wrote."""

import json
from pathlib import Path

import pytest

from etalon.lessons import measured as module
from etalon.lessons.measured import measured
from etalon.locales import use


@pytest.fixture
def lessons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(module, "folder", lambda: tmp_path)
    return tmp_path


def test_what_was_measured_stands_beside_the_course(lessons: Path) -> None:
    variants = [{"name": "dense", "accuracy": {"test": {"mean": 0.9365, "low": 0.931, "high": 0.942}}}]
    (lessons / "measured").mkdir()
    (lessons / "measured" / "cours_dense-mnist.json").write_text(json.dumps({"variants": variants}))
    with use("en"):
        assert measured("cours_dense", "mnist", {"dense": 0.9381}).loc["dense"].tolist() == [
            "93.81%",
            "93.65% [93.10%, 94.20%]",
        ]
    with use("fr"):
        assert "93,65\N{NO-BREAK SPACE}%" in measured("cours_dense", "mnist", {"dense": 0.9381}).loc["dense"].iloc[1]


@pytest.mark.usefixtures("lessons")
def test_what_was_not_measured_is_said() -> None:
    with use("fr"):
        assert measured("cours_cnn", "mnist", {"cnn": 0.9844}).loc["cnn"].tolist() == [
            "98,44\N{NO-BREAK SPACE}%",
            "pas encore mesuré",
        ]
