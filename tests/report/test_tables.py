"""The names of variants in sentences."""

import pytest

from etalon.report.inline import plain
from etalon.report.tables import named


@pytest.mark.parametrize(
    ("text", "names", "expected"),
    [
        ("wide is better than reference.", ("wide", "reference"), "`wide` is better than `reference`."),
        ("reference equals the reference", ("reference",), "`reference` equals the reference"),
        ("dropout_2 beats dropout", ("dropout", "dropout_2"), "`dropout_2` beats `dropout`"),
        ("wider is not wide", ("wide",), "wider is not `wide`"),
        ("a*b is better: 2*3", ("a*b",), "`a*b` is better: 2\\*3"),
        ("nothing of it", ("absent",), "nothing of it"),
    ],
)
def test_names_stand_in_the_letters_of_a_program(text: str, names: tuple[str, ...], expected: str) -> None:
    assert named(text, *names) == expected
    assert plain(named(text, *names)) == text
