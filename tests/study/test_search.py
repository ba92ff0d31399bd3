"""What a search tries, what it keeps, and what it chooses."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import optuna
import pandas as pd
import pytest
from small_studies import assert_same_runs, dense, small_plan
from typer.testing import CliRunner

import etalon
from etalon.cli import app
from etalon.data.dataset import Dataset
from etalon.errors import RecipeError, StudyError
from etalon.figures.searches import response
from etalon.locales import use
from etalon.study import executors
from etalon.study import trial as trials
from etalon.study.found import Search
from etalon.study.search import rungs
from etalon.study.space import Between, Outcome, Sample, read
from etalon.study.store import Store
from etalon.study.summary import summary
from tests.conftest import stable_id

RATES = [1e-1, 1e-2, 1e-3, 1e-4]
DRAWN = {"learning_rate": Between(1e-5, 1.0, log=True), "neurons": Between(2, 9), "optimizer": ["adam", "sgd"]}
MakeStudy = Callable[..., etalon.Study]


@pytest.fixture
def make_study(blobs: Dataset, tmp_path: Path) -> MakeStudy:
    """A study of small networks over the blobs, in a store of the test's own."""

    def make(**changes: Any) -> etalon.Study:
        given = {"seeds": 3, "epochs": 3, "batch_size": 48, "store": tmp_path / "store", **changes}
        study = etalon.Study("A study", data=blobs, **given)

        @study.reference
        def reference(neurons: int = 6, dropout: float = 0.0) -> keras.Model:
            return dense(neurons, dropout)

        return study

    return make


def look(study: etalon.Study, over: dict[str, Any], **options: Any) -> Search:
    """A search in this process, without a word."""
    return etalon.search(study, over, **{"workers": 0, "progress": False, **options})  # type: ignore[arg-type]


def states(found: Search) -> list[str]:
    return [configuration.state for configuration in found]


