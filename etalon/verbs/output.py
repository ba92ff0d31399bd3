"""What a verb prints: for a reader, for a program, or both; warnings as lines."""

import json
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer


def show(thing: Any, path: Path | None, content: Callable[[], Any] | None = None) -> None:
    """`thing` for a reader, its JSON (`content`, by default its own) for a program; or both."""
    if path is not None:
        text = json.dumps((content or thing.to_json)(), indent=2, ensure_ascii=False)
        if path == Path("-"):
            typer.echo(text)
            return
        path.write_text(text + "\n", encoding="utf-8")
    typer.echo(thing)


@contextmanager
def overheard() -> Iterator[list[str]]:
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
def plain_warnings() -> Iterator[None]:
    """Warnings as one line each, without the place in the code."""
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_, **__: typer.secho(str(message), fg="yellow", err=True)
        yield
