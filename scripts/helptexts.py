"""The help of the command line, which stands in no `_()`: Babel's extractor of it, for `scripts/messages`."""

from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from etalon.cli import app
from etalon.verbs.spoken import texts


def extract(*_anything: Any, **_more: Any) -> Iterator[tuple[int, None, str, list[str]]]:
    """Every text, once, whatever the file."""
    for text in dict.fromkeys(item.help for item in texts(get_command(app))):
        yield 1, None, text, []
