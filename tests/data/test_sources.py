import gzip
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pooch
import pytest
from sklearn.datasets import load_digits

from etalon.data.cache import CacheError
from etalon.data.load import load
from etalon.data.published import IDX
from etalon.data.sources import canonical
from etalon.errors import SourceError
from etalon.locales import use

FASHION_FR = ("T-shirts", "Pantalons", "Pulls", "Robes", "Manteaux",
              "Sandales", "Chemises", "Baskets", "Sacs", "Bottines")  # fmt: skip
CIFAR_EN = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CIFAR_FR = ("Avion", "Voiture", "Oiseau", "Chat", "Biche", "Chien", "Grenouille", "Cheval", "Bateau", "Camion")


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No set at hand, and no network: an address of this machine where nobody answers."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("ETALON_DATA", str(tmp_path / "data"))
    retrieve = pooch.retrieve

    def offline(url: str, **options: Any) -> Any:
        return retrieve("http://127.0.0.1:9/" + url.rsplit("/", 1)[1], **options)

    monkeypatch.setattr(pooch, "retrieve", offline)
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("digits", "digits"),
        ("MNIST", "mnist"),
        ("fashion-mnist", "fashion_mnist"),
        ("Fashion MNIST", "fashion_mnist"),
        ("fashionmnist", "fashion_mnist"),
        ("cifar-10", "cifar10"),
        ("CIFAR10", "cifar10"),
        ("./mnist", None),
        ("cifar100", None),
    ],
)
def test_spellings(spelling: str, name: str | None) -> None:
    assert canonical(spelling) == name


def test_digits() -> None:
    dataset = load("digits")
    assert dataset.image_shape == (8, 8, 1)
    assert (len(dataset.train), len(dataset.test)) == (1437, 360)
    assert (dataset.train.x.min(), dataset.train.x.max()) == (0, 255)
    original = np.rint(load_digits().images * 255 / 16).astype(np.uint8)[..., None]
    ours = {x.tobytes() for part in (dataset.train, dataset.test) for x in part.x}
    assert ours == {x.tobytes() for x in original}
    assert dataset.digest == "25854bff669101e6404945b4d9d4b1a0991f32f4d1ea704d7aafae22234decb1"
    larger = load("digits", size=28, seed=1, test=0.5)
    assert larger.image_shape == (28, 28, 1)
    assert len(larger.test) == 899


def test_a_second_look_reads_what_was_decoded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with use("fr"):
        first = load("digits", size=14, cache=tmp_path)
    monkeypatch.setattr("sklearn.datasets.load_digits", lambda: pytest.fail("read again"))
    again = load("digits", size=14, cache=tmp_path)
    assert isinstance(again.train.x, np.memmap)
    assert (again.digest, again.origin, again.classes) == (first.digest, first.origin, first.classes)


def test_the_provenance_of_the_digits_in_both_languages(tmp_path: Path) -> None:
    with use("en"):
        digits = load("digits", size=14, cache=tmp_path)
        assert digits.provenance == (
            "The handwritten digits shipped with scikit-learn (UCI, 1,797 images); values 0..16 brought to 0..255; "
            "20% of the images of each class set apart as the test part (seed 0); resized to 14×14 pixels."
        )
    with use("fr"):
        assert digits.provenance.startswith("Les chiffres manuscrits livrés avec scikit-learn (UCI, 1\u202f797 images)")
        assert "20\u00a0% des images de chaque classe" in digits.provenance


def test_where_no_cache_can_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kept = load("digits")
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    found = load("digits")
    assert not isinstance(found.train.x, np.memmap)
    assert (found.digest, found.provenance) == (kept.digest, kept.provenance)
    with pytest.raises(CacheError, match=r"file.*cannot be written"):
        load("digits", cache=tmp_path / "file")