@pytest.fixture
def no_training(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From its call on, nothing may be trained."""

    def forbid() -> None:
        monkeypatch.setattr(trials, "train", lambda *_, **__: pytest.fail("it trains"))

    return forbid


class TestGrid:
    """Lists of values: each combination is tried."""

    def test_learning_rates(self, make_study: MakeStudy, blobs: Dataset, tmp_path: Path) -> None:
        """T3.2; the figures are those of the same recipes trained as variants of a study."""
        found = look(make_study(), {"learning_rate": RATES})
        variants = {f"{rate}": {"learning_rate": rate} for rate in RATES}
        plan = small_plan(blobs, Store(tmp_path / "other"), variants, epochs=3)
        plan.execute(0, lambda event: None)
        losses = [plan.runs()[name][0].history["val_loss"][-1] for name in variants]
        assert [c.scores for c in found] == [(loss,) for loss in losses]
        assert found.best == {"learning_rate": RATES[int(np.argmin(losses))]}
        assert states(found) == ["finished"] * 4

    def test_every_combination(self, make_study: MakeStudy) -> None:
        found = look(make_study(epochs=1), {"neurons": np.array([3, 5]), "optimizer": ["adam", "sgd", "adam"]})
        expected = [(3, "adam"), (3, "sgd"), (5, "adam"), (5, "sgd")]
        assert [tuple(c.arguments.values()) for c in found] == expected
        assert found.frame()["neurons"].dtype == np.int64
        assert found.chosen.name.startswith("reference(neurons=")

    def test_the_frame(self, make_study: MakeStudy) -> None:
        found = look(make_study(), {"learning_rate": RATES[:2]}, metric="val_accuracy", seeds=2)
        frame = found.frame()
        assert list(frame) == ["learning_rate", "epochs_trained", "state", "val_accuracy"]
        assert frame["val_accuracy"].tolist() == [np.mean(c.scores) for c in found]
        assert {len(c.scores) for c in found} == {2}
        assert frame.loc[frame["val_accuracy"].idxmax(), "learning_rate"] == found.best["learning_rate"]

    def test_again_nothing_is_trained(self, make_study: MakeStudy, no_training: Callable[[], None]) -> None:
        first = look(make_study(), {"learning_rate": RATES}, halving=True)
        no_training()
        pd.testing.assert_frame_equal(look(make_study(), {"learning_rate": RATES}, halving=True).frame(), first.frame())

    def test_a_study_and_a_search_share_their_trials(
        self, make_study: MakeStudy, no_training: Callable[[], None]
    ) -> None:
        study = make_study(seeds=2)
        study.variant(name="slow", learning_rate=1e-4)(dense)
        assert study.run(workers=0, progress=False).tally.trained == 4
        no_training()
        found = look(study, {"learning_rate": [1e-3, 1e-4], "neurons": [6]}, seeds=2)
        assert states(found) == ["finished"] * 2

    def test_of_a_variant(self, make_study: MakeStudy) -> None:
        study = make_study(epochs=1)
        study.variant(name="dropping", dropout=0.5, batch_size=24)(dense)
        found = look(study, {"neurons": [4, 5]}, of="dropping")
        records = {r.variant: r for r in Store(study.folder).records().values()}
        assert list(records) == ["dropping(neurons=4)", "dropping(neurons=5)"]
        compared = found.study(seeds=2)
        variant = compared.variants[found.chosen.name]
        assert variant.arguments == {"neurons": found.best["neurons"], "dropout": 0.5}
        assert variant.settings == {"batch_size": 24}

    def test_patience(self, make_study: MakeStudy) -> None:
        """It is the recipe's early stopping, on the metric of the search."""
        study = make_study(epochs=30)
        found = look(study, {"learning_rate": [3e-1]}, metric="val_accuracy", patience=1)
        stopping = etalon.EarlyStopping(patience=1, monitor="val_accuracy")
        again = look(study, {"learning_rate": [3e-1], "early_stopping": [stopping]}, metric="val_accuracy")
        assert found.chosen.scores == again.chosen.scores
        assert found.chosen.epochs is not None
        assert found.chosen.epochs < 30
        run = next(iter(Store(study.folder).records().values()))
        history = Store(study.folder).load(run.key).history["val_accuracy"]
        assert found.chosen.score == max(history)
        compared = found.study(seeds=1)
        assert compared.settings["early_stopping"] == stopping  # for both, on equal terms


class TestHalving:
    """Everybody gets few epochs, the best go on."""

    @pytest.mark.parametrize(
        ("configurations", "epochs", "factor", "expected"),
        [
            (81, 81, 3, [1, 3, 9, 27, 81]),  # Li et al. 2018, table 1, first bracket
            (27, 27, 3, [1, 3, 9, 27]),
            (4, 6, 3, [2, 6]),
            (10, 5, 3, [1, 2, 5]),
            (2, 9, 3, [9]),
            (1, 9, 2, [9]),
            (8, 8, 2, [1, 2, 4, 8]),
            (50, 1, 3, [1]),
            (50, 7, 0, [7]),
            (0, 1, 3, [1]),
        ],
    )
    def test_rungs(self, configurations: int, epochs: int, factor: int, expected: list[int]) -> None:
        assert rungs(configurations, epochs, factor) == expected

    def test_the_best_at_each_rung_go_on(self, make_study: MakeStudy, blobs: Dataset, tmp_path: Path) -> None:
        """Against the histories of all of them trained in full."""
        rates = [10.0 ** (-k / 2) for k in range(9)]
        found = look(make_study(epochs=5), {"learning_rate": rates}, halving=True, metric="val_accuracy")
        plan = small_plan(blobs, Store(tmp_path / "other"), {f"{r}": {"learning_rate": r} for r in rates}, epochs=5)
        plan.execute(0, lambda event: None)
        histories = [plan.runs()[f"{rate}"][0].history["val_accuracy"] for rate in rates]
        first = sorted(range(9), key=lambda i: -histories[i][0])[:3]
        second = max(sorted(first, key=first.index), key=lambda i: histories[i][1])
        epochs = [5 if i == second else 2 if i in first else 1 for i in range(9)]
        assert [c.epochs for c in found] == epochs
        assert [c.score for c in found] == [h[e - 1] for h, e in zip(histories, epochs, strict=True)]
        assert states(found) == ["finished" if e == 5 else "pruned" for e in epochs]
        assert found.best == {"learning_rate": rates[second]}

    def test_pruned_trials_are_recorded_and_go_on(self, make_study: MakeStudy, blobs: Dataset, tmp_path: Path) -> None:
        """One that a study needs in full ends bit for bit as if no search had stopped it."""
        study = make_study()
        found = look(study, {"learning_rate": RATES}, halving=True)
        store = Store(study.folder)
        pruned = {r.variant: r for r in store.records().values() if r.status == "pruned"}
        assert sorted(pruned) == sorted(c.name for c in found if c.state == "pruned")
        for record in pruned.values():
            history = store.history(record.key)
            assert len(history["val_loss"]) == 1
            assert (record.val_accuracy, record.fit_time) == (history["val_accuracy"][0], history["seconds"][0])
        assert [(line.pruned, line.failed) for line in summary(store).lines if not line.done] == [(1, 0)] * len(pruned)
        assert "1 stopped by a search" in str(summary(store))

        given = {c.name: c.arguments for c in found}
        resumed = small_plan(blobs, store, given, epochs=3)
        started = {key: len(store.history(key)["loss"]) for key in resumed.keys.values() if not store.has(key)}
        assert set(started.values()) == {1}
        straight = small_plan(blobs, Store(tmp_path / "straight"), given, epochs=3)
        for plan in (resumed, straight):
            plan.execute(0, lambda event: None)
        assert_same_runs(resumed, straight)
        assert {record.status for record in store.records().values()} == {"done"}

    def test_what_the_store_holds_changes_nothing(
        self, make_study: MakeStudy, tmp_path: Path, no_training: Callable[[], None]
    ) -> None:
        """Trials known in full are judged by what they were at each rung."""
        study, other = make_study(), make_study(store=tmp_path / "other")
        expected = look(study, {"learning_rate": RATES}, halving=True).frame()
        look(other, {"learning_rate": RATES})
        no_training()
        pd.testing.assert_frame_equal(look(other, {"learning_rate": RATES}, halving=True).frame(), expected)
        assert {record.status for record in Store(other.folder).records().values()} == {"done"}

    def test_with_patience(self, make_study: MakeStudy) -> None:
        """A training that ended by itself is finished, even if others were better then."""
        study = make_study(epochs=8)
        found = look(study, {"learning_rate": [0.3, 0.1, 0.03, 1e-6]}, halving=2, patience=1, metric="val_accuracy")
        for configuration in found:
            ended = Store(study.folder).records()
            (status,) = {r.status for r in ended.values() if r.variant == configuration.name}
            assert (status == "done") == (configuration.state == "finished")
        assert found.chosen.score == max(c.score for c in found if c.state == "finished")

    def test_whoever_trains(self, make_study: MakeStudy, tmp_path: Path) -> None:
        over = {"learning_rate": Between(1e-4, 1e-1, log=True)}
        here = look(make_study(), over, trials=12, halving=True, seeds=2)
        beside = look(make_study(store=tmp_path / "beside"), over, trials=12, halving=True, seeds=2, workers=2)
        pd.testing.assert_frame_equal(here.frame(), beside.frame())


class TestBreakdowns:
    """They are shown, and never chosen."""

    def test_divergence(self, make_study: MakeStudy, no_training: Callable[[], None]) -> None:
        found = look(make_study(epochs=1), {"learning_rate": [1e30, 1e-3]}, halving=2)
        assert states(found) == ["diverged", "finished"]
        assert found.best == {"learning_rate": 1e-3}
        assert "reference(learning_rate=1e+30): a loss of nan at epoch 1" in str(found)
        assert pd.isna(found.frame()["val_loss"][0])
        assert pd.isna(found.frame()["epochs_trained"][0])
        (cross,) = [line for line in found.plot().lines if line.get_label() == "diverged"]
        assert list(cross.get_xdata()) == [1e30]
        no_training()
        assert states(look(make_study(epochs=1), {"learning_rate": [1e30, 1e-3]}, halving=2)) == states(found)

    def test_nothing_to_choose(self, make_study: MakeStudy) -> None:
        found = look(make_study(epochs=1), {"learning_rate": [1e30]})
        with pytest.raises(StudyError, match=r"a search over 1 configuration: no training came to its end\. ref.*nan"):
            _ = found.best
        assert repr(found) == "Search(1 configurations, best None)"
        assert "No training came to its end." in str(found)
        assert found.to_json()["best"] is None
        found.figure().draw_without_rendering()

    def test_a_validation_loss_that_is_no_number(self, make_study: MakeStudy) -> None:
        """The training itself may well not notice."""

        class Exploding(keras.callbacks.Callback):  # type: ignore[misc]
            def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
                logs["val_loss"] = math.inf

        found = look(make_study(epochs=1), {"callbacks": [[Exploding()], []]})
        assert states(found) == ["diverged", "finished"]
        assert found.configurations[0].error == "val_loss is inf"

    def test_a_failure_is_tried_again(self, make_study: MakeStudy, tmp_path: Path) -> None:
        flag = str(tmp_path / "mended")
        fails = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: open(flag).close())
        over = {"callbacks": [[fails], []]}
        found = look(make_study(epochs=1), over)
        assert states(found) == ["failed", "finished"]
        assert found.configurations[0].error.startswith("FileNotFoundError")
        Path(flag).touch()
        assert states(look(make_study(epochs=1), over)) == ["finished", "finished"]

    def test_a_value_that_makes_no_model(self, make_study: MakeStudy) -> None:
        """Typed, it is refused at once; drawn, it is noted and the search goes on."""
        with pytest.raises(RecipeError, match=r"learning_rate=-1\.0.*positive"):
            look(make_study(epochs=1), {"learning_rate": [0.1, -1.0]})
        found = look(make_study(epochs=1), {"learning_rate": Between(-0.1, 0.1)}, trials=6)
        assert set(states(found)) == {"failed", "finished"}
        assert all("positive" in c.error for c in found if c.state == "failed")


