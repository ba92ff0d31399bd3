"""Try: what is sent is prepared as the set was, and every model answers; nothing hostile passes, nothing is kept."""

import re
import zlib
from base64 import b64decode
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Browser
from scipy.special import softmax
from starlette.testclient import TestClient
from torch import nn

import etalon
from etalon.analysis.calibration import fit_temperature
from etalon.app.desk import Desk
from etalon.app.models import Networks
from etalon.app.server import create
from etalon.app.trying import IMAGE
from etalon.study.journal import Dossier
from etalon.study.store import Store
from tests.app.serving import served

VALUE = re.compile(r'<span class="name">(\d)</span>.*?<span class="value">([\d.]+)%', re.DOTALL)


@pytest.fixture
def here(dossier: Dossier) -> str:
    return f"/studies/{dossier.id}/try"


def said(text: str) -> dict[str, str]:
    """What each variant answers: the recommended one in full, each other in a line of the table."""
    found = re.findall(r'<section class="card main" aria-label="(\w+)">(.*?)</section>', text, re.DOTALL)
    return dict(found) | dict(re.findall(r'<tr><th scope="row">(\w+)</th>(.*?)</tr>', text, re.DOTALL))


def file(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    made = BytesIO()
    image.save(made, kind, **options)
    return made.getvalue()


def seven(size: int = 300, ink: int = 0, ground: int = 255) -> Image.Image:
    made = Image.new("L", (size, size), ground)
    corners = [(0.25, 0.15), (0.75, 0.15), (0.45, 0.85)]
    ImageDraw.Draw(made).line([(x * size, y * size) for x, y in corners], ink, size // 9, joint="curve")
    return made


def post(browser: TestClient, here: str, data: bytes, name: str = "sent.png") -> tuple[int, str]:
    answer = browser.post(here, files={"file": (name, data)})
    return answer.status_code, answer.text


def test_an_image_of_the_set_gets_its_stored_answer_calibrated(
    client: TestClient, desk: Desk, dossier: Dossier, here: str
) -> None:
    data = desk.dataset(dossier.id).train
    for index in (0, 100):
        status, text = post(client, here, file(Image.fromarray(np.asarray(data.x[index, ..., 0]))))
        assert status == 200
        assert text.count("<li>As it was received") == 1
        found = said(text)
        assert set(found) == {one.name for one in dossier.candidates}
        for candidate in dossier.candidates:
            outcome, each = desk.result(dossier.id)[candidate.name], []
            for seed, key in candidate.keys.items():
                run = desk.store.load(key)
                y = data.y[run.validation_index]
                temperature = fit_temperature(run.validation_logits, y, "softmax")
                place = np.flatnonzero(run.validation_index == index)
                z = run.validation_logits[place[0]] if len(place) else outcome.predictor(seed)(data.x[[index]])[0]
                each.append(softmax(z.astype(float) / temperature))
            mean = np.mean(each, axis=0)
            best = np.argsort(-mean, kind="stable")
            if shown := {int(c): float(p) / 100 for c, p in VALUE.findall(found[candidate.name])}:
                assert shown == {c: pytest.approx(mean[c], abs=6e-4) for c in best[:5]}
            else:
                read, sure = re.findall(r"<strong>(\d)</strong>.*?>([\d.]+)%", found[candidate.name])[0]
                assert (int(read), float(sure) / 100) == (best[0], pytest.approx(mean[best[0]], abs=6e-4))


def test_the_advice_is_that_of_the_thresholds(client: TestClient, desk: Desk, dossier: Dossier, here: str) -> None:
    image = np.asarray(desk.dataset(dossier.id).train.x[5])
    text = post(client, here, file(Image.fromarray(image[..., 0])))[1]
    found = said(text)
    for outcome in desk.result(dossier.id):
        promise = outcome.confidence().strictest
        if promise is None:
            assert not re.search("Can be kept|To a person", found[outcome.name]), "said once, for all of them"
            assert text.count("No promise") == 1
            continue
        sure = [softmax(outcome.predictor(run.seed)(image[None])[0]).max() for run in outcome.runs]
        under = sum(p < (t.value or 0) for p, t in zip(sure, promise.thresholds, strict=True))
        assert ("To a person" if under else "Can be kept") in found[outcome.name]


@pytest.mark.parametrize(
    ("image", "kind"),
    [
        (seven(), "PNG"),
        (seven(40, ink=255, ground=0), "PNG"),
        (seven(900).convert("RGB"), "JPEG"),
        (seven().convert("CMYK"), "JPEG"),
        (seven().convert("RGBA"), "PNG"),
        (seven().convert("P"), "GIF"),
        (seven().convert("1"), "PNG"),
        (seven().convert("I").point(lambda v: v * 257).convert("I;16"), "PNG"),
        (seven().convert("F"), "TIFF"),
        (seven(), "WEBP"),
        (seven().resize((2, 900)), "PNG"),
    ],
    ids=lambda value: f"{value.mode}-{value.size}" if isinstance(value, Image.Image) else value,
)
def test_any_image_is_read(client: TestClient, here: str, image: Image.Image, kind: str) -> None:
    status, text = post(client, here, file(image, kind))
    assert status == 200
    assert len(said(text)) == 3


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
@pytest.mark.parametrize("size", [1, 8, 50])
def test_nothing_is_read_where_nothing_is_drawn(client: TestClient, here: str, mode: str, size: int) -> None:
    for colour in (0, 255):
        ground = {"L": colour, "RGB": (colour,) * 3, "RGBA": (0, 0, 0, colour)}[mode]
        status, text = post(client, here, file(Image.new(mode, (size, size), ground)))
        assert status == 200
        assert "Nothing is drawn on it" in text
        assert said(text) == {}
        assert 'class="steps"' in text


def test_steps_are_shown(client: TestClient, here: str) -> None:
    _status, text = post(client, here, file(seven().convert("RGB")))
    steps = re.findall(r"<li>(.*?) <span class=\"soft\">\((\d+) × (\d+)\)", text.split('class="steps"')[1], re.DOTALL)
    assert [said.split(":")[0].split(",")[0] for said, _h, _w in steps if "thickened" not in said] == [
        "As it was received",
        "In grey",
        "Inverted",
        "Cut out",
    ]
    assert steps[-1][1:] == ("8", "8")
    last = re.findall(r'class="pixels" src="data:image/png;base64,([^"]*)"', text)[-1]
    drawn = np.asarray(Image.open(BytesIO(b64decode(last))))
    assert drawn.shape == (8, 8)
    assert drawn[0].max() > 150


def test_what_all_the_models_have_in_common_is_said_once(client: TestClient, here: str) -> None:
    _status, text = post(client, here, file(seven()))
    text = text.split('id="answer"')[1]
    for sentence in ("calibrated on validation", "All this holds for images", "surer than their thresholds"):
        assert text.count(sentence) <= 1
    assert text.count("calibrated on validation") == 1
    first, *others = (re.findall(r"<strong>(\d)</strong>", one)[0] for one in said(text).values())
    same = others.count(first)
    assert re.search(rf"The recommended model, \w+, reads: <strong>{first}</strong>", text)
    assert ("The 2 other models read the same" if same == 2 else f"Of the other models, {same} of 2 read") in text
    form = client.get(here).text
    assert "50 million pixels and 32 MB at most" in form


def test_the_answer_alone_for_those_who_have_the_page(client: TestClient, here: str) -> None:
    answer = client.post(here, files={"file": ("a.png", file(seven()))}, headers={"hx-request": "true"})
    assert "<html" not in answer.text
    assert len(said(answer.text)) == 3


def animated(frames: int = 40) -> bytes:
    return file(seven(30), "GIF", save_all=True, append_images=[seven(30 + k) for k in range(frames)])


def bomb() -> bytes:
    """A PNG of a few bytes that announces 40,000 x 40,000 pixels."""
    data = bytearray(file(Image.new("1", (1, 1))))
    data[16:24] = (40_000).to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(bytes(data[12:29])).to_bytes(4, "big")
    return bytes(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not an image",
        b"\x89PNG\r\n\x1a\n" + b"\0" * 100,
        file(seven())[:200],
        file(seven(), "JPEG")[:300],
        bomb(),
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(x) run\n",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%PDF-1.4",
        b"PK\x03\x04" + b"\0" * 50,
    ],
    ids=["empty", "text", "png head", "cut png", "cut jpeg", "bomb", "eps", "svg", "pdf", "zip"],
)
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_what_is_no_image_is_refused_in_three_parts(client: TestClient, here: str, data: bytes) -> None:
    status, text = post(client, here, data, "<b>sent</b>.png")
    assert status == 422
    assert text.split('role="alert">')[1].count("<p>") >= 3
    assert "<b>sent</b>" not in text


def test_the_first_picture_of_an_animation_is_read(client: TestClient, here: str) -> None:
    assert post(client, here, animated())[0] == 200


def test_too_many_bytes_are_refused(client: TestClient, here: str) -> None:
    status, text = post(client, here, b"\0" * (IMAGE + 1))
    assert status == 413
    assert 'role="alert"' in text


def test_a_form_without_file_is_refused(client: TestClient, here: str) -> None:
    assert client.post(here).status_code == 422
    assert client.post(here, data={"file": "text"}).status_code == 422
    broken = client.post(here, content=b"--x\r\n", headers={"content-type": "multipart/form-data; boundary=x"})
    assert broken.status_code in (400, 422)


def test_nothing_is_kept(client: TestClient, desk: Desk, trained: Path, here: str) -> None:
    def files() -> set[Path]:
        return {path for path in trained.rglob("*") if not path.name.startswith("etalon.db")}

    before = files()
    post(client, here, file(seven()))
    assert files() == before


def test_only_the_last_networks_are_kept(desk: Desk, dossier: Dossier) -> None:
    kept = Networks(most=2)
    x = desk.dataset(dossier.id).train.x[:3]
    for outcome in desk.result(dossier.id):
        for run in outcome.runs:
            np.testing.assert_array_equal(kept.logits(outcome, run, x), outcome.predictor(run.seed)(x))
            assert len(kept) <= 2


class TestTorchModules:
    """A variant whose network takes code that the store does not have."""

    @pytest.fixture
    def browser(self, tmp_path: Path) -> Iterator[TestClient]:
        study = etalon.Study("Modules", data="digits", seeds=1, epochs=1, store=tmp_path / "store")

        @study.reference
        def reference() -> nn.Module:
            return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))

        study.run(workers=0, progress=False)
        desk = Desk(Store(tmp_path / "store"), tmp_path)
        with TestClient(create(desk), base_url="http://localhost", headers={"accept-language": "en"}) as made:
            yield made

    def test_it_is_said(self, browser: TestClient) -> None:
        desk: Desk = browser.app.app.app.state.desk  # type: ignore[attr-defined]
        here = f"/studies/{desk.dossiers()[0].id}"
        status, text = post(browser, f"{here}/try", file(seven()))
        assert status == 200
        assert "a torch module" in text
        for page in ("image/train/0", "image/train/0/answers", "image/train/0/worn", "image/train/0/looked"):
            answer = browser.get(f"{here}/{page}")
            assert answer.status_code == 200
        assert "a torch module" in browser.get(f"{here}/image/train/0/looked").text
        assert browser.get(f"{here}/look").status_code == 200


