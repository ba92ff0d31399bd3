"""The report as a tree of blocks: what it says, apart from how a page, a PDF or a notebook shows it.

Every text may carry the inline markup of `etalon.report.inline` (**bold**, *emphasis*, `code`); words that come
from a user go through `etalon.report.inline.escape` first.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeAlias, get_args

from etalon.errors import EtalonError, ReportError
from etalon.locales import LANGUAGES, _, ngettext
from etalon.report.images import Image
from etalon.report.inline import escape

Tone = Literal["good", "bad", "neutral", "unsure"]
Kind = Literal["text", "number", "verdict"]
Align = Literal["left", "right", "center"]

TONES: tuple[Tone, ...] = get_args(Tone)
ALIGNMENT: Mapping[Kind, Align] = {"text": "left", "number": "right", "verdict": "left"}


@dataclass(frozen=True)
class Badge:
    """A short verdict in a table: good (better), bad (worse), neutral (equivalent) or unsure (undecided)."""

    text: str
    tone: Tone = "neutral"

    def __post_init__(self) -> None:
        _check_tone(self.tone)


Cell: TypeAlias = str | Badge


@dataclass(frozen=True)
class Column:
    """The head of a column; its kind decides how cells are aligned and sorted."""

    header: str
    kind: Kind = "text"


@dataclass(frozen=True, eq=False)
class Table:
    """Rows of cells, already written in the document's language.

    Args:
        columns: one per cell of a row; the first one names its row.
        rows: cells, row by row.
        caption: numbered ("Table 2") unless empty.
        align: of each column; by default numbers stand on the right.
        highlight: indices of the rows to bring out.
        source: Python code that a notebook runs to show this table again.

    Raises:
        ReportError: a row, or `align`, with another length than `columns`; a highlighted row that does not exist.
    """

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    caption: str = ""
    align: Sequence[Align] | None = None
    highlight: Sequence[int] = ()
    source: str | None = None

    def __post_init__(self) -> None:
        for what, cells in [(f"row {i}", row) for i, row in enumerate(self.rows)] + [("align", self.alignment)]:
            if len(cells) != len(self.columns):
                raise ReportError(
                    _("table “{caption}”, {what} of {found} cells").format(
                        caption=self.caption, what=what, found=len(cells)
                    ),
                    ngettext("the table has one column", "the table has {count} columns", len(self.columns)).format(
                        count=len(self.columns)
                    ),
                    _("Give one cell for each column."),
                )
        for row in self.highlight:
            if not 0 <= row < len(self.rows):
                raise ReportError(
                    _("table “{caption}”, highlighted row {row}").format(caption=self.caption, row=row),
                    ngettext(
                        "the table has one row, counted from 0",
                        "the table has {count} rows, counted from 0",
                        len(self.rows),
                    ).format(count=len(self.rows)),
                    _("Highlight a row of the table."),
                )

    @property
    def alignment(self) -> Sequence[Align]:
        """One alignment per column."""
        return self.align if self.align is not None else [ALIGNMENT[column.kind] for column in self.columns]


@dataclass(frozen=True, eq=False)
class Figure:
    """A figure, drawn when a renderer asks for it, once for each language.

    Args:
        draw: returns a matplotlib Figure or Axes.
        caption: numbered ("Figure 3") unless empty.
        alt: what the figure shows, for those who do not see it; the caption by default.
        width: share of the text's width, in (0, 1]; None for the figure's own size, at most the text's width.
        source: Python code that a notebook runs to draw this figure again.

    Raises:
        ReportError: `width` outside (0, 1].
    """

    draw: Callable[[], Any]
    caption: str = ""
    alt: str = ""
    width: float | None = None
    source: str | None = None
    _images: dict[str, Image] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.width is not None and not 0 < self.width <= 1:
            raise ReportError(
                _("figure “{caption}”, width {width}").format(caption=self.caption, width=self.width),
                _("it is a share of the text's width"),
                _("Give a number between 0 and 1."),
            )

    def image(self, lang: str) -> Image:
        """The drawn figure, in the language `lang`."""
        if lang not in self._images:
            self._images[lang] = Image(self.draw, lang, self.width)
        return self._images[lang]

    def failure(self, lang: str) -> str:
        """Why it cannot be drawn in that language; empty when it can, and it then is."""
        try:
            _drawn = self.image(lang).size
        except Exception as error:  # whatever the function raises, the report must not be lost
            return reason(error)
        return ""

    def callout(self, failure: str) -> "Callout":
        """What stands in its place, in the language in force, when it cannot be drawn."""
        why = escape(failure)
        if not self.caption:
            return Callout(_("A figure could not be drawn. {why}").format(why=why), "bad")
        return Callout(_("Figure “{caption}” could not be drawn. {why}").format(caption=self.caption, why=why), "bad")


@dataclass(frozen=True)
class Paragraph:
    """Running text."""

    text: str


@dataclass(frozen=True)
class Bullets:
    """A list of short texts."""

    items: Sequence[str]


@dataclass(frozen=True)
class Fact:
    """One key figure: what it is, how much, and what to know about it."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Facts:
    """Key figures, shown side by side as cards."""

    pairs: Sequence[Fact]


