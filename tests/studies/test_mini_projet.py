"""T4: the mini-project, row by row, on scikit-learn's digits (a few hundred of them, two epochs, three seeds)."""

import ast
import json
import re
import warnings
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import accuracy_score

import etalon
from etalon.data.dataset import Dataset
from etalon.errors import StudyError
from etalon.locales import use
from etalon.models.factors import Factor
from etalon.result import Result
from etalon.workbench import Study
from tests.conftest import needs_real_data

STUDY = Path(__file__).parents[2] / "studies" / "mini_projet.py"
FAMILIES = {"architecture", "regularisation", "hyperparameters", "augmentation", "strategy"}

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


@pytest.fixture(scope="module")
def study(digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Study:
    """The study as it stands, on fewer images, with fewer epochs and seeds."""
    few = digits.take(train=500, test=200)
    return etalon.open_study(STUDY).with_(data=few, seeds=3, epochs=2, store=tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def result(study: Study) -> Result:
    return study.run(progress=False)


class Page(HTMLParser):
    """The words of a report, its headings, its images and what it asks of the network."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.headings: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.asked: list[str] = []
        self._open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        if tag in ("h2", "script", "style"):
            self._open.append(tag)
        if tag == "h2":
            self.headings.append("")
        if tag in ("img", "svg"):
            self.images.append(given)
        address = given.get("src") or (given.get("href") if tag == "link" else None)
        if address and not address.startswith(("data:", "#")):
            self.asked.append(address)

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1] == tag:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "h2":
            self.headings[-1] += data
        if not self._open or self._open[-1] == "h2":
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words)).replace("’", "'")


@pytest.fixture(scope="module")
def pages(result: Result, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Page]:
    folder = tmp_path_factory.mktemp("reports")
    return {lang: Page(result.report(folder / f"{lang}.html", lang).read_text()) for lang in ("fr", "en")}


def test_t4_1_data_are_scaled_with_a_channel_axis(study: Study) -> None:
    assert study.dataset.train.x.shape[1:] == (28, 28, 1)
    assert study.dataset.n_classes == 10
    assert all(candidate.recipe.scale == 1 / 255 for candidate in study.plan.candidates)


def test_t4_2_the_reference_is_the_documents_own_function() -> None:
    functions = {node.name: node for node in ast.parse(STUDY.read_text()).body if isinstance(node, ast.FunctionDef)}
    ours, theirs = functions["create_baseline_model"], ast.parse(DOCUMENT).body[0]
    assert ast.dump(ast.Module(ours.body, [])) == ast.dump(ast.Module(theirs.body, []))


def test_t4_2_its_settings_are_the_documents() -> None:
    reference = etalon.open_study(STUDY).with_(data="digits").plan.candidates[0]
    recipe = reference.recipe
    assert (recipe.epochs, recipe.batch_size, recipe.optimizer.class_name) == (5, 128, "Adam")
    assert recipe.loss == "categorical_crossentropy"
    assert reference.weights.total == 225_034
    assert etalon.open_study(STUDY).split == etalon.HoldOut(0.2)


def test_t4_3_five_families_each_with_its_reason(study: Study) -> None:
    variants = study.plan.candidates[1:]
    assert len(variants) >= 8
    assert {factor.family for candidate in variants for factor in candidate.factors} == FAMILIES
    for candidate in variants:
        assert set(candidate.variant.because) == {"fr", "en"}


def test_t4_3_the_report_says_reason_and_family(study: Study, pages: dict[str, Page]) -> None:
    for lang, page in pages.items():
        for candidate in study.plan.candidates[1:]:
            assert candidate.variant.because[lang].replace("’", "'") in page.text
    assert "régularisation" in pages["fr"].text
    assert "regularisation" in pages["en"].text


def test_t4_4_one_function_a_model(study: Study) -> None:
    tree = ast.parse(STUDY.read_text())
    decorated = [n.name for n in tree.body if isinstance(n, ast.FunctionDef) and n.decorator_list]
    assert decorated == list(study.variants)


def test_t4_5_trained_timed_evaluated_with_curves(result: Result, pages: dict[str, Page]) -> None:
    test = result.test()
    for outcome in test:
        assert len(outcome.runs) == 3
        for run, accuracy in zip(outcome.runs, outcome.accuracy, strict=True):
            assert run.fit_time > 0
            assert accuracy == accuracy_score(test.dataset.test.y, run.test_logits.argmax(1))
            assert len(run.history["loss"]) == outcome.candidate.recipe.epochs
        assert len(outcome.curves().plot().axes) == 2
    assert "Courbes d'apprentissage" in pages["fr"].text


def test_t4_6_ten_mistakes_and_errors_per_digit(result: Result) -> None:
    reference = result.test().reference
    gallery = reference.gallery(n=10, order="first", seed=0)
    logits = reference.runs[0].test_logits.argmax(1)
    wrong = np.flatnonzero(logits != result.dataset.test.y)[:10]  # as the document does
    assert [mistake.index for mistake in gallery.mistakes] == wrong.tolist()
    assert [(m.true, m.predicted) for m in gallery.mistakes] == [(result.dataset.test.y[i], logits[i]) for i in wrong]
    errors = reference.per_class().error[0]
    expected = [np.mean(logits[result.dataset.test.y == digit] != digit) for digit in range(10)]
    np.testing.assert_allclose(errors, expected)
    heights = [bar.get_height() for bar in reference.per_class().plot().patches]
    np.testing.assert_allclose(heights, reference.per_class().error.mean(0), atol=1e-9)


def test_t4_7_noise_and_rotation_as_the_document_does(result: Result, pages: dict[str, Page]) -> None:
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
    found = result.robustness(severities=(1, 5), corruptions=("noise", "blur"), limit=50)
    assert found.examples.shape == (3, 5, 28, 28, 1)
    assert set(found.document[found.models[0]]) == {"clean", "noise", "rotation"}
    assert "±15°" in pages["fr"].text


def test_t4_8_accuracy_and_time_compared(result: Result, pages: dict[str, Page]) -> None:
    frame = result.test().frame()
    assert {"accuracy", "fit_time", "verdict", "difference"} <= set(frame.columns)
    for outcome in result.test():
        np.testing.assert_allclose(frame.loc[outcome.name, "accuracy"], outcome.accuracy.mean())
    assert "Temps d'entraînement" in pages["fr"].text or "Durée d'entraînement" in pages["fr"].text


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


@pytest.mark.parametrize("lang", ["fr", "en"])
def test_t4_9_seven_sections_in_one_file(lang: str, pages: dict[str, Page]) -> None:
    page = pages[lang]
    found = [re.sub(r"^\W*\d+\W*|\W+$", "", heading) for heading in page.headings]
    assert [heading for heading in found if heading in SECTIONS[lang]] == SECTIONS[lang]
    assert page.asked == []
    assert len(page.images) > 15


def test_t4_9_the_numbers_are_those_of_the_runs(result: Result, pages: dict[str, Page]) -> None:
    from etalon.locales import percent

    for lang, page in pages.items():
        with use(lang):
            for outcome in result.test():
                assert percent(outcome.accuracy.mean()).replace("\u00a0", " ") in page.text.replace("\u00a0", " ")


def test_t4_9_pdf(result: Result, tmp_path: Path) -> None:
    path = result.report(tmp_path / "rapport.pdf", "fr")
    assert path.read_bytes().startswith(b"%PDF")
    assert path.stat().st_size > 100_000


def test_t4_9_executed_notebook(tmp_path: Path) -> None:
    """On the study that `etalon init` writes: a notebook loads study and images again, so they must have names."""
    file = tmp_path / "etude.py"
    file.write_text((Path(etalon.__file__).parent / "templates" / "study.fr.py").read_text())
    small = etalon.open_study(file).with_(seeds=2, epochs=1, store=tmp_path / "store")
    path = small.run(progress=False, workers=0).report(tmp_path / "rapport.ipynb", "fr")
    notebook = json.loads(path.read_text())
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert len(code) > 10
    assert all(cell["execution_count"] for cell in code)
    assert sum(any("image/png" in o.get("data", {}) for o in cell["outputs"]) for cell in code) > 8


def test_t4_10_each_variant_changes_one_thing(study: Study) -> None:
    for candidate in study.plan.candidates[1:]:
        assert len(candidate.factors) == 1, (candidate.name, [Factor.sentence(f) for f in candidate.factors])


def test_t4_10_more_than_one_is_warned_of(study: Study) -> None:
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
    """One epoch on a tenth of MNIST; the whole of it is measured by bench and reported in the README."""
    small = etalon.load("mnist").take(train=6000, test=2000)
    study = etalon.open_study(STUDY).with_(data=small, seeds=1, epochs=2, store=tmp_path)
    study.variants = {"create_baseline_model": study.variants["create_baseline_model"]}
    assert study.run(progress=False).test().reference.accuracy[0] > 0.9
    with pytest.raises(StudyError, match="no finished trial"):
        _ = study.result()["dropout"]
