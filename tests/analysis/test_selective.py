"""Answering where confidence is high: areas against closed forms and brute force, promises against simulation."""

import itertools

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import roc_auc_score

from etalon.analysis.selective import LEVEL, _looks, images_needed, kept, promised, risk_coverage, upper_limit


def answers(seed: int, n: int = 300, digits: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Scores, and answers that are wrong more often where the score is low."""
    rng = np.random.default_rng(seed)
    score = rng.random(n)
    return score.round(digits), rng.random(n) > 0.6 * (1 - score) ** 2


class TestCurve:
    def test_by_hand(self):
        found = risk_coverage(np.array([1.0, 4.0, 2.0, 3.0]), np.array([False, True, True, False]))
        np.testing.assert_array_equal(found.errors, [0, 1, 1, 2])
        np.testing.assert_allclose(found.coverage, [0.25, 0.5, 0.75, 1])
        np.testing.assert_allclose(found.risk, [0, 1 / 2, 1 / 3, 1 / 2])
        assert found.aurc == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 2) / 4)
        assert found.augrc == pytest.approx((0 / 2 + (0 + 1) / 2 + (1 + 1) / 2 + (1 + 2) / 2) / 16)  # trapezoids
        np.testing.assert_allclose(found.at(np.array([0.1, 0.25, 0.26, 1])), [0, 0, 1 / 2, 1 / 2])

    @pytest.mark.parametrize("digits", [8, 1])
    @pytest.mark.parametrize("seed", range(3))
    def test_augrc_is_its_closed_form(self, seed, digits):
        """Traub et al. 2024: (1 - AUROC) a (1 - a) + (1 - a)² / 2; with equal scores too, since AUROC halves them."""
        score, right = answers(seed, digits=digits)
        a = right.mean()
        expected = (1 - roc_auc_score(right, score)) * a * (1 - a) + (1 - a) ** 2 / 2
        assert risk_coverage(score, right).augrc == pytest.approx(expected, rel=1e-12)

    @pytest.mark.parametrize("digits", [8, 1])
    def test_augrc_is_the_area_by_trapezoids(self, digits):
        """Over the points where a threshold can stand: errors kept / n against coverage."""
        score, right = answers(0, digits=digits)
        points = [(0.0, 0.0)]
        for threshold in np.unique(score)[::-1]:
            chosen = score >= threshold
            points.append((chosen.mean(), (chosen & ~right).mean()))
        coverage, generalised = np.transpose(points)
        assert risk_coverage(score, right).augrc == pytest.approx(np.trapezoid(generalised, coverage))

    def test_equal_scores_are_the_mean_of_all_their_orders(self):
        score, right = np.array([3, 2, 2, 2, 2, 1]), np.array([True, True, False, True, False, True])
        orders = [[0, *middle, 5] for middle in itertools.permutations(range(1, 5))]
        curves = [risk_coverage(-np.arange(6), right[order]) for order in orders]
        found = risk_coverage(score, right)
        np.testing.assert_allclose(found.risk, np.mean([c.risk for c in curves], axis=0))
        assert found.aurc == pytest.approx(np.mean([c.aurc for c in curves]))
        assert found.augrc == pytest.approx(np.mean([c.augrc for c in curves]))

    def test_perfect_and_worst(self):
        right = np.arange(10) >= 3
        assert risk_coverage(np.arange(10), right).augrc == pytest.approx(0.3**2 / 2)
        assert risk_coverage(-np.arange(10), right).augrc == pytest.approx(0.7 * 0.3 + 0.3**2 / 2)
        assert risk_coverage(np.arange(10), np.full(10, True)).aurc == 0


class TestLimits:
    @pytest.mark.parametrize(("errors", "n"), [(0, 1), (0, 59), (3, 500), (40, 60), (7, 7)])
    def test_upper_limit_is_that_of_scipy(self, errors, n):
        expected = binomtest(errors, n, alternative="less").proportion_ci(LEVEL, method="exact").high
        assert upper_limit(errors, n) == pytest.approx(expected, rel=1e-9)
        assert upper_limit(0, 0) == 1

    @pytest.mark.parametrize(("risk", "n"), [(0.05, 59), (0.01, 299), (0.005, 598), (0.001, 2995)])
    def test_images_needed(self, risk, n):
        assert images_needed(risk) == n
        assert upper_limit(0, n) <= risk < upper_limit(0, n - 1)
        assert _looks(n, risk, LEVEL) == ((n, 0),)
        assert _looks(n - 1, risk, LEVEL) == ()

    def test_kept(self):
        found = kept(np.array([0.2, 0.5, 0.9]), np.array([True, False, True]), 0.5)
        assert (found.images, found.kept, found.errors) == (3, 2, 1)
        assert (found.coverage, found.error) == (2 / 3, 0.5)
        assert found.bound == upper_limit(1, 2)
        assert np.isnan(kept(np.array([0.2]), np.array([True]), 0.5).error)


def slowly(score: np.ndarray, right: np.ndarray, risk: float) -> float | None:
    """The threshold, one image at a time and with scipy's own limits."""
    order = np.argsort(-score)
    found, most = None, -1
    for n in range(1, len(score) + 1):
        admissible = most
        while admissible + 1 < n and limit(admissible + 1, n) <= risk:
            admissible += 1
        if admissible > most or (n == len(score) and admissible >= 0):
            if (~right[order[:n]]).sum() > admissible:
                return found
            found = float(score[order[n - 1]]) if n < len(score) else 0.0
        most = admissible
    return found


def limit(errors: int, n: int) -> float:
    return float(binomtest(errors, n, alternative="less").proportion_ci(LEVEL, method="exact").high)


class TestPromises:
    @pytest.mark.parametrize("seed", range(4))
    @pytest.mark.parametrize("risk", [0.3, 0.15, 0.05])
    def test_they_are_found_by_brute_force_too(self, seed, risk):
        score, right = answers(seed, n=150)
        assert promised(score, score, right, risk) == slowly(score, right, risk)

    def test_all_right(self):
        score, right = np.arange(100.0), np.full(100, True)
        assert promised(score, score, right, 0.05) == 0
        assert promised(score, score, right, 0.01) is None

    def test_an_error_that_is_too_sure(self):
        score = np.arange(100.0)
        assert promised(score, score, score != 99, 0.05) is None

    def test_last_errors_are_left_to_a_person(self):
        score = np.arange(100.0)
        assert promised(score, score, score >= 7, 0.05) == 100 - 93

    def test_a_threshold_takes_all_equals_or_none(self):
        score = np.arange(100.0)
        shown = np.where(score < 20, 0.5, np.where(score < 50, 0.7, 0.9))
        assert promised(score, shown, score >= 20, 0.05) == 0.9  # 59 images would do, but they end among the 0.7
        equal = np.full(100, 0.9)
        assert promised(score, equal, score >= 20, 0.05) is None

    def test_of_equal_scores_the_errors_come_first(self):
        score, right = np.r_[np.full(80, 1.0), np.full(20, 0.5)], np.arange(100) != 79
        assert promised(score, score, right, 0.05) is None

    @pytest.mark.parametrize(
        ("rate", "risk_at"),
        [
            (lambda x: 0.3 * (1 - x) ** 2, lambda t: 0.1 * (1 - t) ** 2),
            (lambda x: np.where(x > 0.6, 0.0, 0.2), lambda t: 0.2 * np.maximum(0.6 - t, 0) / (1 - t)),
            (lambda x: np.where(x > 0.9, 0.01, 0.06), lambda t: 0.06 - 0.005 / np.maximum(1 - t, 0.1)),
            (lambda x: np.full_like(x, 0.0501), lambda t: 0.0501),
        ],
        ids=["slowly", "step", "early", "flat"],
    )
    @pytest.mark.parametrize("digits", [16, 2])
    def test_the_promise_is_broken_in_5_percent_of_the_cases_at_most(self, rate, risk_at, digits):
        """Scores even over [0, 1], an error rate that falls as they grow, and the true rate above each threshold."""
        rng, times, risk = np.random.default_rng(7), 2000, 0.05
        thresholds = []
        for _ in range(times):
            x = rng.random(600)
            shown = np.floor(x * 10**digits) / 10**digits
            thresholds.append(promised(shown, shown, rng.random(600) >= rate(x), risk))
        broken = np.mean([t is not None and risk_at(t) > risk for t in thresholds])
        assert broken <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / times)

    def test_they_are_not_timid(self):
        """Where 71 % of the images can be kept, most of them are."""
        rng = np.random.default_rng(0)
        coverage = []
        for _ in range(200):
            x = rng.random(2000)
            threshold = promised(x, x, rng.random(2000) >= 0.3 * (1 - x) ** 2, 0.05)
            coverage.append(0.0 if threshold is None else 1 - threshold)
        assert 0.55 < np.mean(coverage) < 0.71
