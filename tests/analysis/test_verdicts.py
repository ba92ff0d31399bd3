import json

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import ttost_paired

from etalon.analysis.crossed import compare
from etalon.analysis.outlook import detectable, images_needed, seeds_needed, unseen
from etalon.analysis.verdicts import Trained, holm, judge, verdicts
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
    assert {v.p for v in found.items} == {v.p_adjusted for v in found.items} == {None}
    assert str(found).count("—") == 4


def test_one_seed_weighs_on_no_other(study):
    """A variant with one seed counts in Holm's correction with a p of 1, however small its own."""
    reference, variants = study
    alone = np.full_like(reference, np.nan)
    alone[0] = 1 - reference[0]
    found = verdicts(reference, {"bad": variants["bad"], "alone": alone, "same": variants["same"]})
    expected = holm([found["bad"].p, 1.0, found["same"].p])
    assert [found["bad"].p_adjusted, found["same"].p_adjusted] == [expected[0], expected[2]]
    assert (found["alone"].p, found["alone"].p_adjusted, found["alone"].verdict) == (None, None, "undecided")


def test_identical_predictions(study):
    found = verdicts(study[0], {"copy": study[0]})
    v = found["copy"]
    assert (v.verdict, v.difference, v.low, v.high, v.p) == ("equivalent", 0, 0, 0, 1)


class TestFewImages:
    """Answers without one disagreement prove nothing on a handful of images."""

    @pytest.mark.parametrize(
        ("images", "right", "wrong"), [(30, 0.999, 0.979), (100, 0.995, 0.985), (400, 0.999, 0.997)]
    )
    def test_what_differs_is_not_equivalent(self, images, right, wrong):
        rng = np.random.default_rng(0)
        studies, alike = 300, 0
        for _ in range(studies):
            reference, other = ((rng.random((3, images)) < share).astype(float) for share in (right, wrong))
            alike += verdicts(reference, {"other": other})["other"].verdict == "equivalent"
        assert alike == 0

    @pytest.mark.parametrize(("rope", "least"), [(0.002, 1497), (0.01, 299), (0.05, 59)])
    def test_how_many_it_takes(self, rope, least):
        assert images_needed(rope, 0.05) == least
        assert unseen(rope, least) < 0.05 <= unseen(rope, least - 1)
        few, enough = (verdicts(a, {"x": a}, rope=rope)["x"] for a in (np.ones((3, least - 1)), np.ones((3, least))))
        assert (few.verdict, few.images_needed, few.seeds_needed) == ("undecided", least, None)
        assert (enough.verdict, enough.images_needed) == ("equivalent", None)

    @pytest.mark.parametrize("images", [1500, 3000, 6000])
    def test_at_the_margin_itself(self, images):
        """The worst case: the same images are misread with every seed, and no others."""
        rng = np.random.default_rng(images)
        studies, alike = 400, 0
        for _ in range(studies):
            reference = np.ones((3, images))
            other = np.broadcast_to(rng.random(images) >= 0.002, reference.shape).astype(float)
            alike += verdicts(reference, {"other": other})["other"].verdict == "equivalent"
        assert alike / studies < 0.08  # 0.05, and what chance adds to 400 studies

    @pytest.mark.parametrize(("n", "seen"), [(1500, 0), (1500, 1), (10_000, 12)])
    def test_the_chance_is_binomial(self, n, seen):
        assert unseen(0.002, n, -seen / n) == pytest.approx(stats.binom.cdf(seen, n, 0.002))
        needed = images_needed(0.002, 0.05, 0.0005)
        assert unseen(0.002, needed, 0.0005) < 0.05

    def test_log_loss_is_no_rate(self):
        found = {"x": compare(np.random.default_rng(0).normal(0, 1e-4, (3, 30)))}
        assert judge(found, metric="log_loss", rope=0.01)["x"].verdict == "equivalent"

    def test_one_network_is_equivalent_to_itself(self):
        a, pair = np.ones((3, 30)), (Trained("a", 3, keys=("1", "2")), Trained("b", 3, keys=("1", "2")))
        assert verdicts(a, {"b": a}, trained={"b": pair})["b"].verdict == "equivalent"


class TestBreakdowns:
    """The seeds that are left are not drawn at random."""

    WHOLE, HURT = Trained("reference", 5), Trained("x", 8, broken=3)

    def judged(self, variant, study, reference=WHOLE, own=HURT, **others):
        matrices = {"x": variant, **others}
        return verdicts(study[0], matrices, trained={"x": (reference, own)})

    def test_never_better_nor_equivalent(self, study):
        for name in ("good", "twin", "same"):
            found = self.judged(study[1][name], study)
            v = found["x"]
            assert (v.verdict, v.p, v.p_adjusted, v.seeds_needed) == ("undecided", None, None, None)
            assert found.notes[-1] == "x broke down with 3 seeds of 8: the seeds left are not drawn at random."

    def test_may_be_worse(self, study):
        v = self.judged(study[1]["bad"], study)["x"]
        assert v.verdict == "worse"
        assert v.p_adjusted < 0.05

    def test_nothing_is_worse_than_a_reference_that_broke_down(self, study):
        hurt, whole = Trained("reference", 6, broken=1), Trained("x", 5)
        assert self.judged(study[1]["bad"], study, hurt, whole)["x"].verdict == "undecided"
        assert self.judged(study[1]["good"], study, hurt, whole)["x"].verdict == "better"

    def test_weighs_on_no_other(self, study):
        found = self.judged(study[1]["good"], study, bad=study[1]["bad"], same=study[1]["same"])
        assert found["bad"].p_adjusted == holm([1.0, found["bad"].p, found["same"].p])[1]

    def test_less_log_loss_is_better(self):
        found = {"x": compare(np.random.default_rng(0).normal(-0.1, 0.05, (5, 200)))}
        v = judge(found, metric="log_loss", rope=0.01, trained={"x": (self.WHOLE, self.HURT)})["x"]
        assert v.verdict == "undecided"

    def test_in_json(self, study):
        told = json.loads(json.dumps(self.judged(study[1]["good"], study).to_json(), allow_nan=False))
        assert told["verdicts"][0]["p"] is None
        assert told["verdicts"][0]["trained"][1] == {"name": "x", "seeds": 8, "broken": 3}


def test_the_interval_shown_is_the_one_that_proves(study):
    found = verdicts(*study)
    twin, good = found["twin"], found["good"]
    assert twin.shown == (twin.low_narrow, twin.high_narrow)
    assert good.shown == (good.low_simultaneous, good.high_simultaneous)
    assert sum("90%" in note for note in found.notes) == 1
    assert not any("90%" in note for note in verdicts(study[0], {"good": study[1]["good"]}).notes)


def test_no_interval_of_a_rate_goes_beyond_1():
    a = np.random.default_rng(0).integers(0, 2, (2, 3)).astype(float)
    v = verdicts(a, {"x": 1 - a})["x"]
    assert v.comparison.interval(0.05)[1] > 1
    assert (v.low_simultaneous, v.high_simultaneous, v.low, v.high) == (-1, 1, -1, 1)


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
