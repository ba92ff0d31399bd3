"""Images sent from a real browser: how far one is, refusals in their place, deletion; with script or without."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from etalon.app.desk import Desk
from etalon.study.store import Store
from tests.app.serving import served
from tests.app.test_uploads import photographs, zipped

WORDS = {
    "en": {"send": "Send", "stop": "Stop sending", "again": "Delete pets…", "delete": "Delete these images"},
    "fr": {"send": "Envoyer", "stop": "Arrêter l’envoi", "again": "Supprimer pets…", "delete": "Supprimer ces images"},
}


@pytest.fixture
def address(own: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with served(Desk(Store(own), folder)) as place:
        yield place


def choose(page: Page, content: bytes, name: str = "pets.zip") -> None:
    page.set_input_files("input[name=archive]", {"name": name, "mimeType": "application/zip", "buffer": content})


@pytest.mark.parametrize(("lang", "script"), [("en", True), ("fr", True), ("en", False)])
def test_sent_then_deleted(chromium: Browser, address: str, lang: str, script: bool) -> None:
    words = WORDS[lang]
    with chromium.new_context(locale=lang, java_script_enabled=script) as context:
        page = context.new_page()
        page.goto(f"{address}/start#data")
        choose(page, zipped(photographs()))
        page.get_by_role("button", name=words["send"], exact=True).click()
        page.wait_for_url("**/start?data=pets#made", timeout=30_000)
        page.get_by_text(words["again"]).click()
        page.get_by_role("button", name=words["delete"]).click()
        page.wait_for_url("**/start?deleted=pets#data")
        expect(page.get_by_text(words["again"])).to_have_count(0)


def test_how_far_it_is_and_stopped(chromium: Browser, address: str) -> None:
    with chromium.new_context(locale="en") as context:
        page = context.new_page()
        held: list[Route] = []
        page.goto(f"{address}/start")
        page.route("**/data", lambda route: held.append(route))  # it does not leave
        choose(page, zipped(photographs()))
        page.get_by_role("button", name="Send", exact=True).press("Enter")
        stop = page.get_by_role("button", name="Stop sending")
        expect(stop).to_be_focused()
        expect(page.locator(".sending progress")).to_be_visible()
        expect(page.get_by_role("button", name="Send", exact=True)).to_be_disabled()
        stop.press("Enter")
        expect(page.locator("#send [role=alert]")).to_have_text("Sending was stopped: nothing has been kept.")
        expect(page.get_by_role("button", name="Send", exact=True)).to_be_focused()
        expect(page.locator(".sending")).to_be_hidden()


def test_the_percentage_is_told(chromium: Browser, address: str) -> None:
    with chromium.new_context(locale="en") as context:
        page = context.new_page()
        page.goto(f"{address}/start")
        session = context.new_cdp_session(page)
        session.send("Network.enable")
        slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 400_000}
        session.send("Network.emulateNetworkConditions", slow)
        page.evaluate(
            """() => new MutationObserver(([{target}]) => (window.told ??= []).push(target.textContent))
               .observe(document.getElementById("sent-so-far"), {childList: true})"""
        )
        choose(page, zipped({f"set/{k}.txt": bytes(range(256)) * 2400 for k in range(2)}) + bytes(600_000), "big.zip")
        page.get_by_role("button", name="Send", exact=True).click()
        expect(page.locator("#send .callout")).to_be_visible(timeout=30_000)
        told = page.evaluate("window.told")
        percents = [int(text.split()[-2]) for text in told if "%" in text]
        assert percents == sorted(percents)
        assert any(0 < percent < 100 for percent in percents)
        assert "being checked" in told[-1]


def test_a_refusal_in_its_place(chromium: Browser, address: str) -> None:
    with chromium.new_context(locale="en") as context:
        page = context.new_page()
        page.goto(f"{address}/start")
        choose(page, b"no archive")
        page.get_by_role("button", name="Send", exact=True).click()
        expect(page.locator("#send .callout[role=alert]")).to_contain_text("cannot be read")
        assert page.url == f"{address}/start"
        page.evaluate("document.getElementById('send').dataset.most = 5")
        page.get_by_role("button", name="Send", exact=True).click()
        expect(page.locator("#send .callout[role=alert]")).to_contain_text("too large")
