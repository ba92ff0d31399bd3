"""The questions of a study: asked in order, answered from its results, shown in every form of the report."""

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import numpy as np
import pytest
from keras import Input, Sequential, layers

import etalon
from etalon import Result, Study
from etalon.analysis.findings import Finding
from etalon.data.dataset import Dataset
from etalon.errors import StudyError
from etalon.locales import use
from etalon.report.answered import Question, section, setup
from etalon.report.blocks import Callout, Figure, Paragraph, Table
from etalon.report.shown import shown
from etalon.report.told import told
from etalon.report.tree import NotDrawn

FILE = '''
import etalon
import numpy as np
from keras import Input, Sequential, layers

LIMIT = 5
study = etalon.Study("Blobs", data="blobs.npz", seeds=2, epochs=3, batch_size=48, learning_rate=0.01)

@study.reference
def reference(neurons=4):
    stack = [Input((8, 8, 1)), layers.Flatten(), layers.Dense(neurons, activation="relu")]
    return Sequential([*stack, layers.Dense(3, activation="softmax")])

@study.variant(because="four are few", neurons=16)
def wide(neurons):
    return reference(neurons)

@study.question({"fr": "Est-ce utile ?", "en": "Is it of use?"})
def of_use(result):
    return result.worth("wide"), result["wide"].curves()

@study.question("Is it drawn?")
def is_it_drawn(result):
    class Broken:
        caption = "A figure of `mine`"
        def plot(self):
            return 1 / 0
    return result.worth("wide"), Broken()

@study.question({"fr": "Combien de mises à jour ?", "en": "How many updates?"})
def how_many(result):
    """The text of the function is part of the notebook."""
    return result.reference.updates(fewer_than=LIMIT)
'''


@pytest.fixture(autouse=True)
def english() -> Any:
    with use("en"):
        yield


