"""The command line: the verbs of `etalon.verbs`, put together. What is heavy is imported inside each verb."""

import sys
from collections.abc import Callable, Mapping
from typing import Any

import typer
from typer.main import get_command

from etalon.app.verbs import ui
from etalon.verbs import data, lessons, looking, training, using, writing
from etalon.verbs.output import plain_warnings

VERBS: Mapping[str, Callable[..., Any]] = {  # in the order of the help
    "init": writing.init,
    "run": training.run,
    "search": training.search,
    "list": looking.list_trials,
    "show": looking.show,
    "compare": looking.compare,
    "report": writing.report,
    "export": writing.export,
    "predict": using.predict,
    "ui": ui,
    "doctor": using.doctor,
}
GROUPS: Mapping[str, typer.Typer] = {"data": data.app, "lessons": lessons.app}

app = typer.Typer(
    help="Which of your ideas really made an image classifier better.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for name, verb in VERBS.items():
    app.command(name)(verb)
for name, group in GROUPS.items():
    app.add_typer(group, name=name)


def main() -> None:
    """Entry point: 0 done, 1 failed, 2 misused."""
    from etalon.errors import EtalonError
    from etalon.locales import use
    from etalon.verbs.spoken import Misuse, complain, translate, wanted

    try:
        with plain_warnings(), use(wanted(sys.argv[1:])):
            command = get_command(app)
            translate(command)
            try:
                sys.exit(command.main(prog_name="etalon", standalone_mode=False) or 0)
            except Misuse as error:
                complain(error)
                sys.exit(2)
    except EtalonError as error:
        typer.secho(str(error), fg="red", err=True)
        sys.exit(1)
    except OSError as error:
        if error.filename is None:
            raise
        from etalon.locales import _
        from etalon.locales.foreign import of_files

        told = _("{where}: {what}").format(where=error.filename, what=of_files(error))
        typer.secho(told, fg="red", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
