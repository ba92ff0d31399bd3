"""What a store remembers of studies: a dossier for each, and what happens while it trains.

    studies/<id>/study.json      the dossier, replaced in one step
    studies/<id>/events.jsonl    one event a line, each added by one write
    locks/study-<id>.<n>         held by a process that trains the study: it ends with the process, however that ends

What cannot be written here is lost, and nothing else with it.
"""

import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from etalon.errors import StoreError
from etalon.locales import _
from etalon.study.dossier import About, Described, Dossier, Images
from etalon.study.files import DAMAGE, replace

__all__ = ["About", "Described", "Diary", "Dossier", "Images", "Journal", "Told"]

LAYOUT = 1  # of study.json; raised when an older Étalon would misread it
STUDY, EVENTS = "study.json", "events.jsonl"
ID = re.compile("[0-9a-f]{8,64}")


@dataclass(frozen=True)
class Told:
    """Something that happened while a study trained.

    Attributes:
        when: unix time, in seconds.
        what: "run", trainings begin (of a look, with `seeds="auto"`): `total` of them, `workers` at once; "end", the
            run is over, or was interrupted; of a trial "started", "epoch", "done", "diverged" or "failed".
        key, variant, seed: the trial. Variants that are the same share their trials, told under the first of them.
        epoch, epochs: the epochs done, those planned.
        logs: figures of the epoch: loss, accuracy, val_loss, val_accuracy, learning_rate, seconds.
    """

    what: str
    key: str = ""
    variant: str = ""
    seed: int = 0
    epoch: int = 0
    epochs: int = 0
    logs: Mapping[str, float] | None = None
    error: str = ""
    total: int = 0
    workers: int = 0
    when: float = 0.0


class Diary:
    """What one process tells of the trainings of a study; what cannot be written is lost, and nothing else is."""

    def __init__(self, path: Path) -> None:
        self._path, self._begun = path, False

    def begin(self, total: int, workers: int) -> None:
        """Trainings begin, if there are any."""
        if total:
            self._begun = True
            self.tell(Told("run", total=total, workers=workers))

    def end(self) -> None:
        """They are over."""
        if self._begun:
            self.tell(Told("end"))

    def tell(self, told: Told) -> None:
        """Add an event, with the time that it is."""
        said = {name: value for name, value in asdict(told).items() if value not in (None, "")}
        line = json.dumps({**said, "when": round(time.time(), 3)})
        with suppress(OSError), self._path.open("ab", buffering=0) as file:
            file.write(f"\n{line}\n".encode())  # a line that was cut short before it stays alone


