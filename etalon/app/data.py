"""Data: what the images are, how many of each class, what an audit found, and the images themselves."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from markupsafe import Markup

from etalon.analysis.remembered import audited
from etalon.analysis.suspected import Suspected, suspected
from etalon.app import galleries
from etalon.app.images import MOST, Sheet, address, sheet
from etalon.app.models import recommended
from etalon.app.opening import seal
from etalon.app.pages import page
from etalon.app.parts import OfStudy, View
from etalon.app.standing import standing
from etalon.data.audit import Audit, Where
from etalon.data.balance import balance
from etalon.data.dataset import Dataset, PartName
from etalon.data.duplicates import Pair
from etalon.data.mislabelled import Suspect
from etalon.errors import EtalonError, StudyError
from etalon.locales import _, language, percent
from etalon.report.audited import checks, cleaned, how, leaked
from etalon.report.blocks import Block, Document, Paragraph
from etalon.report.html import fragment
from etalon.result import AUDITED

router = APIRouter()

Shown = Annotated[PartName, Query(description="The part whose images are shown; test once it has been opened.")]
Label = Annotated[int, Query(ge=-1, lt=100_000, description="A class; -1: all.")]
Start = Annotated[int, Query(ge=0, lt=10**9)]
Many = Annotated[int, Query(ge=1, le=500)]
Page = Annotated[int, Query(ge=1, le=10**6, alias="suspects", description="Of the suspect labels.")]
GALLERY, PAIRS, FIRST = 100, 24, 10  # images, pairs of them on a page; images of each class
SUSPECTS = 40  # images on a page


@dataclass(frozen=True)
class Gallery:
    """Some images of a part, in one picture.

    Attributes:
        places: of the images in their part; labels: their classes.
        total: how many there are to show, those of other pages included.
    """

    places: Sequence[int]
    labels: Sequence[int]
    sheet: Sheet
    total: int


@router.get("/studies/{study}/data")
def shown(
    request: Request,
    view: OfStudy,
    part: Shown = "train",
    label: Label = -1,
    start: Start = 0,
    n: Many = GALLERY,
    page_of_suspects: Page = 1,
) -> Response:
    """The whole page; the gallery's links lead to its other pages."""
    dataset = view.desk.dataset(view.dossier.id)
    sealed = seal(view, standing(view))
    return page(
        request,
        "data.html",
        view=view,
        seal=sealed,
        dataset=dataset,
        counts={name: dataset.counts(name).tolist() for name in ("train", "test")},
        balance=balance(dataset.counts("train")),
        **_firsts(view, dataset),
        asked={"part": part, "label": label, "start": start, "n": n},
        gallery=_gallery(view, dataset, part, label, start, n, sealed.opened),
        **_audited(view, dataset, sealed.opened),
        suspicion=_suspicion(view, page_of_suspects),
    )


@router.get("/studies/{study}/data/audit")
def audit_state(request: Request, view: OfStudy) -> Response:
    """What the audit found, or that it is under way: the part of the page that asks again by itself."""
    dataset = view.desk.dataset(view.dossier.id)
    opened = seal(view, standing(view)).opened
    return page(request, "data_audit.html", view=view, dataset=dataset, **_audited(view, dataset, opened))


@router.get("/studies/{study}/data/suspects")
def suspects_state(request: Request, view: OfStudy, page_of_suspects: Page = 1) -> Response:
    """The suspect labels, or that they are looked for: another part of the page that asks again by itself."""
    return page(request, "data_suspects.html", view=view, suspicion=_suspicion(view, page_of_suspects))


def _gallery(view: View, dataset: Dataset, name: PartName, label: int, start: int, n: int, opened: bool) -> Gallery:
    """One page of the images of a class, or of all.

    Raises:
        StudyError: test images that are sealed.
    """
    if name == "test" and not opened:
        raise StudyError(
            _("the test images"),
            _("they are sealed until the choice is made"),
            _("Choose on validation, then open them: it is recorded."),
        )
    part = dataset.part(name)
    found = np.arange(len(part)) if label < 0 else np.flatnonzero(part.y == label)
    places = found[start : start + n].tolist()
    return Gallery(places, part.y[places].tolist(), sheet(view, name, places), len(found))


