"""What the tests of the founding documents' rows share."""

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from etalon.lessons.running import Ran, run
from etalon.lessons.sources import lesson


@pytest.fixture(scope="session")
def taught() -> Callable[[int], dict[str, Any]]:
    """The variables that a lesson leaves, after it has been run in French, then in English."""

    @cache
    def ran(number: int) -> Ran:
        run(lesson(number), "fr")
        return run(lesson(number), "en")

    return lambda number: ran(number).names
