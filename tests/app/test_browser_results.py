"""As a person does it, in a real browser: compare, weigh again, open the test images, see the data, read the report."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from etalon.app import desk as desks
from etalon.app.desk import Desk
from etalon.reopened import reopen
from etalon.result import Result
from etalon.study.journal import Dossier
from etalon.study.store import Store
from tests.app.serving import served

SIZES = [("en", 1280, "light"), ("fr", 360, "dark")]
WORDS = {
    "en": {"time": "Training twice as fast", "sealed": "The test images are sealed", "open": "Open the test images"},
    "fr": {"time": "Un entraînement deux fois plus court", "sealed": "Les images de test sont scellées"},
}
WORDS["en"] |= {"verdicts": "Verdicts on test", "make": "Make the report", "found": "What was looked for, and found"}
WORDS["fr"] |= {"open": "Ouvrir les images de test", "verdicts": "Verdicts sur le test", "make": "Faire le rapport"}
WORDS["en"] |= {"store": "From the store alone", "results": "Comparative results"}
WORDS["fr"] |= {"store": "Avec le dépôt seul", "results": "Résultats comparatifs"}
WORDS["fr"] |= {"found": "Ce qui a été cherché, et trouvé"}


@pytest.fixture
def address(own: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Of the application on a copy of the trained store."""
    monkeypatch.setattr(Result, "_degraded", None)  # degraded images take long, and are looked at elsewhere
    with served(Desk(Store(own), folder)) as place:
        yield place


@contextmanager
def visit(chromium: Browser, lang: str, width: int, scheme: str) -> Iterator[Page]:
    """A page on which nothing goes wrong, and nothing is wider than it."""
    size = {"width": width, "height": 800}
    with chromium.new_context(viewport=size, locale=lang, color_scheme=scheme) as context:  # type: ignore[arg-type]
        page = context.new_page()
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        yield page
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert not wrong


@pytest.mark.parametrize(("lang", "width", "scheme"), SIZES)
def test_compare(
    chromium: Browser, address: str, own: Path, dossier: Dossier, lang: str, width: int, scheme: str
) -> None:
    words, here = WORDS[lang], f"{address}/studies/{dossier.id}"
    with visit(chromium, lang, width, scheme) as page:
        page.goto(f"{here}/compare")
        page.get_by_label(words["time"]).fill("1")
        page.wait_for_url("**time=1**")
        page.locator("#choice summary").click()
        best = reopen(Store(own), dossier.id).recommend({"time": 1.0})
        ranked = [one.name for one in sorted(best.candidates, key=lambda one: -one.score)]
        expect(page.locator("#choice tbody th")).to_have_text(ranked)
        page.reload()
        expect(page.get_by_label(words["time"])).to_have_value("1")

        names = page.locator("table.verdicts tbody th")
        page.locator("table.verdicts thead button").first.press("Enter")
        expect(names).to_have_text(["reference", "wider", "with_dropout"])
        page.locator("table.verdicts thead button").first.press("Enter")
        expect(names).to_have_text(["with_dropout", "wider", "reference"])

        point = page.locator(".point").nth(1)
        point.focus()
        expect(point.locator("small")).to_be_visible()
        page.locator("input[name=curve][value=with_dropout]").uncheck()
        page.wait_for_url("**curve=wider**")
        expect(page.locator(".chart canvas")).to_be_visible()
        page.locator("#drawn summary").click()
        expect(page.locator("table.curves thead th")).to_have_count(3)

        page.get_by_text(words["sealed"]).click()
        page.get_by_role("button", name=words["open"]).click()
        expect(page.get_by_role("heading", name=words["verdicts"])).to_be_visible()


def test_the_images_of_a_cell_come_back(chromium: Browser, address: str, dossier: Dossier) -> None:
    with visit(chromium, "en", 1280, "light") as page:
        look = f"{address}/studies/{dossier.id}/look"
        page.goto(look)
        page.locator("table.heat a").first.click()
        page.wait_for_url("**/look/images?**")
        shown = page.locator("#images .gallery a").evaluate_all("links => links.map(link => link.href)")
        page.goto(shown[0])
        page.go_back()
        found = page.locator("#images .gallery a").evaluate_all("links => links.map(link => link.href)")
        assert found == shown, "one goes from image to image"
        page.go_back()
        page.wait_for_url(look)
        expect(page.locator("table.heat")).to_be_visible()


