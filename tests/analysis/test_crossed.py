import numpy as np
import pandas as pd
import pytest
from scipy import stats

from etalon.analysis.crossed import compare, gap, mean_accuracy
from etalon.errors import StudyError
from tests.analysis.conftest import hide, simulate


def document(D):
    """The formulas of the design, for a complete matrix."""
    k, n = D.shape
    d = D.mean()
    s2_seeds, s2_images = D.mean(axis=1).var(ddof=1), D.mean(axis=0).var(ddof=1)
    residual = D - D.mean(axis=1, keepdims=True) - D.mean(axis=0) + d
    s2_resid = (residual**2).sum() / ((k - 1) * (n - 1))
    V = s2_seeds / k + s2_images / n - s2_resid / (k * n)
    V = max(V, s2_seeds / k, s2_images / n)
    nu = V**2 / ((s2_seeds / k) ** 2 / (k - 1) + (s2_images / n) ** 2 / (n - 1))
    return d, V, nu


def differences(seed, k=5, n=400, effect=0.3):
    reference, variant = simulate(np.random.default_rng(seed), k=k, n=n, seed_effect=effect)
    return variant - reference


class TestCompleteMatrix:
    @pytest.mark.parametrize("effect", [0.0, 0.3, 1.0])
    @pytest.mark.parametrize("k", [2, 5, 10])
    def test_is_the_design(self, k, effect):
        D = differences(k, k=k, effect=effect)
        d, V, nu = document(D)
        found = compare(D)
        assert found.difference == pytest.approx(d, rel=1e-12)
        assert found.variance == pytest.approx(V, rel=1e-12)
        assert found.nu == pytest.approx(nu, rel=1e-12)
        t = d / np.sqrt(V)
        assert found.p == pytest.approx(2 * stats.t.sf(abs(t), nu), rel=1e-9)
        assert (found.low, found.high) == pytest.approx(stats.t.interval(0.95, nu, d, np.sqrt(V)), rel=1e-9)
        assert (found.k, found.n) == D.shape

    def test_is_the_analysis_of_variance_of_statsmodels(self):
        import statsmodels.api as sm
        from statsmodels.formula.api import ols

        D = differences(1, k=4, n=40, effect=1.0)
        k, n = D.shape
        table = pd.DataFrame({"y": D.ravel(), "s": np.repeat(np.arange(k), n), "i": np.tile(np.arange(n), k)})
        anova = sm.stats.anova_lm(ols("y ~ C(s) + C(i)", table).fit(), typ=2)
        squares = anova["sum_sq"] / anova["df"]
        found = compare(D).components
        assert found.interaction == pytest.approx(squares["Residual"], rel=1e-6)
        assert found.images == pytest.approx((squares["C(i)"] - squares["Residual"]) / k, rel=1e-6)
        assert found.seeds == pytest.approx(max(0, squares["C(s)"] - squares["Residual"]) / n, rel=1e-6)

    @pytest.mark.parametrize("seed", [2, 3, 4])
    def test_variance_is_made_of_the_mean_squares_of_statsmodels(self, seed):
        """V = (MS_seeds + MS_images - MS_residual) / (k N), and no less than either of the first two alone."""
        import statsmodels.api as sm
        from statsmodels.formula.api import ols

        D = differences(seed, k=5, n=40, effect=1.0)
        k, n = D.shape
        table = pd.DataFrame({"y": D.ravel(), "s": np.repeat(np.arange(k), n), "i": np.tile(np.arange(n), k)})
        anova = sm.stats.anova_lm(ols("y ~ C(s) + C(i)", table).fit(), typ=2)
        squares = anova["sum_sq"] / anova["df"]
        seeds, images = squares["C(s)"] / (k * n), squares["C(i)"] / (k * n)
        V = max(seeds + images - squares["Residual"] / (k * n), seeds, images)
        found = compare(D)
        assert found.variance == pytest.approx(V, rel=1e-6)
        assert found.nu == pytest.approx(V**2 / (seeds**2 / (k - 1) + images**2 / (n - 1)), rel=1e-6)

    def test_images_that_all_differ_alike_floor_the_variance(self):
        """Seeds that disagree about each image (negative covariance): the images are then taken as independent."""
        D = np.array([[1.0, 0.0] * 50, [0.0, 1.0] * 50])
        found = compare(D)
        assert found.components.images == 0
        assert found.components.image_part == pytest.approx(D.var(axis=1, ddof=1).mean() / 200)


