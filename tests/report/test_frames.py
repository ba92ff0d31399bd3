"""Tables of pandas in a report: headings, words and numbers in the document's language."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

from etalon import Result, Study
from etalon.data.dataset import Dataset
from etalon.locales import use
from etalon.report.frames import heading, table, written


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    with use("en"):
        yield


def heads(frame: pd.DataFrame, classes: tuple[str, ...] = ()) -> list[str]:
    return [column.header for column in table(frame, classes=classes).columns]


def test_it_is_cut_and_rounded() -> None:
    frame = pd.DataFrame({"true": range(40), "confidence": np.linspace(0, 1, 40), "x": 12.34567})
    frame.attrs["caption"] = "Answers"
    found = table(frame)
    assert [column.header for column in found.columns] == ["True class", "Confidence", "x"]
    assert found.rows[1] == ["1", "2.6%", "12.3"]
    assert (len(found.rows), found.caption) == (12, "Answers (the first 12 rows of 40)")
    with use("fr"):
        assert table(frame).rows[1] == ["1", "2,6\u00a0%", "12,3"]


def test_a_notebook_shows_all_of_it_written_as_in_the_report() -> None:
    clean = np.linspace(0.5, 0.89, 40)
    frame = pd.DataFrame({"clean": clean}, index=pd.Index([f"a_{i}" for i in range(40)], name="model"))
    with use("fr"):
        shown = written(frame)
    assert list(shown.columns) == ["Modèle", "Images d’origine"]
    assert len(shown) == 40
    assert shown.iloc[-1].tolist() == ["a_39", "89,00\u00a0%"]
    assert set(shown.index) == {""}


def test_named_rows_and_empty_cells() -> None:
    units = pd.array([3, None], dtype="Int64")
    found = table(pd.DataFrame({"units": units, "kept": [True, False]}, index=pd.Index(["a*", "b"], name="class")))
    assert found.rows == [["a\\*", "3", "yes"], ["b", "—", "no"]]
    assert [(column.header, column.kind) for column in found.columns] == [
        ("Class", "text"),
        ("Units", "number"),
        ("Kept", "text"),
    ]


def test_names_of_classes_take_the_place_of_their_numbers() -> None:
    frame = pd.DataFrame({"true": [1, 0], "predicted": [1, 1], 0: [0.2, 0.4], 1: [0.8, 0.6]})
    found = table(frame, classes=("Pull", "T-shirt"))
    assert [column.header for column in found.columns] == ["True class", "Predicted class", "Pull", "T-shirt"]
    assert [row[:2] for row in found.rows] == [["T-shirt", "T-shirt"], ["Pull", "T-shirt"]]
    assert heads(pd.DataFrame({0: [1.0]}), ("Pull",)) == ["0"]  # nothing says that it is a class
    assert heads(pd.DataFrame({"true": ["test"], "test": [0.5]}), ("test",)) == ["True class", "test"]


def test_words_and_units() -> None:
    frame = pd.DataFrame(
        {"difference": [0.0031], "low": [-0.001], "p_adjusted": [0.0002], "verdict": ["better"], "accuracy": [0.98768]}
    )
    assert table(frame).rows == [["+0.31", "−0.10", "< 0.001", "better", "98.77%"]]
    with use("fr"):
        found = table(frame)
        assert [column.header for column in found.columns] == [
            "Différence (points)",
            "Bas",
            "p ajustée",
            "Verdict",
            "Exactitude",
        ]
        assert found.rows == [["+0,31", "−0,10", "< 0,001", "meilleur", "98,77\u00a0%"]]
    assert table(pd.DataFrame({"accuracy": [98.5], "verdict": ["guilty"]})).rows == [["98.5", "guilty"]]


def test_what_is_told_of_a_metric() -> None:
    assert heading("val_loss_low") == "Validation loss, least seed"
    assert heading("test_coverage") == "Images kept on test"
    assert heading("log_loss_scaled") == "Log loss, scaled"
    assert heading("of_mine_low") == "Of_mine_low"


FRAMES: dict[str, Callable[[Result], Any]] = {
    "comparison": lambda r: r.frame(),
    "verdicts": lambda r: r.verdicts().frame(),
    "recommendation": lambda r: r.recommend().frame(),
    "answers": lambda r: r.reference.frame(),
    "confusion": lambda r: r.reference.confusion().frame(),
    "classes": lambda r: r.reference.per_class().frame(),
    "gallery": lambda r: r.reference.gallery().frame(),
    "curves": lambda r: r.reference.curves().frame(),
    "confidence": lambda r: r.reference.confidence().frame(),
    "thresholds": lambda r: r.reference.confidence().thresholds(),
    "published": lambda r: r.reference.published("they", accuracy=0.9).frame(),
    "description": lambda r: r.dataset.describe().frame(),
    "weights": lambda r: r.reference.candidate.weights.frame(),
    "coding": lambda r: r.coding().frame(),
    "findings": lambda r: r.findings(),
    "robustness": lambda r: r.robustness(corruptions=["noise"], severities=[1]).frame(),
    "document": lambda r: r.robustness(corruptions=["noise"], severities=[1]).document_frame(),
}


@pytest.fixture(scope="module")
def result(blobs: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Result:
    from keras import Input, Sequential, layers

    study = Study("Blobs", data=blobs, seeds=2, epochs=2, batch_size=48, store=tmp_path_factory.mktemp("frames"))

    @study.reference
    def reference(neurons: int = 4) -> Sequential:
        stack = [Input((8, 8, 1)), layers.Flatten(), layers.Dense(neurons, activation="relu")]
        return Sequential([*stack, layers.Dense(3, activation="softmax")])

    study.variant(name="wide", because="four are few", neurons=16)(reference)
    return study.run(workers=0, progress=False).test()


@pytest.mark.parametrize("name", FRAMES)
def test_every_frame_of_etalon_has_french_headings(name: str, result: Result) -> None:
    """A name that code would use (small letters, `_`) or the English heading would show that one is missing."""
    names = result.dataset.class_names()
    frame = FRAMES[name](result)
    known = heads(frame, names)
    with use("fr"):
        told = heads(FRAMES[name](result), result.dataset.class_names())
    same = {"AURC", "AUGRC", "ECE", "F1", "Image", "Images", "Question", "Score", "Test", "Total", "Type", "Verdict"}
    same |= {"k", "n", "p", "Variante"} | set(result.dataset.class_names("fr")) | {"Corruption"}
    assert not [head for head in told if re.search("[a-z]_[a-z]", head)]
    assert not [french for english, french in zip(known, told, strict=True) if english == french and french not in same]
