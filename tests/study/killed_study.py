"""A small study that is killed: what its process does, all imports done before the clock starts."""

import tempfile
import time
from importlib import import_module
from multiprocessing.context import ForkServerContext, ForkServerProcess
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import torch
from blobs import blobs_of
from small_studies import small_plan

from etalon.data.dataset import Dataset
from etalon.study.plan import Plan
from etalon.study.store import Store

for module in ("etalon.kernels.compiled", "etalon.train.loop", "keras"):  # Keras last: etalon tells it to run on torch
    import_module(module)
VARIANTS: dict[str, dict[str, Any]] = {"reference": {"dropout": 0.1}, "wider": {"dropout": 0.1, "neurons": 9}}
SETTINGS: dict[str, Any] = {"epochs": 6, "batch_size": 60, "precision": "float32"}


def images() -> Dataset:
    """60 + 30 images of 8x8: training takes less time than writing what was trained."""
    return blobs_of(60, 30, seed=1, name="small blobs")


def planned(folder: Path, url: str | None = None) -> Plan:
    """Two models, three seeds."""
    return small_plan(images(), Store(folder, url), VARIANTS, seeds=(0, 1, 2), **SETTINGS)


def run(folder: Path, url: str | None, ready: Event) -> None:
    """Train what is missing, in this process; `ready` is set before the store is touched."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as apart:  # the compiled kernels are loaded by the first training
        small_plan(images(), Store(apart), {"reference": {"dropout": 0.1}}, **SETTINGS).execute(0, lambda event: None)
    ready.set()
    tally = planned(folder, url).execute(0, lambda event: None)
    assert not tally.failed


def start(forks: ForkServerContext, folder: Path, url: str | None) -> ForkServerProcess:
    """A process that does, and is ready."""
    ready = forks.Event()
    process = forks.Process(target=run, args=(folder, url, ready))
    process.start()
    while not ready.wait(1):
        assert process.is_alive()
    return process


def seconds(process: ForkServerProcess) -> float:
    """How long it takes until its end."""
    began = time.perf_counter()
    process.join()
    return time.perf_counter() - began