class TestSample:
    """Ranges: drawn by Optuna, the same each time."""

    def proposed(self, trials: int) -> list[dict[str, Any]]:
        """What is drawn when a rate of 0.01 is the best."""
        source, asked = Sample(DRAWN, trials, maximise=False), []
        while cohort := source.ask():
            asked += cohort
            source.tell([Outcome("finished", {1: abs(math.log10(a["learning_rate"]) + 2)}) for a in cohort])
        return asked

    def test_values(self) -> None:
        for arguments in self.proposed(30):
            assert list(arguments) == list(DRAWN)
            assert 1e-5 <= arguments["learning_rate"] <= 1
            assert arguments["neurons"] in range(2, 10)
            assert isinstance(arguments["neurons"], int)
            assert arguments["optimizer"] in ("adam", "sgd")

    def test_more_trials_begin_alike(self) -> None:
        assert self.proposed(30) == self.proposed(37)[:30]

    def test_it_learns(self) -> None:
        distances = [abs(math.log10(a["learning_rate"]) + 2) for a in self.proposed(60)]
        assert np.median(distances[30:]) < 0.75 * np.median(distances[:10])

    @pytest.mark.parametrize("state", ["diverged", "pruned", "failed"])
    def test_it_shuns_what_does_not_come_to_an_end(self, state: Any) -> None:
        source, asked = Sample({"rate": Between(0.0, 1.0)}, 60, maximise=True), []
        while cohort := source.ask():
            asked += [a["rate"] for a in cohort]
            kept = [Outcome("finished", {1: 0.5, 3: 0.9}), Outcome(state, {1: 0.1} if state == "pruned" else {})]
            source.tell([kept[a["rate"] > 0.5] for a in cohort])
        above = np.array(asked) > 0.5
        assert above[:10].any()
        if state != "failed":  # which says nothing of the arguments
            assert above[30:].mean() < 0.4

    def test_in_a_search(self, make_study: MakeStudy) -> None:
        level = optuna.logging.get_verbosity()
        found = look(make_study(epochs=1), {"neurons": Between(2, 4)}, trials=12)
        assert 1 <= len(found) <= 3  # there are no more
        assert sorted(found.frame()["neurons"]) == sorted({c.arguments["neurons"] for c in found})
        assert optuna.logging.get_verbosity() == level

    def test_a_sample_of_lists(self, make_study: MakeStudy) -> None:
        over = {"neurons": [2, 3, 4, 5], "learning_rate": RATES}
        assert 1 <= len(look(make_study(epochs=1), over, trials=3)) <= 3