@dataclass(frozen=True)
class Code:
    """A program, as it was written."""

    text: str
    language: str = "python"


@dataclass(frozen=True)
class Callout:
    """A paragraph that must not be missed."""

    text: str
    tone: Tone = "neutral"

    def __post_init__(self) -> None:
        _check_tone(self.tone)


@dataclass(frozen=True, eq=False)
class Details:
    """Blocks that a page folds away under their summary; paper shows them.

    Raises:
        ReportError: a section among the blocks: it would be missing from the table of contents.
    """

    summary: str
    blocks: Sequence["Block"]

    def __post_init__(self) -> None:
        for block in self.blocks:
            if isinstance(block, Section):
                raise ReportError(
                    _("section “{title}” in the details “{summary}”").format(title=block.title, summary=self.summary),
                    _("a section cannot be folded away"),
                    _("Put the details into the section."),
                )


@dataclass(frozen=True, eq=False)
class Section:
    """A numbered part of the report, or of another section.

    Args:
        id: its anchor, made from the title by default.
        source: Python code that a notebook runs to show what is in this section again.
    """

    title: str
    blocks: Sequence["Block"]
    id: str = ""
    source: str | None = None


Block: TypeAlias = Section | Paragraph | Bullets | Facts | Table | Figure | Code | Callout | Details


@dataclass(frozen=True, eq=False)
class Document:
    """A report.

    Args:
        title, subtitle: its heading.
        lang: "en" or "fr", the language in which texts are written and figures are drawn.
        created: the only date in what is rendered.
        blocks: sections, mostly.
        meta: what stands under the heading (author, data, version), by label.
        notice: what every page must say; none by default.

    Raises:
        ReportError: a language that Étalon does not speak.
    """

    title: str
    subtitle: str
    lang: str
    created: datetime
    blocks: Sequence[Block]
    meta: Mapping[str, str] = field(default_factory=dict)
    notice: str = ""

    def __post_init__(self) -> None:
        if self.lang not in LANGUAGES:
            raise ReportError(
                _("a report in {lang!r}").format(lang=self.lang),
                _("Étalon speaks English and French"),
                _("Choose one of {languages}.").format(languages=", ".join(LANGUAGES)),
            )


def reason(error: Exception) -> str:
    """What went wrong, for the reader of a report."""
    return str(error) if isinstance(error, EtalonError) else f"{type(error).__name__}: {error}"


def _check_tone(tone: str) -> None:
    if tone not in TONES:
        raise ReportError(
            _("tone {tone!r}").format(tone=tone),
            _("a badge or a callout has no such tone"),
            _("Choose one of {tones}.").format(tones=", ".join(TONES)),
        )
