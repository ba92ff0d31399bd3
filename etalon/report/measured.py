"""What was measured: comparative results, error analysis, robustness."""

from functools import partial

from etalon.analysis import findings, mistakes
from etalon.analysis.predictions import Predictions
from etalon.analysis.robustness import Robustness
from etalon.locales import _, ngettext, number, percent
from etalon.report.blocks import Block, Bullets, Callout, Column, Details, Figure, Paragraph, Section, Table
from etalon.report.confidence import trust
from etalon.report.evidence import Entry, Evidence
from etalon.report.inline import escape
from etalon.report.learnt import learning_curves
from etalon.report.tables import at, comparison, named
from etalon.report.told import effects


def results(evidence: Evidence) -> Section:
    """The comparison: table, differences, bars of accuracy and time, curves of every variant."""
    entries = evidence.entries
    lost = [
        Callout(_("`{name}`: every trial broke down. {error}").format(name=name, error=escape(broken[0])), "bad")
        for name, broken in evidence.lost.items()
    ]
    partial_loss = [Callout(_broken(entry), "unsure") for entry in entries if entry.errors]
    return Section(
        _("Comparative results"),
        [
            comparison(evidence).block(
                _("All the models; accuracies with 95% intervals, differences with simultaneous ones"),
                source="opened",
            ),
            Paragraph(_reading(evidence)),
            *([Callout(escape(evidence.mixture), "unsure")] if evidence.mixture else []),
            *([Paragraph(_balanced(evidence))] if evidence.balance.unbalanced else []),
            comparison(evidence).costs(
                _(
                    "Validation, and what the models cost: gap between training and validation, weights, time of one "
                    "training"
                )
            ),
            *lost,
            *partial_loss,
            Figure(
                evidence.verdicts.plot,
                _("Difference of test accuracy with the reference"),
                source="opened.verdicts().plot()",
            ),
            Bullets(
                [named(one.text, one.variant, evidence.parent(evidence[one.variant])) for one in effects(evidence)]
            ),
            *([comparison(evidence).steps()] if evidence.later else []),
            Figure(
                comparison(evidence).plot,
                _("Test accuracy of each model"),
                source="opened.plot()",
            ),
            Figure(
                partial(comparison(evidence).plot, "time"),
                _("Training time of each model, mean and spread over seeds ({processor}, threads: {threads})").format(
                    processor=evidence.environment["processor"], threads=evidence.environment["threads"]
                ),
                source="opened.plot('time')",
            ),
            Details(
                _("Learning curves of every variant"),
                learning_curves(entries[1:], _("Learning curves of `{name}`")),
            ),
        ],
    )


def errors(evidence: Evidence) -> Section:
    """Where the recommended model still fails."""
    entry, names = evidence.chosen, evidence.dataset.class_names()
    assert entry.test
    answers, pool = entry.test.predictions, evidence.dataset.test.x
    confusion, classes = mistakes.confusion(answers, names), mistakes.per_class(answers, names)
    some = mistakes.gallery(answers, pool, names, n=10)
    blocks: list[Block] = [
        Paragraph(
            _("This section looks at `{name}`, the recommended model, on the test images.").format(name=entry.name)
        ),
        Figure(
            classes.plot,
            _("Error rate of each class; the line goes from the best to the worst seed"),
            source=f"{at(entry)}.per_class().plot()",
        ),
        Paragraph(escape(findings.worst_classes(classes).text)),
        Figure(
            partial(confusion.plot, normalise=None),
            _("Confusion matrix, mean over seeds"),
            source=f"{at(entry)}.confusion().plot()",
        ),
        Paragraph(escape(findings.confusions(confusion).text)),
    ]
    if len(some):
        blocks.append(
            Figure(
                partial(some.plot, 5),
                _(
                    "Misclassified images, those that most seeds misclassify first: the truth, the answer, its "
                    "confidence and how many seeds give it"
                ),
                source=f"{at(entry)}.gallery(n=10).plot()",
            )
        )
        blocks.append(Paragraph(_always_wrong(answers, len(pool))))
    for pair in confusion.most_confused(1):
        found = mistakes.gallery(answers, pool, names, true=pair.true, predicted=pair.predicted, n=10)
        caption = _("The commonest confusion: {true} taken for {predicted}").format(
            true=escape(pair.true), predicted=escape(pair.predicted)
        )
        source = f"{at(entry)}.gallery(true={pair.true!r}, predicted={pair.predicted!r}, n=10).plot()"
        blocks.append(Figure(partial(found.plot, 5), caption, source=source))
    if evidence.confidence is not None:
        blocks.append(trust(entry, evidence.confidence))
    return Section(_("Error analysis"), blocks)


