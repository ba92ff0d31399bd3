"""What the confidence of the chosen model is worth, and which images it should leave to a person."""

from etalon.analysis.confidence import Confidence, Promise, rate, spread
from etalon.locales import _, number, percent
from etalon.report.blocks import Block, Bullets, Callout, Column, Details, Figure, Paragraph, Section, Table
from etalon.report.evidence import Entry
from etalon.report.tables import at, named


def trust(entry: Entry, found: Confidence) -> Section:
    """The promises, then what they rest on: errors against coverage, and calibration."""
    source = f"{at(entry)}.confidence()"
    advice = _advice(found)
    lacking = (promise.text for promise in found.promises if len(promise.found) < len(found.seeds))
    missing = [text for text in lacking if text != advice.text]
    blocks: list[Block] = [
        Paragraph(
            _(
                "Each answer comes with a confidence. Which images should be read by a person? Those of which the "
                "model is the least sure, if its confidence can be trusted."
            )
        ),
        advice,
        _promises(found, source),
        *([Bullets(missing)] if missing else []),
        Paragraph(
            _(
                "Thresholds are chosen on validation images, each for one seed and one promise by itself (limit of "
                "Clopper and Pearson, 95% confidence). They hold for images drawn like these, and suppose that a "
                "higher confidence does not go with more errors. As the model was chosen on the same images, they "
                "may be optimistic; the test images, on which nothing was chosen, check them."
            )
        ),
        Figure(
            found.plot_risk_coverage,
            _("Errors among the images kept, against the share of the images that is kept; the band goes over seeds"),
            source=f"{source}.plot_risk_coverage()",
        ),
        Paragraph(found.ranked),
    ]
    if found.calibration is not None:
        blocks.append(
            Figure(
                found.plot_reliability,
                _(
                    "Share of right answers against confidence, before and after temperature scaling, with 95% "
                    "intervals for the images of one seed; below, how many images there are (log scale)"
                ),
                source=f"{source}.plot_reliability()",
            )
        )
    blocks.append(Paragraph(named(found.calibrated, found.variant)))
    if found.calibration is not None:
        blocks.append(Details(_("Calibration of each seed"), [_calibration(found, source)]))
    return Section(_("What confidence is worth"), blocks)


def _advice(found: Confidence) -> Callout:
    if found.strictest is None:
        weakest = max(found.promises, key=lambda promise: promise.risk)
        return Callout(weakest.text, "unsure")
    return Callout(found.strictest.text, "good")


def _promises(found: Confidence, source: str) -> Table:
    columns = [
        Column(_("Errors promised, at most"), "number"),
        Column(_("Threshold"), "number"),
        Column(_("Left to a person"), "number"),
        Column(_("Errors among the others"), "number"),
        Column(_("At most, worst seed (95%)"), "number"),
    ]
    caption = _("Promises made on validation, and what they give on test: mean over seeds (least to greatest)")
    return Table(
        columns, [_row(promise) for promise in found.promises], caption, source=f"written({source}.thresholds())"
    )


def _row(promise: Promise) -> list[str]:
    kept = promise.kept("test")
    if not kept:
        return [rate(promise.risk), *["—"] * 4]
    values = [threshold.value or 0.0 for threshold in promise.found]
    low, high = percent(min(values)), percent(max(values))
    return [
        rate(promise.risk),
        low if low == high else _("{low} to {high}").format(low=low, high=high),
        spread([1 - k.coverage for k in kept], 1, shares=True),
        spread([k.error for k in kept], 2, shares=True),
        percent(max(k.bound for k in kept)),
    ]


def _calibration(found: Confidence, source: str) -> Table:
    headers = {
        "temperature": _("Temperature"),
        "ece": _("ECE"),
        "ece_scaled": _("ECE, scaled"),
        "log_loss": _("Log loss"),
        "log_loss_scaled": _("Log loss, scaled"),
        "brier": _("Brier score"),
        "brier_scaled": _("Brier score, scaled"),
    }
    frame = found.frame()
    rows = [
        [
            str(seed),
            *(
                percent(row[name]) if name.startswith("ece") else number(row[name], 2 if name == "temperature" else 4)
                for name in headers
            ),
        ]
        for seed, row in frame.iterrows()
    ]
    columns = [Column(_("Seed")), *(Column(header, "number") for header in headers.values())]
    caption = _("Calibration on {part}, 15 bins; the lower, the better").format(
        part=_("test") if found.part == "test" else _("validation")
    )
    return Table(columns, rows, caption, source=f"written({source}.frame())")
