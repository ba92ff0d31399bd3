"""Published figures beside ours: the interval of one more training against simulation and scipy."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import f1_score, precision_score, recall_score

from etalon.analysis.predictions import Predictions
from etalon.analysis.published import Claim, published, scores
from etalon.errors import StudyError
from etalon.locales import use

CLASSES = 4


def answers(k: int = 5, n: int = 400, wrong: float = 0.2) -> Predictions:
    """`k` seeds that are each wrong on a fifth of the images, at random."""
    rng = np.random.default_rng(0)
    y = np.arange(n) % CLASSES
    said = [np.where(rng.random(n) < wrong, rng.integers(0, CLASSES, n), y) for _seed in range(k)]
    return Predictions(
        variant="net",
        part="test",
        seeds=tuple(range(k)),
        index=tuple(np.arange(n) for _seed in range(k)),
        labels=tuple(y for _seed in range(k)),
        probabilities=tuple(np.eye(CLASSES, dtype=np.float32)[one] for one in said),
        pool=n,
    )


def test_scores_are_those_of_scikit_learn() -> None:
    found = answers()
    ours = scores(found)
    for s in range(len(found.seeds)):
        y, said = found.labels[s], found.predicted(s)
        assert ours["precision_macro"][s] == pytest.approx(precision_score(y, said, average="macro"))
        assert ours["recall_macro"][s] == pytest.approx(recall_score(y, said, average="macro"))
        assert ours["f1_macro"][s] == pytest.approx(f1_score(y, said, average="macro"))


def test_one_more_training_falls_within_as_often_as_is_said() -> None:
    rng = np.random.default_rng(1)
    draws = rng.normal(0.92, 0.003, (4000, 6))
    inside = 0
    for *five, sixth in draws:
        low, high = Claim("accuracy", 0.9, np.array(five)).interval
        inside += low <= sixth <= high
    assert abs(inside / len(draws) - 0.95) < 3 * np.sqrt(0.95 * 0.05 / len(draws))


def test_the_interval_is_students_for_a_new_value() -> None:
    values = np.array([0.91, 0.92, 0.915])
    low, high = Claim("accuracy", 0.9, values).interval
    reach = stats.t.ppf(0.975, 2) * values.std(ddof=1) * np.sqrt(1 + 1 / 3)
    assert (low, high) == pytest.approx((values.mean() - reach, values.mean() + reach))


def test_no_accuracy_is_above_one() -> None:
    assert Claim("accuracy", 0.9, np.array([0.994, 0.996])).interval[1] == 1


def test_what_chance_explains_and_what_it_does_not() -> None:
    found = answers()
    ours = float(scores(found)["accuracy"].mean())
    near, far = (published(found, "them", {"accuracy": value}) for value in (ours + 0.001, 0.99))
    assert near.claims[0].explained is True
    assert far.claims[0].explained is False
    with use("en"):
        assert near.findings[0].text.endswith("the seed alone may explain the gap.")
        assert far.findings[0].text.startswith("Accuracy: 99.00% published, ")
        assert far.findings[0].text.endswith("the gap is more than the seed explains.")


def test_one_training_tells_nothing_of_chance() -> None:
    found = published(answers(1), "them", {"accuracy": 0.5, "precision_macro": 0.5})
    assert found.claims[0].explained is None
    assert len(found.findings) == 2
    with use("en"):
        assert "One training does not tell" in found.findings[0].text


@pytest.mark.parametrize(
    ("precision", "words"), [(0.0, "do not seem to be of the same answers"), (None, "go together")]
)
def test_whether_two_published_figures_go_together(precision: float | None, words: str) -> None:
    found = answers()
    ours = {name: float(values.mean()) for name, values in scores(found).items()}
    claimed = {"accuracy": ours["accuracy"], "precision_macro": ours["precision_macro"] if precision is None else 0.5}
    with use("en"):
        together = published(found, "them", claimed).findings[-1]
    assert words in together.text
    assert together.numbers["theirs"] == pytest.approx(claimed["precision_macro"] - claimed["accuracy"])


def test_the_table_and_the_figure() -> None:
    found = published(answers(), "them", {"accuracy": 0.8, "f1_macro": 0.7})
    frame = found.frame()
    assert frame.index.tolist() == ["accuracy", "f1_macro"]
    assert frame["published"].tolist() == [0.8, 0.7]
    ax = found.plot()
    dots = [line for line in ax.lines if line.get_marker() == "o"]
    np.testing.assert_allclose(dots[0].get_xdata(), found.claims[0].ours)
    assert [line.get_xdata()[0] for line in ax.lines if line.get_marker() == "D"] == [0.8, 0.7]


@pytest.mark.parametrize("figures", [{}, {"accuracy": 92.81}, {"speed": 0.5}])
def test_what_is_no_figure(figures: dict[str, float]) -> None:
    with pytest.raises(StudyError, match="published figures"):
        published(answers(), "them", figures)
