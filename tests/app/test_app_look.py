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

from etalon.analysis.design import ONCE
from etalon.app.desk import Desk
from etalon.app.look import error_rate
from etalon.app.pages import shortened
from etalon.study.journal import Dossier
from etalon.study.store import Store

CELL = re.compile(r'<td class="(?:shade-\d|right number)"><a href="([^"]*)" aria-label="([^"]*)"[^>]*>([^<]*)</a>')
IMAGE = re.compile(r'<li><a href="[^"]*/image/(train|test)/(\d+)[?"]')


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


RATES = re.compile(
    r'<a href="[^"]*true=(\d)[^"]*">\d</a></th>\s*'
    r'<td class="right number">([\d.]+)%</td>\s*<td class="number">([\d.]+)% – ([\d.]+)%'
)


def test_the_error_of_a_class_comes_with_its_ends_over_few_seeds(
    client: TestClient, desk: Desk, dossier: Dossier, here: str
) -> None:
    text = client.get(f"{here}/look?variant=wider").text
    assert "Least – greatest of the 2 seeds" in text
    rates = RATES.findall(text)
    assert len(rates) == 10
    for label, *told in rates:
        each = [100 * (p[y == int(label)] != int(label)).mean() for _i, y, p in logits(desk, dossier, "wider")]
        assert [float(one) for one in told] == pytest.approx([np.mean(each), min(each), max(each)], abs=0.006)


def test_the_error_of_a_class_with_one_seed_comes_with_its_interval(client: TestClient, here: str) -> None:
    text = client.get(f"{here}/look?variant=wider&seed=0").text
    assert "95% interval" in text
    rates = RATES.findall(text)
    assert len(rates) == 10
    for _label, rate, low, high in rates:
        assert float(low) <= float(rate) <= float(high)
        assert float(low) < float(high)


def test_an_image_alone_tells_nothing_of_its_class() -> None:
    assert error_rate(np.array([[1.0, np.nan]]), ONCE) == (0.0, 0.0, 1.0)
    assert error_rate(np.array([[np.nan, np.nan]]), ONCE) is None
    assert error_rate(np.array([[1.0, 0.0], [np.nan, 1.0], [np.nan, np.nan]]), ONCE) == (0.25, 0.0, 0.5)


def test_the_commonest_confusions_come_first_and_open_their_images(
    client: TestClient, desk: Desk, dossier: Dossier, here: str
) -> None:
    text = client.get(f"{here}/look?variant=wider&seed=1").text
    listed_first = text.split("The commonest confusions")[1].split("</ol>")[0]
    told = re.findall(r'<a href="([^"]*)"[^>]*>(\d) taken for (\d) \((\d+) image', listed_first)
    _index, y, p = logits(desk, dossier, "wider")[1]
    counts = confusion_matrix(y, p, labels=range(10))
    np.fill_diagonal(counts, 0)
    assert [int(n) for *_rest, n in told] == sorted(counts.ravel().tolist(), reverse=True)[:5]
    for href, true, predicted, n in told:
        assert int(n) == counts[int(true), int(predicted)] == len(listed(client, unescape(href)))


def test_from_a_cell_one_goes_through_its_images_and_back_to_it(client: TestClient, here: str) -> None:
    _said, href = cells(client.get(f"{here}/look?variant=wider&shown=share").text)[0, 0]
    wanted = listed(client, href)
    assert len(wanted) > 2
    page = client.get(href).text
    address: str | None = unescape(re.findall(r'<li><a href="([^"]*/image/[^"]*)"', page)[0])
    seen = []
    while address:
        text = client.get(address).text
        assert f"{len(seen) + 1} of {len(wanted)}" in text
        seen.append(int(urlsplit(address).path.rpartition("/")[2]))
        after = re.search(r'rel="next" href="([^"]*)"', text)
        address = unescape(after[1]) if after else None
    assert seen == wanted
    back = [unescape(one) for one in re.findall(r'<p class="back">.*</p>', text)]
    asked = parse_qs(urlsplit(re.findall(r'href="([^"]*)"', back[0])[0]).query)
    assert asked == {"variant": ["wider"], "shown": ["share"]}
    assert re.findall(r'href="[^"]*#([^"]*)"', back[0]) == ["cell-0-0"]
    assert listed(client, re.findall(r'href="([^"]*/look/images[^"]*)"', back[0])[0]) == wanted


def test_an_image_that_is_not_of_the_list_has_its_own_neighbours(client: TestClient, here: str) -> None:
    others = set(range(200)) - set(listed(client, f"{here}/look/images?of=hardest&n=500"))
    text = client.get(f"{here}/image/train/{min(others)}?within=of%3Dhardest").text
    assert f'rel="next" href="{here}/image/train/{min(others) + 1}"' in text


def test_long_names_keep_what_tells_them_apart() -> None:
    names = [f"a-very-long-class-name-{end}" for end in ("one", "two", "three")]
    assert list(shortened(names).values()) == ["a-very…ss-name-one", "a-very…ss-name-two", "a-very…-name-three"]
    ends = ["begins-like-this-a-and-then-goes-on", "begins-like-this-b-and-then-goes-on"]
    assert len(set(shortened(ends).values())) == 2
    assert shortened(["0", "1"]) == {"0": "0", "1": "1"}


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
        "image/train/0?within=true%3D10",
        "image/train/0?within=true%3Dx",
        "image/train/0?within=variant%3Dnobody",
    ],
)
def test_odd_questions_are_refused_in_three_parts(client: TestClient, here: str, asked: str) -> None:
    answer = client.get(f"{here}/{asked}")
    assert answer.status_code == 422
    assert answer.text.split('role="alert">')[1].count("<p>") >= 3


def test_a_page_beyond_the_last_is_the_last(client: TestClient, here: str) -> None:
    assert IMAGE.search(client.get(f"{here}/look/images?page=999999").text)
