"""Where the models are wrong, down to the images: confusions, disagreements, classes, hard images."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Any
from urllib.parse import urlencode

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from numpy.typing import NDArray

from etalon.analysis.cases import HOW, Contrast, Order, contrast
from etalon.analysis.crossed import mean_accuracy
from etalon.analysis.design import Design
from etalon.analysis.findings import some_images
from etalon.analysis.mistakes import Confusion, class_number
from etalon.app.galleries import address, gallery
from etalon.app.models import recommended
from etalon.app.opening import seal
from etalon.app.pages import page
from etalon.app.parts import OfStudy, View
from etalon.app.standing import asks_whether, preparing, standing, turned, waiting
from etalon.app.wanted import Asked, Wanted, cases, chosen, title, ways
from etalon.locales import _, number, percent
from etalon.outcome import Outcome

router = APIRouter()

STRIP = 24  # images of the short galleries
COMMONEST = 5  # confusions that are listed before the matrix
FEW = 5  # seeds under which the interval of a class would be too wide to tell anything
SHADES = (0.0, 0.005, 0.02, 0.05, 0.15, 0.4, 0.8)  # shares above which a cell takes the next shade


@dataclass(frozen=True)
class Cell:
    """A cell of a table of images: what it says, its shade, the images behind it, and all this in a sentence."""

    text: str
    shade: int
    href: str
    label: str


@dataclass(frozen=True)
class Row:
    """The line of a class."""

    name: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class ErrorRate:
    """The error rate of a class; without images of it there is none.

    Attributes:
        ends: of its 95 % interval, or the least and the greatest of the seeds, where they are few.
    """

    name: str
    href: str
    value: float | None
    ends: tuple[float, float] = (0.0, 0.0)


@router.get("/studies/{study}/look")
def look(request: Request, view: OfStudy, asked: Annotated[Asked, Query()]) -> Response:
    """Where the models are wrong."""
    stands = standing(view)
    if stands.waits:
        return waiting(request, view, stands)
    if not view.soon("looked", lambda: bool(recommended(view) and view.result)):
        return preparing(request, view)
    if asks_whether(request):
        return turned(True)
    outcome, other = chosen(view, asked)
    asked = asked.model_copy(update={"variant": outcome.name})
    link = partial(address, f"{view.here}/look/images", view, **asked.model_dump(exclude_defaults=True))
    confusion = _of(view.made(("confusion", outcome.name), outcome.confusion), outcome, asked)
    surest = Wanted(**dict(asked), order="confidence")
    hard = Wanted(**dict(asked), of="hardest")
    return page(
        request,
        "look.html",
        view=view,
        seal=seal(view, stands),
        standing=stands,
        asked=asked,
        outcome=outcome,
        names=view.result.dataset.class_names(),
        variants=[one.name for one in view.result],
        recommended=recommended(view),
        commonest=_commonest(confusion, link),
        rows=_matrix(confusion, asked, link),
        contrast=None if other is None else _disagreements(view, outcome, other, asked),
        other=other,
        seeds=len(confusion.each),
        few=1 < len(confusion.each) < FEW,
        classes=_classes(view, outcome, asked, link),
        surest=gallery(view, cases(view, surest).by(surest.order), 1, STRIP, within=surest.query),
        all_surest=surest.images(view),
        hardest=gallery(view, cases(view, hard).by(hard.order), 1, STRIP, within=hard.query),
        all_hardest=hard.images(view),
        keep="&" + urlencode(asked.model_dump()),
    )


@router.get("/studies/{study}/look/images")
def images(request: Request, view: OfStudy, asked: Annotated[Wanted, Query()]) -> Response:
    """The images behind a number."""
    stands = standing(view)
    if stands.waits:
        return waiting(request, view, stands)
    asked = asked.model_copy(update={"variant": chosen(view, asked)[0].name})
    link = partial(address, f"{view.here}/look/images", view)
    told = asked.model_dump(exclude_defaults=True, exclude={"page"})
    return page(
        request,
        "look_images.html",
        view=view,
        asked=asked,
        title=title(view, asked),
        several=asked.of == "hardest",
        gallery=gallery(
            view, cases(view, asked).by(asked.order), asked.page, asked.n, partial(link, **told), asked.query
        ),
        orders=[(order, name, link(**{**told, "order": order})) for order, name in _orders()],
        back=asked.look(view),
    )


def _of(confusion: Confusion, outcome: Outcome, asked: Asked) -> Confusion:
    """That of the seed asked for, or of all."""
    if asked.one is None:
        return confusion
    one = confusion.each[outcome.predictions.rank(asked.one)]
    return replace(confusion, counts=one.astype(np.float64), each=one[None])


def _commonest(confusion: Confusion, link: Any) -> list[Cell]:
    """The confusions with the most errors, in words, each with the address of its images."""
    found = []
    for pair in confusion.most_confused(COMMONEST):
        text = _("{true} taken for {predicted} ({images}, {share} of the class)").format(
            true=pair.true,
            predicted=pair.predicted,
            images=some_images(pair.count, mean=len(confusion.each) > 1),
            share=percent(pair.share, 1),
        )
        true, predicted = (class_number(name, confusion.names) for name in (pair.true, pair.predicted))
        found.append(Cell(text, 0, link(true=true, predicted=predicted), text))
    return found


def _matrix(confusion: Confusion, asked: Asked, link: Any) -> list[Row]:
    """The confusion matrix as it is shown, each cell with the address of its images."""
    counts = confusion.counts
    shares = np.divide(counts, counts.sum(axis=1, keepdims=True), out=np.zeros_like(counts), where=counts > 0)
    digits = 0 if np.array_equal(counts, counts.round()) else 1
    return [
        Row(
            true,
            tuple(
                _cell(
                    number(count, digits) if asked.shown == "count" else percent(share, 1),
                    share,
                    count,
                    link(true=i, predicted=j),
                    _("{true}, recognised").format(true=true)
                    if i == j
                    else _("{true} taken for {predicted}").format(true=true, predicted=confusion.names[j]),
                )
                for j, (count, share) in enumerate(zip(counts[i], shares[i], strict=True))
            ),
        )
        for i, true in enumerate(confusion.names)
    ]


def _cell(text: str, share: float, count: float, href: str, what: str) -> Cell:
    if count == 0:
        return Cell("", 0, "", "")
    shade = sum(share > limit for limit in SHADES)
    return Cell(text, shade, href, _("{what}: {text}").format(what=what, text=text))


def _disagreements(view: View, first: Outcome, second: Outcome, asked: Asked) -> list[Row]:
    """For each class, on how many images two variants disagree, in each way; then the same of all classes."""
    made: Contrast = view.made(
        ("contrast", first.name, second.name), lambda: contrast(first.predictions, second.predictions)
    )
    counts = made.counts if asked.one is None else made.each[made.seeds.index(asked.one)].astype(np.float64)
    names = [*view.result.dataset.class_names(), _("All the classes")]
    values = np.vstack([counts, counts.sum(axis=0)])
    told = ways(first.name, second.name)
    rows = []
    for c, name in enumerate(names):
        link = partial(
            address,
            f"{view.here}/look/images",
            view,
            **asked.model_dump(exclude_defaults=True),
            of="contradictions",
            true="all" if c == len(counts) else c,
        )
        cells = (
            _cell(number(v, 0 if v == round(v) else 1), 0.0, v, link(how=how), f"{name}, {told[how]}")
            for how, v in zip(HOW, values[c], strict=True)
        )
        rows.append(Row(name, tuple(cells)))
    return rows


def _classes(view: View, outcome: Outcome, asked: Asked, link: Any) -> list[ErrorRate]:
    """The error rate of each class, the worst first."""

    def measured() -> list[tuple[float, float, float] | None]:
        correct = outcome.predictions.correct()
        if asked.one is not None:
            correct = correct[[outcome.predictions.rank(asked.one)]]
        return [
            error_rate(correct[:, outcome.pool.y == c], view.result.design)
            for c in range(outcome.predictions.n_classes)
        ]

    found = view.made(("classes", outcome.name, asked.seed), measured)
    names = view.result.dataset.class_names()
    rates = [
        ErrorRate(names[c], link(true=c), rate[0], rate[1:]) if rate else ErrorRate(names[c], link(true=c), None)
        for c, rate in enumerate(found)
    ]
    return sorted(rates, key=lambda rate: -(rate.value or 0.0))


def error_rate(correct: NDArray[np.floating], design: Design) -> tuple[float, float, float] | None:
    """The error rate of some images, and its ends; None without an image.

    Args:
        correct: (k, n) 1 or 0, NaN where a seed has not seen the image.
    """
    seen = np.isfinite(correct).sum(axis=1)
    if not seen.any():
        return None
    wrong = 1 - np.nanmean(correct[seen > 0], axis=1)  # of each seed
    value = float(wrong.mean())
    if 1 < len(correct) < FEW:
        return value, float(wrong.min()), float(wrong.max())
    if seen[seen > 0].min() < 2:  # an image alone tells nothing of others
        return value, 0.0, 1.0
    right = mean_accuracy(correct, design=design)
    return value, max(0.0, 1 - right.high), min(1.0, 1 - right.low)


def _orders() -> Sequence[tuple[Order, str]]:
    return (
        ("seeds", _("Most often first")),
        ("confidence", _("Surest first")),
        ("place", _("By number")),
    )
