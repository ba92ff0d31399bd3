"""docs/published.md: what others have published, or what Keras gives on TensorFlow, beside our own trainings.

Ours are read from what `etalon run STUDY --json FILE` wrote; why a gap is there is read from `bench/explained`, where
it is written by hand.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.machine import ROOT
from bench.report import EXPLAINED, table
from etalon.analysis.published import Claim

DOCUMENT = ROOT / "docs" / "published.md"
RESULTS = (ROOT / "docs" / "results", ROOT / "lessons" / "measured")  # the lessons show their own
KERAS = RESULTS[0] / "keras-tensorflow.jsonl"
EPOCH = "best_epoch"  # the one metric that is not a share
NAMES = {"accuracy": "accuracy", "precision_macro": "precision, mean over classes", EPOCH: "best epoch"}
ROWS = ("figure", "published", "ours, mean", "one training of ours, 95 %", "trainings", "gap", "is it real?")
REAL = {True: "not shown: the seed may explain it", False: "**yes**", None: "one training does not tell"}
INTRODUCTION = """\
# Published figures, and ours

Each figure below was published as the result of one training. Ours is the mean over several; beside it stands the
interval in which one more of our trainings would fall with a probability of 95 %, mean ± t s √(1 + 1/n), s being the
standard deviation over seeds. A gap is real when the published figure is outside of it. The test images are the same
10,000 for both, so that they are no source of chance.

The figures of Keras on TensorFlow are in `docs/results/keras-tensorflow.jsonl`, one training each. Only those of
networks that a study here trains on as many images for as many epochs have a row.

