from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import f1_score, log_loss, recall_score

from etalon.analysis.crossed import compare
from etalon.analysis.metrics import bootstrap, compare_all, macro_f1, resamples, scores
from etalon.errors import StudyError
from etalon.locales import use
from tests.analysis.conftest import hide, simulate

CLASSES = ("zero", "one", "two", "three")


@pytest.fixture
def pair(answers):
    """The same images read by a model and by a more skilful one."""
    first, second = answers(k=5, pool=600, seed=1, skill=2.0), answers(k=5, pool=600, seed=1, skill=3.0)
    return {"plain": first, "skilful": second}


def judge(pair, **options):
    return compare_all(pair, {"skilful": ("plain", "skilful")}, classes=CLASSES, **options)["skilful"]


def each(pair, score):
    """Mean over seeds of what scikit-learn says of the second, minus the first."""
    first, second = (
        [score(one.labels[s], one.probabilities[s].astype(np.float64)) for s in range(5)] for one in pair.values()
    )
    return np.mean(second) - np.mean(first)


class TestDifferences:
    """The difference is that of scikit-learn's figures."""

    def test_accuracy(self, pair):
        found = judge(pair)
        expected = compare(pair["skilful"].correct() - pair["plain"].correct())
        assert found.comparison == expected
        assert found.verdict == "better"

    def test_log_loss(self, pair):
        found = judge(pair, metric="log_loss")
        expected = each(pair, lambda y, p: log_loss(y, p / p.sum(axis=1, keepdims=True)))
        assert found.difference == pytest.approx(expected, rel=1e-5)
        assert found.difference < 0
        assert found.verdict == "better"

    def test_recall(self, pair):
        found = judge(pair, metric="recall", of="two")
        expected = each(pair, lambda y, p: recall_score(y, p.argmax(axis=1), labels=[2], average="macro"))
        assert found.difference == pytest.approx(expected)
        assert found.comparison.n == (pair["plain"].labels[0] == 2).sum()

    def test_macro_f1(self, pair):
        found = judge(pair, metric="macro_f1")
        expected = each(pair, lambda y, p: f1_score(y, p.argmax(axis=1), average="macro"))
        assert found.difference == pytest.approx(expected)
        assert found.verdict == "better"

    def test_weights_count_images_as_often_as_they_say(self, pair):
        answers, weights = pair["plain"], next(resamples(600))[:3]
        found = macro_f1(answers, 1, weights)
        for row, value in zip(weights, found, strict=True):
            chosen = np.repeat(np.arange(600), row.astype(int))
            y, predicted = answers.labels[1][chosen], answers.predicted(1)[chosen]
            assert value == pytest.approx(f1_score(y, predicted, average="macro"))

    def test_a_probability_of_0_is_not_infinitely_wrong(self, pair):
        sure = pair["plain"].probabilities[0].copy()
        sure[0] = np.eye(4)[(pair["plain"].labels[0][0] + 1) % 4]
        answers = replace(pair["plain"], probabilities=(sure, *pair["plain"].probabilities[1:]))
        assert 80 < np.nanmax(scores(answers, answers.seeds, "log_loss")) < 90