class TestComparison:
    """The choice is judged afresh."""

    def test_with_seeds_of_its_own(self, make_study: MakeStudy) -> None:
        study = make_study()
        found = look(study, {"learning_rate": [1e-2, 1e-4]}, seeds=2)
        compared = found.study()
        assert compared.seeds == (2, 3, 4)
        assert list(compared.variants) == ["reference", found.chosen.name]
        assert list(study.variants) == ["reference"]
        (verdict,) = compared.run(workers=0, progress=False).verdicts().items
        assert verdict.variant == found.chosen.name
        assert found.study(seeds=4).seeds == (2, 3, 4, 5)
        assert not compared.run(workers=0, progress=False).plan.store.openings(study.dataset.test_digest)

    def test_folds(self, make_study: MakeStudy) -> None:
        found = look(make_study(seeds=None, folds=3, epochs=1), {"neurons": [3, 4]}, seeds=2)
        with pytest.raises(StudyError, match=r"a study of 3 folds: each fold takes.*validation=0.2"):
            found.study()
        assert found.study(validation=0.2).seeds == (2, 3, 4)


class TestShown:
    """As a table, as a figure."""

    @pytest.fixture
    def found(self, make_study: MakeStudy) -> Search:
        found = look(make_study(epochs=1), {"learning_rate": RATES, "optimizer": ["adam", "sgd"]})
        first = found.configurations[0]
        pruned = replace(found.configurations[1], state="pruned")
        return replace(found, configurations=(first, pruned, *found.configurations[2:]))

    def test_table(self, found: Search) -> None:
        lines = str(found).splitlines()
        assert lines[0].split() == ["learning_rate", "optimizer", "Epochs", "State", "Validation", "loss"]
        (chosen,) = [line for line in lines if line.startswith("→")]
        assert chosen.split()[1] == f"{found.best['learning_rate']:.4g}"
        assert "it is the best of 8, measured on the images that chose it" in str(found)
        assert found._repr_html_().count("<tr") == 9
        assert repr(found) == f"Search(8 configurations, best {found.chosen.name})"
        assert len(found.to_json()["configurations"]) == 8

    def test_in_french(self, found: Search) -> None:
        with use("fr"):
            assert "Perte de validation" in str(found).splitlines()[0]
            assert "flatte" in str(found)
            names = [text.get_text() for text in found.figure().legends[0].get_texts()]
        assert names == ["terminé", "écarté", "retenu"]

    def test_figure(self, found: Search) -> None:
        left, right = found.figure().axes
        assert (left.get_xscale(), right.get_xscale()) == ("log", "linear")
        drawn = {line.get_label(): line for line in left.lines}
        whole = [c for c in found if c.state == "finished"]
        np.testing.assert_array_equal(drawn["finished"].get_xdata(), [c.arguments["learning_rate"] for c in whole])
        np.testing.assert_array_equal(drawn["finished"].get_ydata(), [c.score for c in whole])
        np.testing.assert_array_equal(drawn["pruned"].get_ydata(), [found.configurations[1].score])
        np.testing.assert_array_equal(drawn["chosen"].get_ydata(), [found.chosen.score])
        assert [text.get_text() for text in right.get_xticklabels()] == ["adam", "sgd"]
        assert [text.get_text() for text in left.get_xticklabels()] == ["0.1", "0.01", "0.001", "0.0001"]

    def test_seeds_and_wide_losses(self) -> None:
        ax = response([1, 2], [0.02, 4.0], ["finished"] * 2, low=[0.01, 3.0], high=[0.03, 5.0], joined=True)
        assert ax.get_yscale() == "log"
        (bars,) = ax.collections
        assert [segment[:, 1].tolist() for segment in bars.get_segments()] == [[0.01, 0.03], [3.0, 5.0]]

    def test_an_argument_that_was_not_searched(self, found: Search) -> None:
        with pytest.raises(StudyError, match=r"argument 'neurons': it was not searched.*learning_rate, optimizer"):
            found.plot("neurons")


