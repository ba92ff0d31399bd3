"""Contenders in turn, A B A B, each play in a fresh process; the operating system's own account of each."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import peers

ROOT = Path(__file__).parent.parent
SAMPLING = 0.5  # seconds between two looks at the memory of a tree of processes


@dataclass(frozen=True)
class Contender:
    """A program that does the job: a module of bench.workloads, the environment that runs it, its own options."""

    name: str
    module: str
    peer: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Measure:
    """One play.

    said: what the program printed.
    wall, cpu: seconds of the whole process and its children.
    peak, peak_tree: bytes resident, of its largest process, and of all at once (sampled; shared pages counted twice).
    """

    said: Mapping[str, Any]
    wall: float
    cpu: float
    peak: int
    peak_tree: int


class PlayError(Exception):
    """A play that failed, and the end of what it said."""


def play(contender: Contender, job: Mapping[str, Any]) -> Measure:
    """Run a contender on a job, in a process of its own.

    Raises:
        PeerError: its environment cannot be built.
        PlayError: the process failed.
    """
    command = [str(peers.python(contender.peer)), "-m", f"bench.workloads.{contender.module}"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3", "KERAS_BACKEND": "torch"}
    with tempfile.TemporaryFile("w+") as errors:
        started = time.perf_counter()
        process = subprocess.Popen(
            [*command, json.dumps({**job, **contender.options})],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        assert process.stdout
        watch = _Watch(process.pid)
        lines = process.stdout.read().strip().splitlines()
        status, usage = os.wait4(process.pid, 0)[1:]
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stdout.close()
        peak_tree = watch.stop()
        if process.returncode or not lines:
            errors.seek(0)
            raise PlayError(f"{contender.name}: status {process.returncode}\n{errors.read()[-2000:]}")
    peak = usage.ru_maxrss * 1024  # kibibytes, of the largest among the process and the children it waited for
    return Measure(json.loads(lines[-1]), wall, usage.ru_utime + usage.ru_stime, peak, max(peak, peak_tree))


def rounds(contenders: Sequence[Contender], job: Mapping[str, Any], n: int) -> dict[str, list[Measure]]:
    """Every contender in turn, n times over; by name."""
    found: dict[str, list[Measure]] = {contender.name: [] for contender in contenders}
    for number in range(n):
        for contender in contenders:
            measure = play(contender, job)
            found[contender.name].append(measure)
            say(f"  round {number + 1} of {n}: {contender.name}, {measure.wall:.1f} s")
    return found


def say(text: str) -> None:
    """Tell how far the bench is, beside the results."""
    print(text, file=sys.stderr, flush=True)


class _Watch:
    """The greatest sum of resident memory over a process and its descendants."""

    def __init__(self, pid: int) -> None:
        self._pid, self._peak, self._over = pid, 0, threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def stop(self) -> int:
        """The peak, in bytes."""
        self._over.set()
        self._thread.join()
        return self._peak

    def _look(self) -> None:
        while not self._over.wait(SAMPLING):
            self._peak = max(self._peak, sum(map(_resident, _tree(self._pid))))


def _tree(pid: int) -> list[int]:
    try:
        children = [Path(f"/proc/{pid}/task/{t}/children").read_text() for t in os.listdir(f"/proc/{pid}/task")]
    except OSError:  # it has just ended, or this is not Linux
        return []
    return [pid, *(p for child in " ".join(children).split() for p in _tree(int(child)))]


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
