import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.model_selection import StratifiedShuffleSplit

from etalon.data.dataset import Dataset
from etalon.data.load import load
from etalon.errors import DataError
from tests.data.conftest import TARS, Tree, packed, pictures, save, toy


def table(path: Path, rows: list[tuple[str, ...]], delimiter: str = ",") -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)
    return path


def as_set(dataset: Dataset) -> dict[str, set[tuple[bytes, str]]]:
    """The images of each part with the names of their classes, without their order."""
    names = dataset.class_names()
    return {
        part: {(image.tobytes(), names[label]) for image, label in zip(side.x, side.y, strict=True)}
        for part, side in (("train", dataset.train), ("test", dataset.test))
    }


# Class folders, in folders and archives


def test_a_folder_with_both_parts(tree: Tree) -> None:
    root = tree(("train", "test"), n=6)
    dataset = load(root)
    assert dataset.name == "pets"
    assert dataset.classes == {"en": ("cat", "dog"), "fr": ("cat", "dog")}
    assert dataset.counts("train").tolist() == dataset.counts("test").tolist() == [6, 6]
    for part in ("train", "test"):
        for label, name in enumerate(("cat", "dog")):
            for i in range(6):
                pixels = np.asarray(Image.open(root / part / name / f"{i}.png"))[..., None]
                assert (pixels.tobytes(), name) in as_set(dataset)[part]
                assert label == dataset.class_names().index(name)
    assert isinstance(dataset.train.x, np.memmap)
    assert dataset.provenance == "Image files of pets."


@pytest.mark.parametrize("suffix", [".zip", *TARS])
@pytest.mark.parametrize("inside", ["", "wrapped/"])
def test_an_archive_is_its_folder(tree: Tree, suffix: str, inside: str) -> None:
    root = tree(("train", "test"), n=4, shape=(5, 4, 3))
    dataset = load(packed(root, suffix, inside))
    assert dataset.digest == load(root).digest
    assert dataset.image_shape == (5, 4, 3)


def test_rows_are_mixed_and_always_the_same(tree: Tree, tmp_path: Path) -> None:
    root = tree(("train", "test"), n=20)
    first = load(root)
    assert len(set(first.train.y[:8].tolist())) == 2
    shutil.copytree(root, tmp_path / "elsewhere")
    assert load(tmp_path / "elsewhere").digest == first.digest


def test_without_a_test_part_a_stratified_share_is_set_apart(tree: Tree) -> None:
    root = tree(n=10)
    dataset = load(root, test=0.3, seed=4)
    assert dataset.counts("train").tolist() == [7, 7]
    assert dataset.counts("test").tolist() == [3, 3]
    assert "30% of the images of each class set apart as the test part (seed 4)" in dataset.provenance
    assert load(root, test=0.3, seed=5).digest != dataset.digest
    assert not as_set(dataset)["train"] & as_set(dataset)["test"]


def test_a_validation_folder_joins_train_or_stands_for_test(tree: Tree) -> None:
    both = load(tree(("train", "val", "test"), n=3, root="both"))
    assert len(both.train) == 12
    assert "validation part joined to the training part" in both.provenance
    alone = load(tree(("train", "val"), n=3, root="alone"))
    assert len(alone.test) == 6
    assert "validation part taken as the test part" in alone.provenance


def test_classes_given_set_the_order_and_the_translation(tree: Tree) -> None:
    root = tree(("train", "test"))
    names = {"en": ["dog", "cat"], "fr": ["chien", "chat"]}
    dataset = load(root, classes=names)
    assert dataset.class_names("fr") == ("chien", "chat")
    assert as_set(dataset)["train"] == as_set(load(root))["train"]
    assert load(root, classes=["dog", "cat"]).class_names() == ("dog", "cat")
    with pytest.raises(DataError, match="holds the classes cat, dog"):
        load(root, classes=["cat", "bird"])


def test_numbered_folders_are_in_the_order_of_the_numbers(tree: Tree) -> None:
    assert load(tree(classes=("10", "9", "2"), n=5)).class_names() == ("2", "9", "10")


def test_grey_and_colour_together_become_colour(tree: Tree) -> None:
    root = tree(n=10)
    colour = pictures(1, (6, 5, 3))[0]
    save(root / "dog" / "colour.png", colour)
    dataset = load(root)
    assert dataset.image_shape == (6, 5, 3)
    images = {image for part in as_set(dataset).values() for image, _name in part}
    assert colour.tobytes() in images
    grey = np.asarray(Image.open(root / "cat" / "3.png"))
    assert np.repeat(grey[..., None], 3, axis=2).tobytes() in images


@pytest.mark.parametrize(("size", "how"), [((9, 8), Image.Resampling.BICUBIC), ((3, 4), Image.Resampling.BILINEAR)])
def test_size_resizes_as_pillow_does(tree: Tree, size: tuple[int, int], how: Image.Resampling) -> None:
    root = tree(("train", "test"), n=2)
    dataset = load(root, size=size)
    with Image.open(root / "test" / "cat" / "1.png") as image:
        oracle = np.asarray(image.resize((size[1], size[0]), how))
    assert (oracle.tobytes(), "cat") in as_set(dataset)["test"]
    assert f"resized to {size[0]}×{size[1]} pixels" in dataset.provenance
    assert load(root, size=8).image_shape == (8, 8, 1)


