"""Which trials a study is made of, under which keys, and which of them are trained."""

import shutil
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch
from keras.callbacks import CSVLogger, LambdaCallback, LearningRateScheduler
from small_studies import dense, small_plan

from etalon.data.dataset import Dataset
from etalon.data.splits import Fixed, HoldOut, KFold
from etalon.errors import ModelError, RecipeError, StudyError
from etalon.models.lower import TorchNetwork
from etalon.study.executors import Event
from etalon.study.plan import Plan, Tally
from etalon.study.store import Store
from etalon.study.variant import MoreThanOneFactor, Variant
from etalon.train import loop
from tests.conftest import stable_id

MakePlan = Callable[..., Plan]


def silent(event: Event) -> None:
    """Nobody looks."""


def key(plan: Plan) -> str:
    """That of the first trial."""
    return next(iter(plan.keys.values()))


def other_function(neurons: int = 6, dropout: float = 0.0) -> keras.Model:
    model = dense(neurons, dropout)
    model.name = "another_name"
    return model


def loaded(value: float) -> Callable[[], keras.Model]:
    """A builder whose model begins with weights from elsewhere."""

    def build() -> keras.Model:
        model = dense()
        model.set_weights([np.full_like(weight, value) for weight in model.get_weights()])
        return model

    return build


def scheduler(factor: float) -> Any:
    return LearningRateScheduler(lambda epoch: 0.01 * factor**epoch)


class Watcher(keras.callbacks.Callback):  # type: ignore[misc]
    """A user's own."""


def module(bias: bool = True) -> torch.nn.Module:
    flat = torch.nn.Linear(64, 5, bias=bias)
    return torch.nn.Sequential(torch.nn.Flatten(), flat, torch.nn.BatchNorm1d(5), torch.nn.Linear(5, 3))


class TestKeys:
    """A key is the digest of all that decides a result, and of nothing else."""

    def test_two_builds_have_one_key(self, make_plan: MakePlan) -> None:
        assert make_plan({"reference": {}}).keys == make_plan({"reference": {}}).keys

    @pytest.mark.parametrize(
        "change",
        [{"because": "why not"}, {"build": other_function}, {"learning_rate": 0.001}, {"optimizer": "adam"}],
        ids=stable_id,
    )
    def test_what_changes_nothing(self, make_plan: MakePlan, change: dict[str, Any]) -> None:
        assert key(make_plan({"reference": change})) == key(make_plan({"reference": {}}))

    def test_nor_do_names_titles_and_places(self, make_plan: MakePlan, blobs: Dataset, tmp_path: Path) -> None:
        expected = key(make_plan({"reference": {}}))
        assert key(make_plan({"renamed": {}})) == expected
        assert key(make_plan({"reference": {}}, title="Another")) == expected
        assert (
            key(small_plan(replace(blobs, name="renamed"), Store(tmp_path / "elsewhere"), {"reference": {}}))
            == expected
        )

    @pytest.mark.parametrize(
        "change",
        [
            {"neurons": 7},
            {"dropout": 0.1},
            {"build": loaded(0.1)},
            {"build": loaded(0.2)},
            {"build": module},
            {"build": lambda: module(bias=False)},
            {"epochs": 3},
            {"batch_size": 20},
            {"learning_rate": 0.002},
            {"optimizer": "sgd"},
            {"optimizer": keras.optimizers.Adam(epsilon=1e-3)},
            {"loss": "mean_squared_error"},
            {"schedule": "cosine"},
            {"scale": None},
            {"augmentation": [{"kind": "flip"}]},
            {"class_weight": "balanced"},
            {"class_weight": {0: 2.0}},
            {"early_stopping": 2},
            {"callbacks": [scheduler(0.5)]},
            {"callbacks": [scheduler(0.25)]},
            {"callbacks": [Watcher()]},
            {"precision": "bfloat16"},
        ],
        ids=stable_id,
    )
    def test_what_changes_it(self, make_plan: MakePlan, change: dict[str, Any], seen: set[str]) -> None:
        assert key(make_plan({"reference": {}})) != key(make_plan({"reference": change}))
        assert key(make_plan({"reference": change})) == key(make_plan({"reference": change}))
        assert key(make_plan({"reference": change})) not in seen
        seen.add(key(make_plan({"reference": change})))

    @pytest.fixture(scope="class")
    @classmethod
    def seen(cls) -> set[str]:
        """Every key met so far: no two of them are the same."""
        return set()

    def test_data_split_and_seed_change_it(self, make_plan: MakePlan, blobs: Dataset, tmp_path: Path) -> None:
        expected = key(make_plan({"reference": {}}))
        plans = [make_plan({"reference": {}}, split=split) for split in (HoldOut(0.3), HoldOut(0.2, False), Fixed(0.2))]
        plans += [make_plan({"reference": {}}, split=KFold(3)), make_plan({"reference": {}}, seeds=(1,))]
        plans += [small_plan(blobs.take(test=60), Store(tmp_path / "other"), {"reference": {}})]
        keys = [key(plan) for plan in plans]
        assert len({expected, *keys}) == 1 + len(plans)

    def test_every_variant_advances_together(self, make_plan: MakePlan) -> None:
        plan = make_plan({"reference": {}, "wider": {"neurons": 9}}, seeds=(4, 2))
        assert list(plan.keys) == [("reference", 4), ("wider", 4), ("reference", 2), ("wider", 2)]


