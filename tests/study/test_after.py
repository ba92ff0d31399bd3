"""A variant of a variant: what it changes is told from there, and compared from there."""

import warnings
from pathlib import Path

import pytest
from keras import Input, Sequential, layers

import etalon
from etalon.data.dataset import Dataset
from etalon.errors import StudyError
from etalon.locales import use
from etalon.study.variant import MoreThanOneFactor
from etalon.workbench import Study


def network(units=8, dropout=0.0):
    dropped = [layers.Dropout(dropout)] if dropout else []
    body = [layers.Flatten(), layers.Dense(units, activation="relu"), *dropped]
    return Sequential([Input((8, 8, 1)), *body, layers.Dense(3, activation="softmax")])


@pytest.fixture
def study(blobs: Dataset, tmp_path: Path) -> Study:
    """A reference, a variant, a variant of that variant."""
    made = etalon.Study("steps", data=blobs, seeds=2, epochs=1, store=tmp_path / "store")
    made.reference(network)
    made.variant("wider", name="wide", units=16)(network)
    made.variant("wider, and dropout", name="dropped", after="wide", units=16, dropout=0.5)(network)
    return made


def warned(study: Study) -> list[str]:
    """What is said of the factors when the plan is made."""
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", MoreThanOneFactor)
        _ = study.plan
    return [str(warning.message) for warning in heard]


def test_factors_are_those_of_the_step(study: Study) -> None:
    assert warned(study) == []
    reference, wide, dropped = study.plan.candidates
    assert (reference.after, wide.after, dropped.after) == ("", "network", "wide")
    assert [factor.name for factor in dropped.factors] == ["dropout"]


def test_the_step_does_not_change_what_is_trained(study: Study) -> None:
    alone = study.with_()
    alone.variants = {name: v for name, v in study.variants.items() if name != "wide"}
    (told,) = warned(alone)
    assert "differs from the reference in 2 things" in told
    dropped = alone.plan.candidates[-1]
    assert dropped.after == "network"  # the one that it came after is not there
    assert alone.plan.keys["dropped", 0] == study.plan.keys["dropped", 0]


def test_several_things_at_once_are_told_from_there(study: Study) -> None:
    study.variant(name="both", after="wide", units=32, dropout=0.5)(network)
    (told,) = warned(study)
    assert told.startswith("variant 'both' differs from 'wide' in 2 things (")


def test_the_same_again_is_told_from_there(study: Study) -> None:
    study.variant(name="again", after="wide", units=16)(network)
    (told,) = warned(study)
    assert told.startswith("variant 'again' is the same as 'wide'")


def test_what_is_not_declared_yet(study: Study) -> None:
    with pytest.raises(StudyError, match=r"after='later'.*There are network, wide, dropped"):
        study.variant(after="later")(network)


def test_each_is_compared_with_the_one_before(study: Study) -> None:
    result = study.run(workers=0, progress=False)
    steps = result.verdicts(pairs="steps")
    assert [v.variant for v in steps.items] == ["wide", "dropped"]
    before, after = (result[name].accuracy.mean() for name in ("wide", "dropped"))
    assert steps["dropped"].difference == pytest.approx(after - before)
    assert result.verdicts()["dropped"].difference == pytest.approx(after - result.reference.accuracy.mean())


def test_the_report_says_from_which(study: Study, tmp_path: Path) -> None:
    result = study.run(workers=0, progress=False)
    with use("en"):
        page = result.report(tmp_path / "report.html").read_text()
        told, sentences = str(result), str(result.findings())
    assert "the one that it comes after" in page
    assert "from <code>wide</code>: " in page
    assert "Variants compared with the one that they come after; p adjusted by Holm (steps judged together: 2)" in page
    assert "Compared with <code>wide</code>: <code>dropped</code> is " in page
    assert "Compared with <code>network</code>: " not in page
    assert "dropped compared with wide, in points: " in told
    assert "wide compared with network" not in told
    assert "Compared with wide: dropped is " in sentences


def test_a_study_whose_variants_all_start_from_the_reference_has_no_steps_to_tell(study: Study) -> None:
    study.variants = {name: variant for name, variant in study.variants.items() if name != "dropped"}
    result = study.run(workers=0, progress=False)
    assert result.evidence.steps is None
    with use("en"):
        assert "compared with" not in str(result)
