"""Verdicts on a few models, under a line that says what was compared, on what and in which unit."""

from dataclasses import dataclass
from typing import Any

from etalon.analysis.findings import effects
from etalon.analysis.predictions import PartName
from etalon.analysis.verdicts import Metric, Verdicts, seeds_of
from etalon.locales import _, number


@dataclass(frozen=True)
class Compared:
    """What `etalon compare` tells.

    Attributes:
        part: whose images were looked at.
        against: what the one variant was compared with; "" where every two were.
    """

    verdicts: Verdicts
    part: PartName
    against: str = ""

    def to_json(self) -> dict[str, Any]:
        """That of the verdicts."""
        return self.verdicts.to_json()

    def __str__(self) -> str:
        sentences = [finding.text for finding in effects(self.verdicts)] if self.against else []
        return "\n".join([self._heading, str(self.verdicts), *sentences])

    @property
    def _heading(self) -> str:
        items, metric = self.verdicts.items, measure(self.verdicts.metric)
        n = number(max((v.comparison.n for v in items), default=0), 0)
        where = _("on {n} test images") if self.part == "test" else _("on {n} validation images")
        told = {"where": where.format(n=n), "measure": metric, "against": self.against, "m": len(items)}
        if self.against:
            head = _("{name} compared with {against}, {where}, {seeds}: {measure}, with its 95% interval")
            return head.format(**told, name=items[0].variant, seeds=seeds_of(items[0].comparison.k))
        return _(
            "Every two variants, {where}: {measure}, of the first less the second, with simultaneous 95% intervals; p "
            "adjusted by Holm (comparisons: {m})"
        ).format(**told)


def measure(metric: Metric) -> str:
    """The difference of a metric and its unit."""
    names = {
        "accuracy": _("difference of accuracy, in points"),
        "log_loss": _("difference of log loss, in nats, negative where it is better"),
        "recall": _("difference of the recall of the class, in points"),
        "macro_f1": _("difference of macro F1, in points"),
    }
    return names[metric]
