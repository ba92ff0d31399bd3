"""What a change is worth: the words follow from the verdict and from the costs."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from etalon.analysis.crossed import Interval
from etalon.analysis.worth import Cost, gaps, merits, summary, worth
from etalon.errors import StudyError
from etalon.locales import use

SMALL, LARGE = Cost(100, (0.9, 1.1), 50), Cost(200, (1.9, 2.1), 50)


@pytest.fixture(autouse=True)
def english():
    with use("en"):
        yield


@pytest.mark.parametrize(
    ("name", "cost", "before", "end"),
    [
        ("good", LARGE, SMALL, "It is worth it if that gain is worth its cost."),
        ("good", SMALL, LARGE, "It is worth it: it costs no more."),
        ("bad", SMALL, LARGE, "The results are degraded: it is not worth it."),
        ("copy", SMALL, LARGE, "It is worth it for its cost alone: the accuracy is the same."),
        ("copy", LARGE, SMALL, "It is not worth it: nothing is gained."),
        ("same", SMALL, LARGE, "These trainings do not show that it is worth it."),
    ],
)
def test_what_follows(found, name, cost, before, end):
    finding = worth(found, name, cost, before)
    assert finding.text.endswith(end)
    assert finding.numbers["weights"] == cost.weights
    assert finding.numbers["difference"] == found[name].difference
    assert finding.figure is not None


def test_costs_are_said(found):
    text = worth(found, "good", Cost(200, LARGE.times, 100), SMALL).text
    assert "It has 200 weights instead of 100. It trains in 2.0 s instead of 1.0 s." in text
    assert "updates the weights 100 times instead of 50." in text
    assert "It has as many weights, 100. It trains in as much time, 1.0 s." in worth(found, "good", SMALL, SMALL).text


def test_times_of_seeds_that_overlap(found):
    slow, fast = Cost(100, (0.2, 0.3, 0.7), 50), Cost(100, (0.1, 0.2, 0.3), 50)
    close = Cost(100, (0.1, 0.2, 0.36), 50)
    assert "It trains in as much time, 0.2 s." in worth(found, "good", close, fast).text
    assert "in 0.2 s instead of 0.4 s, but the times of the seeds overlap." in worth(found, "good", fast, slow).text
    assert worth(found, "copy", fast, slow).text.endswith("It is not worth it: nothing is gained.")
    assert worth(found, "good", slow, fast).text.endswith("It is worth it if that gain is worth its cost.")


def test_against_another(found):
    text = worth(found, "copy", SMALL, LARGE, against="good").text
    assert text.startswith("Compared with good: copy is equivalent to good: ")


@pytest.mark.parametrize(("part", "start"), [("test", "On test, wide"), ("validation", "On validation, wide")])
def test_merits(part, start):
    finding = merits("wide", part, Interval(0.98765, 0.98, 0.99, True, 3, 100), 0.0123, Cost(225_034, (12.0,), 100))
    assert finding.text == (
        f"{start} classes 98.76% of the images rightly (95% interval 98.00% to 99.00%). Its gap between training and "
        "validation is +1.23 points; it has 225,034 weights and trains in 12 s."
    )
    assert (finding.numbers["weights"], finding.numbers["gap"], finding.variant) == (225_034, 0.0123, "wide")


def overfit(name, *values):
    each = np.array(values)
    return SimpleNamespace(variant=name, gaps=each, gap=float(each.mean()))


def test_gaps_against_a_paired_t_test():
    before, after = [0.05, 0.06, 0.052, 0.058], [0.01, 0.012, 0.013, 0.011]
    finding = gaps(overfit("wide", *before), overfit("dropped", *after))
    interval = stats.ttest_rel(after, before).confidence_interval()
    assert (finding.numbers["low"], finding.numbers["high"]) == pytest.approx((interval.low, interval.high))
    assert finding.text.startswith("dropped overfits less than wide")
    assert gaps(overfit("dropped", *after), overfit("wide", *before)).text.startswith("wide overfits more than dropped")


def test_gaps_that_do_not_tell():
    same = gaps(overfit("a", 0.05, 0.06, 0.04), overfit("b", 0.06, 0.04, 0.055))
    assert same.text.startswith("b is not shown to overfit less or more than a")
    assert "nothing tells whether the difference is chance" in gaps(overfit("a", 0.05), overfit("b", 0.01)).text
    with pytest.raises(StudyError, match="seed by seed"):
        gaps(overfit("a", 0.05), overfit("b", 0.01, 0.02))


def test_summary(found):
    finding = summary(found)
    begun = "Of 4 changes tried, shown better: good; shown worse: bad; equivalent: copy; undecided: "
    assert finding.text.startswith(begun)
    assert "The largest effect that is shown is that of" in finding.text
    assert sum(finding.numbers.values()) == 4