def test_transparency_is_laid_on_white_and_16_bits_become_8(tmp_path: Path) -> None:
    ink = np.zeros((4, 4, 4), np.uint8)  # black, and transparent
    ink[1, 2, 3] = 255
    deep = np.full((4, 4), 257 * 100, np.uint16)
    for name, pixels in (("ink", ink), ("deep", deep)):
        for i in range(5):
            (tmp_path / "s" / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(tmp_path / "s" / name / f"{i}.png")
    dataset = load(tmp_path / "s")
    by_name = {name: np.frombuffer(image, np.uint8) for image, name in as_set(dataset)["train"]}
    assert by_name["ink"].reshape(4, 4, 3)[1, 2].tolist() == [0, 0, 0]
    assert (by_name["ink"] == 255).sum() == 45
    assert (by_name["deep"] == 100).all()


def test_files_beside_the_classes_are_left_alone(tree: Tree) -> None:
    root = tree(n=5)
    (root / "README.txt").write_text("Two pets.")
    (root / "cat" / ".DS_Store").write_bytes(b"junk")
    assert len(load(root).train) == 8


# Tables


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_keeps_its_order(tree: Tree, delimiter: str) -> None:
    root = tree(n=4)
    rows = [(f"pets/{name}/{i}.png", f"a {name}", part) for part, i in (("train", 0), ("train", 1), ("test", 2))
            for name in ("dog", "cat")]  # fmt: skip
    dataset = load(table(root.parent / "list.csv", [("path", "label", "split"), *rows], delimiter))
    assert dataset.class_names() == ("a cat", "a dog")
    assert dataset.train.y.tolist() == [1, 0, 1, 0]
    first = np.asarray(Image.open(root / "dog" / "0.png"))[..., None]
    np.testing.assert_array_equal(dataset.train.x[0], first)
    assert len(dataset.test) == 2


def test_a_table_without_parts_is_divided(tree: Tree) -> None:
    root = tree(n=10)
    rows = [(f"pets/{name}/{i}.png", name) for name in ("dog", "cat") for i in range(10)]
    path = table(root.parent / "list.csv", [("file", "class"), *rows])
    assert load(path).counts("test").tolist() == [2, 2]
    flipped = [(name, "cat" if label == "dog" else "dog") for name, label in rows]
    assert load(path).digest != load(table(path, [("file", "class"), *flipped])).digest


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("path", "name"), ("pets/cat/0.png", "cat")], "columns path and label"),
        ([("path", "label")], "at least one row"),
        ([("path", "label"), ("pets/cat/99.png", "cat")], "line 2: 'pets/cat/99.png'"),
        ([("path", "label", "part"), ("pets/cat/0.png", "cat", "exam")], "'exam'"),
        ([("path", "label", "part"), ("pets/cat/0.png", "cat", "test")], "no row is for training"),
        (
            [("path", "label", "part"), ("pets/cat/0.png", "cat", "train"), ("pets/cat/1.png", "cat", "")],
            "rows without a part: 1 of 2",
        ),
    ],
)
def test_broken_tables_are_refused(tree: Tree, rows: list[tuple[str, ...]], message: str) -> None:
    path = table(tree(n=2).parent / "list.csv", rows)
    with pytest.raises(DataError, match=message):
        load(path)


# Arrays


def test_arrays_as_keras_gives_them() -> None:
    toys = toy()
    x, y = toys.train.x, toys.train.y
    dataset = load(((x[..., 0], y[:, None]), (toys.test.x[..., 0], toys.test.y[:, None])))
    np.testing.assert_array_equal(dataset.train.x, x)
    np.testing.assert_array_equal(dataset.test.y, toys.test.y)
    assert dataset.class_names() == ("0", "1", "2")
    one_hot = load(((x, np.eye(3)[y]), (toys.test.x, np.eye(3)[toys.test.y])), classes=["a", "b", "c"], name="mine")
    np.testing.assert_array_equal(one_hot.train.y, y)
    assert (one_hot.name, one_hot.class_names()) == ("mine", ("a", "b", "c"))


def test_words_as_labels() -> None:
    x = pictures(20)
    y = np.array(["dog", "cat"] * 10)
    dataset = load((x, y))
    assert dataset.class_names() == ("cat", "dog")
    back = load(((x, y), (x, y)), classes=["dog", "cat"])
    assert back.train.y.tolist() == [0, 1] * 10
    assert load((x, y.astype(object))).digest == dataset.digest


def test_one_pair_is_divided_as_sklearn_divides() -> None:
    x, y = pictures(50), np.arange(50) % 5
    dataset = load((x, y), seed=3)
    learn, held = next(StratifiedShuffleSplit(1, test_size=0.2, random_state=3).split(x, y))
    np.testing.assert_array_equal(dataset.test.x, x[np.sort(held)])
    np.testing.assert_array_equal(dataset.train.y, y[np.sort(learn)])


def test_floats_0_to_1_are_scaled_and_it_is_said() -> None:
    x, y = pictures(20), np.arange(20) % 2
    dataset = load((x.astype(np.float32) / 255, y))
    assert "floats 0..1 multiplied by 255 and rounded" in dataset.provenance
    assert dataset.digest == load((x, y)).digest
    assert load((x.astype(float), y)).digest == load((x.astype(np.int32), y)).digest == dataset.digest


def test_truths_become_black_and_white() -> None:
    dataset = load((pictures(20) > 127, np.arange(20) % 2))
    assert set(np.unique(dataset.train.x)) == {0, 255}


def test_a_dataset_is_returned_as_it_is() -> None:
    dataset = toy()
    assert load(dataset) is dataset
    with pytest.raises(DataError, match="returned as it is"):
        load(dataset, size=28)
