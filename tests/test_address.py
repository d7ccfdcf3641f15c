"""From, To, Contact, Route: a URI, perhaps in brackets, perhaps with a name, perhaps with parameters of its own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.grammar import PARAMETER_LIMIT
from sipfullproxy.sip.headers.address import Address, read_tag, tag


@pytest.mark.parametrize(
    ("text", "spec", "params"),
    [
        (b"<sip:a@h>", b"sip:a@h", {}),
        (b"Alice <sip:a@h>", b"sip:a@h", {}),
        (b"caller<sip:a@h>;tag=3", b"sip:a@h", {b"tag": b"3"}),
        (b'"A. <a@b> \\"x\\"" <sip:a@h>;q=0.5', b"sip:a@h", {b"q": b"0.5"}),
        (b"J\xc3\xa1n Nov\xc3\xa1k <sip:a@h>", b"sip:a@h", {}),
        (b"J. R. Smith <sip:a@h>", b"sip:a@h", {}),
        (b"<sip:a@h;lr;maddr=1.2.3.4?x=y>;expires=60", b"sip:a@h;lr;maddr=1.2.3.4?x=y", {b"expires": b"60"}),
        (b"<sip:a@h>  ; tag = x", b"sip:a@h", {b"tag": b"x"}),
        # Without brackets all parameters are the header's (RFC 3261 §20.10).
        (b"sip:a@h;expires=60", b"sip:a@h", {b"expires": b"60"}),
        (b"sip:a@h ;   tag    = 1918181833n", b"sip:a@h", {b"tag": b"1918181833n"}),
        (b"tel:+421", b"tel:+421", {}),
    ],
)
def test_a_value_falls_into_uri_and_parameters(text: bytes, spec: bytes, params: dict[bytes, bytes | None]) -> None:
    address = Address(text)
    assert (address.spec, address.params, address.text) == (spec, params, text)
    assert text.endswith(address.tail)
    assert read_tag(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"*,",
        b"<sip:a@h",
        b"sip:a@h>",
        b'"Mr. J <sip:a@h>',
        b'a "b" <sip:a@h>',
        b"<<sip:a@h>>",
        b"<sip:a@h> tag=1",
        b"sip:user @h",
        b"sip:a@h?Route=%3Csip:evil%3E",
        b"sip:a@h,sip:b@h",
    ],
)
def test_what_is_no_address_is_a_bad_request(text: bytes) -> None:
    """A question mark outside brackets is RFC 4475 §3.1.2.13: nobody can tell whose it is."""
    assert read_tag(text) is None
    assert tag(text) == b""
    with pytest.raises(SipError) as caught:
        Address(text)
    assert caught.value.status == 400


@pytest.mark.parametrize("tail", [b";", b";;;;", b";=", b';x="', b";p" * (PARAMETER_LIMIT + 1)])
def test_bad_parameters_do_not_pass_where_they_are_read(tail: bytes) -> None:
    with pytest.raises(SipError):
        Address(b"<sip:a@h>" + tail)


def test_the_uri_is_read_when_it_is_asked_for() -> None:
    assert Address(b"<sip:a@h>").uri.user == b"a"
    for text, status in ((b"<tel:+421>", 416), (b"< sip:a@h >", 400), (b"<>", 400)):
        with pytest.raises(SipError) as caught:
            _ = Address(text).uri
        assert caught.value.status == status


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"<sip:a@h>;tag=abc", b"abc"),
        (b"sip:a@h;tag=abc", b"abc"),
        (b"<sip:a@h>;x=1; TAG = abc ;y", b"abc"),
        (b'"a>;tag=no" <sip:a@h>;tag=abc', b"abc"),
        (b'<sip:a@h>;x=";tag=no";tag=abc', b"abc"),
        (b'<sip:a@h>;x=";tag=no"', b""),
        (b'<sip:a@h>;x="', b""),
        (b"<sip:a@h;tag=no>", b""),
        (b"<sip:a@h>;stag=no;tagged=no", b""),
        (b"<sip:a@h>;tag=", b""),
        (b"<sip:a@h>", b""),
        (b'"unclosed <sip:a@h>;tag=no', b""),
        (b"", b""),
    ],
)
def test_a_tag_is_a_parameter_of_the_header_and_of_nothing_else(value: bytes, expected: bytes) -> None:
    assert tag(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [(b"\x95b1", b"\x95b1"), (b"as1:2", b"as1:2"), (b"a\xff ;x=y", b"a\xff"), (b"(1)", b"(1)")]
)
def test_a_tag_that_is_no_token_is_taken_whole(value: bytes, expected: bytes) -> None:
    """To take the part that is one would make one dialog of two."""
    text = b"<sip:a@h>;tag=" + value
    assert read_tag(text) == Address(text).params[b"tag"] == expected


@pytest.mark.parametrize(
    "tail",
    [
        b";tag=a;tag=b",
        b";tag;tag=a",
        b";tag=a;x=y;TAG=a",
        b";tag=a,<sip:b@h>;tag=b",
        b';tag="a"',
        b';x="y',
        b';x="y"",z";tag="a',
    ],
)
def test_what_others_may_read_otherwise_is_no_tag_and_no_address(tail: bytes) -> None:
    assert read_tag(b"<sip:a@h>" + tail) is None


PIECES = [b'"', b"<", b">", b"sip:a@h", b";", b"tag", b"=", b"x", b" ", b"\\", b",", b"\xff"]


@given(st.lists(st.sampled_from(PIECES)).map(b"".join) | st.binary())
def test_any_bytes_are_an_address_or_an_error(text: bytes) -> None:
    found = tag(text)
    try:
        address = Address(text)
    except SipError as error:
        assert error.status == 400
        return
    if read_tag(text) is not None:
        assert found == (address.params.get(b"tag") or b"")
