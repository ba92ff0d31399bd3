"""Requests that nobody sends by mistake: each is answered by a refusal, or by a page; never by a failure."""

import asyncio
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import schemathesis
from PIL import Image
from schemathesis.checks import not_a_server_error
from schemathesis.config import GenerationConfig, SchemathesisConfig
from schemathesis.specs.openapi.checks import content_type_conformance, status_code_conformance
from starlette.testclient import TestClient

from etalon.app import server
from etalon.app.desk import Desk
from etalon.app.guard import BODY
from etalon.app.queue import Queue
from etalon.app.server import create
from etalon.study.journal import Dossier
from etalon.study.store import Store

EXAMPLES = 2  # of each operation, beside those that are worked out from its schema
FUZZER = "testserver"  # the name under which it asks
NOBODY = "0" * 12  # a study that there is not
TOKEN = "let-me-in"
SECRET = b"nobody may read this"
SLICE = 64 << 10  # bytes of a body that come at once


def told() -> Any:
    """What the application says of itself; nobody needs a store for that."""
    config = SchemathesisConfig.from_dict({})
    config.projects.default.generation = GenerationConfig(max_examples=EXAMPLES, deterministic=True)
    schema = TestClient(create(cast(Desk, None)), base_url="http://localhost").get("/openapi.json").json()
    return schemathesis.openapi.from_dict(schema, config=config)


SCHEMA = told()
PLACES = {"study": NOBODY, "part": "train", "index": "0", "job": "1", "name": "nothing"}
ROUTES = [
    (method.upper(), path.format(**PLACES))
    for path, operations in SCHEMA.raw_schema["paths"].items()
    for method in operations
]
ROUTES += [("GET", path) for path in (f"/studies/{NOBODY}/events", "/static/app.css", "/openapi.json", "/nowhere")]
FORMS = [
    path.format(**PLACES)
    for path, operations in SCHEMA.raw_schema["paths"].items()
    if "requestBody" in operations.get("post", {})
]


@dataclass(frozen=True)
class Answer:
    """What the application answers, and how many bytes of the body it has taken."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    taken: int


def ask(
    app: Any, method: str, path: str, *, query: str = "", headers: Mapping[str, str] = {}, body: Iterable[bytes] = ()
) -> Answer:
    """A request as it comes from the network: nothing of its path is made tidy, and it leaves once answered."""

    async def asked() -> Answer:
        said: list[Any] = []
        begun, chunks, taken, ended = asyncio.Event(), iter(body), 0, False

        async def receive() -> Any:
            nonlocal taken, ended
            if (chunk := next(chunks, None)) is not None:
                taken += len(chunk)
                return {"type": "http.request", "body": chunk, "more_body": True}
            if not ended:
                ended = True
                return {"type": "http.request", "body": b"", "more_body": False}
            await begun.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            said.append(message)
            begun.set()

        raw = {"host": "localhost", **headers}
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode("utf-8", "replace"),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in raw.items()],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
        }
        await app(scope, receive, send)
        kept = {name.decode(): value.decode("latin-1") for name, value in said[0]["headers"]}
        content = b"".join(message.get("body", b"") for message in said[1:])
        return Answer(said[0]["status"], kept, content, taken)

    return asyncio.run(asked())


def rest(desk: Desk) -> None:
    """Wait for what is done in the background: a thread cut short at the end of Python may take it down."""
    while not all(work.done for kind in (desk.background, desk.opening) for work in list(kind._known.values())):
        time.sleep(0.05)


def served(desk: Desk, **options: Any) -> Any:
    """An application on a desk; made while nothing else changes which warnings are heard, as FastAPI does."""
    rest(desk)
    return create(desk, **options)


@pytest.fixture(scope="module")
def disposable(trained: Path, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk on a store and a folder in which anything may be written; nothing of its queue is ever run."""
    place = tmp_path_factory.mktemp("hostile")
    store = Path(shutil.copytree(trained, place / "store"))
    for near in (place, store, store / "reports", store / "jobs", store / "uploads", store / "studies"):
        near.mkdir(exist_ok=True)
        (near / "secret.txt").write_bytes(SECRET)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Queue, "_wake", lambda self: None)
        patch.setenv("XDG_CACHE_HOME", str(place / "cache"))
        desk = Desk(Store(store), Path(shutil.copytree(folder, place / "served")))
        yield desk
        rest(desk)


