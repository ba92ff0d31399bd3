import json
from dataclasses import replace

import numpy as np
import pytest

from etalon.analysis.recommend import Candidate, pareto_front, recommend
from etalon.analysis.verdicts import Trained
from etalon.errors import StudyError
from etalon.locales import use
from tests.analysis.conftest import hide, simulate


@pytest.fixture(scope="module")
def matrices():
    """Reference; two variants clearly better and equal to each other; one far better; one that copies the reference."""
    rng = np.random.default_rng(0)
    found = simulate(rng, models=4, n=6000, seed_effect=0.03, gains=[0, 1.0, 1.0, 3.0])
    return {"reference": found[0], "a": found[1], "b": found[2], "far": found[3], "copy": found[0].copy()}


def candidates(matrices, names, gaps=None, times=None):
    gaps, times = gaps or {}, times or {}
    return [Candidate(n, matrices[n], gaps.get(n, 0.01), (times.get(n, 60.0),)) for n in names]


def test_nothing_better_keeps_the_reference_and_names_what_is_cheaper(matrices):
    found = recommend(candidates(matrices, ["reference", "copy"], times={"copy": 30}))
    assert (found.chosen, found.cheaper) == ("reference", ("copy",))
    with use("en"):
        assert "No variant is really better than reference" in found.reasons[0]
        assert "copy is equivalent" in found.reasons[1]
        assert "30 s instead of 1 min 00 s" in found.reasons[1]


def test_equivalent_but_hardly_faster_is_not_worth_a_word(matrices):
    found = recommend(candidates(matrices, ["reference", "copy"], times={"copy": 50}))
    assert found.cheaper == ()


def test_the_one_that_is_clearly_best(matrices):
    found = recommend(candidates(matrices, ["reference", "a", "b", "far"], times={"far": 500}))
    assert found.chosen == "far"
    assert [c.name for c in found.candidates if c.eligible] == ["a", "b", "far"]
    assert [c.name for c in found.candidates if c.close] == ["far"]


def test_those_that_cannot_be_told_apart_are_ranked_by_score(matrices):
    for slow, chosen in (("a", "b"), ("b", "a")):
        found = recommend(candidates(matrices, ["reference", "a", "b"], times={slow: 3600}))
        assert found.chosen == chosen
        assert found["a"].close
        assert found["b"].close
    overfits = recommend(candidates(matrices, ["reference", "a", "b"], gaps={"a": 0.2}))
    assert overfits.chosen == "b"


def test_weights_change_the_choice(matrices):
    models = candidates(matrices, ["reference", "a", "b"], times={"a": 30.0, "b": 60.0}, gaps={"a": 0.03, "b": 0.0})
    assert recommend(models, weights={"time": 0}).chosen == "b"
    assert recommend(models, weights={"overfitting": 0, "time": 5}).chosen == "a"


def test_score_is_the_weighted_sum(matrices):
    found = recommend(candidates(matrices, ["reference", "a"], gaps={"a": 0.03}, times={"a": 120}))
    a = found["a"]
    assert a.score == pytest.approx(100 * a.difference - 0.1 * 2 - 0.1 * 1)
    assert found["reference"].score == 0


def test_hold_outs(matrices):
    rng = np.random.default_rng(0)
    unseen = np.isnan(hide(rng, matrices["reference"], 0.5))
    held = {name: np.where(unseen, np.nan, m) for name, m in matrices.items()}
    assert recommend(candidates(held, ["reference", "a", "far"])).chosen == "far"


def test_one_seed_recommends_nothing_new(matrices):
    single = {name: m[:1] for name, m in matrices.items()}
    found = recommend(candidates(single, ["reference", "far"]))
    assert found.chosen == "reference"
    with use("en"):
        assert "With one seed" in found.reasons[0]


def test_one_seed_of_one_variant(matrices):
    alone = matrices["far"].copy()
    alone[1:] = np.nan
    found = recommend(candidates({**matrices, "far": alone}, ["reference", "copy", "far"]))
    with use("en"):
        assert "No variant is really better" in found.reasons[0]
        assert found.reasons[-1] == "With one seed far cannot be said to be better: train it with more."


def test_what_broke_down_is_not_chosen(matrices):
    whole, hurt = Trained("a", 5), Trained("far", 8, broken=3)
    one, a, far = (candidates(matrices, [name])[0] for name in ("reference", "a", "far"))
    one, a, far = replace(one, trained=Trained("reference", 5)), replace(a, trained=whole), replace(far, trained=hurt)
    found = recommend([one, a, far])
    assert found.chosen == "a"
    assert not found["far"].eligible
    with use("en"):
        assert found.reasons[-1] == "far broke down with 3 seeds of 8: it cannot be chosen."
    alone = recommend([one, far])
    assert alone.chosen == "reference"
    assert "it cannot be chosen" in str(alone)


def test_a_reference_that_broke_down(matrices):
    one, a = candidates(matrices, ["reference", "a"])
    found = recommend([replace(one, trained=Trained("reference", 6, broken=1)), replace(a, trained=Trained("a", 6))])
    assert found.chosen == "a"
    with use("en"):
        assert found.reasons[-1].startswith("reference broke down with 1 seed of 6: the seeds left are not drawn")


@pytest.mark.parametrize(
    ("lost", "told"),
    [
        ((), "reference was not compared with any variant."),
        (("a",), "The only variant could not be trained: reference is kept."),
        (("a", "b", "far"), "None of the 3 variants could be trained: reference is kept."),
    ],
)
def test_alone(matrices, lost, told):
    found = recommend(candidates(matrices, ["reference"]), lost=lost)
    assert found.chosen == "reference"
    with use("en"):
        assert found.reasons == (told,)


@pytest.mark.parametrize("weights", [{"speed": 1}, {"time": -1}, {"time": float("nan")}])
def test_other_weights_are_refused(matrices, weights):
    with pytest.raises(StudyError, match="accuracy, overfitting or time"):
        recommend(candidates(matrices, ["reference"]), weights=weights)
    with pytest.raises(StudyError, match="no candidate"):
        recommend([])


@pytest.mark.parametrize("seed", range(3))
def test_pareto_front_by_definition(seed):
    rng = np.random.default_rng(seed)
    t, a = rng.integers(1, 6, 12), rng.integers(1, 6, 12)
    front = pareto_front(t, a)
    for i in range(12):
        beaten = any(t[j] <= t[i] and a[j] >= a[i] and (t[j], a[j]) != (t[i], a[i]) for j in range(12))
        assert front[i] is not beaten


def test_outputs(matrices):
    found = recommend(candidates(matrices, ["reference", "a", "b", "far"], times={"far": 500}))
    table = found.frame()
    assert table.index[table["chosen"]].tolist() == ["far"]
    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["chosen"] == "far"
    with use("fr"):
        assert not any("{" in reason for reason in found.reasons)
        ax = found.plot()
    assert {t.get_text() for t in ax.texts} == {"reference", "a", "b", "far"}
