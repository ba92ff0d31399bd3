"""What the tests of the founding documents' rows share."""

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from etalon.lessons.running import Ran, run
from etalon.lessons.sources import lesson
from etalon.locales import use
from etalon.result import Result


def answer(result: Result, question: str, lang: str = "en") -> str:
    """What the report answers, without figures and tables."""
    with use(lang):
        answered = result.answer(question)
    assert not answered.failure, answered.failure
    return str(answered)


@pytest.fixture(scope="session")
def taught() -> Callable[[int], dict[str, Any]]:
    """The variables that a lesson leaves, after it has been run in French, then in English."""

    @cache
    def ran(number: int) -> Ran:
        run(lesson(number), "fr")
        return run(lesson(number), "en")

    return lambda number: ran(number).names
