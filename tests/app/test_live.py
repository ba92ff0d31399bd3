"""A study while it trains: what is told is heard by all, once, whoever comes late, leaves or comes back."""

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from ipaddress import ip_address
from pathlib import Path
from socket import create_server
from typing import Any
from urllib.parse import urlsplit

import pytest
from starlette.testclient import TestClient

from etalon.app import feed as feeds
from etalon.app.addresses import family_of, urls
from etalon.app.board import Board
from etalon.app.desk import Desk
from etalon.app.live import highest, variants
from etalon.app.queue import Queue
from etalon.app.server import PATIENCE
from etalon.study.journal import Diary, Dossier, Told
from etalon.study.store import Store
from etalon.study.variant import ENGINE
from tests.app.serving import served

LOGS = {"loss": 0.5, "accuracy": 0.8, "val_loss": 0.6, "val_accuracy": 0.7, "learning_rate": 0.001, "seconds": 2.0}


class Listener:
    """A reader of server-sent events, as the standard says and no more (WHATWG, 9.2.6)."""

    def __init__(self, port: int, path: str, last: str | None = None) -> None:
        self.connection = http.client.HTTPConnection("localhost", port, timeout=20)
        self.connection.request("GET", path, headers={"last-event-id": last} if last is not None else {})
        self.answer = self.connection.getresponse()
        self.last, self.comments = "", 0

    def messages(self) -> Iterator[Any]:
        data: list[str] = []
        while line := self.answer.readline():
            text = line.decode().removesuffix("\n").removesuffix("\r")
            name, _colon, value = text.partition(":")
            value = value.removeprefix(" ")
            if not text:
                if data:
                    yield json.loads("\n".join(data))
                data = []
            elif not name:
                self.comments += 1
            elif name == "data":
                data.append(value)
            elif name == "id":
                self.last = value

    def told(self, n: int) -> list[Any]:
        """The next events, until there are that many."""
        found: list[Any] = []
        for message in self.messages():
            found += message["told"]
            if len(found) >= n:
                return found
        return found

    def close(self) -> None:
        self.connection.close()


@pytest.fixture
def desk_of_own(own: Path, folder: Path) -> Desk:
    return Desk(Store(own), folder)


@pytest.fixture
def port(desk_of_own: Desk) -> Iterator[int]:
    """Where a real server answers."""
    with served(desk_of_own) as address:
        yield int(address.rpartition(":")[2])


def diary_of(store: Store, dossier: Dossier) -> Diary:
    return Diary(store.folder / "studies" / dossier.id / "events.jsonl")


def heard(told: list[Any]) -> list[tuple[str, str, int]]:
    return [(one["what"], one.get("key", ""), one.get("epoch", 0)) for one in told]


def test_every_event_once(port: int, own: Path, dossier: Dossier) -> None:
    store = Store(own)
    before, _end = store.events(dossier.id)
    listener = Listener(port, f"/studies/{dossier.id}/events")
    assert listener.answer.headers["content-type"].startswith("text/event-stream")
    assert listener.answer.headers["cache-control"] == "no-store"
    assert heard(listener.told(len(before))) == [(one.what, one.key, one.epoch) for one in before]

    diary, key = diary_of(store, dossier), next(iter(dossier.keys))
    for epoch in (1, 2, 3):
        diary.tell(Told("epoch", key=key, epoch=epoch, epochs=9, logs=LOGS))
    assert heard(listener.told(3)) == [("epoch", key, 1), ("epoch", key, 2), ("epoch", key, 3)]
    assert int(listener.last) == store.events(dossier.id)[1], "the id is a place in the diary"
    listener.close()


def test_nothing_is_lost_while_the_line_is_down(port: int, own: Path, dossier: Dossier) -> None:
    store, key = Store(own), next(iter(dossier.keys))
    diary, path = diary_of(store, dossier), f"/studies/{dossier.id}/events"
    end = store.events(dossier.id)[1]
    listener = Listener(port, f"{path}?start={end}")
    diary.tell(Told("epoch", key=key, epoch=1, epochs=9, logs=LOGS))
    assert heard(listener.told(1)) == [("epoch", key, 1)]
    listener.close()
    for epoch in (2, 3):
        diary.tell(Told("epoch", key=key, epoch=epoch, epochs=9, logs=LOGS))
    back = Listener(port, f"{path}?start=0", last=listener.last)  # as a browser does: the id wins over the address
    assert heard(back.told(2)) == [("epoch", key, 2), ("epoch", key, 3)]
    diary.tell(Told("epoch", key=key, epoch=4, epochs=9, logs=LOGS))
    assert heard(back.told(1)) == [("epoch", key, 4)]
    back.close()


