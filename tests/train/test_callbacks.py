"""Keras's callbacks do here what they do in Keras's own `fit`: same weights, same batches."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch
from keras import Input, Sequential, callbacks, layers
from keras.optimizers import schedules

from etalon.data.dataset import Dataset
from etalon.errors import ModelError, RecipeError, TrainingError
from etalon.models.lower import Network, lower, wrap
from etalon.train import loop
from etalon.train.callbacks import place_files
from etalon.train.loop import Sample, Trained, _batches, train
from etalon.train.predict import predict
from etalon.train.recipe import Recipe, keras_callbacks
from etalon.train.state import Snapshot

EPOCHS, SEED = 10, 4
METRICS = ("loss", "accuracy", "val_loss", "val_accuracy")
MakeCallbacks = Callable[[], Sequence[Any]]


@pytest.fixture(scope="module")
def sample(blobs: Dataset) -> Sample:
    """Few images, some of them with a wrong label, so that the network soon overfits."""
    rng, index = np.random.default_rng(2), np.arange(len(blobs.train))
    labels = np.where(rng.random(len(index)) < 0.25, rng.integers(0, 3, len(index)), blobs.train.y)
    return Sample(blobs.train.x, labels, index[:64], index[64:128], blobs.n_classes)


def bare() -> keras.Model:
    keras.utils.set_random_seed(1)
    stack = [Input((8, 8, 1)), layers.Flatten(), layers.Dense(16, activation="relu"), layers.Dense(3)]
    return Sequential([*stack, layers.Softmax()])


def model(rate: Any = 0.2) -> keras.Model:
    made = bare()
    made.compile(keras.optimizers.SGD(rate, momentum=0.9), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return made


@pytest.fixture(scope="module", autouse=True)
def _same_order_in_each_epoch() -> Iterator[None]:
    """As in Keras with `shuffle=False`."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(loop, "_batches", lambda recipe, sample, seed, epoch: _batches(recipe, sample, seed, 0))
        yield


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """As a trial is trained; several only get in each other's way on networks so small."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def keras_fit(make: MakeCallbacks, sample: Sample, rate: Any = 0.2) -> tuple[keras.Model, dict[str, list[float]]]:
    """What Keras itself does with these callbacks."""
    oracle = model(rate)
    recipe = Recipe.of(oracle, {"epochs": EPOCHS, "batch_size": 16})
    order = np.concatenate(list(_batches(recipe, sample, SEED, 0)))
    images = sample.images / np.float32(255)
    history = oracle.fit(
        images[order],
        sample.labels[order],
        batch_size=16,
        epochs=EPOCHS,
        shuffle=False,
        verbose=0,
        validation_data=(images[sample.validation], sample.labels[sample.validation]),
        callbacks=make(),
    )
    return oracle, history.history


def our_fit(make: MakeCallbacks, sample: Sample, rate: Any = 0.2, **options: Any) -> tuple[Network, Trained]:
    """What Étalon does with them."""
    given = {"epochs": EPOCHS, "batch_size": 16, "callbacks": make(), "precision": "float32"}
    recipe, network = Recipe.of(model(rate), given), lower(model(rate), (8, 8, 1))
    heard = options.pop("callbacks", keras_callbacks(given))
    return network, train(network, recipe, sample, SEED, callbacks=heard, **options)


def assert_same_training(make: MakeCallbacks, sample: Sample) -> Trained:
    """Ours goes as Keras's own, to the last weight."""
    oracle, history = keras_fit(make, sample)
    network, trained = our_fit(make, sample)
    for metric in METRICS:
        np.testing.assert_allclose(trained.history[metric], history[metric], rtol=1e-3, err_msg=metric)
    if "learning_rate" in history:
        np.testing.assert_allclose(trained.history["learning_rate"], history["learning_rate"], rtol=1e-6)
    for ours, theirs in zip(network.weights().values(), oracle.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-3)
    return trained


@pytest.fixture(scope="module")
def alone(sample: Sample) -> tuple[Trained, list[Snapshot]]:
    """The training without callbacks, and where it was after each epoch."""
    kept: list[Snapshot] = []
    _, trained = our_fit(list, sample, after_epoch=lambda _epochs, snapshot: kept.append(snapshot))
    return trained, kept


class EpochOnly:
    """A model whose weights are the number of the epoch, for Keras's callbacks."""

    def __init__(self) -> None:
        self.weights, self.stop_training = [0], False

    def get_weights(self) -> list[int]:
        return list(self.weights)

    def set_weights(self, weights: list[int]) -> None:
        self.weights = weights


