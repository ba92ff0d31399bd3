import json

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import ttost_paired

from etalon.analysis.crossed import compare
from etalon.analysis.outlook import detectable, seeds_needed
from etalon.analysis.verdicts import holm, judge, verdicts
from etalon.errors import StudyError
from etalon.locales import use
from tests.analysis.conftest import simulate


@pytest.fixture(scope="module")
def study():
    rng = np.random.default_rng(0)
    matrices = simulate(rng, models=4, n=4000, seed_effect=0.05, gains=[0, 1.2, -1.2, 0])
    twin = matrices[0].copy()
    twin[:, :3] = 1 - twin[:, :3]
    names = ["good", "bad", "same", "twin"]
    return matrices[0], dict(zip(names, [*matrices[1:], twin], strict=True))


def test_words(study):
    found = verdicts(*study)
    assert [v.verdict for v in found.items][:2] == ["better", "worse"]
    assert found["twin"].verdict == "equivalent"
    assert found["same"].verdict == "undecided"
    assert len(found) == 4
    with pytest.raises(StudyError, match="good, bad, same, twin"):
        found["other"]


def test_no_verdict_claims_more_than_its_interval(study):
    for v in verdicts(*study).items:
        assert v.low_simultaneous <= v.low <= v.difference <= v.high <= v.high_simultaneous
        if v.verdict == "better":
            assert v.low > 0
        if v.verdict == "worse":
            assert v.high < 0
        if v.verdict == "equivalent":
            low, high = v.comparison.interval(0.1)
            assert -0.002 < low < high < 0.002


def borderline(sign=1):
    """Ten differences of 1 % that are plain, and one whose p lies between 0.05 / 11 and 0.05."""
    rng = np.random.default_rng(0)
    k, n = 5, 400

    def cells(mean, spread):
        x = rng.normal(0, 1, (k, n))
        x -= x.mean(axis=0) + x.mean(axis=1, keepdims=True) - x.mean()
        a = np.linspace(-1, 1, k)[:, None] * spread
        return sign * (mean + a + 0.01 * x)

    return {**{f"v{i}": cells(0.01, 0.0005) for i in range(10)}, "edge": cells(0.01, 0.006)}


@pytest.mark.parametrize(("sign", "word"), [(1, "better"), (-1, "worse")])
def test_no_interval_contradicts_holm(sign, word):
    """Where the sharper test decides alone, the simultaneous interval ends at 0 and says so."""
    found = verdicts(np.zeros((5, 400)), borderline(sign))
    edge = found["edge"]
    bonferroni = edge.comparison.interval(0.05 / 11)
    assert bonferroni[0] < 0 < bonferroni[1]
    assert edge.p_adjusted < 0.05
    assert edge.verdict == word
    assert edge.open_at_zero
    kept = (0, bonferroni[1]) if sign > 0 else (bonferroni[0], 0)
    assert (edge.low_simultaneous, edge.high_simultaneous) == pytest.approx(kept)
    assert [v.variant for v in found.items if v.open_at_zero] == ["edge"]
    for told in (str(found), found._repr_html_()):
        assert told.count("An interval that ends at 0 does not contain it") == 1


def test_no_interval_of_what_is_undecided_leaves_0_out():
    rng = np.random.default_rng(5)
    for _ in range(40):
        reference, *others = simulate(rng, models=5, n=300, error=0.1, seed_effect=0.3)
        for v in verdicts(reference, {str(i): m for i, m in enumerate(others)}).items:
            if v.verdict in ("better", "worse"):
                assert v.low_simultaneous >= 0 or v.high_simultaneous <= 0
            else:
                assert v.low_simultaneous <= 0 <= v.high_simultaneous


def test_less_log_loss_is_better():
    shifted = {"good": compare(np.random.default_rng(0).normal(-0.1, 0.05, (5, 200)))}
    (v,) = judge(shifted, metric="log_loss", rope=0.01).items
    assert v.verdict == "better"
    assert v.low_simultaneous < v.difference < v.high_simultaneous < 0


def test_log_loss_is_not_told_in_points():
    shifted = {"good": compare(np.random.default_rng(0).normal(-0.1, 0.05, (5, 200)))}
    found = judge(shifted, metric="log_loss", rope=0.01)
    assert "−0.10" in str(found)
    assert "points" not in found._repr_html_()
    ax = found.plot()
    assert "nats" in ax.get_xlabel()
    assert ax.texts[0].get_text().startswith("−0.10")


@pytest.mark.parametrize("p", [[0.01, 0.04, 0.03, 0.005], [0.5, 0.9, 0.9], [0.02], [0.04, 0.04, 0.04], []])
def test_holm_is_that_of_statsmodels(p):
    expected = multipletests(p, method="holm")[1] if p else []
    assert holm(p) == pytest.approx(list(expected))


