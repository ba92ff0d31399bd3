"""The application, and how it is served."""

import os
import secrets
import sys
from collections.abc import Callable, Sequence, Set
from contextlib import closing, suppress
from socket import create_server
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Form, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

import etalon
from etalon.app import compare, data, image, images, jobs, live, look, opening, reports, starts, studies, trying
from etalon.app.addresses import LOOPBACK, family_of, urls
from etalon.app.background import at_work
from etalon.app.desk import Desk
from etalon.app.guard import Guard
from etalon.app.misspelt import told
from etalon.app.pages import COOKIE, HERE, REPORT, SHARED, Speak, page
from etalon.app.trying import IMAGE
from etalon.app.uploads import UPLOAD
from etalon.errors import EtalonError, StoreError
from etalon.locales import _

PAGES = (studies, live, jobs, starts, compare, opening, data, reports, images, look, image, trying)  # with routes
PATIENCE = 5  # seconds that a server which is to end gives to what it is at
YEAR = "public, max-age=31536000, immutable"
TEXT = {"text/html": {"schema": {"type": "string"}}}
REFUSALS: dict[int | str, dict[str, Any]] = {  # what any page may answer, in its three parts
    400: {"description": "A body that is no form.", "content": TEXT},
    404: {"description": "There is no such study, image, job...", "content": TEXT},
    413: {"description": "A body too long.", "content": TEXT},
    422: {"description": "Values that the page does not take, or that the store cannot answer.", "content": TEXT},
}


def create(desk: Desk, *, hosts: Set[str] = LOOPBACK, token: str = "") -> ASGIApp:
    """The application on a desk.

    Args:
        hosts: the names under which it may be asked for; any where a token is asked for.
        token: what browsers must have shown; none by default.
    """
    app = FastAPI(
        title="Étalon",
        version=etalon.__version__,
        docs_url=None,
        redoc_url=None,
        default_response_class=HTMLResponse,
        responses=REFUSALS,
    )
    app.state.desk = desk
    for module in PAGES:
        app.include_router(module.router)
    app.add_api_route("/language", speak, methods=["POST"], status_code=303, response_class=RedirectResponse)
    app.mount("/static", _Static(directory=HERE / "static"))
    app.add_exception_handler(EtalonError, refused)
    app.add_exception_handler(HTTPException, failed)
    app.add_exception_handler(RequestValidationError, misspelt)
    return Speak(Guard(app, hosts, token, {"/data": UPLOAD, "/studies/[^/]+/try": IMAGE}))


def serve(desk: Desk, host: str, port: int, token: str, tell: Callable[[Sequence[str]], None]) -> None:
    """Answer until interrupted. `tell` is given the addresses, as soon as they can be opened, this machine's own first.

    Args:
        token: asked for on any address but this machine's own, where it is made if none is given.
    """
    import uvicorn

    class Server(uvicorn.Server):
        """Lets go of those who listen when it is to end, rather than wait until they leave."""

        def handle_exit(self, *signal: Any) -> None:
            desk.close()
            super().handle_exit(*signal)

    asked = token or ("" if host in LOOPBACK else secrets.token_urlsafe(24))
    with closing(create_server((host, port), family=family_of(host))) as socket, suppress(KeyboardInterrupt):
        tell(urls(host, socket.getsockname()[1], asked))
        config = uvicorn.Config(
            create(desk, token=asked),
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=PATIENCE,
        )
        desk.queue.wake()
        Server(config).run(sockets=[socket])
    if at_work(PATIENCE):
        sys.stdout.flush()
        os._exit(0)


def speak(
    lang: Annotated[Literal["en", "fr"], Form()], back: Annotated[str, Form(pattern=r"^/([^/\\\\].*)?$")] = "/"
) -> Response:
    """Choose the language, and go back to the page."""
    answer = RedirectResponse(back, 303)
    answer.set_cookie(COOKIE, lang, max_age=31536000, httponly=True, samesite="lax")
    return answer


def refused(request: Request, error: Exception) -> Response:
    """A refusal, in its three parts."""
    assert isinstance(error, EtalonError)
    status = 404 if isinstance(error, StoreError) else 422
    return page(request, "refused.html", status, error=error)


def failed(request: Request, error: Exception) -> Response:
    """An address without a page, a body too long..."""
    assert isinstance(error, HTTPException)
    known = {404: _("there is no page at this address"), 405: _("this address does not take such a request")}
    why = known.get(error.status_code, error.detail)
    refusal = EtalonError(f"{request.method} {request.url.path}", why, _("Start again from the list of studies."))
    answer = page(request, "refused.html", error.status_code, error=refusal)
    answer.headers.update(error.headers or {})
    return answer


def misspelt(request: Request, error: Exception) -> Response:
    """Values that a page does not take; in its path, they make it the address of no page."""
    assert isinstance(error, RequestValidationError)
    if any(item["loc"][0] == "path" for item in error.errors()):
        return failed(request, HTTPException(404))
    remedy = _("Start again from the list of studies.") if request.method == "GET" else _("Go back, and change it.")
    refusal = EtalonError(f"{request.method} {request.url.path}", told(error.errors()), remedy)
    return page(request, "refused.html", 422, error=refusal)


class _Static(StaticFiles):
    """Files whose address changes with their content; some are the report's."""

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        if path in SHARED:
            return str(REPORT / path), (REPORT / path).stat()
        return super().lookup_path(path)

    def file_response(self, *args: Any, **options: Any) -> Response:
        answer = super().file_response(*args, **options)
        answer.headers["cache-control"] = YEAR
        return answer
