"""The jobs of the queue: what one prints, stop it, resume it."""

from typing import Annotated

from fastapi import APIRouter, Form, Path, Request, Response
from fastapi.responses import RedirectResponse

from etalon.app.pages import page
from etalon.app.parts import AtDesk
from etalon.app.starts import text_of
from etalon.app.studies import owner, places

router = APIRouter()
Number = Annotated[int, Path(alias="job", ge=1, le=10**9, description="Of a job of the queue.")]
Back = Annotated[str, Form(pattern="^/(studies/[0-9a-f]{8,64}|jobs/[0-9]{1,9})?$", description="Where to go then.")]


@router.get("/jobs/{job}")
def shown(request: Request, desk: AtDesk, number: Number) -> Response:
    """A job: its state, what it prints, the file that it runs."""
    job = desk.queue.job(number)
    text = text_of(desk.folder, job.about["file"]) if "file" in job.about else ""
    study = owner(job, desk.dossiers())
    place = places(desk.queue.jobs()).get(number, 0)
    answer = page(request, "job.html", job=job, place=place, study=study, text=text, log=desk.queue.told(number))
    if study and "hx-request" in request.headers:  # who waits for the curves is led to them
        answer.headers["hx-redirect"] = f"/studies/{study}"
    return answer


@router.get("/jobs/{job}/log")
def told(request: Request, desk: AtDesk, number: Number) -> Response:
    """What it has printed so far, alone."""
    job = desk.queue.job(number)
    return page(request, "job_log.html", job=job, log=desk.queue.told(number))


@router.post("/jobs/{job}/stop", status_code=303, response_class=RedirectResponse)
def stopped(desk: AtDesk, number: Number, back: Back = "/") -> Response:
    """Have it stop; what is finished is kept."""
    desk.queue.stop(number)
    return RedirectResponse(back, 303)


@router.post("/jobs/{job}/resume", status_code=303, response_class=RedirectResponse)
def resumed(desk: AtDesk, number: Number, back: Back = "/") -> Response:
    """Run it again; what is finished is not done again."""
    desk.queue.resume(number)
    return RedirectResponse(back, 303)


@router.post("/jobs/{job}/forget", status_code=303, response_class=RedirectResponse)
def forgotten(desk: AtDesk, number: Number) -> Response:
    """Take it off the list."""
    desk.queue.forget(number)
    return RedirectResponse("/", 303)


@router.post("/queue", status_code=303, response_class=RedirectResponse)
def woken(desk: AtDesk) -> Response:
    """Run what waits, where the process that did was ended."""
    desk.queue.wake()
    return RedirectResponse("/", 303)
