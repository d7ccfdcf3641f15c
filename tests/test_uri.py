"""SIP URIs: what they say, when two of them are one, and what a Request-URI must not carry."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.grammar import PARAMETER_LIMIT
from sipfullproxy.sip.memo import LONG
from sipfullproxy.sip.uri import Uri, parse_uri


def test_a_whole_uri_falls_into_its_parts() -> None:
    uri = parse_uri(b"SIP:Alice:secret@Example.COM:5070;Transport=TCP;lr?Subject=x&priority=urgent")
    assert uri.scheme == b"sip"
    assert uri.user == uri.name == b"Alice"
    assert uri.password == b"secret"
    assert uri.host == b"example.com"
    assert uri.port == uri.effective_port == 5070
    assert uri.params == {b"transport": b"TCP", b"lr": None}
    assert uri.headers == b"Subject=x&priority=urgent"


def test_the_smallest_uri_is_a_host() -> None:
    uri = parse_uri(b"sip:h")
    assert (uri.user, uri.name, uri.password, uri.host, uri.port) == (None, b"", None, b"h", None)
    assert uri.effective_port == 5060
    assert parse_uri(b"sips:h").effective_port == 5061
    assert repr(uri) == "Uri(b'sip:h')"


@pytest.mark.parametrize(
    ("text", "user", "host"),
    [
        (b"sip:user;par=u%40example.net@example.com", b"user;par=u%40example.net", b"example.com"),
        (b"sip:a?b@example.com?c=d", b"a?b", b"example.com"),
        (b"sip:+1-201-555-0123;ext=7@gw", b"+1-201-555-0123;ext=7", b"gw"),
        (b"sip:j\xc3\xa1n@example.com", b"j\xc3\xa1n", b"example.com"),
        (b"sip:#31#@example.com", b"#31#", b"example.com"),
        (b"sip:@example.com", b"", b"example.com"),
    ],
)
def test_the_user_part_may_hold_what_separates_elsewhere(text: bytes, user: bytes, host: bytes) -> None:
    uri = parse_uri(text)
    assert (uri.user, uri.host) == (user, host)


def test_the_name_of_a_user_is_without_escapes_even_nul() -> None:
    assert parse_uri(b"sip:%61lice@h").name == b"alice"
    assert parse_uri(b"sip:null-%00-null@h").name == b"null-\0-null"
    assert parse_uri(b"sip:sips%3Auser%40example.com@example.net").name == b"sips:user@example.com"


@pytest.mark.purpose(
    "RFC5954_02",
    given="an IPv6 host in capitals, with other zeros", expect="one host",
)  # fmt: skip
@pytest.mark.parametrize(
    ("text", "host"),
    [
        (b"sip:[2001:DB8::10]", b"[2001:db8::10]"),
        (b"sip:[2001:db8:0:0::0:10]:5070", b"[2001:db8::10]"),
        (b"sip:[2001:db8::10:5070]", b"[2001:db8::10:5070]"),
        (b"sip:[2001:db8:::192.0.2.1]", b"[2001:db8:::192.0.2.1]"),
    ],
)
def test_an_ipv6_host_is_one_address_however_it_is_written(text: bytes, host: bytes) -> None:
    assert parse_uri(text).host == host


def test_the_socket_module_wants_ipv6_without_brackets() -> None:
    assert parse_uri(b"sip:bob@[::1]").numeric_host == "::1"
    assert parse_uri(b"sip:bob@10.0.0.1").numeric_host == "10.0.0.1"


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"sip:",
        b"sip:@",
        b"alice@example.com",
        b"sip: alice@example.com",
        b"sip:alice@example.com ",
        b"sip:alice@example.com; lr",
        b"sip:alice smith@example.com",
        b"<sip:alice@example.com>",
        b"sip:2001:db8::10",
        b"sip:[::1",
        b"sip:alice@a@b",
        b"sip:a@h?x=b@c",
        b"sip:h:",
        b"sip:h:0",
        b"sip:h:65536",
        b"sip:h:123456",
        b"sip:h;",
        b"sip:h;;lr",
        b"sip:h;=x",
        b"sip:h\n",
        b"sip:h;a=\r\n",
    ],
)
def test_what_is_no_uri_is_a_bad_request(text: bytes) -> None:
    with pytest.raises(SipError) as caught:
        parse_uri(text)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    "text", [b"tel:+421", b"http://example.com", b"soap.beep://192.0.2.103:3002", b"isbn:2983792873"]
)
def test_another_scheme_has_an_error_of_its_own(text: bytes) -> None:
    with pytest.raises(SipError) as caught:
        parse_uri(text)
    assert caught.value.status == 416


def test_nobody_needs_hundreds_of_parameters_or_headers() -> None:
    params = b"".join(b";p%d" % number for number in range(PARAMETER_LIMIT))
    headers = b"?" + b"&".join(b"h%d=" % number for number in range(PARAMETER_LIMIT))
    assert len(parse_uri(b"sip:h" + params + headers).params) == PARAMETER_LIMIT
    for text in (b"sip:h" + params + b";one=more", b"sip:h" + headers + b"&one=more"):
        with pytest.raises(SipError, match="Too many"):
            parse_uri(text)


def test_the_same_text_is_the_same_value_unless_it_is_very_long() -> None:
    assert parse_uri(b"sip:alice@example.com") is parse_uri(b"sip:alice@example.com")
    long = b"sip:" + b"a" * LONG + b"@h"
    assert parse_uri(long) is not parse_uri(long)


# -- RFC 3261 §19.1.4 --------------------------------------------------------------------------------------------------

# The examples of the section, set by set, as they stand there.
EQUIVALENT = [
    (b"sip:%61lice@atlanta.com;transport=TCP", b"sip:alice@AtLanTa.CoM;Transport=tcp"),
    (b"sip:carol@chicago.com", b"sip:carol@chicago.com;newparam=5", b"sip:carol@chicago.com;security=on"),
    (
        b"sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
        b"sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
    ),
    (
        b"sip:alice@atlanta.com?subject=project%20x&priority=urgent",
        b"sip:alice@atlanta.com?priority=urgent&subject=project%20x",
    ),
]
DIFFERENT = [
    (b"SIP:ALICE@AtLanTa.CoM;Transport=udp", b"sip:alice@AtLanTa.CoM;Transport=UDP"),
    (b"sip:bob@biloxi.com", b"sip:bob@biloxi.com:5060"),
    (b"sip:bob@biloxi.com", b"sip:bob@biloxi.com;transport=udp"),
    (b"sip:bob@biloxi.com", b"sip:bob@biloxi.com:6000;transport=tcp"),
    (b"sip:carol@chicago.com", b"sip:carol@chicago.com?Subject=next%20meeting"),
    (b"sip:bob@phone21.boxesbybob.com", b"sip:bob@192.0.2.4"),
    (b"sip:carol@chicago.com;security=on", b"sip:carol@chicago.com;security=off"),
]

# And what its rules say beyond the examples.
EQUIVALENT += [
    (b"sip:a@h;x=%61", b"sip:a@h;X=A"),
    (b"sip:a:b%63@h", b"sip:a:bc@h"),
    (b"sip:a%3Bb@h", b"sip:a%3bb@h"),
    (b"sip:a@h;lr", b"sip:a@h"),
    (b"sip:a@[2001:DB8::1]", b"sip:a@[2001:db8:0::1]"),
]
DIFFERENT += [
    (b"sip:a@h", b"sips:a@h"),
    (b"sip:a@h", b"sip:h"),
    (b"sip:a@h", b"sip:a:b@h"),
    (b"sip:a:b@h", b"sip:a:B@h"),
    (b"sip:a@h;user=phone", b"sip:a@h"),
    (b"sip:a@h;ttl=1", b"sip:a@h"),
    (b"sip:a@h;method=INVITE", b"sip:a@h"),
    (b"sip:a@h;maddr=10.0.0.1", b"sip:a@h"),
    (b"sip:a%3Bb@h", b"sip:a;b@h"),
    (b"sip:%00@h", b"sip:%00%00@h"),
    (b"sip:a@h?x=1&y=2", b"sip:a@h?x=1"),
]


@pytest.mark.purpose(
    "SIP_MG_PR_V_001..005", "SIP_RG_RR_V_010..017",
    given="the equivalent URIs of §19.1.4, and more", expect="one URI",
)  # fmt: skip
@pytest.mark.parametrize("equal", EQUIVALENT, ids=lambda uris: uris[-1].decode())
def test_equivalent_uris_match_in_either_order(equal: tuple[bytes, ...]) -> None:
    for one, other in permutations(equal, 2):
        assert parse_uri(one).matches(parse_uri(other))
        assert parse_uri(one).matches(Uri(one))


@pytest.mark.purpose(
    "SIP_MG_PR_V_001..005", "SIP_RG_RR_V_010..017",
    given="the different URIs of §19.1.4, and more", expect="two URIs",
)  # fmt: skip
@pytest.mark.parametrize("different", DIFFERENT, ids=lambda uris: uris[-1].decode())
def test_different_uris_do_not(different: tuple[bytes, bytes]) -> None:
    for one, other in permutations(different):
        assert not parse_uri(one).matches(parse_uri(other))


def test_equality_is_not_transitive() -> None:
    plain, on, off = (parse_uri(b"sip:carol@chicago.com" + tail) for tail in (b"", b";security=on", b";security=off"))
    assert plain.matches(on)
    assert plain.matches(off)
    assert not on.matches(off)


# -- Request-URIs ------------------------------------------------------------------------------------------------------


@pytest.mark.purpose(
    "SIP_MG_PR_I_002..004",
    given="URIs with headers or `method`", expect="as a Request-URI they go out without",
)  # fmt: skip
@pytest.mark.parametrize(
    ("text", "request_uri"),
    [
        (b"sip:bob@h:5070;transport=tcp;lr", b"sip:bob@h:5070;transport=tcp;lr"),
        (b"sip:bob@h?Route=%3Csip:evil%3E", b"sip:bob@h"),
        (b"sip:bob@h;method=BYE;x=1?a=b", b"sip:bob@h;x=1"),
        (b"sip:h;METHOD=BYE", b"sip:h"),
        (b"sip:what?;method=x@h;method=BYE?a=b", b"sip:what?;method=x@h"),
    ],
)
def test_a_request_uri_carries_neither_headers_nor_a_method(text: bytes, request_uri: bytes) -> None:
    """RFC 3261 §19.1.1, table 1; the user's own question mark is no header."""
    assert parse_uri(text).for_request() == request_uri


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        (b"sip:bob@h:5060;maddr=10.0.0.1;transport=udp;x=1", b"sip:bob@h;x=1"),
        (b"sip:h:5060;MADDR=10.0.0.1", b"sip:h"),
        (b"sip:bob@[::1]:5060;maddr=10.0.0.1", b"sip:bob@[::1]"),
        (b"sip:bob@[::1];maddr=10.0.0.1", b"sip:bob@[::1]"),
        (b"sip:b;maddr=x:1@h;maddr=10.0.0.1", b"sip:b;maddr=x:1@h"),
    ],
)
def test_an_maddr_goes_together_with_port_and_transport(text: bytes, rest: bytes) -> None:
    """RFC 3261 §16.4."""
    assert parse_uri(text).without(b"maddr", b"transport") == rest


def test_another_parameter_goes_alone() -> None:
    assert parse_uri(b"sip:h:5070;x=1;y").without(b"x") == b"sip:h:5070;y"


# -- anything at all ---------------------------------------------------------------------------------------------------

PIECES = [
    b"sip:",
    b"sips:",
    b"a",
    b"@",
    b":",
    b"5060",
    b";",
    b"=",
    b"?",
    b"&",
    b"%41",
    b"%",
    b"[::1]",
    b"h",
    b"\xc3\xa1",
    b" ",
]


@given(st.lists(st.sampled_from(PIECES)).map(b"".join) | st.binary())
def test_any_bytes_are_a_uri_or_an_error(text: bytes) -> None:
    try:
        uri = Uri(text)
    except SipError as error:
        assert error.status in (400, 416)
        return
    assert uri.matches(Uri(text))
    bare = parse_uri(uri.for_request())
    assert not bare.headers
    assert (bare.user, bare.host, bare.port) == (uri.user, uri.host, uri.port)
    assert parse_uri(uri.without(b"maddr")).host == uri.host
