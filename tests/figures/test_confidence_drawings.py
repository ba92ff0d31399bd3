"""The figures of confidence are read back: the numbers in their artists are those that were given."""

import numpy as np
import pytest
from scipy.stats import binomtest

from etalon.figures.confidence import reliability, risk_coverage
from etalon.locales import use

NONE = np.nan
COUNT = np.array([0.0, 4.0, 0.0, 20.0, 200.0])
CONFIDENCE = np.array([NONE, 0.3, NONE, 0.7, 0.95])
ACCURACY = np.array([NONE, 0.25, NONE, 0.8, 1.0])


class TestReliability:
    def test_points_intervals_and_counts(self):
        figure = reliability({"before": (COUNT, CONFIDENCE, ACCURACY), "after": (COUNT, CONFIDENCE, ACCURACY)}, seeds=2)
        above, _other, below, _last = figure.axes
        points = above.lines[1]
        np.testing.assert_array_equal(points.get_xdata(), CONFIDENCE)
        np.testing.assert_array_equal(points.get_ydata(), ACCURACY)
        segments = [s for s in above.collections[0].get_segments() if np.isfinite(s).all()]
        expected = [binomtest(hits, n).proportion_ci(0.95, "exact") for hits, n in ((8, 10), (100, 100))]
        np.testing.assert_allclose([s[:, 1] for s in segments[-2:]], [[e.low, e.high] for e in expected])
        assert [bar.get_height() for bar in below.patches] == list(COUNT / 2)
        assert [ax.get_title(loc="left") for ax in figure.axes[:2]] == ["before", "after"]

    def test_the_interval_of_half_an_answer(self):
        """Two answers of four seeds: no interval is narrower than what half an image tells."""
        figure = reliability({"": (np.array([2.0]), np.array([0.5]), np.array([0.5]))}, seeds=4)
        (segment,) = figure.axes[0].collections[0].get_segments()
        assert segment[:, 1] == pytest.approx([0, 1], abs=0.01)

    def test_in_french(self):
        with use("fr"):
            figure = reliability({"": (COUNT, CONFIDENCE, ACCURACY)})
        figure.draw_without_rendering()
        assert figure.axes[1].get_xlabel() == "Confiance"
        assert figure.axes[0].get_yticklabels()[-1].get_text() == "100\u00a0%"


class TestRiskCoverage:
    coverage = np.array([0.25, 0.5, 0.75, 1])
    risks = np.array([[0, 0, 0.1, 0.2], [0, 0.1, 0.2, 0.3]])

    def test_curve_band_and_promises(self):
        with use("en"):
            ax = risk_coverage(self.coverage, self.risks, {"1%": (0.4, 0.005)})
        by_confidence, at_random, perfect, point = ax.lines
        np.testing.assert_allclose(by_confidence.get_ydata(), [0, 0.05, 0.15, 0.25])
        np.testing.assert_allclose(at_random.get_ydata(), 0.25)
        np.testing.assert_allclose(perfect.get_ydata(), [0, 0, 0, 0.25], atol=1e-12)
        assert (point.get_xdata()[0], point.get_ydata()[0]) == (0.4, 0.005)
        band = ax.collections[0].get_paths()[0].get_extents()
        assert (band.y0, band.y1) == pytest.approx((0, 0.3))
        assert ax.get_legend().get_texts()[-1].get_text() == "at most 1% promised"

    def test_draws_where_it_is_told(self):
        ax = risk_coverage(self.coverage, self.risks, {})
        assert risk_coverage(self.coverage, self.risks, {}, ax=ax) is ax
