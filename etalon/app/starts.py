"""Starting a study: one of the served folder, a ready-made one, or one made of choices."""

import ast
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Query, Request, Response, UploadFile
from fastapi import Path as PathValue
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ConfigDict, Field

from etalon.app.desk import Desk
from etalon.app.made import CONVOLUTIONAL, USUAL, Choices, Images, keep, program, trainings
from etalon.app.pages import page
from etalon.app.parts import AtDesk, OneFile
from etalon.app.queue import UNDER_WAY, Job
from etalon.app.uploads import UPLOAD, Upload, Uploads
from etalon.data.sources import NAMES, at_hand
from etalon.errors import StoreError, StudyError
from etalon.locales import _, choose, each, language

router = APIRouter(route_class=OneFile)
MOST = 1000  # Python files of a folder that are looked at
TEXT = 1 << 20  # bytes of a study file, at most
OF_NAMED = {"cifar10": 3}  # channels; the others are grey
SIDES = {"digits": 8, "mnist": 28, "fashion_mnist": 28, "cifar10": 32}  # pixels of the images as they were published

FileName = Annotated[str, Field(max_length=300)]
DataName = Annotated[str, Field(pattern="^[a-z0-9_-]{0,64}$")]


class Options(BaseModel):
    """What a study is started with; what is left empty is as its file says."""

    model_config = ConfigDict(frozen=True)

    file: FileName
    data: DataName = ""
    seeds: Annotated[str, Field(pattern="^(|auto|[1-9][0-9]?)$")] = ""
    epochs: Annotated[str, Field(pattern="^(|[1-9][0-9]{0,3})$")] = ""
    quick: Literal["", "yes"] = ""


