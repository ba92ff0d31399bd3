"""Why a variant is set up as it is: its output layer, its loss, its optimizer, its batches; read in what it will do."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from etalon.analysis.findings import Finding, Findings
from etalon.data.dataset import Dataset
from etalon.data.description import BALANCED, Description
from etalon.data.splits import Split, divide
from etalon.locales import _, number, percent
from etalon.models.checks import last_activation
from etalon.models.describe import is_keras
from etalon.models.factors import short
from etalon.models.weights import WeightsTable
from etalon.study.variant import Candidate
from etalon.train.recipe import Recipe
from etalon.train.updates import smallest_batch, updates


def described(found: Description) -> Finding:
    """How the classes are spread over both parts, and whether that suits learning."""
    numbers = {"imbalance": found.imbalance, "chi_square": found.statistic, "p": found.p}
    return Finding("data", found.verdict, numbers)


def counted(table: WeightsTable) -> Finding:
    """How many weights a model has, and where most of them are."""
    largest = max(table.layers, key=lambda layer: layer.total)
    pattern = (
        _("{total} weights to set, all of them trained; {share} of them are in {layer}.")
        if table.trainable == table.total
        else _("{total} weights, of which training changes {trainable}; {share} of them are in {layer}.")
    )
    text = pattern.format(
        total=number(table.total, 0),
        trainable=number(table.trainable, 0),
        share=percent(largest.total / max(1, table.total), 0),
        layer=largest.name,
    )
    return Finding("weights", text, {"weights": float(table.total), "trainable": float(table.trainable)})


def output_layer(candidate: Candidate, dataset: Dataset) -> Finding:
    """How many neurons the last layer has, with which activation, and why: the classes and the loss decide."""
    recipe, n = candidate.recipe, dataset.n_classes
    last = last_activation(candidate.model) if is_keras(candidate.model) else "linear"
    told = {"n": n, "loss": recipe.loss, "last": last, "name": candidate.name}
    text = [_("{n} classes, hence {n} neurons in the output layer of {name}: one score for each class.")]
    if last == "softmax":
        text.append(_("Its activation is softmax: the scores become probabilities that add up to 1, as {loss} wants."))
    elif last == "sigmoid":
        text.append(_("Its activation is sigmoid: each class is judged alone, as {loss} wants."))
    else:
        text.append(_("It has no activation that makes probabilities: {loss} is computed from the scores themselves."))
    text.append(
        _(
            "Another number of neurons, or an activation that contradicts the loss, is refused before training "
            "(sigmoid with categorical_crossentropy, softmax with from_logits=True, no activation with "
            "from_logits=False)."
        )
    )
    return Finding("output", " ".join(text).format(**told), {"classes": float(n), "neurons": float(n)}, candidate.name)


def compiled(candidate: Candidate, dataset: Dataset) -> Findings:
    """What `compile` was told, and why it suits: the loss, the optimizer, the metric."""
    recipe, counts = candidate.recipe, dataset.counts("train")
    ratio = float(counts.max() / counts.min())
    spread = _("balanced") if ratio < BALANCED else _("unbalanced")
    metric = [
        _("Metric, accuracy: the share of right answers, whose chance level is {chance} with {n} classes.").format(
            chance=percent(1 / dataset.n_classes, 0), n=dataset.n_classes
        ),
        _("The classes are {spread} (largest over smallest: {ratio}), so that it is not misleading.").format(
            spread=spread, ratio=number(ratio)
        )
        if ratio < BALANCED
        else _("The classes are {spread} (largest over smallest: {ratio}): read macro F1 beside it.").format(
            spread=spread, ratio=number(ratio)
        ),
    ]
    return Findings(
        [
            Finding("compile", _loss(recipe.loss), {}, candidate.name),
            Finding("compile", _optimizer(recipe), _rate(recipe.learning_rate), candidate.name),
            Finding("compile", " ".join(metric), {"imbalance": ratio}, candidate.name),
        ]
    )


def batches(candidate: Candidate, dataset: Dataset, split: Split, fewer_than: int | None = None) -> Finding:
    """How often the weights of a variant are updated; and the smallest batch for fewer updates than `fewer_than`."""
    recipe = candidate.recipe
    images = training_images(dataset, split)
    epoch = updates(images, recipe.batch_size)
    told: dict[str, Any] = {
        "images": number(images, 0),
        "batch": number(recipe.batch_size, 0),
        "epoch": number(epoch, 0),
        "epochs": recipe.epochs,
        "run": number(epoch * recipe.epochs, 0),
    }
    text = _(
        "{images} images to learn from, in batches of {batch}: the weights are updated {epoch} times an epoch, {run} "
        "times in {epochs} epochs."
    ).format(**told)
    numbers = {"images": images, "batch_size": recipe.batch_size, "updates": epoch, "run": epoch * recipe.epochs}
    if fewer_than is not None:
        least = smallest_batch(images, fewer_than)
        told |= {"limit": number(fewer_than, 0), "least": number(least, 0)}
        told |= {"few": number(updates(images, least), 0), "more": number(updates(images, max(1, least - 1)), 0)}
        pattern = (
            _(
                "The smallest batch with fewer than {limit} updates an epoch is {least}: {few} updates, and {more} "
                "with one image less."
            )
            if least > 1
            else _("Any batch gives fewer than {limit} updates an epoch.")
        )
        text += " " + pattern.format(**told)
        numbers["smallest_batch"] = least
        if recipe.epochs < fewer_than:
            whole = smallest_batch(images, fewer_than, recipe.epochs)
            text += " " + _("For fewer than {limit} in the whole training, it is {whole}.").format(
                limit=told["limit"], whole=number(whole, 0)
            )
            numbers["smallest_batch_run"] = whole
    return Finding("updates", text, {name: float(value) for name, value in numbers.items()}, candidate.name)


def training_images(dataset: Dataset, split: Split) -> int:
    """How many images are learnt from, those that validate being left out."""
    return len(divide(split, dataset.train.y, 0)[0])


def stratified(dataset: Dataset, split: Split, seed: int = 0) -> Finding:
    """Whether validation has the proportions of the training part, looked at in the rarest class."""
    _learn, validate = divide(split, dataset.train.y, seed)
    counts = dataset.counts("train")
    rarest = int(np.argmin(counts))
    shares = {
        "train": float(counts[rarest] / counts.sum()),
        "validation": float(np.mean(dataset.train.y[validate] == rarest)),
    }
    kept = abs(shares["validation"] - shares["train"]) * len(validate) < 1
    text = (
        _(
            "Validation keeps the proportions of the classes: {name}, the rarest, is {train} of the images to learn "
            "from and {validation} of those that validate."
        )
        if kept
        else _(
            "Validation does not keep the proportions of the classes: {name}, the rarest, is {train} of the training "
            "images and {validation} of those that validate."
        )
    )
    told = {name: percent(share, 2) for name, share in shares.items()}
    return Finding("data", text.format(name=dataset.class_names()[rarest], **told), shares)


def _loss(name: str) -> str:
    reasons: Mapping[str, str] = {
        "categorical_crossentropy": _(
            "it is minus the logarithm of the probability given to the right class, so that a sure error costs much "
            "more than a doubt; it is what a softmax over classes that exclude one another is trained with. In Keras "
            "it takes one-hot targets; here targets stay whole numbers, which gives the same values"
        ),
        "sparse_categorical_crossentropy": _(
            "it is minus the logarithm of the probability given to the right class, with targets that are whole "
            "numbers: the same values as categorical_crossentropy on one-hot targets, without storing zeros"
        ),
        "binary_crossentropy": _("each class is a question of its own, answered by yes or no"),
        "mean_squared_error": _("it measures distances between scores; for classes, cross-entropy learns faster"),
        "mean_absolute_error": _("it measures distances between scores; for classes, cross-entropy learns faster"),
    }
    if name not in reasons:
        return _("Loss, {name}.").format(name=name)
    return _("Loss, {name}: {reason}.").format(name=name, reason=reasons[name])


def _optimizer(recipe: Recipe) -> str:
    name = recipe.optimizer.class_name
    reasons: Mapping[str, str] = {
        "SGD": _(
            "every weight takes a step of the same size along its gradient; the learning rate must be chosen with care"
        ),
        "RMSprop": _("the step of each weight is divided by the recent size of its gradient"),
        "Adam": _(
            "the step of each weight follows the recent mean of its gradient, divided by its recent size; it works "
            "over a wide range of learning rates, hence a good first choice"
        ),
        "AdamW": _("Adam, with weights that decay towards 0 apart from the gradient"),
        "Nadam": _("Adam, with Nesterov's look ahead"),
        "Adagrad": _("the step of each weight shrinks with all the gradients that it has had"),
        "Adamax": _("Adam, divided by the greatest of the recent gradients rather than by their mean size"),
    }
    rate = recipe.learning_rate
    told = short(rate) if isinstance(rate, float) else str(rate["class_name"])
    return _("Optimizer, {name} with learning rate {rate}: {reason}.").format(
        name=name, rate=told, reason=reasons[name]
    )


def _rate(rate: float | dict[str, Any]) -> dict[str, float]:
    return {"learning_rate": rate} if isinstance(rate, float) else {}
