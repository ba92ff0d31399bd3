"""Opening the test images: said beforehand, done once, written in the store's ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Response
from fastapi.responses import RedirectResponse

from etalon.app.parts import OfStudy, View
from etalon.app.standing import Standing, standing
from etalon.errors import StudyError
from etalon.locales import _
from etalon.study.store import Opening

router = APIRouter()
Page = Annotated[str, Form(pattern="^(compare|look|report|data)$")]


@dataclass(frozen=True)
class Seal:
    """Whether the test images of a study may be looked at.

    Attributes:
        opened: for the trials that there are.
        openings: of these images on this store, for whatever study, the oldest first.
        ready: nothing is being trained.
    """

    opened: bool
    openings: Sequence[Opening]
    ready: bool


def seal(view: View, stands: Standing) -> Seal:
    """That of the study of a view."""
    if stands.waits:
        return Seal(False, (), False)
    result = view.desk.result(view.dossier.id, stamp=view.stamp)
    openings = view.desk.store.openings(result.dataset.test_digest)
    return Seal(result.opened, openings, not stands.running)


@router.post("/studies/{study}/open", status_code=303, response_class=RedirectResponse)
def opened(view: OfStudy, back: Page = "compare") -> Response:
    """Open the test images, and go back to a page, on test.

    Raises:
        StudyError: trainings are under way.
    """
    if standing(view).running:
        raise StudyError(
            _("opening the test images"),
            _("trainings are under way: what validation chooses may still change"),
            _("Wait for their end, or stop them."),
        )
    view.desk.result(view.dossier.id, stamp=view.stamp).test()
    return RedirectResponse(f"{view.here}/{back}?on=test", 303)
