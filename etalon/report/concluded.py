"""What is concluded: the choice, its reasons, recommendations, and how far all this can be trusted."""

from collections.abc import Mapping, Sequence

from etalon.analysis import findings
from etalon.analysis.robustness import corruption_name
from etalon.locales import _, date, ngettext, number, percent
from etalon.report.blocks import Bullets, Callout, Column, Details, Figure, Paragraph, Section, Table
from etalon.report.evidence import Evidence
from etalon.report.inline import escape
from etalon.report.tables import accuracy, named


def conclusion(evidence: Evidence) -> Section:
    """What to choose and why, how far it can be trusted, what remains to be done."""
    made, entry = evidence.recommendation, evidence.chosen
    assert entry.test
    consistent = findings.consistency(entry.validation.predictions, entry.test.predictions)
    return Section(
        _("Conclusion"),
        [
            _choice(evidence),
            Bullets([named(reason, *(candidate.name for candidate in made.candidates)) for reason in made.reasons]),
            Figure(
                made.plot,
                _("Accuracy on validation against training time"),
                source="result.recommend().plot()",
            ),
            Paragraph(named(consistent.text, consistent.variant)),
            Section(_("Recommendations"), [Bullets(_recommendations(evidence))]),
            Section(
                _("How far this can be trusted"),
                [
                    Bullets([*_limits(evidence), _ledger(evidence)]),
                    Details(_("Versions and machine"), [_versions(evidence)]),
                ],
            ),
        ],
    )


def _choice(evidence: Evidence) -> Callout:
    """What validation has chosen, and whether the test, which it never looked at, bears it out."""
    made, entry = evidence.recommendation, evidence.chosen
    assert entry.test
    assert evidence.reference.test
    figures = {
        "name": entry.name,
        "test": accuracy(entry.test.accuracy),
        "reference": accuracy(evidence.reference.test.accuracy),
    }
    if made.chosen == made.reference:
        kept = _("Keep **`{name}`**: no variant is shown to be better on validation. It reaches {test} on test.")
        return Callout(kept.format(**figures), "neutral")
    if _confirmed(evidence):
        chosen = _("Choose **`{name}`**: it reaches {test} on test, where the reference reaches {reference}.")
        return Callout(chosen.format(**figures), "good")
    doubtful = _(
        "Validation chooses **`{name}`**, but the test does not bear it out: {test}, where the reference reaches "
        "{reference}. More seeds, or more images, must settle it before anything is replaced."
    )
    return Callout(doubtful.format(**figures), "unsure")


def _confirmed(evidence: Evidence) -> bool:
    verdict = evidence.chosen.verdict
    return verdict is not None and verdict.verdict == "better"


def _recommendations(evidence: Evidence) -> list[str]:
    entry, verdict = evidence.chosen, evidence.chosen.verdict
    assert entry.test
    found = []
    if verdict is None:
        found.append(_("Keep `{name}` in service.").format(name=entry.name))
        for surprise in (v for v in evidence.verdicts.items if v.verdict == "better"):
            text = _("On test, {effect} Validation could not tell: train both with more seeds before adopting it.")
            effect = named(findings.effect(surprise, evidence.rope).text, surprise.variant)
            found.append(text.format(effect=effect))
    else:
        effect = named(findings.effect(verdict, evidence.rope).text, entry.name)
        advice = (
            _("Put `{name}` into service. On test, {effect}")
            if _confirmed(evidence)
            else _("Do not replace `{reference}` yet. On test, {effect}")
        )
        found.append(advice.format(name=entry.name, reference=evidence.reference.name, effect=effect))
    scores = entry.test.accuracy
    digits = 0 if scores.value < 0.99 else 1
    errors = {"errors": 1 - scores.value, "low": 1 - scores.high, "high": 1 - scores.low}
    found.append(
        _(
            "Errors to expect in 1,000 images like these: about {errors} (95% interval {low} to {high}). Have the "
            "least confident answers checked by a person."
        ).format(**{name: number(1000 * share, digits) for name, share in errors.items()})
    )
    if evidence.robustness is not None and entry.name in evidence.robustness.models:
        name, drop = evidence.robustness.worst(entry.name)
        found.append(
            _(
                "What to watch for in the images above all: {corruption}, which costs {drop} of the accuracy on "
                "average over the five severities."
            ).format(corruption=corruption_name(name), drop=percent(drop, 1))
        )
    combined = combinable(
        [v.variant for v in evidence.verdicts.items if v.verdict == "better"],
        {entry.name: entry.candidate.after for entry in evidence.entries},
    )
    if len(combined) > 1:
        found.append(
            _("Try together what is better alone ({names}): whether the gains add up is for another study.").format(
                names=", ".join(f"`{name}`" for name in combined)
            )
        )
    undecided = [v for v in evidence.verdicts.items if v.verdict == "undecided" and v.seeds_needed]
    if undecided:
        closest = min(undecided, key=lambda v: v.seeds_needed or 0)
        found.append(
            _(
                "About {n} seeds would settle `{name}`, the closest of the undecided, if its true difference is the "
                "one seen."
            ).format(n=closest.seeds_needed, name=closest.variant)
        )
    return found


def combinable(better: Sequence[str], after: Mapping[str, str]) -> list[str]:
    """Of the variants shown better, those on which no other of them is built: that one has their change already.

    Args:
        after: the variant that each comes after; none, or "", for the reference.
    """
    built_on = set()
    for name in better:
        while name := after.get(name, ""):
            built_on.add(name)
    return [name for name in better if name not in built_on]


def _limits(evidence: Evidence) -> list[str]:
    described = evidence.dataset.describe()
    seeds_and_images = _(
        "The intervals speak of other seeds and of other images drawn like these; they say nothing of images that come "
        "from elsewhere."
    )
    images_only = _(
        "With one seed, the intervals speak of other images drawn like these, not of other seeds; they say nothing of "
        "images that come from elsewhere."
    )
    return [
        seeds_and_images if evidence.reference.validation.accuracy.seeds_assessed else images_only,
        _("Training times are those of this machine; ratios travel better than seconds."),
        _("The data: {digest} (first figures of the content's SHA-256).").format(digest=f"`{described.digest[:12]}`"),
    ]


def _ledger(evidence: Evidence) -> str:
    n = len(evidence.openings)
    last = evidence.openings[-1]
    return ngettext(
        "This test set was opened once on this store, on {when} (models measured: {n_candidates}).",
        "This test set was opened {n} times on this store, the last time on {when} (models measured: {n_candidates}); "
        "each look that leads to a new choice makes its figures a little less trustworthy.",
        n,
    ).format(n=n, when=date(last.opened), n_candidates=last.candidates)


def _versions(evidence: Evidence) -> Table:
    names = {
        "processor": _("processor"),
        "device": _("device of the training"),
        "threads": _("threads"),
        "precision": _("precision of the computations"),
    }
    rows = [[names.get(key, key), escape(str(value))] for key, value in evidence.environment.items()]
    return Table([Column(_("Property")), Column(_("Value"))], rows)
