"""No GPU is needed: what is recorded on one is recorded here operation by operation, with the memory of each."""

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import pytest
import torch
from keras import Input, Sequential, layers
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

from etalon import kernels
from etalon.data.dataset import Dataset
from etalon.models.lower import lower, wrap
from etalon.train import graphed, loop, predict
from etalon.train.graphed import Replayed
from etalon.train.loop import Sample, Trained, train
from etalon.train.pictures import Resident
from etalon.train.recipe import Recipe
from etalon.train.state import Snapshot


class Recorder(TorchDispatchMode):
    """Writes down every operation, those of the backward pass too, with its operands' memory as it is then."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Any, Any, Any]] = []
        self.before: dict[int, tuple[Tensor, Tensor]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten._local_scalar_dense.default:
            raise RuntimeError("a number is wanted from the device: a CUDA graph cannot be recorded")
        given = tree_map_only(Tensor, Tensor.detach, (args, kwargs or {}))
        for argument, value in zip(func._schema.arguments, given[0], strict=False):
            if argument.alias_info and argument.alias_info.is_write and isinstance(value, Tensor):
                self.before.setdefault(value.data_ptr(), (value, value.clone()))
        result = func(*args, **(kwargs or {}))
        self.calls.append((func, given, tree_map_only(Tensor, Tensor.detach, result)))
        return result


class OperationGraph:
    """What a CUDA graph does, on the processor: the same operations on the same memory, and no Python in between."""

    made: list["OperationGraph"]  # set by the fixture

    def __init__(self, generators: Sequence[torch.Generator]) -> None:
        self.generators, self.replays = generators, 0
        self.made.append(self)

    def capture(self, work: Callable[[], None]) -> None:
        recorder = Recorder()
        with recorder:
            work()
        for value, before in reversed(recorder.before.values()):  # to record is not to do
            value.copy_(before)
        self._calls = recorder.calls

    def replay(self) -> None:
        self.replays += 1
        for func, (args, kwargs), kept in self._calls:
            for old, new in zip(tree_leaves(kept), tree_leaves(func(*args, **kwargs)), strict=True):
                if isinstance(old, Tensor) and old.data_ptr() != new.data_ptr():
                    old.copy_(new)


@pytest.fixture
def as_on_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """Images in the memory of the device, and torch's own operations in the place of our kernels."""
    for module in pkgutil.iter_modules(kernels.__path__, "etalon.kernels."):
        if hasattr(importlib.import_module(module.name), "usable"):
            monkeypatch.setattr(f"{module.name}.usable", lambda x: False)
    for place in (loop, predict):
        monkeypatch.setattr(place, "pictures", Resident)


@pytest.fixture
def graphs(monkeypatch: pytest.MonkeyPatch, as_on_a_device: None) -> list[OperationGraph]:
    """The graphs that are made."""
    monkeypatch.setattr(OperationGraph, "made", [], raising=False)
    monkeypatch.setattr(graphed, "RECORDERS", {"cpu": OperationGraph})
    return OperationGraph.made


def model() -> keras.Model:
    keras.utils.set_random_seed(3)
    constraint, penalty = keras.constraints.MaxNorm(1.5), keras.regularizers.L2(1e-3)
    return Sequential(
        [
            Input((8, 8, 1)),
            layers.Conv2D(6, 3, activation="relu", kernel_regularizer=penalty),
            layers.MaxPooling2D(),
            layers.BatchNormalization(),
            layers.Dropout(0.2),
            layers.Flatten(),
            layers.Dense(12, activation="relu", kernel_constraint=constraint),
            layers.Dropout(0.3),
            layers.Dense(3, activation="softmax"),
        ]
    )


def sample(dataset: Dataset) -> Sample:
    index = np.arange(len(dataset.train))
    return Sample(dataset.train.x, dataset.train.y, index[:240], index[240:], dataset.n_classes)


SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "augmented": {"augmentation": [{"kind": "rotation"}, {"kind": "shift"}, {"kind": "noise"}]},
    "decayed": {"schedule": "cosine", "optimizer": keras.optimizers.AdamW(0.01, weight_decay=0.02)},
    "weighted": {"class_weight": {0: 1.0, 1: 5.0, 2: 0.5}, "label_smoothing": 0.1},
    "bfloat16": {"precision": "bfloat16"},
    "momentum": {"optimizer": keras.optimizers.SGD(0.05, momentum=0.9, clipnorm=1.0)},
    "nadam": {"optimizer": keras.optimizers.Nadam(0.01)},
    "adamax": {"optimizer": keras.optimizers.Adamax(0.01)},
    "adagrad": {"optimizer": keras.optimizers.Adagrad(0.05)},
    "rmsprop": {"optimizer": keras.optimizers.RMSprop(0.002, centered=True, momentum=0.3)},
    "squared": {"loss": "mean_squared_error"},
}


def trained(
    data: Sample, settings: dict[str, Any], resume: Snapshot | None = None, **options: Any
) -> tuple[Trained, dict[str, np.ndarray]]:
    network = lower(model(), (8, 8, 1))
    recipe = Recipe.of(model(), {"epochs": 3, "batch_size": 50, "precision": "float32", **settings})
    result = train(network, recipe, data, 7, resume=resume, **options)
    return result, network.weights()


def assert_same(ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray]) -> None:
    for name in ours:
        np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)


