"""Keras's own training is the oracle: same weights, same batches, float32, no dropout."""

import math
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest
import torch
from keras import Input, Sequential, layers, regularizers

from etalon.data.dataset import Dataset, Part
from etalon.errors import TrainingError
from etalon.models.lower import Network, lower, wrap
from etalon.train import loop
from etalon.train.loop import Sample, Trained, _batches, train
from etalon.train.predict import evaluate, predict
from etalon.train.recipe import Recipe
from etalon.train.state import Snapshot

STEPS = 100


def model(*, normalised: bool = False, l2: float = 0.0) -> keras.Model:
    keras.utils.set_random_seed(3)
    penalty = regularizers.L2(l2) if l2 else None
    return Sequential(
        [
            Input((8, 8, 1)),
            layers.Conv2D(6, 3, activation="relu", padding="same", kernel_regularizer=penalty),
            *([layers.BatchNormalization()] if normalised else []),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(12, activation="relu", kernel_regularizer=penalty),
            layers.Dense(3, activation="softmax"),
        ]
    )


def sample(dataset: Dataset) -> Sample:
    index = np.arange(len(dataset.train))
    return Sample(dataset.train.x, dataset.train.y, index[:240], index[240:], dataset.n_classes)


class Losses:
    """The loss of every step, as a callback of Keras hears it."""

    def __new__(cls) -> "tuple[keras.callbacks.Callback, list[float]]":
        heard: list[float] = []
        return keras.callbacks.LambdaCallback(on_train_batch_end=lambda _, logs: heard.append(logs["loss"])), heard


def keras_losses(oracle: keras.Model, data: Sample, recipe: Recipe, seed: int) -> list[float]:
    """The losses of Keras's own steps on the batches that our loop sees."""
    heard = []
    for epoch in range(recipe.epochs):
        for batch in _batches(recipe, data, seed, epoch):
            x = data.images[batch].astype("float32") * recipe.scale
            oracle.reset_metrics()
            weights = recipe.class_weight
            heard.append(oracle.train_on_batch(x, data.labels[batch], class_weight=weights))
    return heard


OPTIMIZERS = {
    "sgd": lambda: keras.optimizers.SGD(0.02),
    "momentum": lambda: keras.optimizers.SGD(0.02, momentum=0.9),
    "nesterov": lambda: keras.optimizers.SGD(0.02, momentum=0.9, nesterov=True),
    "rmsprop": lambda: keras.optimizers.RMSprop(1e-3),
    "adam": lambda: keras.optimizers.Adam(1e-3),
    "adamw": lambda: keras.optimizers.AdamW(1e-3, weight_decay=0.05),
    "nadam": lambda: keras.optimizers.Nadam(5e-4),
    "adagrad": lambda: keras.optimizers.Adagrad(0.005),  # at 0.01, step 26 hangs on the sign of -8e-8: docs/engine.md
    "adamax": lambda: keras.optimizers.Adamax(2e-3),
    "clipped": lambda: keras.optimizers.Adam(1e-3, clipnorm=0.1),
    "decayed": lambda: keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(1e-3, STEPS)),
    "stepwise": lambda: keras.optimizers.SGD(
        keras.optimizers.schedules.PiecewiseConstantDecay([30, 60], [0.02, 0.01, 0.005])
    ),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("options", [{}, {"normalised": True, "l2": 1e-3}], ids=["plain", "normalised-penalised"])
def test_hundred_losses_are_those_of_keras(name: str, options: dict[str, float], blobs: Dataset) -> None:
    oracle, data = model(**options), sample(blobs)
    oracle.compile(OPTIMIZERS[name](), "sparse_categorical_crossentropy")
    callback, heard = Losses()
    recipe = Recipe.of(oracle, {"epochs": 10, "batch_size": 24, "callbacks": [callback], "precision": "float32"})
    network = lower(oracle, (8, 8, 1))
    train(network, recipe, data, 5, callbacks=[callback])
    expected = keras_losses(oracle, data, recipe, 5)
    assert len(heard) == len(expected) == STEPS
    np.testing.assert_allclose(heard, expected, rtol=1e-4)


def test_history_is_that_of_fit(blobs: Dataset) -> None:
    oracle, data = model(normalised=True, l2=1e-3), sample(blobs)
    oracle.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    recipe = Recipe.of(
        oracle, {"epochs": 1, "batch_size": 50, "precision": "float32"}
    )  # 240 = 4 * 50 + 40: the last batch is smaller
    network = lower(oracle, (8, 8, 1))
    trained = train(network, recipe, data, 1)
    order = np.concatenate(list(_batches(recipe, data, 1, 0)))
    theirs = oracle.fit(
        data.images[order] / np.float32(255),
        data.labels[order],
        batch_size=50,
        shuffle=False,
        verbose=0,
        validation_data=(data.images[data.validation] / np.float32(255), data.labels[data.validation]),
    ).history
    for metric in ("loss", "accuracy", "val_loss", "val_accuracy"):
        np.testing.assert_allclose(trained.history[metric], theirs[metric], rtol=1e-4, err_msg=metric)