@pytest.mark.parametrize(
    ("over", "options", "message"),
    [
        ({}, {}, r"over={}: there is nothing to search over"),
        ({"learning_rate": []}, {}, r"over={'learning_rate': \[\]}: neither values nor a range"),
        ({"optimizer": "adam"}, {}, r"over={'optimizer': 'adam'}: neither"),
        ({"neurons": 3}, {}, r"over={'neurons': 3}: neither.*etalon\.Between"),
        ({"neuronz": [3]}, {}, r"neuronz given to variant 'reference': .* Arguments: dropout, neurons"),
        ({"neurons": [3]}, {"of": "wider"}, r"of='wider': the study has no variant.*There are reference"),
        ({"neurons": [3]}, {"metric": "loss"}, r"metric='loss': .*Use one of val_loss, val_accuracy"),
        ({"neurons": [3]}, {"seeds": 4}, r"seeds=4: the study has 3 seeds"),
        ({"neurons": [3]}, {"seeds": 0}, r"seeds=0: "),
        ({"neurons": [3]}, {"trials": 0}, r"trials=0: "),
        ({"neurons": [3]}, {"halving": 1}, r"halving=1: it would stop none, or all"),
        ({"neurons": [3]}, {"patience": 0}, r"patience=0: "),
        ({"early_stopping": [3]}, {"patience": 2}, r"patience=2: .*search over early_stopping without it"),
        ({"neurons": [3]}, {"workers": -1}, r"workers=-1: "),
    ],
    ids=stable_id,
)
def test_refusals(make_study: MakeStudy, over: dict[str, Any], options: dict[str, Any], message: str) -> None:
    with pytest.raises(StudyError, match=message):
        look(make_study(), over, **options)


