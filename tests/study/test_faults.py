"""What is told of an exception that comes from the user's own code."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from keras import layers

from etalon.study.faults import culprit, fault, remedy


def caught(call: Callable[[], Any]) -> Exception:
    try:
        call()
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


def test_the_innermost_line_of_ones_own_is_named() -> None:
    error = caught(lambda: json.loads("{"))
    line = test_the_innermost_line_of_ones_own_is_named.__code__.co_firstlineno + 1
    assert culprit(error) == (Path(__file__), line)
    told = "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"
    assert fault(error) == f"JSONDecodeError at line {line} of test_faults.py: {told}"
    assert fault(error, __file__) == f"JSONDecodeError at line {line}: {told}"


def test_a_file_that_python_cannot_read_is_its_own_culprit() -> None:
    error = caught(lambda: compile("x = 1\ndef (", "/home/me/beside.py", "exec"))
    assert fault(error, "/home/me/study.py") == "SyntaxError at line 2 of beside.py: invalid syntax"


def test_an_exception_of_nobody() -> None:
    assert culprit(ValueError("no")) is None
    assert fault(ValueError("no")) == "ValueError: no"


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: layers.Flaten, "Did you mean Flatten?"),  # type: ignore[attr-defined]
        (lambda: layers.no_such_thing_at_all, "Correct it."),  # type: ignore[attr-defined]
        (lambda: 1 / 0, "Correct it."),
    ],
    ids=["nearly", "not at all", "another kind"],
)
def test_the_name_that_was_meant(call: Callable[[], Any], told: str) -> None:
    assert remedy(caught(call), "Correct it.") == told