def test_class_weights_are_those_of_keras(blobs: Dataset) -> None:
    oracle, data = model(), sample(blobs)
    oracle.compile(keras.optimizers.SGD(0.05), "sparse_categorical_crossentropy")
    callback, heard = Losses()
    settings = {"epochs": 2, "batch_size": 24, "callbacks": [callback], "class_weight": {0: 1.0, 1: 5.0, 2: 0.5}}
    recipe = Recipe.of(oracle, {**settings, "precision": "float32"})
    train(lower(oracle, (8, 8, 1)), recipe, data, 0, callbacks=[callback])
    np.testing.assert_allclose(heard, keras_losses(oracle, data, recipe, 0), rtol=1e-4)


def test_balanced_weights_are_those_of_scikit_learn(blobs: Dataset) -> None:
    from sklearn.utils.class_weight import compute_class_weight

    from etalon.train.loop import _class_weights

    few = np.concatenate([np.flatnonzero(blobs.train.y == c)[: 10 * (c + 1)] for c in range(3)])
    data = Sample(blobs.train.x, blobs.train.y, few, few, 3)
    weights = _class_weights(Recipe.of(model(), {"class_weight": "balanced"}), data)
    labels = blobs.train.y[few]
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    np.testing.assert_allclose(weights.numpy(), expected, rtol=1e-6)


def test_resampling_gives_every_class_the_same_chances(blobs: Dataset) -> None:
    few = np.concatenate([np.flatnonzero(blobs.train.y == c)[: 10 * (c + 1)] for c in range(3)])
    data = Sample(blobs.train.x, blobs.train.y, few, few, 3)
    recipe = Recipe.of(model(), {"resample": "balanced", "batch_size": 60})
    drawn = np.concatenate([blobs.train.y[next(iter(_batches(recipe, data, 0, epoch)))] for epoch in range(50)])
    np.testing.assert_allclose(np.bincount(drawn) / len(drawn), 1 / 3, atol=0.03)


SETTINGS = {
    "plain": {},
    "augmented": {"augmentation": [{"kind": "rotation"}, {"kind": "shift"}, {"kind": "noise"}]},
    "stopped": {"early_stopping": 1, "learning_rate": 0.1},
    "cosine": {"schedule": "cosine"},
    "watched": {"gradient_norms": True},
    "resampled": {"resample": "balanced"},
    "weighted": {"class_weight": "balanced"},
    "momentum": {"optimizer": keras.optimizers.SGD(0.05, momentum=0.9)},
    "centered": {"optimizer": keras.optimizers.RMSprop(centered=True, momentum=0.3)},
}


def dropped() -> keras.Model:
    keras.utils.set_random_seed(0)
    stack = [Input((8, 8, 1)), layers.Flatten(), layers.Dropout(0.3), layers.BatchNormalization()]
    return Sequential([*stack, layers.Dense(3, activation="softmax")])


