"""What each change does: the reference, then a line for each factor, with what it changes, brings and costs."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from etalon.analysis.printed import Printed, cells
from etalon.analysis.times import duration
from etalon.analysis.verdicts import Verdicts
from etalon.figures.intervals import verdict_name, with_interval
from etalon.locales import _, number, points
from etalon.locales.columns import Row
from etalon.report.evidence import Entry, Evidence

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class Effects(Printed):
    """The factors of a study, each with the verdict of its variant against the one that it comes after.

    Attributes:
        verdicts: of each variant against the one of which it changes something.
    """

    evidence: Evidence
    verdicts: Verdicts

    @property
    def caption(self) -> str:
        """What stands over the table."""
        return _(
            "What each change does, a line a factor; a variant with several factors has several lines, and one effect "
            "for all of them"
        )

    def frame(self) -> "pd.DataFrame":
        """The reference, then a line a factor; the columns are named in the language in force."""
        import pandas as pd

        first, *others = self.evidence.entries
        rows = [self._row(first, "—", "—", "—", _("reference"))]
        for entry in others:
            verdict = self.verdicts[entry.name]
            difference = with_interval(verdict.difference, *verdict.shown)
            for factor in entry.candidate.factors or (None,):
                what = factor.sentence() if factor else _("nothing")
                rows.append(self._row(entry, entry.candidate.after, what, difference, verdict_name(verdict.verdict)))
        return pd.DataFrame(rows)

    def __repr__(self) -> str:
        return f"Effects({len(self.verdicts)} variants)"

    def _cells(self) -> list[Row]:
        return cells(self.frame())

    def _texts(self) -> range:
        return range(5)

    @staticmethod
    def _row(entry: Entry, after: str, what: str, difference: str, verdict: str) -> dict[str, str]:
        return {
            _("Variant"): entry.name,
            _("Compared with"): after,
            _("What changes"): what,
            _("Difference (points)"): difference,
            _("Verdict"): verdict,
            _("Gap (points)"): points(entry.curves.overfitting.gap),
            _("Weights"): number(entry.candidate.weights.total, 0),
            _("Time"): duration(entry.fit_times),
        }
