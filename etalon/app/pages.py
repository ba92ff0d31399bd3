"""Templates, and the language of each request."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from etalon import locales
from etalon.report.html import highlight
from etalon.report.inline import plain

HERE = Path(__file__).parent
REPORT = HERE.parent / "report"
SHARED = ("blocks.css", "sortable.js")  # the report's own
COOKIE = "etalon-lang"


def page(request: Request, template: str, status: int = 200, **context: Any) -> HTMLResponse:
    """A page, or a fragment of one, in the language in force."""
    made = (
        environment()
        .get_template(template)
        .render(request=request, path=request.url.path, lang=locales.language(), **context)
    )
    return HTMLResponse(made.encode("utf-8", "replace"), status)  # a form can hold half a character


@cache
def environment() -> Environment:
    """Where templates are, and what they can say."""
    made = Environment(
        loader=FileSystemLoader([HERE / "templates", REPORT]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    spoken = (
        "_",
        "ngettext",
        "number",
        "percent",
        "points",
        "in_points",
        "p_value",
        "p_cell",
        "date",
        "choose",
    )
    made.globals |= {name: getattr(locales, name) for name in spoken}
    made.globals |= {"asset": asset, "seconds": seconds, "shortened": shortened}
    made.filters |= {"plain": plain, "attributes": attributes, "highlight": highlight, "breakable": breakable}
    return made


@cache
def asset(name: str) -> str:
    """The address of a file that never changes there, since it has the beginning of its sha256."""
    folder = REPORT if name in SHARED else HERE / "static"
    return f"/static/{name}?{sha256((folder / name).read_bytes()).hexdigest()[:12]}"


def seconds(duration: float) -> str:
    """A duration that no line is broken in."""
    return locales.seconds(duration).replace(" ", "\u00a0")


def attributes(values: Mapping[str, Any]) -> Markup:
    """HTML attributes; those that are None or False are left out."""
    said = (Markup('{}="{}"').format(k, v) for k, v in values.items() if v is not None and v is not False)
    return Markup(" ").join(said)


def breakable(name: str) -> Markup:
    """A name of a program as HTML, in which a line may end after an underscore."""
    return Markup(re.sub("_(?=[^_])", "_<wbr>", str(escape(name))))


def shortened(names: Sequence[str], most: int = 18) -> dict[str, str]:
    """Names of `most` letters, or as few more as tell them apart, by the whole ones; of long ones the middle is cut."""

    def cut(name: str, most: int) -> str:
        return name if len(name) <= most else f"{name[: most // 3]}…{name[most // 3 + 1 - most :]}"

    longest = max(map(len, names), default=0)
    tried = ([cut(name, n) for name in names] for n in range(most, max(most, longest) + 1))
    found = next((found for found in tried if len(set(found)) == len(set(names))), names)
    return dict(zip(names, found, strict=True))


class Speak:
    """Gives each request its language: the one chosen (a cookie), else the first that the browser asks for."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application answer in that language."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        with locales.use(_wanted(Request(scope).cookies.get(COOKIE), Headers(scope=scope).get("accept-language", ""))):
            await self.app(scope, receive, send)


def _wanted(chosen: str | None, accepted: str) -> str | None:
    """ "fr" for "fr-CA,en;q=0.8"; None, the language of the server, if it is none of ours."""
    return next((lang for lang in (chosen, *_ranked(accepted)) if lang in locales.LANGUAGES), None)


def _ranked(accepted: str) -> Iterable[str]:
    asked = []
    for rank, item in enumerate(accepted.split(",")):
        name, _, quality = item.partition(";q=")
        try:
            asked.append((-float(quality or 1), rank, name.strip().lower()[:2]))
        except ValueError:
            continue
    return [lang for _, _, lang in sorted(asked)]