@pytest.mark.parametrize("last", ["-1", "nan", "9" * 40, "1e9", "", "²"])
def test_odd_places(port: int, dossier: Dossier, last: str) -> None:
    listener = Listener(port, f"/studies/{dossier.id}/events", last=last.encode().decode("latin-1"))
    assert listener.answer.status == 200
    assert next(listener.messages())["progress"]["trials"] == 6
    listener.close()


def test_many_listeners_one_reader(port: int, own: Path, dossier: Dossier, monkeypatch: pytest.MonkeyPatch) -> None:
    store, key = Store(own), next(iter(dossier.keys))
    end = store.events(dossier.id)[1]
    listeners = [Listener(port, f"/studies/{dossier.id}/events?start={end}") for _ in range(30)]
    for listener in listeners:
        next(listener.messages())
    reads: list[int] = []
    events = Store.events

    def counted(self: Store, id: str, start: int = 0) -> Any:
        reads.append(start)
        return events(self, id, start)

    monkeypatch.setattr(Store, "events", counted)
    began = time.monotonic()
    diary_of(store, dossier).tell(Told("epoch", key=key, epoch=1, epochs=9, logs=LOGS))
    assert all(heard(listener.told(1)) == [("epoch", key, 1)] for listener in listeners)
    assert time.monotonic() - began < 1
    assert len(reads) <= 2 + (time.monotonic() - began) / feeds.LOOK, "one reads for all"
    for listener in listeners:
        listener.close()


def test_pages_made_meanwhile_take_nothing_from_those_who_listen(port: int, own: Path, dossier: Dossier) -> None:
    """A page reads the diary as well, and may do so before the follower: what it has read is still to be said."""
    store, keys = Store(own), sorted(dossier.keys)[:2]
    listener = Listener(port, f"/studies/{dossier.id}/events?start={store.events(dossier.id)[1]}")
    next(listener.messages())
    for epoch in range(1, 6):
        for key in keys:
            diary_of(store, dossier).tell(Told("epoch", key=key, epoch=epoch, epochs=9, logs=LOGS))
            with closing(http.client.HTTPConnection("localhost", port)) as page:
                page.request("GET", f"/studies/{dossier.id}/curves")
                page.getresponse().read()
        began = time.monotonic()
        assert heard(listener.told(2)) == [("epoch", key, epoch) for key in keys]
        assert time.monotonic() - began < 2, "a heartbeat would have waked it"
    listener.close()


def test_who_comes_back_while_nobody_listens_misses_nothing(port: int, own: Path, dossier: Dossier) -> None:
    store, key = Store(own), next(iter(dossier.keys))
    path, end = f"/studies/{dossier.id}/events", store.events(dossier.id)[1]
    first = Listener(port, f"{path}?start={end}")
    diary_of(store, dossier).tell(Told("epoch", key=key, epoch=1, epochs=9, logs=LOGS))
    assert heard(first.told(1)) == [("epoch", key, 1)]
    first.close()
    time.sleep(2 * feeds.LOOK)  # nobody listens any more
    diary_of(store, dossier).tell(Told("epoch", key=key, epoch=2, epochs=9, logs=LOGS))
    with closing(http.client.HTTPConnection("localhost", port)) as page:
        page.request("GET", f"/studies/{dossier.id}/curves")
        page.getresponse().read()
    both = [Listener(port, f"{path}?start=0", last=first.last) for _ in range(2)]
    diary_of(store, dossier).tell(Told("epoch", key=key, epoch=3, epochs=9, logs=LOGS))
    assert [heard(listener.told(2)) for listener in both] == [[("epoch", key, 2), ("epoch", key, 3)]] * 2
    for listener in both:
        listener.close()


def test_heartbeats_while_nothing_happens(port: int, dossier: Dossier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "HEARTBEAT", 0.1)
    listener = Listener(port, f"/studies/{dossier.id}/events")
    next(listener.messages())
    line = listener.answer.readline()
    assert line == b":\n"
    listener.close()


def test_begins_and_ends_are_told(port: int, own: Path, dossier: Dossier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "SELDOM", 0.1)
    store = Store(own)
    listener = Listener(port, f"/studies/{dossier.id}/events?start={store.events(dossier.id)[1]}")
    messages = listener.messages()
    assert not next(messages)["progress"]["running"]
    with store.journal.attended(dossier.id):
        assert next(messages)["progress"]["running"]
    assert not next(messages)["progress"]["running"]
    listener.close()


