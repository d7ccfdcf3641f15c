"""Via: reading it, stamping it, and finding the way back by it."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.headers.via import Via

SOURCE = ("198.51.100.7", 40000)


def test_a_whole_via_falls_into_its_parts() -> None:
    via = Via(b"SIP/2.0/udp Host.Example.com:5070;branch=z9hG4bKabc;rport;maddr=10.0.0.3")
    assert via.transport == b"UDP"
    assert via.host == b"Host.Example.com"
    assert via.port == 5070
    assert via.branch == b"z9hG4bKabc"
    assert via.rport
    assert via.maddr == b"10.0.0.3"
    assert via.sent_by == (b"host.example.com", 5070)


@pytest.mark.parametrize(
    "text",
    [
        b"SIP / 2.0 / UDP first.example.com: 4000;ttl=16 ;maddr=224.2.0.1 ;branch=z9hG4bKa7c6a8dlze.1",
        b"SIP  /   2.0 /UDP\t first.example.com :4000 ; branch\t=  z9hG4bKa7c6a8dlze.1",
        b"sip/2.0/UDP first.example.com:4000;extension;BRANCH=z9hG4bKa7c6a8dlze.1",
    ],
)
def test_white_space_may_stand_around_every_separator(text: bytes) -> None:
    """The first one is the example of RFC 3261 §20.42."""
    via = Via(text)
    assert via.sent_by == (b"first.example.com", 4000)
    assert via.branch == b"z9hG4bKa7c6a8dlze.1"


@pytest.mark.parametrize(
    ("text", "sent_by"),
    [
        (b"SIP/2.0/UDP h", (b"h", 5060)),
        (b"SIP/2.0/TCP h", (b"h", 5060)),
        (b"SIP/2.0/TLS h", (b"h", 5061)),
        (b"SIP/2.0/UNKNOWN [2001:DB8::9:1]", (b"[2001:db8::9:1]", 5060)),
        (b"SIP/2.0/UDP [::ffff:192.0.2.10]:19823", (b"[::ffff:c000:20a]", 19823)),
    ],
)
def test_the_default_port_depends_on_the_transport(text: bytes, sent_by: tuple[bytes, int]) -> None:
    assert Via(text).sent_by == sent_by


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"SIP/2.0/UDP",
        b"SIP/2.0/UDP ",
        b"SIP/7.0/UDP h",
        b"HTTP/2.0/TCP h",
        b"SIP/2.0 h",
        b"SIP/2.0/UDP h;",
        b"SIP/2.0/UDP h;;branch=x",
        b"SIP/2.0/UDP h; ;branch=x",
        b"SIP/2.0/UDP h:",
        b"SIP/2.0/UDP h:0",
        b"SIP/2.0/UDP h:65536",
        b"SIP/2.0/UDP h:99999",
        b"SIP/2.0/UDP 2001:db8::1",
        b"SIP/2.0/UDP a b",
        b"SIP/2.0/UDP h;branch=x;branch=y",
        b"SIP/2.0/UDP h;rport;branch=x;rport",
        b"SIP/2.0/UDP h;branch=x;rport;rport",
    ],
)
def test_what_is_no_via_is_a_bad_request(text: bytes) -> None:
    with pytest.raises(SipError) as caught:
        Via(text)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("branch", "unique"),
    [(b";branch=z9hG4bKx", True), (b";branch=z9hG4bK", False), (b";branch=390skdjuw", False), (b"", False)],
)
def test_a_branch_names_a_transaction_only_with_the_cookie_and_something_behind(branch: bytes, unique: bool) -> None:
    """RFC 3261 §8.1.1.7; the bare cookie is RFC 4475 §3.2.1."""
    assert Via(b"SIP/2.0/UDP h" + branch).unique is unique


# -- stamping ----------------------------------------------------------------------------------------------------------


@pytest.mark.purpose(
    "RFC3581_01..02",
    given="Via with rport, empty or filled, alone or beside a received",
    expect="rport is the source's port, received the source's host, equal to sent-by or not",
)  # fmt: skip
@pytest.mark.parametrize(
    ("sent", "stamped"),
    [
        # RFC 3581 §4: rport is filled in, and received stands with it even where it says nothing new.
        (b"10.0.0.9;rport;branch=z9hG4bKx", b"10.0.0.9;rport=40000;branch=z9hG4bKx;received=198.51.100.7"),
        (b"198.51.100.7:40000;rport", b"198.51.100.7:40000;rport=40000;received=198.51.100.7"),
        (b"h ; RPORT ; x", b"h ; RPORT=40000 ; x;received=198.51.100.7"),
        # A value that was there already is a guess, or a lie.
        (b"h;rport=1;branch=x", b"h;rport=40000;branch=x;received=198.51.100.7"),
        (b"h;rport=lie", b"h;rport=40000;received=198.51.100.7"),
        (b"h;received=10.9.9.9;rport", b"h;rport=40000;received=198.51.100.7"),
        (b"h;Received = [2001:db8::9] ;x", b"h;x;received=198.51.100.7"),
        # RFC 3261 §18.2.1: without rport, received says only what sent-by does not.
        (b"h.example.com:5070;branch=x", b"h.example.com:5070;branch=x;received=198.51.100.7"),
        (b"198.51.100.7:5070;branch=x", b"198.51.100.7:5070;branch=x"),
        (b"198.51.100.7;received=198.51.100.7", b"198.51.100.7"),
        # What only begins like it is another parameter.
        (b"198.51.100.7;rports;x-rport=1", b"198.51.100.7;rports;x-rport=1"),
    ],
)
def test_the_real_source_is_stamped_on(sent: bytes, stamped: bytes) -> None:
    assert Via(b"SIP/2.0/UDP " + sent).stamped(*SOURCE) == b"SIP/2.0/UDP " + stamped


def test_what_needs_no_stamp_stays_the_very_same_bytes() -> None:
    via = Via(b"SIP/2.0/UDP 198.51.100.7;branch=x")
    assert via.stamped(*SOURCE) is via.text


def test_received_has_no_brackets_around_ipv6() -> None:
    """RFC 3261 §25.1: via-received takes an IPv6address, not an IPv6reference (RFC 5118 §4.5)."""
    via = Via(b"SIP/2.0/UDP [2001:db8::9];rport")
    assert via.stamped("2001:db8::7", 5060).endswith(b";rport=5060;received=2001:db8::7")
    assert Via(b"SIP/2.0/UDP [2001:db8::7]").stamped("2001:db8::7", 5060) == b"SIP/2.0/UDP [2001:db8::7]"


# -- the way back ------------------------------------------------------------------------------------------------------


@pytest.mark.purpose(
    "RFC3581_03",
    given="Via with rport and without, from 198.51.100.7:40000",
    expect="to port 40000 with rport; without it to the port of the Via",
)  # fmt: skip
@pytest.mark.parametrize(
    ("via", "address"),
    [
        (b"10.0.0.9:5070;rport", SOURCE),
        (b"10.0.0.9:5070;rport;maddr=10.0.0.3", SOURCE),
        (b"10.0.0.9:5070", ("198.51.100.7", 5070)),
        (b"10.0.0.9", ("198.51.100.7", 5060)),
        (b"10.0.0.9:5070;maddr=10.0.0.3", ("10.0.0.3", 5070)),
        (b"10.0.0.9;maddr=223.255.255.255", ("223.255.255.255", 5060)),
    ],
)
def test_a_response_goes_where_the_via_and_the_source_say(via: bytes, address: tuple[str, int]) -> None:
    """RFC 3261 §18.2.2 and RFC 3581 §4; the host in the Via itself is never believed."""
    assert Via(b"SIP/2.0/UDP " + via).reply_address(SOURCE) == address


@pytest.mark.parametrize(
    "maddr",
    [
        b"255.255.255.255",
        b"224.2.0.1",
        b"239.255.255.250",
        b"0.0.0.0",
        b"127.0.0.1",
        b"10.0.0.256",
        b"10.0.0.999",
        b"10.0.0.01",
        b"10.0.0",
        b"10.0.0.1.1",
        b"victim.example.com",
        b"[::1]",
    ],
)
def test_an_maddr_that_is_no_plain_address_is_not_followed(maddr: bytes) -> None:
    """Neither a crowd, nor ourselves, nor a name that somebody would have to look up."""
    assert Via(b"SIP/2.0/UDP h;maddr=" + maddr).reply_address(SOURCE) == ("198.51.100.7", 5060)


@pytest.mark.parametrize(
    ("via", "source"),
    [
        (b"h;branch=1;rport=40000;received=198.51.100.7", (b"198.51.100.7", 40000)),
        (b"10.0.0.9:5070 ; received = 198.51.100.7", (b"198.51.100.7", 0)),
        (b"10.0.0.9:5070;rport;branch=1", (b"10.0.0.9", 0)),
        (b"h;rport=70000;received=2001:db8::7", (b"2001:db8::7", 0)),
        (b"10.0.0.9", (b"10.0.0.9", 0)),
        (b"10.0.0.9;" + b"".join(b"a%d=b;" % n for n in range(100)) + b"received=198.51.100.7", (b"10.0.0.9", 0)),
    ],
)
def test_what_a_server_has_stamped_into_a_via(via: bytes, source: tuple[bytes, int]) -> None:
    assert Via(b"SIP/2.0/UDP " + via).source == source


# -- anything at all ---------------------------------------------------------------------------------------------------

PIECES = [
    b"SIP/2.0/UDP ",
    b"h",
    b":5060",
    b";",
    b"rport",
    b"=",
    b"received",
    b"branch",
    b"maddr",
    b" ",
    b'"',
    b"10.0.0.1",
]


@given(st.lists(st.sampled_from(PIECES)).map(b"".join) | st.binary())
@example(b"SIP/2.0/UDP h;received=SIP/2.0/UDP SIP/2.0/UDP ")
@example(b"SIP/2.0/UDP h;received")
def test_any_bytes_are_a_via_or_an_error_and_a_stamp_keeps_it_one(text: bytes) -> None:
    try:
        via = Via(text)
    except SipError as error:
        assert error.status == 400
        return
    stamped = Via(via.stamped(*SOURCE))
    assert (stamped.transport, stamped.host, stamped.port) == (via.transport, via.host, via.port)
    assert stamped.rport is via.rport
    host, port = via.reply_address(SOURCE)
    assert host and 0 < port < 65536
