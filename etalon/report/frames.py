"""A pandas table as one of the report: what Étalon's `.frame()`s name in English is said in the document's language."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, get_args

from etalon.analysis.published import SCORES, score_name
from etalon.analysis.robustness import corruption_name
from etalon.data.corruptions import CORRUPTIONS
from etalon.figures.intervals import verdict_name
from etalon.figures.style import VERDICTS
from etalon.locales import _, language, number, p_cell, percent, points
from etalon.report.blocks import Badge, Cell, Column, Table
from etalon.report.inline import escape, plain
from etalon.study.found import state_name
from etalon.study.space import State

if TYPE_CHECKING:
    import pandas as pd

ROWS = 12  # of a long table
LARGE, DIGITS = 10, 3  # from that value on one decimal is enough; under it, three

CLASSES = {"true", "predicted", "given", "suggested"}  # columns of classes
SCALES: Mapping[str, int] = {  # shares: the decimals of their percentages
    **dict.fromkeys(("accuracy", "balanced_accuracy", "published", "ours", "low", "high", "risk", "bound"), 2),
    **dict.fromkeys(("confidence", "quality", "threshold", "coverage", "error", "precision", "recall", "f1", "ece"), 1),
    **dict.fromkeys(("share", "train_share"), 1),
    **dict.fromkeys(("clean", "noise", "rotation"), 2),
}
DIFFERENCES = {"difference", "gap", "detectable", "low_narrow", "high_narrow", "low_simultaneous", "high_simultaneous"}
P_VALUES = {"p", "p_adjusted"}
ENDS, STARTS = ("_low", "_high", "_scaled"), ("val_", "test_")  # of what is told of a metric


def table(frame: "pd.DataFrame", caption: str = "", classes: Sequence[str] = (), rows: int = ROWS) -> Table:
    """A table, cut where it is long.

    Args:
        caption: by default what the frame carries in its attributes.
        classes: their names, which stand for their numbers.
        rows: as many as are shown at most.
    """
    import pandas as pd

    whole = _named(frame, classes)
    if frame.index.name or not isinstance(frame.index, pd.RangeIndex):
        whole = whole.reset_index(names=frame.index.name or "")
    columns = [
        Column(
            escape(str(name) if name in classes else heading(str(name))),
            "number" if _is_number(whole[name]) else "text",
        )
        for name in whole.columns
    ]
    cut = whole.head(rows)
    write = [_writer(whole[name], list(whole.columns)) for name in whole.columns]
    lines = [
        [one(value) for one, value in zip(write, row, strict=True)]
        for row in cut.astype(object).itertuples(index=False)
    ]
    caption = caption or str(frame.attrs.get("caption", ""))
    if len(cut) < len(whole):
        told = _("the first {n} rows of {total}").format(n=len(cut), total=number(len(whole), 0))
        caption = f"{caption} ({told})" if caption else told[0].upper() + told[1:]
    return Table(columns, lines, caption)


def written(frame: "pd.DataFrame") -> "pd.DataFrame":
    """A frame as a notebook shows it: its headings and its values as the report writes them, all the rows."""
    return texts(table(frame, rows=len(frame)))


def texts(table: Table) -> "pd.DataFrame":
    """The cells of a table of the report, without their markup."""
    import pandas as pd

    lang = language()
    lines = [[plain(cell.text if isinstance(cell, Badge) else cell, lang) for cell in row] for row in table.rows]
    heads = [plain(column.header, lang) for column in table.columns]
    return pd.DataFrame(lines, columns=heads, index=[""] * len(lines))


def heading(name: str) -> str:
    """A column's name in the language in force, if it is one of Étalon's; in any case with a capital."""
    names = {
        "accuracy": _("Accuracy"),
        "at": _("Image"),
        "aurc": "AURC",
        "augrc": "AUGRC",
        "balanced_accuracy": _("Balanced accuracy"),
        "bound": _("Errors, at most (95%)"),
        "brier": _("Brier score"),
        "chosen": _("Chosen"),
        "class": _("Class"),
        "clean": _("Original images"),
        "close": _("Close to the best"),
        "confidence": _("Confidence"),
        "corruption": _("Corruption"),
        "coverage": _("Images kept"),
        "detectable": _("Detectable difference"),
        "difference": _("Difference (points)"),
        "ece": _("ECE"),
        "eligible": _("Eligible"),
        "epoch": _("Epoch"),
        "epochs_trained": _("Epochs"),
        "error": _("Error rate"),
        "error_low": _("least seed"),
        "error_high": _("greatest seed"),
        "errors": _("Errors"),
        "f1": "F1",
        "factors": _("What changes"),
        "fit_time": _("Time (s)"),
        "front": _("On the front"),
        "gap": _("Gap (points)"),
        "given": _("Label given"),
        "high": _("High"),
        "high_narrow": _("High, at 90%"),
        "high_simultaneous": _("High, simultaneous"),
        "images_needed": _("Images needed"),
        "index": _("Image"),
        "kind": _("Kind"),
        "likely": _("Likely error"),
        "log_loss": _("Log loss"),
        "loss": _("Loss"),
        "low": _("Low"),
        "low_narrow": _("Low, at 90%"),
        "low_simultaneous": _("Low, simultaneous"),
        "metric": _("Metric"),
        "model": _("Model"),
        "name": _("Name"),
        "noise": _("Noisy images"),
        "numbers": _("Numbers"),
        "ours": _("Ours"),
        "p_adjusted": _("Adjusted p"),
        "part": _("Part"),
        "precision": _("Precision"),
        "predicted": _("Predicted class"),
        "published": _("Published"),
        "quality": _("Confidence in that label"),
        "question": _("Question"),
        "recall": _("Recall"),
        "risk": _("Errors promised, at most"),
        "rotation": _("Rotated images"),
        "score": _("Score"),
        "seed": _("Seed"),
        "seeds": _("Seeds"),
        "seeds_needed": _("Seeds needed"),
        "seen": _("Seeds that saw it"),
        "severity": _("Severity"),
        "state": _("State"),
        "suggested": _("Label suggested"),
        "support": _("Images"),
        "temperature": _("Temperature"),
        "test": _("test"),
        "test_accuracy": _("Test accuracy"),
        "test_share": _("share in test"),
        "text": _("Text"),
        "threshold": _("Threshold"),
        "time": _("Time (s)"),
        "train": _("train"),
        "train_share": _("share in train"),
        "true": _("True class"),
        "val_accuracy": _("Validation accuracy"),
        "val_loss": _("Validation loss"),
        "variant": _("Variant"),
        "verdict": _("Verdict"),
        "weights": _("Weights"),
        "wrong": _("Seeds that are wrong"),
    }
    told = names.get(name) or _composed(name, names) or name
    return told if told[1:2] in ("", " ") else told[:1].upper() + told[1:]  # p, adjusted p


def _composed(name: str, names: Mapping[str, str]) -> str:
    """The heading of what is told of a metric: its limits over seeds, once scaled, on a part."""
    patterns = {
        "_low": _("{metric}, least seed"),
        "_high": _("{metric}, greatest seed"),
        "_scaled": _("{metric}, scaled"),
        "val_": _("{metric} on validation"),
        "test_": _("{metric} on test"),
    }
    for affix, pattern in patterns.items():
        inner = name.removesuffix(affix).removeprefix(affix)
        if inner != name and (metric := names.get(inner) or _composed(inner, names)):
            return pattern.format(metric=metric)
    return ""


def _named(frame: "pd.DataFrame", classes: Sequence[str]) -> "pd.DataFrame":
    """The frame with the names of classes where their numbers stand: in columns of classes, and as columns."""
    import pandas as pd

    if not classes or not CLASSES & set(frame.columns):
        return frame
    names = dict(enumerate(classes))
    numbers = [c for c in frame.columns if c in CLASSES and pd.api.types.is_integer_dtype(frame[c])]
    told = frame.assign(**{c: frame[c].map(names) for c in numbers})
    return told.rename(columns=names)


def _writer(column: "pd.Series[Any]", beside: Sequence[Any]) -> Callable[[Any], Cell]:
    """How the values of a column are written: words of Étalon in the language, numbers with the decimals they need."""
    import pandas as pd

    name = str(column.name)
    metric = _metric(name)
    if not _is_number(column):
        return partial(_word, _words(name))
    if name in P_VALUES:
        return partial(_number, p_cell)
    if name in DIFFERENCES or (name in ("low", "high") and "p_adjusted" in beside):
        return partial(_number, points)
    if metric in SCALES and column.abs().max() <= 1:
        return partial(_number, partial(percent, digits=SCALES[metric]))
    if not pd.api.types.is_float_dtype(column) or (column.dropna() % 1 == 0).all():
        return partial(_number, partial(number, digits=0))
    return partial(_number, partial(number, digits=1 if column.abs().max() >= LARGE else DIGITS))


def _metric(name: str) -> str:
    """The metric of which a column tells something."""
    if name in SCALES or name in DIFFERENCES:
        return name
    for affix in (*ENDS, *STARTS):
        name = name.removesuffix(affix).removeprefix(affix)
    return name


def _words(name: str) -> Mapping[str, str]:
    """The words of Étalon that a column may hold, in the language in force."""
    words: Mapping[str, Callable[[], Mapping[str, str]]] = {
        "corruption": lambda: {"clean": _("Original images"), **{one: corruption_name(one) for one in CORRUPTIONS}},
        "metric": lambda: {one: score_name(one) for one in SCORES},
        "part": lambda: {"train": _("train"), "validation": _("validation"), "test": _("test")},
        "state": lambda: {one: state_name(one) for one in get_args(State)},
        "verdict": lambda: {"reference": _("reference"), **{one: verdict_name(one) for one in VERDICTS}},
    }
    return words[name]() if name in words else {}


def _number(write: Callable[[float], str], value: Any) -> Cell:
    import pandas as pd

    return "—" if pd.isna(value) else write(float(value))


def _word(words: Mapping[str, str], value: Any) -> Cell:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if value is None or value != value:
        return "—"
    return escape(words.get(value, value) if isinstance(value, str) else str(value))


def _is_number(column: "pd.Series[Any]") -> bool:
    import pandas as pd

    return bool(pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column))
