"""`etalon run` and `etalon search`: what trains."""

import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from etalon.verbs.options import Data, Epochs, Json, Lang, Quick, Seeds, StoreOption, StudyFile, Workers
from etalon.verbs.output import overheard, show
from etalon.verbs.studies import changed_study

if TYPE_CHECKING:
    from etalon.result import Result
    from etalon.study.answers import Answer
    from etalon.workbench import Study


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
    workers: Workers = None,
    sealed: Annotated[bool, typer.Option("--sealed", help="Leave the test images sealed: no report.")] = False,
    name_in: Annotated[
        Path | None, typer.Option(hidden=True, help="Where to write the study's name in the store, once it is known.")
    ] = None,
) -> None:
    """Train what has not been trained yet, print the verdicts, write the report, which opens the test images.

    The exit status is 1 where every training of some variant broke down; all the rest is told all the same.
    """
    from etalon.locales import use
    from etalon.study.answers import ask
    from etalon.study.store import default_store, is_store

    with use(lang):
        options = {"data": data, "seeds": seeds, "epochs": epochs, "report": str(report), "sealed": sealed}
        question = None if quick else ask(study, store or default_store(), options)
        answer = question.recall() if question else None
        if answer:
            for text in answer.warnings:
                warnings.warn(text, stacklevel=2)
            _tell(name_in, answer.study)
        else:
            with overheard() as said:
                changed = changed_study(study, data=data, seeds=seeds, epochs=epochs, store=store, quick=quick)
                _tell(name_in, changed.id)
                if store and not is_store(store):
                    _announce(changed)
                result = _run(changed, workers)
                answer = _answer(result, None if sealed else report or result.report_path(study.stem))
            if question:
                answer, plan = replace(answer, warnings=tuple(said), study=changed.id), result.plan
                question.keep(answer, (changed.data, changed.size), plan.dataset, plan.keys.values(), plan.store)
        show(answer, as_json)
        if answer.report:
            typer.echo(answer.report, err=as_json == Path("-"))
    if answer.content["lost"]:
        raise typer.Exit(1)


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
    workers: Workers = None,
    lang: Lang = None,
) -> None:
    """Try values of settings or arguments, and choose on validation; the test images stay sealed."""
    from etalon.locales import use
    from etalon.study.search import search as look
    from etalon.study.space import read

    with use(lang):
        found = look(
            changed_study(study, data=data, epochs=epochs, store=store),
            dict(map(read, over)),
            of=of,
            metric=metric,
            trials=trials,
            seeds=seeds,
            halving=halving,
            patience=patience,
            workers=workers,
        )
        show(found, as_json)
        if figure:
            found.figure().savefig(figure)


def _announce(study: "Study") -> None:
    """Have its store made, unless something in the study is refused, and say so."""
    from etalon.locales import _

    typer.echo(_("A new store is made: {folder}").format(folder=study.plan.store.folder), err=True)


def _run(study: "Study", workers: int | None) -> "Result":
    from etalon.locales import _

    try:
        return study.run(workers=workers)
    except KeyboardInterrupt as error:
        typer.echo(_("Interrupted. Finished trials are kept; run the same command to go on."), err=True)
        raise typer.Exit(1) from error


def _tell(place: Path | None, name: str) -> None:
    """Write the name of a study where somebody waits for it."""
    if place:
        place.write_text(name, encoding="ascii")


def _answer(result: "Result", report: Path | None) -> "Answer":
    """What `etalon run` tells; with a report, the test images are opened."""
    from etalon.study.answers import Answer

    if report is None:
        return Answer(str(result), result.to_json())
    opened = result.test()
    opened.report(report)
    return Answer(str(opened), {**opened.to_json(), "report": str(report)}, report=str(report))
