"""Results opened again from the store alone: the same numbers, and no code of the study."""

import json
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras import Input, Sequential, layers
from torch import nn

import etalon
from etalon import Result, Store, Study
from etalon.data.dataset import Dataset
from etalon.errors import StoreError, StudyError
from etalon.locales import use
from etalon.reopened import reopen, state
from etalon.report.blocks import Document, Section, Table

ALONE = """
import json, sys
from etalon import Store
from etalon.reopened import reopen
result = reopen(Store(sys.argv[1]), sys.argv[2])
print(json.dumps([result.to_json()["variants"], str(result), "keras" in sys.modules]))
"""
STUDY = """
from pathlib import Path
import etalon
Path(__file__).with_suffix(".ran").touch()
study = etalon.Study("From a file", data=Path(__file__).with_name("images.npz"), seeds=1, epochs=1)

@study.reference
def flat():
    from keras import Input, Sequential, layers
    return Sequential([Input((8, 8, 1)), layers.Flatten(), layers.Dense(3, activation="softmax")])
"""


def convolutional(filters: int = 2) -> Sequential:
    first = layers.Conv2D(filters, 3, strides=3, activation="relu")
    return Sequential([Input((28, 28, 1)), first, layers.Flatten(), layers.Dense(10, activation="softmax")])


def module() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 10))


def run(study: Study) -> Result:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", etalon.MoreThanOneFactor)
        return study.run(workers=0, progress=False)


def digit_study(digits: Dataset, folder: Path, **settings: Any) -> Study:
    title, context = {"en": "Digits", "fr": "Chiffres"}, {"en": "Few of them.", "fr": "Il y en a peu."}
    study = Study(title, data=digits, context=context, store=folder, **{"seeds": 3, "epochs": 2, **settings})
    study.reference(convolutional)
    study.variant({"en": "more filters", "fr": "plus de filtres"}, name="wide", filters=5)(convolutional)
    study.variant("slower", name="slow", after="wide", filters=5, learning_rate=1e-4)(convolutional)
    study.variant("stops", name="stopping", early_stopping=1)(convolutional)
    study.variant("moves", name="shifted", augmentation=[etalon.Shift(amount=0.1)])(convolutional)
    return study


