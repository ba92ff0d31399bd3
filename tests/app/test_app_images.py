"""Images as PNG: nothing lost, nothing of the test images before they are opened."""

import tracemalloc
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from etalon.app import images
from etalon.app.desk import Desk
from etalon.app.images import COLUMNS, MOST, THUMB, Sheet, laid
from etalon.study.journal import Dossier


@pytest.fixture
def here(dossier: Dossier) -> str:
    return f"/studies/{dossier.id}/images"


def pixels(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(content)))


def test_an_image_is_what_it_is(client: TestClient, desk: Desk, dossier: Dossier, here: str) -> None:
    x = desk.dataset(dossier.id).train.x
    for index in (0, 7, len(x) - 1):
        answer = client.get(f"{here}/train/{index}.png")
        assert answer.headers["content-type"] == "image/png"
        np.testing.assert_array_equal(pixels(answer.content), x[index, ..., 0])
    large = pixels(client.get(f"{here}/train/7.png?scale=3").content)
    np.testing.assert_array_equal(large, np.kron(x[7, ..., 0], np.ones((3, 3), np.uint8)))


def test_a_sheet_holds_images_where_it_says(client: TestClient, desk: Desk, dossier: Dossier, here: str) -> None:
    x = desk.dataset(dossier.id).train.x
    indices = [3, 1, 4, *range(60, 100)]
    laid = pixels(client.get(f"{here}/train/sheet.png?i=" + ".".join(map(str, indices))).content)
    for k, index in enumerate(indices):
        row, column = divmod(k, COLUMNS)
        np.testing.assert_array_equal(laid[8 * row : 8 * row + 8, 8 * column : 8 * column + 8], x[index, ..., 0])
    shown = Sheet("", COLUMNS, 2, 1.0)
    assert (shown.place(0), shown.place(COLUMNS - 1), shown.place(COLUMNS)) == ("0% 0%", "100% 0%", "0% 100%")


def test_large_images_are_reduced_in_a_sheet() -> None:
    assert laid(np.zeros((3, 400, 300, 3), np.uint8), [0, 1, 2]).shape == (THUMB, 3 * 72, 3)


def test_a_sheet_of_large_images_does_not_hold_them_all() -> None:
    n = 50
    x = np.broadcast_to(np.uint8(7), (n, 512, 512, 3))  # 39 MB, if all of them were read
    tracemalloc.start()
    assert laid(x, range(n)).shape == (2 * THUMB, COLUMNS * THUMB, 3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 << 20


def test_an_image_is_enlarged_no_further_than_a_screen(
    client: TestClient, here: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "LARGEST", 20)
    assert pixels(client.get(f"{here}/train/7.png?scale=16").content).shape == (16, 16)


def test_it_is_kept_for_ever_only_under_the_digest_of_the_images(
    client: TestClient, dossier: Dossier, here: str
) -> None:
    digest = dossier.dataset.digest[:12]
    assert "immutable" in client.get(f"{here}/train/0.png?v={digest}").headers["cache-control"]
    for v in ("", "?v=", "?v=0000"):
        assert client.get(f"{here}/train/0.png{v}").headers["cache-control"] == "no-store"


def test_test_images_are_sealed_until_they_are_opened(
    own: Path, browse: Callable[[Path], TestClient], here: str
) -> None:
    browser = browse(own)
    for address in ("test/0.png", "test/sheet.png?i=0.1"):
        answer = browser.get(f"{here}/{address}")
        assert answer.status_code == 422
        assert "sealed" in answer.text
    browser.post(here.replace("images", "open"), data={"back": "look"})
    assert browser.get(f"{here}/test/0.png").headers["content-type"] == "image/png"


@pytest.mark.parametrize(
    "address",
    [
        "train/1437.png",
        "train/1.png?scale=0",
        "train/1.png?scale=17",
        "train/sheet.png",
        "train/sheet.png?i=",
        "train/sheet.png?i=1,2",
        "train/sheet.png?i=1437",
        "train/sheet.png?i=-1",
        "train/sheet.png?i=" + "1" * 20 * MOST,
        "train/1.png?v=" + "a" * 65,
    ],
)
def test_odd_addresses_are_refused(client: TestClient, here: str, address: str) -> None:
    assert client.get(f"{here}/{address}").status_code == 422


@pytest.mark.parametrize("address", ["train/-1.png", "train/99999999999999999999.png", "train/x.png", "other/1.png"])
def test_what_can_be_no_image_is_not_found(client: TestClient, here: str, address: str) -> None:
    assert client.get(f"{here}/{address}").status_code == 404
