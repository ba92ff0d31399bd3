"""A disk that is really full: the store says so, stays intact, and goes on once there is room."""

import gc
import os
import random
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from servers import Server
from small_studies import assert_same_runs, finished_run, small_plan, some_weights
from store_contract import KEY, OTHER

from etalon.data.dataset import Dataset
from etalon.errors import StoreError
from etalon.study.shelf import Kept
from etalon.study.store import Store
from etalon.train.state import Snapshot

BLOCK = 4096  # bytes, what the disk gives at once
FULL = "No space left on device|database or disk is full|disk I/O error"


@dataclass(frozen=True)
class Disk:
    """A small file system of its own."""

    folder: Path

    def leave(self, free: int) -> None:
        """Fill it but for `free` bytes."""
        self.clear()
        found = os.statvfs(self.folder)
        with (self.folder / "filler").open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(1, found.f_bavail * found.f_frsize - free))

    def remount(self, how: str) -> None:
        """As one that may be written, "rw", or not, "ro"."""
        subprocess.run(["mount", "-o", f"remount,{how}", str(self.folder)], check=True)

    def clear(self) -> None:
        """Give the room back."""
        (self.folder / "filler").unlink(missing_ok=True)


@contextmanager
def mounted(place: Path) -> Iterator[Disk]:
    """4 MiB in memory."""
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m,mode=777", "tmpfs", str(place)]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError as error:
        pytest.skip(f"no disk that can be filled: {error}")
    if done.returncode:
        pytest.skip(f"no disk that can be filled: {done.stderr.strip()}")
    try:
        yield Disk(place)
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with mounted(tmp_path / "disk") as found:
        yield found


def refusal(write: Callable[[], Any]) -> str | None:
    """How the store says that there is no room; None if there was."""
    try:
        write()
    except StoreError as error:
        return str(error)
    return None


def large_run(key: str) -> Any:
    """Logits of 96 KiB."""
    logits = np.random.default_rng(0).normal(size=(8192, 3)).astype(np.float32)
    return finished_run(key, test_logits=logits)


def large_weights() -> dict[str, np.ndarray]:
    """Weights of 64 KiB."""
    return {"kernel": np.random.default_rng(1).normal(size=(128, 128)).astype(np.float32)}


def saved(store: Store) -> bool:
    return store.has(KEY) and np.array_equal(store.weights(KEY)["kernel"], large_weights()["kernel"])


def kept(store: Store) -> bool:
    found = store.checkpoint(KEY)
    return found is not None and np.array_equal(found.arrays["kernel"], large_weights()["kernel"])


def is_shared(store: Store, blobs: Dataset) -> bool:
    return (store.folder / "data" / blobs.digest).exists() and len(store.shared(blobs.digest).test) == len(blobs.test)


LONG = "why " * 20_000
WRITING: dict[
    str, tuple[Callable[[Store, Dataset], Any], Callable[[Store, Dataset], bool]]
] = {  # and whether it is done
    "a run": (lambda s, _: s.save(large_run(KEY), large_weights()), lambda s, _: saved(s)),
    "a checkpoint": (lambda s, _: s.keep_checkpoint(KEY, Snapshot(large_weights(), {})), lambda s, _: kept(s)),
    "images": (lambda s, b: s.share(b), is_shared),
    "a failure": (lambda s, _: s.fail(KEY, "s", "v", 0, LONG, diverged=False), lambda s, _: KEY in s.records()),
    "an opening": (lambda s, _: s.open_test("data", "c", LONG, 1, "v"), lambda s, _: len(s.openings("data")) == 1),
}


@pytest.mark.parametrize("what", WRITING)
def test_no_room_to_write(what: str, disk: Disk, blobs: Dataset) -> None:
    write, is_written = WRITING[what]
    store = Store(disk.folder / "store")
    store.save(finished_run(OTHER), some_weights())
    store.open_test("other", "choice", "s", 1, "v")
    before = {path: path.read_bytes() for path in (store.folder / "runs" / OTHER).iterdir()}
    refusals = 0
    for free in range(0, 200 * BLOCK, BLOCK):
        disk.leave(free)
        told = refusal(lambda: write(store, blobs))
        disk.clear()
        if told is None:
            break
        assert re.search(f"({FULL}).*the runs already finished are safe", told)
        refusals += 1
        again = Store(store.folder)
        assert {path: path.read_bytes() for path in before} == before
        assert again.finished([OTHER]) == {OTHER}
        assert again.load(OTHER).key == OTHER
        assert len(again.openings("other")) == 1
        in_full = what == "a run" and again.has(KEY)  # only its record had no room
        assert is_written(again, blobs) == in_full
        if in_full:
            break
        halves = [path for path in store.folder.rglob("*") if path.is_file() and (".new" in str(path))]
        assert not halves
    assert refusals > 1
    assert refusal(lambda: write(store, blobs)) is None
    assert is_written(Store(store.folder), blobs)


