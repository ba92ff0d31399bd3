"""A mistake in the user's own code: what it is, in which of their files, at which line."""

import sysconfig
import traceback
from difflib import get_close_matches
from pathlib import Path

from etalon.locales import _

OURS = Path(__file__).parents[1], Path(sysconfig.get_path("stdlib"))
INSTALLED = {"site-packages", "dist-packages"}


def fault(error: Exception, file: str | Path = "") -> str:
    """An exception in words: its kind, the line of the user's own code that it comes from, and its text.

    Args:
        file: the one that the reader is told of already; any other is named.
    """
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    told = {"kind": type(error).__name__, "error": text.strip()}
    place = culprit(error)
    if place is None:
        return "{kind}: {error}".format(**told)
    where, line = place
    if file and where == Path(file).absolute():
        return _("{kind} at line {line}: {error}").format(line=line, **told)
    return _("{kind} at line {line} of {file}: {error}").format(line=line, file=where.name, **told)


def culprit(error: Exception) -> tuple[Path, int] | None:
    """The file and the line: the innermost that are neither Étalon's, nor Python's, nor an installed library's."""
    if isinstance(error, SyntaxError) and error.filename and error.lineno and _is_own(error.filename):
        return Path(error.filename).absolute(), error.lineno
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_own(frame.filename)]
    return (Path(frames[-1].filename).absolute(), frames[-1].lineno or 1) if frames else None


def remedy(error: Exception, otherwise: str) -> str:
    """The name that was meant, where there is one much like it; else what the caller proposes."""
    if isinstance(error, AttributeError) and error.name:
        for name in get_close_matches(error.name, [name for name in dir(error.obj) if name[:1] != "_"], 1):
            return _("Did you mean {name}?").format(name=name)
    return otherwise


def _is_own(file: str) -> bool:
    path = Path(file)
    installed = INSTALLED.intersection(path.parts) or any(path.is_relative_to(place) for place in OURS)
    return not installed and not file.startswith("<")
