"""The queue: jobs taken in order, by one process at a time, whatever is killed."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from etalon.app import runner
from etalon.app.queue import Job, Queue
from etalon.errors import StoreError
from etalon.study.store import Store

TINY = """
import etalon
from keras import Sequential, layers

study = etalon.Study("Tiny", data="digits", seeds=1, epochs={epochs}, batch_size=512)


@study.reference
def reference():
    return Sequential([layers.Input((8, 8, 1)), layers.Flatten(), layers.Dense(10, activation="softmax")])


@study.variant(because="an epoch more", epochs={epochs} + 1)
def longer():
    return reference()
"""


@pytest.fixture
def queue(tmp_path: Path) -> Queue:
    """An empty one."""
    for name in ("locks", "served"):
        (tmp_path / name).mkdir()
    return Queue(tmp_path)


@pytest.fixture
def asleep(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> Queue:
    """One whose jobs nobody runs but the test."""
    monkeypatch.setattr(Queue, "_wake", lambda self: None)
    return queue


@pytest.fixture
def played(asleep: Queue, monkeypatch: pytest.MonkeyPatch) -> Queue:
    """One whose jobs are small Python programs instead of Étalon."""

    def started(job: Job, queue: Queue, log: object) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-c", *job.argv],
            stdin=subprocess.PIPE,
            stdout=log,  # type: ignore[call-overload]
            stderr=log,  # type: ignore[call-overload]
            start_new_session=True,
        )

    monkeypatch.setattr(runner, "_started", started)
    return asleep


def until(true: Callable[[], object], seconds: float = 60) -> None:
    """Wait for something."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)


def states(queue: Queue) -> dict[int, str]:
    return {job.n: job.state for job in queue.jobs()}


def test_in_order(played: Queue, tmp_path: Path) -> None:
    for word in ("one", "two", "three"):
        played.add("run", [f"print({word!r}, flush=True)"], tmp_path, title=word)
    played.stop(2)
    assert states(played) == {1: "waiting", 2: "stopped", 3: "waiting"}
    runner.work(played)
    assert states(played) == {1: "done", 2: "stopped", 3: "done"}
    assert [played.told(n) for n in (1, 2, 3)] == ["one\n", "", "three\n"]
    first, _second, third = played.jobs()
    assert first.ended is not None
    assert third.started is not None
    assert first.ended <= third.started
    assert first.status == 0


