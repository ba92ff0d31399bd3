"""A study, as a user writes it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import Input, Sequential, layers

from etalon import Fixed, HoldOut, KFold, MoreThanOneFactor, Study
from etalon.data.dataset import Dataset
from etalon.errors import DataError, ModelError, RecipeError, StoreError, StudyError
from etalon.study.store import Store
from etalon.workbench import default_store
from tests.conftest import stable_id

MakeStudy = Callable[..., Study]


def dense(neurons: int = 4) -> keras.Model:
    stack = [Input((8, 8, 1)), layers.Flatten(), layers.Dense(neurons, activation="relu")]
    return Sequential([*stack, layers.Dense(3, activation="softmax")])


@pytest.fixture
def make(blobs: Dataset, store_folder: Path) -> MakeStudy:
    """A study of the blobs, in a store of the test's own."""

    def study(title: Any = "A study", **settings: Any) -> Study:
        return Study(title, **{"data": blobs, "store": store_folder, "seeds": 2, "epochs": 1, **settings})

    return study


class TestDeclaring:
    """Decorators, and what they refuse."""

    def test_decorators_leave_the_functions_alone(self, make: MakeStudy) -> None:
        study = make()
        assert study.reference(dense) is dense
        assert study.variant(because="why", name="wide", neurons=9)(dense) is dense
        assert list(study.variants) == ["dense", "wide"]
        wide = study.variants["wide"]
        assert (wide.because, wide.arguments, wide.build) == ("why", {"neurons": 9}, dense)

    def test_a_variant_before_the_reference(self, make: MakeStudy) -> None:
        with pytest.raises(StudyError, match="variant 'dense': there is no reference yet"):
            make().variant()(dense)

    def test_a_second_reference(self, make: MakeStudy) -> None:
        study = make()
        study.reference(dense)
        with pytest.raises(StudyError, match="a second reference, 'dense': a study has one"):
            study.reference(dense)

    def test_two_variants_of_one_name(self, make: MakeStudy) -> None:
        study = make()
        study.reference(dense)
        with pytest.raises(StudyError, match=r"a second variant called 'dense': .*name=\.\.\."):
            study.variant(neurons=3)(dense)

    def test_no_reference(self, make: MakeStudy) -> None:
        with pytest.raises(StudyError, match="a study without a reference: there is nothing to train"):
            make().run()

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ({"epoch": 3}, "epoch given to a study: neither an argument of Study nor a setting of the recipe"),
            ({"from_logits": True}, "from_logits given to a study"),
            ({"seeds": 0}, "seeds=0: there must be one at least, each once"),
            ({"seeds": -1}, "seeds=-1: there must be one at least"),
            ({"seeds": [1, 2, 1]}, r"seeds=\[1, 2, 1\]: there must be one at least, each once"),
            ({"seeds": [-1]}, r"seeds=\[-1\]: .* from 0 to 2"),
            ({"seeds": "5"}, "seeds='5': seeds are whole numbers"),
            ({"seeds": 2.5}, r"seeds=2\.5: seeds are whole numbers"),
            ({"rope": 2}, "rope=2: it is a difference of accuracy as a fraction"),
            ({"seeds": None, "split": HoldOut(), "folds": 3}, "split and folds: they say different things"),
            ({"validation": 0.3, "split": Fixed()}, "validation and split: they say different things"),
            ({"folds": 3}, "seeds and folds: each fold takes the place of a seed"),
        ],
        ids=stable_id,
    )
    def test_settings_that_are_refused(self, make: MakeStudy, settings: dict[str, Any], message: str) -> None:
        with pytest.raises(StudyError, match=message):
            make(**settings)

    @pytest.mark.parametrize(
        "settings", [{"validation": 1.5}, {"validation": 0}, {"seeds": None, "folds": 1}], ids=stable_id
    )
    def test_splits_without_meaning(self, make: MakeStudy, settings: dict[str, Any]) -> None:
        with pytest.raises(DataError):
            make(**settings)

    @pytest.mark.parametrize("data", ["no_such_set", "/no/such/folder", 3, (np.zeros(3), np.zeros(3))], ids=stable_id)
    def test_data_that_cannot_be_loaded(self, make: MakeStudy, data: Any) -> None:
        study = make(data=data)
        study.reference(dense)
        with pytest.raises(DataError):
            study.run()

    @pytest.mark.parametrize(
        ("settings", "seeds", "split"),
        [
            ({}, (0, 1), HoldOut(0.2)),
            ({"seeds": None}, (0, 1, 2, 3, 4), HoldOut(0.2)),
            ({"seeds": np.int64(3)}, (0, 1, 2), HoldOut(0.2)),
            ({"seeds": [7, np.int64(3)]}, (7, 3), HoldOut(0.2)),
            ({"validation": 0.3}, (0, 1), HoldOut(0.3)),
            ({"split": Fixed(0.1)}, (0, 1), Fixed(0.1)),
            ({"seeds": None, "folds": 3}, (0, 1, 2), KFold(3)),
            ({"seeds": None, "split": KFold(4)}, (0, 1, 2, 3), KFold(4)),
        ],
        ids=stable_id,
    )
    def test_seeds_and_splits(self, make: MakeStudy, settings: dict[str, Any], seeds: Any, split: Any) -> None:
        study = make(**settings)
        assert (study.seeds, study.split) == (seeds, split)
        assert {type(seed) for seed in study.seeds} == {int}


