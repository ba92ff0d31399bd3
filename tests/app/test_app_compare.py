"""Compare: what the page says is what the results of the study say."""

import re
import threading
import time
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, ClassVar

import pytest
from starlette.testclient import TestClient

from etalon import open_study
from etalon.app import desk as desks
from etalon.app.background import NAME
from etalon.app.compared import amount, curves, points
from etalon.app.desk import Desk
from etalon.app.scales import Forest, Plane, step, ticks, written
from etalon.figures.intervals import with_interval
from etalon.locales import p_cell, percent, use
from etalon.reopened import reopen
from etalon.report.tables import accuracy
from etalon.result import Result
from etalon.study.journal import Dossier
from etalon.study.store import Store


class Tables(HTMLParser):
    """The texts of the cells of a page's tables, and the `data-sort` of each."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.keys: list[list[list[str | None]]] = []
        self._inside = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self.tables.append([])
            self.keys.append([])
        elif tag == "tr":
            self.tables[-1].append([])
            self.keys[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")
            self.keys[-1][-1].append(dict(attrs).get("data-sort"))
            self._inside += 1

    def handle_endtag(self, tag: str) -> None:
        self._inside -= tag in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.tables[-1][-1][-1] += data


def verdict_table(page: str) -> list[list[str]]:
    return [[" ".join(cell.split()) for cell in row] for row in Tables(page[page.index('id="verdicts"') :]).tables[0]]


@pytest.fixture(scope="session")
def result(folder: Path, trained: Path) -> Result:
    """The results as the study itself gives them: its code, its store."""
    return open_study(folder / "digits_study.py").with_(store=trained).result()


@pytest.fixture
def here(dossier: Dossier) -> str:
    return f"/studies/{dossier.id}"


class TestVerdicts:
    def test_the_table_says_what_the_study_says(self, client: TestClient, here: str, result: Result) -> None:
        head, reference, *rows = verdict_table(client.get(f"{here}/compare").text)
        assert [name.split()[0] for name in head[:2]] == ["Model", "Verdict"]
        assert reference[0] == "reference"
        with use("en"):
            for row, verdict in zip(rows, result.verdicts().items, strict=True):
                entry = result.evidence[verdict.variant]
                assert row[0] == verdict.variant
                assert row[1].startswith(verdict.verdict)
                assert row[2] == with_interval(verdict.difference, verdict.low_simultaneous, verdict.high_simultaneous)
                assert row[4] == p_cell(verdict.p_adjusted)
                assert row[5] == accuracy(entry.validation.accuracy)
                assert row[8] == "2"

    @pytest.mark.parametrize("metric", ["log_loss", "macro_f1", "recall"])
    def test_another_metric(self, client: TestClient, here: str, result: Result, metric: Any) -> None:
        page = client.get(f"{here}/compare?metric={metric}&of=3").text
        told = [row[2] for row in verdict_table(page)[2:]]
        found = result.verdicts(metric=metric, of=result.dataset.class_names()[3] if metric == "recall" else None)
        with use("en"):
            unit: Any = "number" if metric == "log_loss" else "points"
            assert told == [
                with_interval(v.difference, v.low_simultaneous, v.high_simultaneous, unit) for v in found.items
            ]

    def test_all_pairs(self, client: TestClient, here: str, result: Result) -> None:
        rows = verdict_table(client.get(f"{here}/compare?pairs=all").text)[1:]
        found = result.verdicts(pairs="all")
        with use("en"):
            assert [(f"{row[0]} - {row[1]}", row[3]) for row in rows] == [
                (v.variant, with_interval(v.difference, v.low_simultaneous, v.high_simultaneous)) for v in found.items
            ]

    def test_steps(self, client: TestClient, here: str) -> None:
        rows = verdict_table(client.get(f"{here}/compare?pairs=steps").text)[1:]
        assert [row[:2] for row in rows] == [["wider", "reference"], ["with_dropout", "reference"]]

    def test_numbers_sort_by_their_values(self, client: TestClient, here: str, result: Result) -> None:
        keys = Tables(client.get(f"{here}/compare").text.split('id="verdicts"')[1]).keys[0][2:]
        assert [float(row[3] or "nan") for row in keys] == [v.difference for v in result.verdicts().items]

    def test_one_against_another(self, client: TestClient, here: str, result: Result) -> None:
        page = client.get(f"{here}/compare?first=wider&second=with_dropout").text
        verdict = result.compare("wider", "with_dropout").items[0]
        with use("en"):
            assert f"with_dropout is {verdict.verdict}" in page

    def test_a_class_is_only_asked_for_a_recall(self, client: TestClient, here: str) -> None:
        for metric, hidden in (("accuracy", True), ("log_loss", True), ("recall", False)):
            page = client.get(f"{here}/compare?metric={metric}").text
            assert ('<div hidden><label for="of">' in page) == hidden
            assert ('<div><label for="of">' in page) != hidden

    def test_what_an_undecided_variant_would_take(self, client: TestClient, here: str, result: Result) -> None:
        rows = verdict_table(client.get(f"{here}/compare").text)[2:]
        for row, verdict in zip(rows, result.verdicts().items, strict=True):
            if verdict.verdict != "undecided":
                continue
            assert verdict.detectable is not None
            with use("en"):
                told = f"A difference under {amount(verdict.detectable, 'points')} could go unseen."
            assert (told in row[1]) == (verdict.detectable <= 1)
            needed = verdict.seeds_needed
            assert (f"About {needed} seeds might settle it." if needed else "More seeds would not settle it") in row[1]

    @pytest.mark.parametrize("asked", ["metric=recall&of=10", "first=wider&second=wider", "first=wider&second=nobody"])
    def test_what_cannot_be_compared_is_said_in_the_page(self, client: TestClient, here: str, asked: str) -> None:
        answer = client.get(f"{here}/compare?{asked}")
        assert answer.status_code == 200
        assert 'role="alert"' in answer.text

    @pytest.mark.parametrize(
        "asked", ["metric=beauty", "of=-1", "pairs=none", "accuracy=-1", "accuracy=nan", "time=inf", "measure=x"]
    )
    def test_what_has_no_meaning_is_refused(self, client: TestClient, here: str, asked: str) -> None:
        assert client.get(f"{here}/compare?{asked}").status_code == 422


class TestChoice:
    @pytest.mark.parametrize("weights", [(1.0, 0.1, 0.1), (0.0, 1.0, 0.0), (2.0, 0.0, 1.0)])
    def test_it_is_that_of_the_study(
        self, client: TestClient, here: str, result: Result, weights: tuple[float, ...]
    ) -> None:
        asked = dict(zip(("accuracy", "overfitting", "time"), weights, strict=True))
        page = client.get(f"{here}/compare", params=asked).text
        made = result.recommend(asked)
        with use("en"):
            for reason in made.reasons:
                assert reason in page
        rows = Tables(page.split('id="choice"')[1]).tables[0][1:]
        ranked = sorted(made.candidates, key=lambda c: -c.score)
        assert [row[0].strip() for row in rows] == [c.name for c in ranked]

    def test_weighing_again_is_recommending_again(self, trained: Path, dossier: Dossier) -> None:
        again = reopen(Store(trained), dossier.id)
        for weights in ({"accuracy": 0.3}, {"time": 5.0, "overfitting": 0.0}, {"accuracy": 0.0}):
            assert again.recommend().weighed(weights) == again.recommend(weights)

    def test_the_other_choices_stay_in_the_address_of_the_other_part(
        self, own: Path, here: str, browse: Callable[[Path], TestClient]
    ) -> None:
        browser = browse(own)
        browser.post(f"{here}/open")
        page = browser.get(f"{here}/compare?metric=log_loss&accuracy=2&curve=wider").text
        links = re.findall(r'href="([^"]*\?on=test[^"]*)"', page)
        assert any("metric=log_loss" in one and "accuracy=2" in one and "curve=wider" in one for one in links)


class TestChanges:
    def test_each_has_its_reason_and_its_effect(self, client: TestClient, here: str, result: Result) -> None:
        page = client.get(f"{here}/compare").text
        _head, first, *rows = Tables(page.split('aria-label="What each change does"')[1]).tables[0]
        assert first[0] == "reference"
        told = {row[0]: row for row in rows}
        steps = result.verdicts(pairs="steps")
        with use("en"):
            for name, because, what in (
                ("wider", "sixteen neurons are few", "neurons: 16 → 64"),
                ("with_dropout", "learning by heart", "dropout: 0 → 0.5"),
            ):
                row, verdict = told[name + because], steps[name]
                assert row[1] == what
                assert row[2].startswith(verdict.verdict)
                assert row[3] == with_interval(verdict.difference, verdict.low_simultaneous, verdict.high_simultaneous)
                assert row[4] == "reference"


class TestDrawings:
    def test_curves_are_means_over_seeds_with_their_ends(self, client: TestClient, here: str, result: Result) -> None:
        page = client.get(f"{here}/compare?curve=wider&measure=val_loss").text
        told = result["wider"].curves()
        low, high = told.spread("val_loss")
        cells = re.findall(r'data-mean="([^"]+)" data-low="([^"]+)" data-high="([^"]+)"', page)
        found = [tuple(map(float, cell)) for cell in cells]
        assert found == list(zip(told.mean("val_loss"), low, high, strict=True))
        assert [one.name for one in curves(result, ["wider", "nobody"], "loss")] == ["wider"]

    def test_every_model_is_a_link_with_its_figures(self, client: TestClient, here: str, result: Result) -> None:
        page = client.get(f"{here}/compare").text
        named = re.findall(r'<a class="point [^>]*aria-label="([^"]*)"', page)
        with use("en"):
            for one, told in zip(result.recommend().candidates, named, strict=True):
                assert told.startswith(f"{one.name}: accuracy {percent(one.accuracy.value)}")

    def test_points_stand_where_their_figures_say(self, result: Result) -> None:
        plane, found = points(result.recommend())
        by_time = sorted(found, key=lambda p: p.model.time)
        by_accuracy = sorted(found, key=lambda p: p.model.accuracy.value)
        assert [p.across for p in by_time] == sorted(p.across for p in found)
        assert [p.up for p in by_accuracy] == sorted(p.up for p in found)
        assert all(0 <= p.across <= 100 and 0 <= p.low <= p.up <= p.high <= 100 for p in found)
        assert plane.up(plane.low) == 0

    def test_a_scale_has_room_for_what_it_shows(self, result: Result) -> None:
        verdicts = result.verdicts()
        scale = Forest.of(verdicts.items, verdicts.rope)
        assert scale.low <= -verdicts.rope < 0 < verdicts.rope <= scale.high
        assert scale.at(scale.low) < scale.at(0.0) < scale.at(scale.high)
        assert 2 <= len(scale.ticks()) <= 8

    def test_no_two_ticks_of_time_read_the_same(self) -> None:
        with use("en"):
            assert written([0.2, 0.25, 0.3, 0.4]) == ["0.20 s", "0.25 s", "0.30 s", "0.40 s"]
            assert written([0.8, 1.0, 1.2]) == ["0.8 s", "1.0 s", "1.2 s"]
            assert written([8.0, 10.0, 60.0, 72.0]) == ["8.0 s", "10 s", "1 min 00 s", "1 min 12 s"]
            assert written([]) == []

    def test_round_ticks(self) -> None:
        assert ticks(-0.021, 0.043, step(-0.021, 0.043, 4)) == pytest.approx([-0.02, 0.0, 0.02, 0.04])
        assert Plane.of([10.0, 100.0], [0.9, 0.9], [0.95, 0.95]).times()[0] == pytest.approx(10.0)


class TestWhatTakesLong:
    """It is made by a thread, and the page that waits asks whether it is there."""

    POLL: ClassVar = {"hx-request": "true", "hx-trigger": "await"}

    @pytest.fixture(autouse=True)
    def slow(self, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
        """What lets threads go on, which a page does not wait for."""
        go, make = threading.Event(), Desk.once
        monkeypatch.setattr(desks, "PATIENCE", 0.05)

        def once(desk: Desk, key: Any, make_it: Any, stamp: str = "") -> Any:
            if threading.current_thread().name == NAME:
                assert go.wait(60)
            return make(desk, key, make_it, stamp)

        monkeypatch.setattr(Desk, "once", once)
        return go

    def follows(self, browser: TestClient, address: str) -> None:
        """The page that waits is told so."""
        for _wait in range(600):
            answer = browser.get(address, headers=self.POLL)
            assert answer.status_code == 204
            if "hx-refresh" in answer.headers:
                return
            time.sleep(0.1)
        raise AssertionError("it does not come")

    @pytest.mark.parametrize("name", ["compare", "look"])
    def test_the_results_are_opened_first(
        self, own: Path, here: str, browse: Callable[[Path], TestClient], slow: threading.Event, name: str
    ) -> None:
        browser, address = browse(own), f"{here}/{name}"
        page = browser.get(address)
        assert page.status_code == 200
        assert "The results are being opened" in page.text
        assert f'<div id="await" hx-get="{address}?"' in page.text
        assert "hx-refresh" not in browser.get(address, headers=self.POLL).headers
        part = browser.get(address, headers={"hx-request": "true"})
        assert (part.status_code, part.headers["hx-refresh"]) == (204, "true"), "a part of what is no longer there"
        slow.set()
        self.follows(browser, address)
        assert 'id="await"' not in browser.get(address).text

    def test_verdicts_then_follow(
        self, own: Path, here: str, browse: Callable[[Path], TestClient], slow: threading.Event
    ) -> None:
        browser, asked = browse(own), f"{here}/compare?metric=macro_f1&first=reference&second=wider"
        slow.set()
        browser.get(f"{here}/compare")
        self.follows(browser, f"{here}/compare")
        slow.clear()
        page = browser.get(asked).text
        assert "These verdicts are being computed" in page
        assert 'id="choice"' in page
        assert f'hx-get="{asked.replace("&", "&amp;")}"' in page
        assert "hx-refresh" not in browser.get(asked, headers=self.POLL).headers
        slow.set()
        self.follows(browser, asked)
        page = browser.get(asked).text
        assert 'id="await"' not in page
        assert "Macro F1: wider" in page

    def test_refusals_too(
        self, own: Path, here: str, browse: Callable[[Path], TestClient], slow: threading.Event
    ) -> None:
        slow.set()
        browser, asked = browse(own), f"{here}/compare?metric=recall&of=10"
        browser.get(asked)
        self.follows(browser, asked)
        for _again in range(2):
            assert 'role="alert"' in browser.get(asked).text


class TestUnderWay:
    def test_without_the_reference_there_is_a_page_that_says_so(
        self, own: Path, here: str, dossier: Dossier, browse: Callable[[Path], TestClient]
    ) -> None:
        for key in dossier.reference.keys.values():
            (own / "runs" / key / "run.json").unlink()
        for page in ("compare", "report"):
            answer = browse(own).get(f"{here}/{page}")
            assert answer.status_code == 200
            assert "nothing to compare yet" in answer.text

    def test_missing_seeds_are_said(
        self, own: Path, here: str, dossier: Dossier, browse: Callable[[Path], TestClient]
    ) -> None:
        wider = next(one for one in dossier.candidates if one.name == "wider")
        (own / "runs" / wider.keys[1] / "run.json").unlink()
        page = browse(own).get(f"{here}/compare").text
        assert "5 trainings of 6 are finished" in page
        assert re.search(r"<code>wider</code>\s+1/2", page)


class TestOpening:
    def test_sealed_until_it_is_asked_for_and_recorded_once(
        self, own: Path, here: str, dossier: Dossier, browse: Callable[[Path], TestClient]
    ) -> None:
        browser, store = browse(own), Store(own)
        assert browser.get(f"{here}/compare?on=test").status_code == 422
        sealed = browser.get(f"{here}/compare").text
        assert "never been opened" in sealed
        assert "This choice is made on validation alone" not in sealed
        answer = browser.post(f"{here}/open", data={"back": "compare"}, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, f"{here}/compare?on=test")
        browser.post(f"{here}/open")
        page = browser.get(f"{here}/compare?on=test").text
        assert "Verdicts on test" in page
        assert "This choice is made on validation alone" in page
        opened = reopen(store, dossier.id)
        assert opened.opened
        assert len(store.openings(opened.dataset.test_digest)) == 1
        with use("en"):
            assert accuracy(opened.test().evidence.reference.test.accuracy) in page  # type: ignore[union-attr]

    def test_not_while_trainings_are_under_way(
        self, own: Path, here: str, dossier: Dossier, browse: Callable[[Path], TestClient]
    ) -> None:
        with Store(own).journal.attended(dossier.id):
            assert browse(own).post(f"{here}/open").status_code == 422
        assert not reopen(Store(own), dossier.id).opened

    def test_it_leads_to_no_other_site(self, own: Path, here: str, browse: Callable[[Path], TestClient]) -> None:
        assert browse(own).post(f"{here}/open", data={"back": "//elsewhere.org"}).status_code == 422
