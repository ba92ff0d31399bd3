"""What the tests of a study share: small plans, and processes beside."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from small_studies import small_plan

from etalon.data.dataset import Dataset
from etalon.study.plan import Plan
from etalon.study.store import Store


@pytest.fixture
def make_plan(blobs: Dataset, store_folder: Path) -> Callable[..., Plan]:
    """`small_plan` over the blobs, in a store of the test's own."""
    return partial(small_plan, blobs, Store(store_folder))


@pytest.fixture
def beside() -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Start Python code in a process of its own; what is left of it is ended with the test."""
    started: list[subprocess.Popen[str]] = []

    def start(code: str, *arguments: object) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", code, *map(str, arguments)]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()
