"""The sets known by name: digits, MNIST, Fashion-MNIST, CIFAR-10.

They are looked for under `$ETALON_DATA`, then among the files fetched before, then fetched. Their content is
checked against what was published, whatever archive it comes in.
"""

import hashlib
import os
from collections.abc import Callable, Sequence
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import pooch

from etalon.data import cache
from etalon.data.arrays import Raw, from_arrays
from etalon.data.assemble import assemble, keep, reopen
from etalon.data.containers import Container, Folder, Tar
from etalon.data.dataset import Dataset, Part
from etalon.data.folders import read
from etalon.data.formats import cifar_content, cifar_files, gunzip, idx_files, read_cifar, read_idx
from etalon.data.images import Size
from etalon.data.listing import Listing, list_tree
from etalon.data.names import Given, translated
from etalon.data.published import (
    CIFAR_ARCHIVE,
    CIFAR_BATCHES,
    CIFAR_CLASSES,
    CIFAR_JPEG,
    CIFAR_JPEG_SHA256,
    CIFAR_MD5,
    CIFAR_URL,
    DIGITS,
    IDX,
    Published,
)
from etalon.errors import SourceError
from etalon.locales import Text, _, each

NAMES = ("digits", "mnist", "fashion_mnist", "cifar10")


def canonical(text: str) -> str | None:
    """The name of a known set, however it is spelled ("Fashion-MNIST", "cifar-10"); None if it is none."""
    letters = "".join(letter for letter in text.lower() if letter not in "-_ ")
    return next((name for name in NAMES if name.replace("_", "") == letters), None)


def load_named(name: str, *, size: Size | None, classes: Given, test: float, seed: int, root: Path | None) -> Dataset:
    """The set called `name`, one of `NAMES`; see `etalon.data.load.load`.

    Raises:
        SourceError: it is not at hand and cannot be fetched, or its content is not what was published.
    """
    if name == "cifar10":
        return _cifar(size, classes, root)
    if name == "digits":
        return _digits(size, classes, test, seed, root)
    return _idx(IDX[name], size, classes, root)


def at_hand(name: str) -> bool:
    """Whether the set called `name`, one of `NAMES`, can be loaded without fetching anything."""
    if name == "cifar10":
        return _find_cifar() is not None or any((base / CIFAR_JPEG).exists() for base in _given())
    return name == "digits" or any(_has_files(place, IDX[name]) for place in _idx_places(IDX[name]))


def _digits(size: Size | None, classes: Given, test: float, seed: int, root: Path | None) -> Dataset:
    def read_digits() -> Raw:
        from sklearn.datasets import load_digits

        bunch = load_digits()
        x = np.rint(bunch.images * (255 / 16)).astype(np.uint8)[..., None]
        return Raw(Part(x, bunch.target.astype(np.int64)), None, DIGITS)

    package = distribution("scikit-learn")  # its import takes a second
    settings = {"named": "digits", "version": package.version, "size": size, "test": test, "seed": seed}
    key = cache.key(Path(str(package.locate_file("sklearn"))), [], **settings)

    def origin() -> str:
        shipped = _("the handwritten digits shipped with scikit-learn (UCI, 1,797 images)")
        return _("; ").join([shipped, _("values 0..16 brought to 0..255")])

    return _kept(read_digits, key, "digits", each(origin), size, classes, test, seed, root)


def _idx(published: Published, size: Size | None, classes: Given, root: Path | None) -> Dataset:
    container = Folder(_find_idx(published))

    def read_files() -> Raw:
        _check_idx(published, container)
        files = idx_files(container)
        assert files is not None
        return from_arrays(read_idx(container, files), published.classes, published.title)

    key = cache.key(container.path, container.stamps(), named=published.title, size=size)
    origin = each(
        lambda: _("{title}, official IDX files (sha256 of the decompressed content checked)").format(
            title=published.title
        )
    )
    return _kept(read_files, key, published.title, origin, size, classes, 0.2, 0, root)


def _kept(
    read_all: Callable[[], Raw],
    key: str,
    title: str,
    origin: Text,
    size: Size | None,
    classes: Given,
    test: float,
    seed: int,
    root: Path | None,
) -> Dataset:
    """A set that fits in memory: from the cache, or without it where the user's own cannot be written."""
    try:
        found = cache.decoded(root, key, lambda folder: keep(read_all(), folder, size, test, seed))
    except cache.CacheError:
        if root is not None:
            raise
        raw = read_all()
        names = raw.classes if classes is None else translated(classes)
        raw = Raw(raw.train, raw.test, names, raw.notes)
        return assemble(raw, title, origin, size=size, test=test, seed=seed)
    return reopen(found, title, origin, size=size, test=test, seed=seed, classes=classes)


def _find_idx(published: Published) -> Path:
    """The folder that holds the four files, fetched if need be."""
    places = _idx_places(published)
    for place in places:
        if _has_files(place, published):
            return place
    files = [f"{name}.gz" for name in published.sums]
    for file in files:
        _fetch(published.title, published.url + file, None, places[-1] / file, published.folder, files)
    return places[-1]