def test_unknown_studies(client: TestClient) -> None:
    for name in ("nope", "0123", "g" * 12, "0" * 65):  # no study can have it
        answer = client.get(f"/studies/{name}")
        assert answer.status_code == 404
        assert "[0-9a-f]" not in answer.text
    for path in ("", "/curves", "/events", "/figures"):
        assert client.get(f"/studies/{'0' * 12}{path}").status_code == 404
        assert client.get(f"/studies/..%2F..{path}").status_code in (404, 422)
    assert client.get("/studies/0123456789ab/events?start=-1").status_code in (404, 422)


# what is folded


def told(board: Board, *events: Told) -> None:
    for event in events:
        board.tell(event)


def epoch(key: str, n: int, seconds: float = 2.0, when: float = 0.0) -> Told:
    return Told("epoch", key=key, epoch=n, epochs=4, logs={**LOGS, "seconds": seconds, "loss": n / 10}, when=when)


def test_curves_and_states(dossier: Dossier) -> None:
    board, (a, b, c, *_others) = Board(), sorted(dossier.keys)
    told(
        board, Told("run", total=3, workers=2), Told("started", key=a), Told("started", key=b), epoch(a, 1), epoch(a, 2)
    )
    told(board, epoch(b, 1), Told("failed", key=b, error="no room"), Told("done", key=a), Told("started", key=c))
    assert board.trial(a, True).curves["loss"] == [0.1, 0.2]
    assert [board.trial(key, True).state for key in (a, b, c)] == ["done", "failed", "training"]
    assert board.trial(b, True).error == "no room"
    assert board.trial(c, False).state == "stopped", "its process was killed: nobody trains"
    told(board, Told("end"))
    assert board.trial(c, True).state == "stopped"
    told(board, epoch(c, 3), epoch(c, 2))  # an event was lost; then the trial went on from its last checkpoint
    assert board.trial(c, True).curves["loss"] == [None, 0.2]
    told(board, Told("epoch", key=c, epoch=3, epochs=4, logs={"loss": float("nan"), "val_loss": float("inf")}))
    assert board.trial(c, True).curves["loss"] == [None, 0.2, None]
    json.dumps(board.to_json(dossier, True), allow_nan=False)


def test_epochs_are_those_that_there_were(dossier: Dossier) -> None:
    """Not those that a trial that broke down would have had; one that was to stop early had all of its own."""
    board, (a, b, *_others) = Board(), sorted(dossier.keys)
    told(board, Told("run", when=10.0, workers=1), epoch(a, 1, when=12.0), Told("diverged", key=a, when=13.0))
    told(board, epoch(b, 1, when=14.0), Told("done", key=b, when=15.0), Told("end", when=20.0))
    progress = board.progress(dossier, False)
    assert (progress.done, progress.failed, progress.epochs, progress.planned) == (1, 1, 2, 11)
    assert progress.spent == 10.0
    told(board, Told("run", when=1000.0, workers=1), epoch(b, 1, when=1005.0))
    assert board.progress(dossier, True).spent == 15.0, "what goes by between two runs is no training"
    assert Board().progress(dossier, False).spent is None


def test_time_left(dossier: Dossier) -> None:
    """Six trials of two epochs, two at once; each epoch takes 3 s, and 1 s goes by between two."""
    board, keys = Board(), [key for seed in range(2) for c in dossier.candidates for key in [c.keys[seed]]]
    assert board.progress(dossier, True).left is None
    told(board, Told("run", when=100.0, total=6, workers=2))
    for key in keys[:2]:
        told(board, Told("started", key=key, when=100.0), epoch(key, 1, 3.0, 104.0), epoch(key, 2, 3.0, 108.0))
        told(board, Told("done", key=key, when=108.0))
    progress = board.progress(dossier, True)
    assert (progress.done, progress.trials, progress.epochs, progress.planned) == (2, 6, 4, 12)
    assert progress.left == pytest.approx(16.0)  # 8 epochs of 4 s, two at once
    assert board.progress(dossier, False).left is None


# pages


def test_the_highest_curves_are_drawn_first(dossier: Dossier) -> None:
    names = [f"v{n}" for n in range(9)]
    found = [{"name": name, "keys": [name, ""]} for name in names]
    heights = [0.5, 0.9, 0.1, 0.8, 0.7, 0.2, 0.6, 0.3, 0.4]
    trials = {name: {"curves": {"val_accuracy": [0.95, height]}} for name, height in zip(names, heights, strict=True)}
    assert highest(found, trials) == {"v0", "v1", "v3", "v4", "v6", "v8"}
    assert highest(found, {name: {"curves": {}} for name in names}) == set(names[:6])


