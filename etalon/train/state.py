"""A training under way: what changes from epoch to epoch, and how it is frozen and taken up again."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from etalon.models.lower import Network
from etalon.train.callbacks import Callbacks, LearningRate, Stopping
from etalon.train.device import device_of
from etalon.train.optimizers import Optimizer
from etalon.train.precision import settled
from etalon.train.recipe import Recipe

History = dict[str, list[float]]


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A training between two epochs: arrays and plain JSON, all that is needed to go on."""

    arrays: Mapping[str, np.ndarray]
    meta: Mapping[str, Any]


class State:
    """The network, its optimizer, the learning rate, and those who watch over them."""

    def __init__(
        self, network: Network, recipe: Recipe, updates: int, callbacks: Sequence[Any], resume: Snapshot | None = None
    ) -> None:
        if resume:
            network.load(_part(resume.arrays, "network"))
        self.network, self.device = network, device_of(network)
        self.precision = settled(recipe.precision, network, self.device)
        self.optimizer = Optimizer(
            network.parameters(),
            recipe.optimizer.class_name,
            recipe.optimizer.config,
            products=tuple(network.products()),
            mixed=self.precision == "bfloat16",
        )
        self.rate = LearningRate(recipe, updates)
        self.stopping = Stopping(recipe.early_stopping)
        self.history: History = {}
        self.test_curves: list[tuple[float, float]] = []  # apart from the history, which stopping and callbacks hear
        if resume:
            self.history = {k: list(v) for k, v in resume.meta["history"].items()}
            self.test_curves = [(loss, accuracy) for loss, accuracy in resume.arrays.get("test/curves", ())]
        steps = updates // recipe.epochs
        self.callbacks = Callbacks(callbacks, network, self.rate, recipe.epochs, steps, self.epochs_done)
        if resume:
            self.optimizer.load({k: torch.from_numpy(v) for k, v in _part(resume.arrays, "optimizer").items()})
            self.stopping.load(resume.meta["stopping"], _part(resume.arrays, "best"))
            self.rate.value = resume.meta["learning_rate"]
            self.callbacks.load(resume.meta["callbacks"])

    @contextmanager
    def computing(self) -> Iterator[None]:
        """Within, the network computes in the precision of this training."""
        if self.precision == "float32":
            yield
        else:
            with self.optimizer.rounded(), torch.autocast(self.device.type, torch.bfloat16):
                yield

    @property
    def epochs_done(self) -> int:
        """Number of epochs behind."""
        return len(self.history.get("loss", ()))

    @property
    def stop(self) -> bool:
        """Whether somebody has asked to stop."""
        return self.stopping.stop or self.callbacks.stop

    def epoch_end(self, logs: dict[str, float], seconds: float) -> None:
        """Tell everybody, and keep the figures; callbacks may add figures of their own to `logs`."""
        epoch, rate = self.epochs_done, self.rate.at(max(self.optimizer.steps - 1, 0))
        self.callbacks.epoch_end(epoch, logs)
        self.stopping.epoch_end(epoch, logs, self.network)
        for name, value in {**logs, "learning_rate": rate, "seconds": seconds}.items():
            self.history.setdefault(name, []).append(float(value))

    def finish(self) -> int:
        """Put back the best weights where that was asked; returns the epoch, from 1, of the weights kept."""
        self.callbacks.train_end()
        return self.stopping.restore(self.network) or self.epochs_done

    def snapshot(self) -> Snapshot:
        """All that `resume` needs."""
        arrays = {f"network/{k}": v for k, v in self.network.weights().items()}
        arrays |= {f"optimizer/{k}": v.numpy() for k, v in self.optimizer.state().items()}
        arrays |= {f"best/{k}": v for k, v in self.stopping.best_weights.items()}
        arrays |= {"test/curves": np.array(self.test_curves)} if self.test_curves else {}
        meta = {
            "history": {name: list(values) for name, values in self.history.items()},
            "stopping": self.stopping.state(),
            "learning_rate": self.rate.value,
            "callbacks": self.callbacks.state(),
        }
        return Snapshot(arrays, meta)


def _part(arrays: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {k.removeprefix(prefix + "/"): v for k, v in arrays.items() if k.startswith(prefix + "/")}
