"""Whether this machine is fit for a study, and what is said where it is not."""

import json
import sys
from pathlib import Path
from typing import Any

import keras
import pytest

import etalon
from etalon import doctor
from etalon.cli import main
from etalon.locales import use


@pytest.fixture
def trained_to(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Replace the small training by its outcome."""

    def outcome(value: float | Exception) -> None:
        def training() -> float:
            if isinstance(value, Exception):
                raise value
            return value

        monkeypatch.setattr(doctor, "_small_training", training)

    return outcome


def test_a_small_training_learns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ETALON_DATABASE", "postgresql://nobody@localhost:1/records")  # no place for a trial run
    examination = doctor.examine()
    assert examination.healthy, examination.problems
    assert "validation accuracy" in examination.facts["a small training"]
    assert str(examination).splitlines()[-1] == "All is well."


def test_what_is_found(trained_to: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    trained_to(0.875)
    monkeypatch.setenv("ETALON_DATA", "/some/where")
    facts = doctor.examine().facts
    assert (facts["etalon"], facts["keras"]) == (etalon.__version__, keras.__version__)
    assert facts.keys() >= {"torch", "numpy", "python", "cores"}
    assert (facts["ETALON_DATA"], facts["KERAS_BACKEND"]) == ("/some/where", "torch")
    assert facts["a small training"].endswith("validation accuracy 87.50%")
    with use("fr"):
        assert any("87,50\u00a0%" in fact for fact in doctor.examine().facts.values())


@pytest.mark.parametrize(
    ("outcome", "problem"),
    [(0.1, "The small training did not learn"), (OSError("no room left"), "OSError: no room left")],
)
def test_what_is_wrong(outcome: Any, problem: str, trained_to: Any) -> None:
    trained_to(outcome)
    examination = doctor.examine()
    assert not examination.healthy
    assert examination.problems[0].startswith(problem)
    assert problem in str(examination)
    assert "All is well." not in str(examination)


@pytest.mark.parametrize(("outcome", "status"), [(0.9, 0), (0.1, 1)])
def test_the_command(
    outcome: float,
    status: int,
    trained_to: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    trained_to(outcome)
    for options in (["--json", "-"], ["--json", str(tmp_path / "facts.json")]):
        monkeypatch.setattr(sys, "argv", ["etalon", "doctor", *options])
        with pytest.raises(SystemExit) as end:
            main()
        assert end.value.code == status
        out = capsys.readouterr().out
        found = json.loads(out if options[1] == "-" else (tmp_path / "facts.json").read_text(encoding="utf-8"))
        assert found.keys() == {"healthy", "facts", "problems"}
        assert found["healthy"] == (status == 0)
