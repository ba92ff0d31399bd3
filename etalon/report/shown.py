"""What a record says in a report: its findings, and the figure or the table that shows it."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from etalon.analysis.curves import LearningCurves
from etalon.analysis.findings import Finding
from etalon.analysis.mistakes import Confusion, Gallery, PerClass
from etalon.analysis.recommend import Recommendation
from etalon.analysis.said import said
from etalon.analysis.verdicts import Verdicts
from etalon.data.description import Description
from etalon.errors import StudyError
from etalon.locales import _, number
from etalon.models.weights import WeightsTable
from etalon.report.blocks import Block, Figure, Paragraph
from etalon.report.frames import table
from etalon.report.inline import escape
from etalon.study.found import Search

Shown = tuple[list[Finding], list[Block]]


def shown(part: Any, classes: Sequence[str] = (), title: str = "") -> Shown:
    """The findings and the blocks of something that a question's function has returned.

    Args:
        classes: the names that stand in tables for the numbers of classes.
        title: what a drawing is said to show, which says nothing of itself.

    Raises:
        StudyError: it can be neither told, nor drawn, nor tabulated.
    """
    if isinstance(part, str):
        return [], [Paragraph(escape(part))]
    if isinstance(part, Finding):
        return [part], [Figure(part.figure, _caption(part))] if part.figure else []
    if _is_frame(part):
        return [], [table(part, classes=classes)]
    if _is_drawing(part):
        return [], [Figure(lambda: part, alt=escape(title))]
    told, caption = said(part), _caption(part)
    if isinstance(part, Gallery) and not len(part):
        return told, [Paragraph(escape(part.none))]
    if callable(draw := getattr(part, "plot", None)):
        return told, [Figure(draw, caption)]
    if callable(tabulate := getattr(part, "frame", None)):
        return told, [table(tabulate(), caption, classes)]
    if told:
        return told, []
    raise StudyError(
        _("a question whose function returns {kind}").format(kind=type(part).__name__),
        _("it can be neither told, nor drawn, nor shown as a table"),
        _("Return findings, records with plot() or frame(), tables, figures or texts."),
    )


def _caption(record: Any) -> str:
    """What stands under the figure, or over the table, of a record."""
    name = escape(str(getattr(record, "variant", "")))
    captions: dict[type, Callable[[], str]] = {
        LearningCurves: lambda: _("Learning curves of `{name}`: mean and spread over seeds").format(name=name),
        Verdicts: lambda: _("Differences, with their intervals"),
        Finding: lambda: _("The difference of `{name}`, with its interval").format(name=name),
        Confusion: lambda: _("Confusion matrix of `{name}`, mean over seeds").format(name=name),
        PerClass: lambda: _("Error rate of each class, `{name}`").format(name=name),
        Gallery: partial(_gallery, record),
        Recommendation: lambda: _("Accuracy on validation against training time"),
        Description: lambda: _("Images of each class in both parts"),
        WeightsTable: lambda: _("Layers and weights"),
        Search: lambda: _("What was tried, and how it did on validation"),
    }
    made = captions.get(type(record))
    return made() if made else escape(str(getattr(record, "caption", "")))


def _gallery(record: Gallery) -> str:
    if len(record) < record.found:
        return _("Misclassified images of `{name}`: the first {n} of {found}").format(
            name=escape(record.variant), n=len(record), found=number(record.found, 0)
        )
    return _("Misclassified images of `{name}`: all {n}").format(name=escape(record.variant), n=len(record))


def _is_frame(part: Any) -> bool:
    return type(part).__name__ == "DataFrame" and hasattr(part, "itertuples")


def _is_drawing(part: Any) -> bool:
    """Whether it is a matplotlib Figure or Axes, without importing it to know."""
    return hasattr(part, "savefig") or hasattr(getattr(part, "figure", None), "savefig")