@pytest.fixture(scope="module")
def study(digits: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Study:
    return digit_study(digits, tmp_path_factory.mktemp("reopened"))


@pytest.fixture(scope="module")
def result(study: Study) -> Result:
    return run(study)


@pytest.fixture
def again(study: Study, result: Result) -> Result:
    """The same, opened again."""
    return reopen(Store(study.folder), study.id)


def told(result: Result) -> dict[str, Any]:
    """All that a result says, but for who trained, and when."""
    return {name: value for name, value in result.to_json().items() if name != "trials"}


def texts(document: Any) -> list[str]:
    """Every text of a document, in its order, and the cells of its tables."""
    found = []
    for block in getattr(document, "blocks", ()):
        said = [getattr(block, name, "") for name in ("title", "text", "caption")]
        found += [text for text in said if isinstance(text, str) and text]
        found += [str(cell) for row in block.rows for cell in row] if isinstance(block, Table) else []
        found += texts(block)
    return found


class TestTheSame:
    def test_all_that_is_told(self, result: Result, again: Result) -> None:
        for lang in ("en", "fr"):
            with use(lang):
                assert told(again) == told(result)
                assert str(again) == str(result)
                assert [str(v) for v in again.verdicts().items] == [str(v) for v in result.verdicts().items]
        assert vars(again.tally) == {"trained": 0, "cached": 15, "failed": 0}
        assert again.questions == {}

    @pytest.mark.parametrize("pairs", ["reference", "steps", "all"])
    @pytest.mark.parametrize("metric", ["accuracy", "log_loss"])
    def test_verdicts(self, result: Result, again: Result, pairs: Any, metric: Any) -> None:
        ours, theirs = (one.verdicts(pairs=pairs, metric=metric) for one in (again, result))
        assert str(ours) == str(theirs)
        assert [v.difference for v in ours.items] == [v.difference for v in theirs.items]

    def test_what_is_looked_at(self, result: Result, again: Result) -> None:
        for name in ("convolutional", "wide", "slow", "stopping", "shifted"):
            ours, theirs = again[name], result[name]
            np.testing.assert_array_equal(ours.confusion().counts, theirs.confusion().counts)
            assert ours.per_class().frame().equals(theirs.per_class().frame())
            assert ours.frame(1).equals(theirs.frame(1))
            assert str(ours.candidate.weights) == str(theirs.candidate.weights)
            assert ours.shapes().text == theirs.shapes().text
            assert ours.output_layer().text == theirs.output_layer().text
            assert ours.preparation().frame().equals(theirs.preparation().frame())
            assert ours.candidate.recipe == theirs.candidate.recipe
        assert again["wide"].gallery().frame().equals(result["wide"].gallery().frame())
        assert again.recommend({"accuracy": 1, "overfitting": 1, "time": 1}).chosen in ("convolutional", "wide", "slow")
        assert again.audit().to_json() == result.audit().to_json()
        assert again.effects().frame().equals(result.effects().frame())

    @pytest.mark.parametrize("name", ["convolutional", "wide", "shifted"])
    def test_its_networks(self, result: Result, again: Result, digits: Dataset, name: str, tmp_path: Path) -> None:
        for seed in (0, None):
            ours, theirs = again[name].predictor(seed), result[name].predictor(seed)
            np.testing.assert_array_equal(ours(digits.test.x), theirs(digits.test.x))
        again[name].export(tmp_path / "bundle")
        theirs_again = etalon.load_bundle(tmp_path / "bundle").predict(digits.test.x[:50])
        logits = result[name].predictor()(digits.test.x[:50])
        assert (theirs_again.argmax(axis=1) == logits.argmax(axis=1)).all()

    def test_the_ledger(self, result: Result, again: Result, digits: Dataset) -> None:
        assert not again.opened
        opened = again.test()
        assert again.opened
        assert result.opened
        assert told(opened) == told(result.test())
        assert len(again.plan.store.openings(digits.test_digest)) == 1

    def test_the_report(self, again: Result, result: Result, drawn: list[Document], tmp_path: Path) -> None:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("etalon.result.ROBUST_IMAGES", 20)
            for one in (again, result):
                one.report(tmp_path / "report.html", lang="fr")
        ours, theirs = drawn
        assert (ours.title, ours.lang, ours.meta) == (theirs.title, theirs.lang, theirs.meta)
        assert texts(ours) == texts(theirs)
        assert len(texts(ours)) > 100


class TestWithoutCode:
    def test_neither_the_file_nor_keras(self, blobs: Dataset, tmp_path: Path) -> None:
        parts: dict[str, Any] = {"x_train": blobs.train.x, "y_train": blobs.train.y}
        np.savez(tmp_path / "images.npz", **parts, x_test=blobs.test.x, y_test=blobs.test.y)
        (tmp_path / "a_reopened_study.py").write_text(STUDY)
        study = etalon.open_study(tmp_path / "a_reopened_study.py").with_(store=tmp_path / "store")
        result = run(study)
        (tmp_path / "a_reopened_study.ran").unlink()
        assert Store(study.folder).study(study.id).file == str(tmp_path / "a_reopened_study.py")
        done = subprocess.run(
            [sys.executable, "-c", ALONE, str(study.folder), study.id], capture_output=True, text=True, check=True
        )
        variants, text, keras = json.loads(done.stdout)
        assert variants == result.to_json()["variants"]
        assert text == str(result)
        assert not keras
        assert not (tmp_path / "a_reopened_study.ran").exists()

    def test_a_torch_module(self, digits: Dataset, tmp_path: Path, drawn: list[Document]) -> None:
        study = digit_study(digits, tmp_path / "store", seeds=1, epochs=1)
        study.variant("another library")(module)
        result, again = run(study), reopen(Store(study.folder), study.id)
        assert told(again) == told(result)
        np.testing.assert_array_equal(again["module"].confusion().counts, result["module"].confusion().counts)
        with pytest.raises(StudyError, match="the network of module: it takes code that the store does not have"):
            again["module"].predictor()
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr("etalon.result.ROBUST_IMAGES", 20)
            patched.setattr(type(again), "_notable", lambda self: ["convolutional", "module"])
            again.report(tmp_path / "report.html")
            result.report(tmp_path / "report.html")
            reopen(Store(study.folder), study.id).report(tmp_path / "report.html")  # what was measured is there
        assert [sum(isinstance(block, Section) for block in one.blocks) for one in drawn] == [6, 7, 7]

    def test_what_takes_the_study(self, again: Result) -> None:
        with pytest.raises(StudyError, match=r"a search in Digits: .*etalon\.open_study"):
            again.search({"filters": [1, 2]})
        with pytest.raises(StudyError, match="it would run the study again"):
            again.report("report.ipynb")


class TestUnderWay:
    @pytest.fixture
    def copy(self, study: Study, result: Result, tmp_path: Path) -> Store:
        """A store of the same, from which runs may be taken away."""
        shutil.copytree(study.folder, tmp_path / "copy")
        return Store(tmp_path / "copy")

    @pytest.fixture
    def forget(self, study: Study, copy: Store) -> Callable[..., None]:
        """Take the runs of a variant away, for some seeds."""

        def forget(name: str, *seeds: int) -> None:
            for seed in seeds:
                shutil.rmtree(copy.folder / "runs" / study.plan.keys[name, seed])

        return forget

    def test_what_is_there_so_far(self, study: Study, copy: Store, forget: Callable[..., None]) -> None:
        forget("slow", 0, 1, 2)
        forget("wide", 2)
        again = reopen(copy, study.id)
        assert [outcome.name for outcome in again] == ["convolutional", "wide", "stopping", "shifted"]
        assert again["wide"].predictions.seeds == (0, 1)
        assert again.verdicts()["wide"].comparison.k == 2
        assert vars(again.tally) == {"trained": 0, "cached": 11, "failed": 0}
        assert again.evidence.lost == {}

    def test_the_reference_first(self, study: Study, copy: Store, forget: Callable[..., None]) -> None:
        forget("convolutional", 0, 1, 2)
        with pytest.raises(StudyError, match=r"the reference convolutional: none of its trials came to an end\. Wait"):
            reopen(copy, study.id)

    def test_an_opening_is_of_what_was_there(
        self, study: Study, copy: Store, forget: Callable[..., None], digits: Dataset
    ) -> None:
        before = len(copy.openings(digits.test_digest))
        whole = reopen(copy, study.id)
        whole.test()
        forget("slow", 2)
        fewer = reopen(copy, study.id)
        assert not fewer.opened
        fewer.test()
        assert len(copy.openings(digits.test_digest)) == max(1, before) + 1
        assert whole.opened

    def test_what_has_changed(self, study: Study, copy: Store, forget: Callable[..., None]) -> None:
        def now() -> str:
            return state(copy, copy.study(study.id))

        states = [now(), now()]
        assert states[0] == states[1]
        forget("slow", 2)
        states.append(now())
        copy.fail(study.plan.keys["slow", 2], "Digits", "slow", 2, "no memory", diverged=False)
        states.append(now())
        edited = digit_study(study.dataset, copy.folder, rope=0.01)
        edited._remember(edited.plan)
        states.append(now())
        assert len(set(states)) == 4

    def test_runs_that_somebody_holds_are_read_once(self, study: Study, copy: Store) -> None:
        first, second = reopen(copy, study.id), reopen(copy, study.id)
        key = study.plan.keys["wide", 0]
        assert first._runs["wide"][0] is second._runs["wide"][0]
        path = copy.folder / "runs" / key / "arrays.npz"
        path.write_bytes(path.read_bytes()[:-1] + b"x")
        with pytest.raises(StoreError, match="it cannot be read"):
            reopen(copy, study.id)

    def test_images_that_are_gone(self, study: Study, copy: Store, digits: Dataset) -> None:
        shutil.rmtree(copy.folder / "data" / digits.digest)
        with pytest.raises(StoreError, match="the next run makes it again"):
            reopen(copy, study.id)
        again = digit_study(digits, copy.folder)
        again.result()
        assert len(reopen(copy, study.id)) == 5

    def test_no_such_study(self, copy: Store) -> None:
        with pytest.raises(StoreError, match="the store knows none of this name"):
            reopen(copy, "../runs")


def test_names_and_provenance(blobs: Dataset, tmp_path: Path) -> None:
    """Those of each study, although both have the same images."""
    french = Dataset(
        "taches", blobs.train, blobs.test, {"en": blobs.classes["en"], "fr": ("une", "deux", "trois")}, "Mesurées."
    )
    assert french.digest == blobs.digest
    rare = blobs.unbalanced(4)
    for title, data in (("A", blobs), ("B", french), ("C", rare)):
        study = Study(title, data=data, store=tmp_path, seeds=1, epochs=1)
        study.reference(lambda: Sequential([Input((8, 8, 1)), layers.Flatten(), layers.Dense(3)]))
        study.settings["loss"] = "mse"
        run(study)
    store = Store(tmp_path)
    found = {reopen(store, one.id).title: reopen(store, one.id).dataset for one in store.studies()}
    for title, data in (("A", blobs), ("B", french), ("C", rare)):
        assert found[title].name == data.name
        assert found[title].provenance == data.provenance
        assert found[title].classes == {lang: tuple(names) for lang, names in data.classes.items()}
        np.testing.assert_array_equal(found[title].train.y, data.train.y)
        np.testing.assert_array_equal(found[title].counts("train"), data.counts("train"))


def test_a_first_look(blobs: Dataset, tmp_path: Path) -> None:
    study = Study("Q", data=blobs, store=tmp_path, epochs=2)
    study.reference(lambda: Sequential([Input((8, 8, 1)), layers.Flatten(), layers.Dense(3, activation="softmax")]))
    quick = study.quick()
    result = run(quick)
    again = reopen(Store(tmp_path), quick.id)
    assert again.notice == result.notice != ""
    with use("fr"):
        assert again.notice == result.notice
        assert again.notice.startswith("Premier")
