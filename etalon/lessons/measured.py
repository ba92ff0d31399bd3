"""What the studies of the course give on the real images, which are too many for a lesson."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from etalon.lessons.sources import folder
from etalon.locales import _, percent

if TYPE_CHECKING:
    import pandas as pd


def measured(study: str, data: str, published: Mapping[str, float]) -> "pd.DataFrame":
    """Accuracy on test of a study's variants beside what the course prints, as texts in the language in force.

    The figures are those that `etalon run studies/STUDY.py --data DATA --json lessons/measured/STUDY-DATA.json` wrote.

    Args:
        published: variant -> what the course prints, a fraction.
    """
    import pandas as pd

    path = folder() / "measured" / f"{study}-{data}.json"
    found = json.loads(path.read_text(encoding="utf-8"))["variants"] if path.exists() else []
    ours = {variant["name"]: _interval(variant["accuracy"]["test"]) for variant in found}
    rows = [[percent(value), ours.get(name, _("not measured yet"))] for name, value in published.items()]
    return pd.DataFrame(rows, index=list(published), columns=[_("Course"), _("Étalon, 95% interval")])


def _interval(accuracy: Mapping[str, float]) -> str:
    mean, low, high = (percent(accuracy[key]) for key in ("mean", "low", "high"))
    return _("{difference} [{low}, {high}]").format(difference=mean, low=low, high=high)
