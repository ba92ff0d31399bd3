"""Every page in a real browser, for who cannot see it well, or has no mouse: names, contrast, width, keyboard."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from etalon.app.desk import Desk
from etalon.opening import open_study
from etalon.study.journal import Dossier
from etalon.study.store import Store
from tests.app.serving import served

CHECKS = (Path(__file__).parent / "page_checks.js").read_text(encoding="utf-8")
PAGES = {
    "studies": "/",
    "start": "/start",
    "live": "/studies/{id}",
    "compare": "/studies/{id}/compare?first=reference&second=wider",
    "look": "/studies/{id}/look?against=reference",
    "images": "/studies/{id}/look/images",
    "image": "/studies/{id}/image/train/7",
    "try": "/studies/{id}/try",
    "data": "/studies/{id}/data",
    "report": "/studies/{id}/report",
    "refusal": "/studies/{id}/look?variant=nobody",
}
READY = {  # what such a page shows at last, and what it shows until then
    "live": ("[data-chart] canvas", "nothing"),
    "compare": (".chart canvas", "nothing"),
    "image": ("#worn img", "p.soft[role=status]"),
    "data": ("#audit", "#audit progress"),
}
NAMED = {"button", "link", "textbox", "combobox", "checkbox", "radio", "slider", "spinbutton", "image", "progressbar"}
NAMED |= {"heading", "Iframe", "DisclosureTriangle", "region"}

STOPS = """() => {
  const some = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']";
  const seen = (one) => one.checkVisibility({visibilityProperty: true}) && !one.disabled && one.tabIndex >= 0;
  window.stops = [...document.querySelectorAll(some)].filter(seen);
  window.reached = new Map();
  document.addEventListener("focusin", ({target}) => {
    const {outlineStyle, outlineWidth} = getComputedStyle(target);
    window.reached.set(target, outlineStyle !== "none" && parseFloat(outlineWidth) > 0);
  });
  return window.stops.length;
}"""
ON_TOP = """(slider) => {
  const {right, top, height} = slider.getBoundingClientRect();
  return document.elementFromPoint(right - 3, top + height / 2) === slider;
}"""
MISSED = """() => {
  const says = (why, one) => `${why}: ${one.outerHTML.slice(0, 90)}`;
  const group = (one) => one.type === "radio" ? [...one.form.elements[one.name]] : [one];
  const never = window.stops.filter((one) => one.isConnected && !group(one).some((other) => window.reached.has(other)));
  const unseen = [...window.reached].filter(([, visible]) => !visible).map(([one]) => one);
  return [...never.map((one) => says("never reached", one)), ...unseen.map((one) => says("focus not seen", one))];
}"""


LONG = "with_dropout_of_half_of_the_neurons_of_the_hidden_layer"


@pytest.fixture(scope="module")
def store(trained: Path, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the trained store, in which the same study has a variant with a long name: nothing is trained again."""
    place = tmp_path_factory.mktemp("pages")
    code = (folder / "digits_study.py").read_text(encoding="utf-8")
    (place / "study.py").write_text(code.replace("with_dropout", LONG), encoding="utf-8")
    store = Path(shutil.copytree(trained, place / "store"))
    open_study(place / "study.py").with_(store=store).run(workers=0, progress=False)
    return store


@pytest.fixture(scope="module")
def dossier(store: Path) -> Dossier:
    """The study with the long name."""
    return next(one for one in Store(store).studies() if one.candidates[-1].name == LONG)


@pytest.fixture(scope="module")
def address(store: Path, folder: Path) -> Iterator[str]:
    """Of the application on that store."""
    with served(Desk(Store(store), folder)) as place:
        yield place


