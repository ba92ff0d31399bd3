"""Whatever is killed, at whatever instant: the next run ends as if nothing had happened."""

import os
import subprocess
import sys
import time
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any

import pytest
import torch
from small_studies import assert_same_runs, small_plan

from etalon.data.dataset import Dataset
from etalon.study import files
from etalon.study import store as store_module
from etalon.study.plan import Plan, Tally
from etalon.study.store import Store

EPOCHS, SEEDS = 25, (0, 1)
VARIANTS: dict[str, dict[str, Any]] = {"reference": {"dropout": 0.1}, "wider": {"dropout": 0.1, "neurons": 9}}
SETTINGS: dict[str, Any] = {"epochs": EPOCHS, "batch_size": 24, "augmentation": [{"kind": "noise"}]}

KILLS = [(2, "epoch", 3), (0, "epoch", 4), (0, "done", 1)]  # workers, and the event after which the study is killed


@pytest.fixture(scope="module")
def whole(blobs: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """The study, run without interruption."""
    plan = small_plan(blobs, Store(tmp_path_factory.mktemp("whole")), VARIANTS, seeds=SEEDS, **SETTINGS)
    assert plan.execute(0, lambda event: None) == Tally(trained=4, cached=0, failed=0)
    return plan


def train(data: Dataset, folder: Path, workers: int, told: Connection) -> None:
    """Train what is missing, and tell what happens."""
    torch.set_num_threads(1)
    plan = small_plan(data, Store(folder), VARIANTS, seeds=SEEDS, **SETTINGS)
    plan.execute(workers, lambda event: told.send(event.what))


def workers_of(process: ForkServerProcess) -> list[int]:
    """The processes that it has started."""
    threads = Path(f"/proc/{process.pid}/task").glob("*/children")
    return [int(pid) for thread in threads for pid in thread.read_text().split()]


def alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def times_of(store: Store) -> dict[str, int]:
    """When each file of the finished runs was written, in ns."""
    return {str(path): path.stat().st_mtime_ns for path in (store.folder / "runs").rglob("*") if path.is_file()}


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="the system does not tell the children of a process")
def test_killed_again_and_again(whole: Plan, store_folder: Path, forks: ForkServerContext) -> None:
    data, store = whole.dataset, Store(store_folder)
    for workers, what, times in KILLS:
        before, finished = times_of(store), store.finished(whole.keys.values())
        events, told_by = forks.Pipe(duplex=False)
        process = forks.Process(target=train, args=(data, store_folder, workers, told_by))
        process.start()
        told_by.close()
        told: list[str] = []
        while told.count(what) < times:
            told.append(events.recv())
        orphans = workers_of(process)
        assert len(orphans) == workers
        process.kill()
        process.join()
        deadline = time.monotonic() + 15
        while any(map(alive, orphans)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not any(map(alive, orphans))
        assert all(written == times_of(store)[path] for path, written in before.items())
        assert store.finished(whole.keys.values()) >= finished
    assert told.count("epoch") <= EPOCHS - KILLS[1][2]  # the last trial went on from its last epoch
    before, finished = times_of(store), store.finished(whole.keys.values())
    assert 1 <= len(finished) < 4
    plan = small_plan(data, store, VARIANTS, seeds=SEEDS, **SETTINGS)
    tally = plan.execute(0, lambda event: None)
    assert tally == Tally(trained=4 - len(finished), cached=len(finished), failed=0)
    assert all(written == times_of(store)[path] for path, written in before.items())
    assert_same_runs(plan, whole)


class Killed(BaseException):
    """What stands for kill -9: nobody catches it."""


STEPS: dict[str, tuple[Any, str, int]] = {  # the call at which the process dies
    "writing a checkpoint": (files, "write", 3),
    "replacing a checkpoint": (Path, "replace", 3),
    "writing the scalars": (files, "write", EPOCHS + 1),
    "writing the weights": (files, "write", EPOCHS + 3),
    "writing the checksums": (files, "write", EPOCHS + 4),
    "flushing": (files, "flush", EPOCHS + 2),
    "renaming": (Path, "rename", 1),
    "flushing its name": (store_module, "flush", 2),
    "recording": (Store, "_record", 1),
    "forgetting the checkpoint": (Path, "unlink", 1),
}


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_each_step_of_writing(
    step: str, whole: Plan, store_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def planned() -> Plan:
        return Plan(whole.title, whole.dataset, whole.candidates[:1], whole.split, (1,), Store(store_folder))

    owner, name, last = STEPS[step]
    original, calls = getattr(owner, name), 0

    def dying(*arguments: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == last:
            raise Killed
        return original(*arguments, **options)

    plan = planned()
    with monkeypatch.context() as patched:
        patched.setattr(owner, name, dying)
        with pytest.raises(Killed):
            plan.execute(0, lambda event: None)
    again = planned()
    again.execute(0, lambda event: None)
    assert not again.missing()
    assert_same_runs(again, Plan(whole.title, whole.dataset, whole.candidates[:1], whole.split, (1,), whole.store))
    assert not list((store_folder / "checkpoints").iterdir())
    assert [path.name for path in (store_folder / "runs").iterdir()] == [again.keys["reference", 1]]


def test_a_worker_ends_when_nobody_is_there() -> None:
    worker = subprocess.Popen([sys.executable, "-m", "etalon.study.worker"], stdin=subprocess.PIPE)
    assert worker.stdin
    worker.stdin.close()
    assert worker.wait(60) == 0
