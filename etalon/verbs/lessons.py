"""`etalon lessons`: the course in the terminal. What is heavy is imported inside the verb."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from etalon.verbs.options import Lang, Language

if TYPE_CHECKING:
    from etalon.lessons.sources import Lesson

app = typer.Typer(help="Twenty short lessons on machine learning, to read or to run.")


@app.callback(invoke_without_command=True)
def listed(
    context: typer.Context,
    as_json: Annotated[
        Path | None, typer.Option("--json", help="Write the list there as JSON; - for standard output.")
    ] = None,
    lang: Lang = None,
) -> None:
    """Twenty short lessons on machine learning: alone, list them."""
    from etalon.lessons.sources import lessons
    from etalon.locales import use

    context.obj = lang
    if context.invoked_subcommand:
        return
    with use(lang):
        course = lessons()
        content = json.dumps([_entry(one) for one in course], indent=2, ensure_ascii=False)
        if as_json and as_json != Path("-"):
            as_json.write_text(content + "\n", encoding="utf-8")
        typer.echo(content if as_json == Path("-") else "\n".join(_line(one) for one in course))


@app.command("open")
def opened(
    context: typer.Context,
    number: Annotated[int, typer.Argument(help="Of the lesson.")],
    to: Annotated[Path | None, typer.Option("--to", help="The notebook to write (.ipynb) [here].")] = None,
    lang: Lang = None,
) -> None:
    """Write a lesson as a notebook, to change and to run."""
    from etalon.lessons.notebooks import write
    from etalon.lessons.sources import lesson
    from etalon.locales import _, use

    with use(lang or context.obj):
        path = write(lesson(number), to)
        typer.echo(f"{path}\n" + _("Open it with JupyterLab (`jupyter lab {path}`) or VS Code.").format(path=path))


@app.command("site")
def written(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Where to write the pages.")],
    lang: Annotated[Language | None, typer.Option("--lang", help="One language only.")] = None,
) -> None:
    """Run all the lessons, and write them as pages that need no network."""
    from etalon.lessons.pages import site
    from etalon.locales import LANGUAGES

    one = lang or context.obj
    for path in site(folder, [one] if one else LANGUAGES):
        typer.echo(path, err=True)
    typer.echo(path)


def _line(lesson: "Lesson") -> str:
    from etalon.report.inline import plain

    return f"{lesson.number:2}  {plain(lesson.title)}  ({lesson.row})"


def _entry(lesson: "Lesson") -> dict[str, str | int]:
    return {"number": lesson.number, "row": lesson.row, "title": lesson.title, "summary": lesson.summary}
