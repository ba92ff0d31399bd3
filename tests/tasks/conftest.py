"""What the tests of the founding documents' rows share."""

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from etalon.analysis.findings import Finding
from etalon.lessons.running import Ran, run
from etalon.lessons.sources import lesson
from etalon.locales import in_points, use
from etalon.result import Result


def answer(result: Result, question: str, lang: str = "en") -> str:
    """What the report answers, without figures and tables."""
    with use(lang):
        answered = result.answer(question)
    assert not answered.failure, answered.failure
    return str(answered)


def weighed(result: Result, question: str, name: str, before: str) -> Finding:
    """What the report answers of a variant, its difference being that of the accuracies on test."""
    with use("en"):
        answered = result.answer(question)
        (found,) = (one for one in answered.findings if one.kind == "worth" and one.variant == name)
        difference = result[name].accuracy.mean() - result[before].accuracy.mean()
        assert found.numbers["difference"] == pytest.approx(difference)
        assert in_points(found.numbers["difference"]) in found.text
        assert found.numbers["low"] <= found.numbers["difference"] <= found.numbers["high"]
    return found


@pytest.fixture(scope="session")
def taught() -> Callable[[int], dict[str, Any]]:
    """The variables that a lesson leaves, after it has been run in French, then in English."""

    @cache
    def ran(number: int) -> Ran:
        run(lesson(number), "fr")
        return run(lesson(number), "en")

    return lambda number: ran(number).names
