"""What comes of a study: everything that a user may ask of it."""

import json
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
import torch
from keras import Input, Sequential, layers
from scipy.special import softmax
from sklearn.metrics import balanced_accuracy_score

from etalon import Result, Study
from etalon.analysis.robustness import Robustness, robustness
from etalon.data.audit import Audit, audit
from etalon.data.dataset import Dataset
from etalon.errors import ReportError, StudyError
from etalon.locales import use
from etalon.models.bundle import load_bundle
from etalon.outcome import Outcome
from etalon.report.blocks import Document


def dense(neurons: int = 4) -> keras.Model:
    stack = [Input((8, 8, 1)), layers.Flatten(), layers.Dense(neurons, activation="relu")]
    return Sequential([*stack, layers.Dense(3, activation="softmax")])


def module() -> torch.nn.Module:
    """A module with statistics of every kind: BatchNorm counts its batches in a number without axes."""
    parts = [torch.nn.Flatten(), torch.nn.Linear(64, 6), torch.nn.BatchNorm1d(6), torch.nn.ReLU()]
    return torch.nn.Sequential(*parts, torch.nn.Linear(6, 3))


def small_study(data: Dataset, folder: Path, **settings: Any) -> Study:
    told = {"seeds": 3, "epochs": 4, "batch_size": 48, "learning_rate": 0.01, "precision": "float32", **settings}
    title = {"en": "Three blobs", "fr": "Trois taches"}
    study = Study(title, data=data, store=folder, context="Why it is done.", **told)
    study.reference(dense)
    return study


