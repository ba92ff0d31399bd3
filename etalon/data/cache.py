"""Decoded images kept on disk, so that a set is decoded once and may be larger than memory.

One folder per set: `x_train.npy`, `y_train.npy`, `x_test.npy`, `y_test.npy` and `meta.json`. It is made under
a temporary name and renamed when complete: what stands under its own name is whole.
"""

import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pooch

from etalon.data.containers import Stamp
from etalon.data.dataset import Images, Labels, Part, PartName, digest
from etalon.errors import DataError
from etalon.locales import _

FORMAT = 2  # raise it when the meaning of the cached files changes

Meta = Mapping[str, Any]


@dataclass(frozen=True)
class Decoded:
    """A set that was decoded: its parts, memory-mapped, and what was noted while decoding."""

    train: Part
    test: Part
    meta: Meta


class CacheError(DataError):
    """Decoded images cannot be kept."""


def default_root() -> Path:
    """Where decoded sets are kept unless told otherwise."""
    return Path(pooch.os_cache("etalon")) / "decoded"


def key(path: Path, stamps: Sequence[Stamp], **settings: object) -> str:
    """A digest of the source's place, of its files' names, sizes and times, and of how it is decoded."""
    facts = [FORMAT, str(path.resolve()), [asdict(stamp) for stamp in stamps], settings]
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()[:32]


def decoded(root: Path | None, key: str, build: Callable[[Path], Meta]) -> Decoded:
    """The set under `key`, made by `build` the first time.

    Args:
        root: the folder of the cache; None for the default one.
        build: writes the four arrays into the folder it is given, and returns what must be remembered, at
            least "classes" by language; "digest" is added to it.

    Raises:
        CacheError: no room on the disk, or a cache that cannot be written.
    """
    folder = (root or default_root()) / key
    found = _open(folder)
    if found is None:
        _make(folder, build)
        found = _open(folder)
    if found is None:
        raise DataError(
            str(folder), _("what was just written there cannot be read"), _("Choose another folder in cache=.")
        )
    return found


def save(folder: Path, part: PartName, x: Images, y: Labels) -> None:
    """Write a part whose images are in memory."""
    np.save(folder / f"x_{part}.npy", x)
    np.save(folder / f"y_{part}.npy", y)


def allocate(folder: Path, part: PartName, shape: tuple[int, ...]) -> Images:
    """A writable memory map for the images of a part, uint8 of `shape`."""
    return np.lib.format.open_memmap(folder / f"x_{part}.npy", "w+", np.uint8, shape)


def _open(folder: Path) -> Decoded | None:
    """The set in a folder; None when there is none, or when somebody damaged it."""
    try:
        meta = json.loads((folder / "meta.json").read_text())
        train, test = _parts(folder)
    except (OSError, ValueError):
        return None
    return Decoded(train, test, meta)


def _parts(folder: Path) -> tuple[Part, Part]:
    train, test = (
        Part(np.load(folder / f"x_{part}.npy", mmap_mode="r"), np.load(folder / f"y_{part}.npy"))
        for part in ("train", "test")
    )
    return train, test


def _make(folder: Path, build: Callable[[Path], Meta]) -> None:
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", suffix=".tmp", dir=folder.parent))
    except OSError as error:
        raise _unwritable(folder, error) from error
    try:
        meta = dict(build(temporary))
        train, test = _parts(temporary)
        meta["digest"] = digest(train, test, names=tuple(meta["classes"]["en"]))
        (temporary / "meta.json").write_text(json.dumps(meta))
        _publish(temporary, folder)
    except OSError as error:
        raise _unwritable(folder, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _publish(temporary: Path, folder: Path) -> None:
    if folder.exists() and _open(folder) is None:
        shutil.rmtree(folder)
    try:
        os.rename(temporary, folder)
    except OSError as error:
        # Another process decoded the same set meanwhile: its copy is as good.
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise


def _unwritable(folder: Path, error: OSError) -> CacheError:
    if error.errno == errno.ENOSPC:
        why = _("there is no room left on the disk")
    else:
        why = _("the decoded images cannot be written ({error})").format(error=error)
    return CacheError(str(folder), why, _("Make room, or choose another folder in cache=."))
