import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from etalon.data.dataset import Dataset, Part

Tree = Callable[..., Path]

TARS = {".tar": "w", ".tar.gz": "w:gz", ".tar.xz": "w:xz"}


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ETALON_LANG", "en")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is read from, or written to, the user's own cache; decoded sets last for the session."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture
def real_data() -> Path:
    """The folder of the published sets, or a visible skip."""
    folder = os.environ.get("ETALON_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("ETALON_DATA does not name a folder of published sets")
    return Path(folder)


def pictures(n: int, shape: tuple[int, ...] = (6, 5, 1), seed: int = 0) -> NDArray[np.uint8]:
    """Random images (n, *shape)."""
    return np.random.default_rng(seed).integers(0, 256, (n, *shape), dtype=np.uint8)


def toy(train: int = 30, test: int = 12, classes: int = 3, shape: tuple[int, ...] = (6, 5, 1)) -> Dataset:
    """A small set whose labels go round the classes."""
    names = tuple(f"c{i}" for i in range(classes))
    return Dataset(
        "toy",
        Part(pictures(train, shape, 1), np.arange(train) % classes),
        Part(pictures(test, shape, 2), np.arange(test) % classes),
        {"en": names, "fr": names},
        "Random pixels.",
    )


def save(path: Path, pixels: NDArray[np.uint8]) -> None:
    """A PNG of pixels (h, w, 1 or 3)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(path)


def packed(root: Path, suffix: str, inside: str = "") -> Path:
    """An archive of a folder, its content under `inside`."""
    archive = root.parent / f"packed{suffix}"
    files = sorted(path for path in root.rglob("*") if path.is_file())
    if suffix == ".zip":
        with zipfile.ZipFile(archive, "w") as target:
            for file in files:
                target.write(file, inside + file.relative_to(root).as_posix())
    else:
        with tarfile.open(archive, TARS[suffix]) as target:  # type: ignore[call-overload]
            for file in files:
                target.add(file, inside + file.relative_to(root).as_posix())
    return archive


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Makes a folder of PNGs: `parts` x `classes` x `n` images of `shape`."""

    def make(
        parts: tuple[str, ...] = ("",),
        classes: tuple[str, ...] = ("cat", "dog"),
        n: int = 10,
        shape: tuple[int, ...] = (6, 5, 1),
        root: str = "pets",
    ) -> Path:
        x = iter(pictures(len(parts) * len(classes) * n, shape))
        for part in parts:
            for name in classes:
                for i in range(n):
                    save(tmp_path / root / part / name / f"{i}.png", next(x))
        return tmp_path / root

    return make