def run_whatever_its_factors(study: Study) -> Result:
    """Callbacks are a factor too, and a module has many: this is not what is looked at."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return study.run(workers=0, progress=False)


@pytest.fixture(scope="module")
def result(blobs: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Result:
    """A reference, a wider one, a slower one (surely worse), and a torch module."""
    study = small_study(blobs, tmp_path_factory.mktemp("store"))
    study.variant(because={"en": "four neurons are few", "fr": "c'est peu"}, name="wide", neurons=16)(dense)
    study.variant(because="smaller steps", name="slow", learning_rate=1e-5)(dense)
    study.variant(because="another library")(module)
    return run_whatever_its_factors(study)


@pytest.fixture(scope="module")
def opened(result: Result) -> Result:
    return result.test()


class TestOutcomes:
    """What came of one variant."""

    def test_they_are_found_by_name_and_in_order(self, result: Result) -> None:
        assert [outcome.name for outcome in result] == ["dense", "wide", "slow", "module"]
        assert (len(result), result.reference.name, result["wide"].name) == (4, "dense", "wide")
        with pytest.raises(StudyError, match=r"variant 'width': .*There are dense, wide, slow, module"):
            result["width"]

    def test_runs(self, result: Result) -> None:
        outcome = result["wide"]
        assert [outcome.run(seed).seed for seed in (0, 1, 2)] == [0, 1, 2]
        assert outcome.run().validation_accuracy == max(run.validation_accuracy for run in outcome.runs)
        with pytest.raises(StudyError, match="seed 7 of wide: it has no finished run"):
            outcome.run(7)

    def test_accuracies_are_those_of_the_logits(self, result: Result, opened: Result, blobs: Dataset) -> None:
        for run, on_validation, on_test in zip(
            opened["wide"].runs, result["wide"].accuracy, opened["wide"].accuracy, strict=True
        ):
            labels = blobs.train.y[run.validation_index]
            assert on_validation == pytest.approx(np.mean(run.validation_logits.argmax(1) == labels))
            assert on_validation == pytest.approx(run.validation_accuracy)
            assert on_test == pytest.approx(np.mean(run.test_logits.argmax(1) == blobs.test.y))

    def test_frames(self, result: Result, opened: Result, blobs: Dataset) -> None:
        assert (len(result["wide"].frame()), len(opened["wide"].frame(seed=1))) == (60, 90)
        assert list(opened["wide"].frame()["true"]) == [blobs.class_names()[label] for label in blobs.test.y]

    def test_what_it_tells(self, opened: Result) -> None:
        outcome = opened["wide"]
        assert outcome.confusion().plot() is not None
        assert outcome.curves().plot() is not None
        assert outcome.per_class().frame().shape[0] == 3
        assert outcome.gallery(n=2).plot() is not None
        assert -1 < outcome.overfitting().gap < 1

    def test_confidence_is_that_of_its_part(self, result: Result, opened: Result, blobs: Dataset) -> None:
        on_validation, on_test = result["wide"].confidence(), opened["wide"].confidence()
        assert (on_validation.part, on_test.part) == ("validation", "test")
        loss = [-np.log(p[np.arange(90), blobs.test.y]).mean() for p in opened["wide"].predictions.probabilities]
        assert list(on_test.frame()["log_loss"]) == pytest.approx(loss, rel=1e-5)
        assert opened["module"].confidence().calibration is not None  # logits of a cross-entropy

    @pytest.mark.parametrize("name", ["wide", "module"])
    @pytest.mark.parametrize("seed", [None, 2])
    def test_the_trained_network_answers_as_it_did(
        self, name: str, seed: int | None, result: Result, opened: Result, blobs: Dataset
    ) -> None:
        logits = result[name].predictor(seed)(blobs.test.x)
        np.testing.assert_array_equal(logits, opened[name].run(seed).test_logits)

    def test_the_users_own_model_trained(self, result: Result, opened: Result, blobs: Dataset) -> None:
        model = result["wide"].keras_model(seed=1)
        assert model.layers[1].units == 16
        answer = model.predict(blobs.test.x / np.float32(255), verbose=0)
        np.testing.assert_allclose(answer, softmax(opened["wide"].run(1).test_logits, axis=1), atol=1e-6)

    def test_a_module_has_no_keras_model(self, result: Result) -> None:
        with pytest.raises(StudyError, match=r"keras_model of module: it is a torch module.*network\(\)"):
            result["module"].keras_model()

    @pytest.mark.parametrize("name", ["wide", "module"])
    def test_export(self, name: str, result: Result, opened: Result, blobs: Dataset, tmp_path: Path) -> None:
        path = result[name].export(tmp_path / "bundle", seed=2)
        loaded = load_bundle(path, module=module() if name == "module" else None)
        expected = softmax(opened[name].run(2).test_logits, axis=1)
        np.testing.assert_allclose(loaded.predict(blobs.test.x), expected, atol=1e-6)
        assert (loaded.card.study, loaded.card.variant, loaded.card.seed) == ("Three blobs", name, 2)
        assert (loaded.card.accuracy, loaded.card.dataset) == (None, blobs.digest)  # the test part stays sealed


class TestVerdicts:
    """Which variants really differ."""

    def test_against_the_reference(self, result: Result) -> None:
        found = result.verdicts()
        assert [item.variant for item in found.items] == ["wide", "slow", "module"]
        expected = result["slow"].accuracy.mean() - result.reference.accuracy.mean()
        assert found["slow"].difference == pytest.approx(expected)

    def test_against_another(self, result: Result) -> None:
        found = result.verdicts(reference="slow")
        assert [item.variant for item in found.items] == ["dense", "wide", "module"]
        assert found["dense"].difference == pytest.approx(-result.verdicts()["slow"].difference)

    def test_one_comparison(self, result: Result) -> None:
        found = result.compare("slow", "wide")
        assert len(found) == 1
        assert found["wide"].verdict == "better"
        assert found["wide"].p_adjusted == found["wide"].p
        with pytest.raises(StudyError, match="variant 'nobody'"):
            result.compare("slow", "nobody")

    @pytest.mark.parametrize("pairs", ["nonsense", {"slow": "wide"}, None])
    def test_pairs_that_there_are_not(self, result: Result, pairs: Any) -> None:
        with pytest.raises(StudyError, match="there is no such way to pair the variants"):
            result.verdicts(pairs=pairs)

    def test_all_pairs(self, result: Result) -> None:
        found = result.verdicts(pairs="all")
        assert [item.variant for item in found.items] == [
            "wide - dense",
            "slow - dense",
            "module - dense",
            "slow - wide",
            "module - wide",
            "module - slow",
        ]
        assert found["slow - wide"].difference == pytest.approx(-result.compare("slow", "wide")["wide"].difference)
        assert found["slow - wide"].p_adjusted >= result.compare("wide", "slow")["slow"].p

    def test_other_metrics(self, result: Result) -> None:
        found = {m: result.compare("slow", "wide", metric=m)["wide"] for m in ("accuracy", "log_loss", "macro_f1")}
        slow, wide = result["slow"].per_class(), result["wide"].per_class()
        assert found["macro_f1"].difference == pytest.approx(wide.f1_macro - slow.f1_macro)
        assert found["log_loss"].difference < 0
        assert {v.verdict for v in found.values()} == {"better"}
        name = result.dataset.class_names()[0]
        recall = result.verdicts(reference="slow", metric="recall", of=name)["wide"]
        assert recall.difference == pytest.approx(wide.recall[:, 0].mean() - slow.recall[:, 0].mean())
        with pytest.raises(StudyError, match="there is no such class"):
            result.compare("slow", "wide", metric="recall", of="nothing")

    def test_the_margin_is_in_the_unit_of_the_metric(self, result: Result) -> None:
        assert result.verdicts().rope == result.verdicts(metric="recall", of=result.dataset.class_names()[0]).rope
        assert result.verdicts(metric="log_loss").rope == 0.01
        assert result.verdicts(metric="log_loss", rope=0.3).rope == 0.3

    def test_the_recommendation_is_made_on_validation(self, result: Result, opened: Result) -> None:
        on_validation, once_open = result.recommend(), opened.recommend()
        assert once_open.chosen == on_validation.chosen
        for ours, theirs in zip(once_open.candidates, on_validation.candidates, strict=True):
            assert ours.accuracy.value == theirs.accuracy.value
            assert ours.accuracy.value == pytest.approx(result[ours.name].accuracy.mean())

    def test_nor_does_it_read_the_test_logits(self, result: Result, opened: Result) -> None:
        assert not any(len(run.test_logits) for outcome in opened._on("validation") for run in outcome.runs)


class TestSeal:
    """The test part is opened once, and that is written down."""

    def test_ledger(self, blobs: Dataset, store_folder: Path) -> None:
        study = small_study(blobs, store_folder, seeds=1, epochs=1)
        result = study.run(workers=0, progress=False)
        ledger = result.plan.store.openings
        assert result.recommend().chosen in str(result)
        assert ledger(blobs.test_digest) == []
        for again in (result, study.result(), small_study(blobs, store_folder, seeds=1, epochs=1).result()):
            opened = again.test()
            assert opened.part == "test"
            assert opened.test() is opened
        assert len(ledger(blobs.test_digest)) == 1
        assert (ledger(blobs.test_digest)[0].study, ledger(blobs.test_digest)[0].recommended) == (
            "Three blobs",
            "dense",
        )
        study.variant(name="wide", neurons=9)(dense)
        study.run(workers=0, progress=False).test()
        assert [opening.candidates for opening in ledger(blobs.test_digest)] == [1, 2]

    def test_validation_stays_what_it_was(self, result: Result, opened: Result) -> None:
        assert (result.part, opened.part) == ("validation", "test")
        assert (result["wide"].part, opened["wide"].part) == ("validation", "test")
        assert "accuracy" not in result.frame().columns
        assert "accuracy" in opened.frame().columns


KEYS = {"study", "data", "seeds", "reference", "recommended", "trials", "variants"}
VARIANT_KEYS = {"name", "because", "factors", "weights", "accuracy", "loss", "gap", "fit_time", "verdict", "difference"}


class TestTables:
    """The comparison, for a reader and for a program."""

    def test_frame(self, opened: Result) -> None:
        rows: Any = opened.frame().to_dict("index")
        assert list(rows) == ["dense", "wide", "slow", "module"]
        wide, reference = rows["wide"], rows["dense"]
        assert wide["weights"] == 65 * 16 + 17 * 3
        assert wide["accuracy"] == pytest.approx(opened["wide"].accuracy.mean())
        assert wide["difference"] == pytest.approx(wide["accuracy"] - reference["accuracy"])
        assert pd.isna(reference["verdict"])

    def test_text(self, result: Result, opened: Result) -> None:
        lines = str(result).splitlines()
        assert "Validation accuracy" in lines[1]
        names = [line.replace("→", " ").split()[0] for line in lines[3:7]]
        assert names == ["dense", "wide", "slow", "module"]
        assert sum("→" in line for line in lines[3:7]) == 1
        assert "Test accuracy" in str(opened)
        with use("fr"):
            assert str(opened) != str(result)

    def test_html(self, result: Result) -> None:
        html = result._repr_html_()
        assert html.count("<tr") == 5
        assert all(f"<td>{outcome.name}</td>" in html for outcome in result)

    def test_json(self, result: Result, opened: Result) -> None:
        found = json.loads(json.dumps(opened.to_json(), allow_nan=False))
        assert found.keys() >= KEYS
        assert (found["study"], found["seeds"], found["reference"]) == ("Three blobs", [0, 1, 2], "dense")
        assert found["data"] == {
            "name": "blobs",
            "digest": opened.dataset.digest,
            "test_digest": opened.dataset.test_digest,
            "unbalanced": False,
        }
        assert found["trials"] == {"trained": 12, "cached": 0, "failed": 0}
        assert found["recommended"] == result.recommend().chosen
        for variant, outcome in zip(found["variants"], opened, strict=True):
            assert variant.keys() >= VARIANT_KEYS
            assert variant["accuracy"].keys() == {"validation", "test"} == variant["loss"].keys()
            for part, source in (("validation", result), ("test", opened)):
                interval = variant["accuracy"][part]
                assert interval["low"] <= interval["mean"] <= interval["high"]
                assert interval["mean"] == pytest.approx(source[outcome.name].accuracy.mean())
        reference, wide = found["variants"][:2]
        assert (reference["verdict"], reference["difference"], reference["p_adjusted"]) == ("reference", None, None)
        assert wide["because"] == "four neurons are few"
        assert len(wide["factors"]) == 1
        assert wide["difference"].keys() == {"mean", "low", "high", "simultaneous"}
        assert wide["p_adjusted"] == opened.verdicts()["wide"].p_adjusted
        assert result.to_json()["variants"][0]["accuracy"].keys() == {"validation"}

    def test_json_in_french(self, opened: Result) -> None:
        study = small_study(opened.dataset, opened.plan.store.folder)
        with use("fr"):
            assert study.result().to_json()["study"] == "Trois taches"


class TestReports:
    """Where reports go, and what is refused."""

    @pytest.mark.parametrize("lang", ["en", "fr"])
    def test_what_is_told(self, lang: str, result: Result, drawn: list[Document], tmp_path: Path) -> None:
        assert result.report(tmp_path / "report.html", lang=lang) == tmp_path / "report.html"
        assert (drawn[0].lang, drawn[0].title) == (lang, {"en": "Three blobs", "fr": "Trois taches"}[lang])

    def test_place(self, result: Result) -> None:
        reports = result.plan.store.folder / "reports"
        assert result.report_path("study") == reports / "study-blobs.en.html"
        with use("fr"):
            assert result.report_path("study") == reports / "study-blobs.fr.html"

    def test_a_notebook_needs_a_file_to_start_from(self, result: Result, tmp_path: Path) -> None:
        with pytest.raises(StudyError, match=r"the notebook report.ipynb: .*open it with etalon.open_study"):
            result.report(tmp_path / "report.ipynb")

    def test_another_format(self, result: Result, tmp_path: Path) -> None:
        with pytest.raises(ReportError, match=r"report.docx: no report is written in this format"):
            result.report(tmp_path / "report.docx")

    def test_robustness(self, result: Result) -> None:
        found = result.robustness(["dense"], corruptions=["noise"], severities=[1, 5], limit=30)
        assert len(found.frame()) > 0

    def test_robustness_is_measured_once(self, result: Result, monkeypatch: pytest.MonkeyPatch) -> None:
        measured: list[list[str]] = []

        def measure(models: Any, *part: Any, **options: Any) -> Any:
            measured.append(list(models))
            return robustness(models, *part, **options)

        def ask(*names: str, **changes: Any) -> Robustness:
            return result.robustness(names or ["wide"], **{"corruptions": ["blur"], "limit": 20, **changes})

        monkeypatch.setattr("etalon.analysis.remembered.robustness", measure)
        first, again = ask(), ask()
        assert measured == [["wide"]]
        assert first.scalars() == again.scalars()
        assert first.arrays().keys() == again.arrays().keys()
        for name, array in first.arrays().items():
            np.testing.assert_array_equal(array, again.arrays()[name], strict=True)
        pd.testing.assert_frame_equal(again.frame(), first.frame())
        pd.testing.assert_frame_equal(again.document_frame(), first.document_frame())
        for other in ({"limit": 21}, {"seed": 1}, {"severities": (1,)}, {"corruptions": ["jpeg"]}):
            ask(**other)
        ask("dense")
        ask("wide", "dense")
        assert len(measured) == 7
        monkeypatch.setattr("etalon.analysis.remembered.ROBUSTNESS", 0)
        ask()
        assert len(measured) == 8
        for path in result.plan.store.shelf.folder.iterdir():
            path.write_bytes(path.read_bytes()[:50])
        ask()
        assert len(measured) == 9

    def test_the_images_are_looked_at_once(self, result: Result, monkeypatch: pytest.MonkeyPatch) -> None:
        looked: list[str] = []

        def look(data: Dataset) -> Audit:
            looked.append(data.name)
            return audit(data)

        monkeypatch.setattr("etalon.analysis.remembered.audit", look)
        first, again = result.audit(), result.test().audit()
        assert looked == ["blobs"]
        assert str(first) == str(again)
        assert again.dataset is result.dataset


class TestWarnings:
    """What a reader must know before believing a table."""

    def test_two_precisions(self, blobs: Dataset, store_folder: Path, drawn: list[Document]) -> None:
        study = small_study(blobs, store_folder, seeds=1, epochs=1)
        study.variant(name="mixed", precision="bfloat16")(dense)
        result = study.run(workers=0, progress=False)
        told = "Not all the models were trained in one precision (float32: dense; bfloat16: mixed)"
        assert told in str(result)
        result.report(store_folder / "report.html")
        assert told in repr(drawn[0])

    def test_one_precision(self, opened: Result) -> None:
        assert opened.evidence.mixture == ""

    def test_unbalanced_classes(self, blobs: Dataset, store_folder: Path, drawn: list[Document]) -> None:
        study = small_study(blobs.unbalanced(8, test=True), store_folder, seeds=2, epochs=1)
        study.variant(name="wide", neurons=16)(dense)
        result = study.run(workers=0, progress=False)
        for shown in (result, result.test()):
            predictions = shown["wide"].predictions
            expected = [balanced_accuracy_score(y, predictions.predicted(s)) for s, y in enumerate(predictions.labels)]
            assert shown.frame()["balanced_accuracy"]["wide"] == pytest.approx(np.mean(expected))
            assert "Balanced accuracy" in str(shown)
            found = shown.to_json()
            assert found["data"]["unbalanced"]
            assert found["variants"][1]["balanced_accuracy"][shown.part] == pytest.approx(np.mean(expected))
        result.report(store_folder / "report.html")
        assert "The training classes are unbalanced (largest over smallest: 8.3)" in repr(drawn[0])

    def test_balanced_classes(self, opened: Result) -> None:
        assert "balanced_accuracy" not in opened.frame().columns
        assert "Balanced accuracy" not in str(opened)


NO_LUCK = r"seed {seed}: RuntimeError at line \d+ of test_result\.py: no luck\. Correct this line and run .*"


def failing_for(seeds: set[int], folder: Path) -> Callable[..., Any]:
    """A callback that breaks down in the trials of these ranks."""

    def on_train_begin(logs: Any) -> None:
        rank = len(list(folder.iterdir()))
        (folder / str(rank)).touch()
        if rank in seeds:
            raise RuntimeError("no luck")

    return keras.callbacks.LambdaCallback(on_train_begin=on_train_begin)  # type: ignore[no-any-return]


class TestBreakdowns:
    """A study in which something fails."""

    @pytest.fixture
    def ranks(self, tmp_path: Path) -> Path:
        folder = tmp_path / "ranks"
        folder.mkdir()
        return folder

    def test_a_variant_for_one_seed(self, blobs: Dataset, store_folder: Path, ranks: Path) -> None:
        study = small_study(blobs, store_folder)
        study.variant(name="unlucky", callbacks=[failing_for({1}, ranks)], neurons=9)(dense)
        result = run_whatever_its_factors(study)
        assert vars(result.tally) == {"trained": 5, "cached": 0, "failed": 1}
        assert [run.seed for run in result["unlucky"].runs] == [0, 2]
        opened = result.test()
        verdict = opened.verdicts()["unlucky"]
        paired = opened["unlucky"].accuracy - opened.reference.accuracy[[0, 2]]
        assert verdict.difference == pytest.approx(paired.mean())
        entry = opened.evidence["unlucky"]
        (error,) = entry.errors
        assert re.fullmatch(NO_LUCK.format(seed=1), error)
        found = json.loads(json.dumps(opened.to_json(), allow_nan=False))["variants"][1]
        assert (found["seeds"], found["seed_numbers"], found["errors"]) == (2, [0, 2], list(entry.errors))
        assert verdict.verdict in ("undecided", "worse")
        with use("en"):
            told = str(opened)
            assert "unlucky broke down with 1 seed of 3: the seeds left are not drawn at random." in told
            assert "Each accuracy is over all the seeds of its model" in told
            assert "Seeds" in told
            assert "unlucky broke down with 1 seed of 3: it cannot be chosen." in result.recommend().reasons
            assert opened.evidence.counted == "6, of which one broke down"
        robust = result.robustness(severities=(1,), corruptions=("contrast",), limit=20)
        assert {len(clean) for clean in robust.clean.values()} == {2}

    def test_the_report_tells_it(self, blobs: Dataset, store_folder: Path, ranks: Path, drawn: list[Document]) -> None:
        study = small_study(blobs, store_folder, seeds=2)
        study.variant(name="unlucky", callbacks=[failing_for({0}, ranks)], neurons=9)(dense)
        result = run_whatever_its_factors(study)
        with use("en"):
            result.report(store_folder / "report.html")
        told = repr(drawn[0])
        assert "Accuracies are those of one seed, the same for all." in told
        assert "4, of which one broke down" in told
        assert "`unlucky`: one trial broke down. seed 0: RuntimeError" in told
        assert "`unlucky` broke down with 1 seed of 2: the seeds left are not drawn at random." in told

    def test_a_variant_for_every_seed(
        self, blobs: Dataset, store_folder: Path, ranks: Path, drawn: list[Document]
    ) -> None:
        study = small_study(blobs, store_folder, seeds=2)
        study.variant(name="lost", callbacks=[failing_for({0, 1, 2}, ranks)], neurons=9)(dense)
        study.variant(name="wide", neurons=9)(dense)
        result = run_whatever_its_factors(study)
        assert [outcome.name for outcome in result] == ["dense", "wide"]
        with pytest.raises(StudyError, match="variant 'lost': the study has no finished trial of it"):
            result["lost"]
        found = result.to_json()
        assert all(re.fullmatch(NO_LUCK.format(seed=i), error) for i, error in enumerate(found["lost"].pop("lost")))
        assert found["lost"] == {}
        assert [variant["name"] for variant in found["variants"]] == ["dense", "wide"]
        assert "lost: every trial broke down." in str(result)
        result.report(store_folder / "report.html")
        assert "lost" in repr(drawn[0])

    def test_the_reference_for_one_seed(self, blobs: Dataset, store_folder: Path, ranks: Path) -> None:
        study = small_study(blobs, store_folder, callbacks=[failing_for({0}, ranks)])
        study.variant(name="wide", neurons=9)(dense)
        result = run_whatever_its_factors(study)
        assert [run.seed for run in result.reference.runs] == [1, 2]
        paired = result["wide"].accuracy[1:] - result.reference.accuracy
        assert result.verdicts()["wide"].difference == pytest.approx(paired.mean())

    def test_the_reference_for_every_seed(self, blobs: Dataset, store_folder: Path) -> None:
        study = small_study(blobs, store_folder, learning_rate=1e30, seeds=2)
        with pytest.raises(StudyError, match=r"reference dense: none of its .* seed 0: a loss of .* seed 1: a loss"):
            study.run(workers=0, progress=False)

    def test_one_seed_alone(self, blobs: Dataset, store_folder: Path) -> None:
        study = small_study(blobs, store_folder, seeds=1)
        study.variant(name="wide", neurons=9)(dense)
        result = study.run(workers=0, progress=False)
        assert result.verdicts()["wide"].verdict == "undecided"
        assert json.dumps(result.test().to_json(), allow_nan=False)


def test_an_outcome_alone_is_on_validation(result: Result) -> None:
    reference = result.reference
    assert Outcome(reference.candidate, reference.runs, reference.plan).part == "validation"