def test_no_room_for_a_new_store(disk: Disk) -> None:
    refusals = 0
    for free in range(0, 64 * BLOCK, BLOCK):
        disk.leave(free)
        told = refusal(lambda: Store(disk.folder / "store"))
        disk.clear()
        if told is None:
            break
        assert re.search(FULL, told)
        refusals += 1
    assert refusals
    Store(disk.folder / "store").save(finished_run(KEY), some_weights())


def test_what_can_be_made_again_is_done_without(disk: Disk) -> None:
    store = Store(disk.folder / "store")
    store.shelf.put("name", Kept({"n": 1}, large_weights()))
    disk.leave(BLOCK)
    store.shelf.put("name", Kept({"n": 2}, large_weights()))
    assert store.shelf.get("name", lambda found: found.meta["n"]) == 1
    assert [path.name for path in store.shelf.folder.iterdir()] == ["name"]


def test_a_disk_that_may_only_be_read(disk: Disk) -> None:
    folder = disk.folder / "store"
    Store(folder).save(finished_run(KEY), some_weights())
    gc.collect()  # a disk with open files stays as it is
    disk.remount("ro")
    told = refusal(lambda: Store(folder))
    assert told
    assert re.search(r"it cannot be written \(Read-only file system\).* or give a folder of yours with --store", told)
    disk.remount("rw")
    assert Store(folder).has(KEY)


def test_a_place_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    told = refusal(lambda: Store(tmp_path / "file" / "store"))
    assert told
    assert re.search(r"the store .*file/store: it cannot be written \(Not a directory\).*--store", told)


def test_a_study_goes_on_once_there_is_room(disk: Disk, blobs: Dataset, tmp_path: Path) -> None:
    variants: dict[str, dict[str, Any]] = {"reference": {}, "wider": {"neurons": 9}}
    whole = small_plan(blobs, Store(tmp_path / "whole"), variants)
    whole.execute(0, lambda event: None)
    plan = small_plan(blobs, Store(disk.folder / "store"), variants)
    told: list[str] = []
    disk.leave(2 * BLOCK)
    tally = plan.execute(0, lambda event: told.append(event.error))
    assert tally.failed + tally.trained == 2
    assert not plan.store.finished(plan.keys.values())
    assert any("No space left on device" in text for text in told)
    disk.clear()
    again = small_plan(blobs, Store(disk.folder / "store"), variants)
    assert again.execute(0, lambda event: None).trained == 2
    assert_same_runs(again, whole)


def test_a_server_without_room(server: Server, database: Callable[[], str], tmp_path: Path) -> None:
    store = Store(tmp_path / "store", database())
    store.save(finished_run(OTHER), some_weights())
    name = (store.url or "").split("/")[3].split("?")[0]
    owner = server.folder.stat()
    with mounted(server.folder / "small") as disk, server.connect(name) as connection:
        os.chown(disk.folder, owner.st_uid, owner.st_gid)
        connection.execute(f"CREATE TABLESPACE small LOCATION '{disk.folder}'".encode())
        connection.execute(b"ALTER TABLE trials SET TABLESPACE small")
        rng, told, n = random.Random(0), None, 0
        while told is None and n < 100:
            text = rng.randbytes(100_000).hex()
            told = refusal(partial(store.fail, f"{n:032x}", "s", "v", n, text, diverged=False))
            n += 1
        assert told
        assert re.search(r"its database refuses .*No space left on device", told)
        found = store.records()
        assert found[OTHER].status == "done"
        assert len(found) == n  # the run, and the failures before the last
        connection.execute(b"ALTER TABLE trials SET TABLESPACE pg_default")
        connection.execute(b"DROP TABLESPACE small")
    store.save(finished_run(KEY), some_weights())
    assert store.finished([KEY, OTHER]) == {KEY, OTHER}
