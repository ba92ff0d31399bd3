"""The learning rate, early stopping, and Keras's callbacks, called as `fit` would call them."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from etalon.errors import RecipeError
from etalon.locales import _
from etalon.models.lower import Network
from etalon.train.recipe import EarlyStopping, Recipe


class LearningRate:
    """A number that callbacks may change, taken down to 0 if the recipe says so; or a Keras schedule.

    Args:
        updates: how many the training will do at most.
    """

    def __init__(self, recipe: Recipe, updates: int) -> None:
        spec = recipe.learning_rate
        self.value: float | None = spec if isinstance(spec, float) else None
        self._decay, self._updates = recipe.schedule, updates
        self._schedule = None
        if isinstance(spec, dict):
            import keras

            self._schedule = keras.optimizers.schedules.deserialize(spec)

    def at(self, step: int) -> float:
        """The rate of update number `step`, from 0. Cosine: Loshchilov & Hutter 2017, without restarts."""
        if self._schedule is not None:
            return float(self._schedule(step))
        assert self.value is not None
        share = min(step / self._updates, 1.0)
        if self._decay == "cosine":
            return self.value * 0.5 * (1 + math.cos(math.pi * share))
        return self.value * (1 - share) if self._decay == "linear" else self.value


class Stopping:
    """Keras's EarlyStopping: stops when the monitored figure no longer improves, and keeps the best weights."""

    def __init__(self, spec: EarlyStopping | None) -> None:
        self._spec = spec
        self._sign = 1.0 if spec and spec.monitor.endswith("accuracy") else -1.0
        self.best_weights: dict[str, np.ndarray] = {}
        self._wait, self._best, self._best_epoch, self.stop = 0, -math.inf, 0, False

    def epoch_end(self, epoch: int, logs: Mapping[str, float], network: Network) -> None:
        """Look at the epoch, counted from 0."""
        if self._spec is None or epoch < self._spec.start_from_epoch:
            return
        current = self._sign * logs[self._spec.monitor]
        first = self._best_epoch == 0
        self._wait += 1
        improved = current - self._spec.min_delta > self._best
        if first or improved:
            self._best_epoch = epoch + 1
            if self._spec.restore_best_weights:
                self.best_weights = network.weights()
        if improved:
            self._best = current
            baseline = self._spec.baseline
            if baseline is None or current - self._spec.min_delta > self._sign * baseline:
                self._wait = 0
        elif self._wait >= self._spec.patience and epoch > 0:
            self.stop = True

    def restore(self, network: Network) -> int | None:
        """Put the best weights back if that was asked; returns their epoch, from 1."""
        if not self.best_weights:
            return None
        network.load(self.best_weights)
        return self._best_epoch

    def state(self) -> dict[str, Any]:
        """Plain JSON; the best weights are kept apart."""
        best = None if math.isinf(self._best) else self._best
        return {"wait": self._wait, "best": best, "best_epoch": self._best_epoch, "stop": self.stop}

    def load(self, state: Mapping[str, Any], best_weights: dict[str, np.ndarray]) -> None:
        """Go on from `state()`."""
        self._wait, self._best_epoch, self.stop = state["wait"], state["best_epoch"], state["stop"]
        self._best = -math.inf if state["best"] is None else state["best"]
        self.best_weights = best_weights


class Callbacks:
    """Keras's own callback objects, given a model that has what they use of one.

    Args:
        callbacks: objects of `keras.callbacks`, or of classes derived from `Callback`.
        epochs: planned; steps: in each.
        done: epochs behind, when the training goes on from a snapshot; files are then appended to.
    """

    def __init__(
        self, callbacks: Sequence[Any], network: Network, rate: LearningRate, epochs: int, steps: int, done: int = 0
    ) -> None:
        self._callbacks = callbacks
        self._model = _FittedModel(network, rate)
        for callback in callbacks:
            callback.set_params({"verbose": 0, "epochs": epochs, "steps": steps})
            callback.set_model(self._model)
            _tell_which_way_is_up(callback)
            if done:
                _take_up(callback, done)
            callback.on_train_begin({})

    @property
    def stop(self) -> bool:
        """Whether a callback has set `model.stop_training`."""
        return self._model.stop_training

    def epoch_begin(self, epoch: int) -> None:
        """Before epoch `epoch`, counted from 0."""
        for callback in self._callbacks:
            callback.on_epoch_begin(epoch, {})

    def batch_begin(self, batch: int) -> None:
        """Before an update."""
        for callback in self._callbacks:
            callback.on_train_batch_begin(batch, {})

    def batch_end(self, batch: int, loss: Tensor) -> None:
        """After an update."""
        for callback in self._callbacks:
            callback.on_train_batch_end(batch, {"loss": float(loss)})

    def epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        """After the validation of an epoch."""
        for callback in self._callbacks:
            callback.on_epoch_end(epoch, logs)

    def train_end(self) -> None:
        """After the last epoch."""
        for callback in self._callbacks:
            callback.on_train_end({})

    def state(self) -> list[dict[str, Any]]:
        """What each callback holds that JSON can hold too: best figure, patience spent, lists of a user's own."""
        return [
            {k: json.loads(json.dumps(v)) for k, v in vars(c).items() if k not in _FIXED and _is_plain(v)}
            for c in self._callbacks
        ]

    def load(self, state: Sequence[Mapping[str, Any]]) -> None:
        """Go on from `state()`."""
        for callback, values in zip(self._callbacks, state, strict=True):
            vars(callback).update(values)


