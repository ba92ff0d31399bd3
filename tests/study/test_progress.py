"""What is said of a study under way, in each of the places where it may be said."""

import io
import sys
from typing import Any

import pytest

from etalon.study import progress as progress_module
from etalon.study.executors import Event
from etalon.study.progress import progress

NAMES = {"a": ("reference", 0, 3), "b": ("wider", 1, 3), "c": ("narrow", 1, 3)}
EVENTS = [
    Event("a", "started"),
    Event("a", "epoch", 1, {"loss": 0.5, "val_accuracy": 0.25}),
    Event("a", "epoch", 2, {"loss": 0.4, "val_accuracy": 0.985}),
    Event("a", "done"),
    Event("b", "failed", error="the worker died"),  # it never started
    Event("c", "started"),
    Event("c", "diverged", error="a loss of nan [/of course]"),
]


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def said(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch, **options: Any) -> str:
    monkeypatch.setattr(sys, "stderr", stream)
    with progress(NAMES, len(NAMES), **options) as notify:
        for event in EVENTS:
            notify(event)
    return stream.getvalue()


def test_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = said(io.StringIO(), monkeypatch).splitlines()
    assert lines == [
        "[1/3] reference, seed 0: validation accuracy 98.50% · 0.0 s left",
        "[2/3] wider, seed 1: the worker died · 0.0 s left",
        "[3/3] narrow, seed 1: a loss of nan [/of course]",
    ]


def test_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    text = said(Terminal(), monkeypatch)
    assert "wider, seed 1: the worker died" in text
    assert "narrow, seed 1: a loss of nan [/of course]" in text


def test_a_notebook(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(progress_module, "_in_notebook", lambda: True)
    from tqdm import auto, std

    monkeypatch.setattr(auto, "tqdm", std.tqdm)
    text = said(io.StringIO(), monkeypatch)
    assert "3/3" in text
    assert "wider, seed 1: the worker died" in capsys.readouterr().out


@pytest.mark.parametrize("options", [{"show": False}, {}])
def test_silence(options: dict[str, bool], monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    with progress(NAMES, 1 if options else 0, **options) as notify:
        notify(EVENTS[0])
    assert stream.getvalue() == ""
