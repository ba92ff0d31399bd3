"""kill -9 at random instants: no trial is lost, doubled or unreadable, and the results are those of a study left alone.

ETALON_KILLS=200 sets how many kills there are for each kind of store; each is at an instant drawn evenly over the time
that the whole study takes, from the opening of the store on. A study is taken up and killed until it comes to its end.
"""

import os
import random
from collections import Counter
from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest
from killed_study import planned, seconds, start
from small_studies import assert_same_runs

from etalon.study.plan import Plan
from etalon.study.store import Store

KILLS = int(os.environ.get("ETALON_KILLS", "6"))


@pytest.fixture(scope="module")
def whole(forks: ForkServerContext, tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """The study, run without interruption."""
    folder = tmp_path_factory.mktemp("whole") / "store"
    process = start(forks, folder, None)
    process.join()
    assert process.exitcode == 0
    return planned(folder)


States = dict[str, tuple[int, int]]


def states(folder: Path, pattern: str) -> States:
    """Files: which they are and when they were written."""
    found = (path for path in folder.glob(pattern) if path.is_file())
    return {str(path): (path.stat().st_ino, path.stat().st_mtime_ns) for path in found}


def written(store: Store) -> States:
    """The files of the finished runs."""
    return states(store.folder, "runs/[!.]*/**/*")


def halves(folder: Path) -> States:
    """What a killed process was writing."""
    return states(folder, "runs/.*.new/*") | states(folder, "checkpoints/*.new")


def intact(store: Store, whole: Plan) -> set[str]:
    """The finished trials, each read in full and compared with those of the study left alone."""
    folders = {path.name for path in (store.folder / "runs").iterdir() if not path.name.startswith(".")}
    finished = store.finished(whole.keys.values())
    records = store.records()
    assert finished == folders == {key for key, record in records.items() if record.status == "done"}
    assert set(records) <= set(whole.keys.values())
    for (name, seed), key in whole.keys.items():
        if key in finished:
            candidate = [c for c in whole.candidates if c.name == name]
            one = Plan(whole.title, whole.dataset, candidate, whole.split, (seed,), store)
            assert_same_runs(one, Plan(whole.title, whole.dataset, candidate, whole.split, (seed,), whole.store))
    return finished


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_at_random_instants(
    kind: str, whole: Plan, forks: ForkServerContext, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    database: Callable[[], str | None] = request.getfixturevalue("database") if kind == "postgresql" else lambda: None
    draw, kills, studies, found = random.Random(KILLS), 0, 0, Counter[str]()
    alone = start(forks, tmp_path / "alone", database())
    length = seconds(alone)
    while kills < KILLS:
        folder, url = tmp_path / f"store{studies}", database()
        studies += 1
        before: States = {}
        left: States = {}
        while True:
            process = start(forks, folder, url)
            process.join(draw.uniform(0, length))
            if process.exitcode is not None:
                break
            process.kill()
            process.join()
            kills += 1
            last, left = left, halves(folder)
            new = [path for path, state in left.items() if last.get(path) != state]
            found["while a run was written"] += any("runs" in Path(path).parts for path in new)
            found["while a checkpoint was written"] += any("checkpoints" in Path(path).parts for path in new)
            store = Store(folder, url)
            done = {key for key, record in store.records().items() if record.status == "done"}
            unrecorded = {path.parent.name for path in folder.glob("runs/[!.]*/run.json")} - done
            found["between a run's writing and its record"] += bool(unrecorded)
            intact(store, whole)
            after = written(store)
            assert all(after[path] == state for path, state in before.items())  # nothing was trained twice
            before = after
            if kills == KILLS:
                process = start(forks, folder, url)
                process.join()
                break
        assert process.exitcode == 0
        store = Store(folder, url)
        assert intact(store, whole) == set(whole.keys.values())
        assert all(written(store)[path] == state for path, state in before.items())
        assert not list((folder / "checkpoints").iterdir())
        assert not [path for path in (folder / "runs").iterdir() if path.name.startswith(".")]
    print(f"{kind}: {kills} kills of {studies} studies of {length:.2f} s; {dict(found)}")