_FIXED = {"append", "append_header", "filename", "filepath", "min_delta"}  # Keras signs min_delta at the first epoch


def _is_plain(value: Any) -> bool:
    try:
        return bool(json.loads(json.dumps(value)) == value)
    except (TypeError, ValueError):
        return False


def _tell_which_way_is_up(callback: Any) -> None:
    """In `mode="auto"`, Keras's callbacks look for the metric among those of a compiled model."""
    if getattr(callback, "mode", None) == "auto" and str(callback.monitor).endswith("accuracy"):
        callback.mode = "max"


def _take_up(callback: Any, done: int) -> None:
    """A CSVLogger goes on with its file; the line of an epoch that must be done again is taken out."""
    if getattr(callback, "append", True):
        return
    callback.append = True
    path = Path(callback.filename)
    if path.exists():
        path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[: 1 + done]))


def hear_batches(callbacks: Sequence[Any]) -> bool:
    """Whether one of them does something at each batch."""
    from keras.callbacks import Callback

    names = ("on_batch_begin", "on_batch_end", "on_train_batch_begin", "on_train_batch_end")
    return any(
        getattr(getattr(callback, name), "__func__", None) is not getattr(Callback, name)
        for callback in callbacks
        for name in names
    )


def place_files(callbacks: Sequence[Any], folder: Path) -> None:
    """Send the files that callbacks write to relative paths into `folder`, so that no trial overwrites another."""
    for callback in callbacks:
        for attribute in ("filepath", "filename"):
            path = vars(callback).get(attribute)
            if isinstance(path, str) and not Path(path).is_absolute():
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                setattr(callback, attribute, str(folder / path))


class _Shown:
    """What callbacks see of something; what else they ask for is refused under the name by which they know it."""

    _known_as = ""

    def __getattr__(self, name: str) -> Any:
        shown = ", ".join(sorted(attribute for attribute in dir(self) if attribute[:1] != "_"))
        refusal = _("while Étalon trains, {owner} has no {name!r}: only {names}")
        raise AttributeError(refusal.format(owner=self._known_as, name=name, names=shown), name=name, obj=self)


class _FittedModel(_Shown):
    """What Keras's callbacks use of the model that is being fitted."""

    _known_as = "self.model"

    def __init__(self, network: Network, rate: LearningRate) -> None:
        self._network = network
        self.optimizer = _FittedOptimizer(rate)
        self.stop_training = False

    def get_weights(self) -> list[np.ndarray]:
        return list(self._network.weights().values())

    def set_weights(self, weights: Sequence[np.ndarray]) -> None:
        self._network.load(dict(zip(self._network.weights(), weights, strict=True)))

    def save(self, filepath: str, overwrite: bool = True, **_: Any) -> None:
        self._keras_model().save(filepath, overwrite=overwrite)

    def save_weights(self, filepath: str, overwrite: bool = True) -> None:
        self._keras_model().save_weights(filepath, overwrite=overwrite)

    def _keras_model(self) -> Any:
        from etalon.models.lower import rebuild

        return rebuild(self._network)


class _FittedOptimizer(_Shown):
    """The learning rate under the name that Keras's callbacks read and write."""

    _known_as = "self.model.optimizer"

    def __init__(self, rate: LearningRate) -> None:
        self._rate = rate

    @property
    def learning_rate(self) -> np.float32:
        return np.float32(self._rate.at(0))

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        if self._rate.value is None:
            raise RecipeError(
                _("a callback that sets the learning rate"),
                _("a schedule already sets it"),
                _("Keep only one of them."),
            )
        self._rate.value = float(value)