class TestIncompleteMatrix:
    def test_components_are_unbiased(self):
        """Over many hold-outs the estimates fall on the variances that the cells were drawn with."""
        rng = np.random.default_rng(0)
        k, n, truth = 5, 300, (0.02**2, 0.5**2, 0.8**2)
        found = []
        for _ in range(400):
            a, b, e = (rng.normal(0, np.sqrt(v), s) for v, s in zip(truth, [(k, 1), (1, n), (k, n)], strict=True))
            parts = compare(hide(rng, a + b + e, 0.4)).components
            found.append((parts.images, parts.interaction, parts.rows, parts.image_part, parts.shared))
        images, interaction, rows, image_part, shared = np.mean(found, axis=0)
        assert images == pytest.approx(truth[1], rel=0.03)
        assert interaction == pytest.approx(truth[2], rel=0.03)
        assert rows == pytest.approx(truth[0] + (truth[1] + truth[2]) / 120 - truth[1] * shared, rel=0.08)
        assert shared == pytest.approx(1 / n, rel=0.02)
        assert image_part == pytest.approx(truth[1] * (0.2 / 120 + 0.8 / n) + truth[2] / 600, rel=0.03)

    def test_folds(self):
        """Nobody sees what another has seen: the variance within rows over the number of cells."""
        D = differences(3, k=5, n=500)
        folds = np.where(np.arange(500) % 5 == np.arange(5)[:, None], D, np.nan)
        found = compare(folds)
        within = np.nanvar(folds, axis=1, ddof=1).mean()
        rows = np.nanmean(folds, axis=1).var(ddof=1)
        assert found.components.images == 0
        assert found.components.image_part == pytest.approx(within / 500)
        assert found.variance == pytest.approx(max(rows, within / 100) / 5)

    def test_one_seed(self):
        D = differences(4, k=1)
        found = compare(D)
        assert not found.seeds_assessed
        assert found.variance == pytest.approx(D.var(ddof=1) / 400)
        assert found.nu == 399
        assert found.p == pytest.approx(stats.ttest_1samp(D[0], 0).pvalue)

    def test_seeds_that_were_not_trained_are_left_out(self):
        D = differences(5)
        assert compare(np.vstack([D, np.full((2, 400), np.nan)])) == compare(D)


class TestDegenerate:
    def test_identical_predictions(self):
        found = compare(np.zeros((5, 100)))
        assert (found.difference, found.low, found.high, found.p, found.variance) == (0, 0, 0, 1, 0)
        assert found.equivalence_p(0.002) == 0

    @pytest.mark.parametrize("k", [1, 5])
    def test_every_cell_the_same_is_not_certainty(self, k):
        found = compare(np.ones((k, 3)))
        assert found.difference == 1
        assert found.variance > 0
        assert 0.01 < found.p < 0.2

    @pytest.mark.parametrize("D", [np.full((2, 3), np.nan), np.zeros((3, 1)), np.zeros((0, 5))])
    def test_too_little_is_refused(self, D):
        with pytest.raises(StudyError, match="two images or more"):
            compare(D)


class TestMeanAccuracy:
    def test_is_the_same_model(self):
        correct = simulate(np.random.default_rng(0), seed_effect=0.2)[0]
        found, expected = mean_accuracy(correct), compare(correct)
        assert (found.value, found.low, found.high) == (expected.difference, expected.low, expected.high)

    def test_stays_between_0_and_1(self):
        right = mean_accuracy(np.ones((3, 200)))
        assert (right.value, right.high) == (1, 1)
        assert 1 - 3 / 200 < right.low < 1 - 1 / 201
        wrong = mean_accuracy(np.zeros((3, 200)))
        assert (wrong.value, wrong.low) == (0, 0)
        assert wrong.high == pytest.approx(1 - right.low)


class TestGap:
    def test_adds_the_images_of_both_sets(self):
        rng = np.random.default_rng(0)
        one, two = simulate(rng, n=500, seed_effect=0.2)[0], simulate(rng, n=800, seed_effect=0.2)[0]
        found = gap(one, two)
        assert found.difference == pytest.approx(one.mean() - two.mean())
        parts = compare(one).components.image_part + compare(two).components.image_part
        assert found.variance >= parts
        with pytest.raises(StudyError, match="same seeds"):
            gap(one, two[:2])

    def test_holds_its_level(self):
        rng = np.random.default_rng(1)
        alarms = [
            gap(*(simulate(rng, models=1, n=m, seed_effect=0.2)[0] for m in (400, 600))).p < 0.05 for _ in range(300)
        ]
        assert np.mean(alarms) < 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / 300)


STUDIES = 400
TOLERANCE = 2.6 * np.sqrt(0.05 * 0.95 / STUDIES)  # 99 % of a binomial


@pytest.mark.parametrize("share", [1.0, 0.2], ids=["same images", "hold-outs"])
@pytest.mark.parametrize(("k", "error", "effect"), [(5, 0.08, 0.0), (5, 0.08, 0.2), (10, 0.01, 0.2)])
def test_false_alarms(share, k, error, effect):
    """Models that are equal over the population are told apart in 5 % of studies, not more."""
    rng = np.random.default_rng(7)
    n = 500 if share == 1 else 1500
    alarms = 0
    for _ in range(STUDIES):
        reference, variant = simulate(rng, k=k, n=n, error=error, seed_effect=effect)
        D = variant - reference
        alarms += compare(D if share == 1 else hide(rng, D, share)).p < 0.05
    assert alarms / STUDIES <= 0.05 + TOLERANCE
    assert alarms / STUDIES >= 0.005


@pytest.mark.parametrize("share", [1.0, 0.2], ids=["same images", "hold-outs"])
def test_coverage(share):
    """95 % intervals cover the truth in 93 to 97 % of studies (cells drawn from the model itself)."""
    rng = np.random.default_rng(11)
    k, n, truth = 8, 400, 0.01
    covered = 0
    for _ in range(1000):
        D = truth + rng.normal(0, 0.02, (k, 1)) + rng.normal(0, 0.3, (1, n)) + rng.normal(0, 0.3, (k, n))
        found = compare(D if share == 1 else hide(rng, D, share))
        covered += found.low <= truth <= found.high
    assert 0.93 <= covered / 1000 <= 0.97