def test_a_digit_drawn_with_the_mouse_is_read(chromium: Browser, desk: Desk, here: str) -> None:
    with served(desk) as address, chromium.new_context(locale="fr") as context:
        page = context.new_page()
        wrong: list[str] = []
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        page.goto(address + here)
        box = page.locator("#canvas").bounding_box()
        assert box

        def place(x: float, y: float) -> tuple[float, float]:
            return box["x"] + x * box["width"], box["y"] + y * box["height"]

        page.mouse.move(*place(0.5, 0.15))
        page.mouse.down()
        for angle in np.linspace(0, 2 * np.pi, 30):
            page.mouse.move(*place(0.5 + 0.22 * np.sin(angle), 0.5 - 0.35 * np.cos(angle)))
        page.mouse.up()
        page.wait_for_selector("#answer .card", timeout=60_000)
        assert page.locator("#answer tbody tr").count() == 2
        assert page.locator("#answer .verdict-line strong").inner_text() == "0"
        assert "Inversée" in page.locator(".steps").inner_text()
        drawn = "canvas.getContext('2d').getImageData(0, 0, 400, 400).data.some((value) => value < 255)"
        assert page.evaluate(drawn)
        page.get_by_role("button", name="Effacer").click()
        assert page.locator("#answer .card").count() == 0, "what was answered goes with the drawing"
        assert not page.evaluate(drawn)
        page.locator("#canvas").click()
        page.wait_for_selector("#answer .card")
        page.set_input_files("#file", {"name": "x.png", "mimeType": "image/png", "buffer": b"no image"})
        page.wait_for_selector("#answer .callout.bad")
        assert not page.evaluate(drawn), "nor does a drawing stay beside what is said of something else"
        assert wrong == [] or all("422" in said for said in wrong)
