"""What the report advises."""

import pytest

from etalon.report.concluded import combinable

AFTER = {"reference": "", "wide": "reference", "wider": "wide", "longer": "wider", "rotated": "reference"}


@pytest.mark.parametrize(
    ("better", "left"),
    [
        (["wide", "rotated"], ["wide", "rotated"]),
        (["wide", "longer"], ["longer"]),  # two steps further on
        (["wide", "wider", "longer", "rotated"], ["longer", "rotated"]),
        ([], []),
    ],
)
def test_a_change_that_another_builds_on_is_not_to_be_combined_with_it(better: list[str], left: list[str]) -> None:
    assert combinable(better, AFTER) == left
