"""Compare: the verdicts with their intervals, accuracy against time, what each change does, curves, the choice."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import StringConstraints

from etalon.analysis.recommend import WEIGHTS
from etalon.analysis.verdicts import Metric
from etalon.app.compared import (
    Measure,
    Pairs,
    amount,
    changes,
    compared,
    curves,
    notable,
    pair,
    points,
    staircase,
    tick,
)
from etalon.app.opening import seal
from etalon.app.pages import page
from etalon.app.parts import OfStudy, View
from etalon.app.scales import HEIGHT, WIDTH, written
from etalon.app.standing import asks_whether, preparing, standing, turned, waiting
from etalon.errors import StudyError
from etalon.figures.intervals import verdict_name, with_interval
from etalon.locales import _
from etalon.report.html import RANK
from etalon.report.tables import TONES, accuracy

router = APIRouter()

Weight = Annotated[float, Query(ge=0, le=10, allow_inf_nan=False)]
Name = Annotated[str, StringConstraints(max_length=200)]
TOOLS: dict[str, Any] = {
    "accuracy_cell": accuracy,
    "rank": RANK,
    "amount": amount,
    "tick": tick,
    "tones": TONES,
    "verdict_name": verdict_name,
    "with_interval": with_interval,
    "drawing": (WIDTH, HEIGHT),
}


@dataclass(frozen=True)
class Asked:
    """What the address asks for, beside the part."""

    metric: Metric
    of: int
    pairs: Pairs
    first: str
    second: str
    curve: tuple[str, ...]
    measure: Measure
    weights: Mapping[str, float]

    @property
    def rest(self) -> str:
        """The same in an address, but for the part."""
        said = {"metric": self.metric, "of": self.of, "pairs": self.pairs, "first": self.first, "second": self.second}
        return urlencode({**said, "curve": self.curve, "measure": self.measure, **self.weights}, doseq=True)


def asked(
    metric: Metric = "accuracy",
    of: Annotated[int, Query(ge=0, lt=100_000)] = 0,
    pairs: Pairs = "reference",
    first: Name = "",
    second: Name = "",
    curve: Annotated[tuple[Name, ...], Query(max_length=100)] = (),
    measure: Measure = "val_accuracy",
    accuracy: Weight = WEIGHTS["accuracy"],
    overfitting: Weight = WEIGHTS["overfitting"],
    time: Weight = WEIGHTS["time"],
) -> Asked:
    """The address, read."""
    weights = {"accuracy": accuracy, "overfitting": overfitting, "time": time}
    return Asked(metric, of, pairs, first, second, curve, measure, weights)


@router.get("/studies/{study}/compare")
def shown(request: Request, view: OfStudy, asked: Annotated[Asked, Depends(asked)]) -> Response:
    """The whole page; a control that changes a part of it takes that part out of the answer."""
    stands = standing(view)
    if stands.waits:
        return waiting(request, view, stands)
    if not view.soon("compared", lambda: _opened(view)):
        return preparing(request, view)
    found = {**_judged(view, asked), **_two(view, asked)}
    if asks_whether(request):
        return turned(not (found["judging"] or found["pairing"]))
    result = view.result
    made = view.made("recommendation", result.recommend).weighed(asked.weights)
    plane, models = points(made)
    names = asked.curve or notable(made)
    return page(
        request,
        "compare.html",
        view=view,
        asked=asked,
        standing=stands,
        seal=seal(view, stands),
        result=result,
        made=made,
        plane=plane,
        models=models,
        front=staircase(models),
        times=list(zip(plane.times(), written(plane.times()), strict=True)),
        changes=view.made("changes", lambda: changes(result)) if len(result) > 1 else None,
        names=names,
        curves=curves(result, names, asked.measure),
        measures=_measures(),
        metrics=_metrics(),
        **found,
        **TOOLS,
    )


def _opened(view: View) -> bool:
    """What takes long of the page whatever it is asked for, made; and that it is."""
    result = view.result
    view.made("recommendation", result.recommend)
    view.made("changes", lambda: changes(result))
    return bool(result.evidence.entries)


def _judged(view: View, asked: Asked) -> dict[str, Any]:
    """The verdict table; or whether it is being made, or why there is none for this metric."""
    what = (asked.metric, asked.of if asked.metric == "recall" else 0, asked.pairs)
    try:
        table = view.soon(("verdicts", *what), lambda: compared(view.result, *what))
        return {"table": table, "judging": table is None, "refusal": None}
    except StudyError as error:
        return {"table": None, "judging": False, "refusal": error}


def _two(view: View, asked: Asked) -> dict[str, Any]:
    """What can be said of the two variants chosen, if two are; or whether it is being made."""
    chosen = (asked.first, asked.second)
    if not all(chosen):
        return {"pair": None, "pairing": False, "unlike": None}
    try:
        if asked.first == asked.second:
            raise StudyError(_("twice the same model"), _("it does not differ from itself"), _("Choose two models."))
        what = (*chosen, asked.metric, asked.of)
        found = view.soon(("pair", *what), lambda: pair(view.result, *what))
        return {"pair": found, "pairing": found is None, "unlike": None}
    except StudyError as error:
        return {"pair": None, "pairing": False, "unlike": error}


def _metrics() -> dict[Metric, str]:
    return {
        "accuracy": _("Accuracy"),
        "log_loss": _("Log loss"),
        "macro_f1": _("Macro F1"),
        "recall": _("Recall of a class"),
    }


def _measures() -> dict[Measure, str]:
    return {
        "val_accuracy": _("Validation accuracy"),
        "val_loss": _("Validation loss"),
        "accuracy": _("Training accuracy"),
        "loss": _("Training loss"),
    }
