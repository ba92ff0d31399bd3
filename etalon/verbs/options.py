"""The arguments and options that several verbs share."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer


class Language(StrEnum):
    """The languages of what is printed and written."""

    EN = "en"
    FR = "fr"


def _seeds(text: str) -> int | str:
    """A number of seeds, or "auto"."""
    from etalon.locales import _

    if text == "auto":
        return text
    if not text.isdecimal() or not int(text):
        why = _("{text!r} is neither a number of seeds, 1 or more, nor auto")
        raise typer.BadParameter(why.format(text=text))
    return int(text)


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
Workers = Annotated[int | None, typer.Option("--workers", min=0, help="Processes that train.")]
Size = Annotated[int | None, typer.Option("--size", min=1, help="Bring the images to this side, in pixels.")]