def _idx_places(published: Published) -> list[Path]:
    return [base / published.folder for base in (*_given(), _fetched())]


def _has_files(place: Path, published: Published) -> bool:
    return all((place / name).exists() or (place / f"{name}.gz").exists() for name in published.sums)


def _check_idx(published: Published, container: Container) -> None:
    for name, data in container.read(container.names):
        plain = Path(name).name.removesuffix(".gz")
        if plain in published.sums:
            content = gunzip(data, f"{container.path}/{name}")
            _check(container.path / name, hashlib.sha256(content).hexdigest(), published.sums[plain], "sha256")


def _cifar(size: Size | None, classes: Given, root: Path | None) -> Dataset:
    jpeg = next((base / CIFAR_JPEG for base in _given() if (base / CIFAR_JPEG).exists()), None)
    official = _find_cifar()
    if official is None and jpeg is not None:
        return _cifar_jpeg(jpeg, size, classes, root)
    container = official or Tar(_fetch_cifar())

    def build(folder: Path) -> cache.Meta:
        content = cifar_content(container, cifar_files(container) or {})
        for batch, expected in CIFAR_BATCHES.items():
            found = _md5(content[batch]) if batch in content else _("no such file")
            _check(container.path / batch, found, expected, "md5")
        pairs, _names = read_cifar(content, str(container.path))
        return keep(from_arrays(pairs, CIFAR_CLASSES, "CIFAR-10"), folder, size)

    found = cache.decoded(root, cache.key(container.path, container.stamps(), named="cifar10", size=size), build)
    origin = each(lambda: _("CIFAR-10, official python version (md5 of each batch checked)"))
    return reopen(found, "CIFAR-10", origin, size=size, test=0, seed=0, classes=classes)


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _cifar_jpeg(path: Path, size: Size | None, classes: Given, root: Path | None) -> Dataset:
    container = Tar(path)

    def list_files() -> Listing:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        _check(path, found, CIFAR_JPEG_SHA256, "sha256")
        return list_tree(container)

    found = read(container, list_files, size=size, classes=CIFAR_CLASSES, test=0.2, seed=0, root=root)
    origin = each(
        lambda: _(
            "CIFAR-10 from a lossy copy (JPEG of quality 75, colour at half resolution; sha256 of the archive "
            "checked): figures differ from those of the official set"
        )
    )
    return reopen(found, "CIFAR-10 (JPEG)", origin, size=size, test=0, seed=0, classes=classes)


def _find_cifar() -> Container | None:
    for base in (*_given(), _fetched()):
        for place in (base / "cifar10", base / "cifar10" / "cifar-10-batches-py", base / "cifar-10-batches-py"):
            if (place / "test_batch").exists():
                return Folder(place, only=[name for name in CIFAR_BATCHES if (place / name).exists()])
        for archive in (base / CIFAR_ARCHIVE, base / "cifar10" / CIFAR_ARCHIVE):
            if archive.exists():
                return Tar(archive)
    return None


def _fetch_cifar() -> Path:
    path = _fetched() / CIFAR_ARCHIVE
    _fetch("CIFAR-10", CIFAR_URL, CIFAR_MD5, path, "", [CIFAR_ARCHIVE])
    return path


def _given() -> Sequence[Path]:
    """Where the user keeps sets: $ETALON_DATA."""
    folder = os.environ.get("ETALON_DATA")
    return [Path(folder).expanduser()] if folder else []


def _fetched() -> Path:
    return Path(pooch.os_cache("etalon"))


def _fetch(title: str, url: str, known: str | None, path: Path, folder: str, files: Sequence[str]) -> None:
    try:
        pooch.retrieve(url, known_hash=known, fname=path.name, path=path.parent)
    except Exception as error:  # requests, urllib3, the system and pooch each have their own
        where = Path("$ETALON_DATA") / folder
        raise SourceError(
            f"{title}, {url}",
            _("it cannot be fetched ({error})").format(error=_brief(error)),
            _("Put {files} into {where} yourself, and set ETALON_DATA (now {now}).").format(
                files=", ".join(files), where=where, now=os.environ.get("ETALON_DATA") or _("not set")
            ),
        ) from error


def _brief(error: Exception) -> str:
    # requests' own messages nest three libraries; pooch's on a wrong checksum says expected and found.
    return str(error) if isinstance(error, ValueError) and "hash" in str(error) else type(error).__name__


def _check(path: Path, found: str, expected: str, kind: str) -> None:
    if found == expected:
        return
    if path.is_relative_to(_fetched()):
        path.unlink(missing_ok=True)  # so that the next call fetches it again
    raise SourceError(
        str(path),
        _("its content is not what was published: {kind} expected {expected}, found {found}").format(
            kind=kind, expected=expected, found=found
        ),
        _("Delete the file and fetch it again from its official source."),
    )
