"""Try the models of a study on a drawing or on an image of one's own. Nothing that is sent is kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, File, Request, Response, UploadFile

from etalon.analysis.confidence import Promise, rate
from etalon.analysis.predictions import to_probabilities
from etalon.app.images import embedded
from etalon.app.models import Answer, answer, networks, recommended, temperatures
from etalon.app.pages import page
from etalon.app.parts import OfStudy, OneFile, View
from etalon.app.standing import standing, waiting
from etalon.data.dataset import Images
from etalon.data.framing import Framing, Step, framing, prepare
from etalon.data.images import MOST, decode, resize
from etalon.locales import _
from etalon.outcome import Outcome

router = APIRouter(route_class=OneFile)

IMAGE = 32 << 20  # bytes of the image that is sent, at most
SHOWN = 320  # pixels: the larger side of a picture of the steps
Advice = Literal["keep", "leave", "none"]
_decoding = Lock()  # a large picture takes hundreds of megabytes while it is read: one at a time


@dataclass(frozen=True)
class Tried:
    """What a variant says of what was sent, and whether to rely on it.

    Attributes:
        answer: with calibrated probabilities, where its outputs are probabilities.
        calibrated: whether they are.
        risk: the error rate, 0..1, that the answers of which all the seeds are sure enough do not exceed; None where
            nothing can be promised.
        under: seeds that are not sure enough.
    """

    answer: Answer
    calibrated: bool = False
    risk: float | None = None
    under: int = 0

    @property
    def advice(self) -> Advice:
        """Whether to rely on it."""
        return "none" if self.risk is None else "leave" if self.under else "keep"


@dataclass(frozen=True)
class Shown:
    """A step of the preparation as a page shows it: the sentence, the size, the picture as an address."""

    text: str
    height: int
    width: int
    address: str


@router.get("/studies/{study}/try")
def empty(request: Request, view: OfStudy) -> Response:
    """Where to draw, or to choose an image; in the meantime the networks are made ready."""
    answer = _page(request, view)
    if not standing(view).waits:
        blank = np.zeros(view.dossier.dataset.shape, np.uint8)
        view.desk.background.begin(("ready", view.dossier.id, view.stamp), lambda: len(_tried(view, blank)))
    return answer


@router.post("/studies/{study}/try")
def tried(request: Request, view: OfStudy, file: Annotated[UploadFile, File()]) -> Response:
    """What the models say of an image.

    Raises:
        DataError: what was sent is not an image, or has too many pixels.
    """
    return _page(request, view, file)


def _page(request: Request, view: View, file: UploadFile | None = None) -> Response:
    stands = standing(view)
    if stands.waits:
        return waiting(request, view, stands)
    layout = _layout(view)
    context: dict[str, Any] = {
        "steps": None,
        "blank": False,
        "most": (MOST // 1_000_000, IMAGE >> 20),
        "rate": rate,
        "layout": layout,
        "names": view.result.dataset.class_names(),
        "best": recommended(view),
        "shape": view.dossier.dataset.shape,
    }
    if file is not None:
        with _decoding:
            picture = decode(file.file.read(), file.filename or _("the file that was sent"), None)
            made = prepare(picture, view.dossier.dataset.shape, layout)
        del picture
        context["steps"] = [_shown(step) for step in made.steps]
        context["blank"] = bool((made.image == made.image[0, 0]).all())
        if not context["blank"]:
            context |= _together(_tried(view, made.image))
    template = "try_answer.html" if "hx-request" in request.headers and file is not None else "try.html"
    return page(request, template, view=view, standing=stands, **context)


def _layout(view: View) -> Framing | None:
    digest = view.dossier.dataset.digest
    return view.desk.once(("layout", digest), lambda: framing(view.desk.dataset(view.dossier.id).train))


def _tried(view: View, image: Images) -> list[Tried]:
    """The recommended variant first."""
    best = recommended(view)
    return [_one(view, outcome, image) for outcome in sorted(view.result, key=lambda one: one.name != best)]


def _one(view: View, outcome: Outcome, image: Images) -> Tried:
    scale = temperatures(view, outcome)
    said = answer(view.desk, outcome, image, scale)
    promise = view.made(("promise", outcome.name), lambda: _promise(view, outcome))
    if said.error is not None or promise is None:
        return Tried(said, scale is not None)
    under = 0
    for run, threshold in zip(outcome.runs, promise.thresholds, strict=True):  # on what the model gives, uncalibrated
        logits = networks(view.desk).logits(outcome, run, image[None])
        under += float(to_probabilities(logits, run.head).max()) < (threshold.value or 0.0)
    return Tried(said, scale is not None, promise.risk, under)


def _together(tried: Sequence[Tried]) -> dict[str, Any]:
    """The answers, and what need not be said model by model: what was refused, and to whom."""
    refused: dict[tuple[str, str], list[str]] = {}
    for one in tried:
        if (error := one.answer.error) is not None:
            refused.setdefault((error.why, error.remedy), []).append(one.answer.variant)
    return {"tried": [one for one in tried if one.answer.error is None], "refused": refused}


def _promise(view: View, outcome: Outcome) -> Promise | None:
    """The strictest that validation allows for every seed."""
    on_validation = view.desk.result(view.dossier.id, stamp=view.stamp)
    return on_validation[outcome.name].confidence().strictest


def _shown(step: Step) -> Shown:
    h, w = step.image.shape[:2]
    scale = SHOWN / max(h, w)
    small = step.image if scale >= 1 else resize(step.image[None], (max(1, int(h * scale)), max(1, int(w * scale))))[0]
    return Shown(step.text, h, w, embedded(small))
