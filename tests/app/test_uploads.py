"""Archives that a browser sends: those that are images are kept, all others refused, and nothing of them stays."""

import io
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

import etalon
from etalon.app import uploads
from etalon.app.queue import Queue
from etalon.app.uploads import Uploads
from etalon.errors import DataError, EtalonError


def png(seed: int, side: int = 12) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (side, side), np.uint8)
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, "PNG")
    return written.getvalue()


def photographs(n: int = 12) -> dict[str, bytes]:
    return {f"set/{name}/{i}.png": png(i + 100 * (name == "dog")) for name in ("cat", "dog") for i in range(n)}


def zipped(members: dict[str, bytes]) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return written.getvalue()


def tarred(members: dict[str, bytes], mode: str = "w:gz") -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return written.getvalue()


def header_bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it is enormous."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def link() -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w:gz") as archive:
        entry = tarfile.TarInfo("set/cat/passwd.png")
        entry.type, entry.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(entry)
    return written.getvalue()


def notes(size: int) -> bytes:
    """A tar whose first header says that its notes are so long."""
    entry = tarfile.TarInfo("notes")
    entry.type, entry.size = tarfile.XHDTYPE, size
    return entry.tobuf() + b"1 a=b\n" * 1000


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Uploads:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Uploads(tmp_path / "uploads")


@pytest.mark.parametrize(
    ("content", "called"),
    [
        (zipped(photographs()), "My set.ZIP"),
        (tarred(photographs()), "../../My set.tar.gz"),
        (tarred({f"./{name}": content for name, content in photographs().items()}), "My set.tgz"),
        (tarred(photographs(), "w"), "C:\\x\\My set.tar"),
        (tarred(photographs(), "w:xz"), "My set.txz"),
    ],
    ids=["zip", "tar.gz", "tar of .", "tar", "txz"],
)
def test_kept_and_loaded(kept: Uploads, content: bytes, called: str) -> None:
    upload = kept.take(io.BytesIO(content), called, 8)
    assert (upload.name, upload.classes, upload.images, upload.shape) == ("my_set", ("cat", "dog"), 24, (8, 8, 1))
    assert kept.known() == {"my_set": upload}
    path = kept.path(upload)
    assert path.read_bytes() == content
    assert path.parent == kept.folder / "my_set"
    assert len(etalon.load(path, size=8).train) + len(etalon.load(path, size=8).test) == 24
    assert kept.take(io.BytesIO(content), called, 8).name == "my_set_2", "nothing is replaced"


@pytest.mark.parametrize("called", ["digits.zip", "MNIST.zip", "….zip", "a" * 300 + ".zip"])
def test_names_of_its_own(kept: Uploads, called: str) -> None:
    upload = kept.take(io.BytesIO(zipped(photographs())), called, 8)
    assert upload.name not in etalon.data.sources.NAMES
    assert set(upload.name) <= set("abcdefghijklmnopqrstuvwxyz0123456789_")
    assert len(upload.name) <= 45


ZEROS = bytes(300 << 20)


@pytest.mark.parametrize(
    ("content", "called", "why"),
    [
        (b"", "a.zip", "cannot be read"),
        (b"PK\x05\x06", "a.zip", "cannot be read"),
        (zipped(photographs())[:-200], "a.zip", "cannot be read"),
        (tarred(photographs())[:-200], "a.tar.gz", "cannot be read"),
        (b"\x1f\x8b" + bytes(100), "a.tar.gz", "cannot be read"),
        (zipped(photographs()), "a.py", "not an archive"),
        (zipped({**photographs(), "../../evil.png": png(1)}), "a.zip", "outside"),
        (zipped({**photographs(), "/etc/evil.png": png(1)}), "a.zip", "outside"),
        (zipped({**photographs(), "..\\evil.png": png(1)}), "a.zip", "outside"),
        (tarred({**photographs(), "set/../../evil.png": png(1)}), "a.tar.gz", "outside"),
        (link(), "a.tar.gz", "link"),
        (zipped({**photographs(), "set/cat/evil.py": b"print(1)"}), "a.zip", "not an image"),
        (tarred({**photographs(), "./set/cat/evil.py": b"print(1)"}), "a.tar.gz", "not an image"),
        (zipped({**photographs(), "set/cat/evil.eps": b"%!PS-Adobe-3.0 EPSF-3.0\n"}), "a.zip", "not an image"),
        (zipped({**photographs(), "set/cat/cut.png": png(1)[:60]}), "a.zip", ""),
        (zipped({**photographs(), "set/cat/big.png": header_bomb(60_000, 60_000)}), "a.zip", "image"),
        (zipped({**photographs(), "set/cat/big.png": header_bomb(9_000, 9_000)}), "a.zip", "pixels"),
        (zipped({**photographs(), "set/cat/bomb.png": ZEROS}), "a.zip", "far more"),
        (tarred({**photographs(), "set/cat/bomb.png": ZEROS}), "a.tar.gz", "far more"),
        (notes(3 << 30), "a.tar", "cannot be read"),
        (zipped({"a.png": png(1), "b.png": png(2)}), "a.zip", "folder"),
        (zipped({}), "a.zip", "folder"),
    ],
)
def test_refused(kept: Uploads, content: bytes, called: str, why: str) -> None:
    with pytest.raises(EtalonError) as refusal:
        kept.take(io.BytesIO(content), called, 8)
    assert why in refusal.value.why
    assert all((refusal.value.received, refusal.value.why, refusal.value.remedy))
    assert kept.known() == {}
    assert not kept.folder.exists() or list(kept.folder.iterdir()) == []