def test_one_goes_through_a_cell_and_the_sliders_stay(chromium: Browser, address: str, dossier: Dossier) -> None:
    with visit(chromium, "fr", 360, "dark") as page:
        page.goto(f"{address}/studies/{dossier.id}/look?variant=wider")
        page.locator("#cell-3-3").click()
        page.locator("#images .gallery a").first.click()
        page.locator("a[rel=next]").click()
        expect(page.locator(".pager span")).to_have_text(re.compile(r"^2 sur \d+$"))
        page.locator("#noise").fill("20")
        page.wait_for_url("**noise=20**")
        page.reload()
        expect(page.locator("#noise")).to_have_value("20")
        expect(page.locator(".pager span")).to_have_text(re.compile(r"^2 sur \d+$"))
        page.locator(".back a").first.click()
        expect(page.locator("#variant")).to_have_value("wider")
        expect(page.locator("#cell-3-3")).to_be_in_viewport()


@pytest.mark.parametrize(("lang", "width", "scheme"), SIZES)
def test_data(chromium: Browser, address: str, dossier: Dossier, lang: str, width: int, scheme: str) -> None:
    with visit(chromium, lang, width, scheme) as page:
        page.goto(f"{address}/studies/{dossier.id}/data")
        expect(page.locator("#audit")).to_contain_text(WORDS[lang]["found"], timeout=60_000)
        page.locator(".class-counts tbody a").nth(3).click()
        expect(page.locator("#label")).to_have_value("3")
        expect(page.locator("#gallery .tile")).to_have_count(100)
        page.locator("#gallery a[rel=next]").click()
        expect(page.locator("#gallery .tile").first).to_be_visible()


@pytest.mark.parametrize(("lang", "width", "scheme"), SIZES)
def test_report(chromium: Browser, address: str, dossier: Dossier, lang: str, width: int, scheme: str) -> None:
    words = WORDS[lang]
    with visit(chromium, lang, width, scheme) as page:
        page.goto(f"{address}/studies/{dossier.id}/report")
        page.get_by_role("button", name=words["open"]).click()
        page.get_by_text(words["store"]).first.click()
        page.get_by_role("button", name=words["make"]).last.click()
        report = page.frame_locator("iframe.reading")
        expect(report.get_by_role("heading", name=words["results"])).to_be_visible(timeout=60_000)
        report.locator("table.sortable thead button").first.click()
        expect(report.locator("table.sortable thead th").first).to_have_attribute("aria-sort", "ascending")


@pytest.mark.skipif(find_spec("typst") is None, reason="no typst: it typesets the PDF")
@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="no pdftotext: apt install poppler-utils")
def test_a_pdf_made_by_the_queue(chromium: Browser, address: str, dossier: Dossier, tmp_path: Path) -> None:
    """The study's file is run by another process, and what it has made is downloaded."""
    with visit(chromium, "fr", 1280, "light") as page:
        page.goto(f"{address}/studies/{dossier.id}/report")
        page.get_by_role("button", name=WORDS["fr"]["open"]).click()
        page.locator("#form-file").select_option("pdf")
        page.get_by_role("button", name=WORDS["fr"]["make"]).first.click()
        expect(page.locator("#state progress")).to_be_visible()
        link = page.locator("#state tbody").get_by_role("link", name="PDF")
        with page.expect_download(timeout=310_000) as waited:
            link.click(timeout=300_000)
        waited.value.save_as(tmp_path / "report.pdf")
    assert waited.value.suggested_filename == "digits_study-digits.fr.pdf"
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF-")
    told = subprocess.run(
        ["pdftotext", tmp_path / "report.pdf", "-"], capture_output=True, text=True, check=True
    ).stdout
    assert all(text in told for text in ("Lire des chiffres", WORDS["fr"]["results"], "with_dropout"))


@pytest.mark.parametrize(("lang", "width", "scheme"), SIZES)
def test_what_takes_long_follows(
    chromium: Browser,
    address: str,
    dossier: Dossier,
    monkeypatch: pytest.MonkeyPatch,
    lang: str,
    width: int,
    scheme: str,
) -> None:
    monkeypatch.setattr(desks, "PATIENCE", 0.0)
    with visit(chromium, lang, width, scheme) as page:
        page.goto(f"{address}/studies/{dossier.id}/compare?metric=macro_f1")
        expect(page.locator("#await progress")).to_be_visible()
        expect(page.locator("table.verdicts tbody th")).to_have_count(3, timeout=60_000)
        page.locator("table.verdicts thead button").first.press("Enter")
        expect(page.locator("table.verdicts thead th").first).to_have_attribute("aria-sort", "ascending")
