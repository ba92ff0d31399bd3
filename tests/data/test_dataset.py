import hashlib
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2_contingency

from etalon.data.dataset import Dataset, Part
from etalon.errors import DataError
from etalon.locales import use
from tests.data.conftest import pictures, toy

NAMES = {"en": ("a", "b", "c"), "fr": ("a", "b", "c")}


def part(n: int = 12, **changes: Any) -> Part:
    x = changes.get("x", pictures(n))
    return Part(x, changes.get("y", np.arange(len(x)) % 3))


def build(**changes: Any) -> Dataset:
    fields: dict[str, Any] = {"train": part(), "test": part(6), "classes": NAMES} | changes
    return Dataset("toy", origin="Random.", **fields)


def test_shapes_and_names() -> None:
    dataset = toy()
    assert dataset.image_shape == (6, 5, 1)
    assert dataset.n_classes == 3
    with use("fr"):
        assert dataset.class_names() == ("c0", "c1", "c2")


def test_names_follow_the_language() -> None:
    dataset = build(classes={"en": ("cat", "dog", "ox"), "fr": ("chat", "chien", "bœuf")})
    assert dataset.class_names() == ("cat", "dog", "ox")
    assert dataset.class_names("fr") == ("chat", "chien", "bœuf")
    with use("fr"):
        assert dataset.class_names() == ("chat", "chien", "bœuf")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"train": part(x=pictures(12).astype(np.float32))}, "uint8"),
        ({"train": part(x=pictures(12)[..., 0])}, "uint8"),
        ({"train": part(x=pictures(12, (6, 5, 4)))}, "1 or 3 channels"),
        ({"test": part(x=pictures(0))}, "empty"),
        ({"test": part(6, y=np.arange(5))}, "one whole number"),
        ({"train": part(y=np.arange(12) % 4)}, "numbered 0 to 2"),
        ({"test": part(6, y=np.arange(6) - 1)}, "numbered 0 to 2"),
        ({"train": part(y=np.array([0] * 11 + [1]))}, "at least two"),
        ({"train": part(y=np.array([0] * 6 + [1] * 5 + [2]))}, "at least two"),
        ({"test": part(6, x=pictures(6, (5, 6, 1)))}, "one height, width"),
        ({"classes": {"en": ("a",), "fr": ("a",)}}, "at least two classes"),
        ({"classes": {"en": ("a", "b", "c"), "fr": ("a", "b")}}, "one name in each language"),
        ({"classes": {"en": ("a", "b", "c")}}, "one name in each language"),
        ({"classes": {"en": ("a", "b", "b"), "fr": ("a", "b", "c")}}, "same name"),
    ],
)
def test_refusals_say_what_why_and_the_remedy(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(DataError) as refusal:
        build(**changes)
    assert why in refusal.value.why
    assert refusal.value.received
    assert refusal.value.remedy.endswith(".")


def test_digest_is_that_of_the_content() -> None:
    dataset = toy()
    expected = hashlib.sha256()
    for side in (dataset.train, dataset.test):
        expected.update(json.dumps([list(side.x.shape), ["c0", "c1", "c2"]]).encode())
        expected.update(side.x.tobytes() + side.y.astype("<i8").tobytes())
    assert dataset.digest == expected.hexdigest()
    assert dataset.digest == "794b8b43b4aeab871c7e70a2326600e4becc76388839dba7fa1834c522ae755c"


def test_digest_changes_with_a_pixel_a_label_and_the_order_of_the_classes() -> None:
    reference = build()
    x, y = reference.train.x.copy(), reference.train.y.copy()
    x[3, 2, 1, 0] ^= 1
    y[[0, 1]] = y[[1, 0]]
    others = [
        build(train=Part(x, reference.train.y)),
        build(train=Part(reference.train.x, y)),
        build(train=reference.test, test=reference.train),
        build(classes={"en": ("b", "a", "c"), "fr": ("b", "a", "c")}),
    ]
    assert len({reference.digest, *(other.digest for other in others)}) == 5
    assert build(classes={"en": ("a", "b", "c"), "fr": ("d", "e", "f")}).digest == reference.digest


def test_digest_is_the_same_from_a_memory_map(tmp_path: Path) -> None:
    dataset = toy()
    np.save(tmp_path / "x.npy", dataset.train.x)
    mapped = Part(np.load(tmp_path / "x.npy", mmap_mode="r"), dataset.train.y)
    assert Dataset("m", mapped, dataset.test, dataset.classes, "Mapped.").digest == dataset.digest


def test_a_memory_mapped_part_is_pickled_as_its_file_name(tmp_path: Path) -> None:
    x = pictures(3000)
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    y = np.zeros(3000, np.int64)
    sent = pickle.dumps(Part(mapped, y))
    assert len(sent) < x.nbytes // 2
    received = pickle.loads(sent)
    assert isinstance(received.x, np.memmap)
    np.testing.assert_array_equal(received.x, x)
    some = pickle.loads(pickle.dumps(Part(mapped[5:9], y[5:9])))
    np.testing.assert_array_equal(some.x, x[5:9])


def test_take_keeps_the_proportions_and_the_first_images() -> None:
    y = np.repeat([0, 1, 2], [60, 30, 10])
    dataset = build(train=Part(pictures(100), y))
    small = dataset.take(train=20, test=3)
    assert small.counts("train").tolist() == [12, 6, 2]
    np.testing.assert_array_equal(small.train.x[:12], dataset.train.x[:12])
    np.testing.assert_array_equal(small.train.x[12:18], dataset.train.x[60:66])
    assert small.digest != dataset.digest
    assert "20 training and 3 test images" in small.provenance
    assert dataset.take().digest == dataset.digest


@pytest.mark.parametrize("n", [6, 7, 11, 37, 99, 100])
def test_take_gives_exactly_what_is_asked_with_two_of_each_class(n: int) -> None:
    dataset = build(train=Part(pictures(100), np.repeat([0, 1, 2], [95, 3, 2])))
    small = dataset.take(train=n)
    assert len(small.train) == n
    assert small.counts("train").min() >= 2


@pytest.mark.parametrize("sizes", [{"train": 5}, {"train": 13}, {"test": 0}, {"test": 7}])
def test_take_refuses_too_few_and_too_many(sizes: dict[str, int]) -> None:
    with pytest.raises(DataError, match="Ask for"):
        build().take(**sizes)


def test_a_copy_that_is_unbalanced_on_purpose() -> None:
    """Cui et al. 2019: from class to class the number falls by the same factor, 1 / 10 from the first to the last."""
    dataset = build(
        train=Part(pictures(300), np.arange(300) % 3), test=Part(pictures(60, seed=1), np.repeat([0, 1, 2], 20))
    )
    few = dataset.unbalanced(10)
    assert few.counts("train").tolist() == [100, 32, 10]
    assert few.test is dataset.test
    assert few.test_digest == dataset.test_digest
    assert few.digest != dataset.digest
    np.testing.assert_array_equal(few.train.x[few.train.y == 2], dataset.train.x[dataset.train.y == 2][:10])
    assert few.provenance.endswith("Unbalanced on purpose in train: of the last class 1 image in 10 is kept.")
    both = dataset.unbalanced(2.5, test=True)
    assert both.counts("test").tolist() == [20, 13, 8]
    assert both.test_digest != dataset.test_digest
    assert "in train and test: of the last class 1 image in 2.5 is kept." in both.provenance
    assert dataset.unbalanced(1).digest == dataset.digest
    for factor in (0.5, float("nan")):
        with pytest.raises(DataError, match="at least 1"):
            dataset.unbalanced(factor)
    with pytest.raises(DataError, match="needs at least two"):
        dataset.unbalanced(100)


def test_describe_counts_and_tests() -> None:
    train, test = np.repeat([0, 1, 2], [60, 30, 10]), np.repeat([0, 1, 2], [10, 20, 30])
    dataset = build(train=Part(pictures(100), train), test=Part(pictures(60), test))
    description = dataset.describe()
    oracle = chi2_contingency([[60, 30, 10], [10, 20, 30]], correction=False)
    assert description.statistic == pytest.approx(oracle.statistic)
    assert description.p == pytest.approx(oracle.pvalue)
    assert (description.freedom, description.imbalance) == (2, 6.0)
    assert (description.low, description.high) == (0, 255)
    assert description.size == 160 * 30
    assert description.frame()["train"].tolist() == [60, 30, 10]
    assert description.frame()["test_share"].sum() == pytest.approx(1)
    assert "unbalanced" in description.verdict
    assert "does not have the proportions" in description.verdict
    assert "p < 0.001" in description.verdict


def test_describe_speaks_in_a_terminal_in_a_notebook_and_in_json() -> None:
    description = toy().describe()
    assert "The classes are balanced" in str(description)
    assert "uint8, 0..255" in description._repr_html_()
    assert json.loads(json.dumps(description.to_json()))["train_counts"] == [10, 10, 10]


def test_a_class_without_test_images_is_described() -> None:
    description = build(test=part(6, y=np.array([0, 0, 0, 1, 1, 1]))).describe()
    assert description.test_counts == (3, 3, 0)
    assert np.isfinite(description.p)
    told = "Class c has no test image: nothing is known of it there."
    assert description.warnings == (told,)
    assert told in str(description)
    assert told in description._repr_html_()
    assert description.to_json()["untested"] == ["c"]
    assert toy().describe().warnings == ()


def test_show_and_plot_draw_what_is_there() -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    dataset = toy()
    figure = dataset.show(6, "test")
    titles = [ax.get_title() for ax in figure.axes if ax.get_title()]
    assert titles == ["c0", "c1", "c2", "c0", "c1", "c2"]
    ax = dataset.describe().plot()
    assert [bar.get_height() for bar in ax.patches[:6]] == [10, 10, 10, 4, 4, 4]  # type: ignore[attr-defined]
    plt.close("all")


def test_another_part_is_refused() -> None:
    with pytest.raises(DataError, match="two parts"):
        toy().part("validation")