@pytest.fixture(scope="module")
def app(disposable: Desk) -> Any:
    return served(disposable)


@pytest.fixture(scope="module")
def fuzzed(disposable: Desk) -> Any:
    return served(disposable, hosts={FUZZER})


@pytest.fixture(scope="module")
def guarded(disposable: Desk) -> Any:
    return served(disposable, token=TOKEN)


# whatever fits its schema, or does not


@SCHEMA.parametrize()
def test_whatever_is_asked(case: schemathesis.Case, fuzzed: Any, dossier: Dossier) -> None:
    if "study" in case.path_parameters:
        case.path_parameters["study"] = dossier.id
    answer = case.call(app=fuzzed)
    case.validate_response(answer, checks=[not_a_server_error, status_code_conformance, content_type_conformance])


# who may ask


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "evil.example:80", "", "[", "a@evil", "·"])
def test_other_names(app: Any, host: str) -> None:
    for method, path in ROUTES:
        assert ask(app, method, path, headers={"host": host}).status == 421, path


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "[::1]:8000", "LOCALHOST"])
def test_names_of_this_machine(app: Any, host: str) -> None:
    assert ask(app, "GET", "/start", headers={"host": host}).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "cors", "sec-fetch-dest": "empty"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"},
        {"sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "script"},
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"},
    ],
)
def test_pages_of_other_sites(app: Any, headers: Mapping[str, str]) -> None:
    for method, path in ROUTES:
        assert ask(app, method, path, headers=headers).status == 403, path


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"},
        {"origin": "http://evil.example"},
        {"origin": "http://localhost:8001"},
        {"origin": "null"},
        {"origin": "http://["},
        {"origin": ""},
    ],
)
def test_forms_of_other_sites(app: Any, headers: Mapping[str, str]) -> None:
    for method, path in ROUTES:
        refused = ask(app, method, path, headers=headers).status == 403
        assert refused == (method == "POST"), path


def test_own_forms(app: Any) -> None:
    own = {"origin": "http://localhost", "sec-fetch-site": "same-origin", "sec-fetch-mode": "navigate"}
    assert ask(app, "POST", "/queue", headers=own).status == 303


@pytest.mark.parametrize(
    ("query", "cookie"),
    [
        ("", ""),
        ("token=", "etalon-token="),
        ("token=wrong", "etalon-token=wrong"),
        ("token=%ED%A0%80%FF", "etalon-token=\xff"),
        (f"tokens={TOKEN}", "a,b[]=1; expires; etalon-token"),
        ("lang=fr", f"etalon-token={TOKEN}x; etalon-lang={TOKEN}"),
    ],
)
def test_without_the_token(guarded: Any, query: str, cookie: str) -> None:
    for method, path in ROUTES:
        answer = ask(guarded, method, path, query=query, headers={"cookie": cookie})
        assert answer.status == 401, path
        assert "set-cookie" not in answer.headers


def test_with_the_token(guarded: Any) -> None:
    for path in ("/", "//evil.example/", "///evil.example/", "/\\evil.example"):
        shown = ask(guarded, "GET", path, query=f"file=a+b&token={TOKEN}")
        assert shown.status == 303
        assert shown.headers["location"].startswith("/")
        assert not shown.headers["location"].startswith(("//", "/\\"))
        assert shown.headers["location"].endswith("?file=a+b"), "the token does not stay in the address"
    cookie = shown.headers["set-cookie"]
    assert all(word in cookie for word in ("HttpOnly", "SameSite=strict"))
    kept = {"cookie": "a,b[]=1; expires=1; " + cookie.partition(";")[0], "host": "any.example"}
    assert ask(guarded, "GET", "/start", headers=kept).status == 200
    assert ask(guarded, "GET", "/static/app.css", headers=kept).status == 200


# what each answer tells browsers