def test_page_without_script(client: TestClient, dossier: Dossier) -> None:
    page = client.get(f"/studies/{dossier.id}").text
    assert len(re.findall('data-state="done"', page)) == 6
    assert "Started from a terminal" not in page
    figures = client.get(f"/studies/{dossier.id}/figures").text
    assert len(re.findall('<th scope="row">', figures)) == 4 * 2  # tables, epochs


def test_curves_are_those_of_the_runs(client: TestClient, trained: Path, dossier: Dossier) -> None:
    content = client.get(f"/studies/{dossier.id}/curves").json()
    for key in dossier.keys:
        history = Store(trained).load(key).history
        for name in ("accuracy", "loss", "val_accuracy", "val_loss"):
            assert content["trials"][key]["curves"][name] == pytest.approx(history[name], abs=1e-6)
    assert [one["name"] for one in content["variants"]] == ["reference", "wider", "with_dropout"]


def test_without_a_diary_curves_come_from_the_runs(
    own: Path, browse: Callable[[Path], TestClient], client: TestClient, dossier: Dossier
) -> None:
    (own / "studies" / dossier.id / "events.jsonl").unlink()
    content = browse(own).get(f"/studies/{dossier.id}/curves").json()
    with_diary = client.get(f"/studies/{dossier.id}/curves").json()
    assert {k: t["curves"] for k, t in content["trials"].items()} == {
        k: t["curves"] for k, t in with_diary["trials"].items()
    }
    assert content["progress"]["done"] == 6
    assert content["next"] == 0


def test_where_it_stands_alone(client: TestClient, dossier: Dossier) -> None:
    part = client.get(f"/studies/{dossier.id}/now").text
    assert part.lstrip().startswith('<div id="now"')
    assert part.strip() in client.get(f"/studies/{dossier.id}").text


def rewritten(store: Path, dossier: Dossier, change: Callable[[Any], None]) -> None:
    """Change what the store says of the study."""
    place = store / "studies" / dossier.id / "study.json"
    content = json.loads(place.read_text())
    change(content)
    place.write_text(json.dumps(content))


def test_models_of_another_engine(
    own: Path, browse: Callable[[Path], TestClient], dossier: Dossier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Queue, "_wake", lambda self: None)
    assert dossier.engine == ENGINE
    assert "another engine" not in browse(own).get(f"/studies/{dossier.id}").text
    rewritten(own, dossier, lambda content: content.update(engine=1))
    page = browse(own).get(f"/studies/{dossier.id}").text
    assert f"another engine of Étalon, number 1; today&#39;s is number {ENGINE}" in page
    assert "to train all 6 models anew" in page
    assert 'href="/start?file=digits_study.py">Train again' in page
    job = Queue(own).add("run", [], own, file=dossier.file or "", title="t", study=dossier.id)
    assert "another engine" not in browse(own).get(f"/studies/{dossier.id}").text, "it is being trained again"
    Queue(own).stop(job.n)
    assert "Resume does that too" in browse(own).get(f"/studies/{dossier.id}").text


def test_trainings_that_do_not_count(own: Path, browse: Callable[[Path], TestClient], dossier: Dossier) -> None:
    """As when an older engine has trained them, and the study was looked at with today's."""

    def other_keys(content: Any) -> None:
        content["candidates"][1]["planned"] = {"0": "0" * 32, "1": "1" * 32}

    rewritten(own, dossier, other_keys)
    page = browse(own).get(f"/studies/{dossier.id}").text
    assert "2 trainings of these variants and seeds are in the store, but do not count here" in page
    assert "To train again is to train what is missing" in page
    assert 'href="/start?file=digits_study.py">Train again' in page


def test_a_study_that_changes_while_it_is_looked_at(
    own: Path, browse: Callable[[Path], TestClient], dossier: Dossier
) -> None:
    client, path = browse(own), f"/studies/{dossier.id}"
    assert client.get(path).status_code == 200
    before = client.get(f"{path}/curves").json()["stamp"]
    rewritten(own, dossier, lambda content: content["candidates"][1].update(planned={"0": "0" * 32, "1": "1" * 32}))
    assert client.get(path).status_code == 200
    curves = client.get(f"{path}/curves").json()
    assert curves["stamp"] != before
    assert curves["trials"]["0" * 32]["state"] == "waiting"


