"""Who may do what on the page: asked through a real server, as browsers, students and other sites would ask."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest
from starlette.types import Scope

from sipfullproxy.web import access
from sipfullproxy.web.access import Access, _Wrong
from tests.pages import MadeUp, Page, page, phone

pytestmark = pytest.mark.io


def basic(password: str, user: str = "") -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.fixture(scope="module")
def served() -> Iterator[Page]:
    with page() as opened:
        yield opened


@pytest.fixture(scope="module")
def guarded() -> Iterator[Page]:
    with page(password="šéf:1") as opened:
        yield opened


def remove(opened: Page, **headers: str) -> int:
    """Try to remove a phone; the status of the answer, which must tell the truth about whether it is gone."""
    opened.proxy.registered = [phone()]
    answer = opened.ask(f"/api/phones/{phone().id}", "DELETE", **headers)
    assert (opened.proxy.registered == []) == (answer.status == 204)
    if answer.status != 204:
        assert answer.json["error"]
    return answer.status


def test_who_is_called_by_another_name_does_not_answer(served: Page) -> None:
    port = served.site.address[1]
    for ours in (f"127.0.0.1:{port}", f"localhost:{port}", f"LAB.sk:{port}"):
        assert served.ask("/api/about", host=ours).status == 200
    for other in (
        "evil.example",
        f"evil.example:{port}",
        "127.0.0.1",
        f"127.0.0.1:{port + 1}",
        f"127.0.0.1.:{port}",
        "",
    ):
        answer = served.ask("/api/about", host=other)
        assert answer.status == 421, other
        assert "nobody here has this name" in answer.json["error"]


def test_a_second_host_header_helps_nobody(served: Page) -> None:
    with served.line() as line:
        line.sendall(f"GET /api/about HTTP/1.1\r\nHost: {served.host}\r\nHost: evil\r\n\r\n".encode())
        assert line.recv(100).startswith(b"HTTP/1.1 400 ")


def test_who_sits_at_the_machine_may_change_things(served: Page) -> None:
    assert remove(served) == 204
    assert remove(served, origin=f"http://{served.host}", sec_fetch_site="same-origin") == 204


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
    ],
)
def test_other_sites_change_nothing(served: Page, headers: dict[str, str]) -> None:
    assert remove(served, **headers) == 403


def test_no_other_origin_is_let_in(served: Page) -> None:
    asked = {"origin": "http://evil.example", "access_control_request_method": "DELETE"}
    answer = served.ask("/api/phones/61-0123456789", "OPTIONS", **asked)
    assert answer.status == 403
    answer = served.ask("/api/phones", origin="http://evil.example")
    assert not any(name.startswith("access-control") for name in answer.headers)


def test_a_form_of_another_site_cannot_speak_json(served: Page) -> None:
    """The three types that a form can send; a browser asks first before any other, and gets no answer that it likes."""
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        assert remove(served, content_type=kind) == 415
    assert remove(served, content_type="application/json; charset=utf-8") == 204


def test_what_a_proxy_on_this_machine_passes_on_is_not_from_here(served: Page) -> None:
    assert remove(served, x_forwarded_for="192.168.1.66") == 403
    assert remove(served, forwarded="for=127.0.0.1") == 403


def scope(client: str, server: str = "192.168.1.10") -> Scope:
    return {"type": "http", "client": (client, 50000), "server": (server, 8080), "headers": []}


def test_a_student_may_look_and_not_change() -> None:
    """Addresses that a test on one machine cannot have, so the question is asked directly."""

    async def nobody(*_: object) -> None:
        raise AssertionError

    free = Access(nobody, frozenset(), None, "en")
    assert free.standing(scope("127.0.0.1", "127.0.0.1")) == "yes"
    assert free.standing(scope("192.168.1.10")) == "yes", "the browser of this machine, by its LAN address"
    assert free.standing(scope("192.168.1.21")) == "here"
    assert free.standing({**scope(""), "client": None}) == "here"
    assert Access(nobody, frozenset(), "x", "en").standing(scope("127.0.0.1")) == "password"


def test_with_a_password_it_is_needed_here_too(guarded: Page) -> None:
    answer = guarded.ask("/api/phones/61-0123456789", "DELETE")
    assert (answer.status, answer.headers["www-authenticate"]) == (401, 'Basic realm="sipfullproxy", charset="UTF-8"')
    assert remove(guarded, authorization=basic("šéf:1")) == 204
    assert remove(guarded, authorization=basic("šéf:1", user="teacher")) == 204
    for wrong in (basic("sef:1"), basic(""), "Basic ?", "Basic", "Bearer x", basic("šéf:1").replace("Basic", "Digest")):
        assert remove(guarded, authorization=wrong) == 401
    assert guarded.ask("/api/phones").status == 200, "looking needs none"
    assert guarded.ask("/api/about").json["change"] == "password"


def test_a_known_password_opens_nothing_to_other_sites(guarded: Page) -> None:
    assert remove(guarded, authorization=basic("šéf:1"), origin="http://evil.example") == 403


def test_guessing_ends_after_some_wrong_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "MOST_WRONG", 3)
    with page(password="right") as opened:
        assert [remove(opened, authorization=basic(f"{n}")) for n in range(4)] == [401, 401, 401, 429]
        assert remove(opened, authorization=basic("right")) == 429, "nor does he learn which one it was"


def test_wrong_passwords_are_forgotten_in_time_and_number(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    wrong = _Wrong(lambda: now)
    for _ in range(access.MOST_WRONG):
        assert not wrong.too_many("a")
        wrong.count("a")
    assert wrong.too_many("a") and not wrong.too_many("b")
    now = access.WINDOW
    assert not wrong.too_many("a")
    monkeypatch.setattr(access, "MOST_COUNTED", 5)
    for n in range(20):
        wrong.count(f"{n}")
    assert len(wrong._counts) == 5


def test_refusals_speak_the_language_that_is_asked_for(served: Page) -> None:
    assert "nobody" in served.ask("/api/about?lang=en", host="x").json["error"]
    assert "nikto" in served.ask("/api/about?lang=sk", host="x").json["error"]
    with page(MadeUp(), lang="sk") as slovak:
        assert "nikto" in slovak.ask("/api/about", host="x").json["error"]


@pytest.mark.parametrize("path", ["/", "/page/main.js", "/api/about", "/api/nothing", "/api/calls?limit=x"])
def test_every_answer_carries_the_rules_for_browsers(served: Page, path: str) -> None:
    headers = served.ask(path).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
