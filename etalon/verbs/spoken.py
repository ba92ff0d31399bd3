"""The help and the complaints of the command line, in the language in force: Typer has its own in English only."""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import typer

from etalon.locales import LANGUAGES, _
from etalon.locales.foreign import of_values

Misuse: type[Any] = typer.BadParameter.__mro__[1]  # "UsageError", wherever this version of Typer keeps it
_Formatter: Any = typer.Context.formatter_class


class Formatter(_Formatter):  # type: ignore[misc]
    """Lays out the help of a command."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """The first line."""
        super().write_usage(prog, args, prefix or _("Usage: "))

    def write_heading(self, heading: str) -> None:
        """What stands over options, arguments and verbs."""
        known = {"Arguments": _("Arguments"), "Options": _("Options"), "Commands": _("Commands")}
        self.write(_("{heading}:").format(heading=known.get(heading, heading)) + "\n")

    def write_dl(self, rows: Sequence[tuple[str, str]], *places: Any) -> None:
        """Names, and what they stand for."""
        super().write_dl([(name, _own(text)) for name, text in rows], *places)


def commands(command: Any) -> Iterator[Any]:
    """A command, and those under it."""
    yield command
    for other in getattr(command, "commands", {}).values():
        yield from commands(other)


def texts(command: Any) -> Iterator[Any]:
    """What has a `help`: a command and its parameters, and those under it."""
    for one in commands(command):
        yield from (item for item in (one, *one.params) if getattr(item, "help", None))


def translate(command: Any) -> None:
    """Put the help of a command, and of those under it, in the language in force."""
    for item in texts(command):
        item.help = _(item.help)
    for one in commands(command):
        one.context_class = type("Context", (one.context_class,), {"formatter_class": Formatter})


def wanted(arguments: Sequence[str]) -> str | None:
    """The language that a command line asks for, before anything has read it."""
    for option, value in zip(arguments, [*arguments[1:], ""], strict=True):
        name, _equals, given = option.partition("=")
        first = (given or value).partition(",")[0]
        if name == "--lang" and first in LANGUAGES:
            return first
    return None


def complain(error: Any) -> None:
    """Write to standard error what is wrong with a command line."""
    if "NoArgs" in type(error).__name__:  # it is the help
        error.show()
        return
    context = error.ctx
    if context is not None:
        usage, path = context.command.get_usage(context), context.command_path
        print(usage, _("Try '{command} --help' for help.").format(command=path), "", sep="\n", file=sys.stderr)
    print(_("Error: {error}").format(error=_told(error)), file=sys.stderr)


def _told(error: Any) -> str:
    message = " ".join(error.format_message().split())
    for pattern, said in _complaints().items():
        if found := re.fullmatch(pattern, message):
            given = found.groupdict()
            if "why" in given:
                given["why"] = _reason(error, given["why"])
            return said.format(**given)
    return message


def _complaints() -> Mapping[str, str]:
    return {
        r"No such option:? '?(?P<name>[^ ']+)'?\.?": _("there is no option {name}."),
        r"No such option:? '?(?P<name>[^ ']+)'?\.? .*? (?P<near>-.*?)[?)]*": _(
            "there is no option {name}; see {near}."
        ),
        r"No such command '(?P<name>.*?)'\.": _("there is no verb {name}."),
        r"No such command '(?P<name>.*?)'\. Did you mean (?P<near>.*)\?": _("there is no verb {name}; see {near}."),
        r"Missing (argument|option|parameter) '(?P<name>.*)'\..*": _("{name} is missing."),
        r"Missing command\.": _("a verb is missing."),
        r"Got unexpected extra arguments?(\(s\))? \((?P<rest>.*)\)": _("nothing is expected after this: {rest}."),
        r"Option '(?P<name>.*)' requires an argument\.": _("the option {name} needs a value."),
        r"Option '(?P<name>.*)' does not take a value\.": _("the option {name} takes no value."),
        r"Invalid value for '(?P<name>.*?)': (?P<why>.*)": _("{name}: {why}."),
        r"Invalid value: (?P<why>.*)": "{why}.",
    }


def _reason(error: Any, why: str) -> str:
    """Why a value is refused, where Typer has it from pydantic."""
    choice = re.search(r" is not one of (.*?)\.?$", why)
    if choice:
        return _("one of {choices} is expected").format(choices=choice[1])
    refusals: list[Any] = getattr(error.__cause__, "errors", list)()
    return of_values(refusals) if refusals else why.removesuffix(".")


def _own(text: str) -> str:
    """A line of help without Typer's English."""
    if text == "Show this message and exit.":
        return _("Show this message and exit.")
    return re.sub(r"\[(.*; )?default: ", lambda found: f"[{found[1] or ''}" + _("default: "), text).replace(
        "[required]", "[" + _("required") + "]"
    )
