"""T4, row by row: the mini-project, on a few hundred of scikit-learn's digits, one epoch, two seeds."""

import ast
import re
import warnings
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from sklearn.metrics import accuracy_score

import etalon
from etalon.data.dataset import Dataset
from etalon.errors import StudyError
from etalon.locales import number, percent, use
from etalon.models.factors import Factor
from etalon.result import Result
from etalon.workbench import Study
from tests.conftest import needs_real_data

STUDY = Path(__file__).parents[2] / "studies" / "mini_projet.py"
FAMILIES = {"architecture", "regularisation", "hyperparameters", "augmentation", "strategy"}
SECTIONS = {
    "fr": [
        "Introduction",
        "Modèle de référence",
        "Améliorations proposées",
        "Résultats comparatifs",
        "Analyse des erreurs",
        "Robustesse",
        "Conclusion",
    ],
    "en": [
        "Introduction",
        "Reference model",
        "Proposed improvements",
        "Comparative results",
        "Error analysis",
        "Robustness",
        "Conclusion",
    ],
}

DOCUMENT = """
def create_baseline_model():
    model = Sequential([
        Conv2D(32, kernel_size=(3, 3), activation='relu', input_shape=(28, 28, 1)),
        MaxPooling2D(pool_size=(2, 2)),
        Conv2D(64, kernel_size=(3, 3), activation='relu'),
        MaxPooling2D(pool_size=(2, 2)),
        Flatten(),
        Dense(128, activation='relu'),
        Dense(10, activation='softmax')
    ])
    
    model.compile(
        optimizer='adam',
        loss='categorical_crossentropy',
        metrics=['accuracy']
    )
    
    return model
"""  # noqa: W293 (as the document has it)


class Page(HTMLParser):
    """A report's words, headings, images, tables, sentences, and what it asks of the network."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.headings: list[str] = []
        self.sentences: list[str] = []
        self.tables: list[list[list[str]]] = []
        self.images = 0
        self.asked: list[str] = []
        self._open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        if tag in ("h2", "script", "style", "p", "li", "td", "th", "nav"):
            self._open.append(tag)
        match tag:
            case "h2":
                self.headings.append("")
            case "p" | "li":
                self.sentences.append("")
            case "table":
                self.tables.append([])
            case "tr":
                self.tables[-1].append([])
            case "td" | "th":
                self.tables[-1][-1].append("")
            case "img":
                self.images += 1
        address = given.get("src") or (given.get("href") if tag == "link" else None)
        if address and not address.startswith(("data:", "#")):
            self.asked.append(address)

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1] == tag:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        where = self._open[-1] if self._open else ""
        if where in ("script", "style") or "nav" in self._open:
            return
        self.words.append(data)
        if where == "h2":
            self.headings[-1] += data
        elif where in ("p", "li"):
            self.sentences[-1] += data
        elif where in ("td", "th"):
            self.tables[-1][-1][-1] += data

    @property
    def text(self) -> str:
        return plain(" ".join(self.words))

    def row(self, name: str) -> list[str]:
        """The cells of the first row of the comparison that starts so."""
        rows = (row for table in self.tables for row in table if len(row) > 4 and "%" in "".join(row))
        return [plain(cell) for cell in next(row for row in rows if row[0] == name)]


def plain(text: str) -> str:
    """Words apart by one plain space, straight apostrophes."""
    return re.sub(r"\s+", " ", text).replace("’", "'").strip()


@pytest.fixture(scope="module")
def small(digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images in a file, which a notebook can read again."""
    few, path = digits.take(train=400, test=120), tmp_path_factory.mktemp("images") / "digits.npz"
    np.savez(path, x_train=few.train.x, y_train=few.train.y, x_test=few.test.x, y_test=few.test.y)
    return path


