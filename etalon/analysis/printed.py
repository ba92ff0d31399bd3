"""Records that print as what they say."""

from collections.abc import Container, Sequence
from html import escape
from typing import TYPE_CHECKING

from etalon.locales import number
from etalon.locales.columns import Row, aligned, table_html

if TYPE_CHECKING:
    import pandas as pd


def cells(frame: "pd.DataFrame") -> list[Row]:
    """Those of a frame of texts and whole numbers, without its index, the heads first."""
    rows = [[number(one, 0) if isinstance(one, int) else str(one) for one in row] for row in frame.to_numpy().tolist()]
    return [list(map(str, frame.columns)), *rows]


class Printed:
    """A record that prints as its sentences, then its table; in a notebook they are HTML.

    A record is a dataclass with `repr=False`: `repr` is the line below, which leaves its arrays out.
    """

    @property
    def caption(self) -> str:
        """What stands over the table, in the language in force."""
        return ""

    def _cells(self) -> Sequence[Row]:
        """The table, its heads first; none by default."""
        return ()

    def _texts(self) -> Container[int]:
        """The columns of the table that hold texts, the others numbers."""
        return (0,)

    def __str__(self) -> str:
        table = aligned(self._cells(), self._texts())
        return "\n".join([*self._sentences, *filter(None, [self.caption]), *table])

    def _repr_html_(self) -> str:
        told = "".join(f"<p>{escape(text)}</p>" for text in (*self._sentences, self.caption) if text)
        return told + table_html(self._cells())

    def __repr__(self) -> str:
        """Single values, and of tuples how long they are."""
        single = [f"{name}={value!r}" for name, value in vars(self).items() if isinstance(value, str | int | float)]
        several = [f"{len(value)} {name}" for name, value in vars(self).items() if isinstance(value, tuple)]
        return f"{type(self).__name__}({', '.join(single + several)})"

    @property
    def _sentences(self) -> list[str]:
        from etalon.analysis.said import said  # which knows all the records

        return [finding.text for finding in said(self)]
