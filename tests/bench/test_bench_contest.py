"""Who plays, in which order, and what is made of it; real processes only where they are cheap."""

import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bench.__main__ as command
from bench import ceiling, contest, fits, peers, precision, scaling, studies
from bench.contest import Contender, Measure, PlayError
from bench.networks import NETWORKS, VARIANTS
from bench.results import Result
from etalon.data.splits import HoldOut, divide

PINS = Path(peers.__file__).parent / "peers"
MIB = 2**20


def marks(rate: float, trained: int, epochs: int) -> list[float]:
    """A slow first epoch, then others at this rate."""
    return [100 + k * trained / rate for k in range(epochs)]


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Plays at rates known beforehand; the names of who played, in order."""
    order: list[str] = []
    rates = {"Étalon": 3000.0, "bfloat16, 16 steps": 1600.0, "bfloat16": 1500.0, "float32": 1000.0}

    def play(contender: Contender, job: Mapping[str, Any]) -> Measure:
        order.append(contender.name)
        versions = {"etalon": "0", "torch": "2"}
        if contender.peer == "fastai":
            raise peers.PeerError("no wheel")
        rate = next(rates[key] for key in rates if key in contender.name) if contender.module != "images" else 1.0
        said: dict[str, Any] = {"versions": versions, "name": "MNIST", "trained": 800, "validated": 200, "tested": 50}
        if contender.module.endswith("_fit"):
            said = {"versions": versions, "marks": marks(rate, job["trained"], job["epochs"]), "accuracy": 0.9}
        if contender.module.endswith("_study"):
            trials = len(job["variants"]) * job["seeds"] if job.get("report", True) else 5 * bool(job["changed"])
            said |= {"trained": trials, "run": 0.5 + trials, "accuracies": {"reference": [0.9]}, "environment": {}}
        ours = 1 if contender.peer == "" else 4
        return Measure(said, 10.0 * ours, 1.0, 100 * MIB * ours, 150 * MIB * ours)

    for module in (contest, fits, studies, ceiling, precision, scaling):
        if hasattr(module, "play"):
            monkeypatch.setattr(module, "play", play)
    for function in (fits.images, studies._loop, studies._ours, studies._theirs):
        function.cache_clear()
    yield order
    for function in (fits.images, studies._loop, studies._ours, studies._theirs):
        function.cache_clear()


def test_in_turn(played: list[str]) -> None:
    a, b = Contender("Étalon", "etalon_fit", "", {}), Contender("float32", "keras_fit", "keras-jax")
    found = contest.rounds([a, b], {"trained": 8, "epochs": 2}, 3)
    assert played == ["Étalon", "float32"] * 3
    assert [len(measures) for measures in found.values()] == [3, 3]


def test_rate_leaves_the_first_epoch_out() -> None:
    measure = Measure({"marks": [100.0, 102.0, 106.0]}, 0, 0, 0, 0)
    assert fits.rate(measure, 300) == 100


@pytest.mark.parametrize(("name", "ratio", "met"), [("P1", 1.875, False), ("P1f", 3.0, True)])
def test_a_fit_is_against_the_fastest_keras(played: list[str], name: str, ratio: float, met: bool) -> None:
    result = fits.fit(name, quick=True, n=3)
    line = result.line()
    assert line["ratio"]["median"] == pytest.approx(ratio)
    assert line["met"] is met
    assert result.against.startswith("Keras on tensorflow")
    assert any("fastai" in who for who in result.left_out)
    finals = [row for row in result.rows if not row.heat]
    assert len(finals) == 1 + fits.FINALISTS
    assert {row.n for row in finals} == {3}
    if name == "P1f":
        assert not any("bfloat16" in who for who in played)


def test_nothing_to_compare_with(played: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fits, "heat", lambda contenders, job: ({}, {c.name: "no wheel" for c in contenders}))
    assert fits.fit("P1", quick=True).line()["skipped"] == "no Keras could be installed"


def test_whole_study(played: list[str]) -> None:
    whole, memory = studies.whole_study(quick=True, n=2), studies.memory(quick=True, n=2)
    assert whole.line()["ratio"] == {"median": 4.0, "min": 4.0, "max": 4.0}
    assert (whole.line()["wanted"], whole.line()["met"]) == ("at least 3x", True)
    assert memory.line()["ratio"]["median"] == 0.25
    assert memory.line()["met"] is True
    assert played.count("Étalon") == 2 * 3  # first, again, changed; P9 reads the plays of P4


def test_again(played: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("subprocess.run", lambda *_args, **_options: None)
    result = studies.again(quick=True, n=1)
    nothing, _study, _process, trained, _changed = result.figures
    assert nothing.met
    assert (trained.ours.median, trained.met) == (5, False)  # quick: one seed, and five were trained
    assert set(played) == {"images", "Étalon"}


def test_a_gpu_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(studies, "gpu", lambda: "")
    line = studies.on_gpu().line()
    assert (line["id"], line["ratio"]) == ("P6", None)
    assert "no CUDA device" in line["skipped"]


def test_every_keras_is_among_the_contenders() -> None:
    found = fits.keras()
    assert {(c.options["backend"], c.options["precision"]) for c in found} == {
        (backend, p) for backend in ("tensorflow", "jax", "torch") for p in ("float32", "bfloat16")
    }
    assert any(c.options["compile"].get("jit_compile") for c in found)
    assert len({c.name for c in found}) == len(found)


@pytest.mark.parametrize("path", sorted(PINS.glob("*.txt")), ids=lambda path: path.stem)
def test_versions_are_pinned(path: Path) -> None:
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in path.read_text().splitlines())


def test_pins_of_every_contender() -> None:
    contenders = [*fits.keras(), *fits.trainers(fits.PRECISIONS)]
    assert {contender.peer for contender in contenders} == {path.stem for path in PINS.glob("*.txt")}
    folder = Path(peers.__file__).parent / "workloads"
    assert all((folder / f"{contender.module}.py").exists() for contender in contenders)


def test_our_own_environment() -> None:
    assert peers.python("") == Path(sys.executable)


def test_a_peer_that_cannot_be_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "peers").mkdir()
    (tmp_path / "peers" / "none.txt").write_text("none==0\n")
    monkeypatch.setattr(peers, "HERE", tmp_path)
    monkeypatch.setattr(peers, "CACHE", tmp_path / "cache")
    failing = [sys.executable, "-c", "import sys; sys.exit('ERROR: no such version')"]
    run = peers.subprocess.run
    monkeypatch.setattr(peers.subprocess, "run", lambda command, **how: run(failing, **how))
    with pytest.raises(peers.PeerError, match=r"none\.txt: ERROR: no such version"):
        peers.python("none")
    assert not list((tmp_path / "cache").rglob("ready"))


def test_a_real_play(tmp_path: Path) -> None:
    job = {"data": "digits", "n": 600, "seeds": 2, "images": f"{tmp_path}/i.npz", "splits": f"{tmp_path}/s.npz"}
    measure = contest.play(Contender("images", "images"), job)
    assert (measure.said["trained"], measure.said["validated"], measure.said["tested"]) == (480, 120, 100)
    assert measure.said["versions"]["etalon"]
    assert measure.wall > 0
    assert 2**40 > measure.peak_tree >= measure.peak > 10 * MIB
    with np.load(job["images"]) as images, np.load(job["splits"]) as splits:
        for seed in range(2):
            train, validation = divide(HoldOut(0.2), images["y_train"], seed)
            assert (splits[f"train_{seed}"] == train).all()
            assert (splits[f"validation_{seed}"] == validation).all()


def test_a_play_that_breaks_down() -> None:
    with pytest.raises(PlayError, match="no_such_module"):
        contest.play(Contender("lost", "no_such_module"), {})


@pytest.mark.skipif(sys.platform != "linux", reason="memory of a tree is read in /proc")
def test_memory_of_a_tree() -> None:
    assert os.getpid() in contest._tree(os.getpid())
    assert contest._resident(os.getpid()) > MIB


def test_slopes_and_cores() -> None:
    assert scaling._slope([1, 2, 4], [3.0, 6.0, 12.0]) == pytest.approx(1)
    assert [scaling._powers(n) for n in (1, 2, 6)] == [[1], [1, 2], [1, 2, 4, 6]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """The command line, over measures that take no time."""
    made = {"P1": lambda options: [Result("P1", "work")], "P2": lambda options: (_ for _ in ()).throw(PlayError("x"))}
    monkeypatch.setattr(command, "MEASURES", {**command.MEASURES, **made})

    def call(*words: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["bench", *words])
        return command.main(), capsys.readouterr().out

    return call


def test_one_line_of_json(run: Callable[..., tuple[int, str]]) -> None:
    status, printed = run("P1", "--json", "--rounds", "2")
    (line,) = printed.splitlines()
    assert status == 0
    assert json.loads(line)["id"] == "P1"
    assert {"date", "machine", "versions"} <= set(json.loads(line))


def test_what_breaks_does_not_stop_the_rest(run: Callable[..., tuple[int, str]]) -> None:
    status, printed = run("P2", "P1", "--json")
    assert status == 1
    assert [json.loads(line)["id"] for line in printed.splitlines()] == ["P2", "P1"]


def test_sizes_known() -> None:
    assert set(fits.FITS) < set(command.MEASURES)
    assert set(ceiling.SIZES) == set(NETWORKS)
    assert len(VARIANTS) == 1 + 8
