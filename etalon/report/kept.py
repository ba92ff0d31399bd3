"""What an author has put into the notebook of a report, and keeping it there when the notebook is written again.

Étalon marks each cell that it writes, in its metadata, with a name and a digest of its source. A cell without the mark
is the author's, and stays after the cell that it followed. A cell whose source has another digest was changed by the
author, and stays as they left it.
"""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from etalon.errors import ReportError
from etalon.locales import _

MARK = "etalon"  # in the metadata of a cell


class EditedByHand(UserWarning):
    """Cells that an author has changed: kept as they are, they no longer follow the results."""


def mark(cell: Any, name: str) -> Any:
    """`cell`, marked as written by Étalon under that name."""
    cell.metadata[MARK] = {"cell": name, "digest": _digest(cell.source)}
    return cell


def cells_of(path: Path) -> list[Any]:
    """The cells of the notebook that is there, none if nothing is.

    Raises:
        ReportError: it is no notebook, or one that Étalon has not written and must not write over.
    """
    import nbformat

    if not path.exists():
        return []
    try:
        cells: list[Any] = nbformat.read(path, as_version=4).cells
    except (ValueError, AttributeError, nbformat.ValidationError) as error:
        raise _refused(path, _("what is there is not a notebook")) from error
    if not any(MARK in cell.metadata for cell in cells):
        raise _refused(path, _("Étalon has not written the notebook that is there"))
    return cells


def merge(fresh: Sequence[Any], old: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """The new cells with the author's among them, and those of the new ones that the author's version replaces.

    A changed cell whose place is no longer in the report becomes the author's. So does the second of two cells with
    one name: a copy, or half of a cell that was split.

    Args:
        fresh: marked cells, as just written.
        old: all those of the notebook that they replace; they are changed.
    """
    written = {_name(cell): cell for cell in fresh}
    theirs: dict[str, list[Any]] = defaultdict(list)  # by the name of the cell that they follow, "" at the top
    edited: dict[str, Any] = {}
    met, place = set(), ""
    for cell in old:
        name = _name(cell)
        if name and name not in met and (name in written or not _changed(cell)):
            met.add(name)
            place = name if name in written else place
            if name in written and _changed(cell) and cell.source != written[name].source:
                edited[name] = cell
        else:
            cell.metadata.pop(MARK, None)
            theirs[place].append(cell)
    merged = list(theirs[""])
    for name, cell in written.items():
        merged += [edited.get(name, cell), *theirs[name]]
    _identify(merged)
    return merged, list(edited.values())


def untouched(cell: Any) -> str:
    """The name of a cell that is as Étalon wrote it; empty for the author's."""
    name = _name(cell)
    return "" if not name or _changed(cell) else name


def _identify(cells: Sequence[Any]) -> None:
    """Give each cell an id of its own."""
    taken: set[str] = set()
    for cell in cells:
        candidate, n = cell.id, 1
        while cell.id in taken:
            n += 1
            cell.id = f"{candidate[:58]}-{n}"
        taken.add(cell.id)


def _name(cell: Any) -> str:
    return str(cell.metadata.get(MARK, {}).get("cell", ""))


def _changed(cell: Any) -> bool:
    return bool(cell.metadata[MARK].get("digest") != _digest(cell.source))


def _digest(source: str) -> str:
    return hashlib.sha256(source.encode()).hexdigest()[:16]


def _refused(path: Path, why: str) -> ReportError:
    return ReportError(str(path), why, _("Move it away, or give the report another name."))
