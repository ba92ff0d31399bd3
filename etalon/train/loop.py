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

from etalon.data.dataset import Part
from etalon.data.transforms import augment
from etalon.errors import TrainingError
from etalon.kernels.dropping import Number, drawing
from etalon.locales import _
from etalon.models.lower import KerasNetwork, Network
from etalon.train import graphed
from etalon.train.callbacks import hear_batches
from etalon.train.device import chosen, is_out_of_memory, place, working
from etalon.train.graphed import Replayed
from etalon.train.losses import loss_function
from etalon.train.optimizers import Numbers
from etalon.train.pictures import pictures
from etalon.train.precision import Precision
from etalon.train.predict import BATCH, evaluate, predict
from etalon.train.randomness import draws_by_itself, torch_generator
from etalon.train.recipe import Recipe
from etalon.train.state import History, Snapshot, State


@dataclass(frozen=True, eq=False)
class Sample:
    """What one training sees: uint8 images (n, h, w, c), int64 labels (n,), and which of them train or validate.

    test: images measured after each epoch; the figures are told to nobody before the training is over.
    """

    images: np.ndarray
    labels: np.ndarray
    train: np.ndarray
    validation: np.ndarray
    n_classes: int
    test: Part | None = None


@dataclass(frozen=True, eq=False)
class Trained:
    """How a training went; the weights are in the network."""

    history: History
    best_epoch: int  # from 1: the epoch whose weights the network holds
    precision: Precision
    finished: bool  # whether nothing is left to train: all epochs are done, or somebody has asked to stop
    test_curves: np.ndarray | None  # float64 (epochs, 2): loss and accuracy; None where the sample has no test part


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
    """Train `network` in place, on the device that `etalon.train.device` chooses, where it stays.

    Args:
        callbacks: objects of `keras.callbacks`.
        resume: where an earlier call was interrupted.
        until: leave the epochs after this many to a later call, which goes on from the last snapshot.
        after_epoch: called with the number of epochs done and a snapshot.

    Raises:
        TrainingError: the loss is no longer a number; the message tells the epoch, the step and the learning rate.
        DeviceError: there is no such device.
    """
    device = chosen()
    epochs = recipe.epochs if until is None else min(until, recipe.epochs)
    updates = recipe.epochs * math.ceil(len(sample.train) / recipe.batch_size)
    with working(device), torch_generator(network, device) as reseed:
        place(network, device)
        state = State(network, recipe, updates, callbacks, resume)
        update = Update(state, recipe, sample)
        replayed = _recorded(update, callbacks, sample)
        if not replayed:
            _rehearse(update, sample)
        while state.epochs_done < epochs and not state.stop:
            epoch, started = state.epochs_done, time.perf_counter()
            state.callbacks.epoch_begin(epoch)
            reseed(seed_of("dropout", seed, epoch))
            logs = _train_epoch(update, replayed, sample, seed, epoch)
            logs["val_loss"], logs["val_accuracy"] = _measured(update, sample.images, sample.labels, sample.validation)
            seconds = time.perf_counter() - started
            if sample.test is not None:
                state.test_curves.append(_measured(update, sample.test.x, sample.test.y))
            state.epoch_end(logs, seconds)
            if after_epoch:
                after_epoch(state.epochs_done, state.snapshot())
    finished = state.stop or state.epochs_done >= recipe.epochs
    curves = np.array(state.test_curves) if sample.test is not None else None
    return Trained(state.history, state.finish(), state.precision, finished, curves)


class Update:
    """One update of the weights: nothing but operations on the device, unless the recipe asks for gradient norms."""

    def __init__(self, state: State, recipe: Recipe, sample: Sample) -> None:
        self.state, self.recipe = state, recipe
        self.images = pictures(sample.images, state.device)
        self.labels = torch.tensor(sample.labels, device=state.device)
        self.loss_of = loss_function(recipe.loss, state.network.head, sample.n_classes, recipe.label_smoothing)
        self.weight = _class_weights(recipe, sample)
        if self.weight is not None:
            self.weight = self.weight.to(state.device)
        self.draw = torch.Generator(state.device)  # of augmentation
        self.norms: GradientNorms | None = None  # of an epoch

    def __call__(self, index: Tensor, masks: Number, numbers: Numbers) -> tuple[Tensor, Tensor]:
        """The mean loss of the images at `index` int64 (b,), and how many were recognised, before the update.

        Args:
            masks: which values dropout drops follows from it.
            numbers: see `Optimizer.numbers`.
        """
        network, optimizer = self.state.network, self.state.optimizer
        x, y = self._prepared(index), self.labels.index_select(0, index)
        optimizer.zero_grad()
        with self.state.computing(), drawing(masks):
            logits = network(x).float()
            per_image = self.loss_of(logits, y)
            loss = (per_image if self.weight is None else per_image * self.weight.index_select(0, y)).mean()
            penalty = network.penalty()
            if penalty is not None:
                loss = loss + penalty
            loss.backward()  # type: ignore[no-untyped-call]
        if self.norms:
            self.norms.add()
        optimizer.apply(numbers)
        network.constrain()
        return loss.detach(), (logits.detach().argmax(1) == y).sum()

    def _prepared(self, index: Tensor) -> Tensor:
        """What the network is fed: float32 (b, c, h, w), augmented, then scaled."""
        if not self.recipe.augmentation:
            return self.images.take(index, self.recipe.scale)
        augmented = augment(self.images.take(index, None), self.recipe.augmentation, self.draw)
        return augmented if self.recipe.scale is None else augmented * self.recipe.scale


