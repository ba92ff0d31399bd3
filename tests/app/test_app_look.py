"""Look: the counts, and the images behind each of them."""

import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix
from starlette.testclient import TestClient

from etalon.app.desk import Desk
from etalon.study.journal import Dossier
from etalon.study.store import Store

CELL = re.compile(r'<td class="(?:shade-\d|right number)"><a href="([^"]*)" aria-label="([^"]*)"[^>]*>([^<]*)</a>')
IMAGE = re.compile(r'<li><a href="[^"]*/image/(train|test)/(\d+)"')


@pytest.fixture
def here(dossier: Dossier) -> str:
    return f"/studies/{dossier.id}"


def logits(desk: Desk, dossier: Dossier, variant: str) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Of each seed, from the store itself: the images, their labels, the classes predicted."""
    y = desk.dataset(dossier.id).train.y
    keys = next(one.keys for one in dossier.candidates if one.name == variant)
    runs = [desk.store.load(key) for key in keys.values()]
    return [(run.validation_index, y[run.validation_index], run.validation_logits.argmax(axis=1)) for run in runs]


def cells(text: str) -> dict[tuple[int, int], tuple[str, str]]:
    """(true, predicted) -> what the cell says, where it leads."""
    found = {}
    for href, _label, said in CELL.findall(text):
        query = parse_qs(urlsplit(unescape(href)).query)
        if "predicted" in query:
            found[int(query["true"][0]), int(query["predicted"][0])] = said, unescape(href)
    return found


def listed(client: TestClient, address: str) -> list[int]:
    """The images of a gallery, over all its pages."""
    found: list[int] = []
    while address:
        text = client.get(address).text
        found += [int(index) for _part, index in IMAGE.findall(text)]
        after = re.search(r'rel="next" href="([^"]*)"', text)
        address = unescape(after[1]) if after else ""
    return found


class TestConfusions:
    def test_counts_are_those_of_scikit_learn(
        self, client: TestClient, desk: Desk, dossier: Dossier, here: str
    ) -> None:
        each = [confusion_matrix(y, p, labels=range(10)) for _i, y, p in logits(desk, dossier, "wider")]
        shown = cells(client.get(f"{here}/look?variant=wider").text)
        mean = np.mean(each, axis=0)
        assert set(shown) == {(i, j) for i, j in np.argwhere(mean).tolist()}
        for place, (said, _href) in shown.items():
            assert float(said) == pytest.approx(mean[place], abs=0.051)
        alone = cells(client.get(f"{here}/look?variant=wider&seed=1").text)
        assert {place: int(said) for place, (said, _href) in alone.items()} == {
            (i, j): each[1][i, j] for i, j in np.argwhere(each[1]).tolist()
        }

    def test_shares_are_of_the_row(self, client: TestClient, desk: Desk, dossier: Dossier, here: str) -> None:
        each = [confusion_matrix(y, p, labels=range(10)) for _i, y, p in logits(desk, dossier, "reference")]
        mean = np.mean(each, axis=0)
        shown = cells(client.get(f"{here}/look?variant=reference&shown=share").text)
        for (i, j), (said, _href) in shown.items():
            assert float(said.rstrip("%")) == pytest.approx(100 * mean[i, j] / mean[i].sum(), abs=0.051)

    @pytest.mark.parametrize("seed", ["all", "0"])
    def test_a_cell_opens_exactly_its_images(
        self, client: TestClient, desk: Desk, dossier: Dossier, here: str, seed: str
    ) -> None:
        answers = logits(desk, dossier, "reference")
        answers = answers if seed == "all" else answers[:1]
        shown = cells(client.get(f"{here}/look?variant=reference&seed={seed}").text)
        assert len(shown) > 15
        for (true, predicted), (_said, href) in list(shown.items())[::3]:
            wanted = {int(i) for index, y, p in answers for i in index[(y == true) & (p == predicted)]}
            found = listed(client, href + "&n=7")
            assert len(found) == len(set(found))
            assert set(found) == wanted

    def test_the_hardest_image_is_the_one_that_most_models_miss(
        self, client: TestClient, desk: Desk, dossier: Dossier, here: str
    ) -> None:
        wrong = np.zeros(len(desk.dataset(dossier.id).train), int)
        for candidate in dossier.candidates:
            for index, y, p in logits(desk, dossier, candidate.name):
                wrong[index[y != p]] += 1
        found = listed(client, f"{here}/look/images?of=hardest&n=500")
        assert sorted(found) == np.flatnonzero(wrong).tolist()
        assert (np.diff(wrong[found]) <= 0).all()


class TestDisagreements:
    def test_each_number_opens_its_images(self, client: TestClient, desk: Desk, dossier: Dossier, here: str) -> None:
        first, second = logits(desk, dossier, "reference"), logits(desk, dossier, "wider")
        wanted: dict[str, set[int]] = {"first": set(), "second": set(), "both": set()}
        for (index, y, a), (_same, _y, b) in zip(first, second, strict=True):
            wanted["first"] |= set(index[(a == y) & (b != y)].tolist())
            wanted["second"] |= set(index[(a != y) & (b == y)].tolist())
            wanted["both"] |= set(index[(a != y) & (b != y) & (a != b)].tolist())
        text = client.get(f"{here}/look?variant=reference&against=wider").text
        leading = [unescape(href) for href, _label, _said in CELL.findall(text) if "of=contradictions" in href]
        found: dict[str, set[int]] = {"first": set(), "second": set(), "both": set()}
        for href in leading:
            found[parse_qs(urlsplit(href).query)["how"][0]] |= set(listed(client, href + "&n=500"))
        assert found == wanted


def test_the_error_of_a_class_comes_with_its_interval(client: TestClient, here: str) -> None:
    text = client.get(f"{here}/look?variant=wider").text
    rates = re.findall(r"([\d.]+)%</td>\s*<td class=\"number\">([\d.]+)% – ([\d.]+)%", text)
    assert len(rates) == 10
    for rate, low, high in rates:
        assert float(low) <= float(rate) <= float(high)


def test_in_french_with_french_numbers(client: TestClient, here: str) -> None:
    text = client.get(f"{here}/look", headers={"accept-language": "fr"}).text
    assert "Erreurs de chaque classe" in text
    assert re.search(r"\d,\d\d\N{NO-BREAK SPACE}%", text)


def test_on_test_once_it_is_opened(own: Path, browse: Callable[[Path], TestClient], here: str) -> None:
    browser = browse(own)
    browser.post(f"{here}/open", data={"back": "look"})
    text = browser.get(f"{here}/look?on=test&variant=wider&seed=1").text
    counts = {place: int(said) for place, (said, _href) in cells(text).items()}
    y = Desk(Store(own), own).result(here.rpartition("/")[2], "test").dataset.test.y
    assert sum(counts.values()) == len(y)
    _place, (said, href) = next(iter(cells(text).items()))
    assert len(listed(browser, href)) == int(said)
    assert IMAGE.findall(browser.get(href).text)[0][0] == "test"
    assert f"{here}/look?on=validation&amp;variant=wider&amp;against=&amp;seed=1" in text


@pytest.mark.parametrize(
    "asked",
    [
        "look?variant=nobody",
        "look?against=nobody",
        "look?seed=77",
        "look?seed=-1",
        "look?seed=x",
        "look?on=test",
        "look?shown=all",
        "look/images?true=10",
        "look/images?true=-1",
        "look/images?predicted=99999999999999999999",
        "look/images?of=contradictions&against=wider&true=44",
        "look/images?page=0",
        "look/images?page=99999999999",
        "look/images?n=501",
        "look/images?how=neither",
    ],
)
def test_odd_questions_are_refused_in_three_parts(client: TestClient, here: str, asked: str) -> None:
    answer = client.get(f"{here}/{asked}")
    assert answer.status_code == 422
    assert answer.text.split('role="alert">')[1].count("<p>") >= 3


def test_a_page_beyond_the_last_is_the_last(client: TestClient, here: str) -> None:
    assert IMAGE.search(client.get(f"{here}/look/images?page=999999").text)
