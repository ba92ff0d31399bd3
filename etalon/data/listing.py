"""Which image files a source holds: class folders, in a folder or an archive, or a CSV table."""

import csv
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from etalon.data.containers import Container, Folder, wrapper
from etalon.data.dataset import PartName
from etalon.errors import DataError
from etalon.locales import _

_PARTS: dict[str, PartName | None] = {  # folder or table entry -> part; None: see _resolve_validation
    "train": "train",
    "training": "train",
    "test": "test",
    "testing": "test",
    "val": None,
    "valid": None,
    "validation": None,
}
_COLUMNS = {
    "path": ("path", "file", "filename", "image"),
    "label": ("label", "class"),
    "part": ("part", "split"),
}
_IMAGES = (  # extensions of the formats of `etalon.data.images`
    *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".gif", ".tif", ".tiff", ".webp"),
    *(".pgm", ".ppm", ".pbm", ".pnm"),
)


@dataclass(frozen=True)
class Listing:
    """Which image files there are, in the order of the rows to come.

    Attributes:
        names: the files, as their container names them.
        classes: the class of each.
        parts: "train" or "test" for each, as the source says it; empty when it says nothing.
        validation: what became of the source's own validation part: "", "train" or "test".
        ignored: files left out, among the images, because their extension is that of no image.
    """

    names: tuple[str, ...]
    classes: tuple[str, ...]
    parts: tuple[PartName, ...]
    validation: str = ""
    ignored: int = 0


def list_tree(container: Container) -> Listing:
    """`<class>/*` or `{train,test}/<class>/*`, inside one wrapping folder or not.

    The rows are in the order of a hash of the names: mixed, and always the same. A file whose extension is that of no
    image is left out; one without an extension may be an image.

    Raises:
        DataError: no class folders, a class folder without any image, or an image that stands outside them.
    """
    prefix = wrapper(container.names)
    places = {name: name.removeprefix(prefix).split("/") for name in container.names}
    stray = [name for name, place in places.items() if len(place) == 1 and name.lower().endswith(_IMAGES)]
    tops = {place[0].lower() for place in places.values() if len(place) > 1}
    parted = "train" in {_PARTS.get(top) for top in tops} and tops <= set(_PARTS)
    depth = 2 if parted else 1
    stray += [name for name, place in places.items() if depth == 2 and len(place) == 2]
    if stray or not tops:
        raise DataError(
            _("{where}: {what}").format(where=container.path, what=stray[0]) if stray else f"{container.path}",
            _("images must stand in one folder per class"),
            _("Arrange them as <class>/image.png or train/<class>/image.png, or list them in a CSV."),
        )
    inside = {name: place for name, place in places.items() if len(place) > depth}
    ignored = {name for name in inside if Path(name).suffix and not name.lower().endswith(_IMAGES)}
    names = sorted(inside.keys() - ignored, key=lambda name: _mixed(places[name]))
    known = {places[name][depth - 1] for name in names}
    for name in sorted(ignored):
        if places[name][depth - 1] not in known:
            raise DataError(
                _("{where}: {what}").format(where=container.path, what=name),
                _("the folder of this class holds no file with the extension of an image"),
                _("Put images there, such as .png or .jpg, or remove the folder."),
            )
    said = [_PARTS[places[name][0].lower()] for name in names] if parted else []
    parts, validation = _resolve_validation(said)
    return Listing(tuple(names), tuple(places[name][depth - 1] for name in names), parts, validation, len(ignored))


def list_table(path: Path) -> tuple[Listing, Container]:
    """A CSV (or semicolon or tab separated) with columns `path`, `label` and perhaps `part` or `split`.

    Paths are relative to the table. The rows keep their order.

    Raises:
        DataError: missing columns, an unknown part, or a file that is not there.
    """
    rows = _rows(path)
    files = [row["path"] for row in rows]
    for line, name in enumerate(files, start=2):
        if not (path.parent / name).is_file():
            raise DataError(
                _("{path}, line {line}: {name!r}").format(path=path, line=line, name=name),
                _("there is no such file"),
                _("Paths are relative to the table: correct it, or move the file."),
            )
    said = [_part_of(path, row["part"]) for row in rows if row.get("part")]
    if said and len(said) < len(rows):
        raise DataError(
            str(path),
            _("rows without a part: {n} of {total}").format(n=len(rows) - len(said), total=len(rows)),
            _("Say train or test in each row, or leave the column out."),
        )
    if said and "train" not in said:
        raise DataError(str(path), _("no row is for training"), _("Say train in some rows, or leave the column out."))
    parts, validation = _resolve_validation(said)
    listing = Listing(tuple(files), tuple(row["label"] for row in rows), parts, validation)
    return listing, Folder(path.parent, only=set(files))


def _mixed(place: Sequence[str]) -> tuple[bytes, Sequence[str]]:
    return hashlib.sha256("/".join(place).encode(errors="surrogateescape")).digest(), place


def _resolve_validation(said: Sequence[PartName | None]) -> tuple[tuple[PartName, ...], str]:
    """The part of each file, a source's own validation part being test if there is no other, else train."""
    into: PartName = "train" if "test" in said else "test"
    parts = tuple(part or into for part in said)
    if "test" not in parts:
        return (), ""
    return parts, into if None in said else ""


def _rows(path: Path) -> list[dict[str, str]]:
    """The table's rows with the columns `path`, `label` and perhaps `part`."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(str(path), _("this table is not in UTF-8"), _("Save it as a CSV in UTF-8.")) from error
    lines = text.splitlines()
    header = lines[0] if lines else ""
    delimiter = next((mark for mark in ";\t" if mark in header), ",")
    reader = csv.reader(lines, delimiter=delimiter)
    titles = [title.strip().lower() for title in next(reader, [])]
    columns = {name: _column(titles, spellings) for name, spellings in _COLUMNS.items()}
    missing = [name for name in ("path", "label") if columns[name] is None]
    rows = [row for row in reader if any(cell.strip() for cell in row)]
    if missing or not rows:
        raise DataError(
            _("{where}: {what}").format(where=path, what=repr(header)),
            _("a table needs the columns path and label, and at least one row"),
            _("Begin it with the line path,label (or path,label,part)."),
        )
    return [{name: row[at].strip() for name, at in columns.items() if at is not None and at < len(row)} for row in rows]


def _column(titles: Sequence[str], spellings: Sequence[str]) -> int | None:
    return next((titles.index(spelling) for spelling in spellings if spelling in titles), None)


def _part_of(path: Path, word: str) -> PartName | None:
    if word.lower() not in _PARTS:
        raise DataError(
            _("{where}: {what}").format(where=path, what=repr(word)),
            _("there is no part of that name"),
            _("Say train, test or validation in the column part."),
        )
    return _PARTS[word.lower()]
