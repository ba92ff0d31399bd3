"""Who trains: this process, several beside it, or several threads that share a GPU.

How many threads a trial has belongs to the trial (`Trial.threads`): its result does not depend on who trains it.
"""

import importlib.util
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any, Protocol, Self

from etalon.data.dataset import Dataset
from etalon.errors import EtalonError, StudyError, TrainingError
from etalon.locales import _, language
from etalon.study.crew import Crew, in_threads
from etalon.study.faults import culprit, fault, remedy
from etalon.study.frames import receive, send
from etalon.study.store import Store
from etalon.study.trial import Trial, perform
from etalon.train.device import chosen, is_out_of_memory, no_memory, room_for_more

# glibc gives large blocks back to the system at each step, and a third of the time goes to zeroing fresh pages.
ALLOCATOR = {
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
    "MALLOC_TRIM_THRESHOLD_": str(1 << 40),
    "MALLOC_TOP_PAD_": str(64 << 20),
}

TOGETHER = 8  # trials at once on a GPU, at most, unless told otherwise
SHARE = 0.8  # of the memory that is free: trials differ in size

BOOT = "import sys; sys.path[:] = sys.argv[1:]; from etalon.study.worker import main; main()"

MakeTrial = Callable[[], Trial]  # a network is built only when its turn comes


@dataclass(frozen=True)
class Event:
    """Something that happened to a trial: `what` is started, epoch, done, diverged or failed."""

    key: str
    what: str
    epochs: int = 0
    logs: dict[str, float] | None = None
    error: str = ""

    @property
    def last(self) -> bool:
        """Whether nothing more will be heard of the trial."""
        return self.what in ("done", "diverged", "failed")


Notify = Callable[[Event], None]


class Executor(Protocol):
    """Trains trials and tells of each epoch and each end; a trial that breaks down does not stop the others.

    Inside `with`, what serves to train is kept from one run to the next.

    Attributes:
        workers: how many trials are trained at once.
    """

    workers: int

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> None: ...

    def run(self, trials: Sequence[MakeTrial], dataset: Dataset, store: Store, notify: Notify) -> None:
        """Return when every trial is in the store, as done or as failed."""


def executor(workers: int | None, trials: int) -> Executor:
    """As many processes as there are cores and trials, unless told otherwise; 0: this process trains.

    On a GPU: threads of this process, processes would take turns.
    """
    on_gpu = chosen().type != "cpu"
    wanted = min(TOGETHER if on_gpu else cores(), trials) if workers is None else workers
    if wanted < 0:
        raise StudyError(
            f"workers={wanted}",
            _("it is a number of processes"),
            _("Give 0 to train without any, or 1, 2…"),
        )
    if not wanted:
        return InProcess()
    return Streams(wanted) if on_gpu else Processes(wanted)


def cores() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def attempt(
    trial: Trial, dataset: Dataset, store: Store, notify: Notify, later: Callable[[], bool] = lambda: False
) -> None:
    """Perform a trial; a breakdown is recorded and told, not raised.

    Args:
        later: called when a device has no memory left; True if the trial will be performed again, with more.
    """
    from etalon.kernels.compiled import set_threads

    set_threads(trial.threads)
    notify(Event(trial.key, "started"))
    try:
        perform(trial, dataset, store, lambda epochs, logs: notify(Event(trial.key, "epoch", epochs, logs)))
    except Exception as error:
        short = is_out_of_memory(error)
        if not (short and later()):
            notify(_breakdown(trial, store, no_memory(chosen()) if short else error))
    else:
        notify(Event(trial.key, "done"))


def _breakdown(trial: Trial, store: Store, error: Exception) -> Event:
    diverged = isinstance(error, TrainingError)
    text = str(error) if isinstance(error, EtalonError) else _accident(error)
    try:
        store.fail(trial.key, trial.study, trial.variant, trial.seed, text, diverged=diverged)
    except EtalonError as second:
        text = f"{text}\n{second}"
    return Event(trial.key, "diverged" if diverged else "failed", error=text)


def _accident(error: Exception) -> str:
    """What is told of an exception that nobody foresaw; it is the user's to mend where their own code raises it."""
    if not culprit(error):
        return fault(error)
    otherwise = _("Correct this line and run the study again: the finished trials are kept.")
    return f"{fault(error).rstrip('.')}. {remedy(error, otherwise)}"


class InProcess:
    """One trial after the other, here."""

    workers = 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """There is nothing to keep."""

    def run(self, trials: Sequence[MakeTrial], dataset: Dataset, store: Store, notify: Notify) -> None:
        """See Executor."""
        import torch

        from etalon.kernels.compiled import set_threads

        threads = torch.get_num_threads()
        try:
            for make in trials:
                attempt(make(), dataset, store, notify)
        finally:
            set_threads(threads)


