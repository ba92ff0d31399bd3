"""Times that change from seed to seed: what is said of them."""

from etalon.analysis.times import alike, duration, faster, overlap
from etalon.locales import use


def test_the_mean_in_words() -> None:
    with use("en"):
        assert [duration(times) for times in ((0.2, 0.4, 0.6), (30.0, 54.0), (117.0, 118.0))] == [
            "0.4 s",
            "42 s",
            "1 min 58 s",
        ]


def test_alike_where_the_seeds_overlap_and_the_means_are_close() -> None:
    assert alike((0.3, 0.4), (0.32, 0.42))
    assert not alike((0.2, 0.29), (0.3, 0.5))
    assert not alike((300.0, 700.0), (150.0, 310.0)), "twice as long, whatever the seeds that overlap"
    assert overlap((300.0, 700.0), (150.0, 310.0))


def test_faster_by_more_than_chance() -> None:
    assert faster((0.2, 0.29), (0.3, 0.5))
    assert not faster((0.3, 0.5), (0.2, 0.29))
    assert not faster((0.2, 0.6), (0.5, 0.9)), "by chance"
    assert not faster((9.0, 9.1), (10.0, 10.1)), "by too little to be worth a word"
