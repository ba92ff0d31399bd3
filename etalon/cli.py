"""The command line: each verb parses, calls, prints. What is heavy is imported inside the verb."""

import json
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from etalon.lessons.verbs import app as lessons_app

if TYPE_CHECKING:
    from etalon.data.dataset import Dataset
    from etalon.data.mislabelled import LabelErrors
    from etalon.result import Result
    from etalon.study.answers import Answer
    from etalon.study.store import Store
    from etalon.workbench import Study


class Language(StrEnum):
    """The languages of what is printed and written."""

    EN = "en"
    FR = "fr"


class MetricName(StrEnum):
    """What two variants are compared by."""

    ACCURACY = "accuracy"
    LOG_LOSS = "log_loss"
    RECALL = "recall"
    MACRO_F1 = "macro_f1"


def _seeds(text: str) -> int | str:
    """A number of seeds, or "auto"."""
    if text == "auto":
        return text
    if not text.isdecimal() or not int(text):
        raise typer.BadParameter(f"{text!r} is neither a number of seeds, 1 or more, nor auto")
    return int(text)


app = typer.Typer(
    help="Which of your ideas really made an image classifier better.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
data_app = typer.Typer(help="Look at labelled images before training on them.", no_args_is_help=True)
app.add_typer(data_app, name="data")
app.add_typer(lessons_app, name="lessons")

StudyFile = Annotated[Path, typer.Argument(metavar="STUDY.py", help="A file that makes one etalon.Study.")]
Source = Annotated[str, typer.Argument(help="digits, mnist, fashion_mnist, cifar10, a folder, an archive, .npz, .csv.")]
StoreOption = Annotated[Path | None, typer.Option("--store", help="Folder of the finished trials [ETALON_STORE].")]
Lang = Annotated[Language | None, typer.Option("--lang", help="Language of what is written [ETALON_LANG].")]
Json = Annotated[Path | None, typer.Option("--json", help="Write the results there as JSON; - for standard output.")]
Data = Annotated[str | None, typer.Option("--data", help="Other images than the study's own.")]
Seeds = Annotated[
    Any,
    typer.Option(
        "--seeds", metavar="N|auto", parser=_seeds, help="Trainings of each variant; auto: more where undecided."
    ),
]
Epochs = Annotated[int | None, typer.Option("--epochs", min=1, help="Epochs, for variants that do not set their own.")]
Quick = Annotated[bool, typer.Option("--quick", help="A first look: fewer images, epochs and seeds.")]
Size = Annotated[int | None, typer.Option("--size", min=1, help="Bring the images to this side, in pixels.")]


def main() -> None:
    """Entry point: 0 done, 1 failed, 2 misused."""
    from etalon.errors import EtalonError

    try:
        with _plain_warnings():
            app(prog_name="etalon")
    except EtalonError as error:
        typer.secho(str(error), fg="red", err=True)
        sys.exit(1)
    except OSError as error:
        if error.filename is None:
            raise
        typer.secho(f"{error.filename}: {error.strerror}", fg="red", err=True)
        sys.exit(1)


@app.command()
def init(
    path: Annotated[Path, typer.Argument(help="The file to write.")] = Path("study.py"), lang: Lang = None
) -> None:
    """Write a first study, ready to run, to start from."""
    from etalon.errors import StudyError
    from etalon.locales import _, language, use

    with use(lang):
        if path.exists():
            raise StudyError(f"{path}", _("it exists already"), _("Give another name."))
        template = Path(__file__).with_name("templates") / f"study.{language()}.py"
    path.write_text(template.read_text(encoding="utf-8"), encoding="utf-8")
    typer.echo(f"{path}\n  etalon run {path}")


@data_app.command("show")
def data_show(
    source: Source,
    to: Annotated[Path | None, typer.Option("--to", help="Draw the first images there (.png).")] = None,
    n: Annotated[int, typer.Option("-n", min=1, help="How many images: 9, 25...")] = 9,
    size: Size = None,
    as_json: Json = None,
    lang: Lang = None,
) -> None:
    """Types, shapes, range, counts per class in train and test; the first images with their names."""
    from etalon.data.load import load
    from etalon.locales import use

    with use(lang):
        dataset = load(source, size=size)
        description = dataset.describe()
        _print(description, as_json)
        path = to or Path(f"{Path(dataset.name.split(' ')[0]).stem}-{n}.png")
        dataset.show(n).savefig(path, dpi=150)
        typer.echo(path, err=True)


@data_app.command("audit")
def data_audit(
    source: Source,
    labels: Annotated[
        bool, typer.Option("--labels", help="Look for wrong labels too: trains networks, opens the test images.")
    ] = False,
    folds: Annotated[int, typer.Option("--folds", min=2, help="Networks trained for --labels.")] = 5,
    epochs: Annotated[int | None, typer.Option("--epochs", min=1, help="Epochs of each of them.")] = None,
    store: StoreOption = None,
    report: Annotated[Path | None, typer.Option("--report", help="Write what was found there: .html, .pdf.")] = None,
    size: Size = None,
    as_json: Json = None,
    lang: Lang = None,
) -> None:
    """Imbalance, images without content, duplicates and near duplicates within and across train and test."""
    from etalon.data.audit import audit
    from etalon.data.load import load
    from etalon.locales import use
    from etalon.report.audited import audited, check_path
    from etalon.report.render import render

    with use(lang):
        if report:
            check_path(report)
        dataset = load(source, size=size)
        findings = audit(dataset)
        doubtful = _label_errors(dataset, folds, epochs, store) if labels else None
        _print(findings, as_json, lambda: {**findings.to_json(), "labels": doubtful and doubtful.to_json()})
        if doubtful and as_json != Path("-"):
            typer.echo(f"\n{doubtful}")
        if report:
            typer.echo(render(audited(findings, doubtful, datetime.now()), report), err=as_json == Path("-"))


@app.command()
def run(
    study: StudyFile,
    data: Data = None,
    seeds: Seeds = None,
    epochs: Epochs = None,
    quick: Quick = False,
    store: StoreOption = None,
    lang: Lang = None,
    as_json: Json = None,
    report: Annotated[Path | None, typer.Option("--report", help=".html, .pdf or .ipynb [in the store].")] = None,
    workers: Annotated[int | None, typer.Option("--workers", min=0, help="Processes that train.")] = None,
    sealed: Annotated[bool, typer.Option("--sealed", help="Leave the test images sealed: no report.")] = False,
) -> None:
    """Train what has not been trained yet, print the verdicts, write the report, which opens the test images."""
    from etalon.locales import use
    from etalon.study.answers import ask
    from etalon.study.store import default_store

    with use(lang):
        options = {"data": data, "seeds": seeds, "epochs": epochs, "report": str(report), "sealed": sealed}
        question = None if quick else ask(study, store or default_store(), options)
        answer = question.recall() if question else None
        if answer:
            for text in answer.warnings:
                warnings.warn(text, stacklevel=2)
        else:
            with _overheard() as said:
                changed = _study(study, data=data, seeds=seeds, epochs=epochs, store=store, quick=quick)
                result = _run(changed, workers)
                answer = _answer(result, None if sealed else report or result.report_path(study.stem))
            if question:
                answer, plan = replace(answer, warnings=tuple(said)), result.plan
                question.keep(answer, (changed.data, changed.size), plan.dataset, plan.keys.values(), plan.store)
        _print(answer, as_json)
        if answer.report:
            typer.echo(answer.report, err=as_json == Path("-"))


@app.command()
def search(
    study: StudyFile,
    over: Annotated[
        list[str], typer.Option("--over", help="NAME=VALUE,VALUE... or NAME=LOW..HIGH (LOW..HIGH,log); repeatable.")
    ],
    of: Annotated[str | None, typer.Option("--of", help="The variant to start from [the reference].")] = None,
    metric: Annotated[str, typer.Option("--metric", help="val_loss or val_accuracy.")] = "val_loss",
    trials: Annotated[int | None, typer.Option("--trials", help="How many to draw from ranges [20].")] = None,
    seeds: Annotated[int, typer.Option("--seeds", help="Trainings of each configuration.")] = 1,
    halving: Annotated[bool, typer.Option("--halving", help="A few epochs for all, more for the best third.")] = False,
    patience: Annotated[int | None, typer.Option("--patience", help="Stop after so many epochs in vain.")] = None,
    figure: Annotated[Path | None, typer.Option("--figure", help="Draw what was found there (.png, .svg).")] = None,
    data: Data = None,
    epochs: Epochs = None,
    store: StoreOption = None,
    as_json: Json = None,
    workers: Annotated[int | None, typer.Option("--workers", min=0, help="Processes that train.")] = None,
    lang: Lang = None,
) -> None:
    """Try values of settings or arguments, and choose on validation; the test images stay sealed."""
    from etalon.locales import use
    from etalon.study.search import search as look
    from etalon.study.space import read

    with use(lang):
        found = look(
            _study(study, data=data, epochs=epochs, store=store),
            dict(map(read, over)),
            of=of,
            metric=metric,
            trials=trials,
            seeds=seeds,
            halving=halving,
            patience=patience,
            workers=workers,
        )
        _print(found, as_json)
        if figure:
            found.figure().savefig(figure)


@app.command("list")
def list_trials(store: StoreOption = None, as_json: Json = None, lang: Lang = None) -> None:
    """The studies of a store, with their finished and failed trials."""
    from etalon.locales import use
    from etalon.study.summary import summary

    with use(lang):
        _print(summary(_store(store)), as_json)


@app.command()
def show(
    key: Annotated[str, typer.Argument(help="A trial's key, or its beginning.")],
    store: StoreOption = None,
    as_json: Json = None,
    lang: Lang = None,
) -> None:
    """One finished trial: its history and its figures."""
    from etalon.locales import use

    with use(lang):
        run = _store(store).find(key)
        _print(run, as_json, run.scalars)


@app.command()
def compare(
    study: StudyFile,
    first: Annotated[str | None, typer.Argument(help="A variant.")] = None,
    second: Annotated[str | None, typer.Argument(help="Another.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every two variants, corrected for their number.")] = False,
    metric: Annotated[MetricName, typer.Option("--metric", help="What to compare.")] = MetricName.ACCURACY,
    of: Annotated[str | None, typer.Option("--of", metavar="CLASS", help="The class, for recall.")] = None,
    data: Data = None,
    seeds: Seeds = None,
    epochs: Epochs = None,
    quick: Quick = False,
    store: StoreOption = None,
    test: Annotated[
        bool, typer.Option("--test", help="On the test images: opens the seal, which is recorded.")
    ] = False,
    as_json: Json = None,
    lang: Lang = None,
) -> None:
    """Is SECOND better than FIRST? On validation, unless --test is given. Nothing is trained."""
    from etalon.locales import use

    if every == (second is not None):
        raise typer.BadParameter("name two variants, or ask for --all")
    with use(lang):
        result = _study(study, data=data, seeds=seeds, epochs=epochs, store=store, quick=quick).result()
        shown = result.test() if test else result
        if first is None or second is None:
            _print(shown.verdicts(pairs="all", metric=metric.value, of=of), as_json)
        else:
            _print(shown.compare(first, second, metric=metric.value, of=of), as_json)


@app.command()
def report(
    study: StudyFile,
    to: Annotated[
        Path | None, typer.Option("--to", help=".html, .pdf or .ipynb, or a folder for several [the store's].")
    ] = None,
    formats: Annotated[
        str | None, typer.Option("--format", metavar="FORMATS", help="html, pdf, ipynb, or several: html,pdf.")
    ] = None,
    data: Data = None,
    seeds: Seeds = None,
    epochs: Epochs = None,
    quick: Quick = False,
    store: StoreOption = None,
    languages: Annotated[
        str | None, typer.Option("--lang", metavar="LANGUAGES", help="en, fr, or both: en,fr [ETALON_LANG].")
    ] = None,
) -> None:
    """Write the report of a study that has been run, in one form or several. Nothing is trained."""
    from etalon.locales import LANGUAGES, use
    from etalon.report.render import RENDERERS

    suffixes = [f".{name}" for name in _several("--format", formats, [suffix[1:] for suffix in RENDERERS])]
    spoken: list[str | None] = [*_several("--lang", languages, LANGUAGES)] or [None]
    one = to is not None and to.suffix != "" and not to.is_dir()
    if one and (suffixes or len(spoken) > 1):
        raise typer.BadParameter("with --format or two languages, --to is a folder")
    for lang in spoken:
        with use(lang):
            result = _study(study, data=data, seeds=seeds, epochs=epochs, store=store, quick=quick).result()
            if to and not one:
                to.mkdir(parents=True, exist_ok=True)
            paths = [to] if to and one else [result.report_path(study.stem, s, to) for s in suffixes or [".html"]]
            for path in result.reports(paths):
                typer.echo(path)


@app.command()
def export(
    study: StudyFile,
    to: Annotated[Path, typer.Option("--to", help="The folder to write.")],
    variant: Annotated[str | None, typer.Option("--variant", help="By default the recommended one.")] = None,
    data: Data = None,
    seeds: Seeds = None,
    epochs: Epochs = None,
    quick: Quick = False,
    store: StoreOption = None,
    lang: Lang = None,
) -> None:
    """Put one trained model in a folder: model.keras and what is needed to use it."""
    from etalon.locales import use

    with use(lang):
        result = _study(study, data=data, seeds=seeds, epochs=epochs, store=store, quick=quick).result()
        typer.echo(result[variant or result.recommend().chosen].export(to))


@app.command()
def predict(
    bundle: Annotated[Path, typer.Argument(help="A folder written by export.")],
    images: Annotated[list[Path], typer.Argument(help="Image files.")],
    as_json: Json = None,
    lang: Lang = None,
) -> None:
    """What an exported model reads in some images, and how sure it is."""
    from etalon.locales import use
    from etalon.models.bundle import load_bundle
    from etalon.models.readings import read

    with use(lang):
        _print(read(load_bundle(bundle), images), as_json)


@app.command()
def doctor(as_json: Json = None, lang: Lang = None) -> None:
    """What this machine has, and whether a training works on it."""
    from etalon.doctor import examine
    from etalon.locales import use

    with use(lang):
        examination = examine()
        _print(examination, as_json)
    if not examination.healthy:
        raise typer.Exit(1)


def _label_errors(dataset: "Dataset", folds: int, epochs: int | None, store: Path | None) -> "LabelErrors":
    from etalon.crossvalidated import label_errors

    return label_errors(dataset, folds=folds, epochs=epochs, store=store)


def _study(path: Path, *, store: Path | None, quick: bool = False, **changes: Any) -> "Study":
    from etalon.workbench import open_study

    given = {name: value for name, value in {**changes, "store": store}.items() if value is not None}
    study = open_study(path).with_(**given)
    return study.quick() if quick else study


def _run(study: "Study", workers: int | None) -> "Result":
    from etalon.locales import _

    try:
        return study.run(workers=workers)
    except KeyboardInterrupt as error:
        typer.echo(_("Interrupted. Finished trials are kept; run the same command to go on."), err=True)
        raise typer.Exit(1) from error


def _answer(result: "Result", report: Path | None) -> "Answer":
    """What `etalon run` tells; with a report, the test images are opened."""
    from etalon.study.answers import Answer

    if report is None:
        return Answer(str(result), result.to_json())
    opened = result.test()
    opened.report(report)
    return Answer(str(opened), {**opened.to_json(), "report": str(report)}, report=str(report))


def _several(option: str, given: str | None, known: Sequence[str]) -> list[str]:
    """The names in "html,pdf", each once, none if the option was not given."""
    names = list(dict.fromkeys(name.strip().lower() for name in (given or "").split(",") if name.strip()))
    unknown = [name for name in names if name not in known]
    if unknown:
        raise typer.BadParameter(f"{option} takes {', '.join(known)}; not {', '.join(unknown)}")
    return names


def _store(place: Path | None) -> "Store":
    """A store to look into: none is made where there is none."""
    from etalon.errors import StoreError
    from etalon.locales import _
    from etalon.study.store import Store, default_store

    folder = place or default_store()
    if not folder.is_dir():
        raise StoreError(f"{folder}", _("there is no store there"), _("Run a study first, or give another --store."))
    return Store(folder)


def _print(thing: Any, path: Path | None, content: Callable[[], Any] | None = None) -> None:
    """`thing` for a reader, its JSON (`content`, by default its own) for a program; or both."""
    if path is not None:
        text = json.dumps((content or thing.to_json)(), indent=2, ensure_ascii=False)
        if path == Path("-"):
            typer.echo(text)
            return
        path.write_text(text + "\n", encoding="utf-8")
    typer.echo(thing)


@contextmanager
def _overheard() -> Iterator[list[str]]:
    """The warnings that are shown inside the block, each once."""
    said: list[str] = []
    with warnings.catch_warnings():
        show = warnings.showwarning

        def note(message: Warning | str, *where: Any, **more: Any) -> None:
            if str(message) not in said:
                said.append(str(message))
            show(message, *where, **more)

        warnings.showwarning = note
        yield said


@contextmanager
def _plain_warnings() -> Iterator[None]:
    """Warnings as one line each, without the place in the code."""
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_, **__: typer.secho(str(message), fg="yellow", err=True)
        yield


if __name__ == "__main__":
    main()
