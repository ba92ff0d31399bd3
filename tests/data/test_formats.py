import gzip
import io
import pickle
import struct
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from etalon.data.formats import idx
from etalon.data.load import load
from etalon.data.pickles import unpickle
from etalon.errors import DataError
from tests.data.conftest import pictures, toy


def idx_bytes(array: np.ndarray, code: int = 8) -> bytes:
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    return header + array.astype({8: ">u1", 11: ">i2", 13: ">f4"}[code]).tobytes()


def idx_folder(folder: Path, *, zipped: bool = False, test: str = "t10k", dot: str = "-") -> Path:
    """The toy set as an MNIST-like folder."""
    folder.mkdir(parents=True)
    dataset = toy()
    for part, side in (("train", dataset.train), (test, dataset.test)):
        for name, array in ((f"images{dot}idx3", side.x[..., 0]), (f"labels{dot}idx1", side.y)):
            data = idx_bytes(array)
            path = folder / f"{part}-{name}-ubyte"
            if zipped:
                path.with_name(path.name + ".gz").write_bytes(gzip.compress(data))
            else:
                path.write_bytes(data)
    return folder


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize(("test", "dot"), [("t10k", "-"), ("test", ".")])
def test_idx_files(tmp_path: Path, zipped: bool, test: str, dot: str) -> None:
    dataset = load(idx_folder(tmp_path / "letters", zipped=zipped, test=test, dot=dot))
    assert dataset.name == "letters"
    np.testing.assert_array_equal(dataset.train.x, toy().train.x)
    np.testing.assert_array_equal(dataset.test.y, toy().test.y)
    assert load(tmp_path / "letters", classes=["a", "b", "c"]).class_names() == ("a", "b", "c")


@pytest.mark.parametrize(("code", "kind"), [(8, np.uint8), (11, np.int16), (13, np.float32)])
def test_idx_of_every_type(code: int, kind: type) -> None:
    array: np.ndarray = np.arange(24).reshape(2, 3, 4).astype(kind)
    back = idx(idx_bytes(array, code), "here")
    assert back.dtype == kind
    np.testing.assert_array_equal(back, array)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no IDX magic number"),
        (b"\x89PNG1234", "no IDX magic number"),
        (b"\0\0\x08\x03\0\0", "header is cut short"),
        (idx_bytes(np.zeros((2, 3)))[:-1], "17 bytes instead of 18"),
        (idx_bytes(np.zeros((2, 3))) + b"\0", "19 bytes instead of 18"),
        (gzip.compress(idx_bytes(np.zeros((2, 3))), mtime=0)[:-12], "broken"),
    ],
)
def test_broken_idx_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(DataError, match=f"^here: .*{message}"):
        idx(data, "here")


def test_a_missing_idx_file_is_said(tmp_path: Path) -> None:
    folder = idx_folder(tmp_path / "letters")
    (folder / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match="one is missing"):
        load(folder)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz(tmp_path: Path, save: Any) -> None:
    dataset = toy()
    path = tmp_path / "toy.npz"
    save(path, x_train=dataset.train.x, y_train=dataset.train.y, x_test=dataset.test.x[..., 0], y_test=dataset.test.y)
    back = load(path)
    assert back.name == "toy"
    np.testing.assert_array_equal(back.train.x, dataset.train.x)
    np.testing.assert_array_equal(back.test.x, dataset.test.x)
    save(path, x=dataset.train.x, y=dataset.train.y)
    assert len(load(path).test) == 6


def test_npz_with_other_names_objects_or_damage_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "toy.npz"
    np.savez(path, images=pictures(4), labels=np.arange(4))
    with pytest.raises(DataError, match="images, labels: the arrays must be called"):
        load(path)
    np.savez(path, x=pictures(4), y=np.array([{}, {}, {}, {}], dtype=object))
    with pytest.raises(DataError, match=r"broken .* \(objects instead of numbers\)"):
        load(path)
    for damaged in (path.read_bytes()[:200], b"abc"):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=r"broken .* \(no archive of arrays\)"):
            load(path)


CIFAR = pictures(60, (32, 32, 3))
LABELS = [i % 10 for i in range(60)]
NAMES = [f"k{i}" for i in range(10)]


def planes(x: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2).reshape(len(x), -1))


