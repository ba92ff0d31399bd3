"""Who gets more seeds, and what that costs."""

import numpy as np
import pytest
from scipy import stats

from etalon.analysis.crossed import compare
from etalon.analysis.design import Auto, Design
from etalon.analysis.looks import further
from etalon.analysis.outlook import chance_to_settle, with_seeds
from etalon.analysis.verdicts import Trained, judge

LOOKS = Auto().looks
DESIGN = Design(looks=LOOKS)


def comparison(difference, spread, k=3, n=5000, images=0.0, seed=0):
    """Of which difference, spread of the seeds and of the images are as said."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(0, 1, (k, 1)), rng.normal(0, 1, n)
    a, b = spread * (a - a.mean()) / a.std(ddof=1), images * (b - b.mean())
    e = rng.normal(0, 1e-4, (k, n))
    return compare(difference + a + b + e - e.mean())


FOUND = {
    "good": comparison(0.05, 0.00002),
    "same": comparison(0.0, 0.00002),
    "open": comparison(0.006, 0.004),
    "hopeless": comparison(0.006, 0.0001, images=0.3),
}


def at(k):
    return dict.fromkeys(["reference", *FOUND], k)


class TestFurther:
    def test_only_the_undecided_that_may_be_settled_go_on(self):
        judged = judge(FOUND, design=DESIGN)
        assert [v.verdict for v in judged.items] == ["better", "equivalent", "undecided", "undecided"]
        assert further(judged, at(3), "reference") == {**at(3), "reference": 5, "open": 5}

    def test_who_has_stopped_does_not_start_again(self):
        judged = judge({**FOUND, "good": FOUND["open"]}, design=DESIGN)
        taken = {**at(3), "reference": 5, "open": 5}
        assert further(judged, taken, "reference") == {**taken, "reference": 7, "open": 7}

    def test_nobody_goes_beyond_the_last_look(self):
        assert further(judge(FOUND, design=DESIGN), at(10), "reference") == at(10)

    def test_all_settled(self):
        found = {name: FOUND[name] for name in ("good", "same", "hopeless")}
        taken = dict.fromkeys(["reference", *found], 5)
        assert further(judge(found, design=DESIGN), taken, "reference") == taken

    def test_a_variant_goes_on_while_it_has_one_seed(self):
        found = {"open": compare(np.random.default_rng(0).normal(0, 1, (1, 100)))}
        assert further(judge(found, design=DESIGN), {"reference": 3, "open": 3}, "reference")["open"] == 5

    @pytest.mark.parametrize("k", [1, 3])
    def test_a_variant_whose_trials_broke_down_does_not_go_on(self, k):
        found = {
            "open": comparison(0.006, 0.004) if k == 3 else compare(np.random.default_rng(0).normal(0, 1, (k, 100)))
        }
        trained = {"open": (Trained("reference", 3), Trained("open", 3, broken=1))}
        taken = {"reference": 3, "open": 3}
        assert further(judge(found, design=DESIGN, trained=trained), taken, "reference") == taken


class TestChance:
    @pytest.mark.parametrize("difference", [0.0, 0.001, 0.003, 0.006])
    @pytest.mark.parametrize("images", [0.0, 0.05])
    def test_is_what_simulated_seeds_do(self, difference, images):
        """Given three seeds, and a truth drawn around what they show: the share of futures in which ten settle it."""
        now = comparison(difference, 0.002, images=images)
        error, nu = with_seeds(now, 10)
        rng = np.random.default_rng(0)
        spread = np.sqrt(now.variance - error**2)
        later = difference + spread * stats.t.rvs(now.nu, size=200_000, random_state=rng)
        shown = np.abs(later) >= stats.t.ppf(1 - 0.01 / 2, nu) * error
        same = np.abs(later) <= 0.002 - stats.t.ppf(0.95, nu) * error
        assert chance_to_settle(now, 10, 0.05, 0.01, 0.002) == pytest.approx(np.mean(shown | same), abs=0.004)

    def test_images_that_no_seed_outweighs(self):
        assert chance_to_settle(FOUND["hopeless"], 10, 0.05, 0.01, 0.002) < 1e-3

    def test_with_seeds_is_what_more_seeds_give(self):
        rng = np.random.default_rng(5)
        many = 0.01 * rng.normal(0, 1, (200, 1)) + 0.2 * rng.normal(0, 1, (1, 500)) + rng.normal(0, 0.2, (200, 500))
        now, later = compare(many), compare(many[:50])
        error, nu = with_seeds(now, 50)
        assert error == pytest.approx(later.error, rel=0.1)
        assert nu == pytest.approx(later.nu, rel=0.5)

    def test_an_overlap_stays(self):
        rng = np.random.default_rng(6)
        D = 0.01 * rng.normal(0, 1, (10, 1)) + rng.normal(0, 0.05, (10, 3000))
        now = compare(D, overlap=0.25)
        error, _nu = with_seeds(now, 1000)
        assert error**2 == pytest.approx(0.25 * now.components.seeds, rel=0.1)


def test_intervals_allow_for_the_looks():
    v = judge({"open": FOUND["open"]}, design=DESIGN)["open"]
    reach = stats.t.ppf(1 - DESIGN.level(0.05, 3) / 2, v.comparison.nu) * v.comparison.error
    assert (v.low, v.high) == pytest.approx((v.difference - reach, v.difference + reach))
    assert v.low < v.comparison.low
    assert v.p == pytest.approx(DESIGN.two_sided(v.comparison.p, 3))
    assert v.low_narrow > v.low


def test_equivalent_exactly_when_the_narrow_interval_lies_within_the_margin():
    for seed in range(30):
        v = judge({"x": comparison(0.0005, 0.0006, seed=seed, images=0.02)}, design=DESIGN)["x"]
        within = max(-v.low_narrow, v.high_narrow) < 0.002
        if v.verdict not in ("better", "worse"):
            assert (v.verdict == "equivalent") == within


def test_what_is_told():
    judged = judge({"open": FOUND["open"], "later": comparison(0.006, 0.004, k=5)}, design=DESIGN)
    assert "looks at the verdicts after 3, 5, 7, 10 seeds" in str(judged)
    assert [line.split("  ")[-1] for line in str(judged).splitlines()[:2]] == ["3 seeds", "5 seeds"]
    assert "<th>Seeds</th>" in judged._repr_html_()
    assert judged.to_json()["design"] == {"overlap": 0.0, "looks": [3, 5, 7, 10]}
