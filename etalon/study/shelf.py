"""What can be made again from the finished trials, but takes long: kept beside them.

A file holds arrays and plain JSON (safetensors, no pickle). One that is missing or damaged, or that cannot be written,
costs the time to make its content again, and nothing else.
"""

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Kept:
    """Plain JSON, and arrays by name."""

    meta: Mapping[str, Any]
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)


class Shelf:
    """A folder of such files, each replaced in one step."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, name: str, read: Callable[[Kept], T]) -> T | None:
        """What `read` makes of the file called `name`; None if there is none, or none that it can read."""
        try:
            with safe_open(self.folder / name, framework="numpy") as file:
                meta = json.loads(file.metadata()["meta"])
                return read(Kept(meta, {key: file.get_tensor(key) for key in file.keys()}))  # noqa: SIM118
        except (OSError, ValueError, KeyError, TypeError, SafetensorError):
            return None

    def put(self, name: str, kept: Kept) -> None:
        """Keep this under `name`, unless the disk refuses."""
        scratch = self.folder / f"{name}.{os.getpid()}.new"
        arrays = {key: np.asarray(array, order="C") for key, array in kept.arrays.items()}
        try:
            save_file(arrays, scratch, {"meta": json.dumps(kept.meta)})
            scratch.replace(self.folder / name)
        except (OSError, SafetensorError):
            with suppress(OSError):
                scratch.unlink(missing_ok=True)


def digest(facts: Any) -> str:
    """The sha256 (hex) of plain facts, as JSON; what JSON does not know counts as its text."""
    return sha256(json.dumps(facts, default=str).encode()).hexdigest()
