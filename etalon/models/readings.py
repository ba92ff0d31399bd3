"""What an exported model reads in image files."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from etalon.data.images import decode
from etalon.errors import DataError
from etalon.locales import _, percent
from etalon.models.bundle import Bundle


@dataclass(frozen=True)
class Reading:
    """One image, the class it is taken for, and the probability of that class."""

    path: str
    predicted: str
    confidence: float


@dataclass(frozen=True)
class Readings:
    """What was read, file by file."""

    items: tuple[Reading, ...]

    def __str__(self) -> str:
        width = max((len(item.path) for item in self.items), default=0)
        return "\n".join(f"{i.path:{width}}  {i.predicted}  {percent(i.confidence, 1)}" for i in self.items)

    def to_json(self) -> list[dict[str, Any]]:
        """One entry a file."""
        return [asdict(item) for item in self.items]


def read(bundle: Bundle, paths: Sequence[str | Path]) -> Readings:
    """Predict image files, brought to the size and the number of channels that the model was trained on.

    Raises:
        DataError: a file that is not there, or is not an image.
    """
    h, w, c = bundle.card.image_shape
    images = [_channels(decode(_bytes(Path(path)), str(path), (h, w)), c) for path in paths]
    answers = bundle.predict(np.stack(images))
    names = bundle.class_names()
    return Readings(
        tuple(
            Reading(str(path), names[int(row.argmax())], float(row.max()))
            for path, row in zip(paths, answers, strict=True)
        )
    )


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(
            str(path), _("it cannot be read ({error})").format(error=error.strerror), _("Give the path of an image.")
        ) from error


def _channels(image: np.ndarray, wanted: int) -> np.ndarray:
    """(h, w, 1 or 3) -> (h, w, wanted); colours become their luminance (ITU-R BT.601)."""
    if image.shape[-1] == wanted:
        return image
    if wanted == 3:
        return np.repeat(image, 3, axis=-1)
    luminance = np.rint(image @ np.array([[0.299], [0.587], [0.114]]))
    return np.asarray(luminance, np.uint8)
