"""What an exported model reads in image files."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from etalon.data.dataset import Images
from etalon.data.framing import LAID_OUT, Name, alike, prepare
from etalon.data.images import channels, decode
from etalon.errors import DataError
from etalon.locales import _, ngettext, percent
from etalon.locales.foreign import of_files
from etalon.models.bundle import Bundle, Card


@dataclass(frozen=True)
class Reading:
    """One image and the class it is taken for.

    Attributes:
        confidence: probability of that class, calibrated where the bundle has a temperature.
        unscaled: the same as the model gives it, temperature 1; the threshold of the bundle is of that one.
        probabilities: of every class, as `confidence` is, by its name.
        to_a_person: whether the model is too unsure to be trusted; None where the bundle promises nothing.
        prepared: what was done to the picture to lay it out as the images that were learnt from; nothing where it was
            brought to their size and channels at most.
    """

    path: str
    predicted: str
    confidence: float
    unscaled: float
    probabilities: Mapping[str, float]
    to_a_person: bool | None = None
    prepared: tuple[Name, ...] = ()


@dataclass(frozen=True)
class Readings:
    """What was read, file by file.

    Attributes:
        risk: the error rate promised for what is not left to a person; None where nothing is.
        temperature: by which the logits were divided; None where the bundle has none.
        refused: why files could not be read, the others having been.
    """

    items: tuple[Reading, ...]
    risk: float | None = None
    temperature: float | None = None
    refused: tuple[str, ...] = ()

    def __str__(self) -> str:
        width = max((len(item.path) for item in self.items), default=0)
        lines = [f"{i.path:{width}}  {i.predicted}  {percent(i.confidence, 1)}{self._noted(i)}" for i in self.items]
        if self.risk is not None:
            told = _(
                "Left to a person: {n} of {total}. Of the others at most {risk} are wrong, with 95% confidence, if "
                "they are like the images of the study."
            )
            left = sum(item.to_a_person is True for item in self.items)
            lines.append(told.format(n=left, total=len(self.items), risk=percent(self.risk, 1)))
        if framed := sum(bool(item.prepared) for item in self.items):
            told = ngettext(
                "* {n} picture is not laid out as the images that were learnt from: its drawing was told from its "
                "ground, cut out and placed as theirs are. --no-frame only brings it to their size.",
                "* {n} pictures are not laid out as the images that were learnt from: their drawings were told from "
                "their grounds, cut out and placed as theirs are. --no-frame only brings them to their size.",
                framed,
            )
            lines.append(told.format(n=framed))
        return "\n".join(lines)

    @staticmethod
    def _noted(item: Reading) -> str:
        return (" *" if item.prepared else "") + ("  " + _("to a person") if item.to_a_person else "")

    def to_json(self) -> list[dict[str, Any]]:
        """One entry a file that was read."""
        return [{**asdict(item), "temperature": self.temperature} for item in self.items]


def read(bundle: Bundle, paths: Sequence[str | Path], frame: bool | None = None) -> Readings:
    """Predict image files, brought to the size and the number of channels that the model was trained on.

    Args:
        frame: whether to prepare the drawing of a picture as the page "Try" does, see `etalon.data.framing`; None for
            the pictures whose edges do not show the ground of the images that were learnt from. False, or a model of
            photographs: the whole picture is brought to their size.

    Raises:
        DataError: no file that is there and is an image; framing asked for, of photographs.
    """
    if frame and bundle.card.layout is None:
        raise DataError(
            "--frame",
            _("this model has not learnt from drawings on a plain ground, or was exported before they were described"),
            _("Export it again, or leave this option out."),
        )
    made: list[tuple[str | Path, Images, tuple[Name, ...]]] = []
    refused: list[DataError] = []
    for path in paths:
        try:
            made.append((path, *_image(bundle.card, Path(path), frame)))
        except DataError as error:
            refused.append(error)
    if refused and not made:
        raise refused[0]
    stack, card, names = np.stack([image for _path, image, _done in made]), bundle.card, bundle.class_names()
    confidence = bundle.predict(stack).max(axis=1)  # the threshold was chosen on it
    answers = bundle.predict(stack, temperature=card.temperature or 1.0)
    left = [None if card.threshold is None else bool(value < card.threshold) for value in confidence]
    return Readings(
        tuple(
            Reading(
                str(path),
                names[int(row.argmax())],
                float(row.max()),
                float(unscaled),
                dict(zip(names, map(float, row), strict=True)),
                to_a_person,
                done,
            )
            for row, unscaled, to_a_person, (path, _image, done) in zip(answers, confidence, left, made, strict=True)
        ),
        card.risk,
        card.temperature,
        tuple(map(str, refused)),
    )


def _image(card: Card, path: Path, frame: bool | None) -> tuple[Images, tuple[Name, ...]]:
    """The pixels of a file as the model reads them, and how its drawing was laid out."""
    h, w, c = card.image_shape
    content = _bytes(path)
    if frame is not False and card.layout is not None:
        picture = decode(content, str(path), None)
        if frame or not alike(picture, card.layout):
            made = prepare(picture, card.image_shape, card.layout)
            return made.image, tuple(step.name for step in made.steps if step.name in LAID_OUT)
    return channels(decode(content, str(path), (h, w)), c), ()


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(
            str(path), _("it cannot be read ({error})").format(error=of_files(error)), _("Give the path of an image.")
        ) from error