STOPPINGS: dict[str, dict[str, Any]] = {
    "at once": {},
    "patient": {"patience": 2},
    "restored": {"patience": 2, "restore_best_weights": True},
    "very patient": {"patience": 4, "restore_best_weights": True},
    "accuracy": {"patience": 2, "monitor": "val_accuracy", "mode": "max", "restore_best_weights": True},
    "training loss": {"patience": 1, "monitor": "loss", "restore_best_weights": True},
    "min_delta": {"patience": 4, "min_delta": 0.1, "restore_best_weights": True},
    "min_delta of accuracy": {"patience": 3, "monitor": "val_accuracy", "mode": "max", "min_delta": 0.1},
    "baseline": {"patience": 3, "baseline": 0.7, "restore_best_weights": True},
    "late": {"patience": 1, "start_from_epoch": 4, "restore_best_weights": True},
    "never": {"patience": 20, "restore_best_weights": True},
}


@pytest.mark.parametrize("name", STOPPINGS)
def test_early_stopping_decides_as_keras(name: str, sample: Sample, alone: tuple[Trained, list[Snapshot]]) -> None:
    whole, snapshots = alone
    options = {"mode": "min", **STOPPINGS[name]}
    oracle, fitted, epoch = callbacks.EarlyStopping(**options), EpochOnly(), 0
    oracle.set_model(fitted)
    oracle.on_train_begin()
    while epoch < EPOCHS and not fitted.stop_training:
        fitted.weights = [epoch + 1]
        oracle.on_epoch_end(epoch, {metric: whole.history[metric][epoch] for metric in METRICS})
        epoch += 1
    oracle.on_train_end()
    network, trained = our_fit(lambda: [callbacks.EarlyStopping(**options)], sample)
    assert len(trained.history["loss"]) == epoch
    assert [trained.best_epoch] == fitted.weights
    expected = snapshots[trained.best_epoch - 1].arrays
    for name, ours in network.weights().items():
        np.testing.assert_array_equal(ours, expected[f"network/{name}"])


def test_the_cases_of_early_stopping_differ(sample: Sample) -> None:
    ends = set()
    for options in STOPPINGS.values():
        trained = our_fit(lambda: [callbacks.EarlyStopping(**options)], sample)[1]  # noqa: B023
        ends.add((len(trained.history["loss"]), trained.best_epoch))
    assert len(ends) >= 6


def test_early_stopping_in_fit(sample: Sample) -> None:
    trained = assert_same_training(lambda: [callbacks.EarlyStopping(patience=2, restore_best_weights=True)], sample)
    assert trained.best_epoch < len(trained.history["loss"]) < EPOCHS


PLATEAUS: dict[str, dict[str, Any]] = {
    "val_loss": {"patience": 1, "factor": 0.5},
    "val_accuracy": {"monitor": "val_accuracy", "patience": 1, "factor": 0.1, "min_delta": 0.0, "cooldown": 1},
}


@pytest.mark.parametrize("name", PLATEAUS)
def test_reduce_learning_rate_on_plateau(name: str, sample: Sample) -> None:
    trained = assert_same_training(lambda: [callbacks.ReduceLROnPlateau(**PLATEAUS[name])], sample)
    assert len(set(trained.history["learning_rate"])) >= 3


def test_learning_rate_scheduler(sample: Sample) -> None:
    trained = assert_same_training(
        lambda: [callbacks.LearningRateScheduler(lambda epoch, rate: rate if epoch < 3 else rate * 0.5)], sample
    )
    rates = [0.2, 0.2, 0.2, *(0.2 * 0.5**k for k in range(1, EPOCHS - 2))]
    np.testing.assert_allclose(trained.history["learning_rate"], rates, rtol=1e-6)


def test_a_callback_against_a_schedule(sample: Sample) -> None:
    with pytest.raises(RecipeError, match=r"a callback that sets the learning rate: a schedule already sets it"):
        our_fit(lambda: [callbacks.LearningRateScheduler(lambda epoch: 0.1)], sample, schedules.CosineDecay(0.1, 40))


