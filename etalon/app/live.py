"""A study while it trains: its curves, its trials, what is left; and afterwards, how it went."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from etalon.app.board import CURVES
from etalon.app.feed import Feed
from etalon.app.pages import page
from etalon.app.parts import OfStudy
from etalon.app.starts import startable
from etalon.app.studies import job_of, state_of
from etalon.figures.style import NIGHT, colours
from etalon.locales import choose
from etalon.study.journal import Dossier

router = APIRouter()
SHOWN = 6  # variants drawn at first; the others are a tick away
EPOCHS = 400  # rows of the table of figures, the last ones


def feed_of(view: OfStudy) -> Feed:
    """What happens in the study that the address names."""
    return view.desk.feeds.of(view.dossier)


OfFeed = Annotated[Feed, Depends(feed_of)]


@router.get("/studies/{study}")
def live(request: Request, view: OfStudy, feed: OfFeed) -> Response:
    """The page."""
    known = feed.snapshot()
    progress, trials = known["progress"], known["trials"]
    places = [(c.name, seed, trials[key]) for c in view.dossier.candidates for seed, key in c.keys.items()]
    job = job_of(view.desk, view.dossier)
    settled = progress["done"] + progress["failed"] >= progress["trials"]
    return page(
        request,
        "live.html",
        view=view,
        progress=progress,
        trials=trials,
        broken=[place for place in places if place[2]["state"] in ("failed", "diverged")],
        variants=variants(view.dossier),
        state=state_of(progress["running"], settled, not progress["done"], job),
        job=job,
        log=view.desk.queue.told(job.n) if job else "",
        again=startable(view.desk.folder, view.dossier.file),
    )


@router.get("/studies/{study}/curves", response_class=JSONResponse)
def curves(view: OfStudy, feed: OfFeed) -> Response:
    """All the curves so far, and the place from which to listen for more."""
    return JSONResponse({"variants": variants(view.dossier), **feed.snapshot()})


@router.get("/studies/{study}/figures")
def figures(request: Request, view: OfStudy, feed: OfFeed) -> Response:
    """The curves as a table: what each variant reached at each epoch, mean over its seeds."""
    trials = feed.snapshot()["trials"]
    table = {c.name: _means([trials[key]["curves"] for key in c.keys.values()]) for c in view.dossier.candidates}
    rows = max((len(some) for some in table.values()), default=0)
    return page(request, "live_figures.html", view=view, table=table, rows=rows, first=max(0, rows - EPOCHS))


@router.get("/studies/{study}/events", include_in_schema=False)
async def events(
    feed: OfFeed,
    start: Annotated[int, Query(ge=0, le=2**53)] = 0,
    last_event_id: Annotated[str | None, Header()] = None,
) -> Response:
    """What happens from now on, or since the last event that was seen, as server-sent events; it does not end."""
    seen = int(last_event_id) if last_event_id and last_event_id.isdecimal() and len(last_event_id) < 16 else start
    return StreamingResponse(feed.listen(seen), media_type="text/event-stream", headers={"x-accel-buffering": "no"})


def variants(dossier: Dossier) -> list[dict[str, Any]]:
    """What a page shows each variant by."""
    names = [candidate.name for candidate in dossier.candidates]
    by_name = colours(names, dossier.reference.name)
    return [
        {
            "name": candidate.name,
            "because": choose(candidate.because),
            "keys": [candidate.keys.get(seed, "") for seed in dossier.seeds],
            "epochs": candidate.recipe["epochs"],
            "colour": by_name[candidate.name],
            "night": NIGHT.get(by_name[candidate.name], by_name[candidate.name]),
            "shown": rank < SHOWN,
        }
        for rank, candidate in enumerate(dossier.candidates)
    ]


def _means(curves: list[dict[str, list[float | None]]]) -> list[dict[str, float | None]]:
    """For each epoch, the mean of each figure over the seeds that have it."""
    epochs = max((len(some) for one in curves for some in one.values()), default=0)
    return [
        {name: _mean([one[name][i] for one in curves if i < len(one.get(name, ()))]) for name in CURVES}
        for i in range(epochs)
    ]


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
