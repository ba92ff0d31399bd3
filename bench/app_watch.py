"""`python -m bench.app_watch`: how much a training slows while many watch it, and how late they learn what happens.

A small study of the digits is trained by two processes, with nobody watching, then with 50 tabs, in turn. A tab asks
for the page and the curves so far, then listens from there, as the page's own script does; it must hear every event of
the diary, once and in order. The server runs in all rounds; the listeners are threads of this process, on this machine:
what they cost slows the training too, as tabs on the same machine would.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console
from rich.table import Table

from bench.machine import provenance
from etalon.study.journal import Told
from etalon.study.store import Store

TABS, ROUNDS, EPOCHS, WORKERS = 50, 2, 200, 2
SLOWDOWN, DELAY = 0.05, 1.0  # wanted: at most; a share, seconds
SETTLE = 2.0  # seconds that the last message is waited for
STUDY = '''"""Digits, for as long as they must be watched."""

import etalon
from keras import Input, Sequential, layers

study = etalon.Study("Digits under watch", data="digits", seeds=2, epochs={epochs})


@study.reference
def reference(neurons=128):
    return Sequential(
        [
            Input((8, 8, 1)),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.Flatten(),
            layers.Dense(neurons, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


@study.variant(because="half as many neurons")
def narrower():
    return reference(64)
'''


class WatchError(Exception):
    """What a tab has heard is not what has happened."""


@dataclass(frozen=True)
class Round:
    """A training.

    Attributes:
        seconds: from its first epoch to its end: processes that start are not in it.
        events: that each tab has heard; delays: the median and the largest, over tabs and events, in seconds.
        training, server, watching: seconds of processor that each took, its start included: what tells the price of
            watching from what else the machine did meanwhile.
    """

    tabs: int
    seconds: float
    events: int
    delay: float
    largest_delay: float
    training: float
    server: float
    watching: float


class Tab(Thread):
    """One who watches a study: from where the page's curves end."""

    def __init__(self, place: str, study: str) -> None:
        super().__init__(daemon=True)
        self.line = HTTPConnection(place, timeout=60)
        self._get(f"/studies/{study}")
        self.start_at: int = json.loads(self._get(f"/studies/{study}/curves"))["next"]
        self.heard: list[tuple[float, bytes]] = []
        self.since = time.time()
        self.line.request("GET", f"/studies/{study}/events?start={self.start_at}")
        self.answer = self.line.getresponse()
        self.start()

    def run(self) -> None:
        """Note what comes and when, until the server lets go; it is read when there is nothing left to slow down."""
        with suppress(OSError, HTTPException):
            while line := self.answer.readline():
                if line.startswith(b"data:"):
                    self.heard.append((time.time(), line))

    def delays(self, happened: Sequence[Told]) -> list[float]:
        """Seconds between each event and its message, of those since the tab was opened.

        Raises:
            WatchError: one is missing, is told twice, or comes before another that it follows.
        """
        told = [(at, one) for at, line in self.heard for one in json.loads(line.removeprefix(b"data:"))["told"]]
        heard = [(one["what"], one.get("key", ""), one.get("epoch", 0)) for _at, one in told]
        wanted = [(event.what, event.key, event.epoch) for event in happened]
        if heard != wanted:
            lost = len(set(wanted) - set(heard))
            raise WatchError(f"{len(heard)} events heard, {len(wanted)} happened, {lost} never heard")
        pairs = zip(told, happened, strict=True)
        return [at - event.when for (at, _one), event in pairs if event.when >= self.since]

    def _get(self, path: str) -> bytes:
        self.line.request("GET", path)
        answer = self.line.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise WatchError(f"{path}: {answer.status}")
        return content


def trained(study: Path, folder: Path, tabs: int) -> Round:
    """Train a study in a store of its own while so many tabs watch it."""
    store, own = Store(folder), time.process_time()
    command = ["run", str(study), "--store", str(folder), "--sealed", "--workers", str(WORKERS)]
    with _served(study.parent, folder) as (place, server), _started(command) as training:
        id = _begun(store, training)
        watching = [Tab(place, id) for _ in range(tabs)]
        before = _spent()
        if training.wait() != 0:
            raise WatchError("the training broke down")
        worked = _spent() - before
        time.sleep(SETTLE)
        before = _spent()
        server.send_signal(signal.SIGINT)
        server.wait()
        spent = _spent() - before
        for tab in watching:
            tab.join()
    own = time.process_time() - own
    events, _end = store.events(id)
    delays = [delay for tab in watching for delay in tab.delays(store.events(id, tab.start_at)[0])]
    began = next(event.when for event in events if event.what == "epoch")
    ended = next(event.when for event in events if event.what == "end")
    heard = len(delays) // tabs if tabs else 0
    late = median(delays or [0.0]), max(delays, default=0.0)
    return Round(tabs, ended - began, heard, *late, worked, spent, own)


