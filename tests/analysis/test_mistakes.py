from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import (
    balanced_accuracy_score,
    confusion_matrix,
    f1_score,
    precision_recall_fscore_support,
)

from etalon.analysis import findings
from etalon.analysis.balance import balanced_accuracy
from etalon.analysis.metrics import macro_f1
from etalon.analysis.mistakes import confusion, gallery, per_class
from etalon.analysis.predictions import Predictions
from etalon.analysis.published import scores
from etalon.errors import StudyError
from etalon.locales import use

NAMES = ("cat", "dog", "bird", "fish")


def test_confusion_is_that_of_scikit_learn(answers):
    p = answers(share=0.6)
    found = confusion(p, NAMES)
    for s in range(3):
        np.testing.assert_array_equal(found.each[s], confusion_matrix(p.labels[s], p.predicted(s)))
    np.testing.assert_allclose(found.counts, found.each.mean(axis=0))
    assert found.frame().loc["cat", "dog"] == found.counts[0, 1]


def test_most_confused(answers):
    found = confusion(answers(), NAMES)
    top = found.most_confused(3)
    off = found.counts[~np.eye(4, dtype=bool)]
    assert [pair.count for pair in top] == sorted(off, reverse=True)[:3]
    for true, predicted, count, share in top:
        row = found.counts[NAMES.index(true)]
        assert count == row[NAMES.index(predicted)]
        assert share == pytest.approx(count / row.sum())


def test_nothing_is_confused(answers):
    assert confusion(answers(skill=100), NAMES).most_confused() == []


def test_scores_are_those_of_scikit_learn(answers):
    p = answers(share=0.3, skill=0.5)
    found = per_class(p, NAMES)
    for s in range(3):
        precision, recall, f1, _support = precision_recall_fscore_support(
            p.labels[s], p.predicted(s), labels=range(4), zero_division=0
        )
        np.testing.assert_allclose(found.precision[s], precision)
        np.testing.assert_allclose(found.recall[s], recall)
        np.testing.assert_allclose(found.f1[s], f1)
    macro = [
        precision_recall_fscore_support(p.labels[s], p.predicted(s), average="macro", zero_division=0)[:3]
        for s in range(3)
    ]
    np.testing.assert_allclose(
        [found.precision_macro, found.recall_macro, found.f1_macro], np.mean(macro, axis=0), rtol=1e-12
    )
    np.testing.assert_allclose(found.error, 1 - found.recall)


def test_a_class_that_is_never_predicted():
    p = Predictions(
        "x",
        "test",
        (0,),
        (np.arange(3),),
        (np.array([0, 1, 1]),),
        (np.array([[0.9, 0.1, 0], [0.9, 0.1, 0], [0.8, 0.2, 0]], np.float32),),
        3,
    )
    found = per_class(p)
    np.testing.assert_allclose(found.precision, [[1 / 3, 0, np.nan]])
    np.testing.assert_allclose(found.error, [[0, 1, np.nan]])


@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
def test_nothing_is_known_of_a_class_without_images(answers):
    """Means over classes leave it out, as scikit-learn's balanced accuracy does; it is neither best nor worst."""
    whole = answers(skill=0.5)
    kept = [np.flatnonzero(y != 2) for y in whole.labels]
    p = replace(
        whole,
        index=tuple(i[rows] for i, rows in zip(whole.index, kept, strict=True)),
        labels=tuple(y[rows] for y, rows in zip(whole.labels, kept, strict=True)),
        probabilities=tuple(each[rows] for each, rows in zip(whole.probabilities, kept, strict=True)),
    )
    found, seeds = per_class(p, NAMES), range(len(p.seeds))
    assert any((p.predicted(s) == 2).any() for s in seeds)
    balanced = [balanced_accuracy_score(p.labels[s], p.predicted(s)) for s in seeds]
    f1 = [f1_score(p.labels[s], p.predicted(s), labels=[0, 1, 3], average="macro") for s in seeds]
    assert found.recall_macro == pytest.approx(np.mean(balanced)) == pytest.approx(balanced_accuracy(p).mean())
    assert found.f1_macro == pytest.approx(np.mean(f1)) == pytest.approx(np.mean([macro_f1(p, s) for s in seeds]))
    assert scores(p)["f1_macro"] == pytest.approx(f1)
    assert {name for name, _rate in found.worst(4)} == {"cat", "dog", "fish"}
    assert "bird" not in findings.worst_classes(found, 4).text
    assert "bird" not in findings.worst_classes(found).text
    row = found.frame().loc["bird"]
    assert row.drop("support").isna().all()
    assert row["support"] == 0
    found.plot()


