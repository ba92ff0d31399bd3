"""One image's page: what is said of it is what the store and the networks say."""

import re
from base64 import b64decode
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.special import softmax
from starlette.testclient import TestClient

from etalon.app.desk import Desk
from etalon.data.corruptions import Wear
from etalon.study.journal import Dossier

SAID = re.compile(
    r'(right|wrong)-answer">(\d) <span aria-hidden="true">.</span></span> ([\d.]+)%'
    r'(?:\s*<span class="small soft( learnt)?">)?'
)
VALUE = re.compile(r'<span class="name">(\d)</span>.*?<span class="value">([\d.]+)%', re.DOTALL)


@pytest.fixture
def here(dossier: Dossier) -> str:
    return f"/studies/{dossier.id}/image"


@pytest.fixture
def index(desk: Desk, dossier: Dossier) -> int:
    """An image on which the first seed validated, and from which the second one learnt."""
    first, second = (desk.store.load(key).validation_index for key in dossier.reference.keys.values())
    return int(np.setdiff1d(first, second)[0])


def test_all_models_and_seeds_and_what_the_image_was_to_each(
    client: TestClient, desk: Desk, dossier: Dossier, here: str, index: int
) -> None:
    data = desk.dataset(dossier.id).train
    text = client.get(f"{here}/train/{index}/answers").text
    rows = re.findall(r'<th scope="row">(\w+)</th>(.*?)</tr>', text, re.DOTALL)
    assert [name for name, _row in rows] == [one.name for one in dossier.candidates]
    for (name, row), candidate in zip(rows, dossier.candidates, strict=True):
        outcome = desk.result(dossier.id)[name]
        wanted = []
        for seed, key in candidate.keys.items():
            run = desk.store.load(key)
            place = np.flatnonzero(run.validation_index == index)
            stored = run.validation_logits[place[0]] if len(place) else outcome.predictor(seed)(data.x[[index]])[0]
            p = softmax(stored.astype(float))
            wanted.append((int(p.argmax()), float(p.max()), not len(place)))
        found = [(int(c), float(p) / 100, bool(learnt)) for _right, c, p, learnt in SAID.findall(row)]
        assert found == [(c, pytest.approx(p, abs=6e-4), learnt) for c, p, learnt in wanted]
        assert [learnt for _c, _p, learnt in found] == [False, True]
        assert "1 seed of 1 says so" in row  # what was learnt by heart does not count


def test_the_page_asks_no_network_before_it_is_shown(client: TestClient, here: str, index: int) -> None:
    text = client.get(f"{here}/train/{index}").text
    assert text.count("learnt from it</span>") == 3
    assert len(SAID.findall(text)) == 3
    assert f'hx-get="{here}/train/{index}/answers"' in text


def test_without_script_all_is_in_the_page(client: TestClient, here: str, index: int) -> None:
    text = client.get(f"{here}/train/{index}?asked=true&noise=10").text
    assert len(SAID.findall(text)) >= 6
    assert "data:image/svg+xml" in text
    assert "Nearest pixel by pixel" in text
    assert 'hx-trigger="load"' not in text


@pytest.mark.parametrize(
    ("asked", "wear"),
    [
        ("", Wear()),
        ("noise=20&rotation=-15", Wear(noise=0.2, rotation=-15)),
        ("blur=4.5&right=12&down=-8", Wear(blur=0.045, right=0.12, down=-0.08)),
    ],
)
def test_sliders_predict_the_degraded_image(
    client: TestClient, desk: Desk, dossier: Dossier, here: str, index: int, asked: str, wear: Wear
) -> None:
    text = client.get(f"{here}/train/{index}/worn?variant=wider&{asked}").text
    degraded = wear.apply(desk.dataset(dossier.id).train.x[[index]])
    shown = re.search(r'src="data:image/png;base64,([^"]*)"', text)
    assert shown
    np.testing.assert_array_equal(np.asarray(Image.open(BytesIO(b64decode(shown[1])))), degraded[0, ..., 0])
    outcome = desk.result(dossier.id)["wider"]
    mean = np.mean([softmax(outcome.predictor(run.seed)(degraded)[0]) for run in outcome.runs], axis=0)
    found = {int(c): float(p) / 100 for c, p in VALUE.findall(text)}
    assert found == {c: pytest.approx(mean[c], abs=6e-4) for c in range(10)}


def test_sliders_stay_in_the_address_of_the_page(client: TestClient, here: str, index: int) -> None:
    moved = client.get(f"{here}/train/{index}/worn?asked=true&variant=wider&noise=20&down=-3.5&within=true%3D1")
    address = moved.headers["hx-replace-url"]
    assert address == f"{here}/train/{index}?variant=wider&noise=20&down=-3.5&within=true%3D1"
    text = client.get(address).text
    assert re.search(r'id="noise"[^>]* value="20.0"', text)
    assert re.search(r'id="down"[^>]* value="-3.5"', text)
    assert '<option value="wider" selected>' in text
    still = client.get(f"{here}/train/{index}/worn?asked=true&noise=0").headers["hx-replace-url"]
    assert still == f"{here}/train/{index}"


def test_what_the_network_looks_at_is_told_and_drawn(client: TestClient, here: str, index: int) -> None:
    text = client.get(f"{here}/train/{index}/looked?variant=wider").text
    assert text.count("<figure") == 2
    assert "wider, seed 0" in text  # the seed that did not learn from it


def test_nearest_images_leave_out_itself(
    client: TestClient, desk: Desk, dossier: Dossier, here: str, index: int
) -> None:
    x = desk.dataset(dossier.id).train.x.astype(float)
    apart = ((x - x[index]) ** 2).sum(axis=(1, 2, 3))
    apart[index] = np.inf
    text = client.get(f"{here}/train/{index}/near").text
    found = [int(i) for i in re.findall(r'/image/train/(\d+)"', text)]
    np.testing.assert_allclose(apart[found], np.sort(apart)[:10])


def test_an_image_of_test_once_opened(own: Path, browse: Callable[[Path], TestClient], here: str) -> None:
    browser = browse(own)
    assert browser.get(f"{here}/test/3").status_code == 422
    assert browser.get(f"{here}/test/3/worn").status_code == 422
    assert browser.get(f"{here}/test/3/near").status_code == 422
    browser.post(here.replace("image", "open"), data={"back": "look"})
    text = browser.get(f"{here}/test/3").text
    assert len(SAID.findall(text)) == 6
    assert "No seed has learnt from this image" in text
    assert browser.get(f"{here}/test/3/near").status_code == 200


@pytest.mark.parametrize(
    "asked",
    [
        "train/1437",
        "test/0",
        "train/0?variant=nobody",
        "train/0/worn?variant=nobody",
        "train/0/worn?noise=nan",
        "train/0/worn?noise=inf",
        "train/0/worn?noise=-1",
        "train/0/worn?blur=1e9",
        "train/0/worn?rotation=x",
        "train/0/looked?variant=" + "a" * 1000,
    ],
)
def test_odd_questions_are_refused(client: TestClient, here: str, asked: str) -> None:
    answer = client.get(f"{here}/{asked}")
    assert answer.status_code == 422
    assert answer.text.split('role="alert">')[1].count("<p>") >= 3


@pytest.mark.parametrize("asked", ["train/-1", "train/x", "valid/0", "train/99999999999/near"])
def test_addresses_of_no_image_are_those_of_no_page(client: TestClient, here: str, asked: str) -> None:
    assert client.get(f"{here}/{asked}").status_code == 404