def _measured(
    update: Update, images: np.ndarray, labels: np.ndarray, index: np.ndarray | None = None
) -> tuple[float, float]:
    """Loss, the penalty included, and accuracy of the images, or of those at `index`, in inference mode."""
    network = update.state.network
    with update.state.computing():
        logits = predict(network, images, update.recipe.scale, index)
    loss, accuracy = evaluate(logits, labels if index is None else labels[index], update.loss_of)
    penalty = network.penalty()
    return loss + (0.0 if penalty is None else float(penalty.detach())), accuracy


def _train_epoch(update: Update, replayed: Replayed | None, sample: Sample, seed: int, epoch: int) -> dict[str, float]:
    """One pass over the training images; returns loss and accuracy as Keras reports them, running means."""
    state = update.state
    state.network.train()
    update.norms = GradientNorms(state.network) if update.recipe.gradient_norms else None
    update.draw.manual_seed(seed_of("augmentation", seed, epoch))
    batches = list(_batches(update.recipe, sample, seed, epoch))
    masks = np.random.default_rng(seed_of("masks", seed, epoch)).integers(2**32, size=len(batches)).tolist()
    if replayed:
        first, last = state.optimizer.steps, state.optimizer.steps + len(batches)
        numbers = [state.optimizer.numbers(state.rate.at(step), step) for step in range(first, last)]
        losses, hits = replayed.epoch(batches, masks, numbers)
        state.optimizer.steps = last
    else:
        losses, hits = _step_by_step(update, batches, masks)
    _check_finite(losses, epoch, state)
    sizes = torch.tensor([len(batch) for batch in batches[: len(losses)]])
    means = {"loss": float((losses * sizes).sum() / sizes.sum()), "accuracy": hits / int(sizes.sum())}
    return means | (update.norms.means() if update.norms else {})


def _step_by_step(update: Update, batches: Sequence[np.ndarray], masks: Sequence[int]) -> tuple[Tensor, int]:
    """An epoch whose updates are launched one by one: the losses, float32 (steps,), and the hits."""
    state, optimizer = update.state, update.state.optimizer
    losses: list[Tensor] = []
    hits = torch.tensor(0, device=state.device)
    for step, (batch, number) in enumerate(zip(batches, masks, strict=True)):
        state.callbacks.batch_begin(step)
        index = torch.from_numpy(batch).to(state.device)
        loss, right = update(index, number, optimizer.numbers(state.rate.at(optimizer.steps), optimizer.steps))
        optimizer.steps += 1
        losses.append(loss)
        hits += right
        state.callbacks.batch_end(step, loss)
        if state.callbacks.stop:
            break
    return torch.stack(losses).cpu(), int(hits)


def _recorded(update: Update, callbacks: Sequence[Any], sample: Sample) -> Replayed | None:
    """The update, recorded; None where nothing can record it, or something wants to look at each step."""
    state, network, recipe = update.state, update.state.network, update.recipe
    recorder = graphed.RECORDERS.get(state.device.type)
    if not recorder or not draws_by_itself(network) or recipe.gradient_norms or hear_batches(callbacks):
        return None
    network.train()
    width = len(state.optimizer.numbers(0.0, 0))
    try:
        return Replayed(update, _changed(state), len(sample.train), recipe.batch_size, width, recorder([update.draw]))
    except RuntimeError as error:  # an operation that cannot be recorded
        if is_out_of_memory(error):
            raise
        update.draw = torch.Generator(state.device)  # the other one may still take itself for recorded
        return None


def _rehearse(update: Update, sample: Sample) -> None:
    """An update, undone, and a prediction: what a process does but once, such as loading kernels, is not counted in the
    time of the first epoch.

    A module of the user's own may keep what nobody else knows of: it is left alone.
    """
    state, network = update.state, update.state.network
    if not isinstance(network, KerasNetwork):
        return
    changed = _changed(state)
    before = [tensor.clone() for tensor in changed]
    network.train()
    index = torch.from_numpy(sample.train[: update.recipe.batch_size]).to(state.device)
    update(index, 0, state.optimizer.numbers(0.0, 0))
    for tensor, value in zip(changed, before, strict=True):
        tensor.copy_(value)
    _measured(update, sample.images, sample.labels, sample.validation[:BATCH])


def _changed(state: State) -> list[Tensor]:
    """Every tensor that an update changes for good."""
    return [state.optimizer.values, *state.optimizer.slots.values(), *state.network.buffers()]


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


def _check_finite(losses: Tensor, epoch: int, state: State) -> None:
    finite = losses.isfinite()
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
            self._sums[name] += math.sqrt(
                sum(float(p.grad.float().square().sum()) for p in parameters if p.grad is not None)
            )

    def means(self) -> dict[str, float]:
        """gradient_norm/<layer> -> mean norm."""
        return {f"gradient_norm/{name}": total / max(self._steps, 1) for name, total in self._sums.items()}


def seed_of(*parts: object) -> int:
    """A 63-bit seed from anything that has a repr, the same on every machine."""
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:8], "big") >> 1
