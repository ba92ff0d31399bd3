"""Data: what the images are, how many of each class, what an audit found, and the images themselves."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from markupsafe import Markup

from etalon.analysis.remembered import audited
from etalon.app.images import MOST, Sheet, address, sheet
from etalon.app.opening import seal
from etalon.app.pages import page
from etalon.app.parts import OfStudy, View
from etalon.app.standing import standing
from etalon.data.audit import Audit, Where
from etalon.data.balance import balance
from etalon.data.dataset import Dataset, PartName
from etalon.data.duplicates import Pair
from etalon.errors import StudyError
from etalon.locales import _, language
from etalon.report.audited import checks, cleaned, how, leaked
from etalon.report.blocks import Block, Document, Paragraph
from etalon.report.html import fragment
from etalon.result import AUDITED

router = APIRouter()

Shown = Annotated[PartName, Query(description="The part whose images are shown; test once it has been opened.")]
Label = Annotated[int, Query(ge=-1, lt=100_000, description="A class; -1: all.")]
Start = Annotated[int, Query(ge=0, lt=10**9)]
Many = Annotated[int, Query(ge=1, le=500)]
GALLERY, PAIRS, FIRST = 100, 24, 10  # images, pairs of them on a page; images of each class


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
    request: Request, view: OfStudy, part: Shown = "train", label: Label = -1, start: Start = 0, n: Many = GALLERY
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
    )


@router.get("/studies/{study}/data/audit")
def audit_state(request: Request, view: OfStudy) -> Response:
    """What the audit found, or that it is under way: the part of the page that asks again by itself."""
    dataset = view.desk.dataset(view.dossier.id)
    opened = seal(view, standing(view)).opened
    return page(request, "data_audit.html", view=view, dataset=dataset, **_audited(view, dataset, opened))


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


def _captions() -> dict[Where, str]:
    return {
        "across": _("Pairs across train and test, the most alike first"),
        "train": _("Pairs within train, the most alike first"),
        "test": _("Pairs within test, the most alike first"),
    }


def _html(blocks: Sequence[Block]) -> Markup:
    return fragment(Document("", "", language(), datetime.now(UTC), blocks))
