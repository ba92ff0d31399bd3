"""`etalon predict` and `etalon doctor`: an exported model in use, and whether this machine is fit."""

from pathlib import Path
from typing import Annotated

import typer

from etalon.verbs.options import Json, Lang
from etalon.verbs.output import show


def predict(
    bundle: Annotated[Path, typer.Argument(help="A folder written by export.")],
    images: Annotated[list[Path], typer.Argument(help="Image files.")],
    frame: Annotated[
        bool | None,
        typer.Option(
            "--frame/--no-frame",
            help="Tell the drawing from its paper and place it as in the images that were learnt from; "
            "by default, where a picture is not like them.",
        ),
    ] = None,
    as_json: Json = None,
    lang: Lang = None,
) -> None:
    """What an exported model reads in some images, and how sure it is.

    Files that cannot be read are told apart, and the exit status is then 1.
    """
    from etalon.locales import use
    from etalon.models.bundle import load_bundle
    from etalon.models.readings import read

    with use(lang):
        readings = read(load_bundle(bundle), images, frame)
        show(readings, as_json)
    for refusal in readings.refused:
        typer.echo(refusal, err=True)
    if readings.refused:
        raise typer.Exit(1)


def doctor(as_json: Json = None, lang: Lang = None) -> None:
    """What this machine has, and whether a training works on it."""
    from etalon.doctor import examine
    from etalon.locales import use

    with use(lang):
        examination = examine()
        show(examination, as_json)
    if not examination.healthy:
        raise typer.Exit(1)