def test_headers_of_every_answer(app: Any, guarded: Any, dossier: Dossier) -> None:
    here = f"/studies/{dossier.id}"
    real = [
        ("GET", f"{here}{path}") for path in ("", "/events", "/compare", "/report/results.csv", "/images/train/0.png")
    ]
    answers = [ask(app, method, path) for method, path in [*ROUTES, *real, ("TRACE", "/"), ("PUT", "/start")]]
    answers += [ask(app, "GET", "/", headers={"host": "evil.example"}), ask(guarded, "GET", "/")]
    answers += [ask(app, "POST", "/start", headers={"origin": "null"}), ask(app, "GET", "/static/app.css", query="v")]
    assert {answer.status for answer in answers} >= {200, 303, 401, 403, 404, 405, 421, 422}
    for answer in answers:
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "frame-ancestors" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["cache-control"] in ("no-store", server.YEAR)
        assert "unsafe-eval" not in answer.headers["content-security-policy"]
        assert "script-src 'self';" in answer.headers["content-security-policy"]


def test_methods_that_are_not_taken(app: Any) -> None:
    for method, path, allowed in (("PUT", "/", "GET"), ("DELETE", "/start/made", "POST"), ("HEAD", "/data", "POST")):
        answer = ask(app, method, path)
        assert (answer.status, answer.headers["allow"]) == (405, allowed)


# paths


TRICKS = [
    "../secret.txt",
    "../../secret.txt",
    "..%2f..%2fsecret.txt",
    "....//secret.txt",
    "..\\secret.txt",
    "/etc/passwd",
    "//etc/passwd",
    "\x00",
    "app.css\x00.png",
    "a" * 5000,
    "a/" * 3000,
    "é€😀\u202e",
    "\ud800".encode("utf-8", "surrogatepass").decode("utf-8", "replace"),
    ".",
    "",
    "~root",
    "C:\\secret.txt",
    "file:///etc/passwd",
]


@pytest.mark.parametrize("trick", TRICKS, ids=range(len(TRICKS)))
def test_paths_that_lead_elsewhere(app: Any, disposable: Desk, dossier: Dossier, trick: str) -> None:
    here, store = f"/studies/{dossier.id}", disposable.store.folder
    parents = ["/static", "/jobs", "/studies", f"{here}/images/train", f"{here}/image", f"{here}/report", ""]
    absolute = [f"/static/{store}/secret.txt", f"/static/{'../' * 12}{store}/secret.txt", f"/jobs/{store}/etalon.db"]
    for path in [*(f"{parent}/{trick}" for parent in parents), f"/studies/{trick}/compare", *absolute]:
        answer = ask(app, "GET", path)
        assert answer.status in (307, 404, 405, 422) or path.strip("/.") in ("", "studies"), (path, answer.status)
        assert SECRET not in answer.body
        assert b"root:" not in answer.body
    for query in (f"lang={trick[:50]}&form=html&by=store", f"lang=en&form=../{trick[:50]}&by=file"):
        assert ask(app, "GET", f"{here}/report/file", query=query.encode("ascii", "ignore").decode()).status == 422


@pytest.mark.parametrize("trick", TRICKS, ids=range(len(TRICKS)))
def test_names_of_files_that_lead_elsewhere(app: Any, disposable: Desk, trick: str) -> None:
    browser = TestClient(app, base_url="http://localhost")
    for file in (trick, f"etalon:{trick}", f"{disposable.store.folder}/secret.txt"):
        answer = browser.post("/start", data={"file": file}, follow_redirects=False)
        assert answer.status_code == 422
        assert SECRET not in answer.content
    sent = {"archive": (trick or "x", b"no archive")}
    assert browser.post("/data", files=sent, data={"size": "28"}, follow_redirects=False).status_code in (400, 422)
    assert not any("secret" in word or "etc" in word for job in disposable.queue.jobs() for word in job.argv)


# bodies


BOUNDARY = "etalon"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"


def part(disposition: str, charset: str = "") -> bytes:
    return f"--{BOUNDARY}\r\ncontent-disposition: form-data; {disposition}{charset}\r\n\r\n".encode()


def endless(first: bytes = b"") -> Iterator[bytes]:
    yield first
    while True:
        yield bytes(SLICE)


