"""The list of studies: what waits, what is under way, what has been found."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from statistics import fmean
from typing import Annotated, Any, Literal
from unicodedata import normalize
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, Response

from etalon.app.chosen import chosen, grounds
from etalon.app.desk import Desk
from etalon.app.pages import page
from etalon.app.parts import AtDesk
from etalon.app.queue import UNDER_WAY, Job
from etalon.locales import choose, language
from etalon.study.journal import Dossier
from etalon.study.shelf import digest
from etalon.study.store import Record

router = APIRouter()

Order = Literal["date", "title"]
State = Literal["waiting", "training", "done", "stopped", "interrupted", "failed"]
OF_JOB: Mapping[str, State] = {"running": "training", "waiting": "waiting", "failed": "failed", "stopped": "stopped"}


@dataclass(frozen=True)
class Line:
    """A study, or a job that has not made one yet.

    Attributes:
        name: of the line in the page.
        address: of its page.
        file: the name of its file, where others have its title.
        done, failed, trials: of its trials, so far.
        best, accuracy: the recommended model once that is known; until then, of those with a finished trial, the one
            with the highest mean validation accuracy, which that is.
        verdict: whether it is the recommended one, and then whether that is the reference.
        job: the last one that ran it, or will.
        place: of that job among those that wait, from 1 on; 0 if it does not.
    """

    name: str
    address: str
    title: str
    notice: str
    data: str
    file: str
    state: State
    done: int
    failed: int
    trials: int
    best: str
    accuracy: float | None
    verdict: Literal["", "reference", "variant"]
    changed: datetime
    job: Job | None
    place: int

    @property
    def over(self) -> bool:
        """Whether there is a model to recommend, and no more to wait for."""
        return self.state == "done"


@dataclass(frozen=True)
class Asked:
    """What the address asks for.

    Attributes:
        q: words of titles.
        sort: what is under way first, then the last changed; or by title.
    """

    q: str
    sort: Order

    @property
    def query(self) -> str:
        """The same in an address; empty for the whole list, as it comes."""
        said = ({"q": self.q} if self.q else {}) | ({"sort": self.sort} if self.sort != "date" else {})
        return urlencode(said)


def asked(q: Annotated[str, Query(max_length=200)] = "", sort: Order = "date") -> Asked:
    """The address, read."""
    return Asked(q.encode("utf-8", "replace").decode().strip(), sort)


OfList = Annotated[Asked, Depends(asked)]


@router.get("/")
def listed(request: Request, desk: AtDesk, asked: OfList) -> Response:
    """The studies of the store, and the jobs of its queue."""
    return page(request, "studies.html", **_shown(desk, asked))


@router.get("/list", responses={204: {"description": "Nothing has changed."}})
def refreshed(
    request: Request, desk: AtDesk, asked: OfList, seen: Annotated[str, Query(max_length=64)] = ""
) -> Response:
    """The list alone; nothing (204) if it is still what was `seen`."""
    shown = _shown(desk, asked)
    if shown["seen"] == seen:
        return Response(status_code=204)
    answer = page(request, "studies_list.html", **shown)
    answer.headers["hx-replace-url"] = f"/?{asked.query}" if asked.query else "/"
    return answer


def _shown(desk: Desk, asked: Asked) -> dict[str, Any]:
    every = lines(desk)
    found = [line for line in every if _plain(asked.q) in _plain(line.title)]
    if asked.sort == "title":
        found.sort(key=lambda line: _plain(line.title))
    stuck = any(line.state == "waiting" for line in every) and desk.queue.asleep()
    seen = digest([found, len(every), stuck, language()])
    return {"lines": found, "every": len(every), "asked": asked, "stuck": stuck, "seen": seen}


def lines(desk: Desk) -> list[Line]:
    """What is under way first, in the order in which it is run; then the last changed first."""
    dossiers, jobs = desk.dossiers(), desk.queue.jobs()
    owners = {job.n: owner(job, dossiers) for job in jobs}
    last = {study: job for job in jobs if job.kind == "run" and (study := owners[job.n])}
    records = desk.store.records({key for dossier in dossiers for key in dossier.keys})
    waits = places(jobs)
    found = [_line(desk, dossier, records, last.get(dossier.id), waits) for dossier in dossiers]
    known = chosen(desk).of({d.id: grounds(d, records) for d, line in zip(dossiers, found, strict=True) if line.over})
    found = [_decided(line, d, known.get(d.id, ""), records) for d, line in zip(dossiers, found, strict=True)]
    found += [_alone(job, waits) for job in jobs if owners[job.n] is None and job.state != "done"]
    titles = Counter(line.title for line in found)
    found = [line if titles[line.title] > 1 else replace(line, file="") for line in found]
    return sorted(found, key=_turn)


def _turn(line: Line) -> tuple[int, float]:
    rank = {"training": 0, "waiting": 1}.get(line.state, 2)
    return rank, line.place if rank == 1 else -line.changed.timestamp()


def places(jobs: Iterable[Job]) -> dict[int, int]:
    """The place of each job that waits among those that do, from 1 on, by its number."""
    return {job.n: place for place, job in enumerate((job for job in jobs if job.state == "waiting"), 1)}


def owner(job: Job, dossiers: Iterable[Dossier]) -> str | None:
    """The study that a job trains or reports on, as soon as it has told which, and the store knows it."""
    return next((dossier.id for dossier in dossiers if dossier.id == job.about.get("study")), None)


def job_of(jobs: Iterable[Job], dossier: Dossier) -> Job | None:
    """The last of the jobs that has trained a study, or will."""
    found = [job for job in jobs if job.kind == "run" and job.about.get("study") == dossier.id]
    return found[-1] if found else None


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


def _line(
    desk: Desk, dossier: Dossier, records: Mapping[str, Record], job: Job | None, waits: Mapping[int, int]
) -> Line:
    keys = dossier.keys
    ended = [records[key].status for key in keys if key in records]
    done, failed = ended.count("done"), ended.count("failed") + ended.count("diverged")
    settled = done + failed >= len(keys)
    running = not settled and desk.store.running(dossier.id)
    means = {candidate.name: _accuracy(records, candidate.keys.values()) for candidate in dossier.candidates}
    best = max(means, key=lambda name: means[name] or 0.0)
    return Line(
        name=f"study-{dossier.id}",
        address=f"/studies/{dossier.id}",
        title=choose(dossier.title),
        notice=choose(dossier.notice),
        data=dossier.dataset.name,
        file=Path(dossier.file or "").name,
        state=state_of(running, settled, not done, job),
        done=done,
        failed=failed,
        trials=len(keys),
        best=best if means[best] is not None else "",
        accuracy=means[best],
        verdict="",
        changed=dossier.updated,
        job=job,
        place=waits.get(job.n, 0) if job else 0,
    )


def _decided(line: Line, dossier: Dossier, model: str, records: Mapping[str, Record]) -> Line:
    """The line with the recommended model, where there is one."""
    told = next((one for one in dossier.candidates if one.name == model), None)
    if told is None:
        return line
    verdict: Literal["reference", "variant"] = "reference" if told is dossier.reference else "variant"
    return replace(line, best=model, accuracy=_accuracy(records, told.keys.values()), verdict=verdict)


def _alone(job: Job, waits: Mapping[int, int]) -> Line:
    return Line(
        name=f"job-{job.n}",
        address=f"/jobs/{job.n}",
        title=job.title,
        notice="",
        data=job.about.get("data", ""),
        file=Path(job.about.get("file", "")).name,
        state=OF_JOB.get(job.state, "interrupted"),
        done=0,
        failed=0,
        trials=0,
        best="",
        accuracy=None,
        verdict="",
        changed=job.ended or job.started or job.added,
        job=job,
        place=waits.get(job.n, 0),
    )


def _plain(text: str) -> str:
    """Without capitals or accents: what titles are searched and sorted by."""
    letters = normalize("NFKD", text.casefold())
    return "".join(letter for letter in letters if not "\u0300" <= letter <= "\u036f")


def _accuracy(records: Mapping[str, Record], keys: Iterable[str]) -> float | None:
    done = (record for key in keys if (record := records.get(key)) and record.status == "done")
    known = [record.val_accuracy for record in done if record.val_accuracy is not None]
    return fmean(known) if known else None
