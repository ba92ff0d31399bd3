"""What can be made again from the finished trials, but takes long: kept beside them.

A file that is missing or damaged, or that cannot be written, costs the time to make its content again, nothing else.
"""

import json
import os
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from etalon.study.files import DAMAGE, Kept, packed, unpacked

__all__ = ["Kept", "Shelf", "digest"]

T = TypeVar("T")


class Shelf:
    """A folder of such files, each replaced in one step."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, name: str, read: Callable[[Kept], T]) -> T | None:
        """What `read` makes of the file called `name`; None if there is none, or none that it can read."""
        try:
            return read(unpacked(self.folder / name))
        except DAMAGE:
            return None

    def put(self, name: str, kept: Kept) -> None:
        """Keep this under `name`, unless the disk refuses."""
        content, scratch = packed(kept), self.folder / f"{name}.{os.getpid()}.new"
        try:
            scratch.write_bytes(content)
            scratch.replace(self.folder / name)
        except OSError:
            pass
        with suppress(OSError):  # of this process, and of those that were killed while they wrote
            for left in self.folder.glob(f"{name}.*.new"):
                left.unlink()


def digest(facts: Any) -> str:
    """The sha256 (hex) of plain facts, as JSON; what JSON does not know counts as its text."""
    return sha256(json.dumps(facts, default=str).encode()).hexdigest()