def test_failed_then_resumed_with_the_same_arguments(played: Queue, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    program = (
        f"import pathlib, sys; p = pathlib.Path({str(mark)!r}); n = p.exists(); p.touch(); sys.exit(0 if n else 3)"
    )
    job = played.add("run", [program], tmp_path)
    runner.work(played)
    assert (played.job(1).state, played.job(1).status) == ("failed", 3)
    played.resume(1)
    assert states(played) == {1: "waiting"}
    runner.work(played)
    assert (played.job(1).state, played.job(1).argv) == ("done", job.argv)


@pytest.mark.parametrize("stubborn", [False, True])
def test_stopped(played: Queue, tmp_path: Path, stubborn: bool) -> None:
    ignore = "signal.signal(signal.SIGINT, signal.SIG_IGN);" if stubborn else ""
    played.add("run", [f"import signal, time;{ignore} print('there', flush=True); time.sleep(60)"], tmp_path)
    thread = threading.Thread(target=runner.work, args=(played, 0.5 if stubborn else 60))
    thread.start()
    until(lambda: "there" in played.told(1))
    assert states(played) == {1: "running"}
    played.stop(1)
    thread.join(90)
    assert not thread.is_alive()
    assert played.job(1).state == "stopped"
    assert played.job(1).status == (-signal.SIGKILL if stubborn else -signal.SIGINT)


def test_one_runner_at_a_time(asleep: Queue, tmp_path: Path) -> None:
    with asleep.running():
        assert not asleep.asleep()
        job = asleep.add("run", [], tmp_path)
        with asleep.running() as take:
            assert take() is None
        runner.work(asleep)  # which does nothing
        assert states(asleep) == {job.n: "waiting"}
        assert not asleep.asleep()
    assert asleep.asleep()


def test_no_job_is_forgotten_when_it_comes_as_the_runner_ends(asleep: Queue, tmp_path: Path) -> None:
    with asleep.running() as take:
        assert take() is None
        assert asleep.asleep(), "whoever adds a job from now on must start another runner"
        asleep.add("run", [], tmp_path)
        assert states(asleep) == {1: "waiting"}


def test_a_killed_runner_leaves_an_interrupted_job(asleep: Queue, tmp_path: Path) -> None:
    job = asleep.add("run", [], tmp_path)
    asleep._write(job.model_copy(update={"state": "running"}))  # as a killed runner leaves it
    assert states(asleep) == {1: "interrupted"}
    with FileLock(tmp_path / "locks" / "runner"):
        assert states(asleep) == {1: "running"}
    with asleep.running() as take:  # the next runner does not take it up by itself
        assert take() is None
    assert json.loads((tmp_path / "jobs" / "1.json").read_text())["state"] == "interrupted"
    asleep.resume(1)
    assert states(asleep) == {1: "waiting"}


def test_numbers_are_never_shared(asleep: Queue, tmp_path: Path) -> None:
    others = [Queue(tmp_path) for _ in range(8)]
    threads = [threading.Thread(target=lambda q=q: [q.add("run", [], tmp_path) for _ in range(5)]) for q in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(states(asleep)) == list(range(1, 41))


def test_forgotten(asleep: Queue, tmp_path: Path) -> None:
    asleep.add("run", [], tmp_path)
    asleep.forget(1)
    assert states(asleep) == {1: "waiting"}, "not while it waits"
    asleep.stop(1)
    asleep.forget(1)
    assert states(asleep) == {}
    with pytest.raises(StoreError, match="job 1"):
        asleep.job(1)


def test_damaged_files_are_passed_over(asleep: Queue, tmp_path: Path) -> None:
    asleep.add("run", [], tmp_path)
    (tmp_path / "jobs" / "2.json").write_text("{")
    (tmp_path / "jobs" / "x.json").write_text("{}")
    assert list(states(asleep)) == [1]
    assert asleep.add("run", [], tmp_path).n >= 2


def test_a_job_tells_which_study_it_trains(asleep: Queue, tmp_path: Path) -> None:
    n = asleep.add("run", [], tmp_path, file="a.py").n
    assert not asleep.tie(n)
    for said in ("", "0123", "../../../etc", "0123456789ab\n"):
        asleep.name(n).write_text(said)
        assert not asleep.tie(n)
    asleep.name(n).write_text("0123456789ab")
    assert asleep.tie(n)
    assert asleep.job(n).about == {"file": "a.py", "study": "0123456789ab"}
    asleep.stop(n)
    asleep.forget(n)
    assert not asleep.name(n).exists()


@pytest.fixture
def real(tmp_path: Path) -> Iterator[tuple[Queue, Path]]:
    """A queue with the processes that will run its jobs, and a folder for study files; no runner is left behind."""
    store = tmp_path / "store"
    (store / "locks").mkdir(parents=True)
    queue = Queue(store)
    yield queue, tmp_path
    for job in queue.jobs():
        queue.stop(job.n)
    until(queue.asleep)


def study(folder: Path, epochs: int, name: str = "tiny.py") -> list[str]:
    (folder / name).write_text(TINY.format(epochs=epochs))
    return ["run", str(folder / name), "--store", str(folder / "store"), "--sealed", "--lang", "fr", "--workers", "0"]


def runner_of(store: Path) -> int:
    """The process that runs the jobs of a store."""
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        words = place.read_bytes().split(b"\0")
        if b"etalon.app.runner" in words and str(store).encode() in words:
            return int(place.parent.name)
    raise AssertionError("there is none")


def children(pid: int) -> list[int]:
    return [int(n) for path in Path(f"/proc/{pid}/task").glob("*/children") for n in path.read_text().split()]


def is_alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_a_real_study_by_a_real_runner(real: tuple[Queue, Path]) -> None:
    queue, folder = real
    queue.add("run", study(folder, epochs=2), folder)
    queue.add("run", ["run", str(folder / "nowhere.py"), "--store", str(folder / "store")], folder)
    until(lambda: set(states(queue).values()) <= {"done", "failed"}, 120)
    assert states(queue) == {1: "done", 2: "failed"}, queue.told(1)
    assert [job.about.get("study") for job in queue.jobs()] == [Store(folder / "store").studies()[0].id, None]
    assert "exactitude" in queue.told(1)
    assert "nowhere.py" in queue.told(2)
    until(queue.asleep)


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="the system does not tell the children of a process")
def test_stopped_killed_resumed(real: tuple[Queue, Path]) -> None:
    queue, folder = real
    queue.add("run", study(folder, epochs=20_000), folder)
    events = folder / "store" / "studies"

    def told(word: str) -> int:
        return sum(path.read_text().count(f'"what": "{word}"') for path in events.glob("*/events.jsonl"))

    until(lambda: told("epoch") > 3, 120)
    queue.stop(1)
    until(lambda: states(queue) == {1: "stopped"})
    until(queue.asleep)
    assert queue.job(1).about["study"] == Store(folder / "store").studies()[0].id

    before = told("epoch")
    queue.resume(1)
    until(lambda: told("epoch") > before + 3, 120)
    process = runner_of(folder / "store")
    (job,) = children(process)
    os.kill(process, signal.SIGKILL)
    until(lambda: states(queue) == {1: "interrupted"})
    until(lambda: not is_alive(job), 30)  # it ends with its runner

    study(folder, epochs=2)  # so that the same arguments come to an end
    queue.resume(1)
    until(lambda: states(queue) == {1: "done"}, 120)
