"""What the tests of a study share: small plans, processes beside, a server of PostgreSQL."""

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest
from servers import Server, binaries, serving
from small_studies import small_plan

from etalon.data.dataset import Dataset
from etalon.study.plan import Plan
from etalon.study.store import Store

pytest.register_assert_rewrite("store_contract")


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


@pytest.fixture(scope="session")
def forks() -> ForkServerContext:
    """Processes that begin with the imports done: forked from one that has done nothing else."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["killed_study"])
    first = context.Process(target=exec, args=("import sys; assert 'killed_study' in sys.modules",))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))  # the server says nothing of what it could not import
        first.start()
    first.join()
    assert first.exitcode == 0
    return context


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A real server of PostgreSQL, for all the tests of a process."""
    programs = binaries()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: neither `postgres` in PATH nor /usr/lib/postgresql")
    with serving(programs) as found:
        yield found


@pytest.fixture
def database(server: Server) -> Iterator[Callable[[], str]]:
    """Gives the URL of an empty database of PostgreSQL at each call."""
    with server.lending() as lend:
        yield lend