def measure(folder: Path, tabs: int = TABS, rounds: int = ROUNDS, epochs: int = EPOCHS) -> Iterator[Round]:
    """Nobody, then the tabs, and so on."""
    study = folder / "watched.py"
    study.write_text(STUDY.format(epochs=epochs), encoding="utf-8")
    for n in range(rounds):
        for watching in (0, tabs):
            yield trained(study, folder / f"store-{n}-{watching}", watching)


def line(found: Sequence[Round]) -> dict[str, Any]:
    """The figures: how much slower, pair by pair, and the largest delay."""
    ratios = [watched.seconds / alone.seconds - 1 for alone, watched in zip(found[::2], found[1::2], strict=True)]
    return {
        "id": "watch",
        "tabs": max(one.tabs for one in found),
        "slowdown": {"median": median(ratios), "min": min(ratios), "max": max(ratios), "wanted": SLOWDOWN},
        "delay": {"largest": max(one.largest_delay for one in found), "wanted": DELAY},
        "rounds": [asdict(one) for one in found],
    }


def main() -> None:
    """Train, watch, say."""
    parser = argparse.ArgumentParser(prog="python -m bench.app_watch", description=__doc__)
    parser.add_argument("--tabs", type=int, default=TABS)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="each: alone, then watched")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help="of each of the four trainings")
    parser.add_argument("--json", action="store_true", help="one line")
    options = parser.parse_args()
    machine = provenance()
    with tempfile.TemporaryDirectory() as scratch:
        found = list(measure(Path(scratch), options.tabs, options.rounds, options.epochs))
    told = line(found)
    if options.json:
        print(json.dumps({**told, "provenance": machine, "load": os.getloadavg()[0]}))
        return
    table = Table("tabs", "training (s)", "events", "delay (s)", "largest", "processor (s): training", "server", "tabs")
    for one in found:
        figures = (one.seconds, one.delay, one.largest_delay, one.training, one.server, one.watching)
        seconds, *others = (f"{value:.2f}" for value in figures)
        table.add_row(str(one.tabs), seconds, str(one.events), *others)
    console = Console(highlight=False)
    console.print(table)
    slow, late = told["slowdown"], told["delay"]
    console.print(
        f"slower by {slow['median']:+.1%} ({slow['min']:+.1%} to {slow['max']:+.1%}), wanted < {SLOWDOWN:.0%}"
    )
    console.print(f"largest delay {late['largest']:.2f} s, wanted {DELAY:.0f} s at most")
    console.print(f"load {machine['load']} at the beginning, {os.getloadavg()[0]:.2f} at the end")


@contextmanager
def _served(folder: Path, store: Path) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """The application in a process of its own, and where it answers."""
    options = ["--store", str(store), "--port", "0", "--no-browser"]
    command = [sys.executable, "-m", "etalon.cli", "ui", str(folder), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout
            yield urlsplit(server.stdout.readline().strip()).netloc, server
        finally:
            server.kill()


@contextmanager
def _started(command: Sequence[str]) -> Iterator["subprocess.Popen[bytes]"]:
    quiet = subprocess.DEVNULL
    with subprocess.Popen([sys.executable, "-m", "etalon.cli", *command], stdout=quiet, stderr=quiet) as training:
        try:
            yield training
        finally:
            training.terminate()


def _begun(store: Store, training: "subprocess.Popen[bytes]") -> str:
    """The study, once its trainings have begun."""
    while training.poll() is None:
        for dossier in store.studies():
            if store.events(dossier.id)[0]:
                return dossier.id
        time.sleep(0.1)
    raise WatchError("the training broke down")


def _spent() -> float:
    """Seconds of processor of the children that have ended."""
    usage = getrusage(RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
