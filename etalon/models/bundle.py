"""A chosen model as it leaves the study: one folder, or one .zip, that needs neither the data nor the study.

    model.keras | weights.safetensors     the network; of a torch module only the weights
    etalon.json                           what it reads, what it answers, where it comes from

No pickle: a bundle from somebody else cannot run code.
"""

import hashlib
import os
import platform
import shutil
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from torch import nn

from etalon.data.framing import Framing
from etalon.errors import DataError, ModelError
from etalon.locales import _, language
from etalon.models.checks import check
from etalon.models.describe import is_keras

FORMAT = 1
CARD, KERAS, TORCH = "etalon.json", "model.keras", "weights.safetensors"


class Card(BaseModel):
    """What is known of a chosen model.

    Attributes:
        classes: class names by language ("en", "fr"), in the order of the outputs.
        image_shape: (h, w, c) of the uint8 images it reads.
        scale: what pixels 0..255 are multiplied by; None for 1.
        dataset: digest of the data it was trained on.
        study, variant, seed: the trial it comes from.
        accuracy: on the test part, 0..1; None where it was not measured.
        temperature: fitted on validation: logits divided by it give the probabilities that deserve most trust (Guo et
            al. 2017, arXiv 1706.04599); None where the outputs are no probabilities.
        threshold: of the confidence as the model gives it, temperature 1; answers that do not reach it are for a
            person. None where nothing can be promised.
        risk: the error rate that the other answers do not exceed, with 95 % confidence.
        layout: how the images are laid out, for pictures from elsewhere to be prepared likewise; None where they are
            photographs.
        versions: of what made it.
        content: name and sha256 (hex) of the file that holds the network.
        format: version of this layout.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    classes: dict[str, tuple[str, ...]]
    image_shape: tuple[int, int, int]
    scale: float | None
    dataset: str
    study: str
    variant: str
    seed: int
    accuracy: float | None = None
    temperature: float | None = None
    threshold: float | None = None
    risk: float | None = None
    layout: Framing | None = None
    versions: dict[str, str] = {}
    content: tuple[str, str] = ("", "")
    format: int = FORMAT


@dataclass(frozen=True, eq=False)
class Bundle:
    """A chosen model, ready to answer.

    Attributes:
        card: what is known of it.
        model: the Keras model or the torch module.
        network: the same, as torch runs it: float32 (b, c, h, w) in, logits out.
    """

    card: Card
    model: Any
    network: nn.Module

    def class_names(self, lang: str | None = None) -> tuple[str, ...]:
        """The names of the classes, in the language in force by default."""
        return self.card.classes.get(lang or language()) or next(iter(self.card.classes.values()))

    def predict(self, images: np.ndarray, batch_size: int = 512, *, temperature: float = 1.0) -> np.ndarray:
        """The probability of each class for each image.

        Args:
            images: uint8 (n, h, w, c), or (n, h, w) for images of one channel.
            temperature: divides the logits; that of the card gives calibrated probabilities.

        Returns:
            float32 (n, n_classes); rows add up to 1, except for a model that ends with a sigmoid.

        Raises:
            DataError: images of another dtype or shape.
        """
        images = self._checked(images)
        self.network.eval()
        with torch.inference_mode():
            batches = (images[i : i + batch_size] for i in range(0, len(images), batch_size))
            parts = [self._probabilities(batch, temperature) for batch in batches]
        return np.concatenate(parts) if parts else np.empty((0, len(self.class_names())), np.float32)

    def _probabilities(self, images: np.ndarray, temperature: float) -> np.ndarray:
        x = torch.from_numpy(np.array(images)).permute(0, 3, 1, 2).float()
        logits = self.network(x if self.card.scale is None else x * self.card.scale) / temperature
        independent = getattr(self.network, "head", "") == "sigmoid"
        answer = torch.sigmoid(logits) if independent else torch.softmax(logits, 1)
        return np.asarray(answer.numpy(), np.float32)

    def _checked(self, images: np.ndarray) -> np.ndarray:
        h, w, c = self.card.image_shape
        images = np.asarray(images)
        if images.ndim == 3 and c == 1:
            images = images[..., None]
        if images.dtype == np.uint8 and images.shape[1:] == (h, w, c):
            return images
        raise DataError(
            _("images of shape {shape} and type {dtype}").format(shape=images.shape, dtype=images.dtype),
            _("this model reads uint8 images of shape (n, {h}, {w}, {c})").format(h=h, w=w, c=c),
            _("Resize them, and give their pixels as they are, from 0 to 255."),
        )


def export(path: str | Path, model: Any, meta: Mapping[str, Any]) -> Path:
    """Write a chosen model; a bundle that stands there already is replaced.

    Args:
        path: a folder, or a file that ends with .zip.
        model: a Keras model, or a torch nn.Module, trained.
        meta: the fields of `Card`: classes, image_shape, scale, dataset, study, variant, seed; accuracy,
            temperature, threshold and risk where they are known.

    Raises:
        ModelError: something else stands at that path, or meta lacks a field.
    """
    target = Path(path)
    _refuse_others(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".bundle-") as temporary:
        folder = Path(temporary) / "bundle"
        folder.mkdir()
        content = _write_network(folder, model)
        card = _card({**meta, "versions": _versions(), "content": (content.name, _sha256(content))}, str(target))
        (folder / CARD).write_text(card.model_dump_json(indent=2) + "\n", encoding="utf-8")
        if target.suffix != ".zip":
            shutil.rmtree(target, ignore_errors=True)
            os.replace(folder, target)
            return target
        archive = Path(temporary) / "bundle.zip"
        with zipfile.ZipFile(archive, "w") as file:
            for part in sorted(folder.iterdir()):
                file.write(part, part.name)
        os.replace(archive, target)
    return target


def load_bundle(path: str | Path, module: nn.Module | None = None) -> Bundle:
    """Read a bundle; nothing in it is executed.

    Args:
        path: the folder or the .zip file.
        module: for a bundle of a torch module, one made by the same code; its weights are replaced.

    Raises:
        ModelError: no bundle there, damaged, from a newer version, or one that would need to run code.
    """
    source = Path(path)
    if zipfile.is_zipfile(source):
        with tempfile.TemporaryDirectory() as temporary:
            _unpack(source, Path(temporary))
            return _load_folder(Path(temporary), module, str(source))
    return _load_folder(source, module, str(source))


def _load_folder(folder: Path, module: nn.Module | None, shown: str) -> Bundle:
    if not (folder / CARD).is_file():
        raise ModelError(
            shown,
            _("it is not a bundle: it holds no {name}").format(name=CARD),
            _("Give a folder or .zip that `export` wrote."),
        )
    card = _card((folder / CARD).read_text(encoding="utf-8"), shown)
    name, expected = card.content
    content = folder / name
    if name not in (KERAS, TORCH) or not content.is_file() or _sha256(content) != expected:
        raise ModelError(
            shown,
            _("the network is missing or is not what was exported"),
            _("Copy the bundle again, or export it again."),
        )
    model, network = _read_keras(content, card, shown) if name == KERAS else _read_torch(content, module, shown)
    check(model, card.image_shape, len(next(iter(card.classes.values()))), loss="", from_logits=False)
    return Bundle(card, model, network)


def _read_keras(file: Path, card: Card, shown: str) -> tuple[Any, nn.Module]:
    import keras

    from etalon.models.lower import lower

    try:
        model = keras.models.load_model(file, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises whatever its layers raise
        raise ModelError(
            shown,
            _("Keras cannot read its model: {error}").format(error=str(error).splitlines()[0]),
            _("A bundle may hold only Keras's own layers, without Lambda."),
        ) from error
    return model, lower(model, card.image_shape)


def _read_torch(file: Path, module: nn.Module | None, shown: str) -> tuple[Any, nn.Module]:
    from safetensors.torch import load_file

    if module is None:
        raise ModelError(
            shown,
            _("it holds the weights of a torch module, and not its code"),
            _("Pass a module made by the same code: load_bundle(path, module=MyNetwork())."),
        )
    try:
        module.load_state_dict(load_file(file))
    except RuntimeError as error:
        raise ModelError(
            shown,
            _("its weights do not fit this module: {error}").format(error=error),
            _("Pass a module made by the code that was trained."),
        ) from error
    return module, module


def _write_network(folder: Path, model: Any) -> Path:
    if is_keras(model):
        model.save(folder / KERAS)
        return folder / KERAS
    from safetensors.torch import save_file

    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    save_file({name: tensor.clone() for name, tensor in tensors.items()}, folder / TORCH)
    return folder / TORCH


def _card(fields: Mapping[str, Any] | str, shown: str) -> Card:
    try:
        card = Card.model_validate_json(fields) if isinstance(fields, str) else Card.model_validate(fields)
    except ValidationError as error:
        wrong = ", ".join(".".join(map(str, item["loc"])) or item["type"] for item in error.errors())
        raise ModelError(
            shown,
            _("what it says of the model is incomplete or wrong: {fields}").format(fields=wrong),
            _("Give classes, image_shape, scale, dataset, study, variant and seed."),
        ) from error
    if card.format > FORMAT:
        raise ModelError(
            shown,
            _("it was written by a newer version, format {found} against {known}").format(
                found=card.format, known=FORMAT
            ),
            _("Update Étalon."),
        )
    return card


def _unpack(archive: Path, folder: Path) -> None:
    """Only the files of a bundle, whatever else the archive holds."""
    with zipfile.ZipFile(archive) as file:
        for name in {CARD, KERAS, TORCH} & set(file.namelist()):
            file.extract(name, folder)


def _refuse_others(target: Path) -> None:
    empty: Sequence[Any] = list(target.iterdir())[:1] if target.is_dir() else []
    ours = (target / CARD).exists() if target.is_dir() else target.suffix == ".zip"
    if target.exists() and not ours and (empty or not target.is_dir()):
        raise ModelError(
            str(target),
            _("something other than a bundle stands there"),
            _("Choose another path, or remove it first."),
        )


def _versions() -> dict[str, str]:
    import keras

    import etalon

    versions = {"etalon": etalon.__version__, "keras": keras.__version__, "torch": torch.__version__}
    return {**versions, "python": platform.python_version()}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
