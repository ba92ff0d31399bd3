"""The trained networks of a store, made when they are first asked for, the last ones kept."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import RLock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from etalon.analysis.calibration import fit_temperature, head_of, probabilities
from etalon.analysis.predictions import to_probabilities
from etalon.app.desk import Desk
from etalon.app.parts import View
from etalon.errors import EtalonError
from etalon.models.network import Network
from etalon.outcome import Outcome
from etalon.study.run import Run
from etalon.train.predict import predict
from etalon.train.saliency import saliency

KEPT = 64  # networks

Images = NDArray[Any]  # uint8 or float32 (n, h, w, c), values 0..255


@dataclass(frozen=True, eq=False)
class Networks:
    """The networks asked for last, by the key of their trial. One predicts at a time: the other cores train.

    Attributes:
        most: how many are kept in memory.
    """

    most: int = KEPT
    _kept: "OrderedDict[str, Network]" = field(default_factory=OrderedDict)
    _lock: RLock = field(default_factory=RLock)

    def __len__(self) -> int:
        return len(self._kept)

    def logits(self, outcome: Outcome, run: Run, images: Images) -> NDArray[np.float32]:
        """What the network of a run answers: float32 (n, n_classes).

        Raises:
            StudyError: the network cannot be made without the code of the study.
            StoreError: its weights are damaged.
        """
        with self._lock:
            return predict(self._network(outcome, run), images, outcome.candidate.recipe.scale)

    def slope(self, outcome: Outcome, run: Run, image: Images, label: int) -> NDArray[np.float32]:
        """How much each pixel of (h, w, c) could move the logit of a class: float32 (h, w); raises as `logits`."""
        with self._lock:
            return saliency(self._network(outcome, run), image, outcome.candidate.recipe.scale, label)

    def _network(self, outcome: Outcome, run: Run) -> Network:
        if run.key not in self._kept:
            self._kept[run.key] = outcome.network(run.seed)
            while len(self._kept) > self.most:
                self._kept.popitem(last=False)
        self._kept.move_to_end(run.key)
        return self._kept[run.key]


@dataclass(frozen=True, eq=False)
class Answer:
    """What the seeds of a variant say of an image.

    Attributes:
        seeds: (k,).
        probabilities: (k, c); none where the network could not be made.
        error: why it could not.
    """

    variant: str
    seeds: tuple[int, ...]
    probabilities: NDArray[np.floating]
    error: EtalonError | None = None

    @property
    def mean(self) -> NDArray[np.float64]:
        """(c,) over seeds."""
        found: NDArray[np.float64] = self.probabilities.mean(axis=0, dtype=np.float64)
        return found

    @property
    def low(self) -> NDArray[np.floating]:
        """(c,) the least of the seeds."""
        found: NDArray[np.floating] = self.probabilities.min(axis=0)
        return found

    @property
    def high(self) -> NDArray[np.floating]:
        """(c,) the greatest of the seeds."""
        found: NDArray[np.floating] = self.probabilities.max(axis=0)
        return found

    @property
    def predicted(self) -> int:
        """The class of the greatest mean probability."""
        return int(self.mean.argmax())

    @property
    def agreeing(self) -> int:
        """How many seeds predict it."""
        return int((self.probabilities.argmax(axis=1) == self.predicted).sum())

    @property
    def surest(self) -> list[int]:
        """The classes, from the most probable to the least."""
        return [int(c) for c in np.argsort(-self.mean, kind="stable")]


def networks(desk: Desk) -> Networks:
    """Those of the desk."""
    return desk.once("networks", Networks)


def answer(desk: Desk, outcome: Outcome, image: Images, temperatures: Sequence[float] | None = None) -> Answer:
    """What all the seeds of a variant say of an image (h, w, c), with its logits divided by their temperatures."""
    runs = outcome.runs
    seeds = tuple(run.seed for run in runs)
    try:
        logits = [networks(desk).logits(outcome, run, image[None]) for run in runs]
    except EtalonError as error:
        return Answer(outcome.name, seeds, np.empty((0, outcome.plan.dataset.n_classes)), error)
    if temperatures is None:
        each = [to_probabilities(z, run.head)[0] for z, run in zip(logits, runs, strict=True)]
    else:
        head = head_of(runs[0].head, outcome.candidate.recipe.loss) or "softmax"
        each = [probabilities(z, head, t)[0] for z, t in zip(logits, temperatures, strict=True)]
    return Answer(outcome.name, seeds, np.stack(each))


def temperatures(view: View, outcome: Outcome) -> tuple[float, ...] | None:
    """One a seed, fitted on its validation images; None where the outputs are no probabilities."""
    head = head_of(outcome.runs[0].head, outcome.candidate.recipe.loss)
    if head is None:
        return None
    y = outcome.plan.dataset.train.y
    return view.made(
        ("temperatures", outcome.name),
        lambda: tuple(fit_temperature(run.validation_logits, y[run.validation_index], head) for run in outcome.runs),
    )


def recommended(view: View) -> str:
    """The name of the variant to choose, which pages show first."""
    return view.made("recommended", lambda: view.desk.result(view.dossier.id, stamp=view.stamp).recommend().chosen)