def test_too_many_files(kept: Uploads, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "FILES", 20)
    for content, called in ((zipped(photographs()), "a.zip"), (tarred(photographs()), "a.tar.gz")):
        with pytest.raises(DataError, match="more than 20 files"):
            kept.take(io.BytesIO(content), called, 8)


def test_a_table_of_contents_too_long_is_not_read(kept: Uploads, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "DIRECTORY", 500)
    with pytest.raises(DataError, match="more than"):
        kept.take(io.BytesIO(zipped(photographs())), "a.zip", 8)


def test_sent_by_a_form(own: Path, browse: "object", monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    client: TestClient = browse(own)  # type: ignore[operator]
    content = zipped(photographs())
    answer = client.post("/data", files={"archive": ("pets.zip", content)}, data={"size": "10"}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/start?data=pets#made")
    assert "pets (24 images, 2 classes)" in client.get("/start?data=pets").text
    refused = client.post("/data", files={"archive": ("x.zip", b"no")}, data={"size": "10"})
    assert refused.status_code == 422
    assert "cannot be read" in refused.text
    for wrong in ({"size": "10"}, {"size": "100000"}):
        assert client.post("/data", data=wrong).status_code == 422


class TestDeletion:
    @pytest.fixture
    def client(self, own: Path, browse: "object", monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> TestClient:
        """A browser on a store to which an archive has been sent; nothing that is queued is run."""
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        monkeypatch.setattr(Queue, "_wake", lambda self: None)
        client: TestClient = browse(own)  # type: ignore[operator]
        for name in ("pets.zip", "others.zip"):
            client.post("/data", files={"archive": (name, zipped(photographs()))}, data={"size": "10"})
        return client

    def test_asked_for_then_done(self, client: TestClient, own: Path) -> None:
        page = client.get("/start").text
        assert 'action="/data/pets/delete"' in page
        assert "Delete pets…" in page
        answer = client.post("/data/pets/delete", follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/start?deleted=pets#data")
        assert [path.name for path in (own / "uploads").iterdir()] == ["others"]
        page = client.get("/start?deleted=pets").text
        assert "The images of pets have been deleted" in page
        assert 'action="/data/pets/delete"' not in page
        assert '<option value="pets">' not in page
        assert client.post("/data/pets/delete").status_code == 404

    @pytest.mark.parametrize("name", ["..", "%2e%2e", "others%2F..", "Pets", "absent", "x" * 65])
    def test_nothing_else_is(self, client: TestClient, own: Path, name: str) -> None:
        assert client.post(f"/data/{name}/delete").status_code in (404, 405, 422)
        assert sorted(path.name for path in (own / "uploads").iterdir()) == ["others", "pets"]

    def test_not_by_another_site_nor_by_a_link(self, client: TestClient, own: Path) -> None:
        foreign = client.post("/data/pets/delete", headers={"origin": "http://elsewhere.example"})
        assert foreign.status_code == 403
        assert client.get("/data/pets/delete").status_code == 405
        assert (own / "uploads" / "pets").exists()

    @pytest.mark.parametrize("way", ["file", "form"])
    def test_not_while_a_study_needs_it(self, client: TestClient, own: Path, way: str) -> None:
        if way == "file":
            client.post("/start", data={"file": "digits_study.py", "data": "pets"})
        else:
            client.post("/start/made", data={"title": "Pets", "variations": "dropout", "size": "16", "data": "pets"})
        refused = client.post("/data/pets/delete")
        assert refused.status_code == 422
        assert "running or waiting" in refused.text
        assert (own / "uploads" / "pets").exists()
        assert client.post("/data/others/delete", follow_redirects=False).status_code == 303
        client.post("/jobs/1/stop", data={"back": "/"})
        assert client.post("/data/pets/delete", follow_redirects=False).status_code == 303

    def test_not_while_one_started_elsewhere_runs(
        self, client: TestClient, own: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from etalon.study.store import Store

        file = next((own / "studies").glob("*/study.json"))
        file.write_text(
            file.read_text(encoding="utf-8").replace('"name": "digits"', '"name": "pets"'), encoding="utf-8"
        )
        assert client.get("/").status_code == 200
        monkeypatch.setattr(Store, "running", lambda self, id: True)
        assert client.post("/data/pets/delete").status_code == 422
        monkeypatch.setattr(Store, "running", lambda self, id: False)
        assert client.post("/data/pets/delete", follow_redirects=False).status_code == 303


def test_a_form_has_one_file(own: Path, browse: "object") -> None:
    """Of many small ones, or of many fields, all would be held in memory."""
    client: TestClient = browse(own)  # type: ignore[operator]
    many = [("archive", (f"{i}.png", png(i))) for i in range(2)]
    assert client.post("/data", files=many, data={"size": "10"}).status_code == 400
    field = {"archive": ("a.zip", b"x")}
    assert client.post("/data", files=field, data={f"f{i}": "x" for i in range(200)}).status_code == 400
    assert client.post("/data", files=field, data={"size": "1" * (70 << 10)}).status_code == 400
