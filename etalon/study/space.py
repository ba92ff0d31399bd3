"""What a search tries: every combination of some values, or arguments drawn by Optuna from what has been seen."""

import ast
import itertools
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from etalon.errors import StudyError
from etalon.locales import _

if TYPE_CHECKING:
    from optuna import Study as OptunaStudy
    from optuna.distributions import BaseDistribution

Arguments = dict[str, Any]
State = Literal["finished", "pruned", "diverged", "failed"]

COHORT = 10  # drawn together: not the number of processes, on which the result would then depend
TRIALS = 20


@dataclass(frozen=True)
class Between:
    """A range, both ends included: whole numbers if both are whole.

    Attributes:
        log: a factor of 2 counts the same everywhere; so should learning rates and numbers of filters be drawn.

    Raises:
        StudyError: ends in the wrong order, or not positive under `log`.
    """

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        if not self.low < self.high or (self.log and self.low <= 0):
            raise StudyError(
                f"{self}",
                _("it is empty, or has no logarithm"),
                _("Say Between(low, high) with low < high, both positive if log=True."),
            )

    @property
    def whole(self) -> bool:
        """Whether whole numbers are drawn."""
        return isinstance(self.low, int) and isinstance(self.high, int)


Space = Mapping[str, Between | Sequence[Any]]


@dataclass(frozen=True)
class Outcome:
    """What came of some arguments; `scores` are those after so many epochs, at which it was compared with others."""

    state: State
    scores: Mapping[int, float]


class Proposals(Protocol):
    """Gives arguments, cohort after cohort; each is told of before the next is asked for.

    together: how many make the first.
    """

    together: int

    def ask(self) -> list[Arguments]:
        """The next cohort; empty when that is all."""

    def tell(self, outcomes: Sequence[Outcome]) -> None:
        """What came of the last cohort, in its order."""


def space(over: Mapping[str, Any]) -> Space:
    """`over`, its values made lists.

    Raises:
        StudyError: nothing to search over, or an argument with no list of values.
    """
    if not over:
        raise StudyError("over={}", _("there is nothing to search over"), _('Say over={"learning_rate": [0.1, 0.01]}.'))
    found: dict[str, Between | Sequence[Any]] = {}
    for name, values in over.items():
        if isinstance(values, Between):
            found[name] = values
            continue
        listed = [] if isinstance(values, str) or not isinstance(values, Iterable) else list(_plain(values))
        if not listed:
            raise StudyError(
                f"over={{{name!r}: {values!r}}}",
                _("neither values nor a range"),
                _("Give a list of values, or etalon.Between(low, high)."),
            )
        found[name] = [value for i, value in enumerate(listed) if value not in listed[:i]]
    return found


def read(text: str) -> tuple[str, Between | list[Any]]:
    """What the command line says: NAME=VALUE,VALUE,... or NAME=LOW..HIGH, where LOW..HIGH,log draws on a log scale.

    Raises:
        StudyError: it says neither.
    """
    name, equals, told = text.partition("=")
    parts = [_literal(part.strip()) for part in told.removesuffix(",log").replace("..", ",").split(",")]
    if not (name and equals and told):
        raise StudyError(
            f"--over {text}", _("neither values nor a range"), _("Say NAME=VALUE,VALUE or NAME=LOW..HIGH.")
        )
    if ".." not in told:
        return name, parts
    if len(parts) != 2 or not all(isinstance(part, int | float) for part in parts):
        raise StudyError(
            f"--over {text}", _("a range has two numbers"), _("Say NAME=LOW..HIGH, or NAME=LOW..HIGH,log.")
        )
    return name, Between(parts[0], parts[1], told.endswith(",log"))


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def proposals(over: Space, trials: int | None, *, maximise: bool) -> Proposals:
    """Every combination where there are only lists and no number of trials; else a sample."""
    if trials is not None and trials < 1:
        raise StudyError(f"trials={trials}", _("nothing would be tried"), _("Give 1 or more."))
    if trials is None and not any(isinstance(values, Between) for values in over.values()):
        return Grid(over)
    return Sample(over, trials or TRIALS, maximise=maximise)


class Grid:
    """Every combination of the values, in one cohort."""

    def __init__(self, over: Space) -> None:
        lists = [values for values in over.values() if not isinstance(values, Between)]
        self._left = [dict(zip(over, values, strict=True)) for values in itertools.product(*lists)]
        self.together = len(self._left)

    def ask(self) -> list[Arguments]:
        """See Proposals."""
        asked, self._left = self._left, []
        return asked

    def tell(self, outcomes: Sequence[Outcome]) -> None:
        """Nothing depends on it."""


class Sample:
    """Optuna's tree-structured Parzen estimator (Bergstra et al. 2011): the first cohort at random, then where the
    best were. Stopped trainings count by how far they went, as in Optuna's own pruning."""

    def __init__(self, over: Space, trials: int, *, maximise: bool) -> None:
        self._over, self._left = over, trials
        self.together = min(COHORT, trials)
        self._distributions = {name: _distribution(values) for name, values in over.items()}
        self._study = _optuna_study("maximize" if maximise else "minimize")
        self._asked: list[Any] = []

    def ask(self) -> list[Arguments]:
        """See Proposals."""
        cohort = min(COHORT, self._left)
        self._left -= cohort
        self._asked = [self._study.ask(self._distributions) for _i in range(cohort)]
        return [{name: self._value(name, drawn) for name, drawn in trial.params.items()} for trial in self._asked]

    def tell(self, outcomes: Sequence[Outcome]) -> None:
        """See Proposals."""
        from optuna.trial import TrialState

        for trial, outcome in zip(self._asked, outcomes, strict=True):
            for epochs, score in outcome.scores.items():
                trial.report(score, epochs)
            if outcome.state == "finished":
                self._study.tell(trial, list(outcome.scores.values())[-1])
            else:  # one that diverged, stopped before any epoch, is the worst of all
                self._study.tell(trial, state=TrialState.FAIL if outcome.state == "failed" else TrialState.PRUNED)

    def _value(self, name: str, drawn: Any) -> Any:
        values = self._over[name]
        return drawn if isinstance(values, Between) else values[drawn]


def _plain(values: Iterable[Any]) -> Iterable[Any]:
    """An array of numpy as Python's own numbers: they are written in the trial's key."""
    tolist = getattr(values, "tolist", None)
    found: Iterable[Any] = tolist() if tolist else values
    return found


def _distribution(values: Between | Sequence[Any]) -> "BaseDistribution":
    """Optuna's; values of a list by their index, since they may be anything."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if not isinstance(values, Between):
        return CategoricalDistribution(range(len(values)))
    if values.whole:
        return IntDistribution(int(values.low), int(values.high), log=values.log)
    return FloatDistribution(values.low, values.high, log=values.log)


def _optuna_study(direction: Literal["minimize", "maximize"]) -> "OptunaStudy":
    import optuna

    with _quiet(optuna):
        sampler = optuna.samplers.TPESampler(seed=0, n_startup_trials=COHORT, constant_liar=True)
        return optuna.create_study(sampler=sampler, direction=direction)


@contextmanager
def _quiet(optuna: Any) -> Iterator[None]:
    """Without the news of Optuna, nor its warning that `constant_liar` may change."""
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(verbosity)
