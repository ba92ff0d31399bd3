"""P4, P5, P6, P9: the whole study, from the start of the process to the report, against a loop of Keras's fits."""

import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

from bench.contest import ROOT, Contender, Measure, play, say
from bench.fits import QUICK as FEWEST
from bench.fits import Size, heat, images, keras, versions, workspace
from bench.machine import gpu
from bench.networks import VARIANTS
from bench.peers import PeerError
from bench.results import Bar, Figure, Result, Row, Spread

FULL, USUAL, QUICK = Size(60_000, 5, 1, seeds=5), Size(12_000, 5, 2, seeds=5), Size(1_200, 2, 1, seeds=1)
ON_GPU = Size(60_000, 5, 1, seeds=20)
HEAT = Size(6_000, 3, 1)
OURS = Contender("Étalon", "etalon_study")
CHANGE = {"dropout": {"dropout": 0.4}}  # of one variant, P5
MIB = 2**20


def size_of(quick: bool, full: bool, n: int | None) -> tuple[Size, int]:
    """The size of the study, and the number of rounds."""
    size = QUICK if quick else FULL if full else USUAL
    return size, n or size.rounds


def whole_study(quick: bool = False, full: bool = False, n: int | None = None) -> Result:
    """P4: seconds from start to report, as whole processes."""
    size, n = size_of(quick, full, n)
    ours, theirs, loop = _both(size, n)
    mine, others = [m.wall for m in ours], [m.wall for m in theirs]
    return Result(
        id="P4",
        work="whole study, start to report",
        against=f"a loop of {loop} ({versions(theirs[0])})",
        conditions=_conditions(size),
        n=n,
        figures=[_faster("whole process, start to report", mine, others, Bar(3.0))],
        rows=[_row(OURS.name, ours), _row(loop, theirs)],
    )


def memory(quick: bool = False, full: bool = False, n: int | None = None) -> Result:
    """P9: peak memory of P4, of the largest process."""
    size, n = size_of(quick, full, n)
    ours, theirs, loop = _both(size, n)

    def figure(what: str, field: str, bar: Bar | None) -> Figure:
        mine, others = ([getattr(measure, field) / MIB for measure in side] for side in (ours, theirs))
        ratios = [a / b for a, b in zip(mine, others, strict=True)]
        return Figure(what, "MiB", Spread.of(mine), Spread.of(others), Spread.of(ratios), bar)

    return Result(
        id="P9",
        work="peak memory of P4",
        against=f"a loop of {loop} ({versions(theirs[0])})",
        conditions=_conditions(size),
        n=n,
        figures=[
            figure("the largest process", "peak", Bar(1.0, most=True)),
            figure("all processes together, sampled, shared pages counted once a process", "peak_tree", None),
        ],
    )


def again(quick: bool = False, full: bool = False, n: int | None = None) -> Result:
    """P5: the study a second time, nothing changed, then one variant changed."""
    size, n = size_of(quick, full, n)
    first, second, changed = zip(*(_ours(size, number) for number in range(n)), strict=True)
    trained = [measure.said["trained"] for measure in changed]

    def runs(measures: Sequence[Measure]) -> list[float]:
        return [measure.said["run"] for measure in measures]

    return Result(
        id="P5",
        work="the study again",
        against="training all again",
        conditions=f"{_conditions(size)}; {second[0].said['trained']} trials trained when nothing has changed",
        n=n,
        figures=[
            _command_again(size, n),
            _faster("Study.run from a script, nothing changed, imports included", runs(second), runs(first), None),
            _faster("the whole script, nothing changed", [m.wall for m in second], [m.wall for m in first], None),
            Figure(
                *("trials trained, one variant of nine changed", "trials", Spread.of(trained)),
                *(Spread.of([m.said["trained"] for m in first]), None, Bar(size.seeds, True, "trials")),
            ),
            _faster("the whole script, one variant changed", [m.wall for m in changed], [m.wall for m in first], None),
        ],
    )


def _command_again(size: Size, n: int) -> Figure:
    """`etalon run` of the mini-project with its report, on few images: the second time against the first."""
    store = workspace() / "command"
    command = [str(Path(sys.executable).with_name("etalon")), "run", str(ROOT / "studies" / "mini_projet.py")]
    command += ["--data", "digits", "--seeds", str(min(size.seeds, 2)), "--epochs", "2"]
    command += ["--store", str(store), "--report", str(store / "report.html")]

    def seconds() -> float:
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, cwd=workspace())
        return time.perf_counter() - started

    first, again = seconds(), [seconds() for _ in range(max(n, 3))]
    what = "etalon run with its report, the mini-project on digits, whole process, nothing changed"
    return _faster(what, again, [first] * len(again), Bar(2.0, True, "s"))


