"""The queue of a store: what is to be run, one after the other, by a process that nobody has to watch.

    jobs/<n>.json     what is asked for, and what became of it; replaced in one step
    jobs/<n>.log      what it printed
    jobs/<n>.stop     there while somebody wants it to stop
    jobs/<n>.study    the study that it trains, as the job itself tells
    locks/queue       held while the queue is changed
    locks/runner      held by the process that runs the jobs: it ends with the process, however that ends

Several servers on one store share its queue, and whichever adds a job to an idle one starts the runner.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Literal

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, ValidationError

from etalon.errors import StoreError
from etalon.locales import _, language
from etalon.study.files import clear_errors, replace

State = Literal["waiting", "running", "done", "stopped", "failed", "interrupted"]
UNDER_WAY = frozenset({"waiting", "running"})
LOG = 128 << 10  # bytes of the end of a log that are shown
NAME = re.compile("[0-9a-f]{12}")  # of a study


class Job(BaseModel):
    """Something to run.

    Attributes:
        kind: "run" or "report".
        argv: what follows `etalon` on the command line.
        folder: where it is run.
        about: what pages need to know of it: file, title, title_en and title_fr, data, quick; study, as soon as it is
            known.
        status: how it exited; negative: the signal that ended it.
    """

    model_config = ConfigDict(frozen=True)

    n: int
    kind: str
    argv: tuple[str, ...]
    folder: str
    about: Mapping[str, str] = {}
    state: State = "waiting"
    added: datetime
    started: datetime | None = None
    ended: datetime | None = None
    status: int | None = None

    @property
    def title(self) -> str:
        """In the language in force, if whoever added it knew it; else as that one read it."""
        return self.about.get(f"title_{language()}", self.about.get("title", self.kind))


class Queue:
    """The jobs of a store.

    Args:
        store: its folder, which is there.
    """

    def __init__(self, store: Path) -> None:
        self.store = store
        self._folder, self._locks = store / "jobs", store / "locks"
        with clear_errors(store):
            self._folder.mkdir(exist_ok=True)

    # what pages ask for

    def jobs(self) -> list[Job]:
        """All of them, in the order in which they were added."""
        with self._changing():
            return self._seen()

    def job(self, n: int) -> Job:
        """One of them.

        Raises:
            StoreError: there is none of this number.
        """
        with self._changing():
            return self._one(n)

    def add(self, kind: str, argv: list[str], folder: Path, **about: str) -> Job:
        """Put a job at the end, and see to it that somebody runs it."""
        with self._changing():
            n = max((job.n for job in self._read()), default=0) + 1
            now = datetime.now(UTC)
            job = Job(n=n, kind=kind, argv=tuple(argv), folder=str(folder), about=about, added=now)
            self._write(job)
            self._wake()
        return job

    def resume(self, n: int) -> None:
        """Run once more what has ended, with the same arguments: nothing finished is done again."""
        with self._changing():
            job = self._one(n)
            if job.state not in UNDER_WAY:
                self._stop_mark(n).unlink(missing_ok=True)
                self._write(job.model_copy(update={"state": "waiting", "ended": None, "status": None}))
            self._wake()

    def stop(self, n: int) -> None:
        """Have a job stop, or not begin; nothing if it has ended."""
        with self._changing():
            job = self._one(n)
            if job.state == "running":
                self._stop_mark(n).touch()
            elif job.state == "waiting":
                self._write(job.model_copy(update={"state": "stopped", "ended": datetime.now(UTC)}))

    def forget(self, n: int) -> None:
        """Take away what is known of a job that has ended; what it trained stays."""
        with self._changing():
            if self._one(n).state not in UNDER_WAY:
                for path in (self._path(n), self.log(n), self.name(n), self._stop_mark(n)):
                    path.unlink(missing_ok=True)

    def wake(self) -> None:
        """See to it that jobs which wait are run: their runner may have been killed."""
        with self._changing():
            self._wake()

    def asleep(self) -> bool:
        """Whether nobody runs the jobs."""
        with self._changing():
            return self._idle()

    def log(self, n: int) -> Path:
        """Where what a job prints is written."""
        return self._folder / f"{n}.log"

    def told(self, n: int) -> str:
        """The end of what it printed; empty as long as there is nothing."""
        with suppress(OSError), self.log(n).open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - LOG))
            text = file.read().decode("utf-8", "replace")
            return text if size <= LOG else "…" + text.partition("\n")[2]
        return ""

    # what the runner asks for

    @contextmanager
    def running(self) -> Iterator[Callable[[], Job | None]]:
        """Be the runner, inside the block: the next job to run, taken; None when nothing waits, and one no longer is.

        Where another process is the runner, there is never anything to take.
        """
        lock = self._runner()
        with self._changing():
            alone = _took(lock)
            for job in self._read() if alone else ():
                if job.state == "running":  # its runner was killed
                    self._write(job.model_copy(update={"state": "interrupted"}))
        try:
            yield partial(self._take, lock) if alone else lambda: None
        finally:
            lock.release()

    def wanted(self, n: int) -> bool:
        """Whether nobody has asked for the job to stop."""
        return not self._stop_mark(n).exists()

    def name(self, n: int) -> Path:
        """Where a job that trains a study writes its name in the store."""
        return self._folder / f"{n}.study"

    def tie(self, n: int) -> bool:
        """Note in a job which study it trains; whether it has told."""
        try:
            study = self.name(n).read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError):
            return False
        if not NAME.fullmatch(study):  # it is being written
            return False
        with self._changing():
            job = self._one(n)
            if job.about.get("study") != study:
                self._write(job.model_copy(update={"about": {**job.about, "study": study}}))
        return True

    def settle(self, n: int, status: int) -> None:
        """Note how a job that was taken has ended."""
        with self._changing():
            ended: State = "done" if status == 0 else "failed" if self.wanted(n) else "stopped"
            told = {"state": ended, "status": status, "ended": datetime.now(UTC)}
            self._write(self._one(n).model_copy(update=told))
            self._stop_mark(n).unlink(missing_ok=True)

    def _take(self, lock: FileLock) -> Job | None:
        with self._changing():
            job = next((job for job in self._read() if job.state == "waiting"), None)
            if job is None:
                lock.release()  # under the queue's own: who adds a job from now on starts another runner
                return None
            taken = job.model_copy(update={"state": "running", "started": datetime.now(UTC)})
            self._stop_mark(job.n).unlink(missing_ok=True)
            self._write(taken)
            return taken

    # inside

    def _wake(self) -> None:
        if self._idle() and any(job.state == "waiting" for job in self._read()):
            with (self._folder / "runner.log").open("ab") as log:
                process = subprocess.Popen(
                    [sys.executable, "-P", "-m", "etalon.app.runner", str(self.store)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,  # it outlives who asked for it, and hears none of its signals
                )
            Thread(target=process.wait, daemon=True).start()

    def _seen(self) -> list[Job]:
        """As they are: one said to be running, that nobody runs, has been interrupted."""
        jobs = list(self._read())
        if any(job.state == "running" for job in jobs) and self._idle():
            lost = {"state": "interrupted"}
            return [job.model_copy(update=lost) if job.state == "running" else job for job in jobs]
        return jobs

    def _one(self, n: int) -> Job:
        job = next((job for job in self._seen() if job.n == n), None)
        if job is None:
            raise StoreError(
                _("job {n}").format(n=n), _("the queue has none of this number"), _("Look at the list of studies.")
            )
        return job

    def _idle(self) -> bool:
        """Whether nobody runs jobs; asked under the queue's lock, since two who look at once would see one another."""
        lock = self._runner()
        free = _took(lock)
        lock.release()
        return free

    def _read(self) -> Iterator[Job]:
        numbers = sorted(int(path.stem) for path in self._folder.glob("*.json") if path.stem.isdecimal())
        for n in numbers:
            with suppress(OSError, ValidationError):  # forgotten meanwhile, or not ours
                yield Job.model_validate_json(self._path(n).read_bytes())

    def _write(self, job: Job) -> None:
        replace(self._path(job.n), job.model_dump_json().encode())

    @contextmanager
    def _changing(self) -> Iterator[None]:
        with clear_errors(self.store), FileLock(self._locks / "queue"):
            yield

    def _runner(self) -> FileLock:
        return FileLock(self._locks / "runner")

    def _path(self, n: int) -> Path:
        return self._folder / f"{n}.json"

    def _stop_mark(self, n: int) -> Path:
        return self._folder / f"{n}.stop"


def _took(lock: FileLock) -> bool:
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return False
    return True