class TestExecution:
    """Only what is missing is trained."""

    def test_a_variant_more_is_all_that_is_trained(self, make_plan: MakePlan) -> None:
        first = make_plan({"reference": {}, "wider": {"neurons": 9}}, seeds=(0, 1))
        assert first.missing() == [("reference", 0), ("wider", 0), ("reference", 1), ("wider", 1)]
        assert first.execute(0, silent) == Tally(trained=4, cached=0, failed=0)
        assert first.missing() == []
        second = make_plan({"reference": {}, "dropping": {"dropout": 0.5}, "wider": {"neurons": 9}}, seeds=(0, 1))
        assert second.missing() == [("dropping", 0), ("dropping", 1)]
        assert second.execute(0, silent) == Tally(trained=2, cached=4, failed=0)
        assert second.execute(0, silent) == Tally(trained=0, cached=6, failed=0)
        assert {name: len(runs) for name, runs in second.runs().items()} == {"reference": 2, "dropping": 2, "wider": 2}

    def test_one_variant_changed_renamed_or_moved(self, make_plan: MakePlan) -> None:
        variants: dict[str, dict[str, Any]] = {"reference": {}, "wider": {"neurons": 9}, "longer": {"epochs": 3}}
        make_plan(variants).execute(0, silent)
        assert make_plan({**variants, "wider": {"neurons": 10}}).missing() == [("wider", 0)]
        assert make_plan({**variants, "longer": {"epochs": 4, "because": "it falls"}}).missing() == [("longer", 0)]
        assert make_plan({"base": {}, "broad": {"neurons": 9}, "longer": {"epochs": 3}}).missing() == []
        assert make_plan({"reference": {}, "longer": {"epochs": 3}, "wider": {"neurons": 9}}).missing() == []
        assert make_plan({"wider": {"neurons": 9}, "reference": {}}).missing() == []
        assert make_plan({"reference": {}, "longer": {"epochs": 3}}).missing() == []

    def test_a_seed_more(self, make_plan: MakePlan) -> None:
        make_plan({"reference": {}}, seeds=(0, 1)).execute(0, silent)
        assert make_plan({"reference": {}}, seeds=(2, 1, 0)).missing() == [("reference", 2)]

    @pytest.mark.filterwarnings("ignore::etalon.MoreThanOneFactor")
    def test_two_variants_alike_share_their_trials(self, make_plan: MakePlan) -> None:
        plan = make_plan({"reference": {}, "same": {}})
        assert plan.execute(0, silent) == Tally(trained=1, cached=0, failed=0)
        reference, same = plan.runs()["reference"][0], plan.runs()["same"][0]
        np.testing.assert_array_equal(reference.test_logits, same.test_logits)

    def test_what_fails_is_tried_again_and_what_diverges_is_not(self, make_plan: MakePlan, tmp_path: Path) -> None:
        flag = str(tmp_path / "mended")

        def fail(epoch: int, logs: Any) -> None:
            open(flag).close()

        variants: dict[str, dict[str, Any]] = {
            "reference": {},
            "diverging": {"learning_rate": 1e30},
            "failing": {"callbacks": [LambdaCallback(on_epoch_end=fail)]},
        }
        plan = make_plan(variants)
        assert plan.execute(0, silent) == Tally(trained=1, cached=0, failed=2)
        assert {place: record.status for place, record in plan.failures().items()} == {
            ("diverging", 0): "diverged",
            ("failing", 0): "failed",
        }
        assert (plan.failures()["failing", 0].error or "").startswith("FileNotFoundError at line ")
        assert {name: len(runs) for name, runs in plan.runs().items()} == {"reference": 1, "diverging": 0, "failing": 0}
        assert plan.execute(0, silent) == Tally(trained=0, cached=1, failed=2)
        Path(flag).touch()
        assert plan.execute(0, silent) == Tally(trained=1, cached=1, failed=1)

    def test_a_run_deleted_is_trained_again(self, make_plan: MakePlan) -> None:
        plan = make_plan({"reference": {}}, seeds=(0, 1))
        plan.execute(0, silent)
        before = plan.store.load(plan.keys["reference", 1])
        shutil.rmtree(plan.store.folder / "runs" / before.key)
        assert plan.execute(0, silent) == Tally(trained=1, cached=1, failed=0)
        np.testing.assert_array_equal(plan.store.load(before.key).test_logits, before.test_logits)

    def test_callbacks_of_the_study_and_of_a_variant(self, make_plan: MakePlan) -> None:
        """Each trial has its own files, although the objects are the same."""
        variants: dict[str, dict[str, Any]] = {"reference": {}, "wider": {"neurons": 9}}
        plan = make_plan(variants, seeds=(0, 1), callbacks=[CSVLogger("logs/epochs.csv")])
        plan.execute(0, silent)
        for trial_key in plan.keys.values():
            lines = (plan.store.folder / "runs" / trial_key / "files" / "logs" / "epochs.csv").read_text().splitlines()
            losses = [float(line.split(",")[2]) for line in lines[1:]]
            assert losses == list(plan.store.load(trial_key).history["loss"])
        assert plan.candidates[0].callbacks[0].filename == "logs/epochs.csv"


