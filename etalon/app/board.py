"""How far the trainings of a study are, from what they have told."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from math import isfinite
from typing import Any, Literal

from etalon.study.journal import Dossier, Told
from etalon.study.store import Record

CURVES = ("accuracy", "val_accuracy", "loss", "val_loss")
SETTLED = frozenset({"done", "diverged", "failed"})
DIGITS = 6  # decimals of a figure that is drawn

TrialState = Literal["waiting", "training", "stopped", "done", "diverged", "failed"]


@dataclass
class Trial:
    """What is known of a trial.

    Attributes:
        epoch, epochs: done, and planned.
        curves: the figures of each epoch by name, None for an epoch that was not heard of.
        seconds: that each of the epochs took.
    """

    state: TrialState = "waiting"
    epoch: int = 0
    epochs: int = 0
    error: str = ""
    curves: dict[str, list[float | None]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)

    def note(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Note the figures of an epoch; one that is trained again takes the place of what it was."""
        self.epoch = epoch
        for name in CURVES:
            told = self.curves.setdefault(name, [])
            told[epoch - 1 :] = [None] * (epoch - 1 - len(told)) + [drawn(logs.get(name))]
        if "seconds" in logs:
            self.seconds.append(logs["seconds"])


@dataclass(frozen=True)
class Progress:
    """How far the whole study is.

    Attributes:
        running: whether a process trains it.
        done, failed, trials: of the trials.
        epochs, planned: epochs done, and those that all the trials have; a trial that stopped early, as it was asked
            to, has no more than it did.
        spent: seconds for which trainings have gone on, whenever that was; None where nobody has told.
        left: seconds until the end, at the pace so far; None where nobody can tell.
    """

    running: bool
    done: int
    failed: int
    trials: int
    epochs: int
    planned: int
    spent: float | None
    left: float | None


class Board:
    """The trials of a study, each event of its diary moving one."""

    def __init__(self) -> None:
        self.trials: dict[str, Trial] = {}
        self._begun = self._last = 0.0  # of the trainings under way, or of the last ones
        self._before = 0.0  # seconds that those before them took
        self._spent, self._workers = 0.0, 1  # seconds of training since then, and how many at once

    def tell(self, told: Told) -> None:
        """Something has happened."""
        if told.what == "run":
            self._before += self._last - self._begun
            self._begun, self._spent, self._workers = told.when, 0.0, max(1, told.workers)
        if self._begun:
            self._last = told.when
        if told.what in ("run", "end"):
            for trial in self.trials.values():
                if trial.state == "training":
                    trial.state = "stopped"
        if not told.key:
            return
        trial = self.trials.setdefault(told.key, Trial())
        trial.epochs = told.epochs or trial.epochs
        trial.error = told.error
        trial.state = _state(told.what)
        if told.what == "epoch":
            trial.note(told.epoch, told.logs or {})
            self._spent += (told.logs or {}).get("seconds", 0.0)

    def settle(self, records: Iterable[Record], histories: Mapping[str, Mapping[str, Sequence[float]]]) -> None:
        """Take from the store what the events do not tell: trials finished for another study, or long ago.

        Args:
            histories: figures of each epoch, of the finished trials that have no curves.
        """
        for record in records:
            trial = self.trials.setdefault(record.key, Trial())
            if record.status in SETTLED and trial.state not in ("training", record.status):
                trial.state, trial.error = _state(record.status), record.error or ""
        for key, history in histories.items():
            trial = self.trials.setdefault(key, Trial())
            trial.curves = {name: [drawn(value) for value in history.get(name, ())] for name in CURVES}
            trial.epoch = len(trial.curves["loss"])

    def trial(self, key: str, running: bool) -> Trial:
        """One of them; one that was under way when its process was killed is no longer."""
        trial = self.trials.get(key, Trial())
        return replace(trial, state="stopped") if trial.state == "training" and not running else trial

    def progress(self, dossier: Dossier, running: bool) -> Progress:
        """How far the trials that the study wants are."""
        trials = {key: self.trial(key, running) for key in dossier.keys}
        wanted = _planned(dossier)
        epochs = {key: trial.epoch for key, trial in trials.items()}
        for key, trial in trials.items():
            if trial.state == "done":
                epochs[key] = wanted[key] = trial.epoch or wanted[key]
        missing = {key: 0 if trials[key].state in SETTLED else wanted[key] - epochs[key] for key in trials}
        return Progress(
            running,
            sum(trial.state == "done" for trial in trials.values()),
            sum(trial.state in ("diverged", "failed") for trial in trials.values()),
            len(trials),
            sum(epochs.values()),
            sum(wanted.values()),
            self._before + self._last - self._begun if self._begun else None,
            self._left(dossier, missing) if running else None,
        )

    def _left(self, dossier: Dossier, missing: Mapping[str, int]) -> float | None:
        """Each variant's own pace where it is known, that of all elsewhere; and what goes by between epochs."""
        own = {
            candidate.name: [s for key in candidate.keys.values() for s in self.trials.get(key, Trial()).seconds]
            for candidate in dossier.candidates
        }
        every = [s for some in own.values() for s in some]
        if not every or not self._spent:
            return None
        pace = {name: _mean(some or every) for name, some in own.items()}
        of = {key: c.name for c in reversed(dossier.candidates) for key in c.keys.values()}
        alone = sum(epochs * pace[of[key]] for key, epochs in missing.items())
        around = max(1.0, (self._last - self._begun) * self._workers / self._spent)
        return alone * around / self._workers

    def to_json(self, dossier: Dossier, running: bool) -> dict[str, Any]:
        """The trials by key, and how far all of them are."""
        trials = {key: self.trial(key, running) for key in sorted(dossier.keys)}
        shown = {key: {n: v for n, v in asdict(trial).items() if n != "seconds"} for key, trial in trials.items()}
        return {"trials": shown, "progress": asdict(self.progress(dossier, running))}


def drawn(value: float | None) -> float | None:
    """A figure with the decimals that can be seen; None for one that is no number."""
    return None if value is None or not isfinite(value) else round(value, DIGITS)


def _planned(dossier: Dossier) -> dict[str, int]:
    """The epochs of each trial."""
    return {key: int(c.recipe["epochs"]) for c in reversed(dossier.candidates) for key in c.keys.values()}


def _state(what: str) -> TrialState:
    known: dict[str, TrialState] = {"done": "done", "diverged": "diverged", "failed": "failed"}
    return known.get(what, "training")


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
