"""Links with a login in them: for one phone, once, and not for long."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sipfullproxy.web.links import LIFETIME, MOST, Link, Links
from tests.pages import SIP, Answer, Page, page
from tests.test_web_provision import entries, read

pytestmark = pytest.mark.io

BOB = ("sipfullproxy", "SHA-256", "ab" * 32)


@pytest.fixture
def served() -> Iterator[Page]:
    with page() as opened:
        opened.proxy.known = {"bob": BOB}
        yield opened


def link(served: Page, user: str = "bob", **more: str) -> Answer:
    return served.ask("/api/links", "POST", content={"user": user, **more}, content_type="application/json")


def follow(served: Page, url: str) -> Answer:
    return served.ask(url.removeprefix(f"http://{served.host}"), x_linphone_provisioning="1")


def test_a_link_works_once_and_brings_the_login(served: Page) -> None:
    url = link(served).json["url"]
    token = url.rpartition("/")[2]
    assert read(served.ask(f"/api/links.svg?token={token}").body) == url, "to look at the code is not to follow it"
    answer = follow(served, url)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/xml")
    assert answer.headers["cache-control"] == "no-store"
    found = entries(answer.body)
    assert found["proxy_0", "reg_identity"] == f"sip:bob@{SIP[0]}"
    assert {key: found["auth_info_0", key] for key in ("username", "realm", "algorithm", "ha1")} == {
        "username": "bob", "realm": "sipfullproxy", "algorithm": "SHA-256", "ha1": "ab" * 32,
    }  # fmt: skip
    again = follow(served, url)
    assert (again.status, again.json) == (404, {"error": "this link is not valid any more, it works once"})
    assert ("auth_info_0", "ha1") not in entries(served.ask("/provision/bob").body), "the other address has no login"


def test_a_browser_does_not_use_it_up(served: Page) -> None:
    """Whoever scans the code with the camera of his telephone would see the login, and Linphone come too late."""
    url = link(served).json["url"]
    path = url.removeprefix(f"http://{served.host}")
    shown = served.ask(f"{path}?lang=en", accept="text/html,application/xml;q=0.9,*/*;q=0.8")
    assert (shown.status, shown.json) == (
        406, {"error": "scan this code in Linphone: Assistant → Remote provisioning; it is still good"},
    )  # fmt: skip
    assert served.ask(path, accept="text/html", x_linphone_provisioning="1").status == 200


def test_the_way_is_the_one_that_was_chosen(served: Page) -> None:
    found = entries(follow(served, link(served, transport="tcp").json["url"]).body)
    assert found["proxy_0", "reg_proxy"] == f"<sip:{SIP[0]}:{SIP[1]};transport=tcp>"
    assert link(served, transport="tls").status == 404
    assert link(served, transport="sctp").status == 422


@pytest.mark.parametrize(("user", "status"), [("nobody", 404), ("a b", 422), ("", 422), ("x" * 65, 422)])
def test_only_users_with_a_password_have_one(served: Page, user: str, status: int) -> None:
    assert link(served, user).status == status


def test_a_user_who_was_removed_meanwhile_has_none(served: Page) -> None:
    url = link(served).json["url"]
    served.proxy.known = {}
    assert follow(served, url).status == 404


@pytest.mark.parametrize("token", ["A" * 22, "x", "%2e%2e", "A" * 500])
def test_nobody_guesses_one(served: Page, token: str) -> None:
    link(served)
    assert served.ask(f"/once/{token}").status in (404, 422)
    assert served.ask(f"/api/links.svg?token={token}").status in (200, 422)


def test_only_who_may_change_something_makes_one(served: Page) -> None:
    with page(password="sesame") as guarded:
        guarded.proxy.known = {"bob": BOB}
        assert guarded.ask("/api/about").json["logins"]
        assert link(guarded).status == 401
    assert served.ask("/api/links").status == 405
    assert served.ask("/api/links", "POST", content={"user": "bob"}, origin="http://evil.example").status == 403


def test_they_end_by_themselves_and_there_are_not_many() -> None:
    now = [1000.0]
    links = Links(lambda: now[0])
    early = links.make("bob", "udp")
    now[0] += LIFETIME - 1
    late = links.make("bob", "udp")
    now[0] += 1
    assert links.follow(early) is None
    assert links.follow(late) == Link("bob", "udp", now[0] - 1 + LIFETIME)
    made = [links.make("bob", "udp") for _ in range(MOST + 1)]
    assert [links.follow(token) is None for token in made] == [True] + [False] * MOST
    assert links.follow("") is None
