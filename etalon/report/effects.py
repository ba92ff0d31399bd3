"""What each change does: a line for each factor, with what it changes, brings and costs."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from etalon.analysis.verdicts import Verdicts
from etalon.figures.intervals import verdict_name, with_interval
from etalon.locales import _, number, seconds
from etalon.models.factors import Factor
from etalon.report.evidence import Entry, Evidence

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Effects:
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
        """A line a factor; the columns are named in the language in force."""
        import pandas as pd

        rows = [
            self._row(entry, factor)
            for entry in self.evidence.entries[1:]
            for factor in entry.candidate.factors or (None,)
        ]
        return pd.DataFrame(rows)

    def _row(self, entry: Entry, factor: Factor | None) -> dict[str, str]:
        verdict = self.verdicts[entry.name]
        return {
            _("Variant"): entry.name,
            _("Compared with"): entry.candidate.after,
            _("What changes"): factor.sentence() if factor else _("nothing"),
            _("Difference (points)"): with_interval(
                verdict.difference, verdict.low_simultaneous, verdict.high_simultaneous
            ),
            _("Verdict"): verdict_name(verdict.verdict),
            _("Weights"): number(entry.candidate.weights.total, 0),
            _("Time"): seconds(entry.fit_time),
        }