class TestMistakes:
    """In the functions that make models: the variant is named, and the line."""

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            (lambda: layers.Flaten(), r"its function: AttributeError at line \d+ of test_workbench\.py: .*'Flaten'"),  # type: ignore[attr-defined]
            (lambda: dense().compile(optimizer="adamm"), r"its function: ValueError at line \d+ of test_.*: .*adamm"),
            (lambda: dense().fit(np.zeros((9, 8, 8, 1)), np.zeros(9)), r"its function: \w+ at line .*Étalon trains it"),
            (lambda: None, "None instead of a model"),
            (lambda: Sequential([Input((8, 8, 1)), layers.Flatten(), layers.Dense(2)]), "a model with 2 outputs"),
        ],
        ids=["a name", "an optimizer", "fit", "nothing", "outputs"],
    )
    def test_of_a_variant(self, make: MakeStudy, wrong: Callable[[], Any], message: str) -> None:
        study = make()
        study.reference(dense)
        study.variant(name="wrong")(wrong)
        with pytest.raises(ModelError, match=f"^in variant 'wrong', {message}") as caught:
            _ = study.plan
        assert (caught.value.__cause__ is None) == ("its function" not in message)

    def test_of_its_settings(self, make: MakeStudy) -> None:
        study = make(learning_rate=-1.0)
        study.reference(dense)
        with pytest.raises(RecipeError, match=r"^in variant 'dense', learning_rate=-1\.0: a learning rate must be pos"):
            _ = study.plan

    def test_a_variant_that_changes_nothing(self, make: MakeStudy) -> None:
        study = make()
        study.reference(dense)
        study.variant(name="same")(dense)
        with pytest.raises(MoreThanOneFactor, match="'same' is the same as the reference: same trainings, same res"):
            _ = study.plan

    def test_a_variant_whose_first_weights_alone_differ_is_not_taken_for_the_same(self, make: MakeStudy) -> None:
        def learnt() -> keras.Model:
            model = dense()
            model.set_weights([np.full_like(weight, 0.25) for weight in model.get_weights()])
            return model

        study = make()
        study.reference(dense)
        study.variant()(learnt)
        assert len(set(study.plan.keys.values())) == 4