@pytest.fixture(scope="module", params=["en", "fr"])
def context(request: pytest.FixtureRequest, chromium: Browser) -> Iterator[BrowserContext]:
    """A browser in a language."""
    with chromium.new_context(locale=request.param, viewport={"width": 1280, "height": 800}) as made:
        made.add_init_script(f"window.wanted = {request.param!r}")
        yield made


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page on which no script goes wrong, and nothing is missing."""
    made, told = context.new_page(), []
    made.on("pageerror", lambda error: told.append(str(error)))
    made.on("console", lambda said: told.append(said.text) if said.type == "error" else None)
    yield made
    made.close()
    assert [text for text in told if "422" not in text] == []  # the refusal's own status


def visit(page: Page, address: str, id: str, name: str) -> None:
    page.goto(address + PAGES[name].format(id=id))
    if name in READY:
        shown, gone = READY[name]
        expect(page.locator(shown).first).to_be_visible(timeout=60_000)
        expect(page.locator(gone)).to_have_count(0, timeout=60_000)


def nameless(page: Page) -> list[str]:
    """What a screen reader would say nothing of: by the browser's own tree of what it is told."""
    session = page.context.new_cdp_session(page)
    nodes: list[Any] = session.send("Accessibility.getFullAXTree")["nodes"]
    heard = [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes if not node["ignored"]]
    return [f"a {role} without a name" for role, name in heard if role in NAMED and not str(name).strip()]


def wrong(page: Page) -> list[str]:
    """What is wrong in what can be seen, and stays so: charts take a moment to fit another window."""
    found: list[str] = page.evaluate(CHECKS)
    for _moment in range(20):
        if not found:
            break
        page.wait_for_timeout(100)
        found = page.evaluate(CHECKS)
    return found


@pytest.mark.parametrize("name", PAGES)
def test_seen_and_heard(page: Page, address: str, dossier: Dossier, name: str) -> None:
    visit(page, address, dossier.id, name)
    assert page.evaluate("document.documentElement.lang === window.wanted")
    assert page.title().endswith("· Étalon")
    assert nameless(page) == []
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 800})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            assert wrong(page) == [], (width, scheme)


def test_nothing_covers_the_sliders(page: Page, address: str, dossier: Dossier) -> None:
    visit(page, address, dossier.id, "image")
    for width in (1280, 700, 360):
        page.set_viewport_size({"width": width, "height": 800})
        for slider in page.locator(".sliders input[type=range]").all():
            slider.scroll_into_view_if_needed()
            assert slider.evaluate(ON_TOP), (width, slider.get_attribute("name"))


@pytest.mark.parametrize("name", PAGES)
def test_by_the_keyboard_alone(chromium: Browser, address: str, dossier: Dossier, name: str) -> None:
    """Tab goes through all that can be acted on, and one always sees where one is."""
    with chromium.new_context(locale="en", viewport={"width": 1280, "height": 800}) as context:
        page = context.new_page()
        visit(page, address, dossier.id, name)
        for _stop in range(page.evaluate(STOPS) + 1):
            page.keyboard.press("Tab")
        assert page.evaluate(MISSED) == []


def test_the_first_tab_leads_to_the_content(page: Page, address: str) -> None:
    page.goto(address)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_what_is_wrong_is_found(page: Page) -> None:
    page.set_content(
        """<!doctype html><body style="margin: 0; background: white; overflow-x: clip"><h1>One</h1><h1>Two</h1>
        <input type="text"><a href="/"></a><img><canvas></canvas><i id="a"></i><i id="a"></i>
        <p style="color: #777777">too pale</p><p style="color: #767676">not too pale</p>
        <p style="color: #949494; font-size: 24px">large</p><p style="color: rgb(0 0 0 / 40%)">too thin</p>
        <div style="background: black; color: white"><p style="color: #666666">too dark</p>
        <p style="opacity: .3">dim</p></div><div style="width: 3000px">far</div>
        <div style="overflow: auto"><div style="width: 3000px">scrolls</div></div>"""
    )
    found = "\n".join(page.evaluate(CHECKS))
    for text in ("2 h1", "id a", "no alt", "no name", "too pale", "too thin", "too dark", "dim", "far"):
        assert text in found
    for text in ("not too pale", "large", "scrolls"):
        assert text not in found
    assert {"a textbox without a name", "a link without a name"} <= set(nameless(page))


def test_what_the_keyboard_cannot_do_is_found(page: Page) -> None:
    page.set_content(
        """<!doctype html><button>reached</button><a id="pale" href="/" style="outline: none">where?</a><div inert>
        <button id="inert">never</button></div><details><summary>more</summary><button>no</button></details>"""
    )
    for _stop in range(page.evaluate(STOPS) + 1):
        page.keyboard.press("Tab")
    never, unseen = page.evaluate(MISSED)
    assert "never reached" in never
    assert "inert" in never
    assert "focus not seen" in unseen
    assert "pale" in unseen
