"""What every executor promises, whoever trains."""

import importlib
import os
import re
import signal
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from keras.callbacks import LambdaCallback
from small_studies import assert_same_runs, small_plan

from etalon.data.dataset import Dataset
from etalon.errors import StudyError
from etalon.locales import language, use
from etalon.study import executors
from etalon.study.executors import Event, Executor, InProcess, Processes, Streams, WorkerDiedError, executor
from etalon.study.plan import Plan
from etalon.study.store import Store
from etalon.study.trial import AfterEpoch, Trial

pytestmark = pytest.mark.filterwarnings("ignore::etalon.MoreThanOneFactor")
EXECUTORS: dict[str, Callable[[], Executor]] = {
    "in process": InProcess,
    "processes": lambda: Processes(2),
    "streams": lambda: Streams(3),
}


class Unreadable:
    """Something that is written and cannot be read again."""

    def __reduce__(self) -> Any:
        return importlib.import_module, ("no_module_of_this_name",)


VARIANTS: dict[str, dict[str, Any]] = {
    "reference": {"dropout": 0.2, "augmentation": [{"kind": "shift"}]},
    "diverging": {"optimizer": "sgd", "learning_rate": 1e12},
    "raising": {"callbacks": [LambdaCallback(on_epoch_end=lambda epoch, logs: 1 / epoch)]},
    "unsendable": {"callbacks": [LambdaCallback(lock=threading.Lock())]},
    "unreadable": {"callbacks": [LambdaCallback(thing=Unreadable())]},
    "wider": {"neurons": 9},
}


def carry_out(plan: Plan, carrier: Executor) -> list[Event]:
    """Train what is missing; what was told of it, in the language of whoever asked."""
    told: list[Event] = []
    makers, asked = [partial(plan._trial, variant, seed) for variant, seed in plan.missing()], language()

    def notify(event: Event) -> None:
        assert language() == asked
        told.append(event)

    carrier.run(makers, plan.dataset, plan.store, notify)
    return told


