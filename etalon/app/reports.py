"""Report: make it, read it here in one language or the other, take it away in several forms."""

import json
import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, cast, get_args

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse

from etalon.app.opening import seal
from etalon.app.pages import page
from etalon.app.parts import OfStudy, View
from etalon.app.queue import UNDER_WAY
from etalon.app.standing import standing, waiting
from etalon.app.starts import startable
from etalon.app.studies import job_of
from etalon.errors import StoreError
from etalon.locales import _, choose, language, use

router = APIRouter()

Lang = Literal["en", "fr"]
FormName = Literal["html", "pdf", "ipynb"]
By = Literal["file", "store"]
FORMS: tuple[FormName, ...] = get_args(FormName)
WAYS: tuple[By, ...] = get_args(By)
TONGUES: tuple[Lang, ...] = get_args(Lang)
GIVEN = ("--data", "--seeds", "--epochs")  # what a study was run with, and must be reported with
# The policy that a report carries, and more: whatever is in the file, it is a stranger here, and fetches nothing.
POLICY = "sandbox allow-scripts; default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {script}; "
POLICY += "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
KEPT: dict[int | str, dict[str, Any]] = {200: {"content": {"application/octet-stream": {}}}}
TABLE: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {}}}}
HEAD = 4096  # bytes of a report in which it says its own policy


@dataclass(frozen=True)
class Made:
    """A report that there is.

    Attributes:
        by: "file", with the study's code, whose questions it answers; "store", from its results alone.
        outdated: something was trained after it was made.
    """

    path: Path
    form: FormName
    lang: Lang
    by: By
    when: datetime
    size: int
    outdated: bool


@router.get("/studies/{study}/report")
def shown(request: Request, view: OfStudy, lang: Annotated[Lang | None, Query()] = None) -> Response:
    """The page: what there is, what can be made, and the report itself in a frame of its own."""
    stands = standing(view)
    if stands.waits:
        return waiting(request, view, stands)
    return page(request, "report.html", standing=stands, seal=seal(view, stands), **_known(view, lang))


@router.get("/studies/{study}/report/state")
def state(request: Request, view: OfStudy, lang: Annotated[Lang | None, Query()] = None) -> Response:
    """The reports that there are and those under way: the part of the page that asks again by itself.

    Once nothing is under way, the page is asked for again, to show the report that has been made.
    """
    known = _known(view, lang)
    answer = page(request, "report_state.html", **known)
    if not known["busy"]:
        answer.headers["hx-refresh"] = "true"
    return answer


@router.post("/studies/{study}/report", status_code=303, response_class=RedirectResponse)
def wanted(
    view: OfStudy, lang: Annotated[Lang, Form()], form: Annotated[FormName, Form()], by: Annotated[By, Form()] = "store"
) -> Response:
    """Make a report: with the study's file, in the queue; or from the store alone, in a thread of the server.

    Raises:
        StudyError: the test images are sealed, or the form takes the study's code.
    """
    view.desk.result(view.dossier.id, "test", view.stamp)
    if by == "file":
        _queued(view, lang, form)
    else:
        path = _path(view, by, lang, form)
        result = view.desk.result(view.dossier.id, stamp=view.stamp)
        view.desk.background.begin(_key(view, lang, form), lambda: result.reports([path], lang), again=True)
    return RedirectResponse(f"{view.here}/report?lang={lang}", 303)


@router.get("/studies/{study}/report/read")
def read(view: OfStudy, lang: Lang, by: By) -> Response:
    """A report, for a frame: it can neither ask for anything nor reach the page around it."""
    made = _found(view, lang, "html", by)
    with made.path.open("rb") as file:
        script = re.search(rb"script-src ('sha256-[A-Za-z0-9+/=]{44}')", file.read(HEAD))
    policy = POLICY.format(script=script[1].decode() if script else "'none'")
    return FileResponse(made.path, media_type="text/html; charset=utf-8", headers={"content-security-policy": policy})


@router.get("/studies/{study}/report/file", response_class=FileResponse, responses=KEPT)
def file(view: OfStudy, lang: Lang, form: FormName, by: By) -> Response:
    """A report, to keep."""
    made = _found(view, lang, form, by)
    return FileResponse(made.path, media_type="application/octet-stream", filename=made.path.name)


@router.get("/studies/{study}/report/results.csv", response_class=Response, responses=TABLE)
def table(view: OfStudy) -> Response:
    """The comparison, a line a variant: numbers, not texts."""
    return _download(view, view.result.frame().to_csv(), "csv", "text/csv")