@pytest.mark.parametrize("name", SETTINGS)
def test_replaying_is_doing(
    name: str, blobs: Dataset, graphs: list[OperationGraph], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four batches of 50 and one of 40, three epochs, bit for bit as step by step; and interrupted after the first."""
    data, kept = sample(blobs), list[Snapshot]()
    replayed, weights = trained(data, SETTINGS[name], after_epoch=lambda _, snapshot: kept.append(snapshot))
    assert [graph.replays for graph in graphs] == [12]
    resumed, weights_resumed = trained(data, SETTINGS[name], resume=kept[0])
    assert [graph.replays for graph in graphs] == [12, 8]
    monkeypatch.setattr(graphed, "RECORDERS", {})
    stepped, expected = trained(data, SETTINGS[name])
    assert len(graphs) == 2
    assert_same(weights, expected)
    assert_same(weights_resumed, expected)
    for other in (replayed, resumed):
        assert {k: v for k, v in other.history.items() if k != "seconds"} == {
            k: v for k, v in stepped.history.items() if k != "seconds"
        }


def test_the_test_part_is_measured_between_replays(
    blobs: Dataset, graphs: list[OperationGraph], monkeypatch: pytest.MonkeyPatch
) -> None:
    blind, expected = trained(sample(blobs), {})
    watched, weights = trained(replace(sample(blobs), test=blobs.test), {})
    assert [graph.replays for graph in graphs] == [12, 12]
    assert_same(weights, expected)
    monkeypatch.setattr(graphed, "RECORDERS", {})
    stepped, _weights = trained(replace(sample(blobs), test=blobs.test), {})
    assert blind.test_curves is None
    assert watched.test_curves is not None
    np.testing.assert_array_equal(watched.test_curves, stepped.test_curves)


def test_a_device_trains_as_the_processor_does(blobs: Dataset, request: pytest.FixtureRequest) -> None:
    """With our kernels and without: the same batches, the same masks, float32 rounded in another order."""
    settings = {"epochs": 1, "optimizer": "sgd", "learning_rate": 0.05}
    expected = trained(sample(blobs), settings)[1]
    request.getfixturevalue("graphs")
    for name, weight in trained(sample(blobs), settings)[1].items():
        np.testing.assert_allclose(weight, expected[name], rtol=1e-4, atol=1e-5, err_msg=name)


def test_recording_changes_nothing(graphs: list[OperationGraph]) -> None:
    generator = torch.Generator()
    values, statistics = torch.arange(6.0), torch.ones(2)

    def update(index: Tensor, masks: Tensor, numbers: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        values.index_add_(0, index, numbers[0] * torch.ones(len(index)))
        statistics.mul_(2)
        return values.sum(), index.sum() + masks

    graph = OperationGraph([generator])
    replayed = Replayed(update, [values, statistics], 6, 4, 1, graph)
    assert values.tolist() == [0, 1, 2, 3, 4, 5]
    assert statistics.tolist() == [1, 1]
    losses, hits = replayed.epoch([np.array([5, 4, 3, 2]), np.array([1, 0])], [10, 20], [[100.0], [1000.0]])
    assert graph.replays == 1
    assert values.tolist() == [1000, 1001, 102, 103, 104, 105]
    assert losses.tolist() == [415, 2415]
    assert hits == 14 + 10 + 1 + 20
    assert statistics.tolist() == [4, 4]


def test_fewer_images_than_a_batch_are_not_recorded(blobs: Dataset, graphs: list[OperationGraph]) -> None:
    trained(sample(blobs), {"batch_size": 300})
    assert [graph.replays for graph in graphs] == [0]


def hearing() -> keras.callbacks.Callback:
    return keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None)


def deaf() -> keras.callbacks.Callback:
    return keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None)


@pytest.mark.parametrize(("callback", "replays"), [(deaf, 12), (hearing, None)])
def test_who_looks_at_each_step_gets_it(
    callback: Callable[[], Any], replays: int | None, blobs: Dataset, graphs: list[OperationGraph]
) -> None:
    trained(sample(blobs), {}, callbacks=[callback()])
    assert [graph.replays for graph in graphs] == ([] if replays is None else [replays])


def test_what_cannot_be_recorded_is_done_step_by_step(
    blobs: Dataset, graphs: list[OperationGraph], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: OperationGraph, work: Callable[[], None]) -> None:
        raise RuntimeError("operation not permitted when stream is capturing")

    expected = trained(sample(blobs), SETTINGS["augmented"])[1]
    monkeypatch.setattr(OperationGraph, "capture", refuse)
    assert_same(trained(sample(blobs), SETTINGS["augmented"])[1], expected)
    assert [graph.replays for graph in graphs] == [12, 0]


def test_a_lack_of_memory_is_not_hidden(
    blobs: Dataset, graphs: list[OperationGraph], monkeypatch: pytest.MonkeyPatch
) -> None:
    def lack(self: OperationGraph, work: Callable[[], None]) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(OperationGraph, "capture", lack)
    with pytest.raises(torch.OutOfMemoryError):
        trained(sample(blobs), {})


def test_what_draws_from_the_common_generator_is_not_recorded(blobs: Dataset, graphs: list[OperationGraph]) -> None:
    noisy = Sequential([Input((8, 8, 1)), layers.GaussianNoise(0.1), layers.Flatten(), layers.Dense(3)])
    module = wrap(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Dropout(0.5), torch.nn.Linear(64, 3)))
    for network in (lower(noisy, (8, 8, 1)), module):
        train(network, Recipe.of(noisy, {"epochs": 1}), sample(blobs), 0)
    trained(sample(blobs), {"gradient_norms": True})
    assert not graphs