class Journal:
    """A folder of studies.

    Args:
        folder: where they are; locks: where those who train hold theirs. Both are there.
    """

    def __init__(self, folder: Path, locks: Path) -> None:
        self._folder, self._locks = folder, locks
        self._known: dict[Path, tuple[object, Dossier]] = {}  # read so far, and what tells a file from another

    # dossiers

    def dossiers(self) -> list[Dossier]:
        """Those that can be read, the last updated first."""
        found = []
        for path in self._folder.glob(f"*/{STUDY}"):
            with suppress(StoreError):
                found.append(self.dossier(path.parent.name))
        return sorted(found, key=lambda dossier: dossier.updated, reverse=True)

    def dossier(self, id: str) -> Dossier:
        """That of a study.

        Raises:
            StoreError: there is none of this name, it is damaged, or was written by a newer version.
        """
        path = self._place(id) / STUDY
        if not path.exists():
            raise _unknown(id)
        return self._read(path)

    def keep(self, dossier: Dossier) -> None:
        """Write a dossier, in place of the one of its name; one that says nothing new is left as it was.

        Raises:
            OSError: the disk refuses.
            StoreError: what is there was written by a newer version.
        """
        path = self._place(dossier.id) / STUDY
        path.parent.mkdir(exist_ok=True)
        content = {"layout": LAYOUT, **_sayable(dossier.model_dump(mode="json"))}
        with FileLock(self._lock(dossier.id)):
            before = _fields(path)
            if before.get("layout", 0) > LAYOUT:
                raise _newer(path)
            kept = {name: before.get(name, content[name]) for name in ("created", "updated")}
            if before != {**content, **kept}:
                replace(path, json.dumps({**content, "created": kept["created"]}).encode())

    def _read(self, path: Path) -> Dossier:
        try:
            dossier = self._parsed(path)
            last = path.with_name(EVENTS)
            told = datetime.fromtimestamp(last.stat().st_mtime, UTC) if last.exists() else dossier.updated
        except DAMAGE as error:
            raise StoreError(
                f"{path}",
                _("it cannot be read ({error})").format(error=str(error).splitlines()[0]),
                _("Delete this file: the next run of the study writes it again."),
            ) from error
        return dossier.model_copy(update={"updated": max(dossier.updated, told)})

    def _parsed(self, path: Path) -> Dossier:
        """What a file says, read again only when it has been replaced."""
        status = path.stat()
        same = (status.st_ino, status.st_mtime_ns, status.st_size)
        before, dossier = self._known.get(path, (None, None))
        if dossier is None or before != same:
            fields = json.loads(path.read_text())
            if fields.pop("layout") > LAYOUT:
                raise _newer(path)
            dossier = Dossier.model_validate(fields)
            if dossier.id != path.parent.name:
                raise ValueError(dossier.id)
            self._known[path] = (same, dossier)
        return dossier

    # events

    def events(self, id: str, start: int = 0) -> tuple[list[Told], int]:
        """The events from a place in the file on, in bytes, and the place where the next ones will be.

        A line that is not finished is left for the next time; one that cannot be read is passed over.

        Raises:
            StoreError: no study of this name.
        """
        path = self._place(id) / EVENTS
        try:
            with path.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                start = start if 0 <= start <= size else 0  # another file, which has begun since
                file.seek(start)
                content = file.read()
        except OSError:
            self.dossier(id)
            return [], 0
        whole = content[: content.rfind(b"\n") + 1]
        found = (_told(line) for line in whole.splitlines())
        return [told for told in found if told], start + len(whole)

    @contextmanager
    def attended(self, id: str) -> Iterator[Diary]:
        """Write in the diary of a study while one trains it; until the end of the block, or of the process, it runs."""
        place = self._place(id)
        diary = Diary(place / EVENTS)
        with ExitStack() as held:
            with suppress(OSError, NotImplementedError):  # the latter from a file system without locks
                place.mkdir(exist_ok=True)
                held.enter_context(self._slot(id))
            try:
                yield diary
            finally:
                diary.end()

    def running(self, id: str) -> bool:
        """Whether a process trains the study now.

        Raises:
            StoreError: no such name.
        """
        self._place(id)
        slots = list(self._locks.glob(f"study-{id}.*"))
        if not slots:
            return False
        with FileLock(self._lock(id)):  # two who look at once would see one another
            return any(not _is_free(slot) for slot in slots)

    @contextmanager
    def _slot(self, id: str) -> Iterator[None]:
        """A lock of one's own: several processes may train one study."""
        with FileLock(self._lock(id)):
            locks = (FileLock(self._locks / f"study-{id}.{n}") for n in count())
            lock = next(lock for lock in locks if _took(lock))
        try:
            yield
        finally:
            lock.release()

    def _place(self, id: str) -> Path:
        """The folder of a study, whose name comes from anywhere."""
        if not ID.fullmatch(id):
            raise _unknown(id)
        return self._folder / id

    def _lock(self, id: str) -> Path:
        return self._locks / f"study-{id}"


def _took(lock: FileLock) -> bool:
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return False
    return True


def _is_free(slot: Path) -> bool:
    lock = FileLock(slot)
    free = _took(lock)
    if free:
        lock.release()
    return free


def _told(line: bytes) -> Told | None:
    try:
        return Told(**json.loads(line))
    except (TypeError, ValueError):  # empty, cut short, or of another version
        return None


def _fields(path: Path) -> dict[str, Any]:
    """What a dossier says; nothing where there is none, or none that can be read."""
    try:
        fields: dict[str, Any] = json.loads(path.read_text())
        return fields if isinstance(fields, dict) else {}
    except (OSError, ValueError):
        return {}


def _sayable(value: Any) -> Any:
    """The same without halves of characters (from the names of files), which no page can show."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_sayable(name): _sayable(inner) for name, inner in value.items()}
    return [_sayable(inner) for inner in value] if isinstance(value, list) else value


def _unknown(id: str) -> StoreError:
    return StoreError(
        _("study {id}").format(id=id[:64]),
        _("the store knows none of this name"),
        _("A study is known once it has been run, or once its results have been looked at."),
    )


def _newer(path: Path) -> StoreError:
    return StoreError(f"{path}", _("it was written by a newer version of Étalon"), _("Upgrade Étalon."))
