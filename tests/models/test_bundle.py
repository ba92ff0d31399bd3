"""A chosen model written and read again: the same answers, and no code run."""

import json
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import torch
from keras import Input, Sequential, layers
from torch import nn

from etalon.errors import DataError, ModelError
from etalon.locales import use
from etalon.models.bundle import Card, export, load_bundle

META: dict[str, Any] = {
    "classes": {"en": ("Bag", "Boot", "Shirt"), "fr": ("Sac", "Bottine", "Chemise")},
    "image_shape": (12, 12, 1),
    "scale": 1 / 255,
    "dataset": "ab" * 32,
    "study": "the study",
    "variant": "with_dropout",
    "seed": 3,
    "accuracy": 0.91,
}


def model(head: str | None = "softmax") -> keras.Model:
    return Sequential(
        [
            Input((12, 12, 1)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Flatten(),
            layers.Dense(3, activation=head),
        ]
    )


def module() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(400, 3))


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (20, 12, 12, 1)).astype(np.uint8)


@pytest.mark.parametrize("name", ["chosen", "deep/er/chosen", "chosen.zip"])
def test_a_keras_model_answers_as_before(tmp_path: Path, images: np.ndarray, name: str) -> None:
    original = model()
    bundle = load_bundle(export(tmp_path / name, original, META))
    expected = original.predict(images / np.float32(255), verbose=0)
    answer = bundle.predict(images, batch_size=7)
    np.testing.assert_allclose(answer, expected, atol=1e-6)
    assert answer.dtype == np.float32
    np.testing.assert_array_equal(bundle.predict(images[..., 0]), bundle.predict(images))
    assert bundle.predict(images[:0]).shape == (0, 3)


def test_the_card_says_where_it_comes_from(tmp_path: Path) -> None:
    bundle = load_bundle(export(tmp_path / "chosen", model(), META))
    kept = bundle.card.model_dump(include=set(META))
    assert kept == META
    assert bundle.card.versions["keras"] == keras.__version__
    assert bundle.class_names("fr") == ("Sac", "Bottine", "Chemise")
    with use("en"):
        assert bundle.class_names() == ("Bag", "Boot", "Shirt")
    assert sorted(path.name for path in (tmp_path / "chosen").iterdir()) == ["etalon.json", "model.keras"]
    assert [path.name for path in tmp_path.iterdir()] == ["chosen"]


def test_logits_become_probabilities_and_sigmoids_stay_independent(tmp_path: Path, images: np.ndarray) -> None:
    linear, independent = model(None), model("sigmoid")
    x = images / np.float32(255)
    answer = load_bundle(export(tmp_path / "a", linear, META)).predict(images)
    expected = keras.ops.softmax(linear.predict(x, verbose=0)).cpu().numpy()
    np.testing.assert_allclose(answer, expected, atol=1e-6)
    answer = load_bundle(export(tmp_path / "b", independent, META)).predict(images)
    np.testing.assert_allclose(answer, independent.predict(x, verbose=0), atol=1e-6)


def test_pixels_that_were_not_scaled_are_not(tmp_path: Path, images: np.ndarray) -> None:
    original = model()
    bundle = load_bundle(export(tmp_path / "raw", original, {**META, "scale": None}))
    expected = original.predict(images.astype(np.float32), verbose=0)
    np.testing.assert_allclose(bundle.predict(images), expected, atol=1e-5)


@pytest.mark.parametrize("name", ["net", "net.zip"])
def test_a_torch_module_gets_its_weights_back(tmp_path: Path, images: np.ndarray, name: str) -> None:
    original = module()
    path = export(tmp_path / name, original, META)
    bundle = load_bundle(path, module())
    with torch.no_grad():
        x = torch.from_numpy(images).permute(0, 3, 1, 2) / 255
        expected = torch.softmax(original.eval()(x.contiguous()), 1).numpy()
    np.testing.assert_allclose(bundle.predict(images), expected, atol=1e-6)
    with pytest.raises(ModelError, match="not its code"):
        load_bundle(path)
    with pytest.raises(ModelError, match="do not fit this module"):
        load_bundle(path, nn.Linear(3, 3))


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((2, 12, 12, 1), np.float32),
        np.zeros((2, 28, 28, 1), np.uint8),
        np.zeros((2, 12, 12, 3), np.uint8),
        np.zeros((12, 12), np.uint8),
    ],
)
def test_images_it_cannot_read(tmp_path: Path, wrong: np.ndarray) -> None:
    bundle = load_bundle(export(tmp_path / "chosen", model(), META))
    with pytest.raises(DataError, match=r"uint8 images of shape \(n, 12, 12, 1\)"):
        bundle.predict(wrong)


def test_a_bundle_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "chosen"
    export(target, model(), META)
    export(target, model(), {**META, "seed": 4})
    assert load_bundle(target).card.seed == 4
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    with pytest.raises(ModelError, match="something other than a bundle"):
        export(mine, model(), META)
    assert (mine / "thesis.txt").read_text() == "years of work"


def test_meta_that_lacks_a_field_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="image_shape"):
        export(tmp_path / "chosen", model(), {key: META[key] for key in META if key != "image_shape"})
    assert list(tmp_path.iterdir()) == []


def test_damaged_missing_or_newer(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="not a bundle"):
        load_bundle(tmp_path / "nowhere")
    path = export(tmp_path / "chosen", model(), META)
    card = json.loads((path / "etalon.json").read_text())
    (path / "etalon.json").write_text(json.dumps({**card, "format": 99}))
    with pytest.raises(ModelError, match="format 99"):
        load_bundle(path)
    (path / "etalon.json").write_text(json.dumps({**card, "content": ["../model.keras", card["content"][1]]}))
    with pytest.raises(ModelError, match="not what was exported"):
        load_bundle(path)
    (path / "etalon.json").write_text("{")
    with pytest.raises(ModelError, match="incomplete or wrong"):
        load_bundle(path)
    (path / "etalon.json").write_text(json.dumps(card))
    with (path / "model.keras").open("ab") as file:
        file.write(b"!")
    with pytest.raises(ModelError, match="not what was exported"):
        load_bundle(path)


@pytest.mark.filterwarnings("ignore:The object being serialized includes a `lambda`")
def test_a_model_that_would_run_code_is_refused(tmp_path: Path) -> None:
    unsafe = Sequential(
        [Input((12, 12, 1)), layers.Flatten(), layers.Dense(3), layers.Lambda(lambda x: x, output_shape=(3,))]
    )
    path = export(tmp_path / "unsafe", unsafe, META)
    with pytest.raises(ModelError, match="Keras cannot read its model"):
        load_bundle(path)


def test_a_network_that_does_not_fit_its_card_is_refused(tmp_path: Path) -> None:
    path = export(tmp_path / "chosen", model(), {**META, "classes": {"en": ("one", "two")}})
    with pytest.raises(ModelError, match="the data have 2 classes"):
        load_bundle(path)


def test_an_archive_cannot_write_elsewhere(tmp_path: Path) -> None:
    path = export(tmp_path / "chosen.zip", model(), META)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../escaped.txt", "!")
        archive.writestr("more.py", "raise SystemExit")
    assert load_bundle(path).card == Card.model_validate(load_bundle(path).card.model_dump())
    assert not list(tmp_path.rglob("escaped.txt"))
