"""All the findings of a study's evidence, in the order of its report."""

from collections.abc import Iterator

from etalon.analysis import explained, findings
from etalon.analysis.findings import Finding
from etalon.analysis.mistakes import confusion, per_class
from etalon.report.evidence import Evidence


def told(evidence: Evidence) -> tuple[Finding, ...]:
    """About the data, each variant, the differences, the mistakes of the recommended model, the choice."""
    return tuple(_told(evidence))


def effects(evidence: Evidence) -> Iterator[Finding]:
    """The effect of each variant against the reference, then against the one that it comes after if it is another."""
    steps = {verdict.variant: verdict for verdict in evidence.later}
    for finding in findings.effects(evidence.verdicts):
        yield finding
        if step := steps.get(finding.variant):
            yield findings.against(step, evidence.rope, evidence.parent(evidence[step.variant]))


def _told(evidence: Evidence) -> Iterator[Finding]:
    yield explained.described(evidence.dataset.describe())
    for entry in evidence.entries:
        yield findings.overfits(entry.curves.overfitting)
    for entry in evidence.entries[1:]:
        if warning := findings.several_factors(entry.name, entry.candidate.factors, evidence.parent(entry)):
            yield warning
    yield from effects(evidence)
    chosen, names = evidence.chosen, evidence.dataset.class_names()
    answers = (chosen.test or chosen.validation).predictions
    yield findings.worst_classes(per_class(answers, names))
    yield findings.confusions(confusion(answers, names))
    if chosen.test:
        yield findings.consistency(chosen.validation.predictions, chosen.test.predictions)
    yield findings.recommended(evidence.recommendation)