def test_files_and_calls(sample: Sample, tmp_path: Path) -> None:
    """One fit for all that is written and heard: CSVLogger, ModelCheckpoint, LambdaCallback."""
    heard: dict[str, list[tuple[str, int]]] = {"ours": [], "theirs": []}

    def make(who: str) -> Sequence[Any]:
        folder = tmp_path / who
        folder.mkdir()
        tell = heard[who].append
        return [
            callbacks.CSVLogger(str(folder / "epochs.csv"), separator=";"),
            callbacks.ModelCheckpoint(str(folder / "best.keras"), monitor="val_accuracy", save_best_only=True),
            callbacks.ModelCheckpoint(str(folder / "{epoch:02d}.weights.h5"), save_weights_only=True),
            callbacks.ModelCheckpoint(str(folder / "steps-{epoch}-{batch}.keras"), save_freq=15),
            callbacks.LambdaCallback(
                on_train_begin=lambda logs: tell(("train begin", 0)),
                on_train_end=lambda logs: tell(("train end", 0)),
                on_epoch_begin=lambda epoch, logs: tell(("epoch begin", epoch)),
                on_epoch_end=lambda epoch, logs: tell((f"epoch end {sorted(logs)}", epoch)),
                on_train_batch_begin=lambda batch, logs: tell(("batch begin", batch)),
                on_train_batch_end=lambda batch, logs: tell(("batch end", batch)),
            ),
        ]

    keras_fit(lambda: make("theirs"), sample)
    network, _ = our_fit(lambda: make("ours"), sample)
    assert heard["ours"] == heard["theirs"]
    ours, theirs = (tmp_path / who for who in ("ours", "theirs"))
    assert sorted(path.name for path in ours.iterdir()) == sorted(path.name for path in theirs.iterdir())
    header, *lines = [line.split(";") for line in (theirs / "epochs.csv").read_text().splitlines()]
    own_header, *own_lines = [line.split(";") for line in (ours / "epochs.csv").read_text().splitlines()]
    assert own_header == header == ["epoch", "accuracy", "loss", "val_accuracy", "val_loss"]
    np.testing.assert_allclose(np.array(own_lines, float), np.array(lines, float), rtol=1e-3)
    images = sample.images[:20] / np.float32(255)
    for name in sorted(path.name for path in ours.glob("*.keras")):
        mine, keras_own = (keras.models.load_model(folder / name) for folder in (ours, theirs))
        np.testing.assert_allclose(mine.predict(images, verbose=0), keras_own.predict(images, verbose=0), atol=1e-3)
    fresh = bare()  # not compiled, as what was saved
    fresh.load_weights(ours / f"{EPOCHS:02d}.weights.h5")
    logits = torch.from_numpy(predict(network, sample.images[:20], 1 / 255))
    np.testing.assert_allclose(fresh.predict(images, verbose=0), torch.softmax(logits, 1), atol=1e-6)


def test_the_best_model_is_the_one_of_that_epoch(
    sample: Sample, tmp_path: Path, alone: tuple[Trained, list[Snapshot]]
) -> None:
    whole, snapshots = alone
    our_fit(lambda: [callbacks.ModelCheckpoint(str(tmp_path / "best.keras"), save_best_only=True)], sample)
    best = snapshots[int(np.argmin(whole.history["val_loss"]))].arrays
    saved = keras.models.load_model(tmp_path / "best.keras").get_weights()
    network = lower(model(), (8, 8, 1))
    for ours, name in zip(saved, network.weights(), strict=True):
        np.testing.assert_array_equal(ours, best[f"network/{name}"])


class StopAt(callbacks.Callback):  # type: ignore[misc]
    """A user's own: it stops in the middle of an epoch, and counts."""

    def __init__(self, epoch: int, batch: int) -> None:
        super().__init__()
        self.when, self.now, self.counted = (epoch, batch), 0, 0
        self.told: dict[str, int] = {}

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.now = epoch
        self.told = dict(self.params)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.counted += 1
        if (self.now, batch) == self.when:
            self.model.stop_training = True


def test_a_callback_of_ones_own_stops_where_it_says(sample: Sample) -> None:
    ours, theirs = StopAt(2, 1), StopAt(2, 1)
    keras_fit(lambda: [theirs], sample)
    trained = our_fit(lambda: [ours], sample)[1]
    assert len(trained.history["loss"]) == 3
    assert (ours.counted, ours.told["epochs"], ours.told["steps"]) == (theirs.counted, EPOCHS, theirs.told["steps"])


def test_terminate_on_nan_leaves_the_last_word_to_us(sample: Sample) -> None:
    with pytest.raises(TrainingError, match="the training has diverged"):
        our_fit(lambda: [callbacks.TerminateOnNaN()], sample, 1e30)


