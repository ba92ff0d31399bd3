"""What a user reads of confidence, from the runs of one variant."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import log_loss, roc_auc_score

from etalon.analysis.confidence import Confidence, confidence
from etalon.analysis.predictions import predictions
from etalon.errors import StudyError
from etalon.locales import use
from etalon.study.run import Run

LABELS = np.random.default_rng(0).integers(0, 4, (2, 1000))  # of the train part, of the test part
RISKS = (0.2, 0.05, 0.01)


def run(seed: int, skill: float = 5.0, head: str = "softmax", sharpness: float = 1.0) -> Run:
    """A run that validated 400 images; the greater the skill, the fewer errors."""
    rng = np.random.default_rng(seed)
    index = np.sort(rng.permutation(1000)[:400])
    parts = [LABELS[0][index], LABELS[1]]
    logits = [sharpness * (rng.normal(0, 1.5, (len(y), 4)) + skill * np.eye(4)[y]).astype(np.float32) for y in parts]
    scalars = {"key": str(seed), "study": "s", "variant": "wide", "seed": seed, "history": {"loss": (1.0,)}}
    figures = dict.fromkeys(("fit_time", "train_accuracy", "train_loss", "validation_accuracy", "validation_loss"), 0.0)
    arrays = {"validation_index": index, "validation_logits": logits[0], "test_logits": logits[1]}
    return Run(**scalars, best_epoch=1, head=head, environment={}, **figures, **arrays)


RUNS = [run(s) for s in (10, 11, 12)]


@pytest.fixture(scope="module")
def on_validation() -> Confidence:
    return confidence(RUNS, LABELS[0], risks=RISKS)


@pytest.fixture(scope="module")
def on_test() -> Confidence:
    return confidence(RUNS, LABELS[0], LABELS[1], risks=RISKS)


class TestNumbers:
    def test_frame(self, on_test):
        table = on_test.frame()
        assert list(table.index) == [10, 11, 12]
        shown = predictions(RUNS, LABELS[1], "test")
        for s, seed in enumerate(shown.seeds):
            sure, right = shown.confidence(s), shown.predicted(s) == shown.labels[s]
            a = right.mean()
            expected = (1 - roc_auc_score(right, sure)) * a * (1 - a) + (1 - a) ** 2 / 2
            assert table.loc[seed, "augrc"] == pytest.approx(expected, rel=1e-3)  # in float32 some scores are equal
            assert table.loc[seed, "log_loss"] == pytest.approx(log_loss(LABELS[1], shown.probabilities[s]), rel=1e-5)

    def test_scaling_mends_what_is_too_sharp(self):
        found = confidence([run(0, skill=2.0, sharpness=5.0)], *LABELS)
        table = found.frame().loc[0]
        assert table["temperature"] > 2
        assert table["ece_scaled"] < table["ece"] / 4
        assert table["log_loss_scaled"] < table["log_loss"]
        assert "too sure of itself" in found.calibrated
        assert "not sure enough" in confidence([run(0, skill=2.0, sharpness=0.2)], *LABELS).calibrated

    def test_thresholds_are_those_of_the_confidence_that_is_shown(self, on_test):
        shown, seen = predictions(RUNS, LABELS[1], "test"), predictions(RUNS, LABELS[0], "validation")
        table = on_test.thresholds()
        assert len(table) == 9
        for line in table.itertuples():
            if np.isnan(line.threshold):
                assert np.isnan(line.test_coverage)
                continue
            for part, coverage, error in (
                (seen, line.val_coverage, line.val_error),
                (shown, line.test_coverage, line.test_error),
            ):
                frame = part.frame(line.seed)
                chosen = frame[frame["confidence"] >= line.threshold]
                assert coverage == len(chosen) / len(frame)
                assert error == pytest.approx((chosen["true"] != chosen["predicted"]).mean())
            assert line.val_error <= line.risk
            assert line.test_bound >= line.test_error

    def test_fewer_errors_take_more_of_a_person(self, on_validation):
        table = on_validation.thresholds()
        some = table[table["seed"] == 10].set_index("risk")["val_coverage"]
        assert some[0.2] == 1
        assert 0 < some[0.01] < some[0.05]
        assert on_validation.strictest is not None
        assert on_validation.strictest.risk == 0.01
        seed, place = on_validation.seeds[1], 1
        assert on_validation.settings(seed) == {
            "temperature": on_validation.calibration.temperatures[place],
            "threshold": on_validation.strictest.thresholds[place].value,
            "risk": 0.01,
        }

    def test_the_seal(self, on_validation, on_test):
        blind = [replace(r, test_logits=r.test_logits[:0]) for r in RUNS]
        again = confidence(blind, LABELS[0], risks=RISKS)
        assert (again.part, on_test.part) == ("validation", "test")
        assert str(again) == str(on_validation)
        assert "test_coverage" not in on_validation.thresholds()
        assert all(t.test is None for promise in again.promises for t in promise.thresholds)
        values = [[t.value for promise in found.promises for t in promise.thresholds] for found in (again, on_test)]
        assert values[0] == values[1]


class TestHeads:
    def test_outputs_that_are_no_probabilities(self):
        found = confidence([run(0, head="linear")], *LABELS, loss="mean_squared_error")
        assert found.calibration is None
        assert list(found.frame().columns) == ["aurc", "augrc"]
        assert "wide ends without softmax or sigmoid" in found.calibrated
        assert found.promises[0].found
        with pytest.raises(StudyError, match=r"its outputs are no probabilities. Draw plot_risk_coverage"):
            found.plot_reliability()

    def test_logits_of_a_cross_entropy(self):
        ours, expected = (confidence([run(0, head=head)], *LABELS).frame() for head in ("linear", "softmax"))
        assert ours.equals(expected)

    def test_a_sigmoid_for_each_class(self):
        found = confidence([run(0, head="sigmoid")], *LABELS, loss="binary_crossentropy")
        assert found.calibration is not None
        assert found.frame().loc[0, "log_loss_scaled"] < found.frame().loc[0, "log_loss"]

    @pytest.mark.parametrize("head", ["softmax", "sigmoid"])
    def test_scores_go_the_way_of_confidence_beyond_what_float32_tells(self, head):
        sure = run(0, skill=40.0, head=head)
        assert (predictions([sure], LABELS[1], "test").confidence(0) == 1).mean() > 0.9
        found = confidence([sure], *LABELS, risks=(0.01,))
        assert found.promises[0].thresholds[0].value == 0


class TestWords:
    def test_english(self, on_validation, on_test):
        assert repr(on_test) == "Confidence('wide', test, 3 seeds)"
        lines = str(on_test).splitlines()
        assert len(lines) == 5
        assert lines[2].startswith("At most 20% of errors, with 95% confidence: no image need be sent to a person. On")
        assert "On test these are" in lines[4]
        assert "On validation these are" in on_validation.promises[2].text
        assert "each half of the images" in on_validation.calibrated
        assert "each half of the images" not in on_test.calibrated

    def test_french(self, on_test):
        with use("fr"):
            assert "Température" in str(on_test)
            assert "Au plus 5\u00a0% d’erreurs" in str(on_test)

    def test_too_few_images(self):
        found = confidence(RUNS, *LABELS, risks=(0.001,))
        expected = "no threshold can promise it with 400 validation images; it would take 2,995 of them"
        assert expected in found.promises[0].text
        assert found.strictest is None
        assert found.settings(found.seeds[0])["threshold"] is None

    def test_errors_that_are_too_sure(self):
        found = confidence([run(0, skill=0.5)], *LABELS, risks=(0.01,))
        assert "too many errors among the surest answers" in found.promises[0].text

    def test_some_seeds_alone(self):
        found = confidence([run(0, skill=0.5), run(1), run(2)], *LABELS, risks=(0.01,))
        assert "With one seed of 3 there is no such threshold." in found.promises[0].text
        assert found.strictest is None

    def test_one_seed_has_no_spread(self):
        assert " to " not in confidence([run(0)], *LABELS, risks=(0.02,)).calibrated.split("Scaling")[0]

    @pytest.mark.parametrize("risk", [0, 1, -0.1, 5])
    def test_an_error_rate_that_is_none(self, risk):
        with pytest.raises(StudyError, match="Give a number between 0 and 1, such as"):
            confidence(RUNS, LABELS[0], risks=(risk,))


class TestFigures:
    def test_reliability(self, on_test):
        figure = on_test.plot_reliability()
        assert [ax.get_title(loc="left") for ax in figure.axes[:2]] == ["As given", "Scaled"]
        total = sum(bar.get_height() for bar in figure.axes[2].patches)
        assert total == pytest.approx(1000)  # images of one seed

    def test_risk_coverage(self, on_test):
        ax = on_test.plot_risk_coverage()
        ends = [line.get_ydata()[-1] for line in ax.lines[:3]]
        wrong = 1 - predictions(RUNS, LABELS[1], "test").accuracy.mean()
        assert ends == pytest.approx([wrong] * 3)
        assert [t.get_text() for t in ax.get_legend().get_texts()][3:] == [
            "at most 20% promised",
            "at most 5% promised",
            "at most 1% promised",
        ]
