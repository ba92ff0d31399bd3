"""The training loop, on one page.

Randomness: everything drawn in an epoch (order of images, augmentation, dropout) comes from generators seeded by the
trial's seed and the epoch's number. Two variants of one seed thus see the same batches, and a training resumed at an
epoch goes on bit for bit as if it had never stopped.
"""

import hashlib
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from etalon.data.transforms import augment
from etalon.errors import TrainingError
from etalon.kernels.gathering import gather
from etalon.locales import _
from etalon.models.lower import Network
from etalon.train.losses import Loss, loss_function
from etalon.train.precision import Precision
from etalon.train.predict import evaluate, predict
from etalon.train.recipe import Recipe
from etalon.train.state import History, Snapshot, State


@dataclass(frozen=True, eq=False)
class Sample:
    """What one training sees: uint8 images (n, h, w, c), int64 labels (n,), and which of them train or validate."""

    images: np.ndarray
    labels: np.ndarray
    train: np.ndarray
    validation: np.ndarray
    n_classes: int


@dataclass(frozen=True, eq=False)
class Trained:
    """How a training went; the weights are in the network."""

    history: History
    best_epoch: int  # from 1: the epoch whose weights the network holds
    precision: Precision
    finished: bool  # whether nothing is left to train: all epochs are done, or somebody has asked to stop


def train(
    network: Network,
    recipe: Recipe,
    sample: Sample,
    seed: int,
    *,
    callbacks: Sequence[Any] = (),
    resume: Snapshot | None = None,
    until: int | None = None,
    after_epoch: Callable[[int, Snapshot], None] | None = None,
) -> Trained:
    """Train `network` in place.

    Args:
        callbacks: objects of `keras.callbacks`.
        resume: where an earlier call was interrupted.
        until: leave the epochs after this many to a later call, which goes on from the last snapshot.
        after_epoch: called with the number of epochs done and a snapshot.

    Raises:
        TrainingError: the loss is no longer a number; the message tells the epoch, the step and the learning rate.
    """
    epochs = recipe.epochs if until is None else min(until, recipe.epochs)
    updates = recipe.epochs * math.ceil(len(sample.train) / recipe.batch_size)
    state = State(network, recipe, updates, callbacks, resume)
    loss_of = loss_function(recipe.loss, network.head, sample.n_classes, recipe.label_smoothing)
    with torch.random.fork_rng(devices=[]):
        while state.epochs_done < epochs and not state.stop:
            epoch, started = state.epochs_done, time.perf_counter()
            state.callbacks.epoch_begin(epoch)
            logs = _train_epoch(state, recipe, sample, loss_of, seed, epoch)
            with state.computing():
                logits = predict(network, sample.images, recipe.scale, sample.validation)
            logs["val_loss"], logs["val_accuracy"] = evaluate(logits, sample.labels[sample.validation], loss_of)
            penalty = network.penalty()
            logs["val_loss"] += 0.0 if penalty is None else float(penalty.detach())
            state.epoch_end(logs, seconds=time.perf_counter() - started)
            if after_epoch:
                after_epoch(state.epochs_done, state.snapshot())
    finished = state.stop or state.epochs_done >= recipe.epochs
    return Trained(state.history, state.finish(), state.precision, finished)


def _train_epoch(
    state: State, recipe: Recipe, sample: Sample, loss_of: Loss, seed: int, epoch: int
) -> dict[str, float]:
    """One pass over the training images; returns loss and accuracy as Keras reports them, running means."""
    network, optimizer = state.network, state.optimizer
    torch.manual_seed(seed_of("dropout", seed, epoch))
    draw = torch.Generator().manual_seed(seed_of("augmentation", seed, epoch))
    labels = torch.from_numpy(np.ascontiguousarray(sample.labels))
    weight = _class_weights(recipe, sample)
    losses: list[Tensor] = []
    hits, seen = torch.tensor(0), 0
    norms = GradientNorms(network) if recipe.gradient_norms else None
    network.train()
    for batch in _batches(recipe, sample, seed, epoch):
        state.callbacks.batch_begin(len(losses))
        x, y = _prepared(sample.images, batch, recipe, draw), labels[batch]
        optimizer.zero_grad()
        with state.computing():
            logits = network(x).float()
            per_image = loss_of(logits, y)
            loss = (per_image if weight is None else per_image * weight[y]).mean()
            penalty = network.penalty()
            if penalty is not None:
                loss = loss + penalty
            loss.backward()  # type: ignore[no-untyped-call]
        if norms:
            norms.add()
        optimizer.step(state.rate.at(optimizer.steps))
        network.constrain()
        losses.append(loss.detach() * len(y))
        hits += (logits.detach().argmax(1) == y).sum()
        seen += len(y)
        state.callbacks.batch_end(len(losses) - 1, loss.detach())
        if state.callbacks.stop:
            break
    _check_finite(losses, epoch, state)
    means = {"loss": float(torch.stack(losses).sum()) / seen, "accuracy": int(hits) / seen}
    return means | (norms.means() if norms else {})


