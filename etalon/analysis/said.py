"""The findings of each kind of record: what it says in sentences, in a report, a notebook, a terminal."""

from typing import Any

from etalon.analysis import explained, findings
from etalon.analysis.curves import Overfitting
from etalon.analysis.findings import Finding
from etalon.analysis.mistakes import Confusion, PerClass
from etalon.analysis.recommend import Recommendation
from etalon.analysis.robustness import Robustness
from etalon.analysis.searched import searched
from etalon.analysis.verdicts import Verdicts
from etalon.data.description import Description
from etalon.models.weights import WeightsTable
from etalon.study.found import Search


def said(record: Any) -> list[Finding]:
    """The findings of a record, in the language in force; none for one that only shows."""
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
        case Robustness():
            return [findings.robustness(record, model) for model in record.models]
        case Description():
            return [explained.described(record)]
        case WeightsTable():
            return [explained.counted(record)]
        case Search():
            return [searched(record)]
    return list(getattr(record, "findings", ()))
