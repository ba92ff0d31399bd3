"""What all the pages of a study share: its address, its tabs, the part of the data that is looked at."""

from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Path, Query, Request, Response
from fastapi.routing import APIRoute

from etalon.analysis.predictions import PartName
from etalon.app.desk import Desk
from etalon.app.guard import BODY
from etalon.locales import _, choose
from etalon.result import Result
from etalon.study.journal import Dossier

T = TypeVar("T")
StudyId = Annotated[str, Path(pattern="^[0-9a-f]{8,64}$", description="Of a study of the store.")]
Part = Annotated[PartName, Query(alias="on", description="Validation, or test once it has been opened.")]
FIELDS = 100  # of a form


def desk_of(request: Request) -> Desk:
    """The application's desk."""
    desk: Desk = request.app.state.desk
    return desk


AtDesk = Annotated[Desk, Depends(desk_of)]


@dataclass(frozen=True, eq=False)
class View:
    """A study as a page looks at it: on validation, or on test."""

    desk: Desk
    dossier: Dossier
    part: PartName

    @property
    def title(self) -> str:
        """In the language in force."""
        return choose(self.dossier.title)

    @cached_property
    def result(self) -> Result:
        """On that part.

        Raises:
            StudyError: there is nothing to show yet, or test is sealed.
        """
        return self.desk.result(self.dossier.id, self.part, self.stamp)

    def made(self, name: Hashable, make: Callable[[], T]) -> T:
        """What `make` makes, once for this part and the language in force, until the study changes."""
        return self.desk.made(self.dossier.id, (self.part, name), make, self.stamp)

    def soon(self, name: Hashable, make: Callable[[], T]) -> T | None:
        """The same if it is there, or made in less than a second; else None, and it is there later."""
        return self.desk.soon(self.dossier.id, (self.part, name), make, self.stamp)

    @cached_property
    def stamp(self) -> str:
        """Of the study, as this request has found it."""
        return self.desk.stamp(self.dossier.id)

    @property
    def here(self) -> str:
        """The beginning of the addresses of its pages."""
        return f"/studies/{self.dossier.id}"

    @property
    def query(self) -> str:
        """What keeps a link on the same part."""
        return "?on=test" if self.part == "test" else ""

    @property
    def tabs(self) -> list[tuple[str, str]]:
        """The address and the name of each of its pages."""
        named = [
            ("", _("Live")),
            ("/compare", _("Compare")),
            ("/look", _("Look")),
            ("/try", _("Try")),
            ("/data", _("Data")),
            ("/report", _("Report")),
        ]
        return [(self.here + path, name) for path, name in named]


def view_of(desk: AtDesk, study: StudyId, on: Part = "validation") -> View:
    """The view that the address asks for."""
    return View(desk, desk.dossier(study), on)


OfStudy = Annotated[View, Depends(view_of)]


class OneFile(APIRoute):
    """Takes forms with one file at most. It goes to the disk as it arrives, but for its first megabyte: of a thousand
    files, all of that would be held in memory, and as much of a thousand fields.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """What answers a request."""
        answer = super().get_route_handler()

        async def measured(request: Request) -> Response:
            return await answer(_Measured(request.scope, request.receive))

        return measured


class _Measured(Request):
    def form(self, **_limits: Any) -> Any:
        return super().form(max_files=1, max_fields=FIELDS, max_part_size=BODY)
