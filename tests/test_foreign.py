"""What pydantic and the system say, in the language in force."""

import errno
import os
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field, ValidationError

from etalon.locales import use
from etalon.locales.foreign import of_files, of_values


class Inner(BaseModel):
    """A model within the other."""


class Some(BaseModel):
    """A value of each kind."""

    whole: int = Field(default=1, ge=1, le=9)
    part: float = Field(default=0.5, gt=0, lt=1)
    word: str = Field(default="a", min_length=1, max_length=3, pattern="^[a-z]*$")
    several: list[int] = Field(default=[], max_length=2)
    pair: tuple[int, ...] = ()
    table: dict[str, int] = {}
    choice: Literal["constant", "wrap"] = "wrap"
    inner: Inner = Inner()
    asked: bool = False


@pytest.mark.parametrize(
    ("values", "english", "french"),
    [
        ({"whole": 0}, "at least 1 is needed", "il en faut au moins 1"),
        ({"whole": 10}, "at most 9 is taken", "9 au plus"),
        ({"whole": 1.5}, "a whole number is expected", "un nombre entier est attendu"),
        ({"whole": "many"}, "a whole number is expected", "un nombre entier est attendu"),
        ({"part": 0}, "more than 0 is needed", "plus de 0"),
        ({"part": 1}, "less than 1 is taken", "moins de 1"),
        ({"part": []}, "a number is expected", "un nombre est attendu"),
        ({"word": ""}, "it is too short", "trop court"),
        ({"word": "abcd"}, "at most 3 characters are taken", "3 caractères"),
        ({"word": "A"}, "it is not written as it must be", "pas écrit"),
        ({"word": 3}, "a text is expected", "un texte est attendu"),
        ({"several": [1, 2, 3]}, "at most 2 values are taken", "2 valeurs"),
        ({"several": 3}, "a list is expected", "une liste est attendue"),
        ({"pair": 3}, "a list is expected", "une liste est attendue"),
        ({"table": 3}, "a dictionary is expected", "un dictionnaire est attendu"),
        ({"choice": "mirror"}, "one of 'constant', 'wrap' is expected", "parmi 'constant', 'wrap'"),
        ({"inner": 3}, "a value of type Inner is expected", "de type Inner"),
        ({"asked": "perhaps"}, "yes or no is expected", "oui ou non"),
    ],
    ids=str,
)
def test_values(values: dict[str, Any], english: str, french: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Some(**values)
    with use("en"):
        assert of_values(caught.value.errors()) == english
    with use("fr"):
        assert french in of_values(caught.value.errors())


def test_what_is_not_foreseen_is_told_all_the_same() -> None:
    with use("en"):
        assert of_values([{"type": "of_another_version", "msg": "Input should be"}]) == "this value is not taken"


@pytest.mark.parametrize("code", [errno.ENOENT, errno.EACCES, errno.ENOSPC, errno.EROFS, errno.EADDRINUSE])
def test_files(code: int) -> None:
    error = OSError(code, os.strerror(code))
    with use("en"):
        assert of_files(error) == os.strerror(code)
    with use("fr"):
        assert of_files(error) != os.strerror(code)


def test_files_that_the_system_alone_knows_of() -> None:
    assert of_files(OSError(errno.ELOOP, "Too many levels")) == "Too many levels"
    assert of_files(OSError("no number")) == "no number"
