"""What was proposed: the first three sections, introduction, reference model, proposed improvements."""

from functools import partial

from etalon.analysis import findings
from etalon.analysis.times import duration
from etalon.data.splits import Fixed, HoldOut, KFold, Split, overlap
from etalon.locales import _, choose, in_points, ngettext, number, percent
from etalon.models.factors import short
from etalon.report.audited import worth_knowing
from etalon.report.blocks import Bullets, Callout, Code, Column, Details, Figure, Paragraph, Section, Table
from etalon.report.evidence import Entry, Evidence
from etalon.report.inline import escape
from etalon.report.learnt import learning_curves
from etalon.report.tables import at, named


def introduction(evidence: Evidence) -> Section:
    """Context and aims, the data, and how models are compared."""
    dataset, described = evidence.dataset, evidence.dataset.describe()
    rows = [
        [_("Training images"), number(described.train_shape[0], 0)],
        [_("Test images"), number(described.test_shape[0], 0)],
        [_("Size of an image"), " × ".join(map(str, described.train_shape[1:]))],
        [_("Pixels"), f"{described.dtype}, {described.low}–{described.high}"],
        [_("Classes"), ", ".join(described.classes)],
        [_("In memory"), _("{size} MB").format(size=number(described.size / 1e6, 1))],
    ]
    context = choose(evidence.context)
    return Section(
        _("Introduction"),
        [
            *([Paragraph(escape(context))] if context else []),
            Paragraph(_aim(evidence)),
            Section(
                _("The data"),
                [
                    Paragraph(escape(described.provenance)),
                    Table(
                        [Column(_("Property")), Column(_("Value"))], rows, _("The data"), source="dataset.describe()"
                    ),
                    Figure(partial(dataset.show, 10), _("The first training images"), source="dataset.show(10)"),
                    Figure(
                        described.plot,
                        _("Images of each class in both parts"),
                        source="dataset.describe().plot()",
                    ),
                    Paragraph(described.verdict),
                    *(Callout(escape(warning), "unsure") for warning in described.warnings),
                    *worth_knowing(evidence.audit),
                ],
            ),
            Section(_("How the models are compared"), [Bullets(_method(evidence))]),
        ],
    )


def reference(evidence: Evidence) -> Section:
    """The reference model: its code, its weights, how it trains, what it is worth."""
    entry = evidence.reference
    frame = entry.candidate.weights
    rows = [
        [
            layer.name,
            layer.kind,
            " × ".join("?" if side is None else number(side, 0) for side in layer.output_shape)
            if layer.output_shape
            else "—",
            number(layer.per_unit, 0) if layer.per_unit else "—",
            number(layer.units, 0) if layer.units else "—",
            number(layer.total, 0),
        ]
        for layer in frame.layers
    ]
    columns = [
        Column(_("Layer")),
        Column(_("Kind")),
        Column(_("Output"), "number"),
        Column(_("Weights per neuron or filter"), "number"),
        Column(_("Neurons or filters"), "number"),
        Column(_("Weights"), "number"),
    ]
    assert entry.test
    return Section(
        _("Reference model"),
        [
            Paragraph(
                _("The reference, `{name}`, has **{weights}** weights.").format(
                    name=entry.name, weights=number(frame.total, 0)
                )
            ),
            *([Code(entry.candidate.variant.source)] if entry.candidate.variant.source else []),
            Paragraph(_recipe(entry)),
            Table(columns, rows, _("Layers and weights of the reference"), source=f"{at(entry)}.candidate.weights"),
            *learning_curves([entry], _("Learning curves of `{name}`: mean and spread over seeds")),
            Paragraph(
                ngettext(
                    "With one seed it reaches **{test}** on test (95% interval {low} to {high}), {validation} on "
                    "validation, and trains in {time}.",
                    "Over {k} seeds it reaches **{test}** on test (95% interval {low} to {high}), {validation} on "
                    "validation, and trains in {time}.",
                    len(entry.fit_times),
                ).format(
                    k=len(entry.fit_times),
                    test=percent(entry.test.accuracy.value),
                    low=percent(entry.test.accuracy.low),
                    high=percent(entry.test.accuracy.high),
                    validation=percent(entry.validation.accuracy.value),
                    time=duration(entry.fit_times),
                )
            ),
        ],
    )


def proposals(evidence: Evidence) -> Section:
    """Each variant: its reason, the factors in which it differs, its code."""
    count = len(evidence.entries) - 1 + len(evidence.lost)
    start = ngettext("One variant was proposed.", "{n} variants were proposed.", count).format(n=count)
    rows = [
        [
            escape(entry.name),
            ", ".join(dict.fromkeys(family_name(factor.family) for factor in entry.candidate.factors)) or "—",
            _changes(entry, evidence),
            escape(entry.because) or "—",
        ]
        for entry in evidence.entries[1:]
    ]
    columns = [Column(_("Variant")), Column(_("Family")), Column(_("What changes")), Column(_("Why"))]
    warned = [
        findings.several_factors(entry.name, entry.candidate.factors, evidence.parent(entry))
        for entry in evidence.entries[1:]
    ]
    return Section(
        _("Proposed improvements"),
        [
            Paragraph(f"{start} {_found_how(evidence)}"),
            Table(columns, rows, _("The variants, what they change and why")),
            *(Callout(named(warning.text, warning.variant), "unsure") for warning in warned if warning),
            Details(
                _("The code of the variants"),
                [
                    Code(entry.candidate.variant.source)
                    for entry in evidence.entries[1:]
                    if entry.candidate.variant.source
                ],
            ),
        ],
    )


