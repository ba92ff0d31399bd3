"""Who may ask what: hosts, a token, requests of other sites, sizes of bodies; and what browsers are told of it."""

import hmac
import re
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from etalon.locales import _

COOKIE = "etalon-token"
SAFE = {"GET", "HEAD", "OPTIONS"}
BODY = 64 << 10  # bytes of a form without a file
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "frame-src 'self'; manifest-src 'self'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "SAMEORIGIN",
    "referrer-policy": "same-origin",  # with "no-referrer" browsers hide the origin of our own forms
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


@dataclass(frozen=True)
class Guard:
    """Stands before the whole application.

    Attributes:
        hosts: names under which the server may be asked for without a token: another site's page, whose name could be
            made to lead here, must not read anything.
        token: what a browser must have shown once, in the address; none where only this machine can ask.
        limits: bytes that a form with files may have, by the pattern of the whole path; 64 KiB is for all others.
    """

    app: ASGIApp
    hosts: Set[str]
    token: str = ""
    limits: Mapping[str, int] = field(default_factory=dict)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or let the application answer."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        refusal = self._refusal(scope)
        if refusal is not None:
            return await refusal(scope, receive, tell)
        await self.app(scope, _measured(receive, Headers(scope=scope), self._limit(scope)), tell)

    def _limit(self, scope: Scope) -> int:
        files = Headers(scope=scope).get("content-type", "").lower().startswith("multipart/form-data")
        limits = (limit for pattern, limit in self.limits.items() if re.fullmatch(pattern, scope["path"]))
        return max(limits, default=BODY) if files else BODY

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self.token and _name(host) not in self.hosts:
            return PlainTextResponse(_("This server does not answer under the name {host!r}.").format(host=host), 421)
        if _elsewhere(scope, headers, host):
            return PlainTextResponse(_("A page of another site asks for this: refused."), 403)
        return self._stranger(scope, headers) if self.token else None

    def _stranger(self, scope: Scope, headers: Headers) -> Response | None:
        """What is answered to whoever has not shown the token yet."""
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        shown = dict(query).get("token")
        if shown is not None and self._right(shown):
            rest = urlencode([(name, value) for name, value in query if name != "token"])
            here = "/" + scope["path"].lstrip("/")  # two of them would name another site
            answer = RedirectResponse(here + (f"?{rest}" if rest else ""), 303)
            answer.set_cookie(COOKIE, self.token, httponly=True, samesite="strict")
            return answer
        if self._right(cookie_parser(headers.get("cookie", "")).get(COOKIE, "")):
            return None
        why = _("This server asks for a token: open the address that `etalon ui` printed, which ends with it.")
        return PlainTextResponse(why, 401)

    def _right(self, token: str) -> bool:
        return hmac.compare_digest(token.encode(), self.token.encode())


def _name(host: str) -> str:
    """A Host header without its port; "" if it cannot be one."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _elsewhere(scope: Scope, headers: Headers, host: str) -> bool:
    """Whether a page of another site sends this; following a link from there to a page is no harm."""
    site = headers.get("sec-fetch-site", "none")
    visit = scope["method"] in SAFE and headers.get("sec-fetch-mode") == "navigate"
    if site not in ("same-origin", "none") and not (visit and headers.get("sec-fetch-dest") == "document"):
        return True
    origin = headers.get("origin")
    return scope["method"] not in SAFE and origin is not None and origin.partition("://")[2] != host


def _measured(receive: Receive, headers: Headers, limit: int) -> Receive:
    """The body as it comes, until it is longer than it may be."""
    told, heard = headers.get("content-length", ""), 0

    async def count() -> Message:
        nonlocal heard
        message = await receive()
        heard += len(message.get("body", b""))
        if heard > limit or (told.isdecimal() and int(told[:20]) > limit):
            raise HTTPException(413, _("more than {size} kB were sent").format(size=limit // 1000))
        return message

    return count
