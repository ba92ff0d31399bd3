"""What can be made again: read back, or made again."""

from pathlib import Path

import numpy as np
import pytest

from etalon.study.shelf import Kept, Shelf, digest


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def test_it_comes_back_bit_for_bit(shelf: Shelf) -> None:
    arrays = {
        "a/b": np.arange(6, dtype=np.uint8).reshape(2, 3).T,
        "é": np.array([1 / 3]),
        "none": np.empty(0, np.uint8),
    }
    shelf.put("name", Kept({"x": [1, None, "é"], "nan": 0.1 + 0.2}, arrays))
    found = shelf.get("name", lambda kept: kept)
    assert found is not None
    assert found.meta == {"x": [1, None, "é"], "nan": 0.1 + 0.2}
    assert found.arrays.keys() == arrays.keys()
    for name, array in arrays.items():
        assert found.arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(found.arrays[name], array)
    shelf.put("name", Kept({}))
    assert shelf.get("name", lambda kept: dict(kept.meta)) == {}
    assert [path.name for path in shelf.folder.iterdir()] == ["name"]


@pytest.mark.parametrize("content", [None, b"", b"nonsense" * 9, 100, -1], ids=str)
def test_what_cannot_be_read_is_not_there(shelf: Shelf, content: bytes | int | None) -> None:
    shelf.put("name", Kept({"n": 1}, {"x": np.zeros(100)}))
    path = shelf.folder / "name"
    if content is None:
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:content] if isinstance(content, int) else content)
    assert shelf.get("name", lambda kept: kept) is None


def test_nor_what_is_not_what_was_expected(shelf: Shelf) -> None:
    shelf.put("name", Kept({"n": 1}))
    assert shelf.get("name", lambda kept: kept.meta["m"]) is None
    assert shelf.get("name", lambda kept: kept.arrays["x"]) is None


def test_a_disk_that_refuses_costs_nothing_else(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "absent")
    shelf.put("name", Kept({}))
    assert shelf.get("name", lambda kept: kept) is None


def test_digest_tells_facts_apart(tmp_path: Path) -> None:
    facts = [["a"], {"a": 1}, {"a": 1.5}, [tmp_path], [None], []]
    assert len({digest(fact) for fact in facts}) == len(facts)
    assert digest((1, "a")) == digest([1, "a"])
