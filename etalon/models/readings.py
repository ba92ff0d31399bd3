"""What an exported model reads in image files."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from etalon.data.images import channels, decode
from etalon.errors import DataError
from etalon.locales import _, percent
from etalon.models.bundle import Bundle


@dataclass(frozen=True)
class Reading:
    """One image and the class it is taken for.

    Attributes:
        confidence: probability of that class, calibrated where the bundle has a temperature.
        to_a_person: whether the model is too unsure to be trusted; None where the bundle promises nothing.
    """

    path: str
    predicted: str
    confidence: float
    to_a_person: bool | None = None


@dataclass(frozen=True)
class Readings:
    """What was read, file by file.

    Attributes:
        risk: the error rate promised for what is not left to a person; None where nothing is.
    """

    items: tuple[Reading, ...]
    risk: float | None = None

    def __str__(self) -> str:
        width = max((len(item.path) for item in self.items), default=0)
        lines = [f"{i.path:{width}}  {i.predicted}  {percent(i.confidence, 1)}{self._left(i)}" for i in self.items]
        if self.risk is not None:
            told = _(
                "Left to a person: {n} of {total}. Of the others at most {risk} are wrong, with 95% confidence, if "
                "they are like the images of the study."
            )
            left = sum(item.to_a_person is True for item in self.items)
            lines.append(told.format(n=left, total=len(self.items), risk=percent(self.risk, 1)))
        return "\n".join(lines)

    @staticmethod
    def _left(item: Reading) -> str:
        return "  " + _("to a person") if item.to_a_person else ""

    def to_json(self) -> list[dict[str, Any]]:
        """One entry a file."""
        return [asdict(item) for item in self.items]


def read(bundle: Bundle, paths: Sequence[str | Path]) -> Readings:
    """Predict image files, brought to the size and the number of channels that the model was trained on.

    Raises:
        DataError: a file that is not there, or is not an image.
    """
    h, w, c = bundle.card.image_shape
    images = [channels(decode(_bytes(Path(path)), str(path), (h, w)), c) for path in paths]
    stack, card, names = np.stack(images), bundle.card, bundle.class_names()
    confidence = bundle.predict(stack).max(axis=1)  # the threshold was chosen on it
    answers = bundle.predict(stack, temperature=card.temperature or 1.0)
    left = [None if card.threshold is None else bool(value < card.threshold) for value in confidence]
    return Readings(
        tuple(
            Reading(str(path), names[int(row.argmax())], float(row.max()), to_a_person)
            for path, row, to_a_person in zip(paths, answers, left, strict=True)
        ),
        card.risk,
    )


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(
            str(path), _("it cannot be read ({error})").format(error=error.strerror), _("Give the path of an image.")
        ) from error
