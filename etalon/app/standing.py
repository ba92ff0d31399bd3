"""How far the trainings of a study are, which every page that shows results must say."""

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import Request, Response

from etalon.app.pages import page
from etalon.app.parts import View


@dataclass(frozen=True)
class Standing:
    """What there is of the trials that a study asks for.

    Attributes:
        finished, broken: how many.
        wanted: how many in all, so far.
        running: whether a process trains now.
        seeds: finished, wanted: seeds of each variant that has not all of its own.
        waits: whether the reference has none yet, without which there is nothing to compare.
    """

    finished: int
    broken: int
    wanted: int
    running: bool
    seeds: Mapping[str, tuple[int, int]]
    waits: bool

    @property
    def complete(self) -> bool:
        """Whether nothing is left to train."""
        return self.finished + self.broken >= self.wanted


def standing(view: View) -> Standing:
    """That of the study of a view."""
    dossier, store = view.dossier, view.desk.store
    finished = store.finished(dossier.keys)
    broken = {key for key, record in store.records(dossier.keys).items() if record.status in ("diverged", "failed")}
    seeds = {one.name: (len(finished & set(one.keys.values())), len(one.keys)) for one in dossier.candidates}
    return Standing(
        len(finished),
        len(broken - finished),
        len(dossier.keys),
        store.running(dossier.id),
        {name: (there, wanted) for name, (there, wanted) in seeds.items() if there < wanted},
        not finished & set(dossier.reference.keys.values()),
    )


def waiting(request: Request, view: View, stands: Standing) -> Response:
    """The page that stands in for results as long as there are none."""
    return page(request, "waiting.html", view=view, standing=stands)