def test_a_torch_module_has_no_keras_file(sample: Sample, tmp_path: Path) -> None:
    network = wrap(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 3)))
    checkpoint = callbacks.ModelCheckpoint(str(tmp_path / "best.keras"))
    recipe = Recipe.of(network, {"epochs": 1, "callbacks": [checkpoint]})
    with pytest.raises(ModelError, match="there is no Keras model behind it"):
        train(network, recipe, sample, SEED, callbacks=[checkpoint])


@pytest.mark.parametrize(
    ("look", "refusal"),
    [
        (lambda model: model.optimiser, r"self\.model has no 'optimiser': only get_weights, optimizer, save, save_w"),
        (lambda model: model.optimizer.lr, r"self\.model\.optimizer has no 'lr': only learning_rate"),
    ],
)
def test_what_a_model_under_training_has_not(sample: Sample, look: Callable[[Any], Any], refusal: str) -> None:
    class Looks(callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            look(self.model)

    with pytest.raises(AttributeError, match=f"while Étalon trains, {refusal}"):
        our_fit(lambda: [Looks()], sample)


def test_relative_paths_are_sent_to_a_folder(tmp_path: Path) -> None:
    given = [
        callbacks.CSVLogger("logs/epochs.csv"),
        callbacks.ModelCheckpoint("best.keras"),
        callbacks.CSVLogger(str(tmp_path / "absolute.csv")),
        callbacks.ReduceLROnPlateau(),
    ]
    place_files(given, tmp_path / "files")
    assert given[0].filename == str(tmp_path / "files" / "logs" / "epochs.csv")
    assert given[1].filepath == str(tmp_path / "files" / "best.keras")
    assert given[2].filename == str(tmp_path / "absolute.csv")
    assert (tmp_path / "files" / "logs").is_dir()


class Remembers(callbacks.Callback):  # type: ignore[misc]
    """A user's own: what it holds decides what it does."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[float] = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.seen.append(logs["val_loss"])
        if len(self.seen) == 8:
            self.model.stop_training = True


RESUMED: dict[str, Callable[[str], Sequence[Any]]] = {
    "EarlyStopping": lambda folder: [callbacks.EarlyStopping(patience=2, restore_best_weights=True)],
    "ReduceLROnPlateau": lambda folder: [callbacks.ReduceLROnPlateau(patience=1, factor=0.5, min_delta=0.2)],
    "LearningRateScheduler": lambda folder: [callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.8)],
    "ModelCheckpoint": lambda folder: [callbacks.ModelCheckpoint(f"{folder}/best.keras", save_best_only=True)],
    "CSVLogger": lambda folder: [callbacks.CSVLogger(f"{folder}/epochs.csv")],
    "one's own": lambda folder: [Remembers()],
}


class PowerCutError(Exception):
    """The power is cut."""


@pytest.mark.parametrize("name", RESUMED)
@pytest.mark.parametrize("epochs", [1, 3])
def test_resumed_as_if_never_interrupted(name: str, epochs: int, sample: Sample, tmp_path: Path) -> None:
    """The power is cut when an epoch is over and its checkpoint is not yet kept."""
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    whole.mkdir()
    cut.mkdir()
    kept: list[Snapshot] = []

    def keep(done: int, snapshot: Snapshot) -> None:
        if done > epochs:
            raise PowerCutError
        arrays = {name: array.copy() for name, array in snapshot.arrays.items()}
        kept.append(Snapshot(arrays, json.loads(json.dumps(snapshot.meta))))

    network, expected = our_fit(lambda: RESUMED[name](str(whole)), sample)
    interrupted = RESUMED[name](str(cut))
    with pytest.raises(PowerCutError):
        our_fit(lambda: interrupted, sample, after_epoch=keep)
    for callback in interrupted:
        getattr(callback, "csv_file", None) and callback.csv_file.close()
    again, resumed = our_fit(lambda: RESUMED[name](str(cut)), sample, resume=kept[-1])
    assert {k: v for k, v in resumed.history.items() if k != "seconds"} == {
        k: v for k, v in expected.history.items() if k != "seconds"
    }
    assert resumed.best_epoch == expected.best_epoch
    for weight, other in zip(again.weights().values(), network.weights().values(), strict=True):
        np.testing.assert_array_equal(weight, other)
    for path in whole.iterdir():
        if path.suffix == ".csv":
            assert (cut / path.name).read_bytes() == path.read_bytes()
        else:
            saved, other_saved = (keras.models.load_model(folder / path.name) for folder in (cut, whole))
            assert all(map(np.array_equal, saved.get_weights(), other_saved.get_weights()))
