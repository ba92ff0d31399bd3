"""Times that change from seed to seed: what is said of them."""

import pytest

from etalon.analysis.times import alike, duration, faster
from etalon.locales import use


@pytest.mark.parametrize(
    ("times", "told"),
    [
        ((0.38,), "0.4 s"),
        ((0.2, 0.4, 0.6), "0.4 s"),
        ((3.0, 7.0, 9.5), "6 s"),  # seconds apart: no tenths
        ((8.0, 8.2), "8.1 s"),
        ((30.0, 54.0), "40 s"),
        ((100.0, 130.0), "2 min 00 s"),
        ((117.0, 118.0), "1 min 58 s"),
        ((100.0, 400.0), "4 min"),
        ((0.0, 0.0), "0.0 s"),
        ((0.1, 20.0), "10 s"),
    ],
)
def test_no_more_figures_than_the_seeds_agree_on(times: tuple[float, ...], told: str) -> None:
    with use("en"):
        assert duration(times) == told


def test_times_are_told_apart_where_the_seeds_do_not_overlap() -> None:
    assert alike((0.2, 0.4), (0.3, 0.5))
    assert alike((0.2, 0.9), (0.3, 0.5))
    assert not alike((0.2, 0.29), (0.3, 0.5))
    assert faster((0.2, 0.29), (0.3, 0.5))
    assert not faster((0.3, 0.5), (0.2, 0.29))
    assert not faster((0.2, 0.6), (0.5, 0.9)), "by chance"
    assert not faster((9.0, 9.1), (10.0, 10.1)), "by too little to be worth a word"
