"""What to do if the classes were unbalanced: the three remedies, on a copy that was unbalanced on purpose."""

import math

import numpy as np
import pytest
from keras import Input, Sequential, layers

from etalon import Result, Study
from etalon.analysis.balance import balanced_accuracy
from etalon.data.dataset import Dataset
from etalon.data.splits import HoldOut, divide
from etalon.train.loop import Sample, _batches

FACTOR, BATCH = 30, 32
RARE = [7, 8, 9]


@pytest.fixture(scope="module")
def few(digits: Dataset) -> Dataset:
    return digits.unbalanced(FACTOR)


@pytest.fixture(scope="module")
def result(few: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Result:
    folder = tmp_path_factory.mktemp("unbalanced")
    study = Study("Few nines", data=few, seeds=3, epochs=6, batch_size=BATCH, store=folder, precision="float32")

    @study.reference
    def dense() -> Sequential:
        return Sequential([Input((28, 28, 1)), layers.Flatten(), layers.Dense(10, activation="softmax")])

    study.variant(because="rare classes weigh little in the loss", name="weighted", class_weight="balanced")(dense)
    study.variant(because="rare classes are seldom seen", name="resampled", resample="balanced")(dense)
    return study.run(workers=0, progress=False)


def test_the_copy_is_unbalanced_and_the_table_says_so(few: Dataset, result: Result) -> None:
    counts = few.counts("train")
    assert counts.argmin() == 9
    assert counts.max() / counts.min() == pytest.approx(FACTOR, rel=0.15)
    assert result.audit().sizes.unbalanced
    assert "Balanced accuracy" in str(result)


def test_a_stratified_split_keeps_the_proportions(few: Dataset) -> None:
    for seed in range(3):
        learn, validate = divide(HoldOut(0.2), few.train.y, seed)
        for side, share in ((learn, 0.8), (validate, 0.2)):
            held = np.bincount(few.train.y[side], minlength=10)
            np.testing.assert_allclose(held, share * few.counts("train"), atol=1)


@pytest.mark.parametrize("remedy", ["weighted", "resampled"])
def test_a_remedy_finds_the_rare_classes_again(remedy: str, result: Result) -> None:
    """On the test part, which is balanced: more of the rare digits are recognised, and of all on average."""
    opened = result.test()
    reference, mended = opened.reference, opened[remedy]
    assert mended.candidate.factors[0].name in ("class_weight", "resample")
    assert mended.per_class().recall[:, RARE].mean() > reference.per_class().recall[:, RARE].mean() + 0.2
    assert (balanced_accuracy(mended.predictions) > balanced_accuracy(reference.predictions) + 0.1).all()
    assert opened.verdicts(metric="macro_f1")[remedy].verdict == "better"


def test_resampling_takes_as_many_updates(few: Dataset, result: Result) -> None:
    learn, validate = divide(HoldOut(0.2), few.train.y, 0)
    sample = Sample(few.train.x, few.train.y, learn, validate, 10)
    for outcome in result:
        batches = list(_batches(outcome.candidate.recipe, sample, 0, 0))
        assert len(batches) == math.ceil(len(learn) / BATCH)
        assert np.isin(np.concatenate(batches), learn).all()
