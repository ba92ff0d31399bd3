"""What an audit of images has found, as a report of its own: figures to look at before anything is trained."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

from etalon.data.audit import Audit, Where
from etalon.data.dataset import PartName
from etalon.data.mislabelled import LabelErrors
from etalon.errors import ReportError
from etalon.locales import _, language, ngettext, number
from etalon.report.blocks import Block, Bullets, Callout, Column, Document, Figure, Paragraph, Section, Table
from etalon.report.files import destination
from etalon.report.inline import escape

PAIRS, SUSPECTS, FEW = 20, 30, 5  # shown in a gallery; in the report of a study
SUFFIXES = (".html", ".pdf")


def audited(audit: Audit, labels: LabelErrors | None, created: datetime) -> Document:
    """The report of an audit, in the language in force.

    Args:
        labels: the suspect labels, if they were looked for.
        created: when the report is made.
    """
    sections = [_data(audit), _duplicates(audit)]
    if labels is not None:
        sections.append(_labels(labels))
    sections.append(cleaned(audit))
    return Document(
        title=_("Audit of {name}").format(name=escape(audit.name)),
        subtitle=_("What may be wrong with the images, before any model is trained on them"),
        lang=language(),
        created=created,
        blocks=sections,
        meta={_("Data"): escape(audit.name), "SHA-256": audit.digest[:16]},
    )


def worth_knowing(audit: Audit | None) -> list[Block]:
    """What a reader of a study must know of its images: what was found, the first pairs, what to do."""
    if audit is None:
        return [Paragraph(_("Duplicates were not looked for: there are many images, and `etalon data audit` does it."))]
    found = [(check, n) for check, n, _first in audit.frame().itertuples(index=False) if n]
    if not found:
        return [Paragraph(audit.verdict)]
    blocks: list[Block] = [
        Paragraph(_("An audit of the images has found:")),
        Bullets([_("{what}: {told}").format(what=check, told=number(n, 0)) for check, n in found]),
    ]
    if leak := leaked(audit):
        blocks.append(leak)
    if audit.pairs:
        told = _("Images that are there more than once, or nearly, those in both parts first ({n} of {total})").format(
            n=number(min(len(audit.pairs), FEW), 0), total=number(len(audit.pairs), 0)
        )
        blocks.append(Figure(partial(audit.plot, None, FEW), told, source=f"result.audit().plot(n={FEW})"))
    return [*blocks, *cleaned(audit).blocks]


def _leak(n: int, images: int) -> str:
    return ngettext(
        "{n} test image of {images} has its like in train: a model may answer it by heart, which flatters the test "
        "accuracies a little.",
        "{n} test images of {images} have their like in train: a model may answer them by heart, which flatters the "
        "test accuracies a little.",
        n,
    ).format(n=number(n, 0), images=number(images, 0))


def checks(audit: Audit) -> Table:
    """What was looked for, and how much of it was found."""
    return Table(
        [Column(_("check")), Column(_("found"), "number"), Column(_("first"))],
        [[check, number(found, 0), first] for check, found, first in audit.frame().itertuples(index=False)],
        _("What was looked for, and found"),
    )


def how(audit: Audit) -> str:
    """How duplicates were told from neighbours."""
    if not audit.near.threshold:
        return _("There are too few images to tell near duplicates from neighbours: only identical ones were sought.")
    return _(
        "The distance between two images is compared with that to the tenth neighbour, after brightness and contrast "
        "have been evened out. Below a ratio of {threshold}, chance would give one image in the whole set at most, if "
        "the images are spread as evenly as points in {dimension} dimensions, which their other neighbours suggest; a "
        "ratio of 0 means the same bytes. Mirrored, turned and cropped copies are not found."
    ).format(threshold=number(audit.near.threshold), dimension=number(audit.near.dimension, 0))


def leaked(audit: Audit) -> Callout | None:
    """That a model may answer test images by heart; None if it may not."""
    places = {place for pair in audit.pairs if pair.across for place in (pair.first, pair.second)}
    n = sum(place.part == "test" for place in places)
    return Callout(_leak(n, len(audit.dataset.test)), "bad") if n else None


def cleaned(audit: Audit) -> Section:
    """What may be left out of the training part."""
    removed = [removal.what for removal in audit.removals]
    if not removed:
        return Section(_("The cleaned set"), [Paragraph(_("There is nothing to leave out."))])
    return Section(
        _("The cleaned set"),
        [
            Paragraph(
                _(
                    "`data.without(etalon.audit(data))` leaves out of train what follows. The test part stays as it "
                    "is, so that accuracies before and after are those of the same images."
                )
            ),
            Bullets(removed),
        ],
    )


def check_path(path: Path) -> None:
    """Refuse, before the work is done, a file in which an audit cannot be written.

    Raises:
        ReportError: a suffix that is neither .html nor .pdf, or a place where no file can be written.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise ReportError(
            str(path),
            _("no report is written in this format"),
            _("End the name with one of {suffixes}.").format(suffixes=", ".join(SUFFIXES)),
        )
    destination(path)


def _data(audit: Audit) -> Section:
    described = audit.dataset.describe()
    return Section(
        _("The data"),
        [
            Paragraph(escape(described.provenance)),
            Callout(audit.sizes.sentence, "bad" if audit.sizes.unbalanced else "neutral"),
            *(Callout(escape(warning), "bad") for warning in described.warnings),
            Figure(described.plot, _("Images of each class in both parts")),
            checks(audit),
        ],
    )


def _duplicates(audit: Audit) -> Section:
    blocks: list[Block] = [Paragraph(how(audit))]
    for where, caption in _captions():
        pairs = audit.chosen(where)
        if pairs:
            told = caption.format(n=number(min(len(pairs), PAIRS), 0), total=number(len(pairs), 0))
            blocks.append(Figure(partial(audit.plot, where, PAIRS), told))
    return Section(_("Images that are there more than once"), blocks)


def _captions() -> Sequence[tuple[Where, str]]:
    return (
        ("across", _("Pairs across train and test, the most alike first ({n} of {total})")),
        ("train", _("Pairs within train, the most alike first ({n} of {total})")),
        ("test", _("Pairs within test, the most alike first ({n} of {total})")),
    )


def _labels(found: LabelErrors) -> Section:
    parts: tuple[tuple[PartName, str, int], ...] = (
        ("train", _("Labels of train, the most suspect first: place, label, suggested class"), len(found.train)),
        ("test", _("Labels of test, the most suspect first: place, label, suggested class"), len(found.test)),
    )
    return Section(
        _("Labels that are contradicted"),
        [
            Paragraph(found.verdict),
            Paragraph(
                _(
                    "By confident learning (Northcutt, Jiang & Chuang 2021): the probabilities come from networks that "
                    "have not learnt from the image. The most suspect come first. Only a person can tell which labels "
                    "are wrong, and which images are merely hard."
                )
            ),
            *(Figure(partial(found.plot, part, SUSPECTS), caption) for part, caption, n in parts if n),
        ],
    )
