"""`etalon data`: look at labelled images before training on them."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from etalon.verbs.options import Json, Lang, Size, Source, StoreOption
from etalon.verbs.output import show as tell

app = typer.Typer(help="Look at labelled images before training on them.", no_args_is_help=True)


@app.command("show")
def show(
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
        tell(description, as_json)
        path = to or Path(f"{Path(dataset.name.split(' ')[0]).stem}-{n}.png")
        dataset.show(n).savefig(path, dpi=150)
        typer.echo(path, err=True)


@app.command("audit")
def audited(
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
        doubtful = None
        if labels:
            from etalon.crossvalidated import label_errors

            doubtful = label_errors(dataset, folds=folds, epochs=epochs, store=store)
        tell(findings, as_json, lambda: {**findings.to_json(), "labels": doubtful and doubtful.to_json()})
        if doubtful and as_json != Path("-"):
            typer.echo(f"\n{doubtful}")
        if report:
            typer.echo(render(audited(findings, doubtful, datetime.now()), report), err=as_json == Path("-"))
