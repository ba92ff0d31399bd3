"""How far the trainings of a study are, which every page that shows results must say; and pages that stand in."""

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import Request, Response

from etalon.app.pages import page
from etalon.app.parts import View

AWAIT = "await"  # what waits in a page, by its id in the page


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


def preparing(request: Request, view: View) -> Response:
    """The page that stands in for results as long as they are being read and computed; it comes again by itself."""
    if "hx-request" in request.headers:
        return turned(not asks_whether(request))
    return page(request, "preparing.html", view=view)


def asks_whether(request: Request) -> bool:
    """Whether it is a page that waits, and asks whether what it waits for is there."""
    return request.headers.get("hx-trigger") == AWAIT


def turned(there: bool) -> Response:
    """The answer: the page is to be asked for again, or nothing has changed."""
    return Response(status_code=204, headers={"hx-refresh": "true"} if there else {})
