"""The results of a study opened again from the store alone: its code is not run, nor needed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from etalon.data.dataset import Dataset
from etalon.data.splits import Split
from etalon.errors import StudyError
from etalon.locales import _, choose
from etalon.models.lower import Network, lower
from etalon.models.remade import remade
from etalon.models.weights import WeightsTable
from etalon.result import Result
from etalon.study.journal import Described, Dossier
from etalon.study.plan import Plan
from etalon.study.settle import so_far
from etalon.study.shelf import digest
from etalon.study.store import Store
from etalon.study.variant import Candidate, Variant
from etalon.train.recipe import Recipe


def reopen(store: Store, id: str) -> Result:
    """The results of a study on validation, from the trials that have ended; it may still be under way.

    They are those of `Study.result()`, without the study's questions. Networks are there for variants made of Keras's
    layers; that of a torch module takes its code.

    Raises:
        StoreError: the store knows no such study, or its images or a trial are damaged or have been deleted.
        StudyError: the reference has no finished trial yet.
    """
    dossier = store.study(id)
    told = dossier.dataset
    dataset = replace(store.shared(told.digest), name=told.name, classes=told.classes, origin=told.provenance)
    plan = Plan(
        choose(dossier.title),
        dataset,
        [_candidate(one, dataset) for one in dossier.candidates],
        dossier.split,
        dossier.seeds,
        store,
        looks=dossier.looks,
        taken={one.name: one.taken for one in dossier.candidates},
    )
    return Result(
        plan,
        so_far(plan),
        title=dossier.title,
        context=dossier.context,
        rope=dossier.rope,
        study=None,
        notice=dossier.notice,
    )


def state(store: Store, dossier: Dossier) -> str:
    """What tells whether the results of a study have changed: what it says, its finished trials, its breakdowns."""
    broken = [(r.key, r.status, r.error) for r in store.records(dossier.keys).values() if r.status != "done"]
    said = dossier.model_dump(mode="json", exclude={"created", "updated"})
    return digest([said, store.stamp(dossier.keys), sorted(broken, key=str)])


@dataclass(frozen=True, eq=False)
class Remembered(Candidate):
    """A candidate as the store remembers it; its model is made at the first need, if it can be.

    keys: of its trials, by seed; table: its weights, as they were told when the model was there.
    """

    keys: Mapping[int, str] = field(kw_only=True)
    table: WeightsTable = field(kw_only=True)

    @cached_property
    def weights(self) -> WeightsTable:
        """Weights per layer, per neuron or filter."""
        return self.table

    def network(self, seed: int) -> Network:
        """A torch network whose weights are to be loaded: those that it begins with are no seed's.

        Raises:
            StudyError: the variant is a torch module.
        """
        return lower(self.model, self.image_shape)

    def key(self, dataset: Dataset, split: Split, seed: int) -> str:
        """The key of the trial, as it was when it was trained."""
        return self.keys[seed]


def _candidate(told: Described, dataset: Dataset) -> Remembered:
    make = _maker(told)
    return Remembered(
        Variant(told.name, make, told.because, after=told.after, text=told.source),
        make,
        Recipe.model_validate(told.recipe),
        dataset.image_shape,
        factors=told.factors,
        after=told.after,
        keys=told.planned,
        table=told.weights,
    )


def _maker(told: Described) -> Callable[[], Any]:
    """What makes its Keras model, anew at each call."""
    description = told.model
    if description is not None:
        return lambda: remade(description)

    def refuse() -> Any:
        raise StudyError(
            _("the network of {name}").format(name=told.name),
            _("it takes code that the store does not have: a torch module, or layers of one's own"),
            _("Open the study's file in Python with etalon.open_study, and take the network from its results."),
        )

    return refuse