def test_twelve_variants_look_different(dossier: Dossier) -> None:
    one = dossier.candidates[1]
    others = [one.model_copy(update={"name": f"variant {n}"}) for n in range(40)]
    found = variants(dossier.model_copy(update={"candidates": (dossier.reference, *others)}))
    assert len({(one["colour"], one["mark"]) for one in found}) == 41


def test_failures_are_shown(own: Path, browse: Callable[[Path], TestClient], dossier: Dossier) -> None:
    store, key = Store(own), dossier.candidates[1].keys[0]
    shutil.rmtree(own / "runs" / key)
    store.fail(key, "Reading digits", "wider", 0, "<b>no room</b>", diverged=False)
    page = browse(own).get(f"/studies/{dossier.id}").text
    assert "1 trial broke down" in page
    assert "&lt;b&gt;no room&lt;/b&gt;" in page
    assert '<span class="badge unsure">done, 1 failed</span>' in page
    for address in ("/", f"/studies/{dossier.id}"):
        page = browse(own).get(address).text
        assert '<span class="badge unsure">done, 1 failed</span>' in page
    assert 'max="6" value="5"' in browse(own).get("/").text, "the bar is not full"


def test_a_server_that_is_killed_and_its_clean_end(own: Path, folder: Path, dossier: Dossier) -> None:
    command = [
        sys.executable,
        "-m",
        "etalon.cli",
        "ui",
        str(folder),
        "--store",
        str(own),
        "--port",
        "0",
        "--no-browser",
    ]
    for number, path in ((signal.SIGKILL, "compare"), (signal.SIGINT, "try")):
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
            assert server.stdout
            assert server.stderr
            address = server.stdout.readline().strip()
            place = re.fullmatch(r"http://127.0.0.1:(\d+)/", address)
            assert place, server.stderr.read()
            with closing(http.client.HTTPConnection("localhost", int(place[1]))) as page:
                page.request("GET", f"/studies/{dossier.id}/{path}")  # which is being computed, or networks made ready
                assert page.getresponse().status == 200
            with closing(Listener(int(place[1]), f"/studies/{dossier.id}/events")) as listener:
                next(listener.messages())
                os.kill(server.pid, number)
                began = time.monotonic()
                try:
                    rest = listener.answer.read()
                except http.client.IncompleteRead:
                    rest = b""
                assert b"error" not in rest
            server.wait(30)
            assert time.monotonic() - began < 2 * PATIENCE + 5
            if number == signal.SIGINT:
                assert server.returncode == 0
                assert server.stderr.read() == ""


def test_addresses() -> None:
    assert urls("127.0.0.1", 80, "") == ["http://127.0.0.1:80/"]
    assert urls("::1", 8000, "t") == ["http://[::1]:8000/?token=t"]
    assert urls("192.0.2.7", 8000, "t") == ["http://192.0.2.7:8000/?token=t"]
    for host, here in (("0.0.0.0", "127.0.0.1"), ("::", "[::1]")):
        first, *others = urls(host, 8202, "t")
        assert first == f"http://{here}:8202/?token=t"
        for address in others:
            name = str(urlsplit(address).hostname)
            assert address.endswith(":8202/?token=t")
            assert not ip_address(name).is_loopback
            with create_server((name, 0), family=family_of(name)):
                pass  # it is this machine's


def test_a_server_for_the_network_says_how_to_reach_it(own: Path, folder: Path) -> None:
    command = [sys.executable, "-m", "etalon.cli", "ui", str(folder), "--store", str(own), "--host", "0.0.0.0"]
    command += ["--port", "0", "--no-browser", "--token", "let-me-in"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stdout
        assert server.stderr
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=let-me-in", server.stdout.readline().strip())
        assert "not encrypted" in server.stderr.readline()
        server.send_signal(signal.SIGINT)
        assert "0.0.0.0" not in server.stdout.read()


@pytest.mark.parametrize(
    ("options", "why"), [(["nowhere"], "no such folder"), ([".", "--host", "192.0.2.1"], "nobody can answer there")]
)
def test_refusals_of_the_verb(tmp_path: Path, options: list[str], why: str) -> None:
    command = [sys.executable, "-m", "etalon.cli", "ui", *options, "--store", str(tmp_path / "s"), "--no-browser"]
    answer = subprocess.run([*command, "--port", "0"], capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert answer.returncode == 1
    assert why in answer.stderr
    assert len(answer.stderr.splitlines()) == 1
