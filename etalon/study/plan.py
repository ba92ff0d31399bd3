"""What a study has to train: every candidate with every seed, each trial under its key."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Self

from etalon.data.dataset import Dataset
from etalon.data.splits import Split
from etalon.study.executors import Executor, Notify, cores, executor
from etalon.study.run import Run
from etalon.study.store import Record, Store
from etalon.study.trial import Trial
from etalon.study.variant import Candidate


@dataclass(frozen=True)
class Tally:
    """How many trials were trained now, were there already, or broke down."""

    trained: int
    cached: int
    failed: int


@dataclass(frozen=True, eq=False)
class Plan:
    """A dataset, candidates (the reference first), a split, seeds, and the store that remembers.

    until: train no trial beyond that many epochs; None: each to its end.
    looks: numbers of seeds after which verdicts decide which variants get more; none: all have all the seeds.
    taken: how many of the seeds, the first ones, each variant is trained with; all of them where it does not say.
    """

    title: str
    dataset: Dataset
    candidates: Sequence[Candidate]
    split: Split
    seeds: Sequence[int]
    store: Store
    until: int | None = None
    looks: tuple[int, ...] = ()
    taken: Mapping[str, int] = field(default_factory=dict)

    @cached_property
    def keys(self) -> Mapping[tuple[str, int], str]:
        """The key of each trial, by variant and seed; seeds first, so that every variant advances together."""
        return {
            (c.name, seed): c.key(self.dataset, self.split, seed)
            for rank, seed in enumerate(self.seeds)
            for c in self.candidates
            if rank < self.taken.get(c.name, len(self.seeds))
        }

    @property
    def whole(self) -> Self:
        """The same with all the seeds for every variant."""
        return replace(self, taken={})

    @property
    def threads(self) -> int:
        """For each trial: one where there are as many trials as cores, more where there are fewer.

        All trials count, trained already or not: one that is taken up again is trained as it was begun. Under `until`,
        always one: the plans of a search grow smaller from rung to rung, and its trials go from one to the next.
        """
        return 1 if self.until is not None else max(1, cores() // len(set(self.keys.values())))

    def missing(self) -> list[tuple[str, int]]:
        """The trials to train: not finished, and not known to diverge. Two variants that are the same share a trial."""
        finished, records = self.store.finished(self.keys.values()), self.store.records(self.keys.values())
        diverged = {key for key, record in records.items() if record.status == "diverged"}
        wanted: dict[str, tuple[str, int]] = {}
        for place, key in self.keys.items():
            if key not in finished | diverged and not self._far_enough(key):
                wanted.setdefault(key, place)
        return list(wanted.values())

    def execute(self, workers: int | Executor | None, notify: Notify) -> Tally:
        """Train what is missing; whatever happens, every finished trial is kept.

        Args:
            workers: how many processes, see `executor`; or who trains.
        """
        missing = self.missing()
        makers = [partial(self._trial, variant, seed) for variant, seed in missing]
        if makers:
            carrier = executor(workers, len(makers)) if isinstance(workers, int | None) else workers
            carrier.run(makers, self.dataset, self.store, notify)
        wanted = {self.keys[place] for place in missing}
        broken = {record.key for record in self.failures().values()}
        return Tally(len(wanted - broken), len(set(self.keys.values()) - wanted - broken), len(broken))

    def runs(self) -> dict[str, tuple[Run, ...]]:
        """The finished runs of each variant, in the order of the seeds."""
        done = self.store.finished(self.keys.values())
        keys = {c.name: [self.keys.get((c.name, seed)) for seed in self.seeds] for c in self.candidates}
        return {name: tuple(self.store.load(key) for key in some if key in done) for name, some in keys.items()}

    def failures(self) -> dict[tuple[str, int], Record]:
        """The trials that broke down, and why."""
        records = self.store.records(self.keys.values())
        broken = {key: record for key, record in records.items() if record.status in ("diverged", "failed")}
        return {place: broken[key] for place, key in self.keys.items() if key in broken}

    def _far_enough(self, key: str) -> bool:
        return self.until is not None and len(self.store.history(key).get("loss", ())) >= self.until

    def _trial(self, variant: str, seed: int) -> Trial:
        candidate = next(c for c in self.candidates if c.name == variant)
        return Trial(
            self.keys[variant, seed],
            self.title,
            variant,
            seed,
            candidate.network(seed),
            candidate.recipe,
            self.split,
            candidate.callbacks,
            self.threads,
            self.until,
        )