class Streams:
    """Several trials at once on a GPU, each in a thread, whose work there is a stream of its own.

    The first trial trains alone for an epoch, and what memory it took tells how many go together. One for which the
    memory does not suffice all the same is given back, to go on from its last epoch when fewer are beside it.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """There is nothing to keep."""

    def run(self, trials: Sequence[MakeTrial], dataset: Dataset, store: Store, notify: Notify) -> None:
        """See Executor."""
        crew, started, building = Crew(trials, self.workers), set[str](), threading.Lock()

        def tell(event: Event) -> None:
            if crew.closed:
                raise _Stopped
            if event.what == "epoch" and crew.limit == 1:
                crew.widen(1 + int(min(SHARE * room_for_more(chosen()), self.workers)))
            if event.what != "started" or event.key not in started:
                notify(event)
            started.add(event.key)

        def train(make: MakeTrial, own_store: Store) -> None:
            with building:  # Keras is not made for several threads
                trial = make()
            attempt(trial, dataset, own_store, tell, later=partial(crew.give_back, make))

        def serve() -> None:
            own_store = Store(store.folder, store.url)
            while make := crew.take():
                try:
                    train(make, own_store)
                finally:
                    crew.done()

        in_threads([serve] * self.workers, crew.close)


class _Stopped(BaseException):
    """Ends a trial that nobody waits for any more."""


class Processes:
    """Several trials at once, each in a process of its own; a process that dies takes its own trial down, no other."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._kept: list[_Process] = []

    def __enter__(self) -> Self:
        self._kept = [_Process() for _ in range(self.workers)]
        return self

    def __exit__(self, *error: object) -> None:
        for process in self._kept:
            process.close()
        self._kept = []

    def run(self, trials: Sequence[MakeTrial], dataset: Dataset, store: Store, notify: Notify) -> None:
        """See Executor."""
        if not self._kept:
            with self:
                return self.run(trials, dataset, store, notify)
        store.share(dataset)
        waiting: queue.SimpleQueue[MakeTrial] = queue.SimpleQueue()
        for make in trials:
            waiting.put(make)
        building = threading.Lock()  # Keras is not made for several threads

        def serve(process: _Process) -> None:
            while True:
                try:
                    make = waiting.get_nowait()
                except queue.Empty:
                    return
                with building:
                    trial = make()
                process.train(trial, dataset, store, notify)

        def stop() -> None:
            while not waiting.empty():
                waiting.get()
            self.__exit__()  # which ends the threads that wait for an answer

        in_threads([partial(serve, process) for process in self._kept], stop)


class _Process:
    """A worker process, started at its first trial and again if it has died."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False
        self._changing = threading.Lock()

    def train(self, trial: Trial, dataset: Dataset, store: Store, notify: Notify) -> None:
        """Have the trial trained, and tell what is heard of it."""
        order = (trial, dataset.digest, (store.folder, store.url))
        for event in self._events(trial, order, store):
            notify(event)

    def close(self) -> None:
        """End the process, whatever it is doing."""
        with self._changing:
            self._closed = True
            if self._process:
                _end(self._process, patience=0)

    def _events(self, trial: Trial, order: Any, store: Store) -> Iterator[Event]:
        try:
            process = self._started()
            send(_there(process.stdin), order)
            while True:
                answer: Event | StudyError = receive(_there(process.stdout))
                if isinstance(answer, StudyError):
                    raise answer
                yield answer
                if answer.last:
                    return
        except (EOFError, OSError):
            if not self._closed:
                yield self._death(trial, store)
        except Exception as error:  # a trial that cannot be sent, or not be read there
            yield _breakdown(trial, store, error)

    def _started(self) -> subprocess.Popen[bytes]:
        with self._changing:
            if self._closed:
                raise EOFError
            if self._process is None:
                given = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": str(cores()), "ETALON_LANG": language()}
                given |= _one_openmp()
                paths = [path or os.getcwd() for path in sys.path]  # what is imported there is what is imported here
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-c", BOOT, *paths],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    env={**os.environ, **ALLOCATOR, **given},
                )
            return self._process

    def _death(self, trial: Trial, store: Store) -> Event:
        with self._changing:
            process, self._process = self._process, None
        status = _end(process, patience=5) if process else 0
        if store.has(trial.key):  # it had finished, and could not say so
            return Event(trial.key, "done")
        return _breakdown(trial, store, WorkerDiedError(status))


def _one_openmp() -> dict[str, str]:
    """torch's own OpenMP for the kernels too: beside the system's, two idle threads would spin on each core."""
    torch = importlib.util.find_spec("torch")
    library = Path(torch.origin).parent / "lib" / "libgomp.so.1" if torch and torch.origin else None
    if not library or not library.exists():
        return {}
    return {"LD_PRELOAD": ":".join(filter(None, [str(library), os.environ.get("LD_PRELOAD")]))}


def _end(process: subprocess.Popen[bytes], patience: float) -> int:
    """The status of a process that is about to end, or has `patience` seconds to do so."""
    try:
        status = process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        status = process.wait()
    for stream in (process.stdin, process.stdout):
        with suppress(OSError):  # what it did not read is lost
            _there(stream).close()
    return status


def _there(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream
    return stream


class WorkerDiedError(EtalonError):
    """The process that trained was ended: no memory left, a crash, a signal."""

    def __init__(self, status: int) -> None:
        if status < 0:
            ended = _("a training process that ended by signal {name}").format(name=signal.Signals(-status).name)
        else:
            ended = _("a training process that ended with status {status}").format(status=status)
        super().__init__(
            ended,
            _("it was killed or has crashed, often for want of memory"),
            _("Run the study again: the trial goes on from its last epoch. Fewer workers need less memory."),
        )
