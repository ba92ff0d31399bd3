"""With which settings trials were trained, as plain JSON: nothing heavy is loaded to know it."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self


@dataclass(frozen=True)
class Settings:
    """What a trial was trained with, beside its seed.

    Attributes:
        recipe, split: as JSON, see `Recipe.to_json` and `Run`; None where nobody wrote them down.
        weights: of the model, how many.
        data: the name of the images; "" where that is not known.
        quick: whether it belongs to a first look.
        current: whether its study still is as it was then.
    """

    recipe: Mapping[str, Any] | None = None
    split: Mapping[str, Any] | None = None
    weights: int | None = None
    data: str = ""
    quick: bool = False
    current: bool = False

    @classmethod
    def of_run(cls, scalars: Mapping[str, Any]) -> Self:
        """Those that a run has written down (`Run.scalars`)."""
        return cls(scalars.get("recipe"), scalars.get("split"), scalars.get("weights"))

    @property
    def identity(self) -> str:
        """The same for two trials of the same settings."""
        return json.dumps([self.current, self.quick, self.data, self.weights, self.recipe], sort_keys=True)


def planned(studies: Path) -> dict[str, Settings]:
    """By key, those of all the trials of the studies as they are now; a dossier that cannot be read is passed over."""
    found: dict[str, Settings] = {}
    for path in sorted(studies.glob("*/study.json")):
        with suppress(OSError, ValueError, KeyError, TypeError):
            found |= dict(_of(json.loads(path.read_text())))
    return found


def _of(dossier: Mapping[str, Any]) -> Iterator[tuple[str, Settings]]:
    data, quick = dossier["dataset"]["name"], bool(dossier["notice"])
    for candidate in dossier["candidates"]:
        layers = candidate["weights"]["layers"]
        weights = sum(layer["weights"] + layer["biases"] + layer["other"] for layer in layers)
        settings = Settings(candidate["recipe"], dossier["split"], weights, data, quick, current=True)
        yield from ((key, settings) for key in candidate["planned"].values())
