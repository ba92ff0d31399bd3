"""What a user sees while a study trains: bars in a terminal, a bar in a notebook, plain lines elsewhere."""

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TextIO

from etalon.locales import _, number, percent, seconds
from etalon.study.executors import Event, Notify

Names = Mapping[str, tuple[str, int, int]]  # key -> variant, seed, epochs planned


@contextmanager
def progress(names: Names, total: int, *, show: bool = True) -> Iterator[Notify]:
    """A function to give the events to, while the block runs.

    Args:
        names: what each trial is called.
        total: the number of trials to train.
    """
    if not show or not total:
        yield lambda event: None
    elif _in_notebook():
        with _notebook(names, total) as notify:
            yield notify
    elif sys.stderr.isatty():
        with _terminal(names, total) as notify:
            yield notify
    else:
        yield _Lines(names, total, sys.stderr)


class _Lines:
    """One line for each trial that ends."""

    def __init__(self, names: Names, total: int, stream: TextIO) -> None:
        self._names, self._total, self._stream = names, total, stream
        self._done, self._started = 0, time.perf_counter()
        self._last: dict[str, Mapping[str, float]] = {}

    def __call__(self, event: Event) -> None:
        if event.what == "epoch" and event.logs:
            self._last[event.key] = event.logs
        if not event.last:
            return
        self._done += 1
        left = (time.perf_counter() - self._started) / self._done * (self._total - self._done)
        line = f"[{self._done}/{self._total}] {_outcome(self._names, event, self._last.get(event.key))}"
        if self._done < self._total:
            line += " · " + _("{time} left").format(time=seconds(left))
        print(line, file=self._stream, flush=True)


def _outcome(names: Names, event: Event, logs: Mapping[str, float] | None) -> str:
    variant, seed, _epochs = names[event.key]
    trial = _("{variant}, seed {seed}").format(variant=variant, seed=seed)
    if event.what != "done":
        return _("{what}: {how}").format(what=trial, how=event.error)
    if not logs:
        return trial
    accuracy = percent(logs["val_accuracy"])
    return _("{what}: {how}").format(what=trial, how=_("validation accuracy {accuracy}").format(accuracy=accuracy))


@contextmanager
def _terminal(names: Names, total: int) -> Iterator[Notify]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}", justify="left"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=console, transient=True) as bars:
        whole = bars.add_task(_("Trials"), total=total, note="")
        tasks: dict[str, Any] = {}

        def notify(event: Event) -> None:
            variant, seed, epochs = names[event.key]
            if event.what == "started":
                name = _("{variant}, seed {seed}").format(variant=variant, seed=seed)
                tasks[event.key] = bars.add_task(name, total=epochs, note="")
            elif event.what == "epoch":
                logs = event.logs or {}
                note = f"val_accuracy {number(logs['val_accuracy'], 4)}" if "val_accuracy" in logs else ""
                bars.update(tasks[event.key], completed=event.epochs, note=note)
            else:
                if event.key in tasks:  # it may have broken down before it started
                    bars.remove_task(tasks.pop(event.key))
                bars.advance(whole)
                if event.what != "done":
                    console.print(_outcome(names, event, None), style="red", markup=False, highlight=False)

        yield notify


@contextmanager
def _notebook(names: Names, total: int) -> Iterator[Notify]:
    from tqdm.auto import tqdm

    with tqdm(total=total, desc=_("Trials")) as bar:

        def notify(event: Event) -> None:
            if event.what == "started":
                variant, seed, _epochs = names[event.key]
                bar.set_postfix_str(_("{variant}, seed {seed}").format(variant=variant, seed=seed))
            if event.last:
                bar.update()
                if event.what != "done":
                    bar.write(_outcome(names, event, None))

        yield notify


def _in_notebook() -> bool:
    shell = sys.modules.get("IPython")
    running = shell.get_ipython() if shell else None
    return type(running).__name__ == "ZMQInteractiveShell"