def _firsts(view: View, dataset: Dataset) -> dict[str, Any]:
    """The first training images of each class, in one picture, and which of its images are those of a class."""
    each = min(FIRST, MOST // dataset.n_classes)
    rows = [np.flatnonzero(dataset.train.y == label)[:each].tolist() for label in range(dataset.n_classes)]
    ends = np.cumsum([0, *map(len, rows)]).tolist()
    ranks = [range(first, last) for first, last in pairwise(ends)]
    return {"first_sheet": sheet(view, "train", [place for row in rows for place in row]), "ranks": ranks}


def _audited(view: View, dataset: Dataset, opened: bool) -> dict[str, Any]:
    """What a page says of the audit: that it is under way, what it found, or why there is none."""
    told: dict[str, Any] = {"image": partial(address, view), "under_way": False, "failure": None, "found": None}
    if len(dataset.train) + len(dataset.test) > AUDITED:
        return told
    work = view.desk.background.begin(("audit", dataset.digest), lambda: audited(dataset, view.desk.store.shelf))
    if not work.done:
        return told | {"under_way": True}
    return told | {"failure": work.error, "found": None if work.error else _found(work.value, opened)}


def _found(audit: Audit, opened: bool) -> dict[str, Any]:
    """The findings, as blocks and pairs of images; pairs with test images only once these are opened."""
    leak = leaked(audit)
    blocks: list[Block] = [checks(audit), *([leak] if leak else []), Paragraph(how(audit))]
    galleries: list[tuple[str, tuple[Pair, ...], int]] = []
    hidden = 0
    for where, caption in _captions().items():
        pairs = audit.chosen(where)
        if pairs and (opened or where == "train"):
            galleries.append((caption, pairs[:PAIRS], len(pairs)))
        elif pairs:
            hidden += len(pairs)
    return {
        "verdict": audit.verdict,
        "blocks": _html(blocks),
        "galleries": galleries,
        "hidden": hidden,
        "cleaned": _html(cleaned(audit).blocks),
    }


@dataclass(frozen=True)
class Suspicion:
    """The labels that the recommended model contradicts on the images that its seeds validated on.

    Attributes:
        variant: its name.
        found: None while they are looked for.
        gallery: one page of them.
    """

    variant: str
    found: Suspected | None = None
    gallery: galleries.Gallery | None = None
    error: EtalonError | None = None


def _suspicion(view: View, number: int) -> Suspicion | None:
    """What can be said of the labels of the training images; None before there is a model."""
    if standing(view).waits:
        return None
    on_validation = replace(view, part="validation")
    outcome = on_validation.result[recommended(view)]
    y = view.desk.dataset(view.dossier.id).train.y
    key = ("suspects", view.dossier.id, outcome.name, view.stamp)
    work = view.desk.background.begin(key, lambda: suspected(outcome.predictions, y))
    found: Suspected | None = work.value
    if found is None:
        return Suspicion(outcome.name, error=work.error)
    return Suspicion(outcome.name, found, _suspect_gallery(on_validation, found, number))


def _suspect_gallery(view: View, found: Suspected, number: int) -> galleries.Gallery:
    last = max(1, -(-len(found.suspects) // SUSPECTS))
    number = min(number, last)
    start = SUSPECTS * (number - 1)
    some = found.suspects[start : start + SUSPECTS]
    picture = sheet(view, "train", [suspect.at for suspect in some]) if some else None
    thumbs = tuple(_suspect(view, suspect, picture.place(k)) for k, suspect in enumerate(some)) if picture else ()

    def link(other: int) -> str:
        return f"{view.here}/data?suspects={other}#suspects" if 1 <= other <= last else ""

    end = start + len(some)
    return galleries.Gallery(
        picture, thumbs, len(found.suspects), min(start + 1, end), end, link(number - 1), link(number + 1)
    )


def _suspect(view: View, suspect: Suspect, place: str) -> galleries.Thumb:
    names = view.result.dataset.class_names()
    given, suggested, sure = names[suspect.given], names[suspect.suggested], percent(suspect.confidence, 0)
    told = _("image {index}: labelled {given}, the model reads {suggested} ({sure})")
    return galleries.Thumb(
        f"{view.here}/image/train/{suspect.at}",
        place,
        (given, f"→ {suggested}"),
        sure + (" · " + _("likely") if suspect.likely else ""),
        told.format(index=suspect.at, given=given, suggested=suggested, sure=sure)
        + ("; " + _("likely error") if suspect.likely else ""),
    )


def _captions() -> dict[Where, str]:
    return {
        "across": _("Pairs across train and test, the most alike first"),
        "train": _("Pairs within train, the most alike first"),
        "test": _("Pairs within test, the most alike first"),
    }


def _html(blocks: Sequence[Block]) -> Markup:
    return fragment(Document("", "", language(), datetime.now(UTC), blocks))
