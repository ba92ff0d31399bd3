"""What `print` shows of a record: what it says, never its arrays."""

from typing import Any

import numpy as np
import pytest

from etalon.analysis.coding import Array, Coding, Preparation, Step
from etalon.analysis.curves import LearningCurves, Overfitting
from etalon.analysis.findings import Finding, Findings
from etalon.analysis.mistakes import confusion, gallery, per_class
from etalon.analysis.robustness import Robustness
from etalon.locales import use
from etalon.locales.columns import aligned, table_html

NAMES = ("cat", "dog", "cow", "ant")


@pytest.fixture(autouse=True)
def _english() -> Any:
    with use("en"):
        yield


def overfitting() -> Overfitting:
    return Overfitting("wide", 0.02, None, None, np.array([0.02]), 2, 2, np.array([2]), None, "yes")


def records(answers: Any) -> dict[str, Any]:
    given = answers()
    scores = {"clean": np.array([0.9]), "noise": np.array([0.8]), "rotation": np.array([0.7])}
    accuracy = {"wide": np.array([[[0.8], [0.6]]])}
    curves = {name: np.array([[0.5, 0.75]]) for name in ("accuracy", "val_accuracy", "loss", "val_loss")}
    return {
        "confusion": confusion(given, NAMES),
        "per_class": per_class(given, NAMES),
        "gallery": gallery(given, np.zeros((200, 8, 8, 1), np.uint8), NAMES, n=3),
        "curves": LearningCurves("wide", (0,), curves, overfitting()),
        "overfitting": overfitting(),
        "coding": Coding((Array("x_train", "uint8", (1000, 8, 8, 1), 0, 255, 64_000),)),
        "preparation": Preparation("wide", (Step("scaled", "it helps", "float32", (8, 8, 1), "0–1"),)),
        "robustness": Robustness(
            ("noise",), (1, 2), accuracy, {"wide": np.array([0.9])}, {"wide": scores}, np.zeros((3, 1, 8, 8, 1)), 9, 99
        ),
    }


EXPECTED = {
    "confusion": ("The 3 commonest confusions", "wide: images of each class (rows) by answer (columns), mean over 3 s"),
    "per_class": ("The worst class is", "Class  Images  Errors  Error rate"),
    "gallery": ("wide: 3 misclassified images of", "Image  True class  Predicted class  Confidence  Seeds"),
    "curves": ("wide, epoch by epoch, with one seed", "    2    75.00%               75.00%  0.7500"),
    "overfitting": ("wide shows no overfitting", "Training accuracy minus validation accuracy is +2.00 points"),
    "coding": ("How the arrays are coded", "inputs, train  uint8  1,000 × 8 × 8 × 1  0–255    1,000  0.06 MB"),
    "preparation": ("What is done to images and targets, step by step", "scaled  it helps  float32  8 × 8 × 1"),
    "robustness": ("wide recognises 90.00% of the original images", "noise            70.00%"),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_record_prints_as_what_it_says(name: str, answers: Any) -> None:
    record = records(answers)[name]
    told = str(record)
    assert told.startswith(EXPECTED[name][0])
    assert EXPECTED[name][1] in told
    for text in (told, repr(record)):
        assert "array(" not in text
    assert repr(record).startswith(type(record).__name__ + "(")
    assert len(repr(record)) < 160
    assert "\n" not in repr(record)
    html = record._repr_html_()
    assert html.startswith("<p>")
    assert ("<table>" in html) == (name != "overfitting")


def test_what_an_empty_gallery_says(answers: Any) -> None:
    images = np.zeros((200, 8, 8, 1), np.uint8)
    certain = answers(skill=50.0)
    empty = gallery(certain, images, NAMES, true="cat", predicted="dog")
    assert str(empty) == "wide: no image of cat is taken for dog."
    assert [text.get_text() for text in empty.plot().axes[0].texts] == [str(empty)]
    assert str(gallery(certain, images, NAMES, true=0)) == "wide: no image of cat is misclassified."
    assert str(gallery(certain, images, NAMES, predicted=0)) == "wide: no image is wrongly taken for cat."


def test_a_gallery_says_in_its_figure_what_stands_above_each_image(answers: Any) -> None:
    figure = gallery(answers(), np.zeros((200, 8, 8, 1), np.uint8), NAMES, n=5).plot()
    assert "seeds that give it / seeds that saw it" in figure._supxlabel.get_text().replace("\n", " ")
    assert figure._suptitle.get_text().startswith("wide: 5 misclassified images of ")


def test_findings_print_as_sentences() -> None:
    found = Findings([Finding("data", "One.", {}), Finding("data", "Two & three.", {})])
    assert str(found) == "One.\nTwo & three."
    assert found._repr_html_() == "<p>One.</p><p>Two &amp; three.</p>"
    assert found == tuple(found)


def test_columns() -> None:
    rows = [["name", "n"], ["a", "100"]]
    assert aligned(rows) == ["name    n", "----  ---", "a     100"]
    assert aligned(rows, left=(), ruled=False) == ["name    n", "   a  100"]
    assert aligned([]) == []
    assert table_html([]) == ""
    assert table_html([["<"], ["&"]]) == (
        "<table><thead><tr><th>&lt;</th></tr></thead><tbody><tr><td>&amp;</td></tr></tbody></table>"
    )
