import errno
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import etalon.data.folders
from etalon.data import cache, images
from etalon.data.load import load
from etalon.errors import DataError
from tests.data.conftest import Tree, pictures, save


@pytest.fixture
def decodings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files decoded during the test."""
    done: list[str] = []
    decode = images.decode

    def noted(data: bytes, where: str, size: Any) -> np.ndarray:
        done.append(where)
        return decode(data, where, size)

    monkeypatch.setattr(etalon.data.folders, "decode", noted)
    return done


def test_a_second_load_does_not_decode_again(tree: Tree, tmp_path: Path, decodings: list[str]) -> None:
    root = tree()
    first = load(root, cache=tmp_path / "cache")
    assert len(decodings) == 20
    second = load(root, cache=tmp_path / "cache")
    assert len(decodings) == 20
    assert second.digest == first.digest
    assert second.provenance == first.provenance
    np.testing.assert_array_equal(second.train.x, first.train.x)
    assert not second.train.x.flags.writeable


def test_what_decides_the_result_decides_the_key(tree: Tree, tmp_path: Path, decodings: list[str]) -> None:
    root = tree()
    for n, options in enumerate([{}, {"size": 4}, {"seed": 1}, {"test": 0.5}, {"classes": ["dog", "cat"]}], 1):
        load(root, cache=tmp_path / "cache", **options)  # type: ignore[arg-type]
        assert len(decodings) == 20 * n


def test_a_changed_file_is_decoded_again(tree: Tree, tmp_path: Path, decodings: list[str]) -> None:
    root = tree()
    before = load(root, cache=tmp_path / "cache")
    save(root / "cat" / "3.png", 255 - pictures(1)[0])
    assert load(root, cache=tmp_path / "cache").digest != before.digest
    save(root / "cat" / "10.png", pictures(1)[0])
    load(root, cache=tmp_path / "cache")
    assert len(decodings) == 20 + 20 + 21


def test_nothing_is_left_of_a_decoding_that_failed(tree: Tree, tmp_path: Path) -> None:
    root = tree()
    (root / "cat" / "3.png").write_bytes(b"no image")
    for _attempt in range(2):
        with pytest.raises(DataError, match="not an image"):
            load(root, cache=tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize("damage", ["x_train.npy", "meta.json", "y_test.npy"])
def test_a_damaged_entry_is_made_again(tree: Tree, tmp_path: Path, decodings: list[str], damage: str) -> None:
    root = tree()
    digest = load(root, cache=tmp_path / "cache").digest
    (entry,) = (tmp_path / "cache").iterdir()
    (entry / damage).write_bytes((entry / damage).read_bytes()[:20])
    assert load(root, cache=tmp_path / "cache").digest == digest
    assert len(decodings) == 40
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [entry.name]


def build(folder: Path) -> cache.Meta:
    cache.save(folder, "train", pictures(4), np.arange(4) % 2)
    cache.save(folder, "test", pictures(4), np.arange(4) % 2)
    return {"classes": {"en": ["a", "b"], "fr": ["a", "b"]}}


def test_two_processes_that_decode_the_same_set_both_have_it(tmp_path: Path) -> None:
    def slow(folder: Path) -> cache.Meta:
        cache.decoded(tmp_path, "key", build)  # the other one, faster
        return build(folder)

    found = cache.decoded(tmp_path, "key", slow)
    assert len(found.train) == 4
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_the_digest_is_remembered(tmp_path: Path) -> None:
    found = cache.decoded(tmp_path, "key", build)
    meta = json.loads((tmp_path / "key" / "meta.json").read_text())
    assert meta["digest"] == found.meta["digest"]
    assert len(meta["digest"]) == 64


def test_a_full_disk_is_said(tmp_path: Path) -> None:
    def full(folder: Path) -> cache.Meta:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(DataError, match="no room left on the disk"):
        cache.decoded(tmp_path / "cache", "key", full)
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written"):
        cache.decoded(tmp_path / "file", "key", build)


def test_the_default_place_is_the_users_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.default_root() == tmp_path / "etalon" / "decoded"