def cifar_folder(folder: Path, protocol: int = 2) -> Path:
    """Two training batches and a test batch of 20 images each."""
    folder.mkdir(parents=True)
    for i, name in enumerate(("data_batch_1", "data_batch_2", "test_batch")):
        at = slice(20 * i, 20 * i + 20)
        batch = {"data": planes(CIFAR[at]), "labels": LABELS[at], "batch_label": name, "filenames": ["f"] * 20}
        (folder / name).write_bytes(pickle.dumps(batch, protocol=protocol))
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": NAMES}, protocol=protocol))
    return folder


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_cifars_python_version(tmp_path: Path, protocol: int) -> None:
    dataset = load(cifar_folder(tmp_path / "batches", protocol))
    np.testing.assert_array_equal(dataset.train.x, CIFAR[:40])
    np.testing.assert_array_equal(dataset.test.y, LABELS[40:])
    assert dataset.class_names() == tuple(NAMES)
    assert "content not checked" in dataset.provenance


def test_cifars_python_version_in_its_archive(tmp_path: Path) -> None:
    folder = cifar_folder(tmp_path / "cifar-10-batches-py")
    with tarfile.open(tmp_path / "mine.tar.gz", "w:gz") as archive:
        archive.add(folder, folder.name)
    dataset = load(tmp_path / "mine.tar.gz", size=16)
    assert dataset.image_shape == (16, 16, 3)
    assert load(tmp_path / "mine.tar.gz").digest == load(folder).digest


def test_cifars_binary_version(tmp_path: Path) -> None:
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    for i, name in enumerate(("data_batch_1.bin", "data_batch_2.bin", "test_batch.bin")):
        at = slice(20 * i, 20 * i + 20)
        records = np.concatenate([np.array(LABELS[at], np.uint8)[:, None], planes(CIFAR[at])], axis=1)
        (folder / name).write_bytes(records.tobytes())
    (folder / "batches.meta.txt").write_text("\n".join(NAMES) + "\n")
    assert load(folder).digest == load(cifar_folder(tmp_path / "batches")).digest


def test_a_pickle_of_python_2(tmp_path: Path) -> None:
    """How the official batches were written: by Python 2, with its byte strings."""
    data = bytes(range(6))
    written = (
        b"\x80\x02}q\x01U\x04dataq\x02cnumpy.core.multiarray\n_reconstruct\nq\x03cnumpy\nndarray\nq\x04"
        b"K\x00\x85U\x01b\x87Rq\x05(K\x01K\x02K\x03\x86cnumpy\ndtype\nq\x06U\x02u1K\x00K\x01\x87Rq\x07"
        b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89U\x06" + data + b"tbs."
    )
    np.testing.assert_array_equal(unpickle(written, "here")["data"], np.arange(6).reshape(2, 3))


class Evil:
    """Asks the reader to make a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        import os

        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_pickle_that_would_run_code_is_refused_and_does_not(tmp_path: Path, protocol: int) -> None:
    folder = cifar_folder(tmp_path / "batches")
    (folder / "data_batch_2").write_bytes(pickle.dumps({"data": Evil(tmp_path / "ran")}, protocol))
    with pytest.raises(DataError, match=r"asks to run .*mkdir"):
        load(folder)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "name", ["builtins\neval", "os\nsystem", "numpy\nload", "numpy.core.multiarray\narray", "numpy\nfromfile"]
)
def test_no_other_name_is_admitted(name: str) -> None:
    with pytest.raises(DataError, match="asks to run"):
        unpickle(f"c{name}\n(S'x'\ntR.".encode(), "here")


def test_objects_in_an_array_are_refused() -> None:
    with pytest.raises(DataError, match="dtype"):
        unpickle(pickle.dumps(np.array([{}, 1], dtype=object), 2), "here")


@pytest.mark.parametrize("data", [b"\x80\x02", b"\x80\x02}", b"(", b"\x80\x04K\x01", b"\x80\x02K\x01."])
def test_a_broken_batch_is_refused(tmp_path: Path, data: bytes) -> None:
    folder = cifar_folder(tmp_path / "batches")
    (folder / "test_batch").write_bytes(data)
    with pytest.raises(DataError, match=r"test_batch: this file is broken"):
        load(folder)


def test_a_batch_of_another_size_is_refused(tmp_path: Path) -> None:
    folder = cifar_folder(tmp_path / "batches")
    (folder / "test_batch").write_bytes(pickle.dumps({"data": pictures(3), "labels": [0, 1, 2]}, 2))
    with pytest.raises(DataError, match="broken"):
        load(folder)
    (folder / "test_batch").write_bytes(io.BytesIO(b"\x07" * 3072).getvalue())
    with pytest.raises(DataError, match="no batch of CIFAR-10"):
        load(folder)
