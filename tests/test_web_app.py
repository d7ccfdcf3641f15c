"""The page put together: its files, and what is said when something is wrong."""

from __future__ import annotations

import logging
import mimetypes

import pytest

from sipfullproxy.web import app
from tests.pages import MadeUp, page

pytestmark = pytest.mark.io


def test_the_page_and_its_files() -> None:
    with page() as opened:
        answer = opened.ask("/")
        assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
        answer = opened.ask("/page/main.js")
        assert (answer.status, answer.headers["content-type"]) == (200, "text/javascript; charset=utf-8")
        for outside in ("/page/../app.py", "/page/%2e%2e/app.py", "/page/..%2fapp.py", "/page//etc/passwd", "/page/"):
            assert opened.ask(outside).status in (404, 405), outside
        assert opened.ask("/page/main.js", "POST").status == 405


@pytest.mark.parametrize("path", ["/", "/api", "/favicon.ico", "/page/main.js", "/page/ladder.css"])
def test_a_head_is_as_its_get_without_a_body(path: str) -> None:
    """RFC 9110 §9.1: every server has both; `curl -I` asks so."""
    with page() as opened:
        got, head = opened.ask(path), opened.ask(path, "HEAD")
        same = [
            (answer.status, answer.headers["content-type"], answer.headers["content-length"]) for answer in (got, head)
        ]
        assert same[0] == same[1]
        assert head.body == b""


def test_javascript_is_javascript_on_every_system() -> None:
    """On some Windows the registry calls it text/plain, and with `nosniff` no browser would run it."""
    assert mimetypes.types_map[".js"] == "text/javascript"


def test_wrong_questions_get_one_sentence() -> None:
    with page() as opened:
        for path, status in (("/nothing", 404), ("/api/calls?limit=0", 422), ("/api/live?lang=de", 422)):
            answer = opened.ask(path)
            assert (answer.status, list(answer.json)) == (status, ["error"])
        assert opened.ask("/api/about", "POST").status == 405
        assert opened.ask("/docs").status == opened.ask("/redoc").status == 404, "they would ask the Internet"


def test_a_bug_is_logged_once_and_told_to_nobody(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(MadeUp):
        def phones(self) -> list[object]:  # type: ignore[override]
            raise RuntimeError("a secret of the house")

    with page(Broken()) as opened:
        answer = opened.ask("/api/phones")
        assert (answer.status, answer.json) == (500, {"error": "bug in the page"})
        assert opened.ask("/api/calls").status == 200
    (record,) = caplog.records
    assert (record.levelno, record.exc_info is not None) == (logging.ERROR, True)


def test_a_body_has_its_bounds() -> None:
    with page() as opened:
        answer = opened.ask(
            "/api/experiments", "PUT", content=b"{" * (app.LARGEST_BODY + 1), content_type="application/json"
        )
        assert answer.status == 413


def test_every_address_of_the_api_is_described() -> None:
    with page() as opened:
        description = opened.ask("/api/openapi.json").json
    assert description["info"]["title"] == "sipfullproxy"
    assert set(description["paths"]["/api/phones/{id}"]) == {"delete"}
    for path, methods in description["paths"].items():
        for method, told in methods.items():
            assert told["description"], f"{method} {path} says what it does"
            assert told["responses"]["404"]["content"]["application/json"]["schema"]["$ref"].endswith("/Error")


def test_the_listing_names_every_address() -> None:
    with page() as opened:
        listing = opened.ask("/api").body.decode()
        for path in opened.ask("/api/openapi.json").json["paths"]:
            assert f" {path}</code>" in listing
