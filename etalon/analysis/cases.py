"""The images behind a number: those of a cell of the confusion matrix, those on which two variants disagree."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from etalon.analysis.predictions import Predictions
from etalon.errors import StudyError
from etalon.locales import _

Order = Literal["seeds", "confidence", "place"]
How = Literal["first", "second", "both"]  # which of two variants alone is right; both wrong, each in its way
HOW: tuple[How, ...] = ("first", "second", "both")

Index = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Cases:
    """Images chosen for what was answered of them.

    Attributes:
        index: (n,) their places in the pool.
        true: (n,) their classes.
        predicted: (n, v) what each variant looked at takes them for: the commonest of the answers chosen.
        confidence: (n, v) mean probability that those answers give to it.
        times, seen: (n,) answers chosen, and answers there are; one of each variant is one answer.
    """

    index: Index
    true: Index
    predicted: Index
    confidence: NDArray[np.float64]
    times: Index
    seen: Index

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, rows: slice | NDArray[Any]) -> "Cases":
        """Some of them."""
        return Cases(*(getattr(self, name)[rows] for name in Cases.__dataclass_fields__))

    def by(self, order: Order) -> "Cases":
        """The same, those of most answers first and then the surest, or the surest first, or by their place."""
        sure = -self.confidence.max(axis=1, initial=0.0)
        keys = {"seeds": (self.index, sure, -self.times), "confidence": (self.index, sure), "place": (self.index,)}
        return self[np.lexsort(keys[order])]


@dataclass(frozen=True, eq=False)
class Contrast:
    """On how many images two variants disagree.

    Attributes:
        first, second: their names.
        seeds: (k,) those that both were trained with.
        each: (k, c, 3) images of each class, one column for each of `HOW`, among those that both have seen.
    """

    first: str
    second: str
    seeds: tuple[int, ...]
    each: Index

    @property
    def counts(self) -> NDArray[np.float64]:
        """(c, 3) mean over seeds."""
        found: NDArray[np.float64] = self.each.mean(axis=0)
        return found


@dataclass(frozen=True, eq=False)
class _Answers:
    """One line an answer: the image, its class, what each of v variants takes it for and with what probability."""

    index: Index
    true: Index
    predicted: Index
    confidence: NDArray[np.float64]


def cell(
    predictions: Predictions, *, true: int | None = None, predicted: int | None = None, seed: int | None = None
) -> Cases:
    """The images of a class that are taken for another, or for what they are.

    Args:
        true, predicted: numbers of classes, None for any; without `predicted`, the misclassified ones.
        seed: whose answers; all of them by default, an image being there if one of them is such.

    Raises:
        StudyError: a seed that was not trained, a class that there is not.
    """
    answers = _answers(predictions, seed)
    label = answers.predicted[:, 0]
    chosen = _of_class(answers.true, true, predictions.n_classes)
    if predicted is None:
        chosen &= label != answers.true
    else:
        chosen &= _of_class(label, predicted, predictions.n_classes)
    return _gather(answers, chosen, predictions.n_classes)


def contradictions(
    first: Predictions, second: Predictions, how: How, *, true: int | None = None, seed: int | None = None
) -> Cases:
    """The images on which two variants disagree in one way, seed against same seed.

    Raises:
        StudyError: variants without a common seed, a class that there is not.
    """
    answers = _pairs(first, second, seed)
    chosen = _ways(answers)[how] & _of_class(answers.true, true, first.n_classes)
    return _gather(answers, chosen, first.n_classes)


def hardest(models: Sequence[Predictions]) -> Cases:
    """The images that are misclassified by a seed of a variant at least, over all of them."""
    each = [_answers(one, None) for one in models]
    answers = _Answers(*(np.concatenate([getattr(a, name) for a in each]) for name in _Answers.__dataclass_fields__))
    return _gather(answers, answers.predicted[:, 0] != answers.true, models[0].n_classes)


def contrast(first: Predictions, second: Predictions) -> Contrast:
    """Count the disagreements of two variants, class by class.

    Raises:
        StudyError: they have no common seed.
    """
    seeds = _common(first, second)
    each = np.zeros((len(seeds), first.n_classes, len(HOW)), np.int64)
    for s, seed in enumerate(seeds):
        answers = _pairs(first, second, seed)
        ways = _ways(answers)
        for w, how in enumerate(HOW):
            each[s, :, w] = np.bincount(answers.true[ways[how]], minlength=first.n_classes)
    return Contrast(first.variant, second.variant, seeds, each)


def _answers(predictions: Predictions, seed: int | None) -> _Answers:
    ranks = range(len(predictions.seeds)) if seed is None else [predictions.rank(seed)]
    return _Answers(
        np.concatenate([predictions.index[s] for s in ranks]),
        np.concatenate([predictions.labels[s] for s in ranks]),
        np.concatenate([predictions.predicted(s) for s in ranks])[:, None],
        np.concatenate([predictions.confidence(s) for s in ranks]).astype(np.float64)[:, None],
    )


def _pairs(first: Predictions, second: Predictions, seed: int | None) -> _Answers:
    found = []
    for one in _common(first, second) if seed is None else [seed]:
        a, b = first.rank(one), second.rank(one)
        index, in_a, in_b = np.intersect1d(first.index[a], second.index[b], assume_unique=True, return_indices=True)
        predicted = np.stack([first.predicted(a)[in_a], second.predicted(b)[in_b]], axis=1)
        confidence = np.stack([first.confidence(a)[in_a], second.confidence(b)[in_b]], axis=1)
        found.append((index, first.labels[a][in_a], predicted, confidence.astype(np.float64)))
    return _Answers(*(np.concatenate(column) for column in zip(*found, strict=True)))


def _ways(answers: _Answers) -> dict[How, NDArray[np.bool_]]:
    """Which answers belong to each of `HOW`."""
    right = answers.predicted == answers.true[:, None]
    apart = answers.predicted[:, 0] != answers.predicted[:, 1]
    return {"first": right[:, 0] & apart, "second": right[:, 1] & apart, "both": ~right.any(axis=1) & apart}


def _common(first: Predictions, second: Predictions) -> tuple[int, ...]:
    seeds = tuple(seed for seed in first.seeds if seed in second.seeds)
    if not seeds:
        raise StudyError(
            _("{first} against {second}").format(first=first.variant, second=second.variant),
            _("no seed of both has finished"),
            _("Wait for one, or choose another variant."),
        )
    return seeds


def _of_class(labels: Index, wanted: int | None, classes: int) -> NDArray[np.bool_]:
    if wanted is None:
        return np.ones(len(labels), bool)
    if not 0 <= wanted < classes:
        raise StudyError(
            _("class {name!r}").format(name=wanted),
            _("there is none of that number"),
            _("Classes are numbered from 0 to {last}.").format(last=classes - 1),
        )
    found: NDArray[np.bool_] = labels == wanted
    return found


def _gather(answers: _Answers, chosen: NDArray[np.bool_], classes: int) -> Cases:
    """One case an image, by its place; what is told of it is the commonest of its answers, ties to the first class."""
    v = answers.predicted.shape[1]
    kind = answers.index[chosen] * classes**v + answers.predicted[chosen] @ (classes ** np.arange(v)[::-1])
    _kinds, first, which, votes = np.unique(kind, return_index=True, return_inverse=True, return_counts=True)
    trust = np.stack([np.bincount(which, answers.confidence[chosen, j], len(votes)) for j in range(v)], axis=1)
    image = answers.index[chosen][first]
    order = np.lexsort((-votes, image))
    image, kept = np.unique(image[order], return_index=True)
    rows = order[kept]
    times = np.bincount(answers.index[chosen], minlength=1 + answers.index.max(initial=0))
    seen = np.bincount(answers.index, minlength=len(times))
    return Cases(
        image,
        answers.true[chosen][first][rows],
        answers.predicted[chosen][first][rows],
        trust[rows] / votes[rows, None],
        times[image],
        seen[image],
    )