class TestBootstrap:
    @pytest.mark.parametrize("share", [1.0, 0.4], ids=["same images", "hold-outs"])
    def test_of_a_mean_is_the_test_of_means(self, share):
        """Accuracy resampled gives the variance that the crossed test computes."""
        rng = np.random.default_rng(0)
        reference, variant = simulate(rng, k=5, n=1500, error=0.1, seed_effect=0.1)
        D = variant - reference if share == 1 else hide(rng, variant - reference, share)
        seen = np.isfinite(D)
        replicates = [(w @ np.nan_to_num(D).T) / (w @ seen.T) for w in resamples(1500, 4000)]
        found, expected = bootstrap(np.nanmean(D, axis=1), np.vstack(replicates), 1500), compare(D)
        assert found.difference == pytest.approx(expected.difference)
        assert found.components.image_part == pytest.approx(expected.components.image_part, rel=0.08)
        assert found.variance == pytest.approx(expected.variance, rel=0.08)
        assert found.nu == pytest.approx(expected.nu, rel=0.2)

    def test_holds_its_level(self, answers):
        """Two models that are equal over the population have unequal macro F1 in 5 % of studies."""
        alarms = 0
        for study in range(60):
            both = {"plain": answers(k=3, pool=150, seed=study), "skilful": answers(k=3, pool=150, seed=study + 10_000)}
            both["skilful"] = replace(both["plain"], probabilities=_relabel(both, study))
            alarms += judge(both, metric="macro_f1").p < 0.05
        assert alarms / 60 <= 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / 60)

    def test_one_seed(self, pair):
        alone = {
            name: replace(
                a, seeds=a.seeds[:1], index=a.index[:1], labels=a.labels[:1], probabilities=a.probabilities[:1]
            )
            for name, a in pair.items()
        }
        found = judge(alone, metric="macro_f1")
        assert found.verdict == "undecided"
        assert found.low < found.difference < found.high


def _relabel(both, study):
    """Answers drawn anew for the same images: noise of their own, the same skill."""
    rng = np.random.default_rng([study, 1])
    found = []
    for y in both["plain"].labels:
        e = np.exp(rng.normal(0, 1, (len(y), 4)) + 2.0 * np.eye(4)[y])
        found.append((e / e.sum(axis=1, keepdims=True)).astype(np.float32))
    return tuple(found)


def test_seeds_are_paired_by_name(pair):
    """A variant without one of the seeds is compared over the others."""
    full = pair["skilful"]
    short = replace(
        full, seeds=full.seeds[1:], index=full.index[1:], labels=full.labels[1:], probabilities=full.probabilities[1:]
    )
    for metric in ("accuracy", "log_loss", "macro_f1"):
        found = judge({**pair, "skilful": short}, metric=metric)
        assert found.comparison.k == 4
        assert found.difference == pytest.approx(judge(pair, metric=metric).difference, abs=0.05)


def test_all_pairs_share_one_correction(pair, answers):
    pair["third"] = answers(k=5, pool=600, seed=1, skill=2.5)
    pairs = {"b - a": ("plain", "skilful"), "c - a": ("plain", "third"), "c - b": ("skilful", "third")}
    found = compare_all(pair, pairs)
    assert found["c - b"].difference == pytest.approx(found["c - a"].difference - found["b - a"].difference)
    assert max(v.p_adjusted / v.p for v in found.items) == pytest.approx(3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metric": "auc"}, "metric 'auc': it is not known"),
        ({"metric": "recall"}, "recall of class None: there is no such class"),
        ({"metric": "recall", "of": "five"}, "Choose one of zero, one, two, three"),
        ({"of": "two"}, "accuracy of class 'two': only recall is of one class"),
        ({"metric": "log_loss", "heads": {"plain": None}}, "log loss of plain: its outputs are no probabilities"),
    ],
)
def test_refusals(pair, options, message):
    with pytest.raises(StudyError, match=message):
        judge(pair, **options)


@pytest.mark.parametrize("n", [0, 1])
def test_recall_of_a_class_without_images_is_refused(pair, n):
    one = {}
    for name, p in pair.items():
        kept = [np.r_[np.flatnonzero(y != 2), np.flatnonzero(y == 2)[:n]] for y in p.labels]
        cut = {
            c: tuple(a[rows] for a, rows in zip(getattr(p, c), kept, strict=True))
            for c in ("index", "labels", "probabilities")
        }
        one[name] = replace(p, **cut)
    with use("en"), pytest.raises(StudyError, match=rf"recall of class 'two': class two has {n} images? in "):
        judge(one, metric="recall", of="two")


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1"])
def test_no_seed_in_common_is_refused(pair, metric):
    other = {**pair, "skilful": replace(pair["skilful"], seeds=(1, 2, 3, 4, 5))}
    with pytest.raises(StudyError, match="seed"):
        judge(other, metric=metric)
