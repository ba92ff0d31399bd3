"""The list of studies: what waits, what is under way, what has been found."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from etalon.app.desk import Desk
from etalon.app.pages import page
from etalon.app.parts import AtDesk
from etalon.app.queue import UNDER_WAY, Job
from etalon.locales import choose, language
from etalon.study.journal import Dossier
from etalon.study.shelf import digest
from etalon.study.store import Record

router = APIRouter()

State = Literal["waiting", "training", "done", "stopped", "interrupted", "failed"]
OF_JOB: Mapping[str, State] = {"running": "training", "waiting": "waiting", "failed": "failed", "stopped": "stopped"}


@dataclass(frozen=True)
class Line:
    """A study, or a job that has not made one yet.

    Attributes:
        name: of the line in the page.
        address: of its page.
        done, failed, trials: of its trials, so far.
        best, accuracy: the variant with the best mean validation accuracy, of those with a finished trial.
        job: the last one that ran it, or will.
    """

    name: str
    address: str
    title: str
    notice: str
    data: str
    state: State
    done: int
    failed: int
    trials: int
    best: str
    accuracy: float | None
    changed: datetime
    job: Job | None


@router.get("/")
def listed(request: Request, desk: AtDesk) -> Response:
    """The studies of the store, and the jobs of its queue."""
    return page(request, "studies.html", **_shown(desk))


@router.get("/list", responses={204: {"description": "Nothing has changed."}})
def refreshed(request: Request, desk: AtDesk, seen: Annotated[str, Query(max_length=64)] = "") -> Response:
    """The list alone; nothing (204) if it is still what was `seen`."""
    shown = _shown(desk)
    return Response(status_code=204) if shown["seen"] == seen else page(request, "studies_list.html", **shown)


def _shown(desk: Desk) -> dict[str, Any]:
    found = lines(desk)
    stuck = any(line.state == "waiting" for line in found) and desk.queue.asleep()
    return {"lines": found, "stuck": stuck, "seen": digest([found, stuck, language()])}


def lines(desk: Desk) -> list[Line]:
    """What is under way first, then the last changed first."""
    dossiers, jobs = desk.dossiers(), desk.queue.jobs()
    owners = {job.n: owner(job, dossiers) for job in jobs}
    last = {study: job for job in jobs if job.kind == "run" and (study := owners[job.n])}
    records = desk.store.records({key for dossier in dossiers for key in dossier.keys})
    found = [_line(desk, dossier, records, last.get(dossier.id)) for dossier in dossiers]
    found += [_alone(job) for job in jobs if owners[job.n] is None and job.state != "done"]
    return sorted(found, key=lambda line: (line.state in ("waiting", "training"), line.changed), reverse=True)


def owner(job: Job, dossiers: Iterable[Dossier]) -> str | None:
    """The study that a job trains or reports on, as soon as it has told which, and the store knows it."""
    return next((dossier.id for dossier in dossiers if dossier.id == job.about.get("study")), None)


def job_of(desk: Desk, dossier: Dossier) -> Job | None:
    """The last job that has trained a study, or will."""
    jobs = [job for job in desk.queue.jobs() if job.kind == "run" and job.about.get("study") == dossier.id]
    return jobs[-1] if jobs else None


def state_of(running: bool, settled: bool, failed: bool, job: Job | None) -> State:
    """Where a study stands.

    Args:
        running: whether a process trains it.
        settled: whether none of its trials is missing; failed: whether all of them have broken down.
    """
    if running or (job and job.state in UNDER_WAY):
        return "training" if running or (job and job.state == "running") else "waiting"
    if settled:
        return "failed" if failed else "done"
    return OF_JOB.get(job.state, "interrupted") if job else "interrupted"


def _line(desk: Desk, dossier: Dossier, records: Mapping[str, Record], job: Job | None) -> Line:
    keys = dossier.keys
    ended = [records[key].status for key in keys if key in records]
    done, failed = ended.count("done"), ended.count("failed") + ended.count("diverged")
    settled = done + failed >= len(keys)
    running = not settled and desk.store.running(dossier.id)
    means = {candidate.name: _accuracy(records, candidate.keys.values()) for candidate in dossier.candidates}
    best = max(means, key=lambda name: means[name] or 0.0)
    return Line(
        f"study-{dossier.id}",
        f"/studies/{dossier.id}",
        choose(dossier.title),
        choose(dossier.notice),
        dossier.dataset.name,
        state_of(running, settled, not done, job),
        done,
        failed,
        len(keys),
        best if means[best] is not None else "",
        means[best],
        dossier.updated,
        job,
    )


def _alone(job: Job) -> Line:
    moment = job.ended or job.started or job.added
    state = OF_JOB.get(job.state, "interrupted")
    data = job.about.get("data", "")
    return Line(f"job-{job.n}", f"/jobs/{job.n}", job.about["title"], "", data, state, 0, 0, 0, "", None, moment, job)


def _accuracy(records: Mapping[str, Record], keys: Iterable[str]) -> float | None:
    done = (record for key in keys if (record := records.get(key)) and record.status == "done")
    known = [record.val_accuracy for record in done if record.val_accuracy is not None]
    return fmean(known) if known else None
