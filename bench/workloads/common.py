"""What every workload needs: its job, the images, a clock, and a way to answer."""

import importlib.metadata
import json
import sys
import time
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

LIBRARIES = ("etalon", "keras", "tensorflow_cpu", "jax", "torch", "lightning", "fastai", "numpy")
VALIDATION = 0.2
PREDICTED = 1000  # images at a time where nothing is learnt, as Étalon does


class Part(NamedTuple):
    """Images in 0..1, float32 (n, h, w, c), and integer labels (n,)."""

    x: np.ndarray
    y: np.ndarray


def read_job() -> SimpleNamespace:
    """The settings that the bench gave on the command line."""
    return SimpleNamespace(**json.loads(sys.argv[1]))


def part(job: SimpleNamespace, name: str, index: Any = slice(None)) -> Part:
    """The images at `index` of "train" or "test"."""
    with np.load(job.images) as file:
        x, y = file[f"x_{name}"][index], file[f"y_{name}"][index]
    return Part(x.astype(np.float32) / np.float32(255), y)


def divided(job: SimpleNamespace, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Which images train and which validate: Étalon's own division for this seed."""
    with np.load(job.splits) as file:
        return file[f"train_{seed}"], file[f"validation_{seed}"]


class Clock:
    """Marks the end of each epoch, its validation included."""

    def __init__(self) -> None:
        self.marks: list[float] = []

    def mark(self, *_: Any) -> None:
        """Now."""
        self.marks.append(time.perf_counter())


def answer(**what: Any) -> None:
    """The line of JSON that the bench reads, with the versions of this environment."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    print(json.dumps({**what, "versions": found}), flush=True)
