"""The page put together: access before everything, the API, the files of the page."""

from __future__ import annotations

import logging
import mimetypes
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from html import escape
from pathlib import Path

from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.staticfiles import StaticFiles

from sipfullproxy import __version__
from sipfullproxy.ladder.style import STYLE
from sipfullproxy.web import api, call, reports
from sipfullproxy.web.access import Access
from sipfullproxy.web.house import House
from sipfullproxy.web.links import Links
from sipfullproxy.web.live import Live
from sipfullproxy.web.sharing import Turns

FILES = Path(__file__).parent / "page"

# Bytes of a request's body: all that may be sent here is a handful of switches.
LARGEST_BODY = 4_096

# Threads that make answers. They and the thread that serves calls take turns at the interpreter, 5 ms each: with the
# usual 40 of them, a class that reloads the page at once would hold up each message of a call by as many turns.
WORKERS = 2

Endpoint = Callable[..., Awaitable[Response]]

# Python asks the system what a file is, and some Windows says that JavaScript is plain text: no browser runs that.
mimetypes.add_type("text/javascript", ".js")

log = logging.getLogger(__name__)


class Application:
    """What a `Site` serves.

    hosts, password: see `Access`.
    """

    def __init__(self, house: House, hosts: frozenset[str], password: str | None) -> None:
        self.live = Live(house)
        # Swagger and ReDoc would fetch their scripts from the Internet.
        inner = FastAPI(
            title="sipfullproxy", version=__version__, openapi_url="/api/openapi.json", docs_url=None, redoc_url=None,
            max_body_size=LARGEST_BODY, lifespan=_few_workers,
        )  # fmt: skip
        for room in (api, call, reports):
            inner.include_router(room.router)
        made: dict[str, Endpoint] = {
            "/": _index,
            "/api": _listing,
            "/page/ladder.css": _ladder_style,
            "/favicon.ico": _icon,
        }
        for path, answer in made.items():
            inner.add_api_route(path, answer, methods=["GET", "HEAD"], include_in_schema=False)
        inner.mount("/page", StaticFiles(directory=FILES))
        inner.add_exception_handler(HTTPException, _refused)
        inner.add_exception_handler(RequestValidationError, _misasked)
        inner.add_exception_handler(Exception, _failed)
        self.app = Access(Turns(inner), hosts, password, house.lang)
        inner.state.house, inner.state.live, inner.state.access = house, self.live, self.app
        inner.state.links = Links()

    def close(self) -> None:
        """End the answers that have no end."""
        self.live.close()


@asynccontextmanager
async def _few_workers(app: FastAPI) -> AsyncIterator[None]:
    current_default_thread_limiter().total_tokens = WORKERS
    yield


async def _listing(request: Request) -> Response:
    """What there is to ask, for people without JavaScript and for the curious."""
    paths = request.app.openapi()["paths"]
    items = [
        f"<li><code>{method.upper()} {escape(path)}</code><br>{escape(told['description'])}</li>"
        for path, methods in paths.items()
        for method, told in methods.items()
    ]
    return HTMLResponse(_LISTING.format("\n".join(items)))


async def _index() -> Response:
    return FileResponse(FILES / "index.html")


async def _icon() -> Response:
    """Asked for by browsers that show a page without one of its own."""
    return FileResponse(FILES / "icon.svg")


async def _ladder_style() -> Response:
    """A drawing brings its style with it; where it becomes a part of the page, that must come from a file."""
    return Response(STYLE, media_type="text/css")


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


async def _misasked(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    return JSONResponse({"error": f"{first['loc'][-1]}: {first['msg']}"}, 422)


async def _failed(request: Request, error: Exception) -> Response:
    log.error("bug in the page; calls go on", exc_info=error)
    return JSONResponse({"error": "bug in the page"}, 500)


_LISTING = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>sipfullproxy: API</title>
<link rel="stylesheet" href="/page/style.css">
<main class="page">
<h1>sipfullproxy: API</h1>
<p>The same for programs, in full: <a href="/api/openapi.json">/api/openapi.json</a> (OpenAPI). Every address takes
<code>?lang=sk</code> or <code>?lang=en</code>.</p>
<ul>
{}
</ul>
</main>
"""