@router.get("/start")
def offered(
    request: Request,
    desk: AtDesk,
    file: Annotated[str, Query(max_length=300)] = "",
    data: Annotated[str, Query(max_length=64)] = "",
    deleted: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """What can be started, the form, and the images that were sent: which have just been received, or deleted."""
    return _page(request, desk, file, data, deleted)


@router.post("/start", status_code=303, response_class=RedirectResponse)
def started(desk: AtDesk, options: Annotated[Options, Form()]) -> Response:
    """Put a study in the queue.

    Raises:
        StudyError: it is not among those offered, nor are its images.
    """
    files = own(desk.folder) | ready()
    if options.file not in files:
        raise StudyError(
            options.file,
            _("no study of the served folder, nor ready-made, has this name"),
            _("Choose one of the list."),
        )
    path = files[options.file]
    job = _queued(desk, path, each(lambda: about(path)), options)
    return RedirectResponse(f"/jobs/{job.n}", 303)


@router.post("/start/text")
def previewed(request: Request, desk: AtDesk, choices: Annotated[Choices, Form()]) -> Response:
    """The file that the choices make, to read before it is written."""
    try:
        text = program(choices, _images(desk, choices.data))
    except StudyError as error:
        return _page(request, desk, choices=choices, refusal=error)
    return page(request, "start_text.html", text=text)


@router.post("/start/made", status_code=303, response_class=RedirectResponse)
def made(request: Request, desk: AtDesk, choices: Annotated[Choices, Form()]) -> Response:
    """Write the file that the choices make in the served folder, and put it in the queue.

    Choices that make none are shown again, with why.
    """
    try:
        path = keep(program(choices, _images(desk, choices.data)), choices.title, desk.folder)
    except StudyError as error:
        return _page(request, desk, choices=choices, refusal=error)
    job = _queued(desk, path.resolve(), each(lambda: choices.title), Options(file=path.name), choices.data)
    return RedirectResponse(f"/jobs/{job.n}", 303)


@router.post("/data", status_code=303, response_class=RedirectResponse)
def sent(desk: AtDesk, archive: UploadFile, size: Annotated[int, Form(ge=4, le=256)] = 28) -> Response:
    """Keep an archive of images, once it has been checked and loaded."""
    upload = _uploads(desk).take(archive.file, archive.filename or "", size)
    return RedirectResponse(f"/start?data={upload.name}#made", 303)


@router.post("/data/{name}/delete", status_code=303, response_class=RedirectResponse)
def deleted(desk: AtDesk, name: Annotated[str, PathValue(pattern="^[a-z0-9_]{1,64}$")]) -> Response:
    """Delete an archive that was sent.

    Raises:
        StoreError: there is none of this name.
        StudyError: a study that runs or waits is made on it.
    """
    uploads = _uploads(desk)
    upload = uploads.known().get(name)
    if upload is None:
        raise StoreError(
            name, _("no images of this name have been sent"), _("They may have been deleted: look at the list again.")
        )
    if users := _users(desk, upload):
        raise StudyError(
            name,
            _("a study that is running or waiting uses it: {studies}").format(studies=", ".join(users)),
            _("Wait for its end, or stop it."),
        )
    uploads.remove(upload)
    return RedirectResponse(f"/start?deleted={name}#data", 303)


def _page(
    request: Request,
    desk: Desk,
    file: str = "",
    data: str = "",
    deleted: str = "",
    choices: Choices | None = None,
    refusal: StudyError | None = None,
) -> Response:
    """The page, with the form as it was filled in, and why it is refused; else with what is tried most."""
    folder = _uploads(desk)
    uploads = folder.known()
    data = data if data in uploads else ""
    named = [name for name in NAMES if at_hand(name)]
    sides = {name: SIDES[name] for name in named} | {name: upload.shape[0] for name, upload in uploads.items()}
    if choices is None:
        choices = Choices(
            title=_("My study"), data=data or "digits", size=sides.get(data, SIDES["digits"]), variations=USUAL
        )
    files = own(desk.folder)
    others = {name: path for name, path in ready().items() if _read(path) not in map(_read, files.values())}
    return page(
        request,
        "start.html",
        422 if refusal else 200,
        folder=desk.folder,
        own={name: about(path) for name, path in files.items()},
        ready={name: about(path) for name, path in others.items()},
        chosen=file if file in files or file in others else file.removeprefix("etalon:"),
        named=named,
        uploads=uploads,
        sides=sides,
        sizes={name: folder.size(upload) for name, upload in uploads.items()},
        data=data,
        deleted="" if deleted in uploads else deleted,
        most=UPLOAD,
        convolutional=CONVOLUTIONAL,
        choices=choices,
        trainings=trainings(choices),
        refusal=refusal,
    )


# study files


def own(folder: Path) -> dict[str, Path]:
    """The study files of a folder and of the folders in it, by their path there; none that a link leads out of it."""
    root = folder.resolve()
    found = {}
    for path in sorted(islice(chain(root.glob("*.py"), root.glob("*/*.py")), MOST)):
        name = path.relative_to(root).as_posix()
        real = path.resolve()
        if not any(part.startswith(".") for part in name.split("/")) and real.is_relative_to(root) and _is_study(real):
            found[name] = real
    return found


def ready() -> dict[str, Path]:
    """The studies that come with Étalon, inside an installed package or at the root of a checkout, by name."""
    package = Path(__file__).parents[1]
    places = [place for place in (package / "shipped" / "studies", package.parent / "studies") if place.is_dir()]
    paths = sorted(places[0].glob("*.py")) if places else []
    return {f"etalon:{path.name}": path.resolve() for path in paths if _is_study(path)}


def startable(folder: Path, file: str | None) -> str:
    """The name under which a file can be started; empty if it cannot."""
    return next((name for name, path in (own(folder) | ready()).items() if str(path) == file), "")


def text_of(folder: Path, file: str) -> str:
    """The text of a file that can be started; empty for any other."""
    name = startable(folder, file)
    return _read(Path(file)) if name else ""


def about(path: Path) -> str:
    """The title that a file gives its study, in the language in force, else its first line. It is not run."""
    try:
        program = ast.parse(_read(path))
    except (SyntaxError, ValueError, RecursionError):
        return path.stem
    for node in ast.walk(program):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "Study" and node.args:
            with suppress(ValueError):
                title = ast.literal_eval(node.args[0])
                if title and isinstance(title, str | dict) and all(isinstance(text, str) for text in title):
                    return str(choose(title))[:200]
    return (ast.get_docstring(program) or path.stem).strip().partition("\n")[0][:200]


def _is_study(path: Path) -> bool:
    return "Study(" in _read(path)


def _read(path: Path) -> str:
    try:
        if path.stat().st_size <= TEXT:
            return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        pass
    return ""


# what is run


def _queued(desk: Desk, path: Path, titles: Mapping[str, str], options: Options, data: str = "") -> Job:
    argv = [
        "run",
        str(path),
        "--store",
        str(desk.store.folder),
        "--sealed",
        "--lang",
        language(),
        *_given(desk, options),
    ]
    told = {"file": str(path), "title": titles[language()], "data": data or options.data, "quick": options.quick}
    told |= {f"title_{lang}": title for lang, title in titles.items()}
    return desk.queue.add("run", argv, desk.folder, **told)


def _given(desk: Desk, options: Options) -> Iterator[str]:
    if options.data:
        yield from ("--data", _images(desk, options.data).source)
    if options.seeds:
        yield from ("--seeds", options.seeds)
    if options.epochs:
        yield from ("--epochs", options.epochs)
    if options.quick:
        yield "--quick"


def _images(desk: Desk, name: str) -> Images:
    """A set by its name: a known one, or one that was sent."""
    if name in NAMES:
        return Images(name, OF_NAMED.get(name, 1), 10)
    uploads = _uploads(desk)
    upload: Upload | None = uploads.known().get(name)
    if upload is None:
        raise StudyError(
            name, _("no set of images has this name"), _("Choose one of the list, or send an archive first.")
        )
    return Images(str(uploads.path(upload)), upload.shape[2], len(upload.classes))


def _users(desk: Desk, upload: Upload) -> list[str]:
    """The titles of the studies that are trained on it, or are going to be, whoever has started them."""
    path = str(_uploads(desk).path(upload))

    def read(job: Job) -> bool:
        """Whether what it runs names the archive: its arguments, or its file."""
        return any(path in text for text in (*job.argv, _read(Path(job.about.get("file", "")))))

    queued = [job.title for job in desk.queue.jobs() if job.state in UNDER_WAY and read(job)]
    running = [
        str(choose(study.title))
        for study in desk.dossiers()
        if study.dataset.name == upload.name and desk.store.running(study.id)
    ]
    return list(dict.fromkeys([*queued, *running]))


def _uploads(desk: Desk) -> Uploads:
    return Uploads(desk.store.folder / "uploads")