@pytest.fixture(scope="module")
def reference_plan(blobs: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """The variants that end well, trained here."""
    plan = small_plan(
        blobs,
        Store(tmp_path_factory.mktemp("reference")),
        {name: VARIANTS[name] for name in ("reference", "wider")},
        seeds=(0, 1),
    )
    carry_out(plan, InProcess())
    return plan


@pytest.fixture(scope="module", params=EXECUTORS)
def carried(
    request: pytest.FixtureRequest, blobs: Dataset, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Plan, list[Event]]:
    """Trials that end in every way, and what was told of them."""
    plan = small_plan(blobs, Store(tmp_path_factory.mktemp("store")), VARIANTS, seeds=(0, 1))
    with use("fr"):
        return plan, carry_out(plan, EXECUTORS[request.param]())


class TestContract:
    """One run of trials that end in every way."""

    def test_the_results_are_those_of_any_other_executor(
        self, carried: tuple[Plan, list[Event]], reference_plan: Plan
    ) -> None:
        plan = carried[0]
        kept = [c for c in plan.candidates if c.name in ("reference", "wider")]
        assert_same_runs(
            Plan(plan.title, plan.dataset, kept, plan.split, plan.seeds, plan.store),
            reference_plan,
        )

    def test_a_breakdown_is_recorded_and_the_others_go_on(self, carried: tuple[Plan, list[Event]]) -> None:
        plan = carried[0]
        states = {place: record.status for place, record in plan.failures().items()}
        broken = {"diverging": "diverged", "raising": "failed", "unsendable": "failed", "unreadable": "failed"}
        assert states == {(name, seed): status for name, status in broken.items() for seed in (0, 1)}
        errors = {name: plan.failures()[name, 1].error or "" for name in broken}
        assert "époque 1, pas" in errors["diverging"]  # the workers speak the language of the study
        assert re.match(
            r"ZeroDivisionError à la ligne \d+ de test_executors\.py\s: division by zero\. Corrigez", errors["raising"]
        )
        assert errors["unsendable"] == "TypeError: cannot pickle '_thread.lock' object"
        assert "No module named 'no_module_of_this_name'" in errors["unreadable"]

    def test_what_is_told(self, carried: tuple[Plan, list[Event]]) -> None:
        plan, told = carried
        for (name, seed), key in plan.keys.items():
            heard = [event for event in told if event.key == key]
            assert heard[-1].last
            assert not any(event.last for event in heard[:-1])
            if name in ("reference", "wider"):
                assert [event.what for event in heard] == ["started", "epoch", "epoch", "done"]
                assert [event.epochs for event in heard[1:3]] == [1, 2]
                history = plan.store.load(plan.keys[name, seed]).history
                assert heard[1].logs
                assert heard[1].logs["val_accuracy"] == history["val_accuracy"][0]
            else:
                assert heard[-1].what == plan.store.records([key])[key].status
                assert heard[-1].error == plan.store.records([key])[key].error

    def test_the_next_run_tries_again_what_did_not_diverge(self, carried: tuple[Plan, list[Event]]) -> None:
        assert {name for name, _ in carried[0].missing()} == {"raising", "unsendable", "unreadable"}


def die_once(flag: str) -> Any:
    """A callback that kills its process at the end of the second epoch, the first time."""

    def on_epoch_end(epoch: int, logs: Any) -> None:
        if epoch == 1 and not os.path.exists(flag):
            open(flag, "w").close()
            os.kill(os.getpid(), signal.SIGKILL)

    return LambdaCallback(on_epoch_end=on_epoch_end)


def test_a_worker_killed_takes_its_trial_down_and_no_other(blobs: Dataset, tmp_path: Path) -> None:
    def planned(store: str) -> Plan:
        variants: dict[str, dict[str, Any]] = {
            "reference": {},
            "killed": {"callbacks": [die_once(str(tmp_path / "died"))]},
            "wider": {"neurons": 9},
        }
        return small_plan(blobs, Store(tmp_path / store), variants, epochs=4)

    plan = planned("killed")
    told = carry_out(plan, Processes(1))
    died = plan.keys["killed", 0]
    assert [event.what for event in told if event.key == died] == ["started", "epoch", "failed"]
    assert list(plan.failures()) == [("killed", 0)]
    expected = r"a training process that ended by signal SIGKILL: it was killed .* goes on from its last epoch"
    assert re.search(expected, plan.failures()["killed", 0].error or "")
    assert plan.missing() == [("killed", 0)]
    again = carry_out(plan, Processes(1))
    assert [event.epochs for event in again if event.what == "epoch"] == [2, 3, 4]
    uninterrupted = planned("whole")
    carry_out(uninterrupted, InProcess())
    assert_same_runs(plan, uninterrupted)


def test_a_worker_that_dies_once_it_has_finished_has_not_failed(
    blobs: Dataset, store_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = small_plan(blobs, Store(store_folder), {"reference": {}})
    carry_out(plan, InProcess())
    process, trial = executors._Process(), plan._trial("reference", 0)
    assert process._death(trial, plan.store) == Event(trial.key, "done")
    assert plan.store.records()[trial.key].status == "done"


def test_a_closed_process_starts_nothing() -> None:
    process = executors._Process()
    process.close()
    with pytest.raises(EOFError):
        process._started()


@pytest.mark.parametrize(
    ("status", "ended"), [(-9, "by signal SIGKILL"), (-11, "by signal SIGSEGV"), (1, "with status 1")]
)
def test_how_a_worker_ended_is_told(status: int, ended: str) -> None:
    assert str(WorkerDiedError(status)).startswith(f"a training process that ended {ended}: ")


def test_which_executor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "cores", lambda: 4)
    sizes = {(workers, trials): executor(workers, trials).workers
             for workers, trials in [(None, 10), (None, 3), (2, 10), (0, 10)]}  # fmt: skip
    assert list(sizes.values()) == [4, 3, 2, 1]
    with pytest.raises(StudyError, match="workers=-1: it is a number of processes"):
        executor(-1, 3)


def test_which_executor_on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "chosen", lambda: torch.device("cuda", 0))
    found = [executor(workers, trials) for workers, trials in [(None, 100), (None, 3), (2, 100), (0, 100)]]
    assert [type(one) for one in found] == [Streams, Streams, Streams, InProcess]
    assert [one.workers for one in found] == [8, 3, 2, 1]


