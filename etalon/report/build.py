"""The report of a study: key figures, the answer, then the seven sections; every number is taken from the runs."""

from datetime import datetime

from etalon.figures.intervals import limit_points
from etalon.locales import _, choose, in_points, language, number, p_value, percent, seconds
from etalon.report.answered import section as answers
from etalon.report.blocks import Document, Fact, Facts, Section
from etalon.report.concluded import conclusion
from etalon.report.evidence import Evidence
from etalon.report.measured import errors, results, robustness
from etalon.report.proposed import introduction, proposals, reference

SECTIONS = (introduction, reference, proposals, results, errors, robustness, conclusion)


def build(evidence: Evidence, created: datetime) -> Document:
    """The document, in the language in force.

    Args:
        evidence: on test, with robustness.
        created: when the report is made; the only date in it beside those of the ledger.
    """
    return Document(
        title=choose(evidence.title),
        subtitle=_("Which changes really improve the model, and by how much"),
        lang=language(),
        created=created,
        blocks=[_key_figures(evidence), *_sections(evidence)],
        meta={_("Data"): evidence.dataset.name, "Étalon": evidence.environment["etalon"]},
        notice=evidence.notice,
    )


def _sections(evidence: Evidence) -> list[Section]:
    """The seven; after the first, the answers to the study's own questions, if it asks any."""
    measured = (section for section in SECTIONS if section is not robustness or evidence.robustness)
    first, *others = (section(evidence) for section in measured)
    asked = [answers(evidence.answered)] if evidence.answered else []
    return [first, *asked, *others]


def _key_figures(evidence: Evidence) -> Facts:
    chosen, verdict = evidence.chosen, evidence.chosen.verdict
    assert chosen.test
    interval = chosen.test.accuracy
    between = _("95% interval {low} to {high}")
    facts = [
        Fact(_("Recommended"), chosen.name, _("; ").join(f.sentence() for f in chosen.candidate.factors)),
        Fact(
            _("Test accuracy"),
            percent(interval.value),
            between.format(low=percent(interval.low), high=percent(interval.high)),
        ),
    ]
    if verdict:
        low, high = limit_points(verdict.low_simultaneous), limit_points(verdict.high_simultaneous)
        gain = in_points(verdict.difference)
        if verdict.open_at_zero:  # the interval of this variant alone leaves 0 out as well, and says more
            low, high = limit_points(verdict.low), limit_points(verdict.high)
        note = f"{between.format(low=low, high=high)}, {p_value(verdict.p_adjusted)}"
        facts.append(Fact(_("Gain on the reference"), gain, note))
    total = sum(sum(entry.fit_times) for entry in evidence.entries)
    spent = _("{time} of training").format(time=seconds(total))
    if evidence.planned is not None:
        spent = _("instead of {planned}; {spent}").format(planned=number(evidence.planned, 0), spent=spent)
    facts.append(Fact(_("Trainings"), evidence.counted, spent))
    return Facts(facts)
