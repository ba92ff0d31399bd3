"""Files that are there in full or not at all, and that are no longer read once a single bit of them has changed.

A folder is written beside its place, with the sha256 of each file in `SHA256SUMS` (as `sha256sum -c` reads it), flushed
to the disk, then renamed. A file that stands alone is safetensors (no pickle) and carries its own sha256 in its header.
"""

import json
import os
import shutil
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from etalon.errors import StoreError
from etalon.locales import _
from etalon.locales.foreign import of_files

SUMS = "SHA256SUMS"
# What the readers of JSON, of .npz and of safetensors raise when a file is not what it should be.
DAMAGE = (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile, SafetensorError)


@dataclass(frozen=True, eq=False)
class Kept:
    """What a file that stands alone holds: plain JSON, and arrays by name."""

    meta: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)


@contextmanager
def clear_errors(folder: Path, *written: Path) -> Iterator[None]:
    """Say what a failure to write in the store at `folder` means, and take away what was `written` by halves.

    Raises:
        StoreError: no room, no right to write, no such folder any more.
    """
    try:
        yield
    except (OSError, NotImplementedError) as error:  # the latter from a file system without locks
        for path in written:
            _remove(path)
        raise StoreError(
            _("the store {store}").format(store=folder),
            _("it cannot be written ({error})").format(error=of_files(error) if isinstance(error, OSError) else error),
            _("Free some space or give a folder of yours with --store; the runs already finished are safe."),
        ) from error


def write(path: Path, content: bytes) -> None:
    """Write a file and see to it that it is on the disk."""
    path.write_bytes(content)
    flush(path)


def flush(path: Path) -> None:
    """See to it that a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace(path: Path, content: bytes) -> None:
    """Write a file in one step: whoever reads it finds what was there before, or all of what is there now."""
    scratch = path.with_name(f"{path.name}.new")
    try:
        write(scratch, content)
        scratch.replace(path)
    except OSError:
        _remove(scratch)
        raise


# folders, each with the checksums of its files


def fill(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write these files in a folder that is there, their checksums beside them."""
    for name, content in contents.items():
        write(folder / name, content)
    _note(folder, {name: sha256(content).hexdigest() for name, content in contents.items()})


def seal(folder: Path, names: Iterable[str]) -> None:
    """Note the checksums of files that were written without."""
    _note(folder, {name: _sha256(folder / name) for name in names if (folder / name).exists()})


def verify(path: Path) -> None:
    """Compare a file with the checksum noted in its folder.

    Raises:
        OSError, ValueError: it cannot be read, has no checksum, or is no longer what was written.
    """
    lines = (line.split("  ", 1) for line in (path.parent / SUMS).read_text().splitlines())
    noted = {name: total for total, name in lines}
    if path.name not in noted:
        raise ValueError(_("{sums} does not name it").format(sums=SUMS))
    found = _sha256(path)
    if found != noted[path.name]:
        raise ValueError(_changed(noted[path.name], found))


def _note(folder: Path, sums: Mapping[str, str]) -> None:
    replace(folder / SUMS, "".join(f"{total}  {name}\n" for name, total in sums.items()).encode())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


# files that stand alone


def packed(kept: Kept) -> bytes:
    """The content of a safetensors file that holds this."""
    meta = json.dumps(kept.meta)
    arrays = {name: np.asarray(array, order="C") for name, array in kept.arrays.items()}
    return bytes(save(arrays, {"meta": meta, "sha256": _fingerprint(meta, arrays)}))


def unpacked(path: Path) -> Kept:
    """What `packed` was given.

    Raises:
        One of DAMAGE: the file cannot be read, or is no longer what was written.
    """
    with safe_open(path, framework="numpy") as file:
        about = file.metadata()
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    found = _fingerprint(about["meta"], arrays)
    if found != about["sha256"]:
        raise ValueError(_changed(about["sha256"], found))
    return Kept(json.loads(about["meta"]), arrays)


def _fingerprint(meta: str, arrays: Mapping[str, np.ndarray]) -> str:
    """The sha256 (hex) of all that such a file holds."""
    total = sha256(meta.encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        total.update(json.dumps([name, array.dtype.str, arrays[name].shape]).encode())
        total.update(array.view(np.uint8).data if array.size else b"")
    return total.hexdigest()


def _changed(written: str, found: str) -> str:
    return _("it is no longer what was written: sha256 {found} instead of {written}").format(
        found=found[:12], written=written[:12]
    )


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)