def test_a_study_of_nothing(blobs: Dataset) -> None:
    with pytest.raises(StudyError, match="a study without a reference"):
        look(etalon.Study("", data=blobs), {"epochs": [1]})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("learning_rate=1e-1,0.01", ("learning_rate", [0.1, 0.01])),
        ("optimizer=adam, sgd", ("optimizer", ["adam", "sgd"])),
        ("schedule=None", ("schedule", [None])),
        ("neurons=2..64", ("neurons", Between(2, 64))),
        ("learning_rate=1e-4..0.1,log", ("learning_rate", Between(1e-4, 0.1, log=True))),
    ],
    ids=stable_id,
)
def test_what_the_command_line_says(text: str, expected: tuple[str, Any]) -> None:
    assert read(text) == expected


@pytest.mark.parametrize("text", ["neurons", "neurons=", "=3", "neurons=2..", "neurons=2..a", "neurons=2..3..4"])
def test_what_it_may_not_say(text: str) -> None:
    with pytest.raises(StudyError, match=rf"--over {text}: .*Say NAME="):
        read(text)


def test_processes_are_kept_from_one_rung_to_the_next(make_study: MakeStudy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them takes seconds to start."""
    started: list[Any] = []
    popen = executors.subprocess.Popen
    monkeypatch.setattr(executors.subprocess, "Popen", lambda *a, **k: started.append(popen(*a, **k)) or started[-1])
    found = look(make_study(), {"learning_rate": RATES}, halving=True, workers=1)
    assert sorted(c.epochs or 0 for c in found) == [1, 1, 3, 3]
    assert len(started) == 1
    assert started[0].returncode is not None


@pytest.mark.parametrize("ends", [(1, 1), (2, 1), (0, 1, True), (-1, 1, True), (math.nan, 1)], ids=stable_id)
def test_ranges_that_are_none(ends: Any) -> None:
    with pytest.raises(StudyError, match=r"Between\(low=.*: it is empty, or has no logarithm"):
        Between(*ends)


def test_the_verb(tmp_path: Path) -> None:
    """`etalon search`, then `etalon list` of what it has trained."""
    study = tmp_path / "small.py"
    study.write_text(
        "import etalon\nfrom keras import Input, Sequential, layers\n"
        "study = etalon.Study('Small', data='digits', epochs=2)\n"
        "@study.reference\n"
        "def reference(neurons=4):\n"
        "    stack = [Input((8, 8, 1)), layers.Flatten(), layers.Dense(neurons), layers.Dense(10)]\n"
        "    return Sequential([*stack, layers.Softmax()])\n",
        encoding="utf-8",
    )
    store = ["--store", str(tmp_path / "store")]
    options = ["--over", "neurons=4,8,16", "--halving", "--workers", "0", "--json", "-"]
    done = CliRunner().invoke(app, ["search", str(study), *options, *store, "--figure", str(tmp_path / "found.png")])
    assert done.exit_code == 0
    found = json.loads(done.stdout)
    assert [line["epochs_trained"] for line in found["configurations"]].count(2) == 1
    assert found["best"]["neurons"] in (4, 8, 16)
    assert (tmp_path / "found.png").stat().st_size > 1000
    assert CliRunner().invoke(app, ["list", *store]).stdout.count("1 stopped by a search") == 2