class Device:
    """A GPU with room for so many trials; what there is to train beside them is left out."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capacity: int, estimate: float) -> None:
        self.running, self.most, self.lacks, self.capacity = set[str](), 0, 0, capacity
        self._lock = threading.Lock()
        monkeypatch.setattr(executors, "room_for_more", lambda device: estimate)
        monkeypatch.setattr(executors, "perform", self.perform)

    def perform(self, trial: Trial, dataset: Dataset, store: Store, after_epoch: AfterEpoch) -> None:
        with self._lock:
            self.running.add(trial.key)
            self.most = max(self.most, len(self.running))
        try:
            for epoch in range(3):
                time.sleep(0.02)
                with self._lock:
                    if len(self.running) > self.capacity:
                        self.lacks += 1
                        raise torch.OutOfMemoryError("CUDA out of memory.")
                after_epoch(epoch + 1, {})
        finally:
            with self._lock:
                self.running.remove(trial.key)


@pytest.mark.parametrize(
    ("capacity", "estimate", "most"),
    [(3, 2.6, 3), (8, float("inf"), 5), (8, 0.0, 1)],
    ids=["as measured", "no limit", "no room"],
)
def test_as_many_at_once_as_there_is_room_for(
    capacity: int,
    estimate: float,
    most: int,
    make_plan: Callable[..., Plan],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    device = Device(monkeypatch, capacity, estimate)
    plan = make_plan({"reference": {}}, seeds=tuple(range(12)))
    told = carry_out(plan, Streams(5))
    assert device.most == most
    assert device.lacks == 0
    for key in plan.keys.values():
        heard = [event.what for event in told if event.key == key]
        assert heard == ["started", "epoch", "epoch", "epoch", "done"]


def test_a_trial_without_memory_is_trained_later(
    make_plan: Callable[..., Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    """More let in than there is room for: those that found none go again, and nobody hears of it as a failure."""
    device = Device(monkeypatch, capacity=2, estimate=100)
    plan = make_plan({"reference": {}}, seeds=tuple(range(8)))
    told = carry_out(plan, Streams(4))
    assert device.lacks > 0
    assert device.most > 2
    for key in plan.keys.values():
        heard = [event.what for event in told if event.key == key]
        assert heard[-1] == "done"
        assert heard.count("started") == heard.count("done") == 1
        assert "failed" not in heard
    assert not plan.failures()


def test_a_trial_too_large_for_the_device_fails_and_the_others_go_on(
    make_plan: Callable[..., Plan], monkeypatch: pytest.MonkeyPatch
) -> None:
    device = Device(monkeypatch, capacity=0, estimate=100)
    plan = make_plan({"reference": {}}, seeds=(0, 1))
    told = carry_out(plan, Streams(4))
    assert device.most == 1
    assert [event.what for event in told] == ["started", "failed"] * 2
    expected = "a training on cpu: the device has no memory left for it, even with no other trial beside it"
    assert (plan.failures()["reference", 0].error or "").startswith(expected)


def test_nobody_waits_any_more(make_plan: Callable[..., Plan], monkeypatch: pytest.MonkeyPatch) -> None:
    """The trials under way end with their epoch, and are no failures: they go on the next time."""
    device = Device(monkeypatch, capacity=8, estimate=100)
    plan = make_plan({"reference": {}}, seeds=tuple(range(6)))

    def interrupted(event: Event) -> None:
        if event.what == "done":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Streams(3).run(
            [partial(plan._trial, *place) for place in plan.missing()], plan.dataset, plan.store, interrupted
        )
    assert not device.running
    assert not plan.failures()
    assert len(plan.missing()) == 6


def test_a_worker_imports_what_its_parent_imports(
    store_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, beside: Callable[..., Any]
) -> None:
    """A module of the current folder is found as it is in a console, and hides nothing that Python needs."""
    code = """
import sys
sys.path[:] = [path for path in sys.path if path] + [""]
import etalon
from nets_beside import module
study = etalon.Study("Beside", data="digits", seeds=1, epochs=1, store=sys.argv[1])
study.reference(module)
print(study.run(workers=1, progress=False).tally)
"""
    (tmp_path / "nets_beside.py").write_text(
        "from torch import nn\n\n\nclass Net(nn.Sequential):\n    pass\n\n\n"
        "def module():\n    return Net(nn.Flatten(), nn.Linear(64, 10))\n"
    )
    (tmp_path / "queue.py").write_text("1 / 0")
    monkeypatch.chdir(tmp_path)
    process = beside(code, store_folder)
    assert process.communicate(timeout=120)[0] == "Tally(trained=1, cached=0, failed=0)\n"


def noisy() -> Any:
    """A network whose noise comes from torch's generator, which the threads share."""
    from keras import Input, Sequential, layers

    stack = [Input((8, 8, 1)), layers.GaussianNoise(0.5), layers.Flatten(), layers.Dropout(0.2)]
    return Sequential([*stack, layers.Dense(3, activation="softmax")])


def test_threads_that_share_a_generator_do_not_disturb_one_another(blobs: Dataset, tmp_path: Path) -> None:
    def planned(name: str) -> Plan:
        variants: dict[str, dict[str, Any]] = {"reference": {"dropout": 0.2}, "noisy": {"build": noisy}}
        return small_plan(blobs, Store(tmp_path / name), variants, seeds=(0, 1, 2), epochs=4)

    together, alone = planned("together"), planned("alone")
    carry_out(together, Streams(6))
    carry_out(alone, InProcess())
    assert_same_runs(together, alone)