def family_name(family: str) -> str:
    """A family of changes in the language in force."""
    names = {
        "architecture": _("architecture"),
        "regularisation": _("regularisation"),
        "hyperparameters": _("hyperparameters"),
        "augmentation": _("data augmentation"),
        "strategy": _("training strategy"),
    }
    return names[family]


def split_sentence(split: Split) -> str:
    """How validation images are chosen."""
    if isinstance(split, HoldOut):
        drawn = (
            _(
                "{share} of the training images are kept for validation, drawn anew for each seed, class by class, the "
                "same for all models."
            )
            if split.stratified
            else _(
                "{share} of the training images are kept for validation, drawn anew for each seed, the same for all "
                "models."
            )
        )
        return drawn.format(share=percent(split.fraction, 0))
    if isinstance(split, Fixed):
        return _("The last {share} of the training images are kept for validation, the same for every seed.").format(
            share=percent(split.fraction, 0)
        )
    assert isinstance(split, KFold)
    return _("Each of {n} folds serves for validation in turn, the others for training.").format(n=split.folds)


def overlap_sentence(split: Split) -> str:
    """What is allowed for because the seeds learn from images of one pool."""
    if isinstance(split, Fixed):
        return _("All seeds learn from the same images: the intervals do not speak of other training images.")
    return _(
        "The seeds have training images in common. On validation, for k seeds, the part of the variance that is theirs "
        "is therefore multiplied by 1/k + {ratio} rather than 1/k (Nadeau and Bengio 2003; {ratio}: images that "
        "validate / images learnt from)."
    ).format(ratio=number(overlap(split), 2))


def _found_how(evidence: Evidence) -> str:
    if any(evidence.parent(entry) for entry in evidence.entries[1:]):
        return _(
            "What changes is found by comparing each variant with the one that it comes after, the reference unless "
            "another is named; nobody declares it."
        )
    return _("What changes is found by comparing each variant with the reference; nobody declares it.")


def _changes(entry: Entry, evidence: Evidence) -> str:
    """What a variant changes, as inline markup."""
    start = evidence.parent(entry)
    changes = escape(_("; ").join(factor.sentence() for factor in entry.candidate.factors)) or _("nothing")
    return _("from `{name}`: {changes}").format(name=start, changes=changes) if start else changes


def _aim(evidence: Evidence) -> str:
    n, k = len(evidence.entries) - 1 + len(evidence.lost), len(evidence.seeds)
    compared = ngettext(
        "This report compares a reference model with one variant, on equal terms.",
        "This report compares a reference model with {n} variants, on equal terms.",
        n,
    )
    trained = ngettext(
        "Each is trained with the same seed, on the same images, in the same order (trainings in all: {trials}).",
        "Each is trained with the same {k} seeds, on the same images, in the same order (trainings in all: {trials}).",
        k,
    )
    if evidence.planned is not None:
        alike = _("Each is trained with the same seeds, on the same images, in the same order.")
        trained = f"{alike} {evidence.spared}"
    told = _(
        "It says which differences are real, where the chosen model still fails, how it copes with degraded images, "
        "and which one to choose."
    )
    trials = evidence.counted
    return " ".join([compared.format(n=n), trained.format(k=k, trials=trials), told])


def _method(evidence: Evidence) -> list[str]:
    return [
        split_sentence(evidence.split) + " " + overlap_sentence(evidence.split),
        _("The choice is made on validation. The test images are looked at only after it, to measure it."),
        _(
            "A difference is judged against two sources of chance at once, the seeds and the images (crossed "
            "random-effects test); the more variants, the stronger the proof that is asked for (Holm's correction)."
        ),
        _(
            "**Better** or **worse**: adjusted p under 0.05. **Equivalent**: within {rope}, by two one-sided tests, "
            "with images enough that such a difference would not have gone unseen, each variant judged by itself. "
            "**Undecided**: neither; the report then says what would settle it."
        ).format(rope=in_points(evidence.rope, margin=True)),
        *filter(None, [evidence.verdicts.design.told]),
    ]


def _recipe(entry: Entry) -> str:
    recipe = entry.candidate.recipe
    rate = recipe.learning_rate
    return _(
        "Training: optimizer `{optimizer}`, learning rate {rate}, loss `{loss}`, batch size {batch}, {epochs}."
    ).format(
        optimizer=recipe.optimizer.class_name,
        rate=short(rate) if isinstance(rate, float) else f"`{rate['class_name']}`",
        loss=recipe.loss,
        batch=number(recipe.batch_size, 0),
        epochs=ngettext("{n} epoch", "{n} epochs", recipe.epochs).format(n=number(recipe.epochs, 0)),
    )