@router.get("/studies/{study}/report/results.json", response_class=JSONResponse)
def figures(view: OfStudy) -> Response:
    """What `etalon run --json` tells."""
    told = json.dumps(view.result.to_json(), ensure_ascii=False, indent=1)
    return _download(view, told, "json", "application/json")


def made_reports(view: View) -> list[Made]:
    """Those that there are, whoever made them; the last first."""
    found = []
    ways: Iterable[By] = WAYS if view.dossier.file else ("store",)
    for by in ways:
        for lang in TONGUES:
            for form in FORMS:
                path = _path(view, by, lang, form)
                if path.is_file():
                    told = path.stat()
                    when = datetime.fromtimestamp(told.st_mtime, UTC)
                    found.append(Made(path, form, lang, by, when, told.st_size, when < view.dossier.updated))
    return sorted(found, key=lambda made: made.when, reverse=True)


def _known(view: View, asked: Lang | None) -> dict[str, Any]:
    """What both the page and its moving part say, of the reports in the language asked for, else in that in force."""
    lang = asked or cast(Lang, language())
    dossier, background = view.dossier, view.desk.background
    asked_for = {(one, form): background.find(_key(view, one, form)) for one in TONGUES for form in FORMS}
    under_way = [place for place, work in asked_for.items() if work and not work.done]
    jobs = [job for job in view.desk.queue.jobs() if job.kind == "report" and job.about.get("study") == dossier.id]
    found = made_reports(view)  # after what is under way: whatever has just ended is there
    here = startable(view.desk.folder, dossier.file)
    return {
        "view": view,
        "wanted": lang,
        "made": found,
        "reading": next((one for one in found if one.form == "html" and one.lang == lang), None),
        "under_way": under_way,
        "failures": [work.error for work in asked_for.values() if work and work.error],
        "job": jobs[-1] if jobs else None,
        "busy": bool(under_way) or any(job.state in UNDER_WAY for job in jobs),
        "startable": here,
        "command": _command(view, lang) if dossier.file and not here else "",
    }


def _key(view: View, lang: str, form: str) -> tuple[str, str, str, str]:
    return "report", view.dossier.id, lang, form


def _path(view: View, by: By, lang: Lang, form: FormName) -> Path:
    """Where a report is, or will be: where the command line puts it, under the name of the study's file; or of its own.

    Raises:
        StoreError: a name that would lead out of the folder of reports.
    """
    dossier = view.dossier
    stem = Path(dossier.file).stem if by == "file" and dossier.file else dossier.id
    with use(lang):
        path = view.desk.result(dossier.id, stamp=view.stamp).report_path(stem, f".{form}")
    if path.parent != view.desk.store.reports:
        raise StoreError(path.name, _("the name of the images cannot be that of a file"), _("Give them another name."))
    return path


def _found(view: View, lang: Lang, form: FormName, by: By) -> Made:
    """One of the reports that there are.

    Raises:
        StoreError: it is not among them.
    """
    for made in made_reports(view):
        if (made.lang, made.form, made.by) == (lang, form, by):
            return made
    raise StoreError(
        _("report of {title}").format(title=view.title), _("it has not been made"), _("Make it from the page Report.")
    )


def _queued(view: View, lang: Lang, form: FormName) -> None:
    """Have the study's own code make the report.

    Raises:
        StoreError: its file is not in the served folder.
    """
    dossier, desk = view.dossier, view.desk
    if not dossier.file or not startable(desk.folder, dossier.file):
        raise StoreError(
            dossier.file or view.title,
            _("no file of the served folder makes this study"),
            _("Make the report from a terminal, or from the store alone."),
        )
    argv = ["report", dossier.file, "--store", str(desk.store.folder), "--format", form, "--lang", lang]
    about = {"file": dossier.file, "title": choose(dossier.title), "study": dossier.id}
    desk.queue.add("report", [*argv, *_options(view)], desk.folder, **about)


def _options(view: View) -> Iterator[str]:
    """What the study was run with, beside its file."""
    job = job_of(view.desk.queue.jobs(), view.dossier)
    given = list(job.argv) if job else []
    for name, value in pairwise(given):
        if name in GIVEN:
            yield from (name, value)
    if view.dossier.notice:
        yield "--quick"


def _command(view: View, lang: Lang) -> str:
    """What makes it from a terminal."""
    where = ["--store", str(view.desk.store.folder), "--format", ",".join(FORMS), "--lang", lang]
    return shlex.join(["etalon", "report", view.dossier.file or "", *where, *_options(view)])


def _download(view: View, content: str, suffix: str, media: str) -> Response:
    name = f"{view.dossier.id}-{view.part}.{suffix}"
    return Response(content, media_type=media, headers={"content-disposition": f'attachment; filename="{name}"'})