def test_mnist(real_data: Path) -> None:
    dataset = load("mnist")
    assert dataset.train.x.shape == (60000, 28, 28, 1)
    assert dataset.test.x.shape == (10000, 28, 28, 1)
    assert dataset.train.y[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]  # the published beginning
    assert dataset.test.y[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert dataset.counts("train").tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert float(dataset.train.x.mean()) / 255 == pytest.approx(0.1307, abs=1e-4)  # known to every tutorial
    assert "sha256" in dataset.provenance


def test_fashion_mnist(real_data: Path) -> None:
    dataset = load("fashion-mnist")
    assert dataset.class_names("fr") == FASHION_FR
    assert dataset.class_names("en")[-1] == "Ankle boot"
    assert dataset.counts("train").tolist() == [6000] * 10
    assert float(dataset.train.x.mean()) / 255 == pytest.approx(0.2860, abs=1e-4)
    assert dataset.train.y[0] == 9


def test_the_jpeg_copy_of_cifar10(real_data: Path) -> None:
    if not (real_data / "cifar-10-jpeg.tar.xz").exists():
        pytest.skip("ETALON_DATA holds no JPEG copy of CIFAR-10")
    dataset = load("cifar10")
    assert dataset.name == "CIFAR-10 (JPEG)"
    assert "lossy" in dataset.provenance
    assert "figures differ" in dataset.provenance
    assert dataset.train.x.shape == (50000, 32, 32, 3)
    assert dataset.counts("train").tolist() == [5000] * 10
    assert dataset.counts("test").tolist() == [1000] * 10
    assert dataset.class_names("en") == CIFAR_EN
    assert dataset.class_names("fr") == CIFAR_FR
    mean = dataset.train.x[:10000].mean(axis=(0, 1, 2)) / 255
    assert mean == pytest.approx([0.491, 0.482, 0.447], abs=0.01)  # of the official set
    start = time.perf_counter()
    again = load("cifar10")
    assert time.perf_counter() - start < 1  # s; it is not decoded again
    assert again.digest == dataset.digest


def test_unofficial_batches_of_cifar10_are_refused(alone: Path) -> None:
    from tests.data.test_formats import cifar_folder

    cifar_folder(alone / "cifar10")
    with pytest.raises(SourceError, match=r"data_batch_1.*md5 expected c99cafc152244af753f735de768cd75f, found"):
        load("cifar10")


def test_a_wrong_checksum_says_expected_and_found(real_data: Path, alone: Path) -> None:
    shutil.copytree(real_data / "mnist", alone / "mnist")
    path = alone / "mnist" / "t10k-labels-idx1-ubyte.gz"
    path.chmod(0o644)
    (alone / "mnist").chmod(0o755)
    data = bytearray(gzip.decompress(path.read_bytes()))
    data[20] ^= 1
    path.write_bytes(gzip.compress(bytes(data)))
    with pytest.raises(SourceError) as refusal:
        load("mnist")
    assert "expected ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2" in refusal.value.why
    assert "found " in refusal.value.why
    assert path.exists()  # the user's own file is left alone


def test_a_fetched_file_that_is_wrong_is_removed(alone: Path) -> None:
    folder = alone.parent / "cache" / "etalon" / "mnist"
    folder.mkdir(parents=True)
    for name in IDX["mnist"].sums:
        (folder / f"{name}.gz").write_bytes(gzip.compress(b"wrong"))
    with pytest.raises(SourceError, match="not what was published"):
        load("mnist")
    assert len(list(folder.iterdir())) == 3


@pytest.mark.parametrize(
    ("name", "file", "folder"),
    [
        ("mnist", "t10k-images-idx3-ubyte.gz", "$ETALON_DATA/mnist"),
        ("fashion-mnist", "train-labels-idx1-ubyte.gz", "$ETALON_DATA/fashion-mnist"),
        ("cifar10", "cifar-10-python.tar.gz", "$ETALON_DATA"),
    ],
)
def test_without_network_one_is_told_what_to_put_where(alone: Path, name: str, file: str, folder: str) -> None:
    with pytest.raises(SourceError) as refusal:
        load(name)
    assert "cannot be fetched (ConnectionError)" in refusal.value.why
    assert file in refusal.value.remedy
    assert folder in refusal.value.remedy


def test_what_is_fetched_is_checked_and_kept(real_data: Path, alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched = []

    def retrieve(url: str, known_hash: str | None, fname: str, path: Path) -> str:
        fetched.append(url)
        path.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(real_data / "mnist" / fname, path / fname)
        return str(path / fname)

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    assert len(load("mnist").train) == 60000
    assert sorted(fetched) == sorted(
        f"https://ossci-datasets.s3.amazonaws.com/mnist/{name}.gz" for name in IDX["mnist"].sums
    )
    load("mnist")
    assert len(fetched) == 4
