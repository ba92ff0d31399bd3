"""The list of studies: what it says of each, in which order, and how soon."""

import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from etalon.app import studies
from etalon.app.background import Background
from etalon.app.chosen import Chosen
from etalon.app.desk import Desk
from etalon.app.queue import Queue
from etalon.app.server import create
from etalon.reopened import reopen
from etalon.study.store import Store

NOBODY = "0" * 12  # a study that there is not
STUDY = 'import etalon\nstudy = etalon.Study({"en": "A title", "fr": "Un titre"}, data="digits")\n'


@pytest.fixture
def served(tmp_path: Path) -> Path:
    """A folder with two studies of one title."""
    for name in ("one.py", "sub/two.py"):
        path = tmp_path / "folder" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(STUDY)
    return tmp_path / "folder"


@pytest.fixture
def client(own: Path, served: Path, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """A browser on a store of its own, and that folder; nothing is run."""
    monkeypatch.setattr(Queue, "_wake", lambda self: None)
    return TestClient(create(Desk(Store(own), served)), base_url="http://localhost", headers={"accept-language": "fr"})


def found(client: TestClient) -> None:
    """Wait until what is recommended has been found."""
    client.get("/")
    client.app.app.app.state.desk.background.begin("chosen", int).over.wait(60)  # type: ignore[attr-defined]


def test_list_is_sent_again_only_when_it_has_changed(own: Path, browse: Callable[[Path], TestClient]) -> None:
    client = browse(own)
    found(client)
    page = client.get("/").text
    assert "Reading digits" in page
    assert "6 of 6" in page
    seen = page.partition("/list?seen=")[2].partition('"')[0]
    assert client.get(f"/list?seen={seen}").status_code == 204
    assert client.get(f"/list?seen={seen}", headers={"accept-language": "fr"}).status_code == 200
    (own / "studies").joinpath(next((own / "studies").iterdir()).name, "events.jsonl").touch()
    changed = client.get(f"/list?seen={seen}")
    assert changed.status_code == 200
    assert "<html" not in changed.text


def test_the_list_shows_what_compare_recommends(own: Path, browse: Callable[[Path], TestClient]) -> None:
    study = Store(own).studies()[0]
    best = reopen(Store(own), study.id).recommend().chosen
    client = browse(own)
    assert "highest mean so far, not a verdict" in client.get("/").text, "until it has been found"
    found(client)
    verdict = "the reference is kept" if best == study.reference.name else "recommended"
    for page in (client.get("/").text, browse(own).get("/").text):  # another server reads it in the store
        cell = page.split(f"<code>{best}</code>")[1].partition("</td>")[0]
        assert verdict in cell
        assert "not a verdict" not in page
    key = study.candidates[1].keys[0]
    shutil.rmtree(own / "runs" / key)
    Store(own).fail(key, "Reading digits", "wider", 0, "no room", diverged=False)
    assert "not a verdict" in browse(own).get("/").text, "it is no longer what it rested on"


def test_a_recommendation_that_cannot_be_made_is_not_asked_for_again(own: Path) -> None:
    store = Store(own)
    study = store.studies()[0].id
    shutil.rmtree(own / "data")
    models = Chosen(store, Background())
    assert models.of({study: "a"}) == {}
    work = models.background.find("chosen")
    assert work is not None
    assert work.over.wait(60)
    assert models.of({study: "a"}) == {study: ""}


def test_searched_and_sorted(client: TestClient, own: Path, served: Path) -> None:
    for title in ("Écailles", "abeilles", "Zèbres"):
        Queue(own).add("run", [], served, title=title, file=f"{title}.py")

    def titles(query: str) -> list[str]:
        return re.findall(r'<th scope="row"><a [^>]*>([^<]*)</a>', client.get(f"/{query}").text)

    assert titles("") == ["Écailles", "abeilles", "Zèbres", "Lire des chiffres"]
    assert titles("?sort=title") == ["abeilles", "Écailles", "Lire des chiffres", "Zèbres"]
    assert titles("?q=EILLES") == ["abeilles"]
    assert titles("?q=ec") == ["Écailles"]
    assert "Aucun titre" in client.get("/?q=%3Cb%3E").text
    assert "sort=title" in client.get("/?sort=title").text.split('hx-get="/list?seen')[1].partition('"')[0]
    assert client.get("/list?q=z").headers["hx-replace-url"] == "/?q=z"
    assert client.get("/?sort=size").status_code == 422


def test_waiting_ones_are_in_the_order_in_which_they_run(client: TestClient, own: Path, served: Path) -> None:
    for name in ("one.py", "sub/two.py"):
        client.post("/start", data={"file": name})
    page = client.get("/").text
    first, second = page.index('id="job-1"'), page.index('id="job-2"')
    assert first < page.index("en tête de la file") < second < page.index("numéro 2 dans la file")
    assert "<code>one.py</code>" in page
    assert "<code>two.py</code>" in page
    english = client.get("/", headers={"accept-language": "en"}).text
    assert english.count(">A title<") == 2, "whoever started it"
    assert "A title" in client.get("/jobs/2", headers={"accept-language": "en"}).text
    client.post("/jobs/1/stop")
    assert "<code>digits_study.py</code>" not in client.get("/").text, "whose title is its own"


def test_many_studies_are_listed_at_once(own: Path, browse: Callable[[Path], TestClient]) -> None:
    (one,) = (own / "studies").iterdir()
    content = (one / "study.json").read_text()
    for n in range(300):
        place = own / "studies" / f"{n:012x}"
        place.mkdir()
        (place / "study.json").write_text(content.replace(one.name, place.name))
    client = browse(own)
    client.app.app.app.state.desk.background.close()  # type: ignore[attr-defined]
    client.get("/")
    began = time.perf_counter()
    assert client.get("/").text.count('<th scope="row">') == 301
    assert time.perf_counter() - began < 2, "0.1 s where nothing else is done"


def test_jobs_of_a_study(client: TestClient, own: Path, served: Path) -> None:
    """A study shows the job that has told that it trains it: waiting, then stopped, then gone on with."""
    dossier = Store(own).studies()[0]
    queue, names = Queue(own), (NOBODY, dossier.id)
    jobs = [queue.add("run", [], served, file=dossier.file or "", title="t") for _ in range(3)]
    for job, name in zip(jobs[1:], names, strict=True):
        queue.name(job.n).write_text(name)
        queue.tie(job.n)
    job = jobs[-1]
    owners = [studies.owner(job, [dossier]) for job in queue.jobs()]
    assert owners == [None, None, dossier.id], "the one that has told so, once the store knows it"
    led = [client.get(f"/jobs/{job.n}", headers={"hx-request": "true"}).headers.get("hx-redirect") for job in jobs]
    assert led == [None, None, f"/studies/{dossier.id}"], "who waits for the first training is led to its curves"
    page = client.get("/").text
    assert page.count("en attente") == 3
    assert f'action="/jobs/{job.n}/stop"' in client.get(f"/studies/{dossier.id}").text
    assert client.post(f"/jobs/{job.n}/stop", data={"back": "/"}, follow_redirects=False).status_code == 303
    assert client.post("/jobs/1/stop", data={"back": "//elsewhere.example"}).status_code == 422
    assert f'action="/jobs/{job.n}/resume"' in client.get(f"/studies/{dossier.id}").text
    client.post(f"/jobs/{job.n}/resume")
    assert queue.job(job.n).state == "waiting"
    assert client.post("/jobs/99/stop").status_code == 404
