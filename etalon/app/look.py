"""Where the models are wrong, down to the images: confusions, disagreements, classes, hard images."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict

from etalon.analysis.cases import HOW, Cases, Contrast, How, Order, cell, contradictions, contrast, hardest
from etalon.analysis.crossed import Interval, mean_accuracy
from etalon.analysis.mistakes import Confusion
from etalon.app.galleries import address, gallery
from etalon.app.images import MOST
from etalon.app.models import recommended
from etalon.app.opening import seal
from etalon.app.pages import page
from etalon.app.parts import OfStudy, View
from etalon.app.standing import asks_whether, preparing, standing, turned, waiting
from etalon.locales import _, number, percent
from etalon.outcome import Outcome

router = APIRouter()

STRIP = 24  # images of the short galleries
SHADES = (0.0, 0.005, 0.02, 0.05, 0.15, 0.4, 0.8)  # shares above which a cell takes the next shade

Class = Annotated[int, Query(ge=0, le=100_000)]


class Asked(BaseModel):
    """What is looked at.

    Attributes:
        variant: the recommended one by default.
        against: another one, to see on which images the two disagree.
        seed: whose answers; all of them by default.
        shown: what the cells of the matrix say.
    """

    model_config = ConfigDict(frozen=True)

    variant: str = ""
    against: str = ""
    seed: int | Literal["all"] = "all"
    shown: Literal["count", "share"] = "count"

    @property
    def one(self) -> int | None:
        """The seed, or None for all."""
        return None if self.seed == "all" else self.seed


class Wanted(Asked):
    """Some images.

    Attributes:
        of: errors or cells of the confusion matrix, images on which two variants disagree, hardest images.
        true, predicted: classes.
        how: the variants disagree.
        n: images of a page.
    """

    of: Literal["cell", "contradictions", "hardest"] = "cell"
    true: Class | Literal["all"] = "all"
    predicted: Class | Literal["all"] = "all"
    how: How = "first"
    order: Order = "seeds"
    page: Annotated[int, Query(ge=1, le=10**6)] = 1
    n: Annotated[int, Query(ge=1, le=MOST)] = 100


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
    """The error rate of a class, with its 95 % interval; None without images of it."""

    name: str
    interval: Interval | None
    href: str

    @property
    def low(self) -> float:
        """Of the error rate; that of right answers is what the interval is about."""
        return max(0.0, 1 - self.interval.high) if self.interval else 0.0

    @property
    def high(self) -> float:
        """Of the error rate."""
        return min(1.0, 1 - self.interval.low) if self.interval else 0.0

    @property
    def value(self) -> float:
        """The error rate."""
        return 1 - self.interval.value if self.interval else 0.0


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
    outcome, other = _chosen(view, asked)
    asked = asked.model_copy(update={"variant": outcome.name})
    link = partial(address, f"{view.here}/look/images", view, **asked.model_dump(exclude={"shown", "against"}))
    confusion = view.made(("confusion", outcome.name), outcome.confusion)
    errors = _cases(view, Wanted(**dict(asked)))
    hard = _cases(view, Wanted(of="hardest"))
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
        rows=_matrix(outcome, confusion, asked, link),
        contrast=None if other is None else _disagreements(view, outcome, other, asked),
        other=other,
        classes=_classes(view, outcome, asked, link),
        surest=gallery(view, errors.by("confidence"), 1, STRIP),
        all_surest=link(order="confidence"),
        hardest=gallery(view, hard.by("seeds"), 1, STRIP),
        all_hardest=address(f"{view.here}/look/images", view, of="hardest"),
        keep="&" + urlencode(asked.model_dump()),
    )


@router.get("/studies/{study}/look/images")
def images(request: Request, view: OfStudy, asked: Annotated[Wanted, Query()]) -> Response:
    """The images behind a number."""
    stands = standing(view)
    if stands.waits:
        return waiting(request, view, stands)
    outcome, other = _chosen(view, asked)
    asked = asked.model_copy(update={"variant": outcome.name})
    link = partial(address, f"{view.here}/look/images", view)
    told = asked.model_dump(exclude={"shown", "page"})
    return page(
        request,
        "look_images.html",
        view=view,
        asked=asked,
        title=_title(view, asked, outcome, other),
        several=asked.of == "hardest",
        gallery=gallery(view, _cases(view, asked).by(asked.order), asked.page, asked.n, partial(link, **told)),
        orders=[(order, name, link(**{**told, "order": order})) for order, name in _orders()],
        back=address(f"{view.here}/look", view, variant=asked.variant, against=asked.against, seed=asked.seed),
    )


def _chosen(view: View, asked: Asked) -> tuple[Outcome, Outcome | None]:
    """The variants asked for.

    Raises:
        StudyError: one that the study does not have, or a seed that has not been trained.
    """
    outcome = view.result[asked.variant or recommended(view)]
    other = view.result[asked.against] if asked.against and asked.against != outcome.name else None
    for one in filter(None, (outcome, other)):
        one.predictions.rank(asked.one)
    return outcome, other


def _cases(view: View, asked: Wanted) -> Cases:
    """The images asked for, by their place."""
    key = asked.model_dump_json(exclude={"shown", "order", "page", "n"})
    return view.made(("cases", key), lambda: _found(view, asked))


def _found(view: View, asked: Wanted) -> Cases:
    if asked.of == "hardest":
        return hardest([outcome.predictions for outcome in view.result])
    outcome, other = _chosen(view, asked)
    true, predicted = (None if c == "all" else c for c in (asked.true, asked.predicted))
    if asked.of == "cell" or other is None:
        return cell(outcome.predictions, true=true, predicted=predicted, seed=asked.one)
    return contradictions(outcome.predictions, other.predictions, asked.how, true=true, seed=asked.one)


def _matrix(outcome: Outcome, confusion: Confusion, asked: Asked, link: Any) -> list[Row]:
    """The confusion matrix as it is shown, each cell with the address of its images."""
    one = None if asked.one is None else outcome.predictions.rank(asked.one)
    counts = confusion.counts if one is None else confusion.each[one].astype(np.float64)
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
    told = _ways(first.name, second.name)
    rows = []
    for c, name in enumerate(names):
        link = partial(
            address,
            f"{view.here}/look/images",
            view,
            **asked.model_dump(exclude={"shown"}),
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

    def measured() -> list[Interval | None]:
        correct = outcome.predictions.correct()
        if asked.one is not None:
            correct = correct[[outcome.predictions.rank(asked.one)]]
        of_class = [correct[:, outcome.pool.y == c] for c in range(outcome.predictions.n_classes)]
        design = view.result.design
        return [mean_accuracy(x, design=design) if np.isfinite(x).any() else None for x in of_class]

    found = view.made(("classes", outcome.name, asked.seed), measured)
    names = view.result.dataset.class_names()
    rates = [ErrorRate(names[c], interval, link(true=c)) for c, interval in enumerate(found)]
    return sorted(rates, key=lambda rate: -rate.value)


def _ways(first: str, second: str) -> dict[How, str]:
    return {
        "first": _("right with {first}, wrong with {second}").format(first=first, second=second),
        "second": _("right with {first}, wrong with {second}").format(first=second, second=first),
        "both": _("wrong with both, which do not say the same"),
    }


def _orders() -> Sequence[tuple[Order, str]]:
    return (
        ("seeds", _("Most often first")),
        ("confidence", _("Surest first")),
        ("place", _("By number")),
    )


def _title(view: View, asked: Wanted, outcome: Outcome, other: Outcome | None) -> str:
    names = view.result.dataset.class_names()
    true, predicted = (names[c] if c != "all" and c < len(names) else "" for c in (asked.true, asked.predicted))
    if asked.of == "hardest":
        return _("Images that are misread, over all the variants and seeds")
    if asked.of == "contradictions" and other is not None:
        way = _ways(outcome.name, other.name)[asked.how]
        return _("{true}: {way}").format(true=true or _("All the classes"), way=way)
    who = outcome.name if asked.one is None else _("{name}, seed {seed}").format(name=outcome.name, seed=asked.one)
    if true and predicted:
        told = _("{true}, recognised by {who}") if true == predicted else _("{true} taken for {predicted} by {who}")
    elif true:
        told = _("{true}: images misread by {who}")
    elif predicted:
        told = _("All that {who} takes for {predicted}")
    else:
        told = _("Images misread by {who}")
    return told.format(true=true, predicted=predicted, who=who)