@pytest.mark.parametrize(
    ("kind", "first"),
    [
        ("application/x-www-form-urlencoded", b"title="),
        ("application/x-www-form-urlencoded", b"&" * SLICE),
        (MULTIPART, part('name="file"; filename="a.png"')),
        (MULTIPART, part('name="archive"; filename="a.zip"')),
        (MULTIPART, part('name="title"')),
        (MULTIPART, b"\r\n"),
    ],
)
def test_bodies_without_an_end(disposable: Desk, monkeypatch: pytest.MonkeyPatch, kind: str, first: bytes) -> None:
    """They are refused while they come, and what has come is not kept."""
    monkeypatch.setattr(server, "UPLOAD", 8 * SLICE)
    monkeypatch.setattr(server, "IMAGE", 4 * SLICE)
    app = served(disposable)
    for path in FORMS:
        answer = ask(app, "POST", path, headers={"content-type": kind}, body=endless(first))
        assert answer.status in (400, 413), path
        files = 8 * SLICE if path == "/data" else 4 * SLICE if path.endswith("/try") else 0
        limit = files if kind == MULTIPART and files else BODY
        assert answer.taken <= limit + len(first) + SLICE, path


@pytest.mark.parametrize("length", ["99999999999", "9" * 400])
def test_bodies_that_say_they_are_long(app: Any, length: str) -> None:
    for path in FORMS:
        headers = {"content-type": MULTIPART, "content-length": length}
        answer = ask(app, "POST", path, headers=headers, body=endless())
        assert answer.status == 413
        assert answer.taken <= SLICE


@pytest.mark.parametrize("length", ["-1", "x", "²", "1e9", ""])
def test_odd_lengths(app: Any, length: str) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded", "content-length": length}
    assert ask(app, "POST", "/start", headers=headers, body=[b"file=a"]).status == 422


@pytest.mark.parametrize("charset", ["utf-7", "utf-16", "idna", "punycode", "zlib", "rot13", "undefined", "\xff"])
def test_odd_characters(app: Any, charset: str) -> None:
    """In UTF-7 the same bytes are half a character, which no page can hold."""
    headers = {"content-type": f"{MULTIPART}; charset={charset}"}
    end = f"\r\n--{BOUNDARY}--\r\n".encode()
    for path in FORMS:
        for name in ("file", "archive", "title", "back", "lang"):
            for body in (
                part(f'name="{name}"') + b"+2AA-" + end,
                part(f'name="{name}"; filename="+2AA-"') + b"x" + end,
            ):
                assert ask(app, "POST", path, headers=headers, body=[body]).status in (303, 400, 404, 413, 422), path


# images to try


def written(form: str, side: int = 300) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 255, (side, side, 3), np.uint8)
    file = BytesIO()
    Image.fromarray(pixels).save(file, form)
    return file.getvalue()


def announced(width: int, height: int) -> bytes:
    """A BMP of a few bytes that says it is that large."""
    header = bytearray(written("BMP", 2))
    header[18:26] = width.to_bytes(4, "little") + height.to_bytes(4, "little")
    return bytes(header)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x89PNG\r\n\x1a\n",
        *(written(form)[: len(written(form)) // 2] for form in ("PNG", "JPEG", "BMP", "GIF", "WEBP")),
        *(written(form)[:40] for form in ("PNG", "JPEG", "TIFF", "PPM")),
        announced(60_000, 60_000),
        announced(9_000, 9_000),
        b"P6 7000 7000 255\n",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"GIF89a" + bytes(100),
    ],
    ids=range(17),
)
def test_images_that_are_none(app: Any, dossier: Dossier, content: bytes) -> None:
    browser = TestClient(app, base_url="http://localhost")
    answer = browser.post(f"/studies/{dossier.id}/try", files={"file": ("<b>.png", content, "image/png")})
    assert answer.status_code == 422
    assert "<b>" not in answer.text
    assert "&lt;b&gt;.png" in answer.text


# what is kept for those who ask


def test_refusals_are_not_kept(app: Any, disposable: Desk, dossier: Dossier) -> None:
    for n in range(5):
        ask(app, "GET", f"/studies/{dossier.id}/compare", query=f"first=no{n}&second=reference")
    assert not disposable._making
