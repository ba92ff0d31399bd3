"""One image: what every model and seed says of it, why, what it resembles, and how far it must be degraded."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

import numpy as np
from fastapi import APIRouter, Depends, Query, Request, Response
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from etalon.analysis.neighbours import neighbours
from etalon.analysis.occlusion import Occlusion, occlusion
from etalon.analysis.predictions import to_probabilities
from etalon.app.galleries import Gallery, Thumb
from etalon.app.images import Index, PartName, embedded, pixels, sheet
from etalon.app.images import address as of_image
from etalon.app.models import answer, networks, recommended
from etalon.app.pages import page
from etalon.app.parts import OfStudy, View
from etalon.app.standing import standing, waiting
from etalon.app.wanted import Asked, Wanted, place
from etalon.data.corruptions import STRENGTHS, Wear
from etalon.data.dataset import Images
from etalon.errors import EtalonError
from etalon.figures.overlays import overlay
from etalon.locales import _, language, number, percent
from etalon.outcome import Outcome
from etalon.report.blocks import Figure
from etalon.report.html import picture
from etalon.study.run import Run

router = APIRouter()

NEAREST = 10  # images
FLAT = 0.01  # of a probability: less is no place that the answer needs

Role = Literal["validation", "learnt", "test"]


@dataclass(frozen=True)
class Seen:
    """An image of a study, and the results on the part that it belongs to."""

    view: View
    part: Literal["train", "test"]
    index: int
    pixels: Images

    @property
    def here(self) -> str:
        """The address of its page."""
        return f"{self.view.here}/image/{self.part}/{self.index}"

    @property
    def label(self) -> int:
        """Its class."""
        return int(self.view.result.dataset.part(self.part).y[self.index])


def seen_of(view: OfStudy, part: PartName, index: Index) -> Seen:
    """The image that the address names.

    Raises:
        StudyError: a test image, while they are sealed.
        DataError: there are not so many.
    """
    view = replace(view, part="test" if part == "test" else "validation")
    return Seen(view, part, index, pixels(view, part, index))


OfImage = Annotated[Seen, Depends(seen_of)]


class Sliders(BaseModel):
    """What is done to the image, and the variant that looks at it: the recommended one by default.

    Attributes:
        noise: standard deviation, % of the range of greys.
        blur: % of the smaller side.
        rotation: degrees, anticlockwise.
        right, down: % of the sides.
        asked: all at once, for a page without script.
        within: the images among which one goes on, as `Wanted` writes them: those of a cell; all by default.
    """

    model_config = ConfigDict(frozen=True)

    variant: str = ""
    noise: Annotated[float, Query(ge=0, le=50)] = 0
    blur: Annotated[float, Query(ge=0, le=10)] = 0
    rotation: Annotated[float, Query(ge=-180, le=180)] = 0
    right: Annotated[float, Query(ge=-50, le=50)] = 0
    down: Annotated[float, Query(ge=-50, le=50)] = 0
    asked: bool = False
    within: Annotated[str, Query(max_length=2000)] = ""

    @property
    def wanted(self) -> Wanted | None:
        """The images among which one goes on; None for all.

        Raises:
            RequestValidationError: they are not written as `Wanted` writes them.
        """
        return Wanted.read(self.within)

    @property
    def wear(self) -> Wear:
        """The same in shares."""
        return Wear(self.noise / 100, self.blur / 100, self.rotation, self.right / 100, self.down / 100)


Chosen = Annotated[Sliders, Query()]


@dataclass(frozen=True)
class Said:
    """What a seed says of the image.

    Attributes:
        role: what the image was to this seed: one it validated on, one it learnt from, one of test.
        predicted, confidence: None for an image learnt from, as long as the network has not been asked.
    """

    seed: int
    role: Role
    predicted: int | None = None
    confidence: float = 0.0


@dataclass(frozen=True)
class Agreement:
    """The commonest answer of some seeds, and how many of them give it."""

    predicted: int
    same: int
    seeds: int


@dataclass(frozen=True)
class Line:
    """What the seeds of a variant say of the image; or why their networks cannot be asked."""

    variant: str
    said: tuple[Said, ...]
    error: EtalonError | None = None

    def of(self, seed: int) -> Said | None:
        """That of a seed; None if it has not been trained."""
        return next((one for one in self.said if one.seed == seed), None)

    @property
    def agreement(self) -> Agreement | None:
        """Of the seeds that have not learnt from the image; of all, where all have; None before they are asked."""
        fair = [one.predicted for one in self.said if one.role != "learnt" and one.predicted is not None]
        found = fair or [one.predicted for one in self.said if one.predicted is not None]
        if not found:
            return None
        predicted = max(found, key=found.count)
        return Agreement(predicted, found.count(predicted), len(found))


@router.get("/studies/{study}/image/{part}/{index}")
def image(request: Request, seen: OfImage, sliders: Chosen) -> Response:
    """The page of an image."""
    view = seen.view
    stands = standing(view)
    if stands.waits:
        return waiting(request, view, stands)
    outcome = _variant(view, sliders)
    last = len(view.result.dataset.part(seen.part)) - 1
    wanted = sliders.wanted
    among = place(view, wanted, seen.index) if wanted else None
    if among:
        before, after = among.before, among.after
    else:
        before, after = (seen.index - 1 if seen.index else None), (seen.index + 1 if seen.index < last else None)
    whole: dict[str, Any] = {"names": view.result.dataset.class_names()}
    if sliders.asked:
        whole |= {**_worn(seen, outcome, sliders), **_looked(seen, outcome), "near": _near(seen)}
    return page(
        request,
        "image.html",
        view=view,
        seen=seen,
        sliders=sliders,
        picture_address=of_image(view, seen.part, seen.index),
        lines=_lines(seen, sliders.asked),
        seeds=view.result.plan.seeds,
        variants=[one.name for one in view.result],
        variant=outcome.name,
        recommended=recommended(view),
        last=last,
        marks=_marks(),
        look=(wanted or Asked()).look(view),
        among=among,
        before=before,
        after=after,
        keep=f"?{urlencode({'within': sliders.within})}" if among else "",
        **whole,
    )


@router.get("/studies/{study}/image/{part}/{index}/answers")
def answers(request: Request, seen: OfImage) -> Response:
    """What every model and seed says, those that have learnt from the image too: a fragment."""
    result = seen.view.result
    return page(
        request,
        "image_answers.html",
        seen=seen,
        names=result.dataset.class_names(),
        seeds=result.plan.seeds,
        lines=_lines(seen, True),
    )


@router.get("/studies/{study}/image/{part}/{index}/worn")
def worn(request: Request, seen: OfImage, sliders: Chosen) -> Response:
    """The image degraded, and what a variant says of it: a fragment."""
    answer = page(request, "image_worn.html", **_worn(seen, _variant(seen.view, sliders), sliders))
    answer.headers["hx-replace-url"] = _address(seen, sliders)
    return answer


@router.get("/studies/{study}/image/{part}/{index}/looked")
def looked(request: Request, seen: OfImage, sliders: Chosen) -> Response:
    """What a variant looks at: a fragment."""
    return page(request, "image_looked.html", **_looked(seen, _variant(seen.view, sliders)))


@router.get("/studies/{study}/image/{part}/{index}/near")
def near(request: Request, seen: OfImage) -> Response:
    """The training images that resemble it most: a fragment."""
    return page(request, "image_near.html", near=_near(seen))


def _variant(view: View, sliders: Sliders) -> Outcome:
    return view.result[sliders.variant or _usual(view, sliders)]


def _usual(view: View, sliders: Sliders) -> str:
    """The variant that looks at the image unless another is chosen: that of the cell, else the recommended one."""
    return (sliders.wanted and sliders.wanted.variant) or recommended(view)


def _address(seen: Seen, sliders: Sliders) -> str:
    """The address of the page, on which the sliders stand as they do."""
    said = sliders.model_dump(exclude_defaults=True, exclude={"asked"})
    if sliders.variant == _usual(seen.view, sliders):
        del said["variant"]
    written = {name: f"{value:g}" if isinstance(value, float) else value for name, value in said.items()}
    return f"{seen.here}?{urlencode(written)}" if written else seen.here


def _lines(seen: Seen, ask: bool) -> list[Line]:
    """One a variant.

    Args:
        ask: the networks that have learnt from the image too.
    """
    return [_line(seen, outcome, ask) for outcome in seen.view.result]


def _line(seen: Seen, outcome: Outcome, ask: bool) -> Line:
    said, error = [], None
    for run, known in zip(outcome.runs, _known(seen, outcome), strict=True):
        role: Role = "test" if seen.part == "test" else "learnt" if known is None else "validation"
        if known is None and ask and error is None:
            try:
                known = _asked(seen, outcome, run)
            except EtalonError as refusal:
                error = refusal
        if known is None:
            said.append(Said(run.seed, role))
        else:
            said.append(Said(run.seed, role, int(known.argmax()), float(known.max())))
    return Line(outcome.name, tuple(said), error)


def _known(seen: Seen, outcome: Outcome) -> list[NDArray[np.float32] | None]:
    """The probabilities that the store has, one a seed; None for a seed that has learnt from the image."""
    found: list[NDArray[np.float32] | None] = []
    for index, probabilities in zip(outcome.predictions.index, outcome.predictions.probabilities, strict=True):
        row = int(np.searchsorted(index, seen.index))
        found.append(probabilities[row] if row < len(index) and index[row] == seen.index else None)
    return found


def _asked(seen: Seen, outcome: Outcome, run: Run) -> NDArray[np.float32]:
    def made() -> NDArray[np.float32]:
        logits = networks(seen.view.desk).logits(outcome, run, seen.pixels[None])
        found: NDArray[np.float32] = to_probabilities(logits, run.head)[0]
        return found

    return seen.view.made(("asked", run.key, seen.part, seen.index), made)


def _worn(seen: Seen, outcome: Outcome, sliders: Sliders) -> dict[str, Any]:
    """What the fragment of the sliders shows."""
    image = sliders.wear.apply(seen.pixels[None])[0]
    return {
        "worn": embedded(image),
        "size": image.shape[:2],
        "answer": answer(seen.view.desk, outcome, image),
        "names": seen.view.result.dataset.class_names(),
        "label": seen.label,
    }


def _looked(seen: Seen, outcome: Outcome) -> dict[str, Any]:
    """What the fragment of what the network looks at shows."""
    known = _known(seen, outcome)
    fair = [run for run, found in zip(outcome.runs, known, strict=True) if found is not None]
    run = fair[0] if fair else outcome.run()
    key = ("looked", run.key, seen.part, seen.index)
    try:
        figures, told = seen.view.made(key, lambda: _drawn(seen, outcome, run))
    except EtalonError as error:
        return {"figures": [], "told": "", "error": error}
    return {"figures": figures, "told": told, "error": None}


def _drawn(seen: Seen, outcome: Outcome, run: Run) -> tuple[list[tuple[dict[str, Any], str]], str]:
    """The two maps, each with its caption; and what the first one says."""
    asked = networks(seen.view.desk)

    def predict(images: NDArray[Any]) -> NDArray[np.float32]:
        return to_probabilities(asked.logits(outcome, run, images), run.head)

    hidden = occlusion(seen.pixels, predict)
    slope = asked.slope(outcome, run, seen.pixels, hidden.label)
    name = seen.view.result.dataset.class_names()[hidden.label]
    captions = (
        _("Occlusion: what the probability of “{name}” loses where a grey square of {side} × {side} pixels hides the "
          "image ({variant}, seed {seed})."),
        _("Gradient: how much a small change of each pixel would move the score of “{name}” ({variant}, seed {seed})."),
    )  # fmt: skip
    drawn = (hidden.plot, lambda: overlay(seen.pixels, slope, label=_("Sensitivity")))
    written = [c.format(name=name, side=hidden.side, variant=outcome.name, seed=run.seed) for c in captions]
    figures = [(picture(Figure(draw), language()), caption) for draw, caption in zip(drawn, written, strict=True)]
    return figures, _told(hidden, name)


def _told(hidden: Occlusion, name: str) -> str:
    """Where the network looks, in a sentence."""
    most = float(hidden.drop.max())
    sure = percent(hidden.probability, 1)
    if most < FLAT:
        return _(
            "The whole image is read as “{name}” ({sure}). No place costs it a point of probability when grey squares "
            "hide it: the answer does not rest on one place."
        ).format(name=name, sure=sure)
    row, column = np.unravel_index(int(hidden.drop.argmax()), hidden.drop.shape)
    return _(
        "The whole image is read as “{name}” ({sure}). What it needs most is around row {row}, column {column}: "
        "squares that hide this place take {most} points from its probability on average."
    ).format(name=name, sure=sure, row=int(row) + 1, column=int(column) + 1, most=number(100 * most, 1))


def _near(seen: Seen) -> Gallery:
    """The training images that resemble it most."""
    view, names = seen.view, seen.view.result.dataset.class_names()
    besides = seen.index if seen.part == "train" else None
    train = view.desk.dataset(view.dossier.id).train
    found = view.made(("near", seen.part, seen.index), lambda: neighbours(seen.pixels, train, NEAREST, besides))
    shown = sheet(view, "train", found.index)
    thumbs = []
    for k, (index, label, distance) in enumerate(zip(found.index, found.labels, found.distance, strict=True)):
        told = _("image {index}: {name}, at {distance} grey levels").format(
            index=index, name=names[label], distance=number(float(distance), 1)
        )
        href, apart = f"{view.here}/image/train/{index}", number(float(distance), 1)
        thumbs.append(Thumb(href, shown.place(k), (names[label],), apart, told))
    return Gallery(shown, tuple(thumbs), len(thumbs), 1, len(thumbs))


def _marks() -> dict[str, Sequence[float]]:
    """The strengths of the report's severities, in the units of the sliders."""
    percents = {name: [round(100 * value, 3) for value in STRENGTHS[name]] for name in ("noise", "blur", "shift")}
    return {**percents, "rotation": STRENGTHS["rotation"]}