@pytest.fixture(scope="module")
def study(blobs: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Study:
    study = Study(
        "Blobs", data=blobs, seeds=2, epochs=3, batch_size=48, learning_rate=0.01, store=tmp_path_factory.mktemp("s")
    )

    @study.reference
    def reference(neurons: int = 4) -> Sequential:
        stack = [Input((8, 8, 1)), layers.Flatten(), layers.Dense(neurons, activation="relu")]
        return Sequential([*stack, layers.Dense(3, activation="softmax")])

    study.variant(name="wide", because="four are few", neurons=16)(reference)

    @study.question({"fr": "Est-ce utile ?", "en": "Is it of use?"})
    def of_use(result: Result) -> Any:
        return result.worth("wide"), result["wide"].curves()

    @study.question("Does `it` break?")
    def broken(result: Result) -> Any:
        return 1 / 0

    @study.question("Is there such a variant?")
    def refused(result: Result) -> Any:
        return result["deep"].curves()

    @study.question("Is it drawn?")
    def not_drawn(result: Result) -> Any:
        return SimpleNamespace(plot=lambda: 1 / 0, caption="A figure of mine", findings=())

    @study.question("What is on test?")
    def on_test(result: Result) -> Any:
        return result.reference.consistency(), [result.reference.confusion(), "A remark with a `mark`."]

    return study


@pytest.fixture(scope="module")
def result(study: Study) -> Result:
    return study.run(workers=0, progress=False)


def test_answers_come_in_order_with_their_findings(result: Result) -> None:
    answers = result.test().answers()
    assert [one.question.name for one in answers] == ["of_use", "broken", "refused", "not_drawn", "on_test"]
    assert answers[0].title == "Is it of use?"
    (worth,) = answers[0].findings
    assert (worth.kind, worth.variant) == ("worth", "wide")
    assert [type(block) for block in answers[0].blocks] == [Figure, Figure]  # the difference, the curves
    assert [finding.kind for finding in answers[4].findings] == ["consistency", "confusions"]


def test_a_question_that_breaks_down_does_not_lose_the_report(
    result: Result, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    _fine, broken, refused, _drawn, _test = result.test().answers()
    assert broken.failure == "ZeroDivisionError: division by zero"
    assert "variant 'deep'" in refused.failure
    assert "There are reference, wide." in refused.failure
    assert "could not be answered. Variant 'deep'" in str(refused)
    (callout,) = broken.section().blocks
    assert isinstance(callout, Callout)
    assert callout.text.startswith("This question could not be answered.")
    page = result.report(tmp_path / "page.html").read_text(encoding="utf-8")
    warned = str(recwarn.pop(NotDrawn).message)
    assert warned == "Figure “A figure of mine” could not be drawn. ZeroDivisionError: division by zero"
    assert "Figure “A figure of mine” could not be drawn." in page
    assert "division by zero" in page
    assert "Questions and answers" in page


def test_on_validation_what_needs_the_test_part_says_so(result: Result) -> None:
    answer = result.answers()[4]
    assert "sealed" in answer.failure
    assert not result.answers()[0].failure


def test_in_the_terminal_in_json_and_as_a_table(result: Result) -> None:
    opened = result.test()
    assert "Is it of use?\n  wide is " in str(opened)
    assert "A remark with a `mark`." in str(opened)
    asked = json.loads(json.dumps(opened.to_json(), allow_nan=False))["questions"]
    assert [one["name"] for one in asked] == ["of_use", "broken", "refused", "not_drawn", "on_test"]
    assert asked[0]["findings"][0]["numbers"]["weights"] == opened["wide"].candidate.weights.total
    assert asked[1]["error"] == "ZeroDivisionError: division by zero"
    frame = opened.findings()
    assert list(frame.columns) == ["question", "kind", "variant", "text", "numbers"]
    assert {"data", "overfitting", "effect", "classes", "confusions", "consistency", "recommendation"} <= set(
        frame[frame["question"] == ""]["kind"]
    )
    assert list(frame[frame["question"] == "of_use"]["kind"]) == ["worth"]
    assert "consistency" not in {finding.kind for finding in told(result.evidence)}  # the test part is sealed


def test_tables_name_the_classes_in_the_language(blobs: Dataset, result: Result) -> None:
    with use("fr"):
        answer = result.test().answer(lambda found: found.reference.predictions.frame())
        (table,) = answer.blocks
        names = blobs.class_names("fr")
    assert isinstance(table, Table)
    heads = ["Image", "Classe réelle", "Classe prédite", "Confiance"]
    assert [column.header for column in table.columns] == [*heads, *names]
    assert [row[1] for row in table.rows] == [names[label] for label in blobs.test.y[: len(table.rows)]]


def test_in_each_language(result: Result) -> None:
    opened = result.test()
    with use("fr"):
        answer = opened.answers()[0]
        assert answer.title == "Est-ce utile ?"
        assert "poids" in answer.findings[0].text
        assert section(opened.answers()).title == "Questions et réponses"
    assert opened.answers()[0].title == "Is it of use?"


def test_another_question_may_be_asked(result: Result) -> None:
    opened = result.test()
    assert opened.answer("of_use").title == "Is it of use?"
    assert opened.answer(lambda found: found.recommend()).findings[0].kind == "recommendation"
    with pytest.raises(StudyError, match="There are of_use, broken, refused, not_drawn, on_test"):
        opened.answer("nothing")


def test_names_tell_questions_apart(blobs: Dataset) -> None:
    study = Study("Twice", data=blobs)
    study.question("Once?")(len)
    with pytest.raises(StudyError, match="second question called 'len'"):
        study.question("Twice?")(len)


@pytest.fixture
def folder(blobs: Dataset, tmp_path: Path) -> Path:
    """A study in a file, with its images, that has been run."""
    (tmp_path / "asked_study.py").write_text(FILE, encoding="utf-8")
    train, test = blobs.train, blobs.test
    np.savez(tmp_path / "blobs.npz", x_train=train.x, y_train=train.y, x_test=test.x, y_test=test.y)
    return tmp_path


def test_the_notebook_computes_each_answer_again(folder: Path, recwarn: pytest.WarningsRecorder) -> None:
    study = etalon.open_study(folder / "asked_study.py").with_(data=folder / "blobs.npz", store=folder / "store")
    result = study.run(workers=0, progress=False)
    notebook = nbformat.read(result.report(folder / "report.ipynb", "en"), 4)
    assert "could not be drawn. ZeroDivisionError" in str(recwarn.pop(NotDrawn).message)
    cells = {cell.source: cell for cell in notebook.cells if cell.cell_type == "code"}
    source = next(text for text in cells if text.startswith("def how_many(result):"))
    assert source.endswith("opened.answer(how_many)")
    assert "@study" not in source
    (output,) = cells[source].outputs
    assert result.reference.updates(5).text in output.data["text/markdown"].replace("\\", "")
    half = next(cell for text, cell in cells.items() if text.startswith("def is_it_drawn(result):"))
    shown = [output.data.get("text/markdown", "") for output in half.outputs]
    assert any("could not be drawn. ZeroDivisionError: division by zero" in text for text in shown)
    assert any("image/png" in output.data for output in half.outputs), "the other figure is there"
    drawn = next(cell for text, cell in cells.items() if text.startswith("def of_use(result):"))
    assert sum("image/png" in output.get("data", {}) for output in drawn.outputs) == 2
    place = next(i for i, cell in enumerate(notebook.cells) if cell.source == source)
    assert "How many updates?" in notebook.cells[place - 1].source
    (first, *_others) = cells
    assert "from asked_study import LIMIT\n" in first


def test_setup_without_questions() -> None:
    assert re.findall("^from .*", setup("study = ...", {}), re.MULTILINE) == [
        "from etalon.report.frames import written"
    ]


def test_the_notebook_speaks_its_language_wherever_it_is_run_again() -> None:
    with use("fr"):
        assert "os.environ['ETALON_LANG'] = 'fr'\nstudy = ..." in setup("study = ...", {})


def test_source_of_what_has_none() -> None:
    assert Question("?", eval("lambda result: 1")).source == ""


class TestShown:
    def test_figures_texts_and_findings(self) -> None:
        from matplotlib.figure import Figure as Canvas

        canvas = Canvas()
        findings, (figure,) = shown(canvas.add_subplot())
        assert isinstance(figure, Figure)
        assert figure.draw().figure is canvas
        assert findings == []
        (titled,) = shown(canvas, title="Nine images?")[1]
        assert isinstance(titled, Figure)
        assert titled.alt == "Nine images?"
        assert [type(block) for block in shown("a text")[1]] == [Paragraph]
        finding = Finding("data", "Said.", {"x": 1.0})
        assert shown(finding) == ([finding], [])

    def test_records(self, result: Result) -> None:
        opened = result.test()
        for record, kind in [
            (result.dataset.describe(), "data"),
            (opened.verdicts(), "effect"),
            (opened.reference.per_class(), "classes"),
            (opened.recommend(), "recommendation"),
            (opened.reference.overfitting(), "overfitting"),
            (opened.reference.candidate.weights, "weights"),
        ]:
            findings, blocks = shown(record)
            assert findings[0].kind == kind
            assert all(block.caption for block in blocks if isinstance(block, Figure | Table))

    def test_what_cannot_be_shown(self) -> None:
        with pytest.raises(StudyError, match="whose function returns int"):
            shown(3)
