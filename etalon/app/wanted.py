"""Which images are asked for: those of a cell, of a disagreement, the hardest; and where one stands among them."""

from dataclasses import dataclass
from typing import Annotated, Literal
from urllib.parse import parse_qsl, urlencode

import numpy as np
from fastapi import Query
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, ValidationError

from etalon.analysis.cases import Cases, How, Order, cell, contradictions, hardest
from etalon.app.galleries import address
from etalon.app.images import MOST
from etalon.app.models import recommended
from etalon.app.parts import View
from etalon.locales import _
from etalon.outcome import Outcome

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

    def look(self, view: View) -> str:
        """The address of the page that shows all the confusions."""
        said = self.model_dump(include=set(Asked.model_fields), exclude_defaults=True)
        return address(f"{view.here}/look", view, **said) + self.anchor

    @property
    def anchor(self) -> str:
        """Of what it is about in that page."""
        return ""


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

    @classmethod
    def read(cls, query: str) -> "Wanted | None":
        """What `query` has written; None for nothing.

        Raises:
            RequestValidationError: values that have no meaning.
        """
        if not query:
            return None
        try:
            return cls.model_validate(dict(parse_qsl(query)))
        except ValidationError as error:
            wrong = [{**item, "loc": ("query", "within", *item["loc"])} for item in error.errors()]
            raise RequestValidationError(wrong) from error

    @property
    def query(self) -> str:
        """The same in an address, but for the page."""
        return urlencode(self.model_dump(exclude_defaults=True, exclude={"page"}))

    @property
    def anchor(self) -> str:
        """Of the cell, where it is one."""
        one = self.of == "cell" and "all" not in (self.true, self.predicted)
        return f"#cell-{self.true}-{self.predicted}" if one else ""

    def images(self, view: View) -> str:
        """The address of the page that shows them."""
        return address(f"{view.here}/look/images", view, **self.model_dump(exclude_defaults=True))


@dataclass(frozen=True)
class Place:
    """Where an image stands among those it was found with.

    Attributes:
        title: of these images; href: the address of the page that shows it among them.
        rank: from 1; found: how many there are.
        before, after: places in their part of the images beside it, None where there is none.
    """

    title: str
    href: str
    rank: int
    found: int
    before: int | None
    after: int | None


def place(view: View, wanted: Wanted, index: int) -> Place | None:
    """That of an image; None if it is not one of them.

    Raises:
        StudyError: as `cases`.
    """
    found = cases(view, wanted).by(wanted.order).index
    at = np.flatnonzero(found == index)
    if not len(at):
        return None
    rank = int(at[0])
    return Place(
        title(view, wanted),
        wanted.model_copy(update={"page": rank // wanted.n + 1}).images(view),
        rank + 1,
        len(found),
        int(found[rank - 1]) if rank > 0 else None,
        int(found[rank + 1]) if rank + 1 < len(found) else None,
    )


def chosen(view: View, asked: Asked) -> tuple[Outcome, Outcome | None]:
    """The variants asked for.

    Raises:
        StudyError: one that the study does not have, or a seed that has not been trained.
    """
    outcome = view.result[asked.variant or recommended(view)]
    other = view.result[asked.against] if asked.against and asked.against != outcome.name else None
    for one in filter(None, (outcome, other)):
        one.predictions.rank(asked.one)
    return outcome, other


def cases(view: View, asked: Wanted) -> Cases:
    """The images asked for, by their place.

    Raises:
        StudyError: a variant, a seed or a class that the study does not have.
    """
    about = {"hardest": {"of"}, "cell": {"of", "variant", "seed", "true", "predicted"}}.get(asked.of)
    key = asked.model_dump_json(include=about, exclude={"shown", "order", "page", "n"})
    return view.made(("cases", key), lambda: _found(view, asked))


def _found(view: View, asked: Wanted) -> Cases:
    if asked.of == "hardest":
        return hardest([outcome.predictions for outcome in view.result])
    outcome, other = chosen(view, asked)
    true, predicted = (None if c == "all" else c for c in (asked.true, asked.predicted))
    if asked.of == "cell" or other is None:
        return cell(outcome.predictions, true=true, predicted=predicted, seed=asked.one)
    return contradictions(outcome.predictions, other.predictions, asked.how, true=true, seed=asked.one)


def ways(first: str, second: str) -> dict[How, str]:
    """How two variants can disagree, in words."""
    return {
        "first": _("right with {first}, wrong with {second}").format(first=first, second=second),
        "second": _("right with {first}, wrong with {second}").format(first=second, second=first),
        "both": _("wrong with both, which do not say the same"),
    }


def title(view: View, asked: Wanted) -> str:
    """What the images are.

    Raises:
        StudyError: as `chosen`.
    """
    outcome, other = chosen(view, asked)
    names = view.result.dataset.class_names()
    true, predicted = (names[c] if c != "all" and c < len(names) else "" for c in (asked.true, asked.predicted))
    if asked.of == "hardest":
        return _("Images that are misread, over all the variants and seeds")
    if asked.of == "contradictions" and other is not None:
        way = ways(outcome.name, other.name)[asked.how]
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
