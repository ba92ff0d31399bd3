"""`seeds="auto"`: seeds where they matter, from the study to the report."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import Input, Sequential, layers

import etalon
from etalon import Auto, Study
from etalon.analysis.verdicts import verdicts
from etalon.cli import main
from etalon.data.dataset import Dataset
from etalon.errors import StudyError
from etalon.locales import use
from etalon.report.blocks import Document
from etalon.result import Result
from etalon.study.executors import Event
from etalon.study.store import Store

FEW = Auto(start=2, most=4)  # looks after 2, 3 and 4 seeds


def dense(neurons: int = 4) -> keras.Model:
    stack = [Input((8, 8, 1)), layers.Flatten(), layers.Dense(neurons, activation="relu")]
    return Sequential([*stack, layers.Dense(3, activation="softmax")])


def small_study(data: Dataset, folder: Path, seeds: Any = FEW) -> Study:
    """One variant that is surely worse, one that is the reference under another name, one that nothing settles."""
    settings: dict[str, Any] = {"epochs": 4, "batch_size": 48, "learning_rate": 0.01, "precision": "float32"}
    study = Study("Looks", data=data, store=folder, seeds=seeds, **settings)
    study.reference(dense)
    study.variant(name="slow", learning_rate=1e-5)(dense)
    study.variant(name="wide", neurons=5)(dense)
    return study


@pytest.fixture(scope="module")
def ran(blobs: Dataset, tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, Result]:
    study = small_study(blobs, tmp_path_factory.mktemp("auto"))
    return study, study.run(workers=0, progress=False)


def seeds_of(result: Result) -> dict[str, int]:
    return {outcome.name: len(outcome.runs) for outcome in result}


class TestSettings:
    @pytest.mark.parametrize("seeds", ["auto", Auto()], ids=str)
    def test_auto(self, blobs: Dataset, tmp_path: Path, seeds: Any) -> None:
        study = small_study(blobs, tmp_path, seeds)
        assert (study.looks, study.seeds) == ((3, 5, 7, 10), tuple(range(10)))
        assert len(study.plan.keys) == 9
        assert study.with_(seeds=4).looks == ()

    def test_folds_are_a_whole(self, blobs: Dataset) -> None:
        with pytest.raises(StudyError, match="seeds and folds"):
            Study("Folds", data=blobs, folds=3, seeds="auto")

    def test_a_notebook_says_it_again(self, tmp_path: Path) -> None:
        (tmp_path / "some_auto_study.py").write_text("import etalon\nstudy = etalon.Study('A', data='digits')")
        study = etalon.open_study(tmp_path / "some_auto_study.py").with_(seeds=FEW, store=tmp_path)
        namespace: dict[str, Any] = {}
        exec(study.origin, namespace)
        assert namespace["study"].looks == FEW.looks


class TestRunning:
    def test_only_the_undecided_get_more(self, ran: tuple[Study, Result]) -> None:
        _study, result = ran
        found = result.verdicts()
        assert found["slow"].verdict == "worse"
        assert found["slow"].comparison.k < 4
        most = max(v.comparison.k for v in found.items)
        assert seeds_of(result) == {"dense": most, **{v.variant: v.comparison.k for v in found.items}}
        assert found.design.looks == (2, 3, 4)
        assert result.design.overlap == pytest.approx(0.25)
        assert vars(result.tally) == {"trained": sum(seeds_of(result).values()), "cached": 0, "failed": 0}
        assert [run.seed for run in result.reference.runs] == list(range(most))

    def test_a_second_run_trains_nothing_and_says_the_same(self, ran: tuple[Study, Result]) -> None:
        study, result = ran
        for again in (study.run(workers=0, progress=False), study.result()):
            assert vars(again.tally) == {"trained": 0, "cached": result.tally.trained, "failed": 0}
            assert again.plan.keys == result.plan.keys
            assert again.verdicts() == result.verdicts()

    def test_an_interrupted_run_goes_on(self, blobs: Dataset, tmp_path: Path, ran: tuple[Study, Result]) -> None:
        _study, result = ran
        study = small_study(blobs, tmp_path / "cut")
        cut = 0

        def stop(event: Event) -> None:
            nonlocal cut
            cut += event.what == "done"
            if cut == 4:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            study.plan.execute(0, stop)
        with pytest.raises(StudyError, match="missing"):
            study.result()
        again = study.run(workers=0, progress=False)
        assert again.tally.cached == 4
        assert again.plan.keys == result.plan.keys
        for ours, theirs in zip(again, result, strict=True):
            np.testing.assert_array_equal(ours.accuracy, theirs.accuracy)

    def test_seeds_trained_before_are_not_trained_again(self, blobs: Dataset, tmp_path: Path) -> None:
        fixed = small_study(blobs, tmp_path, 4)
        fixed.run(workers=0, progress=False)
        result = fixed.with_(seeds=FEW).run(workers=0, progress=False)
        assert result.tally.trained == 0
        assert result.tally.cached <= 12

    def test_verdicts_are_those_of_each_variant_s_own_seeds(self, ran: tuple[Study, Result]) -> None:
        _study, result = ran
        tables = {o.name: np.full((4, o.predictions.pool), np.nan) for o in result}
        for outcome in result:
            tables[outcome.name][: len(outcome.runs)] = outcome.predictions.correct()
        expected = verdicts(tables.pop("dense"), tables, design=result.design)
        for v in result.verdicts().items:
            assert v.p_adjusted == pytest.approx(expected[v.variant].p_adjusted)
            assert (v.low, v.high) == pytest.approx((expected[v.variant].low, expected[v.variant].high))

    def test_workers(self, blobs: Dataset, tmp_path: Path, ran: tuple[Study, Result]) -> None:
        _study, result = ran
        assert small_study(blobs, tmp_path).run(workers=2, progress=False).plan.keys == result.plan.keys


class TestTelling:
    def test_table_and_json(self, ran: tuple[Study, Result]) -> None:
        _study, result = ran
        n = result.tally.trained
        assert f"{n} trainings instead of 12" in str(result)
        assert "looks at the verdicts after 2, 3, 4 seeds" in str(result)
        assert list(result.frame()["seeds"]) == list(seeds_of(result).values())
        told = json.loads(json.dumps(result.to_json(), allow_nan=False))
        assert told["auto"] == {"looks": [2, 3, 4], "trainings": n, "instead_of": 12}
        assert [variant["seeds"] for variant in told["variants"]] == list(seeds_of(result).values())
        with use("fr"):
            assert f"{n} apprentissages au lieu de 12" in str(result)

    def test_other_pairs_metrics_and_the_test_part(self, ran: tuple[Study, Result]) -> None:
        _study, result = ran
        opened = result.test()
        assert (opened.design.looks, opened.design.overlap) == ((2, 3, 4), 0.0)
        k = min(len(result["slow"].runs), len(result["wide"].runs))
        assert result.verdicts(pairs="all")["wide - slow"].comparison.k == k
        assert opened.verdicts(metric="log_loss").design.looks == (2, 3, 4)
        assert result.recommend().verdicts.design == result.design

    @pytest.mark.parametrize(
        ("lang", "told"), [("en", "trainings instead of 12"), ("fr", "apprentissages au lieu de 12")]
    )
    def test_report(
        self, ran: tuple[Study, Result], drawn: list[Document], tmp_path: Path, lang: str, told: str
    ) -> None:
        _study, result = ran
        result.report(tmp_path / "report.html", lang)
        assert told in repr(drawn[0].blocks)

    def test_progress_counts_each_look(
        self, blobs: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        result = small_study(blobs, tmp_path).run(workers=0)
        lines = capsys.readouterr().err.splitlines()
        assert lines[0].startswith("[1/6] dense, seed 0")
        assert lines[5].startswith("[6/6]")
        assert len(lines) == result.tally.trained


STUDY = """
import etalon
from keras import Input, Sequential, layers