def on_gpu(quick: bool = False, n: int | None = None) -> Result:
    """P6: 5 variants x 20 seeds on a GPU, against Keras's fit in a loop and the same step as one CUDA graph."""
    result = partial(Result, "P6", "5 variants x 20 seeds of the reference CNN on a GPU")
    if not gpu():
        return result(skipped="not measured: this machine has no CUDA device")
    size = QUICK if quick else ON_GPU
    names = list(VARIANTS)[:5]
    job = {**_job(size), "variants": names, "report": False, "store": str(workspace() / "gpu")}
    mine = play(OURS, job)
    device = mine.said["environment"].get("device", "cpu")
    if not device.startswith("cuda"):
        return result(skipped=f"not measured: Étalon trained on {device}, this version does not use the GPU")
    peer = Contender("Keras on torch", "keras_study", "keras-torch", keras(("float32",), ("torch",))[0].options)
    graph = Contender("torch, one CUDA graph", "torch_graph", "torch")
    loop, single = play(peer, {**job, "seeds": 1}), play(graph, job)
    trials = size.seeds * len(names)
    others = [loop.said["seconds"] * size.seeds], [single.said["seconds"] * trials]
    return result(
        against=f"{peer.name} in a loop ({versions(loop)}); {graph.name}, one trial after the other",
        conditions=f"{_conditions(size, names)}; the peers train one seed, one trial, and their time is multiplied",
        n=1,
        figures=[
            _faster("against Keras", [mine.said["run"]], others[0], Bar(50.0)),
            _faster("against one CUDA graph", [mine.said["run"]], others[1], Bar(8.0)),
        ],
    )


def _both(size: Size, n: int) -> tuple[list[Measure], list[Measure], str]:
    """Ours and theirs, in turn."""
    ours, theirs = [], []
    for number in range(n):
        ours.append(_ours(size, number)[0])
        theirs.append(_theirs(size, number))
    return ours, theirs, _loop(_few(size)).name


@cache
def _ours(size: Size, number: int) -> tuple[Measure, Measure, Measure]:
    """The study; the same again; the same with one variant changed, in one store."""
    store = workspace() / f"store-{number}"
    job = {**_job(size), "store": str(store)}
    found = []
    for changed, report in (({}, True), ({}, False), (CHANGE, False)):
        found.append(play(OURS, {**job, "changed": changed, "report": report}))
        say(f"  study {number + 1}: {OURS.name}, {found[-1].said['trained']} trials, {found[-1].wall:.1f} s")
    shutil.rmtree(store, ignore_errors=True)
    return found[0], found[1], found[2]


@cache
def _theirs(size: Size, number: int) -> Measure:
    """The loop of fits."""
    loop = _loop(_few(size))
    measure = play(loop, _job(size))
    say(f"  study {number + 1}: {loop.name}, {measure.wall:.1f} s")
    return measure


def _few(size: Size) -> Size:
    return FEWEST if size == QUICK else HEAT


@cache
def _loop(few: Size) -> Contender:
    """Keras on TensorFlow, compiled in the way that was the fastest on the reference."""
    ways = keras(backends=("tensorflow",))
    rates, left_out = heat(ways, {**images("mnist", few.images), "network": "cnn", "epochs": few.epochs})
    if not rates:
        raise PeerError("; ".join(left_out.values()))
    best = max((way for way in ways if way.name in rates), key=lambda way: rates[way.name])
    return Contender(best.name, "keras_study", best.peer, best.options)


def _job(size: Size) -> dict[str, Any]:
    return {
        **images("mnist", size.images, size.seeds),
        **{"epochs": size.epochs, "seeds": size.seeds, "variants": list(VARIANTS), "changed": {}},
    }


def _conditions(size: Size, variants: Sequence[str] = tuple(VARIANTS)) -> str:
    have = images("mnist", size.images, size.seeds)
    return (
        f"{have['name']}, {have['trained']:,} images to train and {have['validated']:,} to validate; reference and "
        f"{len(variants) - 1} variants, {size.seeds} seeds, {size.epochs} epochs"
    )


def _faster(what: str, ours: Sequence[float], theirs: Sequence[float], bar: Bar | None) -> Figure:
    ratios = [peer / mine for mine, peer in zip(ours, theirs, strict=True)]
    return Figure(what, "s", Spread.of(ours), Spread.of(theirs), Spread.of(ratios), bar)


def _row(name: str, measures: Sequence[Measure]) -> Row:
    accuracies = [value for m in measures for values in m.said["accuracies"].values() for value in values]
    mean = sum(accuracies) / len(accuracies)
    walls, peak = Spread.of([m.wall for m in measures]), max(m.peak for m in measures)
    return Row(name, walls, len(measures), accuracy=mean, peak=peak)
