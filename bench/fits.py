"""P1, P1f, P2, P3: one training, images trained per second, against every Keras backend and three torch trainers.

The rate is taken from the end of the first epoch to the end of the last, the validation of each epoch included: what
is compiled, traced or warmed up at the start counts for nobody. Every contender runs once on few images, the heat; the
two fastest Keras configurations then meet Étalon in rounds, and the bar is against the faster of them.
"""

import atexit
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

from bench.contest import Contender, Measure, PlayError, play, rounds, say
from bench.networks import NETWORKS
from bench.peers import PeerError
from bench.results import Bar, Figure, Result, Row, Spread

FINALISTS = 2
PRECISIONS = ("float32", "bfloat16")
STEPS = {"steps_per_execution": 16}
COMPILED = {  # the ways to compile that each backend's documentation offers
    "tensorflow": {"": {}, ", 16 steps a call": STEPS, ", XLA": {"jit_compile": True}},
    "jax": {"": {}},
    "torch": {"": {}},
}


@dataclass(frozen=True)
class Size:
    """How much work: images of the training part before its division, epochs, seeds, and how many times."""

    images: int
    epochs: int
    rounds: int
    seeds: int = 1


@dataclass(frozen=True)
class Fit:
    """One training to time."""

    work: str
    network: str
    least: float
    usual: Size
    heat: Size
    precisions: Sequence[str] = PRECISIONS


CNN = Size(60_000, 3, 5), Size(6_000, 3, 1)
FITS = {
    "P1": Fit("reference CNN of the mini-project, one trial", "cnn", 2.0, *CNN),
    "P1f": Fit(
        "reference CNN of the mini-project, one trial, float32 on both sides", "cnn", 1.2, *CNN, precisions=("float32",)
    ),
    "P2": Fit("dense network 2 x 256", "mlp", 3.0, Size(60_000, 9, 5), Size(12_000, 5, 1)),
    "P3": Fit("CIFAR-10 network, three pairs of convolutions", "cifar", 1.5, Size(10_000, 3, 5), Size(2_500, 3, 1)),
}
QUICK = Size(640, 2, 2)


def keras(precisions: Sequence[str] = PRECISIONS, backends: Sequence[str] = tuple(COMPILED)) -> list[Contender]:
    """Every configuration of Keras."""
    return [
        Contender(
            f"Keras on {backend}, {precision}{title}",
            "keras_fit",
            f"keras-{backend}",
            {"backend": backend, "precision": precision, "compile": options},
        )
        for backend in backends
        for title, options in COMPILED[backend].items()
        for precision in precisions
    ]


def trainers(precisions: Sequence[str]) -> list[Contender]:
    """What trains the hand-written torch network."""
    found = [("plain torch loop", "torch", precision) for precision in precisions]
    found += [("Lightning", "lightning", precision) for precision in precisions]
    found += [("fastai", "fastai", "float32")]
    return [Contender(f"{name}, {p}", f"{peer}_fit", peer, {"precision": p}) for name, peer, p in found]


def etalon(precisions: Sequence[str] = PRECISIONS) -> Contender:
    """Ours: the default precision, unless only one is allowed."""
    settings = {"precision": precisions[0]} if len(precisions) == 1 else {}
    return Contender(
        f"Étalon, {settings.get('precision', 'default precision')}", "etalon_fit", "", {"settings": settings}
    )


@cache
def workspace() -> Path:
    """A folder that goes with this process."""
    folder = Path(tempfile.mkdtemp(prefix="etalon-bench-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def images(data: str, n: int, seeds: int = 1) -> dict[str, Any]:
    """The files of the images and of their divisions, and what is in them."""
    stem = workspace() / f"{data}-{n}-{seeds}"
    job = {"data": data, "n": n, "seeds": seeds, "images": f"{stem}.npz", "splits": f"{stem}-splits.npz"}
    return {**job, **play(Contender("images", "images"), job).said}


def rate(measure: Measure, trained: int) -> float:
    """Images trained per second after the first epoch."""
    marks = measure.said["marks"]
    return trained * (len(marks) - 1) / (marks[-1] - marks[0])


def heat(contenders: Sequence[Contender], job: Mapping[str, Any]) -> tuple[dict[str, float], dict[str, str]]:
    """The rate of each in one play, and why some are left out."""
    rates, left_out = {}, {}
    for contender in contenders:
        try:
            rates[contender.name] = rate(play(contender, job), job["trained"])
            say(f"  heat: {contender.name}, {rates[contender.name]:,.0f} images/s")
        except (PeerError, PlayError) as error:
            left_out[contender.name] = str(error)
            say(f"  left out: {contender.name}, {error}")
    return rates, left_out


def fit(name: str, quick: bool = False, n: int | None = None) -> Result:
    """Measure one of FITS."""
    case = FITS[name]
    network, size = NETWORKS[case.network], QUICK if quick else case.usual
    few = images(network.data, (QUICK if quick else case.heat).images)
    job = {**few, "network": case.network, "epochs": (QUICK if quick else case.heat).epochs}
    peers = keras(case.precisions)
    heats, left_out = heat([*peers, *trainers(case.precisions)], job)
    fastest = sorted((peer for peer in peers if peer.name in heats), key=lambda peer: -heats[peer.name])[:FINALISTS]
    if not fastest:
        return Result(name, case.work, left_out=left_out, skipped="no Keras could be installed")
    whole = images(network.data, size.images)
    ours = etalon(case.precisions)
    measures = rounds([ours, *fastest], {**job, **whole, "epochs": size.epochs}, n or size.rounds)
    rates = {who: [rate(measure, whole["trained"]) for measure in found] for who, found in measures.items()}
    best = max((peer.name for peer in fastest), key=lambda who: median(rates[who]))
    ratios = [mine / theirs for mine, theirs in zip(rates[ours.name], rates[best], strict=True)]
    figure = Figure(
        *(case.work, "images/s", Spread.of(rates[ours.name]), Spread.of(rates[best]), Spread.of(ratios)),
        bar=Bar(case.least),
    )
    finals = [_row(who, rates[who], found) for who, found in measures.items()]
    others = [Row(who, Spread.of([value]), 1, heat=True) for who, value in heats.items() if who not in measures]
    return Result(
        id=name,
        work=case.work,
        against=f"{best} ({versions(measures[best][0])})",
        conditions=f"{whole['name']}, {whole['trained']:,} images to train and {whole['validated']:,} to validate, "
        f"batches of {network.batch_size}, {size.epochs} epochs, the first not timed; "
        f"heats on {few['trained']:,} images",
        n=n or size.rounds,
        figures=[figure],
        rows=sorted(finals, key=lambda row: -row.value.median) + sorted(others, key=lambda row: -row.value.median),
        left_out=left_out,
    )


def versions(measure: Measure) -> str:
    """The libraries of the environment that played."""
    return ", ".join(f"{name} {version}" for name, version in measure.said["versions"].items())


def _row(name: str, rates: Sequence[float], measures: Sequence[Measure]) -> Row:
    accuracy = sum(measure.said["accuracy"] for measure in measures) / len(measures)
    return Row(name, Spread.of(rates), len(rates), accuracy=accuracy, peak=max(m.peak for m in measures))