class TestPairing:
    """One seed: the same start, the same images in the same order, for all variants."""

    def test_initial_weights(self, make_plan: MakePlan) -> None:
        variants: dict[str, dict[str, Any]] = {
            "reference": {},
            "dropping": {"dropout": 0.5},
            "slower": {"learning_rate": 1e-4},
            "wider": {"neurons": 9},
        }
        starts = {c.name: c.network(7).weights() for c in make_plan(variants).candidates}
        for name in ("dropping", "slower"):
            for ours, theirs in zip(starts[name].values(), starts["reference"].values(), strict=True):
                np.testing.assert_array_equal(ours, theirs)
        assert [w.shape for w in starts["wider"].values()] != [w.shape for w in starts["reference"].values()]
        another = make_plan(variants).candidates[0].network(8).weights()
        assert not np.array_equal(next(iter(another.values())), next(iter(starts["reference"].values())))

    def test_initial_weights_of_modules(self, make_plan: MakePlan) -> None:
        plan = make_plan({"reference": {"build": module}, "slower": {"build": module, "learning_rate": 1e-4}})
        first, second = (c.network(3) for c in plan.candidates)
        assert isinstance(first, TorchNetwork)
        assert all(np.array_equal(second.weights()[name], w) for name, w in first.weights().items())
        assert not np.array_equal(plan.candidates[0].network(4).weights()["1.weight"], first.weights()["1.weight"])

    def test_the_callers_randomness_is_left_alone(self, make_plan: MakePlan) -> None:
        plan = make_plan({"reference": {"build": module}})
        torch.manual_seed(1)
        expected = torch.rand(3)
        torch.manual_seed(1)
        plan.candidates[0].network(3)
        assert torch.equal(torch.rand(3), expected)

    def test_splits_and_batches(self, make_plan: MakePlan, monkeypatch: pytest.MonkeyPatch) -> None:
        heard: dict[int, list[np.ndarray]] = {}
        original = loop._batches

        def listening(recipe: Any, sample: Any, seed: int, epoch: int) -> Iterator[np.ndarray]:
            for batch in original(recipe, sample, seed, epoch):
                heard.setdefault(len(finished), []).append(batch)
                yield batch

        finished: list[Event] = []
        monkeypatch.setattr(loop, "_batches", listening)
        plan = make_plan({"reference": {}, "dropping": {"dropout": 0.5}, "smaller": {"batch_size": 30}}, seeds=(0, 1))
        plan.execute(0, lambda event: finished.append(event) if event.last else None)
        reference, dropping, smaller, other_seed = (heard[i] for i in (0, 1, 2, 3))
        assert all(np.array_equal(ours, theirs) for ours, theirs in zip(dropping, reference, strict=True))
        np.testing.assert_array_equal(np.concatenate(smaller), np.concatenate(reference))
        assert not np.array_equal(np.concatenate(other_seed), np.concatenate(reference))
        splits = {place: plan.store.load(k).validation_index for place, k in plan.keys.items()}
        for (name, seed), index in splits.items():
            np.testing.assert_array_equal(index, splits["reference", seed], err_msg=name)
        assert not np.array_equal(splits["reference", 0], splits["reference", 1])

    @pytest.mark.filterwarnings("ignore::etalon.MoreThanOneFactor")
    def test_two_recipes_that_train_alike_end_alike(self, make_plan: MakePlan) -> None:
        plan = make_plan({"reference": {}, "watched": {"gradient_norms": True}})
        assert plan.keys["reference", 0] != plan.keys["watched", 0]
        plan.execute(0, silent)
        reference, watched = (plan.runs()[name][0] for name in ("reference", "watched"))
        np.testing.assert_array_equal(reference.test_logits, watched.test_logits)

    def test_test_curves_change_the_record_and_nothing_else(self, make_plan: MakePlan) -> None:
        settings = {"epochs": 3, "precision": "float32"}
        plan = make_plan({"reference": {}}, **settings)
        watched = make_plan({"reference": {"test_curves": True}}, **settings)
        assert plan.keys["reference", 0] != watched.keys["reference", 0]  # what is stored differs
        assert "test_curves" not in plan.candidates[0].recipe.to_json()  # and the other keys are what they were
        heard: list[Event] = []
        plan.execute(0, silent)
        watched.execute(0, heard.append)
        before, after = plan.runs()["reference"][0], watched.runs()["reference"][0]
        for name, array in before.arrays().items():
            np.testing.assert_array_equal(array, after.arrays()[name])
        assert before.test_curves is None
        assert after.test_curves is not None
        assert after.test_curves.shape == (3, 2)
        labels = watched.dataset.test.y
        assert after.test_curves[-1, 1] == np.mean(after.test_logits.argmax(1) == labels)
        assert before.history.keys() == after.history.keys()
        assert not any("test" in figure for event in heard for figure in event.logs or ())


