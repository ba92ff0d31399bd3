"""A trial: one variant trained with one seed, reserved, trained, predicted, recorded."""

import copy
import platform
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from etalon.data.dataset import Dataset
from etalon.data.splits import Split, divide
from etalon.models.lower import Network
from etalon.study.run import Run
from etalon.study.store import Store
from etalon.train.callbacks import place_files
from etalon.train.device import chosen, device_of, name_of, working
from etalon.train.loop import Sample, Trained, seed_of, train
from etalon.train.losses import loss_function
from etalon.train.predict import evaluate, predict
from etalon.train.recipe import Recipe
from etalon.train.state import Snapshot

AfterEpoch = Callable[[int, dict[str, float]], None]  # epochs done, the last epoch's figures


@dataclass(frozen=True, eq=False)
class Trial:
    """All that a process needs to train, beside the dataset and the store."""

    key: str
    study: str
    variant: str
    seed: int
    network: Network
    recipe: Recipe
    split: Split
    callbacks: tuple[Any, ...] = ()
    threads: int = 1
    until: int | None = None  # train that many epochs at most: the rest is left to whoever wants the trial in full


def perform(trial: Trial, dataset: Dataset, store: Store, after_epoch: AfterEpoch | None = None) -> None:
    """Train the trial unless the store has it; on return the store has it, or its first epochs if `until` says so.

    While it trains, the process holds the trial's lock; whoever else wants this trial waits. A trial interrupted
    earlier goes on from its last epoch.

    Raises:
        TrainingError: the training diverged.
        StoreError: the store cannot be written.
    """
    with store.reserve(trial.key), working(chosen()):
        if store.has(trial.key):
            return
        train_index, validation_index = divide(trial.split, dataset.train.y, trial.seed)
        test = dataset.test if trial.recipe.test_curves else None
        sample = Sample(dataset.train.x, dataset.train.y, train_index, validation_index, dataset.n_classes, test)

        def keep(epochs: int, snapshot: Snapshot) -> None:
            store.keep_checkpoint(trial.key, snapshot)
            if after_epoch:
                after_epoch(epochs, {k: v[-1] for k, v in snapshot.meta["history"].items()})

        callbacks = copy.deepcopy(trial.callbacks)  # no trial hears of another
        place_files(callbacks, store.files(trial.key))
        trained = train(
            trial.network,
            trial.recipe,
            sample,
            trial.seed,
            callbacks=callbacks,
            resume=store.checkpoint(trial.key),
            until=trial.until,
            after_epoch=keep,
        )
        if trained.finished:
            store.save(_run(trial, trained, dataset, sample), trial.network.weights())


def _run(trial: Trial, trained: Trained, dataset: Dataset, sample: Sample) -> Run:
    network, scale = trial.network, trial.recipe.scale
    loss_of = loss_function(trial.recipe.loss, network.head, sample.n_classes, trial.recipe.label_smoothing)
    rng = np.random.default_rng(seed_of("train accuracy", trial.seed))
    some = np.sort(rng.permutation(sample.train)[: len(sample.validation)])
    train_loss, train_accuracy = evaluate(predict(network, sample.images, scale, some), sample.labels[some], loss_of)
    validation_logits = predict(network, sample.images, scale, sample.validation)
    validation_loss, validation_accuracy = evaluate(validation_logits, sample.labels[sample.validation], loss_of)
    return Run(
        key=trial.key,
        study=trial.study,
        variant=trial.variant,
        seed=trial.seed,
        history={k: tuple(v) for k, v in trained.history.items()},
        best_epoch=trained.best_epoch,
        fit_time=sum(trained.history["seconds"]),
        head=network.head,
        train_accuracy=train_accuracy,
        train_loss=train_loss,
        validation_accuracy=validation_accuracy,
        validation_loss=validation_loss,
        validation_index=sample.validation,
        validation_logits=validation_logits,
        test_logits=predict(network, dataset.test.x, scale),
        environment=_environment(trained.precision, name_of(device_of(network))),
        test_curves=trained.test_curves,
        recipe=trial.recipe.to_json(),
        split={"kind": type(trial.split).__name__, **vars(trial.split)},
        weights=sum(array.size for array in network.weights().values()),
    )


def _environment(precision: str, device: str) -> dict[str, str]:
    import torch

    import etalon

    return {
        "etalon": etalon.__version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "processor": _processor(),
        "device": device,
        "threads": str(torch.get_num_threads()),
        "precision": precision,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
