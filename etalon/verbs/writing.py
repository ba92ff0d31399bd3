"""`etalon init`, `report` and `export`: the files that are written for a study, about it, or of a model of its."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from etalon.verbs.options import Data, Epochs, Lang, Quick, Seeds, StoreOption, StudyFile
from etalon.verbs.studies import changed_study


def init(
    path: Annotated[Path, typer.Argument(help="The file to write.")] = Path("study.py"), lang: Lang = None
) -> None:
    """Write a first study, ready to run, to start from."""
    from etalon.errors import StudyError
    from etalon.locales import _, language, use

    with use(lang):
        if path.exists():
            raise StudyError(f"{path}", _("it exists already"), _("Give another name."))
        template = Path(__file__).parents[1] / "templates" / f"study.{language()}.py"
    path.write_text(template.read_text(encoding="utf-8"), encoding="utf-8")
    typer.echo(f"{path}\n  etalon run {path}")


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
    from etalon.locales import LANGUAGES, _, use
    from etalon.report.render import RENDERERS

    suffixes = [f".{name}" for name in _several("--format", formats, [suffix[1:] for suffix in RENDERERS])]
    spoken: list[str | None] = [*_several("--lang", languages, LANGUAGES)] or [None]
    one = to is not None and to.suffix != "" and not to.is_dir()
    if one and (suffixes or len(spoken) > 1):
        raise typer.BadParameter(_("with --format or two languages, --to is a folder"))
    for lang in spoken:
        with use(lang):
            result = changed_study(study, data=data, seeds=seeds, epochs=epochs, store=store, quick=quick).result()
            if to and not one:
                to.mkdir(parents=True, exist_ok=True)
            paths = [to] if to and one else [result.report_path(study.stem, s, to) for s in suffixes or [".html"]]
            for path in result.reports(paths):
                typer.echo(path)


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
        result = changed_study(study, data=data, seeds=seeds, epochs=epochs, store=store, quick=quick).result()
        typer.echo(result[variant or result.recommend().chosen].export(to))


def _several(option: str, given: str | None, known: Sequence[str]) -> list[str]:
    """The names in "html,pdf", each once, none if the option was not given."""
    from etalon.locales import _

    names = list(dict.fromkeys(name.strip().lower() for name in (given or "").split(",") if name.strip()))
    unknown = [name for name in names if name not in known]
    if unknown:
        told = _("{option} takes {known}; not {unknown}")
        raise typer.BadParameter(told.format(option=option, known=", ".join(known), unknown=", ".join(unknown)))
    return names
