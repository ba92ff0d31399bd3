"""Images side by side, each leading to its own page."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from etalon.analysis.cases import Cases
from etalon.app.images import Sheet, sheet
from etalon.app.parts import View
from etalon.locales import _, ngettext, percent

Link = Callable[..., str]


@dataclass(frozen=True)
class Thumb:
    """An image of a gallery.

    Attributes:
        href: its page.
        place: in the sheet, see `Sheet.place`.
        caption: what it is, and what it is taken for: pieces between which a line may end.
        note: a line under it.
        label: the same in a sentence.
    """

    href: str
    place: str
    caption: tuple[str, ...]
    note: str
    label: str


@dataclass(frozen=True)
class Gallery:
    """Some of the images that were found.

    Attributes:
        sheet: the picture that holds them; None where there are none.
        found: how many there are in all; those shown are `first` to `last`, counted from 1.
        before, after: addresses of the pages beside this one; "" where there is none.
    """

    sheet: Sheet | None
    thumbs: tuple[Thumb, ...]
    found: int
    first: int
    last: int
    before: str = ""
    after: str = ""


def gallery(view: View, cases: Cases, page: int, size: int, link: Link | None = None, within: str = "") -> Gallery:
    """The images of a page, in the order in which they are given.

    Args:
        page: from 1; beyond the last, it is the last.
        size: images of a page.
        link: the address of another page.
        within: what was asked for, which the pages of the images keep to lead to the next ones.
    """
    last_page = max(1, -(-len(cases) // size))
    page = min(page, last_page)
    start = size * (page - 1)
    some = cases[start : start + size]
    shown = sheet(view, train_or_test(view), some.index) if len(some) else None
    thumbs = tuple(_thumb(view, some, k, shown.place(k), within) for k in range(len(some))) if shown else ()
    return Gallery(
        shown,
        thumbs,
        len(cases),
        start + 1 if thumbs else 0,
        start + len(some),
        link(page=page - 1) if link and page > 1 else "",
        link(page=page + 1) if link and page < last_page else "",
    )


def train_or_test(view: View) -> Any:
    """The part of the data set that holds the images that are looked at."""
    return "test" if view.part == "test" else "train"


def address(path: str, view: View, **values: Any) -> str:
    """A path with what is asked of it; what is empty is left out."""
    said = {name: value for name, value in values.items() if value not in (None, "", "all")}
    query = urlencode({**({"on": "test"} if view.part == "test" else {}), **said})
    return f"{path}?{query}" if query else path


def _thumb(view: View, cases: Cases, k: int, place: str, within: str) -> Thumb:
    names = view.result.dataset.class_names()
    index, true = int(cases.index[k]), names[cases.true[k]]
    answers = [names[c] for c in cases.predicted[k]]
    sure = [percent(p, 0) for p in cases.confidence[k]]
    times, seen = int(cases.times[k]), int(cases.seen[k])
    told = _(" against ").join(f"{name} ({p})" for name, p in zip(answers, sure, strict=True))
    label = ngettext(
        "image {index}: {true}, taken for {answers}; {times} answer of {seen}",
        "image {index}: {true}, taken for {answers}; {times} answers of {seen}",
        times,
    ).format(index=index, true=true, answers=told, times=times, seen=seen)
    return Thumb(
        f"{view.here}/image/{train_or_test(view)}/{index}" + ("?" + urlencode({"within": within}) if within else ""),
        place,
        (true, *(f"{sign} {answer}" for sign, answer in zip("→|", answers, strict=False))),
        " | ".join(sure) + (f" · {times}/{seen}" if seen > 1 else ""),
        label,
    )