def _prepared(images: np.ndarray, batch: np.ndarray, recipe: Recipe, draw: torch.Generator) -> Tensor:
    """uint8 (n, h, w, c) -> what the network is fed: float32 (b, c, h, w), augmented, then scaled."""
    if not recipe.augmentation:
        return gather(images, batch, recipe.scale)
    augmented = augment(gather(images, batch, None), recipe.augmentation, draw)
    return augmented if recipe.scale is None else augmented * recipe.scale


def _batches(recipe: Recipe, sample: Sample, seed: int, epoch: int) -> Iterator[np.ndarray]:
    """Indices of each batch; the last one may be smaller, as in Keras."""
    rng = np.random.default_rng(seed_of("order", seed, epoch))
    if recipe.resample == "balanced":
        labels = sample.labels[sample.train]
        chances = 1.0 / np.bincount(labels, minlength=sample.n_classes).clip(1)[labels]
        order = rng.choice(sample.train, size=len(sample.train), p=chances / chances.sum())
    else:
        order = rng.permutation(sample.train)
    for start in range(0, len(order), recipe.batch_size):
        yield order[start : start + recipe.batch_size]


def _class_weights(recipe: Recipe, sample: Sample) -> Tensor | None:
    """float32 (n_classes,); "balanced" is scikit-learn's n / (n_classes * count)."""
    if recipe.class_weight is None:
        return None
    counts = np.bincount(sample.labels[sample.train], minlength=sample.n_classes)
    if recipe.class_weight == "balanced":
        weights = counts.sum() / (sample.n_classes * counts.clip(1))
    else:
        weights = np.array([recipe.class_weight.get(c, 1.0) for c in range(sample.n_classes)])
    return torch.from_numpy(weights.astype(np.float32))


def _check_finite(losses: list[Tensor], epoch: int, state: State) -> None:
    finite = torch.stack(losses).isfinite()
    if finite.all():
        return
    step = int((~finite).nonzero()[0])
    rate = state.rate.at(max(state.optimizer.steps - len(losses) + step, 0))
    raise TrainingError(
        _("a loss of {loss} at epoch {epoch}, step {step}, learning rate {rate:.3g}").format(
            loss=float(losses[step]), epoch=epoch + 1, step=step + 1, rate=rate
        ),
        _("the training has diverged"),
        _("Lower the learning rate, scale the inputs (scale=1/255), or limit the gradients (clipnorm=1)."),
    )


class GradientNorms:
    """The mean over an epoch's steps of the gradient's Euclidean norm, layer by layer."""

    def __init__(self, network: Network) -> None:
        self._layers = {name: list(module.parameters()) for name, module in network.layers().items()}
        self._sums = dict.fromkeys(self._layers, 0.0)
        self._steps = 0

    def add(self) -> None:
        """Count the gradients at hand."""
        self._steps += 1
        for name, parameters in self._layers.items():
            self._sums[name] += math.sqrt(sum(float(p.grad.square().sum()) for p in parameters if p.grad is not None))

    def means(self) -> dict[str, float]:
        """gradient_norm/<layer> -> mean norm."""
        return {f"gradient_norm/{name}": total / max(self._steps, 1) for name, total in self._sums.items()}


def seed_of(*parts: object) -> int:
    """A 63-bit seed from anything that has a repr, the same on every machine."""
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:8], "big") >> 1
