"""Whose pages may open a WebSocket: ours, and those that the user lists."""

from __future__ import annotations

import pytest

from sipfullproxy.transport.origins import ANY, Origins, parse_origin


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("http://192.168.1.10:8080", "http://192.168.1.10:8080"),
        ("HTTPS://Lab.SK", "https://lab.sk"),
        ("https://lab.sk:443", "https://lab.sk"),
        ("http://lab.sk:80", "http://lab.sk"),
        ("http://lab.sk:443", "http://lab.sk:443"),
        ("http://[2001:db8::1]:8080", "http://[2001:db8::1]:8080"),
        ("null", "null"),
    ],
)
def test_an_origin_as_browsers_write_it(text: str, origin: str) -> None:
    assert parse_origin(text) == origin


@pytest.mark.parametrize(
    "text", ["", "lab.sk", "http://", "http://a/b", "http://a:b", "ftp://a", "http://a@b", "http://a, http://b", "*"]
)
def test_what_is_no_origin(text: str) -> None:
    assert parse_origin(text) is None
    assert not Origins(["lab.sk", ""]).allow(text)


@pytest.mark.parametrize(
    ("origin", "may"),
    [
        ("http://192.168.1.10:8080", True),
        ("https://192.168.1.10", True),
        ("http://LAB.sk:9000", True),
        ("http://[2001:db8::1]:8080", True),
        ("https://phones.example", True),
        ("http://phones.example", False),
        ("https://phones.example:8443", False),
        ("https://www.phones.example", False),
        ("http://192.168.1.10.evil.example", False),
        ("http://evil.example", False),
        ("null", False),
    ],
)
def test_pages_from_here_may_and_those_that_are_listed(origin: str, may: bool) -> None:
    origins = Origins(["192.168.1.10", "Lab.sk", "2001:db8::1"], ["https://phones.example"])
    assert origins.allow(origin) == may


def test_a_file_may_where_it_is_listed() -> None:
    assert Origins([], ["null"]).allow("null")


def test_any_page_may_where_the_user_says_so() -> None:
    assert Origins([], [ANY]).allow("https://evil.example")
