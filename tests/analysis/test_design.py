"""Looks and overlaps: levels of several looks against scipy's multivariate normal and the published constants."""

import numpy as np
import pytest
from scipy import stats

from etalon.analysis.crossed import compare
from etalon.analysis.design import ONCE, Auto, Design, bound, crossing
from etalon.errors import StudyError
from tests.analysis.conftest import hide

LOOKS = Design(looks=(3, 5, 7, 10))


class TestAuto:
    @pytest.mark.parametrize(
        ("auto", "looks"),
        [
            (Auto(), (3, 5, 7, 10)),
            (Auto(most=5), (3, 5)),
            (Auto(start=2, most=8), (2, 3, 5, 7, 8)),
            (Auto(most=20), (3, 5, 7, 11, 16, 20)),
        ],
        ids=str,
    )
    def test_looks(self, auto, looks):
        assert auto.looks == looks

    @pytest.mark.parametrize("wrong", [{"start": 1}, {"start": 10}, {"most": 3}], ids=str)
    def test_no_room(self, wrong):
        with pytest.raises(StudyError, match=r"etalon\.Auto\(start=.*: seeds are added from start"):
            Auto(**wrong)


class TestLooks:
    @pytest.mark.parametrize("looks", [(3, 5), (3, 5, 7, 10), (2, 3, 5, 7, 8), (3, 5, 7, 11, 12)], ids=str)
    @pytest.mark.parametrize("c", [0.5, 2.0, 3.5])
    def test_chance_is_that_of_scipy(self, looks, c):
        t = np.asarray(looks, float) / looks[-1]
        cov = np.sqrt(np.minimum.outer(t, t) / np.maximum.outer(t, t))
        bounds = c / np.sqrt(t)
        inside = stats.multivariate_normal.cdf(bounds, cov=cov, abseps=1e-8, releps=1e-8, maxpts=10**6)
        assert crossing(c, looks) == pytest.approx(1 - inside, abs=1e-5)  # scipy draws points at random

    def test_bounds_are_those_published(self):
        """O'Brien and Fleming, two-sided 5 %, looks evenly spaced (Jennison and Turnbull 2000, chapter 2)."""
        found = [bound(0.025, tuple(range(1, n + 1))) for n in (2, 3, 4, 5)]
        assert found == pytest.approx([1.977, 2.004, 2.024, 2.040], abs=0.001)

    def test_one_look_changes_nothing(self):
        for once in (ONCE, Design(looks=(5,))):
            assert (once.one_sided(0.03, 5), once.two_sided(0.03, 5), once.level(0.05, 5)) == (0.03, 0.03, 0.05)
            assert once.told == ""

    def test_p_is_the_least_alpha_at_which_its_look_would_decide(self):
        for k in LOOKS.looks:
            for alpha in (0.05, 0.05 / 11, 1e-6):
                assert LOOKS.two_sided(LOOKS.level(alpha, k), k) == pytest.approx(alpha, rel=1e-6)

    def test_early_looks_are_asked_for_more(self):
        levels = [LOOKS.level(0.05, k) for k in LOOKS.looks]
        assert levels == sorted(levels)
        assert levels[-1] < 0.05 < sum(levels)
        values = [LOOKS.one_sided(p, 5) for p in np.geomspace(1e-9, 0.49, 40)]
        assert np.all(np.diff(values) > 0)
        assert (LOOKS.one_sided(0.0, 5), LOOKS.one_sided(0.7, 5), LOOKS.two_sided(1.0, 5)) == (0, 1, 1)

    @pytest.mark.parametrize("images", [0.0, 0.02, 0.2])
    def test_seeds_alone_are_the_worst_case(self, images):
        """Successive means over the same images: the law holds exactly without image part, is not reached with."""
        rng = np.random.default_rng(0)
        looks, studies = np.array(LOOKS.looks), 20_000
        x = rng.normal(0, 0.1, (studies, 10)) + images * rng.normal(0, 1, (studies, 1))
        z = np.cumsum(x, axis=1)[:, looks - 1] / looks / np.sqrt(0.01 / looks + images**2)
        reach = -stats.norm.ppf([LOOKS.level(0.05, k) / 2 for k in LOOKS.looks])
        found = (np.abs(z) > reach).any(axis=1).mean()
        noise = 3 * np.sqrt(0.05 / studies)
        assert found <= 0.05 + noise
        if not images:
            assert found >= 0.05 - noise


class TestOverlap:
    """The correction of Nadeau and Bengio, of which the image part does a share by itself."""

    def test_their_factor_is_that_of_hold_outs_without_seed_effect(self):
        """Hold-outs of images alone: (1/k + n_validation/n_training) s2 is the image part, computed image by image."""
        rng = np.random.default_rng(0)
        k, n, m = 5, 2000, 400
        ours, theirs = [], []
        for _ in range(300):
            D = hide(rng, np.tile(rng.normal(0, 1, (1, n)), (k, 1)), m / n)
            ours.append(compare(D).components.image_part)
            theirs.append((1 / k + m / (n - m)) * np.nanmean(D, axis=1).var(ddof=1))
        truth = 1 / (k * m) + (k - 1) / (k * n)
        assert np.mean(ours) == pytest.approx(truth, rel=0.02)
        assert np.mean(theirs) == pytest.approx(truth, rel=0.12)

    def test_their_test_where_images_play_no_part(self):
        """p of the corrected resampled t test, coded from the paper, when the rows differ and the images do not."""
        rng = np.random.default_rng(1)
        k, m, ratio = 10, 4000, 0.25
        D = rng.normal(0.02, 0.05, (k, 1)) + rng.normal(0, 1e-4, (k, m))
        means = D.mean(axis=1)
        t = means.mean() / np.sqrt((1 / k + ratio) * means.var(ddof=1))
        found = compare(D, overlap=ratio)
        assert found.p == pytest.approx(2 * stats.t.sf(abs(t), k - 1), rel=1e-3)
        assert found.nu == pytest.approx(k - 1, rel=1e-3)

    def test_what_the_images_explain_is_not_counted_twice(self):
        rng = np.random.default_rng(2)
        D = hide(rng, rng.normal(0, 1, (5, 1000)), 0.2)
        found, plain = compare(D, overlap=0.25), compare(D)
        assert found.variance == pytest.approx(plain.variance + 0.25 * plain.components.seeds)

    def test_one_seed(self):
        D = np.random.default_rng(3).normal(0, 1, (1, 100))
        assert compare(D, overlap=0.25).p == compare(D).p
