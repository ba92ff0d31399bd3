"""The exceptions: each says what was received, why it is refused, and what to do."""

from collections.abc import Callable
from typing import ClassVar

__all__ = [
    "DataError",
    "EtalonError",
    "LessonError",
    "ModelError",
    "RecipeError",
    "ReportError",
    "SourceError",
    "StoreError",
    "StudyError",
    "TrainingError",
]


def _english(received: str, why: str, remedy: str) -> str:
    return f"{received}: {why}. {remedy}"


class EtalonError(Exception):
    """The base of every refusal.

    Args:
        received: what was given, as precisely as one can say it (a path, a shape, a value).
        why: the reason for which it is refused.
        remedy: what the user can do next.
    """

    joined: ClassVar[Callable[[str, str, str], str]] = _english  # `etalon.locales` puts there that of each language

    def __init__(self, received: str, why: str, remedy: str) -> None:
        super().__init__(received, why, remedy)
        self.received, self.why, self.remedy = received, why, remedy

    def within(self, place: str) -> None:
        """Say first of what it is a refusal: "in variant 'wide'"."""
        self.received = f"{place}, {self.received}"
        self.args = (self.received, self.why, self.remedy)

    def __str__(self) -> str:
        return type(self).joined(self.received, self.why.rstrip("."), self.remedy)


class DataError(EtalonError):
    """Images or labels that cannot be used as they are."""


class SourceError(DataError):
    """A named set that cannot be fetched, or whose content is not what was published."""


class ModelError(EtalonError):
    """A model that cannot be lowered, or that does not fit the data."""


class RecipeError(EtalonError):
    """A training setting that has no meaning, or contradicts another."""


class TrainingError(EtalonError):
    """A training that broke down: a loss that is no longer a number, a worker that died."""


class StudyError(EtalonError):
    """A study that is not well formed: no reference, two variants of one name..."""


class StoreError(EtalonError):
    """A store that cannot be read or written."""


class ReportError(EtalonError):
    """A report that cannot be rendered."""


class LessonError(EtalonError):
    """A lesson that does not exist, or cannot be written."""