`python -m bench published` writes this page from what `etalon run STUDY --json FILE` wrote. Only the reasons under
*Why* are written by hand.
"""


@dataclass(frozen=True)
class Study:
    """A study in `studies`, and the images it was run on."""

    name: str
    data: str
    options: str = ""

    @property
    def file(self) -> Path:
        """Where its results are kept."""
        results, lessons = RESULTS
        place = lessons if self.name.startswith("cours_") else results
        return place / f"{self.name}-{self.data}.json"

    @property
    def command(self) -> str:
        """What writes them."""
        given = f"studies/{self.name}.py {self.options}".strip()
        return f"etalon run {given} --json {self.file.relative_to(ROOT)}"

    def read(self) -> dict[str, Any] | None:
        """Its results, None as long as it has not been run."""
        return json.loads(self.file.read_text(encoding="utf-8")) if self.file.exists() else None


NETWORK = Study("fashion_2conv2fc", "fashion_mnist", "--seeds 3")
MLP, CNN = Study("tp_mlp", "fashion_mnist"), Study("tp_cnn", "fashion_mnist")
DENSE = Study("cours_dense", "mnist", "--seeds 3")
CLOTHES = Study("cours_dense", "fashion_mnist", "--data fashion_mnist --seeds 3")
COURSE, PROJECT = Study("cours_cnn", "mnist", "--seeds 2"), Study("mini_projet", "mnist", "--data mnist --seeds 10")


@dataclass(frozen=True)
class Published:
    """A figure, and the variant of ours that stands beside it."""

    source: str
    value: float
    study: Study
    variant: str
    metric: str = "accuracy"

    @property
    def key(self) -> str:
        """The name of the file that says why its gap is there."""
        return f"published-{self.study.name}-{self.variant}-{self.metric}-{self.value:g}"

    def claim(self, results: Mapping[str, Any]) -> Claim:
        """It, beside ours."""
        (ours,) = (variant for variant in results["variants"] if variant["name"] == self.variant)
        values = ours["best_epochs"] if self.metric == EPOCH else ours["by_seed"]["test"][self.metric]
        return Claim(self.metric, self.value, np.array(values, np.float64))


PUBLISHED = (
    Published("a published network", 0.9281, NETWORK, "two_conv_two_dense"),
    Published("a published network", 0.9154, NETWORK, "two_conv_two_dense", "precision_macro"),
    Published("a published network", 9, NETWORK, "two_conv_two_dense", EPOCH),
    Published("the course, first network", 0.938, DENSE, "dense"),
    Published("the course, first network, Fashion-MNIST", 0.8947, CLOTHES, "longer"),
    Published("the course, convolutional network", 0.9844, COURSE, "cnn"),
    Published("the course, the same pushed a little", 0.9949, COURSE, "pushed"),
)
ON_KERAS = {  # one training each, on as many images for as many epochs as the variant beside it
    "mini_baseline": (PROJECT, "create_baseline_model"),
    "tp1_2x256": (MLP, "two_layers"),
    "tp1_M": (MLP, "model_m"),
    "tp2_cnn_raw": (CNN, "two_convolutions"),
    "tp2_cnn_drop": (CNN, "dropout"),
}


def known(keras: Path = KERAS) -> tuple[Published, ...]:
    """What is published, then what Keras on TensorFlow gives."""
    lines = [json.loads(line) for line in keras.read_text(encoding="utf-8").splitlines()]
    theirs = [
        Published(f"Keras on TensorFlow, `{line['name']}`", round(line["test"], 4), *ON_KERAS[line["name"]])
        for line in lines
        if line["name"] in ON_KERAS
    ]
    return (*PUBLISHED, *theirs)


def write(path: Path = DOCUMENT) -> None:
    """Write the page."""
    path.write_text("\n".join(_parts(known())), encoding="utf-8")


def _parts(figures: Sequence[Published]) -> Iterator[str]:
    studies = {figure.study: figure.study.read() for figure in figures}
    beside = [(figure, figure.claim(found)) for figure in figures if (found := studies[figure.study])]
    yield INTRODUCTION
    if beside:
        yield table(ROWS, [cells(figure, claim) for figure, claim in beside])
    real = [(figure, claim) for figure, claim in beside if claim.explained is False]
    if real:
        yield "## Why\n"
        yield from (_why(figure, claim) for figure, claim in real)
    measured = {study: found for study, found in studies.items() if found}
    if measured:
        yield "## How ours were measured\n"
        yield from (_where(study, found) for study, found in measured.items())
    waiting = [study for study, found in studies.items() if not found]
    if waiting:
        yield "## Not measured yet\n"
        yield "".join(f"    {study.command}\n" for study in waiting)


def cells(figure: Published, claim: Claim) -> list[str]:
    """A row of the table."""
    low, high = claim.interval
    if figure.metric == EPOCH:
        low = max(low, 1.0)  # there is no epoch before the first
    shown = [_written(value, figure.metric) for value in (claim.published, claim.mean, low, high)]
    gap = claim.mean - claim.published
    told = f"{gap:+.1f} epochs" if figure.metric == EPOCH else f"{100 * gap:+.2f} points"
    told = told.replace("-", "−")
    span = f"{shown[2]} to {shown[3]}" if claim.explained is not None else ""
    return [
        f"{figure.source}: {NAMES[figure.metric]}",
        shown[0],
        shown[1],
        span,
        str(len(claim.ours)),
        told,
        REAL[claim.explained],
    ]


def _written(value: float, metric: str) -> str:
    return f"{value:.1f}" if metric == EPOCH else f"{100 * value:.2f} %"


def _why(figure: Published, claim: Claim) -> str:
    row = cells(figure, claim)
    reason = EXPLAINED / f"{figure.key}.md"
    text = reason.read_text(encoding="utf-8").strip() if reason.exists() else "Not explained."
    return f"**{row[0]}** ({row[1]} published, {row[2]} here, {row[5]}). {text}\n"


def _where(study: Study, found: Mapping[str, Any]) -> str:
    machine, data = found["environment"], found["data"]
    variants = [figure.variant for figure in known() if figure.study == study]
    ours = [v for v in found["variants"] if v["name"] in variants]
    trained = ", ".join(f"`{v['name']}` {v['seeds']} trainings of {v['epochs']} epochs at most" for v in ours)
    day = found["openings"][-1][:10]
    return (
        f"- `{study.command}`: {data['name']} (digest {data['digest'][:12]}), {trained}; {day}, "
        f"{machine['processor']}, {machine['device']}, {machine['precision']}, torch {machine['torch']}, "
        f"Étalon {machine['etalon']}.\n"
    )