def test_equivalence_is_that_of_statsmodels():
    """With one seed the test is Student's on paired images."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(0.9, 0.05, 300), rng.normal(0.9, 0.05, 300)
    expected = ttost_paired(a, b, -0.01, 0.01)[0]
    assert compare([a - b]).equivalence_p(0.01) == pytest.approx(expected)


def test_intervals_of_all_together(study):
    found = verdicts(*study)
    v = found["good"]
    half = stats.t.ppf(1 - 0.05 / 4 / 2, v.comparison.nu) * v.comparison.error
    assert (v.low_simultaneous, v.high_simultaneous) == pytest.approx((v.difference - half, v.difference + half))


def test_one_seed_never_decides(study):
    reference, variants = study
    found = verdicts(reference[:1], {name: m[:1] for name, m in variants.items()})
    assert {v.verdict for v in found.items} == {"undecided"}
    assert {v.detectable for v in found.items} == {v.seeds_needed for v in found.items} == {None}


def test_identical_predictions(study):
    found = verdicts(study[0], {"copy": study[0]})
    v = found["copy"]
    assert (v.verdict, v.difference, v.low, v.high, v.p) == ("equivalent", 0, 0, 0, 1)


def test_seeds_of_each_variant_may_differ(study):
    reference, variants = study
    short = variants["good"].copy()
    short[3:] = np.nan
    found = verdicts(reference, {"good": short})
    assert found["good"].comparison.k == 3


def test_other_shapes_are_refused(study):
    with pytest.raises(StudyError, match=r"\(5, 7\)"):
        verdicts(study[0], {"x": np.zeros((5, 7))})


def test_power_of_the_detectable_difference():
    """Student's noncentral law gives the difference its 80 %."""
    found = compare(np.random.default_rng(0).normal(0, 1, (6, 200)))
    delta = detectable(found, 0.05)
    critical = stats.t.ppf(0.975, found.nu)
    assert stats.nct.sf(critical, found.nu, delta / found.error) == pytest.approx(0.8, abs=0.02)


class TestSeedsNeeded:
    def cells(self, k, difference, seeds=0.01, images=0.0, n=2000):
        rng = np.random.default_rng(0)
        a = rng.normal(0, 1, (k, 1))
        a = seeds * (a - a.mean()) / a.std(ddof=1)
        b, e = rng.normal(0, 1, n), rng.normal(0, 1e-3, (k, n))
        return difference + a + images * (b - b.mean()) + e - e.mean()

    def test_that_many_show_the_difference(self):
        found = compare(self.cells(5, 0.008))
        needed = seeds_needed(found, 0.05, 0.05, 0.0)
        assert needed is not None
        assert detectable(compare(self.cells(needed, 0.008)), 0.05) <= 0.008 * 1.02
        assert detectable(compare(self.cells(needed - 2, 0.008)), 0.05) > 0.008

    def test_equivalence_settles_too(self):
        found = compare(self.cells(5, 0.0001))
        assert seeds_needed(found, 0.05, 0.05, 0.0) is None
        assert seeds_needed(found, 0.05, 0.05, 0.005) in range(20, 60)

    def test_images_that_dominate_cannot_be_outweighed(self):
        found = compare(self.cells(5, 0.004, images=0.3))
        assert seeds_needed(found, 0.05, 0.05, 0.002) is None


def test_outputs(study):
    found = verdicts(*study)
    frame = found.frame()
    assert list(frame.index) == ["good", "bad", "same", "twin"]
    assert frame.loc["good", "k"] == 5
    decoded = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert decoded["verdicts"][0]["difference"] == found["good"].difference
    ax = found.plot()
    assert [t.get_text() for t in ax.get_yticklabels()] == list(frame.index)
    with use("fr"):
        assert "," in found._repr_html_()
    with use("en"):
        assert "better" in found._repr_html_()


def test_no_variant():
    found = verdicts(np.zeros((2, 5)), {})
    assert len(found) == 0
    assert found.frame().empty


@pytest.mark.parametrize("effect", [0.0, 0.2])
def test_seven_equal_variants_raise_few_alarms(effect):
    """The share of studies with any "better" or "worse", all seven being equal, stays at 5 %."""
    rng = np.random.default_rng(3)
    studies, alarms = 200, 0
    for _ in range(studies):
        reference, *others = simulate(rng, models=8, n=400, error=0.08, seed_effect=effect)
        found = verdicts(reference, {str(i): m for i, m in enumerate(others)})
        alarms += any(v.verdict in ("better", "worse") for v in found.items)
    assert alarms / studies <= 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / studies)