def test_worst_and_its_bars(answers):
    found = per_class(answers(), NAMES)
    errors = found.error.mean(axis=0)
    assert found.worst(2)[0] == (NAMES[int(errors.argmax())], errors.max())
    ax = found.plot()
    assert [bar.get_height() for bar in ax.patches] == pytest.approx(list(errors))
    assert list(found.frame()["error"]) == pytest.approx(list(errors))


def test_the_heatmap_has_names(answers):
    ax = confusion(answers(), NAMES).plot()
    assert [t.get_text() for t in ax.get_xticklabels()] == list(NAMES)


class TestGallery:
    images = np.random.default_rng(0).integers(0, 256, (200, 8, 8, 1), dtype=np.uint8)

    def test_those_most_seeds_misclassify_come_first(self, answers):
        p = answers(k=5)
        found = gallery(p, self.images, NAMES, n=30)
        keys = [(-m.wrong, -m.confidence) for m in found.mistakes]
        assert keys == sorted(keys)
        for image, m in zip(found.images, found.mistakes, strict=True):
            np.testing.assert_array_equal(image, self.images[m.index])
            wrong = [s for s in range(5) if p.predicted(s)[m.index] == m.predicted]
            assert (m.wrong, m.seen) == (len(wrong), 5)
            assert m.true == p.labels[0][m.index] != m.predicted
            assert m.confidence == pytest.approx(np.mean([p.confidence(s)[m.index] for s in wrong]), rel=1e-6)

    def test_all_that_some_seed_misclassifies_are_found(self, answers):
        p = answers(k=3, share=0.5)
        found = gallery(p, self.images, NAMES, n=1000)
        assert found.found == len(found) == int((p.correct() == 0).any(axis=0).sum())

    def test_the_documents_order(self, answers):
        """The first mistakes in the order of the images, for one seed."""
        p = answers()
        found = gallery(p, self.images, NAMES, order="first", seed=11, n=10)
        expected = np.where(p.predicted(1) != p.labels[1])[0][:10]
        assert [m.index for m in found.mistakes] == list(expected)
        assert [m.predicted for m in found.mistakes] == list(p.predicted(1)[expected])

    def test_one_pair(self, answers):
        p = answers(k=3)
        found = gallery(p, self.images, NAMES, true="cat", predicted=2, n=1000)
        rows = [{int(i) for i in np.flatnonzero((p.labels[s] == 0) & (p.predicted(s) == 2))} for s in range(3)]
        assert {m.index for m in found.mistakes} == set.union(*rows)
        assert {(m.true, m.predicted) for m in found.mistakes} == {(0, 2)}
        assert set(found.frame()["predicted"]) == {"bird"}

    def test_titles(self, answers):
        found = gallery(answers(k=3), self.images, NAMES, n=1)
        m = found.mistakes[0]
        with use("fr"):
            title = found.plot().axes[0].get_title(loc="center")
        assert title == f"{NAMES[m.true]}\n→ {NAMES[m.predicted]}\n{m.confidence * 100:.0f}\u00a0% ({m.wrong}/3)"

    def test_no_mistake(self, answers):
        found = gallery(answers(skill=100), self.images, NAMES)
        assert len(found) == found.found == 0
        assert found.frame().empty
        found.plot()

    def test_an_unknown_class_is_refused(self, answers):
        with pytest.raises(StudyError, match="cat, dog, bird, fish"):
            gallery(answers(), self.images, NAMES, true="cow")
        with pytest.raises(StudyError, match="3 class names"):
            gallery(answers(), self.images, NAMES[:3])