def warned(make_plan: MakePlan, variants: dict[str, dict[str, Any]]) -> tuple[Plan, list[str]]:
    """A plan, and what was said of its factors."""
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", MoreThanOneFactor)
        plan = make_plan(variants)
    return plan, [str(warning.message) for warning in heard]


class TestVariants:
    """What is refused, and what is warned of, before anything is trained."""

    def test_no_warning_for_one_factor(self, make_plan: MakePlan) -> None:
        plan = make_plan({"reference": {}, "wider": {"neurons": 9}})
        assert [len(c.factors) for c in plan.candidates] == [0, 1]

    def test_two_factors(self, make_plan: MakePlan) -> None:
        plan, told = warned(make_plan, {"reference": {}, "both": {"neurons": 9, "learning_rate": 0.01}})
        assert len(plan.candidates[1].factors) == 2
        found = "; ".join(factor.sentence() for factor in plan.candidates[1].factors)
        assert told == [f"variant 'both' differs from the reference in 2 things ({found})"]

    def test_no_factor(self, make_plan: MakePlan) -> None:
        _, told = warned(make_plan, {"reference": {}, "same": {}})
        why = "same trainings, same results; remove or change it"
        assert told == [f"variant 'same' is the same as the reference: {why}"]

    def test_keywords_are_sorted(self) -> None:
        variant = Variant.of(dense, "why", {"neurons": 3, "epochs": 2, "dropout": 0.1}, "")
        assert (variant.name, variant.because) == ("dense", "why")
        assert (variant.arguments, variant.settings) == ({"neurons": 3, "dropout": 0.1}, {"epochs": 2})
        assert variant.source.startswith("def dense(")
        assert Variant.of(eval("lambda: None"), "", {}).source == ""

    def test_an_unknown_keyword(self) -> None:
        with pytest.raises(
            StudyError,
            match=r"neuronz given to variant 'dense': neither .* Arguments: dropout, neurons; settings: au",
        ):
            Variant.of(dense, "", {"neuronz": 3})

    def test_a_missing_argument(self) -> None:
        def needy(neurons: int) -> Any:
            return dense(neurons)

        with pytest.raises(StudyError, match=r"variant 'needy': missing a required argument: 'neurons'.*a default"):
            Variant.of(needy, "", {"epochs": 3})

    def test_a_model_that_does_not_fit(self, make_plan: MakePlan) -> None:
        with pytest.raises(ModelError, match=r"64 outputs.*3 classes"):
            make_plan(
                {"reference": {"build": lambda: keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()])}}
            )

    def test_a_setting_without_meaning(self, make_plan: MakePlan) -> None:
        with pytest.raises(RecipeError, match=r"in variant 'reference', epochs=0: at least 1 is needed"):
            make_plan({"reference": {"epochs": 0}})

    def test_weights_of_a_variant(self, make_plan: MakePlan) -> None:
        assert make_plan({"reference": {"neurons": 5}}).candidates[0].weights.total == 64 * 5 + 5 + 5 * 3 + 3
