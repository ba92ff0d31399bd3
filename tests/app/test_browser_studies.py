"""As a person does it, in a real browser: a study made of choices, watched, stopped, gone on with."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from etalon.app.desk import Desk
from etalon.study.journal import Diary, Dossier, Told
from etalon.study.store import Store
from tests.app.serving import served

WORDS = {
    "en": {"title": "Title", "epochs": "Epochs", "side": "Side of the images, pixels", "seeds": "Seeds"},
    "fr": {"title": "Titre", "epochs": "Époques", "side": "Côté des images, en pixels", "seeds": "Graines"},
}
WORDS["en"] |= {"read": "Read the file first", "start": "Write the file and start"}
WORDS["fr"] |= {"read": "Lire d’abord le fichier", "start": "Écrire le fichier et lancer"}
WORDS["en"] |= {"stop": "Stop", "resume": "Resume", "stopped": "stopped", "dense": "A dense network", "done": "done"}
WORDS["fr"] |= {"stop": "Arrêter", "resume": "Reprendre", "stopped": "arrêté", "dense": "Un réseau dense"}
WORDS["fr"] |= {"done": "terminé", "table": "Les mêmes chiffres en tableau"}
WORDS["en"] |= {"table": "The same figures as a table", "mean": "mean over seeds"}
WORDS["fr"] |= {"mean": "moyenne sur les graines"}


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Of the application, as `etalon ui` serves it."""
    (tmp_path / "served").mkdir()
    command = [sys.executable, "-m", "etalon.cli", "ui", "served", "--store", "store", "--port", "0", "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path) as server:
        assert server.stdout
        yield server.stdout.readline().strip()
        server.send_signal(signal.SIGINT)
        assert server.wait(20) == 0


def curves(page: Page) -> list[int]:
    """How many epochs each trial has, as the page knows it."""
    told = page.locator("[data-key] .how").all_inner_texts()
    return [int(match[1]) for text in told if (match := re.match(r"(\d+)/\d+", text))]


@pytest.mark.parametrize(("lang", "width", "scheme"), [("en", 1280, "light"), ("fr", 360, "dark")])
def test_from_choices_to_the_last_curve(chromium: Browser, address: str, lang: str, width: int, scheme: str) -> None:
    words = WORDS[lang]
    context = chromium.new_context(viewport={"width": width, "height": 800}, locale=lang, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)

    page.goto(address + "start")
    made = page.locator("#made")
    made.get_by_label(words["title"]).fill("Mes chiffres")
    made.get_by_label(words["side"]).fill("8")
    made.get_by_label(words["seeds"], exact=True).fill("2")
    made.get_by_label(words["epochs"], exact=True).fill("500")
    made.get_by_label(words["dense"]).check()
    expect(made.locator("input[value=more_filters]")).to_be_hidden()
    expect(made.locator("#trainings")).to_contain_text("3 × 2 = 6")
    made.locator("[name=data]").select_option("digits")
    for name in ("dropout", "augmentation"):
        made.locator(f"[value={name}]").uncheck()
    made.get_by_role("button", name=words["start"]).click()
    expect(made.get_by_role("alert")).to_be_in_viewport()
    expect(made.get_by_label(words["title"])).to_have_value("Mes chiffres")
    expect(made.get_by_label(words["dense"])).to_be_checked()
    made.locator("[value=dropout]").check()
    made.get_by_role("button", name=words["read"]).click()
    expect(made.locator("#text pre")).to_contain_text('"Mes chiffres"')
    made.get_by_role("button", name=words["start"]).click()

    page.wait_for_url("**/studies/*", timeout=60_000)  # the page of the job leads there by itself
    expect(page.locator("[data-chart=loss] canvas")).to_be_visible()
    expect(page.locator("[data-now=epochs]")).to_have_text(re.compile(r"[2-9]\d|\d{3}"), timeout=60_000)
    expect(page.locator("[data-now=left]")).not_to_be_empty()
    before = curves(page)
    page.reload()
    expect(page.locator("[data-chart=loss] canvas")).to_be_visible()
    assert sum(curves(page)) >= sum(before) > 0, "a reload loses nothing"
    assert page.evaluate("document.documentElement.scrollWidth") <= width

    page.get_by_role("button", name=words["stop"], exact=True).click()
    expect(page.locator("#now .badge")).to_have_text(words["stopped"], timeout=30_000)
    expect(page.locator("[data-state=training]")).to_have_count(0)
    page.get_by_role("button", name=words["resume"]).click()
    expect(page.locator("[data-state=training]").first).to_be_visible(timeout=60_000)
    page.get_by_role("button", name=words["stop"], exact=True).click()
    expect(page.locator("#now .badge")).to_have_text(words["stopped"], timeout=30_000)

    page.get_by_label(words["mean"]).check()
    page.get_by_text(words["table"]).click()
    expect(page.locator("#live table").first).to_be_visible()
    page.goto(address)
    for search, found in (("zz", 0), ("CHIFFRES", 1)):
        page.get_by_role("searchbox").fill(search)
        expect(page.get_by_role("link", name="Mes chiffres")).to_have_count(found)
    assert page.url.endswith("/?q=CHIFFRES")
    assert [text for text in wrong if "422" not in text] == []  # the refusal's own status
    context.close()


def test_tabs_that_nobody_looks_at_let_others_in(chromium: Browser, own: Path, dossier: Dossier, folder: Path) -> None:
    """A browser has six lines to a server: those of tabs in the background are given back, and nothing is missed."""
    diary, key = Diary(own / "studies" / dossier.id / "events.jsonl"), dossier.candidates[1].keys[0]
    with served(Desk(Store(own), folder)) as address, chromium.new_context() as context:
        tabs = []
        for _ in range(8):
            tab = context.new_page()
            tab.goto(f"{address}/studies/{dossier.id}", timeout=20_000)
            expect(tab.locator("#live[data-heard]")).to_be_attached()
            tab.evaluate(
                """() => {
                    Object.defineProperty(document, "hidden", {get: () => window.away, configurable: true});
                    window.away = true;
                    document.dispatchEvent(new Event("visibilitychange"));
                }"""
            )
            tabs.append(tab)
        diary.tell(Told("epoch", key=key, epoch=1, epochs=9, logs={"loss": 1.0, "val_accuracy": 0.5}))
        cell = tabs[0].locator(f'[data-key="{key}"]')
        expect(cell).to_have_attribute("data-state", "done")
        tabs[0].evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")
        expect(cell.locator(".how")).to_have_text("1/9")
