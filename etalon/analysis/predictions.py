"""What a variant answered, seed after seed: the table that all the analysis starts from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from etalon.errors import StudyError
from etalon.locales import _

if TYPE_CHECKING:
    import pandas as pd

    from etalon.study.run import Run

PartName = Literal["validation", "test"]


@dataclass(frozen=True, eq=False)
class Predictions:
    """The answers of one variant on one part.

    Attributes:
        variant: its name.
        part: "validation" or "test".
        seeds: (k,) the seeds it was trained with.
        index: per seed, which images of the pool it answered for: int64 (m_s,), sorted.
        labels: per seed, their classes: int64 (m_s,).
        probabilities: per seed, float32 (m_s, n_classes).
        pool: how many images there are; those of `index` are among 0..pool-1.

    Raises:
        StudyError: lists that do not go together.
    """

    variant: str
    part: PartName
    seeds: tuple[int, ...]
    index: tuple[NDArray[np.int64], ...]
    labels: tuple[NDArray[np.int64], ...]
    probabilities: tuple[NDArray[np.float32], ...]
    pool: int

    def __post_init__(self) -> None:
        lengths = {len(self.seeds), len(self.index), len(self.labels), len(self.probabilities)}
        sizes = zip(self.index, self.labels, self.probabilities, strict=False)
        if len(lengths) > 1 or not self.seeds or any(len({len(a) for a in parts}) > 1 for parts in sizes):
            raise StudyError(
                _("predictions of {variant}").format(variant=self.variant),
                _("seeds, indices, labels and probabilities do not go together"),
                _("Give one array a seed in each, as many lines in each as images."),
            )

    @property
    def n_classes(self) -> int:
        return int(self.probabilities[0].shape[1])

    @property
    def accuracy(self) -> NDArray[np.float64]:
        """(k,) share of right answers of each seed."""
        rows = range(len(self.seeds))
        return np.array([np.mean(self.predicted(s) == self.labels[s]) for s in rows], np.float64)

    def predicted(self, s: int) -> NDArray[np.int64]:
        """(m_s,) the most probable class for the seed of rank `s`."""
        answer: NDArray[np.int64] = self.probabilities[s].argmax(axis=1).astype(np.int64)
        return answer

    def confidence(self, s: int) -> NDArray[np.float32]:
        """(m_s,) the probability of the class predicted by the seed of rank `s`."""
        highest: NDArray[np.float32] = self.probabilities[s].max(axis=1)
        return highest

    def correct(self) -> NDArray[np.float32]:
        """(k, pool) 1 where the answer is right, 0 where it is wrong, NaN where the seed has not seen the image."""
        right = np.full((len(self.seeds), self.pool), np.nan, np.float32)
        for s, index in enumerate(self.index):
            right[s, index] = self.predicted(s) == self.labels[s]
        return right

    def rank(self, seed: int | None) -> int:
        """The rank of `seed` among the seeds; the first for None.

        Raises:
            StudyError: a seed that was not trained.
        """
        if seed is None:
            return 0
        if seed not in self.seeds:
            raise StudyError(
                _("seed {seed}").format(seed=seed),
                _("{variant} was not trained with it").format(variant=self.variant),
                _("Choose one of {seeds}.").format(seeds=", ".join(map(str, self.seeds))),
            )
        return self.seeds.index(seed)

    def frame(self, seed: int | None = None, names: Sequence[str] | None = None) -> "pd.DataFrame":
        """Answers and truth side by side, a line an image.

        Args:
            seed: one of `seeds`, the first by default.
            names: of the classes; their numbers by default.

        Returns:
            Columns index (in the pool), true, predicted, confidence, then one a class: its probability.
        """
        import pandas as pd

        s = self.rank(seed)
        shown = np.array(names if names is not None else range(self.n_classes))
        columns = {
            "index": self.index[s],
            "true": shown[self.labels[s]],
            "predicted": shown[self.predicted(s)],
            "confidence": self.confidence(s),
        }
        classes = pd.DataFrame(self.probabilities[s], columns=list(shown))
        frame = pd.concat([pd.DataFrame(columns), classes], axis=1)
        frame.attrs["caption"] = _("{variant}: predictions of seed {seed}").format(
            variant=self.variant, seed=self.seeds[s]
        )
        return frame


def predictions(runs: "Sequence[Run]", y: NDArray[np.int64], part: PartName) -> Predictions:
    """Gather what the runs of one variant answered.

    Args:
        runs: of one variant, one a seed.
        y: int64 (n,) labels of the pool: of the train part for "validation", of the test part for "test".
        part: which logits to read.

    Raises:
        StudyError: the test part of runs that are sealed.
    """
    if part == "validation":
        index = tuple(np.asarray(run.validation_index, np.int64) for run in runs)
        logits = tuple(run.validation_logits for run in runs)
    else:
        index = tuple(np.arange(len(y), dtype=np.int64) for _run in runs)
        logits = tuple(run.test_logits for run in runs)
        if any(len(z) < len(y) for z in logits):
            raise StudyError(
                _("predictions of {variant} on test").format(variant=runs[0].variant),
                _("the test part is sealed until the choice is made"),
                _("Open it with result.test(), which the store writes down."),
            )
    return Predictions(
        variant=runs[0].variant if runs else "",
        part=part,
        seeds=tuple(run.seed for run in runs),
        index=index,
        labels=tuple(np.asarray(y[rows], np.int64) for rows in index),
        probabilities=tuple(to_probabilities(z, run.head) for z, run in zip(logits, runs, strict=True)),
        pool=len(y),
    )


def to_probabilities(logits: NDArray[np.float32], head: str = "softmax") -> NDArray[np.float32]:
    """(m, n_classes) logits to probabilities: a sigmoid for each class for that head, else the softmax."""
    from scipy.special import expit, softmax

    z = np.asarray(logits, np.float64)
    found: NDArray[np.float32] = (expit(z) if head == "sigmoid" else softmax(z, axis=1)).astype(np.float32)
    return found
