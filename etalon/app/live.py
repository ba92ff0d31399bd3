"""A study while it trains: its curves, its trials, what is left; and afterwards, how it went."""

import shlex
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from etalon.app.board import CURVES
from etalon.app.feed import Feed
from etalon.app.pages import page
from etalon.app.parts import OfStudy, View
from etalon.app.queue import UNDER_WAY
from etalon.app.starts import startable
from etalon.app.studies import job_of, places, state_of
from etalon.figures.style import NIGHT, PALETTE, colours
from etalon.locales import choose
from etalon.study.journal import Dossier
from etalon.study.variant import ENGINE

router = APIRouter()
SHOWN = 6  # variants drawn at first; the others are a tick away
EPOCHS = 400  # rows of the table of figures, the last ones
MARKS = ("", "disc", "square", "triangle")  # what tells apart variants of one colour


@dataclass(frozen=True)
class Past:
    """Trainings that are not those that would be made today.

    Attributes:
        engine: that of the trainings that are shown, if it is not today's, `today`.
        others: trainings of these variants with these seeds that are finished, and are not those that are wanted.
    """

    engine: int | None
    others: int
    today: int = ENGINE


def feed_of(view: OfStudy) -> Feed:
    """What happens in the study that the address names."""
    return view.desk.feeds.of(view.dossier)


OfFeed = Annotated[Feed, Depends(feed_of)]


@router.get("/studies/{study}")
def live(request: Request, view: OfStudy, feed: OfFeed) -> Response:
    """The page."""
    now = _now(view, feed)
    log = view.desk.queue.told(now["job"].n) if now["job"] else ""
    drawn = variants(view.dossier)
    return page(request, "live.html", variants=drawn, shown=highest(drawn, now["trials"]), log=log, **now)


@router.get("/studies/{study}/now")
def now(request: Request, view: OfStudy, feed: OfFeed) -> Response:
    """Where the study stands, what can be done with it and what broke down, alone."""
    return page(request, "live_now.html", **_now(view, feed))


@router.get("/studies/{study}/curves", response_class=JSONResponse)
def curves(view: OfStudy, feed: OfFeed) -> Response:
    """All the curves so far, and the place from which to listen for more."""
    return JSONResponse({"variants": variants(view.dossier), **feed.snapshot(view.dossier)})


@router.get("/studies/{study}/figures")
def figures(request: Request, view: OfStudy, feed: OfFeed) -> Response:
    """The curves as a table: what each variant reached at each epoch, mean over its seeds."""
    trials = feed.snapshot(view.dossier)["trials"]
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


def past(view: View, settled: bool) -> Past:
    """What must be said of trainings made otherwise than today's."""
    dossier, store = view.dossier, view.desk.store
    engine = dossier.engine if dossier.engine != ENGINE else None
    if settled:
        return Past(engine, 0)
    known = store.records(dossier.keys)
    elsewhere = {key for other in store.studies() if other.id != dossier.id for key in other.keys}
    missing = {
        (candidate.name, seed)
        for candidate in dossier.candidates
        for seed, key in candidate.keys.items()
        if key not in known
    }
    titles = _said(dossier.title)
    done = {
        (record.variant, record.seed)
        for record in store.records().values()
        if record.status == "done" and record.study in titles and record.key not in elsewhere
    }
    return Past(engine, len(done & missing))


def variants(dossier: Dossier) -> list[dict[str, Any]]:
    """What a page shows each variant by."""
    names = [candidate.name for candidate in dossier.candidates]
    by_name = colours(names, dossier.reference.name)
    ranks = {name: rank for rank, name in enumerate(name for name in names if name != dossier.reference.name)}
    return [
        {
            "name": candidate.name,
            "because": choose(candidate.because),
            "keys": [candidate.keys.get(seed, "") for seed in dossier.seeds],
            "epochs": candidate.recipe["epochs"],
            "colour": by_name[candidate.name],
            "night": NIGHT.get(by_name[candidate.name], by_name[candidate.name]),
            "mark": MARKS[ranks.get(candidate.name, 0) // len(PALETTE) % len(MARKS)],
        }
        for candidate in dossier.candidates
    ]


def highest(variants: list[dict[str, Any]], trials: Mapping[str, Any]) -> set[str]:
    """The names of the variants whose last validation accuracy so far is the highest, mean over seeds."""

    def last(variant: dict[str, Any]) -> float:
        curves = (trials[key]["curves"].get("val_accuracy") for key in variant["keys"] if key)
        return _mean([curve[-1] for curve in curves if curve]) or 0.0

    return {variant["name"] for variant in sorted(variants, key=last, reverse=True)[:SHOWN]}


def _now(view: View, feed: Feed) -> dict[str, Any]:
    """What both the page and its part that moves say."""
    known = feed.snapshot(view.dossier)
    progress, trials = known["progress"], known["trials"]
    cells = [(c.name, seed, trials[key]) for c in view.dossier.candidates for seed, key in c.keys.items()]
    jobs = view.desk.queue.jobs()
    job = job_of(jobs, view.dossier)
    settled = progress["done"] + progress["failed"] >= progress["trials"]
    idle = not progress["running"] and not (job and job.state in UNDER_WAY)
    return {
        "view": view,
        "progress": progress,
        "trials": trials,
        "broken": [cell for cell in cells if cell[2]["state"] in ("failed", "diverged")],
        "state": state_of(progress["running"], settled, not progress["done"], job),
        "job": job,
        "place": places(jobs).get(job.n, 0) if job else 0,
        "past": past(view, settled) if idle else Past(None, 0),
        "again": startable(view.desk.folder, view.dossier.file) if idle else "",
        "command": shlex.join(["etalon", "run", view.dossier.file or "", "--store", str(view.desk.store.folder)]),
    }


def _said(text: Any) -> Collection[str]:
    """A text in all its languages."""
    return text.values() if isinstance(text, dict) else (text,)


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
