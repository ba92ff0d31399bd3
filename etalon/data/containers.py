"""Files in a folder, a zip or a tar, read one after the other in memory; nothing is ever extracted to disk."""

import tarfile
import zipfile
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from io import BufferedReader
from lzma import LZMAError
from pathlib import Path, PurePosixPath
from typing import Protocol

from etalon.errors import DataError
from etalon.locales import _
from etalon.locales.foreign import of_files

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2")

_JUNK = {"__MACOSX", "Thumbs.db", "desktop.ini"}


@dataclass(frozen=True)
class Stamp:
    """What tells whether a file has changed: its size in bytes and the time of its last change, in ns."""

    name: str
    size: int
    changed: int


class Container(Protocol):
    """Files with names, relative to a root, with slashes."""

    path: Path

    @property
    def names(self) -> list[str]:
        """The files, sorted, without hidden and system files."""

    def read(self, names: Collection[str]) -> Iterator[tuple[str, bytes]]:
        """The content of `names`, in whatever order is quickest."""

    def stamps(self) -> list[Stamp]:
        """What tells whether the files have changed, without reading them."""


class Folder:
    """The files under a folder; or, if `only` is given, those among them (or elsewhere, by absolute path)."""

    def __init__(self, path: Path, only: Collection[str] | None = None) -> None:
        self.path = path
        self._only = only

    @cached_property
    def names(self) -> list[str]:
        if self._only is not None:
            return sorted(self._only)
        files = (path.relative_to(self.path).as_posix() for path in self.path.rglob("*") if path.is_file())
        return sorted(name for name in files if not is_junk(name))

    def read(self, names: Collection[str]) -> Iterator[tuple[str, bytes]]:
        for name in names:
            yield name, _content(self.path / name)

    def stamps(self) -> list[Stamp]:
        return [_stamp(name, self.path / name) for name in self.names]


class Zip:
    """The files in a .zip."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def names(self) -> list[str]:
        with _reading(self.path), zipfile.ZipFile(self.path) as archive:
            return _members(self.path, [member.filename for member in archive.infolist() if not member.is_dir()])

    def read(self, names: Collection[str]) -> Iterator[tuple[str, bytes]]:
        with _reading(self.path), zipfile.ZipFile(self.path) as archive:
            for name in names:
                yield name, archive.read(name)

    def stamps(self) -> list[Stamp]:
        return [_stamp(self.path.name, self.path)]


class Tar:
    """The files in a .tar, compressed or not, read in their order: one pass decompresses it once."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def names(self) -> list[str]:
        with _reading(self.path), tarfile.open(self.path) as archive:
            names = [member.name for member in archive if member.isfile()]
            # tarfile takes a file cut between two members for a whole one; a compressed one cannot be cut so.
            if isinstance(archive.fileobj, BufferedReader) and archive.offset >= self.path.stat().st_size:
                raise tarfile.ReadError("unexpected end of data")
            return _members(self.path, names)

    def read(self, names: Collection[str]) -> Iterator[tuple[str, bytes]]:
        wanted = set(names)
        with _reading(self.path), tarfile.open(self.path) as archive:
            for member in archive:
                file = archive.extractfile(member) if member.isfile() and member.name in wanted else None
                if file is not None:
                    yield member.name, file.read()

    def stamps(self) -> list[Stamp]:
        return [_stamp(self.path.name, self.path)]


def contain(path: Path) -> Container:
    """The container that stands at `path`: a folder or an archive."""
    if path.is_dir():
        return Folder(path)
    return Zip(path) if path.suffix.lower() == ".zip" else Tar(path)


def is_archive(path: Path) -> bool:
    """Whether the name is that of an archive."""
    return path.name.lower().endswith(ARCHIVES)


def wrapper(names: Collection[str]) -> str:
    """The folder, with its slash, in which everything stands that stands in a folder; else "".

    `tar czf x.tgz .` writes "./" before every name: that is no folder of the user's.
    """
    if names and all(name.startswith("./") for name in names):
        return "./" + wrapper([name[2:] for name in names])
    folders = {name.split("/", 1)[0] for name in names if "/" in name}
    deep = any(name.count("/") > 1 for name in names)
    return f"{folders.pop()}/" if len(folders) == 1 and deep else ""


def _members(path: Path, names: list[str]) -> list[str]:
    for name in names:
        if name.startswith("/") or ".." in PurePosixPath(name).parts:
            raise DataError(
                _("{where}: {what}").format(where=path, what=name),
                _("this member points outside its archive"),
                _("Do not trust this archive; make it again from its images."),
            )
    return sorted(name for name in names if not is_junk(name))


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(
            str(path),
            _("this file cannot be read ({error})").format(error=of_files(error)),
            _("Give yourself the right to read it, or remove it."),
        ) from error


def is_junk(name: str) -> bool:
    """Whether it is a hidden file, or one that a system leaves in folders: not the user's."""
    parts = PurePosixPath(name).parts
    return any(part.startswith(".") or part in _JUNK for part in parts)


def _stamp(name: str, path: Path) -> Stamp:
    status = path.stat()
    return Stamp(name, status.st_size, status.st_mtime_ns)


class _reading:  # noqa: N801 (a context manager, used as a verb)
    """Turns what the archive libraries raise into a DataError that names the archive."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        broken = (zipfile.BadZipFile, tarfile.TarError, LZMAError, EOFError, zlib.error)
        # RuntimeError and NotImplementedError: a zip with a password, or compressed in a way unknown here.
        if isinstance(error, (*broken, RuntimeError, OSError)) and not isinstance(error, FileNotFoundError):
            raise DataError(
                str(self.path),
                _("this archive cannot be read ({error})").format(error=error),
                _("Fetch or make it again, without a password."),
            ) from error
