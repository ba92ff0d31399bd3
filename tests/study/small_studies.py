"""Made-up runs, and networks small enough to be trained in a test."""

from typing import Any

import numpy as np

from etalon.data.dataset import Dataset
from etalon.data.splits import HoldOut, Split
from etalon.study.plan import Plan
from etalon.study.run import Run
from etalon.study.store import Store
from etalon.study.variant import Variant, candidates

RECIPE = {"epochs": 2, "batch_size": 48}


def dense(neurons: int = 6, dropout: float = 0.0) -> Any:
    """A small network for the blobs."""
    from keras import Input, Sequential, layers

    stack = [Input((8, 8, 1)), layers.Flatten(), layers.Dense(neurons, activation="relu"), layers.Dropout(dropout)]
    return Sequential([*stack, layers.Dense(3, activation="softmax")])


def small_plan(
    data: Dataset,
    store: Store,
    variants: dict[str, dict[str, Any]],
    *,
    seeds: tuple[int, ...] = (0,),
    split: Split = HoldOut(0.2),  # noqa: B008  (frozen)
    title: str = "A study",
    **settings: Any,
) -> Plan:
    """A plan of variants by name, each a dict of arguments of `dense`, of settings, of `build` and `because`."""
    named = {
        name: Variant.of(keywords.pop("build", dense), keywords.pop("because", ""), keywords, name)
        for name, keywords in ((name, dict(given)) for name, given in variants.items())
    }
    return Plan(title, data, candidates(named, {**RECIPE, **settings}, data), split, seeds, store)


def assert_same_runs(ours: Plan, theirs: Plan) -> None:
    """The trials of two plans, in two stores, ended bit for bit alike; only the time spent may differ."""
    assert list(ours.keys.values()) == list(theirs.keys.values())
    for key in ours.keys.values():
        first, second = ours.store.load(key), theirs.store.load(key)
        for name, array in first.arrays().items():
            np.testing.assert_array_equal(array, second.arrays()[name], name)
        assert timeless(first) == timeless(second)
        weights, others = ours.store.weights(key), theirs.store.weights(key)
        assert list(weights) == list(others)
        assert all(np.array_equal(weights[name], others[name]) for name in weights)


def timeless(run: Run) -> dict[str, Any]:
    """What a run says of itself, without the time it took."""
    scalars = {name: value for name, value in run.scalars().items() if name not in ("fit_time", "environment")}
    return {**scalars, "history": {k: v for k, v in run.history.items() if k != "seconds"}}


def finished_run(key: str = "a" * 32, **changes: Any) -> Run:
    """A run such as a trial leaves, of made-up numbers, the same each time."""
    rng = np.random.default_rng(len(key))
    fields: dict[str, Any] = {
        "key": key,
        "study": "Étude",
        "variant": "reference",
        "seed": 3,
        "history": {"loss": (0.1 + 0.2, 1 / 3), "val_accuracy": (0.5, 0.75), "seconds": (0.1, 0.2)},
        "best_epoch": 2,
        "fit_time": 0.3,
        "head": "softmax",
        "train_accuracy": 0.8,
        "train_loss": 0.4,
        "validation_accuracy": 0.75,
        "validation_loss": 0.5,
        "validation_index": np.array([1, 4, 6, 7]),
        "validation_logits": rng.normal(size=(4, 3)).astype(np.float32),
        "test_logits": rng.normal(size=(5, 3)).astype(np.float32),
        "environment": {"etalon": "0", "processor": "Étalon 3000"},
    }
    return Run(**{**fields, **changes})


def some_weights() -> dict[str, np.ndarray]:
    """Weights whose order is not that of their names."""
    rng = np.random.default_rng(5)
    names = ["2.dense.kernel", "10.dense.bias", "1.conv2d.kernel"]
    return {name: rng.normal(size=(2, 3)).astype(np.float32) for name in names}
