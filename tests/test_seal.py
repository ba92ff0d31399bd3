"""Those who would choose on the test images, and what becomes of each attempt: refused, blind, or written down."""

import json
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import Input, Sequential, layers

from etalon import Result, Study, search
from etalon.cli import main
from etalon.data.dataset import Dataset
from etalon.errors import EtalonError, StudyError
from etalon.outcome import Outcome
from etalon.study.store import Opening


def dense(neurons: int = 4) -> keras.Model:
    stack = [Input((8, 8, 1)), layers.Flatten(), layers.Dense(neurons, activation="relu")]
    return Sequential([*stack, layers.Dense(3, activation="softmax")])


def study(data: Dataset, folder: Path, **settings: Any) -> Study:
    told = {"seeds": 2, "epochs": 3, "batch_size": 48, "learning_rate": 0.01, "precision": "float32", **settings}
    made = Study("A seal", data=data, store=folder, test_curves=True, **told)
    made.reference(dense)
    made.variant(because="more neurons", name="wide", neurons=9)(dense)
    return made


def run(made: Study) -> Result:
    return made.run(workers=0, progress=False)


@pytest.fixture
def result(blobs: Dataset, store_folder: Path) -> Result:
    return run(study(blobs, store_folder))


def ledger(result: Result) -> list[Opening]:
    return result.plan.store.openings(result.dataset.test_digest)


def of_the_test(found: Any) -> bool:
    """Whether anything of plain JSON is called after the test part, but for its digest and a setting of the recipe."""
    if isinstance(found, dict):
        names = {str(name) for name, value in found.items() if (name, value) != ("test_curves", True)} - {"test_digest"}
        return any("test" in name for name in names) or any(map(of_the_test, found.values()))
    return isinstance(found, list | tuple) and any(map(of_the_test, found))


class TestAnEpoch:
    """Choosing how long to train."""

    def test_by_the_curves(self, result: Result) -> None:
        """They are not there; once opened they are, which is written down, and they say what they are not for."""
        assert set(result["wide"].curves().values) == {"loss", "accuracy", "val_loss", "val_accuracy"}
        assert ledger(result) == []
        opened = result.test()["wide"]
        assert opened.curves().values["test_accuracy"].shape == (2, 3)
        assert len(ledger(result)) == 1
        legend = opened.curves().plot().legends[0].get_texts()
        assert "test, not for choosing" in [text.get_text() for text in legend]
        final = [np.mean(run.test_logits.argmax(1) == result.dataset.test.y) for run in opened.runs]
        np.testing.assert_allclose(opened.curves().values["test_accuracy"][:, -1], final)

    def test_by_the_history(self, result: Result) -> None:
        for outcome in result:
            assert not any(of_the_test(dict(run.history)) or of_the_test(run.scalars()) for run in outcome.runs)

    def test_by_early_stopping(self, blobs: Dataset, store_folder: Path) -> None:
        stopping = keras.callbacks.EarlyStopping(monitor="test_loss")
        with pytest.raises(EtalonError, match=r"monitor='test_loss'.*val_loss, val_accuracy, loss, accuracy"):
            run(study(blobs, store_folder, callbacks=[stopping]))

    def test_by_a_callback(self, blobs: Dataset, store_folder: Path) -> None:
        heard: list[str] = []
        spy = keras.callbacks.LambdaCallback(on_epoch_end=lambda _epoch, logs: heard.extend(logs))
        run(study(blobs, store_folder, callbacks=[spy]))
        assert set(heard) == {"loss", "accuracy", "val_loss", "val_accuracy"}

    def test_by_training_again_for_as_long_as_the_test_liked(self, result: Result, store_folder: Path) -> None:
        """Whoever has looked may train the epochs that please; the ledger then tells of two looks."""
        result.test()
        shorter = run(study(result.dataset, store_folder, epochs=2)).test()
        assert [opening.candidates for opening in ledger(shorter)] == [2, 2]
        assert len(shorter.evidence.openings) == 2  # which the report says


class TestASetting:
    """Choosing a learning rate."""

    def test_by_a_search(self, blobs: Dataset, store_folder: Path) -> None:
        made = study(blobs, store_folder, seeds=1)
        with pytest.raises(StudyError, match="val_loss"):
            search(made, {"learning_rate": [0.1, 0.01]}, metric="test_accuracy", workers=0, progress=False)
        found = search(made, {"learning_rate": [0.1, 0.01]}, workers=0, progress=False)
        assert not of_the_test(found.to_json())
        assert made.plan.store.openings(blobs.test_digest) == []

    def test_by_one_study_after_another(self, blobs: Dataset, store_folder: Path) -> None:
        for rate in (0.1, 0.01, 0.001):
            opened = run(study(blobs, store_folder, learning_rate=rate, epochs=1, seeds=1)).test()
        assert len(opened.evidence.openings) == 3

    def test_by_a_set_that_differs_in_train_alone(self, result: Result, store_folder: Path) -> None:
        """The test images are those that were opened already, whatever is learnt from."""
        result.test()
        fewer = result.dataset.take(train=270)
        assert fewer.digest != result.dataset.digest
        assert len(run(study(fewer, store_folder)).test().evidence.openings) == 2


class TestAVariant:
    """Choosing a model."""

    def test_by_the_runs(self, result: Result) -> None:
        for outcome in result:
            for one in (*outcome.runs, outcome.run(0)):
                assert one.test_logits.shape == (0, 3)
                assert one.test_logits.base is None
                assert one.test_curves is None

    def test_by_calling_validation_test(self, result: Result) -> None:
        renamed = replace(result["wide"], part="test")
        by_hand = Outcome(renamed.candidate, renamed.runs, renamed.plan, "test")
        for outcome in (renamed, by_hand):
            with pytest.raises(StudyError, match=r"wide on test: .* sealed .*result\.test\(\)"):
                outcome.confusion()
        assert ledger(result) == []

    def test_by_what_a_result_shows(self, result: Result) -> None:
        assert not of_the_test(result.to_json())
        assert not of_the_test(result["wide"].frame().to_dict())
        assert "accuracy" not in result.frame().columns
        assert all("test" not in text.lower() for text in (str(result), result._repr_html_(), str(result.verdicts())))
        assert result["wide"].confidence().part == "validation"
        assert ledger(result) == []

    def test_by_a_recommendation_after_the_opening(self, result: Result) -> None:
        assert str(result.test().recommend()) == str(result.recommend())
        assert result.test().recommend().reasons == result.recommend().reasons

    def test_by_robustness(self, result: Result) -> None:
        """It measures test images: it opens them."""
        result.robustness(["wide"], corruptions=["noise"], severities=[1], limit=20)
        assert len(ledger(result)) == 1


class TestTheCommandLine:
    """What a terminal shows of trained trials."""

    @pytest.fixture
    def say(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], result: Result) -> Any:
        def call(*arguments: object) -> Any:
            store = ["--store", result.plan.store.folder, "--json", "-"]
            monkeypatch.setattr(sys, "argv", ["etalon", *map(str, [*arguments, *store])])
            capsys.readouterr()
            with suppress(SystemExit):
                main()
            return json.loads(capsys.readouterr().out)

        return call

    def test_by_etalon_show(self, result: Result, say: Any) -> None:
        for key in result.plan.keys.values():
            assert not of_the_test(say("show", key))
        assert ledger(result) == []

    def test_by_etalon_list(self, result: Result, say: Any) -> None:
        assert not of_the_test(say("list"))
        assert ledger(result) == []
