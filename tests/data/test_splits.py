import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold, StratifiedShuffleSplit

from etalon.data.splits import Fixed, HoldOut, KFold, Split, divide
from etalon.errors import DataError

Y = np.random.default_rng(0).choice(4, 503, p=[0.5, 0.3, 0.15, 0.05]).astype(np.int64)


def counts(y: NDArray[np.int64], index: NDArray[np.int64]) -> list[int]:
    return [int(n) for n in np.bincount(y[index], minlength=4)]


@pytest.mark.parametrize("split", [HoldOut(), HoldOut(0.33, stratified=False), Fixed(0.25), KFold(5)])
def test_a_division_is_sorted_disjoint_complete_and_repeatable(split: Split) -> None:
    learn, validate = divide(split, Y, 3)
    assert learn.dtype == validate.dtype == np.int64
    assert (np.diff(learn) > 0).all()
    assert (np.diff(validate) > 0).all()
    assert sorted([*learn, *validate]) == list(range(len(Y)))
    again = divide(split, Y, 3)
    np.testing.assert_array_equal(validate, again[1])


@pytest.mark.parametrize("fraction", [0.1, 0.2, 0.37])
def test_hold_out_has_sklearns_counts(fraction: float) -> None:
    splitter = StratifiedShuffleSplit(1, test_size=fraction, random_state=7)
    oracle_learn, oracle_validate = next(splitter.split(np.zeros(len(Y)), Y))
    learn, validate = divide(HoldOut(fraction), Y, 7)
    assert counts(Y, learn) == counts(Y, oracle_learn)
    assert counts(Y, validate) == counts(Y, oracle_validate)


def test_each_seed_holds_out_other_images() -> None:
    for split in (HoldOut(), HoldOut(stratified=False)):
        held = {tuple(divide(split, Y, seed)[1]) for seed in range(5)}
        assert len(held) == 5


def test_folds_cover_everything_once_with_sklearns_counts() -> None:
    oracle = StratifiedKFold(5, shuffle=True, random_state=0).split(np.zeros(len(Y)), Y)
    folds = [divide(KFold(5), Y, seed)[1] for seed in range(5)]
    assert sorted(np.concatenate(folds)) == list(range(len(Y)))
    assert [counts(Y, fold) for fold in folds] == [counts(Y, fold) for _learn, fold in oracle]


@pytest.mark.parametrize(("n", "fraction", "at"), [(503, 0.2, 402), (60000, 0.1, 54000), (1000, 0.15, 850)])
def test_fixed_takes_the_last_as_keras_does(n: int, fraction: float, at: int) -> None:
    from keras.src.trainers.data_adapters.array_slicing import train_validation_split

    y = np.arange(n) % 2
    (oracle,), (held,) = train_validation_split((y,), fraction)
    learn, validate = divide(Fixed(fraction), y, 0)
    assert (len(learn), len(validate)) == (len(oracle), len(held)) == (at, n - at)
    np.testing.assert_array_equal(validate, np.arange(at, n))
    np.testing.assert_array_equal(divide(Fixed(fraction), y, 1)[1], validate)


@pytest.mark.parametrize(
    ("split", "y", "seed", "why"),
    [
        (HoldOut(), [0] * 20 + [1], 0, "at least 2 images of each class"),
        (HoldOut(0.1), [0, 0, 1, 1, 2, 2], 0, "at least one image of each class"),
        (HoldOut(0.2), [0] * 50 + [1] * 2, 0, "no image to validate on"),
        (KFold(5), [0] * 20 + [1] * 4, 0, "at least 5 images of each class"),
        (KFold(5), [0] * 20 + [1] * 20, 5, "numbered 0 to 4"),
        (Fixed(0.5), [0] * 10 + [1] * 10, 0, "class 1 with no image to learn from"),
        (Fixed(0.01), [0, 1, 0, 1], 0, None),
    ],
)
def test_refusals(split: Split, y: list[int], seed: int, why: str | None) -> None:
    if why is None:
        assert len(divide(split, np.array(y), seed)[1]) == 1
        return
    with pytest.raises(DataError, match=why):
        divide(split, np.array(y), seed)


@pytest.mark.parametrize("fraction", [0, 1, -0.2, 1.5])
def test_a_share_is_between_0_and_1(fraction: float) -> None:
    with pytest.raises(DataError, match="between 0 and 1"):
        HoldOut(fraction)
    with pytest.raises(DataError, match="between 0 and 1"):
        Fixed(fraction)


def test_one_fold_is_none() -> None:
    with pytest.raises(DataError, match="at least two folds"):
        KFold(1)
