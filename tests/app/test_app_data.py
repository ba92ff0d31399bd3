"""Data: counts, what the audit found, galleries; nothing of the test images before they are opened."""

import re
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

import etalon
from etalon.analysis.suspected import suspected
from etalon.app.background import Background, Work
from etalon.app.desk import Desk
from etalon.data.audit import Audit
from etalon.data.dataset import Dataset
from etalon.data.duplicates import NearDuplicates, Pair, Place
from etalon.errors import StudyError
from etalon.study.journal import Dossier
from etalon.study.shelf import Shelf
from etalon.study.store import Store


@pytest.fixture
def here(dossier: Dossier) -> str:
    return f"/studies/{dossier.id}"


def settled(browser: TestClient, address: str) -> str:
    """The state of the audit, once it is over."""
    for _wait in range(600):
        told = browser.get(f"{address}/data/audit").text
        if "every 2s" not in told:
            return told
        time.sleep(0.05)
    raise AssertionError("the audit does not end")


class TestPage:
    def test_counts_are_those_of_the_images(self, client: TestClient, here: str, desk: Desk, dossier: Dossier) -> None:
        page = client.get(f"{here}/data").text
        dataset = desk.dataset(dossier.id)
        shown = [int(n) for n in re.findall(r'<td class="train" data-sort="(\d+)"', page)]
        assert shown == dataset.counts("train").tolist()
        shown = [int(n) for n in re.findall(r'<td class="test" data-sort="(\d+)"', page)]
        assert shown == dataset.counts("test").tolist()
        assert dataset.digest[:16] in page

    def test_an_audit_is_the_one_of_the_data(self, client: TestClient, here: str, desk: Desk, dossier: Dossier) -> None:
        client.get(f"{here}/data")
        told = settled(client, here)
        found = etalon.audit(desk.dataset(dossier.id))
        assert found.verdict in told
        assert len(re.findall("<li>", told.split('class="pairs"')[-1])) > 0 or not found.pairs
        hidden = sum(len(found.chosen(where)) for where in ("across", "test"))
        assert not hidden or "once the test images are opened" in told
        assert "/images/test/" not in told

    def test_pairs_with_test_images_once_these_are_opened(
        self, own: Path, here: str, browse: Callable[[Path], TestClient], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pair = Pair(Place("train", 3), Place("test", 5), (0, 1), 0.25)

        def one_pair(dataset: Dataset, _shelf: Shelf) -> Audit:
            return replace(etalon.audit(dataset), near=NearDuplicates((pair,), 0.3, 8.0))

        monkeypatch.setattr("etalon.app.data.audited", one_pair)
        browser = browse(own)
        browser.get(f"{here}/data")
        told = settled(browser, here)
        assert "1 pair has a test image" in told
        assert "/images/test/" not in told
        browser.post(f"{here}/open", data={"back": "data"})
        told = settled(browser, here)
        assert f"{here}/images/test/5.png" in told
        assert "different labels" in told
        assert "ratio of distances 0.25" in told

    def test_one_that_ends_while_the_page_is_made(
        self, client: TestClient, here: str, desk: Desk, dossier: Dossier, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Late(Work):
            """Over, from the second time that one asks."""

            times = 0

            @property
            def done(self) -> bool:  # type: ignore[override]
                self.times += 1
                return self.times > 1

            @done.setter
            def done(self, _value: bool) -> None: ...

        late = Late()
        monkeypatch.setattr(Background, "begin", lambda *_args, **_options: late)
        assert "every 2s" in client.get(f"{here}/data").text

    def test_before_any_training_has_ended(
        self, own: Path, here: str, dossier: Dossier, browse: Callable[[Path], TestClient]
    ) -> None:
        for key in dossier.keys:
            (own / "runs" / key / "run.json").unlink()
        assert browse(own).get(f"{here}/data").status_code == 200


class TestSuspects:
    @pytest.fixture
    def told(self, client: TestClient, here: str) -> str:
        client.get(f"{here}/data")
        for _wait in range(600):
            told = client.get(f"{here}/data/suspects").text
            if "every 1s" not in told:
                return told
            time.sleep(0.05)
        raise AssertionError("the labels are never compared")

    def test_those_that_the_recommended_model_contradicts(
        self, told: str, client: TestClient, here: str, desk: Desk, dossier: Dossier
    ) -> None:
        result = desk.result(dossier.id)
        outcome = result[result.recommend().chosen]
        found = suspected(outcome.predictions, desk.dataset(dossier.id).train.y)
        listed = [int(n) for n in re.findall(rf'href="{here}/image/train/(\d+)"', told)]
        assert listed == [suspect.at for suspect in found.suspects[:40]]
        assert f"{found.judged} training images" in told.replace(",", "")
        assert outcome.name in told
        assert "labelled" in told
        assert client.get(f"{here}/image/train/{listed[0]}").status_code == 200
        assert "/images/test/" not in told

    def test_page_after_page(self, told: str, client: TestClient, here: str) -> None:
        seen = re.findall(r"/image/train/(\d+)\"", told)
        more = client.get(f"{here}/data/suspects?suspects=2").text
        if "suspects=2" in told:
            assert not set(seen) & set(re.findall(r"/image/train/(\d+)\"", more))
        last = client.get(f"{here}/data/suspects?suspects=999").text
        assert re.findall(r"/image/train/(\d+)\"", last)
        assert client.get(f"{here}/data/suspects?suspects=0").status_code == 422

    def test_before_any_training_has_ended(
        self, own: Path, here: str, dossier: Dossier, browse: Callable[[Path], TestClient]
    ) -> None:
        for key in dossier.keys:
            (own / "runs" / key / "run.json").unlink()
        assert "once a model has been trained" in browse(own).get(f"{here}/data").text


class TestGallery:
    def test_a_page_of_a_class(self, client: TestClient, here: str, desk: Desk, dossier: Dossier) -> None:
        page = client.get(f"{here}/data?label=3&start=10&n=20").text
        y = desk.dataset(dossier.id).train.y
        shown = [int(n) for n in re.findall(r'class="tile" href="[^"]*/(\d+)"', page)]
        assert shown == np.flatnonzero(y == 3)[10:30].tolist()

    def test_its_picture_is_made_of_these_images(self, client: TestClient, here: str) -> None:
        page = client.get(f"{here}/data?label=3&n=20").text
        sheet = re.findall(r"--sheet:url\(([^)]*)\)", page)[-1].replace("&amp;", "&")
        answer = client.get(sheet)
        assert answer.headers["content-type"] == "image/png"

    def test_beyond_the_end(self, client: TestClient, here: str) -> None:
        assert "There are no more images" in client.get(f"{here}/data?start=999999").text

    def test_test_images_are_sealed(self, client: TestClient, here: str) -> None:
        assert client.get(f"{here}/data?part=test").status_code == 422

    def test_and_shown_once_opened(self, own: Path, here: str, browse: Callable[[Path], TestClient]) -> None:
        browser = browse(own)
        browser.post(f"{here}/open", data={"back": "data"})
        assert "/images/test/" in browser.get(f"{here}/data?part=test&on=test").text

    @pytest.mark.parametrize("asked", ["n=501", "n=0", "label=-2", "start=-1", "part=validation", "n=x"])
    def test_what_has_no_meaning_is_refused(self, client: TestClient, here: str, asked: str) -> None:
        assert client.get(f"{here}/data?{asked}").status_code == 422


class TestBackground:
    def finished(self, background: Background, key: str) -> object:
        work = background.find(key)
        for _wait in range(200):
            if work and work.done:
                return work.error or work.value
            time.sleep(0.01)
        raise AssertionError("it does not end")

    def test_done_once(self) -> None:
        background, done = Background(), []
        for n in range(3):
            background.begin("key", lambda n=n: done.append(n))  # type: ignore[misc]
        self.finished(background, "key")
        assert done == [0]

    def test_again_once_it_is_over(self) -> None:
        background = Background()
        background.begin("key", lambda: 1)
        assert self.finished(background, "key") == 1
        background.begin("key", lambda: 2, again=True)
        assert self.finished(background, "key") == 2

    def test_a_refusal_is_kept(self) -> None:
        background, refusal = Background(), StudyError("a", "b", "c")

        def refuse() -> None:
            raise refusal

        background.begin("key", refuse)
        assert self.finished(background, "key") is refusal

    def test_a_mistake_is_told(self, caplog: pytest.LogCaptureFixture) -> None:
        background = Background()
        background.begin("key", lambda: {}["nothing"])  # type: ignore[misc]
        assert "KeyError" in str(self.finished(background, "key"))
        assert "nothing" in caplog.text


class TestDesk:
    def test_what_is_made_is_made_again_when_a_trial_has_changed_and_takes_its_place(
        self, own: Path, dossier: Dossier
    ) -> None:
        desk, made = Desk(Store(own), own), []
        for _twice in range(2):
            desk.made(dossier.id, "thing", lambda: made.append("a"))
        key = next(iter(dossier.reference.keys.values()))
        (own / "runs" / key / "run.json").unlink()
        desk.made(dossier.id, "thing", lambda: made.append("b"))
        assert made == ["a", "b"]
        assert len(desk._made) == 1
