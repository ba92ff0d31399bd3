"""One finished trial as `etalon show` tells it."""

from dataclasses import dataclass
from typing import Any

from etalon.locales import _, number
from etalon.models.factors import told
from etalon.report.proposed import split_sentence
from etalon.study.dossier import split_of
from etalon.study.run import Run
from etalon.study.settings import Settings


@dataclass(frozen=True)
class Trial:
    """A run, and with what it was trained."""

    run: Run
    settings: Settings

    def __str__(self) -> str:
        return "\n".join([str(self.run), *self._told()])

    def to_json(self) -> dict[str, Any]:
        """All of the run but its arrays."""
        known = {name: getattr(self.settings, name) for name in ("recipe", "split", "weights")}
        return {**self.run.scalars(), **known}

    def _told(self) -> list[str]:
        settings = self.settings
        if settings.recipe is None or settings.split is None:
            return [_("Its settings were not written down.")]
        recipe = _("Trained with: {recipe}.").format(recipe=told(settings.recipe))
        weights = _("{weights} weights").format(weights=number(settings.weights or 0, 0))
        where = ", ".join(filter(None, [weights, settings.data, _("quick") if settings.quick else ""]))
        return [recipe, where, split_sentence(split_of(settings.split))]
