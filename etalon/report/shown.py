"""What a record says in a report: its findings, and the figure or the table that shows it."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from etalon.analysis import explained, findings
from etalon.analysis.coding import Coding, Preparation
from etalon.analysis.curves import LearningCurves, Overfitting
from etalon.analysis.findings import Finding
from etalon.analysis.mistakes import Confusion, Gallery, PerClass
from etalon.analysis.recommend import Recommendation
from etalon.analysis.searched import searched
from etalon.analysis.verdicts import Verdicts
from etalon.data.description import Description
from etalon.errors import StudyError
from etalon.locales import _, number, percent
from etalon.models.weights import WeightsTable
from etalon.report.blocks import Block, Cell, Column, Figure, Paragraph, Table
from etalon.report.inline import escape
from etalon.study.found import Search

if TYPE_CHECKING:
    import pandas as pd

ROWS = 12  # of a long table
LARGE, DIGITS = 10, 3  # from that value on one decimal is enough; under it, three

SHARES = {"confidence", "error", "error_low", "error_high", "precision", "recall", "f1", "train_share", "test_share"}

Shown = tuple[list[Finding], list[Block]]


def shown(part: Any) -> Shown:
    """The findings and the blocks of something that a question's function has returned.

    Raises:
        StudyError: it can be neither told, nor drawn, nor tabulated.
    """
    if isinstance(part, str):
        return [], [Paragraph(escape(part))]
    if isinstance(part, Finding):
        return [part], [Figure(part.figure, _caption(part))] if part.figure else []
    if _is_frame(part):
        return [], [table(part)]
    if _is_drawing(part):
        return [], [Figure(lambda: part)]
    told, caption = _told(part), _caption(part)
    if isinstance(part, Gallery) and not len(part):
        return told, [Paragraph(_("There is no such image."))]
    if callable(draw := getattr(part, "plot", None)):
        return told, [Figure(draw, caption)]
    if callable(tabulate := getattr(part, "frame", None)):
        return told, [table(tabulate(), caption)]
    if told:
        return told, []
    raise StudyError(
        _("a question whose function returns {kind}").format(kind=type(part).__name__),
        _("it can be neither told, nor drawn, nor shown as a table"),
        _("Return findings, records with plot() or frame(), tables, figures or texts."),
    )


def table(frame: "pd.DataFrame", caption: str = "") -> Table:
    """A pandas table as one of the report, cut where it is long; columns that Étalon names are translated."""
    import pandas as pd

    whole = frame
    if frame.index.name or not isinstance(frame.index, pd.RangeIndex):
        whole = frame.reset_index(names=frame.index.name or "")
    columns = [
        Column(_heading(str(name)), "number" if pd.api.types.is_numeric_dtype(whole[name]) else "text")
        for name in whole.columns
    ]
    cut = whole.head(ROWS)
    write = [_writer(whole[name]) for name in whole.columns]
    rows = [
        [one(value) for one, value in zip(write, row, strict=True)]
        for row in cut.astype(object).itertuples(index=False)
    ]
    caption = caption or str(frame.attrs.get("caption", ""))
    if len(cut) < len(whole):
        told = _("the first {n} rows of {total}").format(n=len(cut), total=number(len(whole), 0))
        caption = f"{caption} ({told})" if caption else told[0].upper() + told[1:]
    return Table(columns, rows, caption)


def _told(record: Any) -> list[Finding]:
    match record:
        case Overfitting():
            return [findings.overfits(record)]
        case Verdicts():
            return list(findings.effects(record))
        case PerClass():
            return [findings.worst_classes(record)]
        case Confusion():
            return [findings.confusions(record)]
        case Recommendation():
            return [findings.recommended(record)]
        case Description():
            return [explained.described(record)]
        case WeightsTable():
            return [explained.counted(record)]
        case Search():
            return [searched(record)]
    return list(getattr(record, "findings", ()))


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
        Coding: lambda: _("How the arrays are coded"),
        Preparation: lambda: _("What is done to images and targets, step by step"),
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


def _heading(name: str) -> str:
    """A column's name in the language in force, if it is one of Étalon's."""
    names = {
        "index": _("Image"),
        "true": _("True class"),
        "predicted": _("Predicted class"),
        "confidence": _("Confidence"),
        "class": _("Class"),
        "errors": _("Errors"),
        "error": _("Error rate"),
        "error_low": _("least seed"),
        "error_high": _("greatest seed"),
        "precision": _("Precision"),
        "recall": _("Recall"),
        "f1": "F1",
        "support": _("Images"),
        "variant": _("Variant"),
        "train": _("train"),
        "train_share": _("share in train"),
        "test": _("test"),
        "test_share": _("share in test"),
    }
    shown = names.get(name, name)
    return escape(shown[:1].upper() + shown[1:])


def _writer(column: "pd.Series[Any]") -> Callable[[Any], Cell]:
    """How the values of a column are written: shares as percentages, other numbers with the decimals that they need."""
    import pandas as pd

    if column.name in SHARES:
        return partial(_cell, write=partial(percent, digits=1))
    if not pd.api.types.is_float_dtype(column) or (column.dropna() % 1 == 0).all():
        return partial(_cell, write=partial(number, digits=0))
    return partial(_cell, write=partial(number, digits=1 if column.abs().max() >= LARGE else DIGITS))


def _cell(value: Any, write: Callable[[float], str]) -> Cell:
    import pandas as pd

    if isinstance(value, str):
        return escape(value)
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if value is None or pd.isna(value):
        return "—"
    return write(float(value))


def _is_frame(part: Any) -> bool:
    return type(part).__name__ == "DataFrame" and hasattr(part, "itertuples")


def _is_drawing(part: Any) -> bool:
    """Whether it is a matplotlib Figure or Axes, without importing it to know."""
    return hasattr(part, "savefig") or hasattr(getattr(part, "figure", None), "savefig")
