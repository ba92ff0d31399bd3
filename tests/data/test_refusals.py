"""Every bad input is refused with what was received, why, and what to do."""

import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from etalon.data.load import load
from etalon.errors import DataError
from tests.data.conftest import Tree, packed, pictures, save


def holed(value: float) -> np.ndarray:
    x = pictures(20).astype(np.float32) / 255
    x[3, 1, 1, 0] = value
    return x


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (holed(np.nan), "image 3: it holds NaN or Inf"),
        (holed(np.inf), "image 3: it holds NaN or Inf"),
        (holed(-0.5), "from -0.5 to"),
        (holed(1.5), "neither in 0..1 nor whole"),
        (pictures(20).astype(np.float32) * 0.7, "neither in 0..1 nor whole"),
        (pictures(20).astype(np.uint16) * 257, "whole numbers 0..255"),
        (pictures(20) % 2, "black and white"),
        (pictures(20, (6, 5, 4)), "1 or 3 channels"),
        (pictures(20).reshape(20, 30), "Reshape flat pixels"),
        (pictures(20).transpose(0, 3, 1, 2), "channels last"),
        (pictures(20).astype(str), "pixels are numbers"),
        (pictures(19), "as many labels as images"),
        (pictures(0), "as many labels as images"),
    ],
)
def test_arrays_that_are_not_images_are_refused(x: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        load((x, np.arange(20) % 2))


def test_flat_pixels_of_two_parts_are_refused_as_those_of_one() -> None:
    flat = pictures(20).reshape(20, -1), np.arange(20) % 2
    with pytest.raises(DataError, match=r"images of shape \(20, 30\): .* Reshape flat pixels"):
        load((flat, flat))


@pytest.mark.parametrize(
    ("y", "options", "message"),
    [
        (np.arange(20) % 2 + 1, {}, r"labels from 1 to 2: they begin at 0\. Give y - 1"),
        (np.where(np.arange(20) % 2, 2, 0), {}, "class '1' has 0 training"),
        (np.arange(20) % 2 - 1, {}, "whole numbers 0 to classes - 1"),
        (np.arange(20) / 3, {}, "whole numbers 0 to classes - 1"),
        (np.full(20, np.nan), {}, "whole numbers 0 to classes - 1"),
        (np.ones((20, 3)), {}, "a single 1 in each row"),
        (np.arange(20) % 3, {"classes": ["a", "b"]}, "labels from 0 to 2: there are 2 classes"),
        (np.array([0] * 19 + [1]), {}, "class 1 with 1 image"),
        (np.zeros(20, int), {}, "at least two classes"),
        (np.arange(20) % 2, {"classes": {"de": ["a", "b"]}}, "one for each language"),
        (np.arange(20) % 2, {"test": 0.0}, "between 0 and 1"),
        (np.arange(20) % 2, {"size": (8, 8, 1)}, "a height and a width"),
        (np.arange(20) % 2, {"size": 0}, "a height and a width"),
    ],
)
def test_labels_and_options_without_meaning_are_refused(y: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        load((pictures(20), y), **options)


@pytest.mark.parametrize("source", ["minst", "/no/such/folder", 3, (1, 2, 3), None, Path("x.png")])
def test_an_unknown_source_lists_those_accepted(source: Any) -> None:
    with pytest.raises(DataError, match=r"digits, mnist, fashion_mnist, cifar10.*\.npz"):
        load(source)


@pytest.mark.parametrize("content", [b"not an image", b"", None])
def test_a_file_that_is_not_an_image_is_named(tree: Tree, content: bytes | None) -> None:
    root = tree()
    path = root / "cat" / "4.png"
    path.write_bytes(path.read_bytes()[:60] if content is None else content)
    with pytest.raises(DataError, match=r"cat/4\.png: this is not an image"):
        load(root)
    with pytest.raises(DataError, match=r"packed\.zip/cat/4\.png: this is not an image"):
        load(packed(root, ".zip"))


def test_several_files_that_are_no_images_are_named_at_once(tree: Tree) -> None:
    root = tree()
    bad = sorted((root / "cat").iterdir())[:2]
    for path in bad:
        path.write_bytes(b"no")
    with pytest.raises(DataError, match=r"^2 files: .*: these are not images") as refusal:
        load(root)
    assert all(str(path) in refusal.value.received for path in bad)
    for i in range(11):
        (root / "dog" / f"bad{i}.png").write_bytes(b"no")
    with pytest.raises(DataError, match=r"^13 files: .*, …: ") as refusal:
        load(root)
    assert refusal.value.received.count(".png") == 10


def test_files_that_are_no_images_are_left_out(tree: Tree) -> None:
    root = tree()
    whole = load(root)
    (root / "cat" / "notes.txt").write_text("to do")
    found = load(root)
    assert found.digest == whole.digest
    assert "1 file that is no image left out" in found.provenance
    assert "left out" not in whole.provenance
    (root / "fox").mkdir()
    (root / "fox" / "0.heic").write_bytes(b"an image that is not read")
    with pytest.raises(DataError, match=r"fox/0\.heic: the folder of this class holds no file with the extension"):
        load(root)


def test_a_file_that_cannot_be_read_is_named(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tree()
    read_bytes = Path.read_bytes

    def forbidden(path: Path) -> bytes:
        if path.name == "4.png":
            raise PermissionError(13, "Permission denied")
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", forbidden)
    with pytest.raises(DataError, match=r"4\.png: this file cannot be read \(Permission denied\)"):
        load(root)


def test_mixed_sizes_are_refused_naming_two_files(tree: Tree) -> None:
    root = tree()
    save(root / "dog" / "4.png", pictures(1, (7, 7, 1))[0])
    with pytest.raises(DataError) as refusal:
        load(root)
    assert "6×5" in refusal.value.received
    assert "7×7" in refusal.value.received
    assert str(root / "dog" / "4.png") in refusal.value.received
    assert "size=" in refusal.value.remedy
    assert load(root, size=6).image_shape == (6, 6, 1)


def test_a_class_with_one_image_is_refused(tree: Tree) -> None:
    root = tree()
    save(root / "bird" / "0.png", pictures(1)[0])
    with pytest.raises(DataError, match="class 'bird' with 1 image: the source has no test part"):
        load(root)
    parted = tree(("train", "test"), root="parted")
    save(parted / "train" / "bird" / "0.png", pictures(1)[0])
    with pytest.raises(DataError, match="'bird' has 1 training image"):
        load(parted)


def test_images_outside_class_folders_are_refused(tree: Tree) -> None:
    root = tree()
    save(root / "stray.png", pictures(1)[0])
    with pytest.raises(DataError, match=r"stray\.png: images must stand in one folder per class"):
        load(root)
    (root.parent / "empty").mkdir()
    with pytest.raises(DataError, match="one folder per class"):
        load(root.parent / "empty")


@pytest.mark.parametrize(
    ("suffix", "cut"),
    [(".tar", 0.5), *((suffix, cut) for suffix in (".zip", ".tar.gz", ".tar.xz") for cut in (0.5, 0.9))],
)
def test_a_broken_archive_is_refused(tree: Tree, suffix: str, cut: float) -> None:
    archive = packed(tree(), suffix)
    whole = archive.read_bytes()
    archive.write_bytes(whole[: int(len(whole) * cut) // 512 * 512])
    with pytest.raises(DataError, match="this archive cannot be read"):
        load(archive)
    archive.write_bytes(b"x" * 5000)
    with pytest.raises(DataError, match="this archive cannot be read"):
        load(archive)


def test_a_tar_cut_between_two_members_is_refused(tree: Tree) -> None:
    archive = packed(tree(), ".tar")
    with tarfile.open(archive) as tar:
        last = tar.getmembers()[-1].offset
    archive.write_bytes(archive.read_bytes()[:last])
    with pytest.raises(DataError, match="unexpected end of data"):
        load(archive)


@pytest.mark.parametrize("evil", ["../../evil/0.png", "/evil/0.png", "cat/../../0.png"])
@pytest.mark.parametrize("suffix", [".zip", ".tar"])
def test_an_archive_that_points_outside_is_refused(tree: Tree, evil: str, suffix: str) -> None:
    archive = packed(tree(), suffix)
    picture = tree(root="other") / "cat" / "0.png"
    if suffix == ".zip":
        with zipfile.ZipFile(archive, "a") as target:
            target.write(picture, evil)
    else:
        member = tarfile.TarInfo(evil)
        member.size = picture.stat().st_size
        with tarfile.open(archive, "a") as tar, picture.open("rb") as file:
            tar.addfile(member, file)
    if suffix == ".zip" and evil.startswith("/"):
        return  # zipfile itself makes such a name relative
    with pytest.raises(DataError, match="points outside its archive"):
        load(archive)