@pytest.fixture(scope="module")
def study(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Study:
    """The study as it stands, on fewer images, with fewer epochs and seeds."""
    return etalon.open_study(STUDY).with_(data=str(small), seeds=2, epochs=1, store=tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def result(study: Study) -> Result:
    return study.run(progress=False, workers=0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("reports")


@pytest.fixture(scope="module")
def pages(result: Result, folder: Path) -> dict[str, Page]:
    return {lang: Page(result.report(folder / f"{lang}.html", lang).read_text()) for lang in ("fr", "en")}


def test_t4_01_data(study: Study, pages: dict[str, Page]) -> None:
    """Scaled, with a channel axis, ten classes of which the loss makes one-hot vectors."""
    assert study.dataset.train.x.shape[1:] == (28, 28, 1)
    assert study.dataset.n_classes == 10
    for candidate in study.plan.candidates:
        assert candidate.recipe.scale == 1 / 255
        assert candidate.recipe.loss == "categorical_crossentropy"
    assert "28 × 28 × 1" in pages["fr"].text


def test_t4_02_reference(study: Study, pages: dict[str, Page]) -> None:
    """The document's own function, unchanged, with the document's own settings."""
    functions = {node.name: node for node in ast.parse(STUDY.read_text()).body if isinstance(node, ast.FunctionDef)}
    ours, theirs = functions["create_baseline_model"], ast.parse(DOCUMENT).body[0]
    assert isinstance(theirs, ast.FunctionDef)
    assert ast.dump(ast.Module(ours.body, [])) == ast.dump(ast.Module(theirs.body, []))
    reference = etalon.open_study(STUDY).with_(data=study.data).plan.candidates[0]
    recipe = reference.recipe
    assert (recipe.epochs, recipe.batch_size, recipe.optimizer.class_name) == (5, 128, "Adam")
    assert reference.weights.total == 225_034
    assert etalon.open_study(STUDY).split == etalon.HoldOut(0.2)
    with use("fr"):
        assert plain(number(225_034, 0)) in pages["fr"].text


def test_t4_03_five_families(study: Study, pages: dict[str, Page]) -> None:
    """A variant of each family at least; the report writes its reason and its family."""
    variants = study.plan.candidates[1:]
    assert len(variants) >= 8
    assert {factor.family for candidate in variants for factor in candidate.factors} == FAMILIES
    for lang, page in pages.items():
        rows = [row for table in page.tables for row in table if len(row) == 4]
        for candidate in variants:
            because = candidate.variant.because
            assert isinstance(because, dict)
            told = next(row for row in rows if row[0] == candidate.name)
            assert plain(because[lang]) in plain(told[3])
            assert told[1].strip(" —")


def test_t4_04_one_function_a_model(study: Study, pages: dict[str, Page]) -> None:
    functions = [n for n in ast.parse(STUDY.read_text()).body if isinstance(n, ast.FunctionDef) and n.decorator_list]
    assert [function.name for function in functions] == list(study.variants)
    for function in functions:
        assert re.search(rf"def {function.name}\b", pages["en"].text)


def test_t4_05_training_and_curves(result: Result, pages: dict[str, Page]) -> None:
    """Trained, timed, evaluated on test, with curves of accuracy and loss."""
    test = result.test()
    for outcome in test:
        assert len(outcome.runs) == 2
        for run, accuracy in zip(outcome.runs, outcome.accuracy, strict=True):
            assert run.fit_time > 0
            assert accuracy == accuracy_score(test.dataset.test.y, run.test_logits.argmax(1))
            assert len(run.history["loss"]) == len(run.history["val_accuracy"]) == outcome.candidate.recipe.epochs
        assert len(outcome.curves().plot().axes) == 2
    assert len(re.findall("Courbes d'apprentissage de (?!toutes)", pages["fr"].text)) == len(test)


def test_t4_06_errors(result: Result, pages: dict[str, Page]) -> None:
    """Ten misclassified images with truth and prediction; the error rate of each digit, as the document computes it."""
    reference = result.test().reference
    gallery = reference.gallery(n=10, order="first", seed=0)
    logits, truth = reference.runs[0].test_logits.argmax(1), result.dataset.test.y
    wrong = np.flatnonzero(logits != truth)[:10]
    assert [mistake.index for mistake in gallery.mistakes] == wrong.tolist()
    assert [(m.true, m.predicted) for m in gallery.mistakes] == [(truth[i], logits[i]) for i in wrong]
    expected = [np.mean(logits[truth == digit] != digit) for digit in range(10)]
    np.testing.assert_allclose(reference.per_class().error[0], expected)
    heights = [bar.get_height() for bar in reference.per_class().plot().patches]
    np.testing.assert_allclose(heights, reference.per_class().error.mean(0), atol=1e-9)
    assert "Taux d'erreur de chaque classe" in pages["fr"].text


def test_t4_07_robustness(result: Result, pages: dict[str, Page]) -> None:
    """Noise of sigma 0.1, clipped; a rotation within ±15 degrees; a figure of 3 x 5 images; the wider suite."""
    from scipy.ndimage import rotate

    from etalon.data.corruptions import document_noise, document_rotation

    images = result.dataset.test.x[:3]
    noisy = document_noise(images, seed=0) / 255
    assert noisy.min() >= 0
    assert noisy.max() <= 1
    assert 0.05 < np.std(noisy - images / 255) < 0.1  # sigma 0.1, less what the clipping removes
    turned = document_rotation(images, degrees=15, seed=0) / 255
    angles = np.linspace(-15, 15, 3001)
    nearest = min(np.abs(rotate(images[0, :, :, 0] / 255, a, reshape=False) - turned[0, :, :, 0]).max() for a in angles)
    assert nearest < 0.02
    found = result.robustness()
    assert found.examples.shape == (3, 5, 28, 28, 1)
    assert len(found.corruptions) == 10
    for lang, page in pages.items():
        with use(lang):
            for model in found.models:
                told = [percent(float(found.document[model][t].mean())) for t in ("clean", "noise", "rotation")]
                assert page.row(model)  # also in the comparison
                assert [model, *map(plain, told)] in [[plain(c) for c in row] for t in page.tables for row in t]


def test_t4_08_comparison(result: Result, pages: dict[str, Page]) -> None:
    """A table and bar charts of accuracy and time; the numbers are those of the runs."""
    frame = result.test().frame()
    for lang, page in pages.items():
        with use(lang):
            for outcome in result.test():
                accuracy = outcome.accuracy.mean()
                np.testing.assert_allclose(frame.loc[outcome.name, "accuracy"], accuracy)
                np.testing.assert_allclose(
                    frame.loc[outcome.name, "fit_time"], np.mean([r.fit_time for r in outcome.runs])
                )
                assert page.row(outcome.name)[1].startswith(plain(percent(accuracy)))
    for what, column in (("accuracy", "accuracy"), ("time", "fit_time")):
        lengths = [bar.get_width() for bar in result.test().plot(what).patches]
        np.testing.assert_allclose(lengths, frame[column])
    assert "Exactitude de chaque modèle sur le test" in pages["fr"].text
    assert "Temps d'entraînement de chaque modèle" in pages["fr"].text


def test_t4_09_deliverable(result: Result, folder: Path, pages: dict[str, Page]) -> None:
    """Seven sections, as a page, as a PDF and as an executed notebook that gives the same sentences and numbers."""
    for lang, page in pages.items():
        headings = [re.sub(r"^\W*\d+\W*|\W+$", "", heading) for heading in page.headings]
        assert [heading for heading in headings if heading in SECTIONS[lang]] == SECTIONS[lang]
        assert page.asked == []
        assert page.images > 15
    written = result.reports([folder / "rapport.pdf", folder / "rapport.ipynb"], "fr")
    assert written[0].read_bytes().startswith(b"%PDF")
    cells = nbformat.read(written[1], as_version=4).cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    assert len(code) > 25
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert sum(any("image/png" in output.get("data", {}) for output in cell.outputs) for cell in code) > 20
    assert_same_sentences(pages["fr"], [cell.source for cell in cells if cell.cell_type == "markdown"])
    assert_same_table(result, pages["fr"], code)


def assert_same_sentences(page: Page, texts: list[str]) -> None:
    told = plain(re.sub(r"\\(.)|[*`>]", r"\1", "\n".join(texts)))
    for sentence in map(plain, page.sentences):
        assert sentence.replace(">", "").replace("*", "") in told


def assert_same_table(result: Result, page: Page, code: list[Any]) -> None:
    shown = next(cell for cell in code if cell.source == "opened").outputs[0].data["text/html"]
    table = {row[0]: [plain(cell) for cell in row] for row in Page(shown).tables[0]}
    for outcome in result:
        assert page.row(outcome.name)[:5] == table[outcome.name][:5]


def test_t4_10_one_parameter_at_a_time(study: Study) -> None:
    """Each variant of the study differs in one factor; one that differs in two is warned of."""
    for candidate in study.plan.candidates[1:]:
        assert len(candidate.factors) == 1, (candidate.name, [Factor.sentence(f) for f in candidate.factors])
    both = study.with_()
    reference = study.variants["create_baseline_model"].build
    both.variant(because="deux choses", name="both", epochs=3, batch_size=32)(reference)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        _ = both.plan
    told = [str(w.message) for w in caught if w.category is etalon.MoreThanOneFactor]
    assert len(told) == 1
    assert "in 2 things" in told[0]


@needs_real_data
def test_the_reference_on_mnist_learns(tmp_path: Path) -> None:
    """Two epochs on a tenth of MNIST; the whole of it is measured by bench and reported in the README."""
    small = etalon.load("mnist").take(train=6000, test=2000)
    study = etalon.open_study(STUDY).with_(data=small, seeds=1, epochs=2, store=tmp_path)
    study.variants = {"create_baseline_model": study.variants["create_baseline_model"]}
    assert study.run(progress=False, workers=0).test().reference.accuracy[0] > 0.9
    with pytest.raises(StudyError, match="no variant of this name"):
        _ = study.result()["dropout"]
