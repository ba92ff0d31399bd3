"""Images in files that the processes of a study map, so that they are in memory once."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np

from etalon.data.dataset import Dataset, Part
from etalon.errors import DataError, StoreError
from etalon.locales import _
from etalon.study.files import DAMAGE, flush


def share(dataset: Dataset, place: Path) -> None:
    """Put the images there, unless they are, intact.

    Raises:
        OSError: the disk refuses; then nothing is left there.
    """
    if _is_intact(place):
        return
    scratch = place.with_name(f"{place.name}.new")
    try:
        scratch.mkdir(exist_ok=True)
        for name, part in (("train", dataset.train), ("test", dataset.test)):
            _save(scratch / f"{name}_x.npy", part.x)
            _save(scratch / f"{name}_y.npy", part.y)
        about = {"name": dataset.name, "classes": dict(dataset.classes), "provenance": dataset.origin}
        (scratch / "about.json").write_text(json.dumps(about))
        for path in (*scratch.iterdir(), scratch):
            flush(path)
        shutil.rmtree(place, ignore_errors=True)
        scratch.rename(place)
    except OSError:
        shutil.rmtree(scratch, ignore_errors=True)
        raise


def shared(place: Path) -> Dataset:
    """The images that `share` put there.

    Raises:
        StoreError: there are none, or their files are damaged.
    """
    try:
        parts = [
            Part(np.load(place / f"{name}_x.npy", mmap_mode="r"), np.load(place / f"{name}_y.npy"))
            for name in ("train", "test")
        ]
        about = json.loads((place / "about.json").read_text())
        classes = {lang: tuple(names) for lang, names in about["classes"].items()}
        return Dataset(about["name"], parts[0], parts[1], classes, about["provenance"], place.name)
    except (*DAMAGE, DataError) as error:
        why = _("the images that training processes share cannot be read ({error})").format(error=error)
        raise StoreError(f"{place}", why, _("Delete this folder: the next run makes it again.")) from error


def _save(path: Path, array: np.ndarray) -> None:
    """As `np.save`, which does not say why a disk refuses."""
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
        file.write(np.ascontiguousarray(array).data)


def _is_intact(place: Path) -> bool:
    try:
        return replace(shared(place), digest="").digest == place.name  # an empty digest is worked out
    except StoreError:
        return False