def robustness(evidence: Evidence) -> Section:
    """The two tests of noise and rotation, then ten corruptions at five severities."""
    found = evidence.robustness
    assert found is not None
    frame = found.document_frame()
    columns = [
        Column(_("Model")),
        Column(_("Original images"), "number"),
        Column(_("Noise (σ = {sigma})").format(sigma=number(0.1, 1)), "number"),
        Column(_("Rotation (±15°)"), "number"),
    ]
    rows = [
        [escape(str(name)), *(percent(value) for value in row)]
        for name, row in zip(frame.index, frame.values, strict=True)
    ]
    told = _(
        "In service, images come askew, badly lit, photocopied. The test images ({n}) are degraded in two ways: "
        "Gaussian noise of standard deviation {sigma}, clipped to the range of the pixels, and a rotation drawn "
        "between −15° and +15°."
    ).format(n=number(found.n_document, 0), sigma=number(0.1, 1))
    return Section(
        _("Robustness"),
        [
            Paragraph(f"{told} {_over(found, evidence)}"),
            Table(columns, rows, _("Accuracy on degraded images"), source="written(robustness.document_frame())"),
            Figure(
                found.plot_examples,
                _("The same images: original, noisy, rotated"),
                source="robustness.plot_examples()",
            ),
            Figure(
                found.plot_document,
                _("Accuracy on original, noisy and rotated images"),
                source="robustness.plot_document()",
            ),
            Paragraph(
                _("Ten corruptions follow, at five severities, on test images drawn at random (images: {n}).").format(
                    n=number(found.n, 0)
                )
                if found.n < found.n_document
                else _("Ten corruptions follow, at five severities, on all the test images.")
            ),
            Figure(
                partial(found.plot, reference=evidence.reference.name),
                _("Accuracy against the severity of ten corruptions"),
                source=f"robustness.plot(reference={evidence.reference.name!r})",
            ),
            Bullets([named(findings.robustness(found, model).text, model) for model in found.models]),
        ],
    )


def _over(found: Robustness, evidence: Evidence) -> str:
    """The seeds over which the accuracies on degraded images are means."""
    if not set.intersection(*(set(evidence[model].validation.predictions.seeds) for model in found.models)):
        return _("Accuracies are means over the seeds of each model, which have none in common.")
    k = len(found.clean[found.models[0]])
    return ngettext(
        "Accuracies are those of one seed, the same for all.",
        "Accuracies are means over {k} seeds, the same for all.",
        k,
    ).format(k=k)


def _broken(entry: Entry) -> str:
    n = len(entry.errors)
    told = ngettext("`{name}`: one trial broke down.", "`{name}`: {n} trials broke down.", n)
    return f"{told.format(name=entry.name, n=n)} {escape(entry.errors[0])}"


def _reading(evidence: Evidence) -> str:
    """The variants of each verdict, by name."""
    names = {
        word: ", ".join(f"`{v.variant}`" for v in evidence.verdicts.items if v.verdict == word)
        for word in ("better", "worse", "equivalent", "undecided")
    }
    patterns = {
        "better": _("Really better than the reference on the test images: {names}."),
        "worse": _("Really worse: {names}."),
        "equivalent": _("Equivalent: {names}."),
        "undecided": _("Undecided: {names}."),
    }
    none = [] if names["better"] else [_("No variant is shown to be better than the reference on the test images.")]
    found = [patterns[word].format(names=listed) for word, listed in names.items() if listed]
    models = [one.name for one in evidence.verdicts.broken]
    notes = [named(note, *models) for note in evidence.verdicts.notes]
    return " ".join(filter(None, [*none, *found, *notes, evidence.shared]))


def _balanced(evidence: Evidence) -> str:
    """What accuracy hides where the classes are not of one size."""
    best = max(evidence.entries, key=_balanced_accuracy)
    told = _(
        "The training classes are unbalanced (largest over smallest: {ratio}): a model may do well by knowing the "
        "large ones. The balanced accuracy, the mean of the recalls of the classes, is {reference} for the reference, "
        "and greatest for `{best}`, {value}; no interval is given. The verdicts are about accuracy: "
        '`result.verdicts(metric="macro_f1")` weighs the classes alike.'
    )
    recipes = [entry.candidate.recipe for entry in evidence.entries]
    untried = not any(recipe.class_weight or recipe.resample for recipe in recipes)
    advice = _('Two variants are worth trying, with `class_weight="balanced"` and with `resample="balanced"`.')
    return " ".join([told, advice] if untried else [told]).format(
        ratio=number(evidence.balance.ratio, 1),
        reference=percent(_balanced_accuracy(evidence.reference)),
        best=best.name,
        value=percent(_balanced_accuracy(best)),
    )


def _balanced_accuracy(entry: Entry) -> float:
    return (entry.test or entry.validation).balanced


def _always_wrong(answers: Predictions, images: int) -> str:
    correct = answers.correct()
    never, ever = int((correct.max(axis=0) == 0).sum()), int((correct.min(axis=0) == 0).sum())
    figures = {"images": number(images, 0), "ever": number(ever, 0), "never": number(never, 0)}
    if len(answers.seeds) == 1:
        return _("Test images: {images}; misclassified: {ever}.").format(**figures)
    return _(
        "Test images: {images}; misclassified by at least one seed: {ever}, of which by all {k} seeds: {never}. The "
        "latter may be beyond this model, or wrongly labelled; for the others, chance in training decides."
    ).format(**figures, k=len(answers.seeds))
