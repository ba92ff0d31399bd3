"""Where a report is written: refused before the work is done, and never left half written."""

import os
from pathlib import Path

from etalon.errors import ReportError
from etalon.locales import _
from etalon.locales.foreign import of_files


def destination(path: str | os.PathLike[str]) -> Path:
    """`path`, once it is known that a file can be written there.

    Raises:
        ReportError: its folder does not exist or cannot be written to, or it is itself a folder.
    """
    place = Path(path)
    if not place.parent.is_dir():
        raise ReportError(
            str(place),
            _("the folder {folder} does not exist").format(folder=place.parent),
            _("Create it, or write the report elsewhere."),
        )
    if place.is_dir():
        raise ReportError(
            str(place), _("this is a folder"), _("Give the name of a file, such as {name}.").format(name="report.html")
        )
    if not os.access(place.parent, os.W_OK):
        raise _not_written(place, _("its folder is not yours to write to"))
    return place


def save(path: Path, data: bytes) -> None:
    """Write `data` to `path`, all of it or nothing.

    Raises:
        ReportError: the system refuses (no right, no room left).
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise _not_written(path, of_files(error)) from error


def _not_written(path: Path, why: str) -> ReportError:
    return ReportError(str(path), why, _("Write the report elsewhere, or free the place."))
