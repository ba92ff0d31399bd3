import pickle
import subprocess
import sys

import pytest

from etalon import errors
from etalon.errors import EtalonError, StudyError
from etalon.locales import use

PARTS = "variant 'wide'", "the study has none of that name", "Choose another."


def test_all_are_refusals() -> None:
    for name in errors.__all__:
        assert issubclass(getattr(errors, name), EtalonError)


@pytest.mark.parametrize(("lang", "colon"), [("en", ":"), ("fr", "\N{NO-BREAK SPACE}:")], ids=["English", "French"])
def test_a_colon_as_the_language_wants_it(lang: str, colon: str) -> None:
    with use(lang):
        told = str(StudyError(*PARTS))
    assert told == f"variant 'wide'{colon} the study has none of that name. Choose another."


def test_in_the_language_of_who_reads() -> None:
    with use("fr"):
        sent = pickle.dumps(StudyError(*PARTS))
    with use("en"):
        assert str(pickle.loads(sent)).startswith("variant 'wide': ")


def test_a_language_that_is_not_spoken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ETALON_LANG", "xx")
    assert str(StudyError(*PARTS)).startswith("variant 'wide': ")


def test_errors_alone() -> None:
    program = "from etalon.errors import DataError; print(DataError('a', 'b', 'c'))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "a: b. c\n"


def test_a_reason_that_ends_as_a_sentence_is_not_stopped_twice() -> None:
    assert str(StudyError("report.ipynb", "StudyError: run it first.", "Correct it.")) == (
        "report.ipynb: StudyError: run it first. Correct it."
    )


def test_a_refusal_says_within_what_it_stands() -> None:
    error = StudyError("epochs=0", "at least 1 is needed", "Say 1.")
    error.within("in variant 'wide'")
    assert str(error) == "in variant 'wide', epochs=0: at least 1 is needed. Say 1."
    assert pickle.loads(pickle.dumps(error)).received == "in variant 'wide', epochs=0"
