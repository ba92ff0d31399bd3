"""A search: the arguments or settings of a variant that do best on validation.

Nothing is decided by who finishes first: configurations are trained cohort by cohort and, under successive halving,
rung by rung. The same call thus gives the same result, whatever the number of processes and whatever the store already
holds. A trial has the key that it has in a study: what either has trained serves the other.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, isfinite
from typing import Any

from etalon.errors import EtalonError, StudyError
from etalon.locales import _, among, choose, ngettext
from etalon.study.executors import Executor, executor
from etalon.study.found import METRICS, Configuration, Search, Searched, varied, written
from etalon.study.plan import Plan
from etalon.study.progress import progress as show_progress
from etalon.study.space import Arguments, Grid, Outcome, Space, State, proposals, space
from etalon.study.store import Store
from etalon.study.variant import Candidate, Variant
from etalon.train.recipe import EarlyStopping

FACTOR = 3  # of successive halving: a third goes on, rounded up


def search(
    study: Searched,
    over: Mapping[str, Any],
    *,
    of: str | None = None,
    metric: str = "val_loss",
    trials: int | None = None,
    seeds: int = 1,
    halving: bool | int = False,
    patience: int | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> Search:
    """Try values of the settings of a recipe, or of the arguments of a variant's function; the test part stays sealed.

    Args:
        study: an `etalon.Study`; it is left as it is.
        over: name -> a list of values, or `etalon.Between(low, high)`. With lists alone, every combination is tried.
        of: the variant whose function and settings are the start; by default the reference.
        metric: what chooses: "val_loss" or "val_accuracy", of the weights kept, mean over seeds.
        trials: with a range, how many configurations are drawn, by Optuna's TPE; 20 by default. With lists, draw so
            many instead of trying all.
        seeds: how many of the study's seeds each configuration is trained with.
        halving: successive halving (Jamieson and Talwalkar 2016): all are trained a few epochs, the best third goes
            on for three times as long, and so on. A number is the factor; True is 3.
        patience: stop each training after so many epochs without progress of the metric, and keep its best weights.
        workers, progress: as in `Study.run`.

    Raises:
        StudyError: something that is not of the study, or has no meaning.
        EtalonError: a value, in a list, with which no model or recipe can be made.
    """
    given = space(over)
    base = _checked(study, given, of, metric, seeds, halving)
    settings = _patience(patience, metric, given)
    source = proposals(given, trials, maximise=METRICS[metric] is max)
    chosen_seeds = study.seeds[:seeds]
    plan = Plan(choose(study.title), study.dataset, (), study.split, chosen_seeds, Store(study.folder))

    def make(name: str, arguments: Arguments) -> Candidate:
        return Candidate.of(varied(base, {**settings, **arguments}, name), study.settings, study.dataset)

    tried: list[_Tried] = []
    with executor(workers, source.together * seeds) as carrier:
        ladder = _Ladder(
            plan=plan,
            make=make,
            strict=isinstance(source, Grid),
            metric=metric,
            factor=FACTOR if halving is True else int(halving),
            carrier=carrier,
            progress=progress,
        )
        while cohort := source.ask():
            tried += ladder.climb(_named(base.name, cohort, tried))
            source.tell([_found(arguments, tried).outcome for arguments in cohort])
    found = tuple(one.configuration for one in tried)
    return Search(study, settings, base.name, given, metric, chosen_seeds, found)


def rungs(configurations: int, epochs: int, factor: int) -> list[int]:
    """The epochs at which configurations are compared, the last of them all the epochs.

    Args:
        factor: 1/factor of them, rounded up, goes on from a rung; 0 for no halving.
    """
    halvings = 0
    while factor and factor ** (halvings + 1) <= configurations:
        halvings += 1
    return sorted({ceil(epochs / factor**left) if left else epochs for left in range(halvings + 1)})


@dataclass(frozen=True, eq=False)
class _Tried:
    """A configuration, and its score at each rung that it has reached."""

    configuration: Configuration
    rungs: Mapping[int, float]

    @property
    def outcome(self) -> Outcome:
        """What the source of proposals is told."""
        broken = self.configuration.state in ("diverged", "failed")
        return Outcome(self.configuration.state, {} if broken else self.rungs)


@dataclass(frozen=True)
class _Seen:
    """A trial after some epochs; `ended`: nothing is left to train."""

    epochs: int
    score: float
    ended: bool


@dataclass(frozen=True, eq=False)
class _Ladder:
    """What a cohort climbs: all of it trained to the first rung, the best of it to the next."""

    plan: Plan
    make: Callable[[str, Arguments], Candidate]
    strict: bool  # refuse a configuration that cannot be made, rather than note it down
    metric: str
    factor: int
    carrier: Executor
    progress: bool

    def climb(self, cohort: Mapping[str, Arguments]) -> list[_Tried]:
        """Train the cohort, by name, and compare; its order is kept."""
        tried: dict[str, _Tried] = {}
        standing: list[Candidate] = []
        for name, arguments in cohort.items():
            try:
                standing.append(self.make(name, arguments))
                error = ""
            except EtalonError as refusal:
                if self.strict:
                    raise
                error = str(refusal)
            tried[name] = _Tried(Configuration(name, arguments, "failed", error=error), {})
        epochs = max((candidate.recipe.epochs for candidate in standing), default=1)
        for until in rungs(len(standing), epochs, self.factor):
            plan = replace(self.plan, candidates=standing, until=until)
            self._train(plan, until)
            for candidate in standing:
                tried[candidate.name] = self._look(plan, candidate, tried[candidate.name], until)
            standing = self._best(plan, standing, tried)
        return list(tried.values())

    def _train(self, plan: Plan, until: int) -> None:
        epochs = {c.name: min(until, c.recipe.epochs) for c in plan.candidates}
        names = {key: (name, seed, epochs[name]) for (name, seed), key in plan.keys.items()}
        with show_progress(names, len(plan.missing()), show=self.progress) as notify:
            plan.execute(self.carrier, notify)

    def _look(self, plan: Plan, candidate: Candidate, before: _Tried, until: int) -> _Tried:
        """The configuration after `until` epochs; "pruned", should it go no further, unless it has ended by itself."""
        name, arguments = before.configuration.name, before.configuration.arguments
        seen = {seed: self._seen(plan, candidate, seed, until) for seed in plan.seeds}
        there = [trial for trial in seen.values() if trial]
        if len(there) < len(seen):
            state, error = _breakdown(plan, name, [seed for seed, trial in seen.items() if not trial])
            return _Tried(Configuration(name, arguments, state, error=error), {})
        ended = all(trial.ended for trial in there)
        found = Configuration(
            name,
            arguments,
            "finished" if ended else "pruned",
            max(trial.epochs for trial in there),
            tuple(trial.score for trial in there),
        )
        if not isfinite(found.score):
            error = _("{metric} is {score}").format(metric=self.metric, score=found.score)
            found = replace(found, state="diverged", scores=(), error=error)
        return _Tried(found, {**before.rungs, until: found.score})

    def _seen(self, plan: Plan, candidate: Candidate, seed: int, until: int) -> _Seen | None:
        """A trial as it was after `until` epochs, whatever was trained later; None if it has not come so far."""
        key, stopping = plan.keys[candidate.name, seed], candidate.recipe.early_stopping
        if plan.store.has(key):
            run = plan.store.load(key)
            history: Mapping[str, Sequence[float]] = run.history
            if len(history["loss"]) <= until:
                return _Seen(len(history["loss"]), history[self.metric][run.best_epoch - 1], True)
        else:
            history = plan.store.history(key)
            if len(history.get("loss", ())) < until:
                return None
        past = history[self.metric][:until]
        restored = stopping is not None and stopping.restore_best_weights
        return _Seen(until, METRICS[self.metric](past) if restored else past[-1], False)

    def _best(self, plan: Plan, standing: Sequence[Candidate], tried: Mapping[str, _Tried]) -> list[Candidate]:
        """Those that go on; the others are recorded as pruned."""
        sign = 1 if METRICS[self.metric] is min else -1
        whole = [c for c in standing if tried[c.name].configuration.state in ("pruned", "finished")]
        ranked = sorted(whole, key=lambda c: sign * tried[c.name].configuration.score)
        on = ceil(len(standing) / self.factor) if self.factor else len(ranked)
        for candidate in ranked[on:]:
            for seed in plan.seeds:
                key = plan.keys[candidate.name, seed]
                if not plan.store.has(key):
                    plan.store.prune(key, plan.title, candidate.name, seed)
        return ranked[:on]


def _breakdown(plan: Plan, name: str, seeds: Sequence[int]) -> tuple[State, str]:
    """Whether a training diverged, or broke down otherwise, and what was said of it."""
    records = plan.store.records([plan.keys[name, seed] for seed in seeds]).values()
    diverged = any(record.status == "diverged" for record in records)
    return "diverged" if diverged else "failed", next((record.error for record in records if record.error), "")


def _checked(study: Searched, over: Space, of: str | None, metric: str, seeds: int, halving: bool | int) -> Variant:
    """The variant to start from.

    Raises:
        StudyError: see `search`.
    """
    if not study.variants:
        raise StudyError(
            _("a study without a reference"), _("there is nothing to train"), _("Declare @study.reference.")
        )
    if of is not None and of not in study.variants:
        raise StudyError(
            f"of={of!r}",
            _("the study has no variant of this name"),
            among(of, list(study.variants)),
        )
    if metric not in METRICS:
        raise StudyError(
            f"metric={metric!r}",
            _("a search chooses by a figure of validation"),
            _("Use one of {names}.").format(names=", ".join(METRICS)),
        )
    if not 1 <= seeds <= len(study.seeds):
        raise StudyError(
            f"seeds={seeds}",
            ngettext("the study has {n} seed", "the study has {n} seeds", len(study.seeds)).format(n=len(study.seeds)),
            _("Say how many of them each configuration is trained with, or give the study more."),
        )
    if halving is not True and halving != 0 and halving < 2:
        raise StudyError(
            f"halving={halving}",
            _("it would stop none, or all"),
            _("Say halving=True, or the factor: 3 lets the best third go on."),
        )
    base = study.variants[of] if of else next(iter(study.variants.values()))
    varied(base, dict.fromkeys(over), base.name)
    return base


def _patience(patience: int | None, metric: str, over: Space) -> dict[str, Any]:
    """The setting of the recipe that it stands for."""
    if patience is None:
        return {}
    if patience < 1 or "early_stopping" in over:
        raise StudyError(
            f"patience={patience}",
            _("it is a number of epochs without progress, the same for every configuration"),
            _("Say patience=3, or search over early_stopping without it."),
        )
    return {"early_stopping": EarlyStopping.model_validate({"patience": patience, "monitor": metric})}


def _named(base: str, cohort: Sequence[Arguments], tried: Sequence[_Tried]) -> dict[str, Arguments]:
    """What is new in a cohort, each under a name of its own."""
    named: dict[str, Arguments] = {}
    taken = {one.configuration.name for one in tried}
    for arguments in cohort:
        if any(one.configuration.arguments == arguments for one in tried) or arguments in named.values():
            continue
        name = first = f"{base}({', '.join(f'{k}={written(v)}' for k, v in arguments.items())})"
        while name in taken:
            name = f"{first} #{len(taken)}"
        taken.add(name)
        named[name] = arguments
    return named


def _found(arguments: Arguments, tried: Sequence[_Tried]) -> _Tried:
    return next(one for one in tried if one.configuration.arguments == arguments)