@pytest.mark.parametrize("name", SETTINGS)
def test_same_seed_same_bits_and_resuming_changes_nothing(name: str, blobs: Dataset) -> None:
    data, settings = sample(blobs), {"epochs": 6, "batch_size": 32, **SETTINGS[name]}
    kept: list[tuple[int, Snapshot]] = []

    def trained(resume: Snapshot | None = None) -> tuple[Trained, dict[str, np.ndarray]]:
        network = lower(dropped(), (8, 8, 1))
        keep = lambda n, snapshot: kept.append((n, snapshot))  # noqa: E731
        result = train(network, Recipe.of(dropped(), settings), data, 7, resume=resume, after_epoch=keep)
        return result, network.weights()

    first, first_weights = trained()
    second, second_weights = trained()
    half = kept[len(kept) // 4][1]
    resumed, resumed_weights = trained(resume=half)
    for weights in (second_weights, resumed_weights):
        assert all(np.array_equal(first_weights[name], weights[name]) for name in first_weights)
    for other in (second, resumed):
        assert {k: v for k, v in other.history.items() if k != "seconds"} == {
            k: v for k, v in first.history.items() if k != "seconds"
        }
        assert other.best_epoch == first.best_epoch


def test_the_test_part_is_measured_as_keras_does(blobs: Dataset) -> None:
    from etalon.models.lower import write_back

    oracle, data = model(normalised=True, l2=1e-3), replace(sample(blobs), test=blobs.test)
    oracle.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    network = lower(oracle, (8, 8, 1))
    theirs: list[list[float]] = []

    def evaluated(_epochs: int, _snapshot: Snapshot) -> None:
        write_back(network, oracle)
        theirs.append(oracle.evaluate(blobs.test.x / np.float32(255), blobs.test.y, verbose=0))

    recipe = Recipe.of(oracle, {"epochs": 3, "precision": "float32"})
    trained = train(network, recipe, data, 1, after_epoch=evaluated)
    assert trained.test_curves is not None
    np.testing.assert_allclose(trained.test_curves, theirs, rtol=1e-4)


@pytest.mark.parametrize("name", ["plain", "augmented", "stopped", "bfloat16"])
def test_measuring_the_test_part_changes_nothing(name: str, blobs: Dataset) -> None:
    """Neither the weights, nor the figures, nor the epoch that is kept; and resuming gives the same curves."""
    settings = {"epochs": 6, "batch_size": 32, **SETTINGS.get(name, {"precision": name})}
    recipe = Recipe.of(dropped(), settings)
    ends: list[tuple[Trained, dict[str, np.ndarray]]] = []
    kept: list[Snapshot] = []

    def trained(test: Part | None, resume: Snapshot | None = None) -> None:
        network, data = lower(dropped(), (8, 8, 1)), replace(sample(blobs), test=test)
        keep = lambda _, snapshot: kept.append(snapshot)  # noqa: E731
        ends.append((train(network, recipe, data, 7, resume=resume, after_epoch=keep), network.weights()))

    trained(None)
    blind = kept.copy()
    kept.clear()
    trained(blobs.test)
    for unseen, seen in zip(blind, kept, strict=True):
        assert seen.arrays.keys() - unseen.arrays.keys() == {"test/curves"}
        assert all(np.array_equal(array, seen.arrays[k]) for k, array in unseen.arrays.items())
        assert not any("test" in figure for figure in seen.meta["history"])
    trained(blobs.test, resume=kept[1])
    (without, expected), (with_it, _weights), (resumed, _) = ends
    assert without.test_curves is None
    assert with_it.test_curves is not None
    np.testing.assert_array_equal(with_it.test_curves, resumed.test_curves)
    assert with_it.test_curves.shape == (len(without.history["loss"]), 2)
    for other, weights in ends[1:]:
        assert other.best_epoch == without.best_epoch
        assert all(np.array_equal(expected[k], weights[k]) for k in expected)
        for figure in without.history.keys() - {"seconds"}:
            assert other.history[figure] == without.history[figure]


def test_its_time_is_not_counted(blobs: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]

    def slow(network: Network, images: np.ndarray, *others: Any) -> np.ndarray:
        clock[0] += 100 if images is blobs.test.x else 1
        return predict(network, images, *others)

    monkeypatch.setattr(loop, "predict", slow)
    monkeypatch.setattr(loop.time, "perf_counter", lambda: clock[0])
    data = replace(sample(blobs), test=blobs.test)
    trained = train(lower(model(), (8, 8, 1)), Recipe.of(model(), {"epochs": 2}), data, 0)
    assert trained.history["seconds"] == [1.0, 1.0]
    assert clock[0] == 203  # the rehearsal's


def test_what_a_process_does_once_is_not_counted(blobs: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, update = [0.0], loop.Update.__call__
    lasts = iter([100])  # s: the first update loads the kernels

    def timed(self: loop.Update, *given: Any) -> Any:
        clock[0] += next(lasts, 1)
        return update(self, *given)

    monkeypatch.setattr(loop.Update, "__call__", timed)
    monkeypatch.setattr(loop.time, "perf_counter", lambda: clock[0])
    data, recipe = sample(blobs), Recipe.of(model(), {"epochs": 2, "batch_size": 32})
    trained = train(lower(model(), (8, 8, 1)), recipe, data, 0)
    steps = math.ceil(len(data.train) / 32)
    assert trained.history["seconds"] == [steps, steps]


@pytest.mark.parametrize("name", [*SETTINGS, "bfloat16"])
def test_the_rehearsal_leaves_nothing_behind(name: str, blobs: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"epochs": 2, "batch_size": 32, **SETTINGS.get(name, {"precision": name})}
    ends = []
    for rehearse in (loop._rehearse, lambda *_: None):
        monkeypatch.setattr(loop, "_rehearse", rehearse)
        network = lower(dropped(), (8, 8, 1))
        history = train(network, Recipe.of(dropped(), settings), sample(blobs), 7).history
        ends.append(network.weights() | {k: np.array(v) for k, v in history.items() if k != "seconds"})
    rehearsed, plain = ends
    assert rehearsed.keys() == plain.keys()
    assert all(np.array_equal(rehearsed[k], plain[k]) for k in plain)


def test_seeds_differ(blobs: Dataset) -> None:
    weights = []
    for seed in (0, 1):
        network = lower(dropped(), (8, 8, 1))
        train(network, Recipe.of(dropped(), {"epochs": 1}), sample(blobs), seed)
        weights.append(network.weights())
    assert any(not np.array_equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_a_diverged_loss_says_where(blobs: Dataset) -> None:
    recipe = Recipe.of(model(), {"optimizer": "sgd", "learning_rate": 1e12, "epochs": 3})
    with pytest.raises(TrainingError, match=r"epoch \d, step \d+, learning rate 1e\+12: .*Lower the learning rate"):
        train(lower(model(), (8, 8, 1)), recipe, sample(blobs), 0)


def test_the_callers_randomness_is_left_alone(blobs: Dataset) -> None:
    network, recipe = lower(dropped(), (8, 8, 1)), Recipe.of(dropped(), {"epochs": 1})
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    train(network, recipe, sample(blobs), 0)
    assert torch.equal(torch.rand(3), expected)


def test_gradient_norms_on_request(blobs: Dataset) -> None:
    network = lower(model(), (8, 8, 1))
    trained = train(network, Recipe.of(model(), {"epochs": 2, "gradient_norms": True}), sample(blobs), 0)
    names = [name for name in trained.history if name.startswith("gradient_norm/")]
    assert len(names) == len(network.layers()) == 3
    assert all(value > 0 for name in names for value in trained.history[name])


def test_bfloat16_learns_as_well(blobs: Dataset) -> None:
    recipe = Recipe.of(model(), {"epochs": 8, "precision": "bfloat16", "learning_rate": 0.01})
    network = lower(model(), (8, 8, 1))
    trained = train(network, recipe, sample(blobs), 0)
    assert trained.precision == "bfloat16"
    assert trained.history["val_accuracy"][-1] > 0.9
    assert all(p.dtype == torch.float32 for p in network.parameters())


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_mixed_precision_is_torch_autocast(blobs: Dataset, precision: str) -> None:
    """The same steps, written as torch's documentation has them: autocast around the forward pass, float32 weights."""
    data, oracle, reference = sample(blobs), model(), lower(model(), (8, 8, 1))
    network = lower(oracle, (8, 8, 1))
    reference.load(network.weights())
    recipe = Recipe.of(oracle, {"epochs": 1, "batch_size": 24, "optimizer": "sgd", "precision": precision})
    descent = torch.optim.SGD(reference.parameters(), lr=0.01)
    for batch in _batches(recipe, data, 3, 0):
        x = torch.from_numpy(data.images[batch]).permute(0, 3, 1, 2) * (1 / 255)
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            logits = reference(x).float()
        descent.zero_grad()
        torch.nn.functional.cross_entropy(logits, torch.from_numpy(data.labels[batch])).backward()
        descent.step()
    train(network, recipe, data, 3)
    for name, weight in network.weights().items():
        np.testing.assert_allclose(weight, reference.weights()[name], rtol=1e-5, atol=1e-6, err_msg=name)


def test_a_torch_module_trains(blobs: Dataset) -> None:
    torch.manual_seed(0)
    module = wrap(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 3)))
    trained = train(module, Recipe.of(module, {"epochs": 12, "learning_rate": 0.02}), sample(blobs), 0)
    assert trained.history["val_accuracy"][-1] > 0.9


def test_prediction_agrees_with_keras(blobs: Dataset) -> None:
    oracle = model(normalised=True)
    logits = predict(lower(oracle, (8, 8, 1)), blobs.test.x, 1 / 255)
    answer = oracle.predict(blobs.test.x / np.float32(255), verbose=0)
    odds = np.exp(logits - logits.max(1, keepdims=True))
    np.testing.assert_allclose(odds / odds.sum(1, keepdims=True), answer, atol=1e-5)
    loss, accuracy = evaluate(
        logits, blobs.test.y, lambda z, y: torch.nn.functional.cross_entropy(z, y, reduction="none")
    )
    oracle.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    expected = oracle.evaluate(blobs.test.x / np.float32(255), blobs.test.y, verbose=0)
    np.testing.assert_allclose([loss, accuracy], expected, rtol=1e-4)