class TestCopies:
    """`with_`: the same study, of other things."""

    def test_what_changes_and_what_stays(self, make: MakeStudy) -> None:
        study = make({"fr": "Étude", "en": "Study"}, context="why", batch_size=20)
        study.reference(dense)
        other = study.with_(seeds=3, epochs=4, rope=0.01)
        assert (other.title, other.context, other.store) == (study.title, study.context, study.store)
        assert (other.seeds, other.rope, other.settings) == ((0, 1, 2), 0.01, {"epochs": 4, "batch_size": 20})
        assert (study.seeds, study.rope, study.settings) == ((0, 1), 0.002, {"epochs": 1, "batch_size": 20})
        assert list(other.variants) == ["dense"]
        other.variant(neurons=9, name="wide")(dense)
        assert list(study.variants) == ["dense"]

    @pytest.mark.parametrize(
        ("first", "second", "seeds", "split"),
        [
            ({"validation": 0.3}, {}, (0, 1), HoldOut(0.3)),
            ({"validation": 0.3}, {"validation": 0.4}, (0, 1), HoldOut(0.4)),
            ({}, {"folds": 3}, (0, 1, 2), KFold(3)),
            ({"seeds": None, "folds": 3}, {"seeds": 4, "validation": 0.4}, (0, 1, 2, 3), HoldOut(0.4)),
            ({"seeds": None, "folds": 3}, {"split": Fixed()}, (0, 1, 2, 3, 4), Fixed()),
            ({"split": Fixed()}, {"title": "Another"}, (0, 1), Fixed()),
        ],
        ids=stable_id,
    )
    def test_splits(self, make: MakeStudy, first: Any, second: Any, seeds: Any, split: Any) -> None:
        other = make(**first).with_(**second)
        assert (other.seeds, other.split) == (seeds, split)

    def test_seeds_for_a_study_of_folds(self, make: MakeStudy) -> None:
        with pytest.raises(StudyError, match="seeds and folds"):
            make(seeds=None, folds=3).with_(seeds=4)


class TestRunning:
    """What is trained, and what is at hand."""

    def test_a_variant_declared_later_is_all_that_is_trained(self, make: MakeStudy) -> None:
        study = make()
        study.reference(dense)
        assert study.run(workers=0, progress=False).tally.trained == 2
        study.variant(neurons=9, name="wide")(dense)
        result = study.run(workers=0, progress=False)
        assert (result.tally.trained, result.tally.cached, len(result)) == (2, 2, 2)

    def test_result_trains_nothing(self, make: MakeStudy) -> None:
        study = make()
        study.reference(dense)
        with pytest.raises(StoreError, match=r"store: there is no store there\. Run a study first"):
            study.result()
        assert not study.folder.exists()
        Store(study.folder)
        with pytest.raises(StudyError, match=r"2 trials of 2 missing in .*store: .*Run the study first"):
            study.result()
        study.run(workers=0, progress=False)
        assert vars(study.result().tally) == {"trained": 0, "cached": 2, "failed": 0}

    def test_result_does_not_ask_for_what_breaks_down(self, make: MakeStudy) -> None:
        study = make()
        study.reference(dense)
        failing = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: 1 / epoch)
        study.variant(name="failing", callbacks=[failing])(dense)
        study.run(workers=0, progress=False)
        assert vars(study.result().tally) == {"trained": 0, "cached": 2, "failed": 2}

    def test_progress_is_shown_unless_not_wanted(self, make: MakeStudy, capsys: pytest.CaptureFixture[str]) -> None:
        study = make()
        study.reference(dense)
        study.run(workers=0, progress=False)
        assert capsys.readouterr() == ("", "")
        study.with_(seeds=3).run(workers=0)
        out, err = capsys.readouterr()
        assert (out, err.startswith("[1/1] dense, seed 2: validation accuracy")) == ("", True)

    @pytest.mark.parametrize("settings", [{"seeds": None, "folds": 3}, {"split": Fixed(0.25)}], ids=stable_id)
    def test_other_splits(self, make: MakeStudy, settings: dict[str, Any], blobs: Dataset) -> None:
        study = make(**settings)
        study.reference(dense)
        study.variant(neurons=9, name="wide")(dense)
        result = study.run(workers=0, progress=False)
        indices = [run.validation_index for run in result.reference.runs]
        if "folds" in settings:
            assert sorted(np.concatenate(indices)) == list(range(len(blobs.train)))
        else:
            assert all(np.array_equal(index, np.arange(225, 300)) for index in indices)
        assert set(result.frame()["verdict"].dropna()) <= {"better", "worse", "equivalent", "undecided"}

    def test_default_store(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        assert default_store() == Path("etalon-store")
        monkeypatch.setenv("ETALON_STORE", str(tmp_path / "mine"))
        assert default_store() == tmp_path / "mine"