study = etalon.Study("Looks", data={data!r}, seeds=2, epochs=2, batch_size=48, learning_rate=0.01)


@study.reference
def reference(neurons=4):
    stack = [Input((8, 8, 1)), layers.Flatten(), layers.Dense(neurons, activation="relu")]
    return Sequential([*stack, layers.Dense(3, activation="softmax")])


@study.variant(learning_rate=1e-5)
def slow():
    return reference()
"""


class TestCommandLine:
    @pytest.fixture
    def call(self, blobs: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
        parts: dict[str, Any] = {"x_train": blobs.train.x, "y_train": blobs.train.y}
        np.savez(tmp_path / "blobs.npz", **parts, x_test=blobs.test.x, y_test=blobs.test.y)
        (tmp_path / "looked_at.py").write_text(STUDY.format(data=str(tmp_path / "blobs.npz")))
        monkeypatch.chdir(tmp_path)

        def call(*arguments: str) -> object:
            monkeypatch.setattr(sys, "argv", ["etalon", *arguments])
            try:
                main()
            except SystemExit as end:
                return end.code
            return 0

        return call

    def test_auto(self, call: Callable[..., Any], capsys: pytest.CaptureFixture[str]) -> None:
        arguments = ("run", "looked_at.py", "--seeds", "auto", "--sealed", "--store", "store", "--workers", "0")
        assert call(*arguments) == 0
        first = capsys.readouterr().out
        assert "trainings instead of 20" in first
        trained = len(Store("store").records())
        assert call(*arguments, "--json", "told.json") == 0
        assert capsys.readouterr().out == first
        told = json.loads(Path("told.json").read_text())
        assert told["trials"] == {"trained": 0, "cached": trained, "failed": 0}
        assert told["auto"] == {"looks": [3, 5, 7, 10], "trainings": trained, "instead_of": 20}
        assert call("compare", "looked_at.py", "reference", "slow", "--seeds", "auto", "--store", "store") == 0

    def test_the_second_time_the_file_is_not_run(
        self, call: Callable[..., Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        arguments = ("run", "looked_at.py", "--seeds", "auto", "--sealed", "--store", "store", "--workers", "0")
        assert call(*arguments) == 0
        first = capsys.readouterr().out
        monkeypatch.setattr("etalon.opening.open_study", lambda path: pytest.fail("it was run"))
        assert call(*arguments) == 0
        assert capsys.readouterr().out == first

    @pytest.mark.parametrize("wrong", ["0", "some", "-3", "2.5"])
    def test_no_such_number(self, call: Callable[..., Any], wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert call("run", "looked_at.py", "--seeds", wrong) == 2
        assert "auto" in capsys.readouterr().err
