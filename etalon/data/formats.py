"""The binary formats of published sets: IDX (MNIST and its kin), CIFAR-10's two, and NumPy's npz."""

import gzip
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from etalon.data.arrays import Pair
from etalon.data.containers import Container
from etalon.data.pickles import broken, unpickle
from etalon.errors import DataError
from etalon.locales import _, ngettext

CIFAR_TRAIN = tuple(f"data_batch_{i}" for i in range(1, 6))
CIFAR_TEST = "test_batch"

_IDX = re.compile(r"(train|t10k|test)[-_](images|labels)[-.]idx[13]-ubyte(\.gz)?$")
_IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_NPZ = ("x_train", "y_train", "x_test", "y_test", "x", "y")


def idx(data: bytes, where: str) -> NDArray[Any]:
    """The array of an IDX file, gzipped or not.

    Format: two zero bytes, a type, the number of dimensions, each dimension as a big-endian uint32, the
    values (Y. LeCun, "The MNIST database").

    Raises:
        DataError: another magic number, or a length that does not fit.
    """
    data = gunzip(data, where)
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in _IDX_TYPES:
        raise broken(where, _("no IDX magic number"))
    start = 4 + 4 * data[3]
    if len(data) < start:
        raise broken(where, _("its header is cut short"))
    shape = struct.unpack(f">{data[3]}I", data[4:start])
    kind = np.dtype(_IDX_TYPES[data[2]])
    expected = start + int(np.prod(shape, dtype=np.int64)) * kind.itemsize
    if len(data) != expected:
        raise broken(where, _("{found} bytes instead of {expected}").format(found=len(data), expected=expected))
    return np.frombuffer(data, kind, offset=start).reshape(shape).astype(kind.newbyteorder("="))


def gunzip(data: bytes, where: str) -> bytes:
    """The content of a gzip file, or the bytes themselves if they are none.

    Raises:
        DataError: a gzip file that is broken.
    """
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise broken(where, error) from error


def idx_files(container: Container) -> dict[str, str] | None:
    """The four IDX files of a container by "x_train", "y_train", "x_test", "y_test"; None if it has none."""
    found = {}
    for name in container.names:
        if match := _IDX.search(name):
            part = "train" if match[1] == "train" else "test"
            found[f"{'x' if match[2] == 'images' else 'y'}_{part}"] = name
    if not found:
        return None
    missing = {"x_train", "y_train", "x_test", "y_test"} - set(found)
    if missing:
        raise DataError(
            _("{where}: {what}").format(where=container.path, what=", ".join(sorted(found.values()))),
            ngettext(
                "a set in IDX has four files, and one is missing",
                "a set in IDX has four files, and {n} are missing",
                len(missing),
            ).format(n=len(missing)),
            _("Put train-images, train-labels, t10k-images and t10k-labels together."),
        )
    return found


def read_idx(container: Container, files: Mapping[str, str]) -> list[Pair]:
    """The training and the test pair of four IDX files."""
    content = dict(container.read(list(files.values())))
    arrays = {key: idx(content[name], f"{container.path}/{name}") for key, name in files.items()}
    return [(arrays["x_train"], arrays["y_train"]), (arrays["x_test"], arrays["y_test"])]


def read_npz(path: Path) -> list[Pair]:
    """The pairs of a .npz with x_train, y_train, x_test, y_test, or with x, y.

    Raises:
        DataError: other names, objects instead of numbers, or a broken file.
    """
    try:
        with path.open("rb") as stream:
            if not zipfile.is_zipfile(stream):
                raise zipfile.BadZipFile(_("no archive of arrays"))
            stream.seek(0)
            with np.load(stream, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files if name in _NPZ}
                names = list(file.files)
    except (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        reason = _("objects instead of numbers") if "pickle" in str(error) else error  # NumPy advises to trust them
        raise broken(str(path), reason) from error
    if {"x_train", "y_train", "x_test", "y_test"} <= set(arrays):
        return [(arrays["x_train"], arrays["y_train"]), (arrays["x_test"], arrays["y_test"])]
    for x, y in (("x", "y"), ("x_train", "y_train")):
        if {x, y} <= set(arrays):
            return [(arrays[x], arrays[y])]
    raise DataError(
        _("{where}: {what}").format(where=path, what=", ".join(names)),
        _("the arrays must be called x_train, y_train, x_test, y_test, or x and y"),
        _("Save them again under these names with np.savez."),
    )


def cifar_files(container: Container) -> dict[str, str] | None:
    """CIFAR-10's batches by their plain names ("data_batch_1"); None if the container has none."""
    names = {name.rsplit("/", 1)[-1].removesuffix(".bin"): name for name in container.names}
    batches = [batch for batch in (*CIFAR_TRAIN, CIFAR_TEST) if batch in names]
    if CIFAR_TEST not in batches or len(batches) < 2:
        return None
    extra = [name for name in ("batches.meta", "batches.meta.txt") if name in names]
    return {name: names[name] for name in (*batches, *extra)}


def cifar_content(container: Container, files: Mapping[str, str]) -> dict[str, bytes]:
    """The bytes of the files that `cifar_files` found, by plain name."""
    plain = {name: batch for batch, name in files.items()}
    return {plain[name]: data for name, data in container.read(list(plain))}


def read_cifar(content: Mapping[str, bytes], where: str) -> tuple[list[Pair], tuple[str, ...]]:
    """CIFAR-10 from its batches: the training and the test pair, and the class names.

    Args:
        content: as `cifar_content` gives it; pickled or binary.
        where: what errors call the source.

    Raises:
        DataError: a broken batch, or a pickle that asks for anything but arrays and plain containers.
    """
    batches = [name for name in (*CIFAR_TRAIN, CIFAR_TEST) if name in content]
    read = {name: _batch(content[name], f"{where}/{name}") for name in batches}
    train = [read[name] for name in CIFAR_TRAIN if name in read]
    pairs = [
        (np.concatenate([x for x, _y in train]), np.concatenate([y for _x, y in train])),
        read[CIFAR_TEST],
    ]
    return pairs, _cifar_names(content, where)


def _batch(data: bytes, where: str) -> Pair:
    """One batch: uint8 (n, 32, 32, 3) and labels. Binary: 1 + 3072 bytes an image, planes R, G, B."""
    if data[:1] == b"\x80" or data[:1] == b"(":
        values = unpickle(data, where)
        try:
            x, y = np.asarray(values["data"]), np.asarray(values["labels"])
        except (TypeError, KeyError) as error:
            raise broken(where, error) from error
    elif data and len(data) % 3073 == 0:
        records = np.frombuffer(data, np.uint8).reshape(-1, 3073)
        x, y = records[:, 1:], records[:, 0].astype(np.int64)
    else:
        raise broken(where, _("no batch of CIFAR-10"))
    if x.dtype != np.uint8 or x.ndim != 2 or x.shape[1] != 3072 or y.shape != x.shape[:1]:
        raise broken(where, _("images {x}, labels {y}").format(x=x.shape, y=y.shape))
    return x.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), y


def _cifar_names(content: Mapping[str, bytes], where: str) -> tuple[str, ...]:
    if "batches.meta.txt" in content:
        return tuple(content["batches.meta.txt"].decode().split())
    if "batches.meta" not in content:
        return ()
    try:
        return tuple(unpickle(content["batches.meta"], f"{where}/batches.meta")["label_names"])
    except (TypeError, KeyError) as error:
        raise broken(f"{where}/batches.meta", error) from error
