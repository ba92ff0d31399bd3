"""A first look: fewer images, epochs and seeds, whatever the study, and its report says so."""

from pathlib import Path

import pytest
from small_studies import dense

from etalon import Study
from etalon.data.dataset import Dataset
from etalon.locales import use
from etalon.study.quick import LEAST_EPOCHS, first_look, shorter, work


def a_study(data: Dataset, folder: Path, **settings: object) -> Study:
    study = Study("A study", data=data, store=folder, epochs=8, batch_size=48, **settings)  # type: ignore[arg-type]
    study.reference(dense)
    study.variant(name="longer", epochs=20)(dense)

    @study.question("How does it go?")
    def how(result):
        return result.reference.overfitting()

    return study


@pytest.mark.parametrize(("epochs", "fewer"), [(1, 2), (5, 2), (8, 2), (10, 3), (20, 5), (40, 10)])
def test_epochs(epochs: int, fewer: int) -> None:
    assert shorter(epochs) == fewer


def test_a_first_look(blobs: Dataset, tmp_path: Path) -> None:
    study = a_study(blobs, tmp_path)
    quick = study.quick()
    assert study.look is None
    assert {c.name: c.recipe.epochs for c in quick.plan.candidates} == {"dense": LEAST_EPOCHS, "longer": 5}
    assert len(quick.seeds) == 3
    assert list(quick.questions) == ["how"]
    assert len(quick.dataset.train) <= len(study.dataset.train)
    result = quick.run(workers=0, progress=False)
    with use("en"):
        assert result.notice.startswith("First look: 300 training images of 300, one epoch in 4, 3 seeds.")
        assert result.notice in str(result)
        page = result.report(tmp_path / "page.html").read_text(encoding="utf-8")
        assert page.count(result.notice) == 2  # on the screen, and at the top of each printed page
        assert "-quick." in result.report_path("study").name
    assert result.to_json()["notice"]


def test_as_many_seeds_as_are_asked_for(blobs: Dataset, tmp_path: Path) -> None:
    study = a_study(blobs, tmp_path)
    one, three = study.quick(1), study.quick()
    assert one.seeds == (0,)
    assert one.dataset.digest == three.dataset.digest
    with use("en"):
        assert one.look is not None
        assert "1 seed." in one.look.notice


def test_folds(blobs: Dataset, tmp_path: Path) -> None:
    assert len(a_study(blobs, tmp_path, folds=5).quick().seeds) == 3


def test_a_whole_study_has_no_notice(blobs: Dataset, tmp_path: Path) -> None:
    result = a_study(blobs, tmp_path, seeds=1).with_(epochs=1).run(workers=0, progress=False)
    assert result.notice == ""


def test_work_decides_how_many_images(digits: Dataset, tmp_path: Path) -> None:
    from keras import Input, Sequential, layers

    def convolution(filters: int = 4) -> Sequential:
        head = [layers.Flatten(), layers.Dense(10, activation="softmax")]
        return Sequential([Input((28, 28, 1)), layers.Conv2D(filters, 3), *head])

    study = Study("Convolutions", data=digits, store=tmp_path, epochs=40)
    study.reference(convolution)
    (small,) = study.plan.candidates
    assert work(small.weights, (28, 28, 1)) == 26 * 26 * 9 * 4 + 26 * 26 * 4 * 10
    look = first_look([small], digits)
    assert (look.train, look.test) == (len(digits.train), len(digits.test))
    many = first_look([small] * 5000, digits)
    assert many.train < look.train
    assert many.train >= 400
