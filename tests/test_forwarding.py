"""What a forwarded message looks like (RFC 3261 §16.6, §16.7): what must change does, and not a byte of the rest."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from sipfullproxy.engine.config import Switches
from sipfullproxy.sip.message import Request
from sipfullproxy.sip.phrases import Phrasebook
from tests.helpers import Lab, Phone, call, hang_up


def trio(**settings: Any) -> tuple[Lab, Phone, Phone]:
    lab = Lab(**settings)
    alice, bob = lab.registered("alice", "bob")
    return lab, alice, bob


def passed(phone: Phone, to: Phone, data: bytes) -> bytes:
    """Send bytes, and return the bytes that the other phone gets."""
    (send,) = [send for send in phone.send(data) if send.flow.remote == to.address]
    return send.data


def lines(data: bytes) -> list[bytes]:
    return data.partition(b"\r\n\r\n")[0].split(b"\r\n")


VIA = b"Via: SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-a"


def message(*headers: bytes, body: bytes = b"", start: bytes = b"MESSAGE sip:bob@10.0.0.1 SIP/2.0") -> bytes:
    method = start.partition(b" ")[0]
    fixed = (
        b"From: <sip:alice@10.0.0.1>;tag=a", b"To: <sip:bob@10.0.0.1>", b"Call-ID: a@10.0.0.10", b"CSeq: 1 " + method,
        b"Max-Forwards: 70",
    )  # fmt: skip
    return b"\r\n".join((start, *headers, *fixed, b"Content-Length: %d" % len(body), b"", body))


# -- what passes untouched ---------------------------------------------------------------------------------------------


@pytest.mark.purpose(
    "SIP_MG_PR_V_006",
    given="MESSAGE with headers that nobody knows, bytes that are no text, NULs in its body",
    expect="forwarded byte for byte, but for what §16.6 changes",
)  # fmt: skip
def test_the_whole_of_a_forwarded_request_byte_for_byte() -> None:
    _, alice, bob = trio()
    odd = [
        b"X-Unknown:  two  spaces, \"a, b\" ;x=1", b"x-UNKNOWN: again", b"s: compact",
        b"Accept-Language:\tsk\r\n ,  en", b"X-Latin: caf\xe9 \xff\x80",
    ]  # fmt: skip
    body = b"NUL \x00 and \r\n\r\n and \xff\xfe"
    got = passed(alice, bob, message(VIA, *odd, body=body))
    assert got == b"\r\n".join(
        (
            b"MESSAGE sip:bob@10.0.0.11:5060 SIP/2.0",
            lines(got)[1], VIA, b"Max-Breadth: 60", *odd,
            b"From: <sip:alice@10.0.0.1>;tag=a", b"To: <sip:bob@10.0.0.1>", b"Call-ID: a@10.0.0.10", b"CSeq: 1 MESSAGE",
            b"Max-Forwards: 69", b"Content-Length: %d" % len(body), b"", body,
        )
    )  # fmt: skip
    assert lines(got)[1].startswith(b"Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK0-")


@pytest.mark.parametrize("method", [b"FOO", b"foo", b"PUBLISH-2", b"INFO", b"UPDATE", b"PRACK", b"!%*_+`'~.-"])
def test_unknown_methods_pass(method: bytes) -> None:
    _, alice, bob = trio()
    got = passed(alice, bob, message(VIA, start=method + b" sip:bob@10.0.0.1 SIP/2.0"))
    assert got.startswith(method + b" sip:bob@10.0.0.11:5060 SIP/2.0\r\n")


def test_a_video_offer_of_20_000_bytes_passes() -> None:
    _, alice, bob = trio()
    body = bytes(range(256)) * 80
    got = passed(alice, bob, message(VIA, body=body, start=b"INVITE sip:bob@10.0.0.1 SIP/2.0"))
    assert got.endswith(b"\r\n\r\n" + body)


@pytest.mark.purpose(
    "SIP_MG_PR_I_007..009",
    given="MESSAGE with more bytes than its Content-Length says", expect="forwarded without them",
)  # fmt: skip
def test_what_stands_behind_content_length_is_cut_off() -> None:
    """§18.3."""
    _, alice, bob = trio()
    assert passed(alice, bob, message(VIA, body=b"body") + b"junk").endswith(b"\r\n\r\nbody")


def test_without_a_content_length_the_body_ends_with_the_datagram() -> None:
    _, alice, bob = trio()
    got = passed(alice, bob, message(VIA).replace(b"\r\nContent-Length: 0", b"") + b"all of it")
    assert got.endswith(b"\r\n\r\nall of it")
    assert b"Content-Length" not in got


@pytest.mark.purpose(
    "SIP_CC_PR_MP_RS_V_001", "SIP_MG_PR_V_012..013",
    given="200 with a phrase of its own and unknown headers, to a MESSAGE",
    expect="the caller gets the same bytes without our Via",
)  # fmt: skip
def test_a_response_passes_byte_for_byte_but_for_our_via() -> None:
    lab, alice, bob = trio()
    got = passed(alice, bob, message(VIA))
    head = b"SIP/2.0 200 Okey  dokey\r\nX-First: 1\r\n"
    tail = (
        VIA + b"\r\nFrom: <sip:alice@10.0.0.1>;tag=a\r\nTo: <sip:bob@10.0.0.1>;tag=b\r\nCall-ID: a@10.0.0.10\r\n"
        b"CSeq: 1 MESSAGE\r\nX-Last: \x80\r\nContent-Length: 3\r\n\r\n\x00\r\n"
    )
    assert passed(bob, alice, head + lines(got)[1] + b"\r\n" + tail) == head + tail
    assert lab.sent[-1].edits == ("via-pop",)


@pytest.mark.purpose(
    "SIP_CC_PR_MP_RS_V_001", "SIP_MG_PR_V_007..011",
    given="200 with both Vias in one row, with blanks or a fold between", expect="ours is taken out, the other stays",
)  # fmt: skip
@pytest.mark.parametrize("separator", [b", ", b",", b" ,\r\n  "])
def test_a_response_with_its_vias_in_one_line(separator: bytes) -> None:
    _, alice, bob = trio()
    got = passed(alice, bob, message(VIA))
    vias = b"v: " + lines(got)[1].removeprefix(b"Via: ") + separator + VIA.removeprefix(b"Via: ")
    tail = (
        b"\r\nFrom: <sip:alice@10.0.0.1>;tag=a\r\nTo: <sip:bob@10.0.0.1>;tag=b\r\nCall-ID: a@10.0.0.10\r\n"
        b"CSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n"
    )
    assert passed(bob, alice, b"SIP/2.0 200 OK\r\n" + vias + tail) == b"SIP/2.0 200 OK\r\n" + VIA + tail


@pytest.mark.purpose(
    "SIP_CC_PR_MP_RS_V_001", "SIP_CC_PR_MP_RS_V_005..011",
    given="180, 183, 200, 302, 404, 499, 500 or 603 to an INVITE; the final ones to a BYE and to a method nobody knows",
    expect="sent to the caller byte for byte, without our Via",
)  # fmt: skip
@pytest.mark.parametrize(
    ("method", "status"),
    [
        (b"INVITE", 180), (b"INVITE", 183),  # to an INVITE only (RFC 4320 §4.1)
        *product([b"INVITE", b"BYE", b"UNHEARD-OF"], [200, 302, 404, 499, 500, 603]),
    ],
)  # fmt: skip
def test_a_response_of_any_class_to_any_method_passes_byte_for_byte(method: bytes, status: int) -> None:
    _, alice, bob = trio(recurse=False)
    got = passed(alice, bob, message(VIA, b"Subject: x", start=method + b" sip:bob@10.0.0.1 SIP/2.0"))
    head = b"SIP/2.0 %d As it came\r\n" % status
    tail = (
        VIA + b"\r\nFrom: <sip:alice@10.0.0.1>;tag=a\r\nTo: <sip:bob@10.0.0.1>;tag=b\r\nCall-ID: a@10.0.0.10\r\n"
        b"CSeq: 1 " + method + b"\r\nContact: <sip:x@192.0.2.1>\r\nX-Odd:  \xff\r\nContent-Length: 3\r\n\r\nabc"
    )
    assert passed(bob, alice, head + lines(got)[1] + b"\r\n" + tail) == head + tail


@pytest.mark.purpose(
    "SIP_MG_PR_I_006",
    given="BYE, INFO and MESSAGE with Expires, Min-Expires, Refer-To, WWW-Authenticate, Unsupported …",
    expect="forwarded with all of it, and nothing done about it",
)  # fmt: skip
@pytest.mark.parametrize("method", [b"BYE", b"INFO", b"MESSAGE"])
def test_headers_that_mean_nothing_in_a_request_are_not_looked_at(method: bytes) -> None:
    """§7.3.2: "ignored"."""
    _, alice, bob = trio()
    odd = [
        b"Expires: soon", b"Min-Expires: -1", b"Refer-To: nonsense<", b"WWW-Authenticate: x", b"Unsupported: y",
        b"Record-Route: <sip:192.0.2.1;lr>", b"Contact: *", b"Retry-After: never",
    ]  # fmt: skip
    got = passed(alice, bob, message(VIA, *odd, start=method + b" sip:bob@10.0.0.1 SIP/2.0"))
    assert [line for line in lines(got) if line in odd] == odd


PLAIN_HEADERS = [
    b"Via: SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-a", b"Route: <sip:10.0.0.1;lr>", b"Route: <sip:192.0.2.1;lr>",
    b"From: <sip:alice@10.0.0.1>;tag=a", b"To: <sip:far@198.51.100.1>", b"Call-ID: a@10.0.0.10", b"CSeq: 1 MESSAGE",
    b"Max-Forwards: 70", b"Subject: x", b"Content-Length: 0",
]  # fmt: skip
IN_ONE_ROW = [
    *PLAIN_HEADERS[:1], b"Route: <sip:10.0.0.1;lr>,\t<sip:192.0.2.1;lr>", *PLAIN_HEADERS[3:]
]  # fmt: skip
COMPACTED = [
    line.replace(b"Via", b"v").replace(b"From", b"f").replace(b"To:", b"t:").replace(b"Call-ID", b"i")
    .replace(b"Subject", b"s").replace(b"Content-Length", b"l") for line in PLAIN_HEADERS
]  # fmt: skip


@pytest.mark.purpose(
    "SIP_MG_PR_V_007..011", "SIP_MG_PR_V_014",
    given="one MESSAGE with two Routes: written plainly, folded, with blanks, in another case, in another order, with "
    "both Routes in one row, in compact form",
    expect="each time the same: our Route taken out, Max-Forwards counted down, sent to the second Route",
)  # fmt: skip
@pytest.mark.parametrize(
    "headers",
    [
        PLAIN_HEADERS,
        [line.replace(b": ", b":\r\n \t") for line in PLAIN_HEADERS],
        [
            line.replace(b": ", b" \t :  ").replace(b">;", b"> ; ").replace(b"5060;", b"5060 ; ") + b"  "
            for line in PLAIN_HEADERS
        ],
        [line.partition(b":")[0].swapcase() + b":" + line.partition(b":")[2] for line in PLAIN_HEADERS],
        [*PLAIN_HEADERS[3:], *PLAIN_HEADERS[:3]],
        IN_ONE_ROW,
        COMPACTED,
    ],
    ids=["plain", "folded", "blanks", "case", "order", "one row", "compact"],
)
def test_however_headers_are_written_they_mean_the_same(headers: list[bytes], edge: tuple[Lab, Phone, Phone]) -> None:
    """§7.3.1, §7.3.3."""
    _, alice, hop = edge
    alice.send(b"\r\n".join((b"MESSAGE sip:far@198.51.100.1 SIP/2.0", *headers, b"", b"")))
    got = hop.takes("MESSAGE")
    assert [value.replace(b" ", b"") for value in got.values(b"route")] == [b"<sip:192.0.2.1;lr>"]
    assert got.values(b"max-forwards") == [b"69"]
    assert (got.call_id, got.from_tag, got.cseq) == (b"a@10.0.0.10", b"a", 1)
    assert [value.partition(b";")[0].strip() for value in got.values(b"via")] == [
        b"SIP/2.0/UDP 10.0.0.1:5060", b"SIP/2.0/UDP 10.0.0.10:5060",
    ]  # fmt: skip
    assert got.values(b"subject") == [b"x"]


@pytest.mark.purpose(
    "SIP_MG_PR_V_001..005",
    given="Request-URIs with escapes, a password, a port, parameters known and unknown, in any case, with maddr",
    expect="forwarded to that host and port, not a byte of the Request-URI changed",
)  # fmt: skip
@pytest.mark.parametrize(
    ("uri", "to"),
    [
        ("sip:192.0.2.1", ("192.0.2.1", 5060)),
        ("sip:%66ar%20%40%3b;a?b:pass,word@192.0.2.1", ("192.0.2.1", 5060)),
        ("sip:+1-201-555-0123;ext=7@192.0.2.1;user=phone", ("192.0.2.1", 5060)),
        ("SIP:Far@192.0.2.1:5070;Transport=UDP;TTL=5;LR;unheard-of;x=%20y", ("192.0.2.1", 5070)),
        ("sip:far@elsewhere.example:5070;maddr=192.0.2.1", ("192.0.2.1", 5070)),
    ],
)
def test_a_request_uri_of_any_valid_form_passes_as_it_is(uri: str, to: tuple[str, int]) -> None:
    """§19.1.1."""
    lab, alice, _ = trio()
    far = lab.phone("far", f"{to[0]}:{to[1]}")
    alice.request("MESSAGE", uri, to="<sip:far@192.0.2.1>")
    assert far.takes("MESSAGE").uri_text.decode() == uri


# -- Via (§16.6 item 8, §18.2.1) ---------------------------------------------------------------------------------------


@pytest.mark.purpose(
    "RFC5393_02",
    given="MESSAGE twice", expect="two branches of ours, both with the magic cookie",
)  # fmt: skip
def test_our_via_is_the_topmost_and_has_a_branch_that_was_never_used() -> None:
    lab, alice, bob = trio()
    alice.request("MESSAGE", "sip:bob@10.0.0.1")
    alice.request("MESSAGE", "sip:bob@10.0.0.1")
    branches = [bob.takes("MESSAGE").via for _ in range(2)]
    assert all(via.sent_by == (b"10.0.0.1", 5060) and via.branch.startswith(b"z9hG4bK0-") for via in branches)
    assert branches[0].branch != branches[1].branch
    assert lab.sent[-1].edits[-1] == "via-push"


def test_branches_begin_with_the_name_of_the_worker() -> None:
    _, alice, bob = trio(worker="w7")
    alice.request("MESSAGE", "sip:bob@10.0.0.1")
    assert bob.takes("MESSAGE").via.branch.startswith(b"z9hG4bKw7-")


@pytest.mark.purpose(
    "RFC3581_01..02",
    given="MESSAGE with an empty rport from 10.0.0.10:5060",
    expect="forwarded with rport=5060 and received=10.0.0.10 below our Via",
)  # fmt: skip
def test_rport_and_received_are_filled_in() -> None:
    """RFC 3581 §4."""
    _, alice, bob = trio()
    got = passed(alice, bob, message(b"Via: SIP/2.0/UDP 192.168.7.7;rport;branch=z9hG4bK-n"))
    assert lines(got)[2] == b"Via: SIP/2.0/UDP 192.168.7.7;rport=5060;branch=z9hG4bK-n;received=10.0.0.10"


@pytest.mark.purpose(
    "RFC5393_10",
    given="Via values of others in odd spellings: folded, compact, several in a line, without a branch",
    expect="below our Via, byte for byte",
)  # fmt: skip
@pytest.mark.parametrize(
    "vias",
    [
        [VIA, b"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK-x", b"v:SIP/2.0/TCP 192.0.2.2"],
        [VIA + b", SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK-x,SIP/2.0/UDP 192.0.2.2"],
        [b"VIA :SIP / 2.0\r\n /UDP 10.0.0.10:5060\r\n\t;branch=z9hG4bK-a", b"Via: SIP/2.0/UDP 192.0.2.2"],
    ],
)
def test_vias_below_stay_as_they_came(vias: list[bytes]) -> None:
    _, alice, bob = trio()
    got = passed(alice, bob, message(*vias))
    assert b"\r\n" + b"\r\n".join(vias) + b"\r\nMax-Breadth: 60\r\nFrom:" in got


# -- Request-URI (§16.6 item 2) ----------------------------------------------------------------------------------------


def test_the_request_uri_becomes_the_contact_that_the_phone_registered() -> None:
    lab = Lab()
    (alice,) = lab.registered("alice")
    bob = lab.phone("bob", contact="sip:b%6fb@10.0.0.11:5060;transport=UDP;x=%20?h=1")
    bob.register()
    alice.request("MESSAGE", "sip:bob@10.0.0.1:5060")
    assert bob.takes("MESSAGE").uri_text == b"sip:b%6fb@10.0.0.11:5060;transport=UDP;x=%20"
    assert "uri-to-binding" in lab.sent[-1].edits


# -- Max-Forwards (§16.6 item 3) ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("before", "after"), [(70, b"69"), (1, b"0"), (255, b"254"), (None, b"70")])
def test_max_forwards_goes_down_or_is_added(before: int | None, after: bytes) -> None:
    _, alice, bob = trio()
    alice.request("MESSAGE", "sip:bob@10.0.0.1", max_forwards=before)
    assert bob.takes("MESSAGE").first(b"max-forwards") == after


# -- Route (§16.4, §16.6 items 6 and 7) --------------------------------------------------------------------------------


@pytest.fixture
def edge() -> tuple[Lab, Phone, Phone]:
    """Alice, and a foreign proxy that her calls go by."""
    lab = Lab()
    (alice,) = lab.registered("alice")
    return lab, alice, lab.phone("hop", "192.0.2.1:5060")


FAR = b"MESSAGE sip:far@198.51.100.1 SIP/2.0"


@pytest.mark.parametrize(
    ("routes", "left"),
    [
        ([b"Route: <sip:10.0.0.1;lr>", b"Route: <sip:192.0.2.1;lr>"], [b"Route: <sip:192.0.2.1;lr>"]),
        ([b"Route: <sip:10.0.0.1;lr>,<sip:192.0.2.1;lr>;x=y"], [b"Route: <sip:192.0.2.1;lr>;x=y"]),
        ([b"ROUTE : <sip:10.0.0.1:5060;lr>\r\n , <sip:192.0.2.1;lr>"], [b"Route: <sip:192.0.2.1;lr>"]),
        (
            [b'Route: "a, <b>" <sip:10.0.0.1;lr>, <sip:10.0.0.1;lr>', b"Route: <sip:192.0.2.1;lr>, <sip:192.0.2.2;lr>"],
            [b"Route: <sip:192.0.2.1;lr>", b"Route: <sip:192.0.2.2;lr>"],
        ),
        ([b"Route: <sip:192.0.2.1;lr>, <sip:10.0.0.1;lr>"], [b"Route: <sip:192.0.2.1;lr>, <sip:10.0.0.1;lr>"]),
    ],
)
def test_our_own_routes_are_taken_out_and_the_next_is_where_it_goes(
    edge: tuple[Lab, Phone, Phone], routes: list[bytes], left: list[bytes]
) -> None:
    _, alice, hop = edge
    got = passed(alice, hop, message(VIA, *routes, start=FAR))
    assert got.startswith(FAR)
    assert [line for line in lines(got) if line.lower().startswith(b"route")] == left


def test_a_strict_router_ahead_gets_its_own_address_as_request_uri(edge: tuple[Lab, Phone, Phone]) -> None:
    """§16.6 item 6."""
    lab, alice, hop = edge
    got = passed(alice, hop, message(VIA, b"Route: <sip:s@192.0.2.1;x?h=1>, <sip:192.0.2.2;lr>", start=FAR))
    assert lines(got)[0] == b"MESSAGE sip:s@192.0.2.1;x SIP/2.0"
    assert [line for line in lines(got) if line.startswith(b"Route")] == [
        b"Route: <sip:192.0.2.2;lr>", b"Route: <sip:far@198.51.100.1>",
    ]  # fmt: skip
    assert "strict-route" in lab.sent[-1].edits


def test_a_strict_router_behind_us_is_undone(edge: tuple[Lab, Phone, Phone]) -> None:
    """§16.4: our Record-Route came back as the Request-URI, and the real one as the last Route."""
    lab, alice, hop = edge
    start = b"MESSAGE sip:10.0.0.1:5060;lr SIP/2.0"
    got = passed(alice, hop, message(VIA, b"Route: <sip:192.0.2.1;lr>, <sip:far@198.51.100.1>", start=start))
    assert lines(got)[0] == FAR
    assert [line for line in lines(got) if line.startswith(b"Route")] == [b"Route: <sip:192.0.2.1;lr>"]
    assert "strict-route-restored" in lab.sent[-1].edits


def test_strict_routers_on_both_sides(edge: tuple[Lab, Phone, Phone]) -> None:
    _, alice, hop = edge
    start = b"MESSAGE sip:10.0.0.1:5060;lr SIP/2.0"
    got = passed(alice, hop, message(VIA, b"Route: <sip:192.0.2.1>, <sip:far@198.51.100.1>", start=start))
    assert lines(got)[0] == b"MESSAGE sip:192.0.2.1 SIP/2.0"
    assert [line for line in lines(got) if line.startswith(b"Route")] == [b"Route: <sip:far@198.51.100.1>"]


def test_a_route_to_nothing_but_us_is_gone() -> None:
    """A phone that has us as its outbound proxy sends `Route: <sip:us;lr>` with all that it sends."""
    _, alice, bob = trio()
    got = passed(alice, bob, message(VIA, b"Route: <sip:10.0.0.1;transport=udp;lr>"))
    assert b"Route" not in got
    assert lines(got)[0] == b"MESSAGE sip:bob@10.0.0.11:5060 SIP/2.0"


# -- Record-Route (§16.6 item 4, RFC 6665 §4.3) ------------------------------------------------------------------------

PLAIN = b"<sip:10.0.0.1:5060;lr>"


@pytest.mark.purpose(
    "RFC6665_01..02",
    given="SUBSCRIBE or NOTIFY",
    expect="forwarded with our Record-Route: every SUBSCRIBE has it, so that no NOTIFY has it alone",
)  # fmt: skip
@pytest.mark.parametrize(
    ("method", "there"),
    [
        ("INVITE", True), ("SUBSCRIBE", True), ("REFER", True), ("NOTIFY", True),
        ("MESSAGE", False), ("OPTIONS", False), ("INFO", False), ("UPDATE", False), ("PRACK", False), ("FOO", False),
    ],
)  # fmt: skip
def test_record_route_stands_where_a_dialog_may_form(method: str, there: bool) -> None:
    _, alice, bob = trio()
    alice.request(method, "sip:bob@10.0.0.1")
    assert bob.takes(method).values(b"record-route") == [PLAIN] * there


def test_record_route_is_not_in_ack_bye_or_cancel() -> None:
    """lab.md: the original put it into ACK too."""
    lab, alice, bob = trio()
    call(alice, bob)
    hang_up(alice, bob)
    sent = alice.invite("bob")
    bob.ring(bob.takes("INVITE"))
    alice.cancel(sent)
    assert bob.waiting == ["CANCEL"]
    bare = [send.data for send in lab.sent if send.data[:3] in (b"ACK", b"BYE", b"CAN")]
    assert len(bare) == 3
    assert not any(b"Record-Route" in data for data in bare)


def test_record_route_is_there_again_in_a_re_invite() -> None:
    """§16.6 item 4: for a phone that has lost its dialog and takes the request for a new one."""
    _, alice, bob = trio()
    call(alice, bob)
    assert alice.dialog is not None
    alice.dialog.request("INVITE")
    assert bob.takes("INVITE").values(b"record-route") == [PLAIN]


@pytest.mark.parametrize("method", ["INVITE", "SUBSCRIBE", "REFER", "NOTIFY"])
def test_record_route_can_be_left_out_to_show_what_it_is_good_for(method: str) -> None:
    switches = Switches()
    lab = Lab(switches=switches)
    alice, bob = lab.registered("alice", "bob")
    for record_route in (False, True):
        switches.record_route = record_route
        alice.request(method, "sip:bob@10.0.0.1")
        assert (b"record-route" in bob.takes(method).where) is record_route


def test_without_record_route_the_bye_takes_the_short_way() -> None:
    lab = Lab(switches=Switches(record_route=False))
    alice, bob = lab.registered("alice", "bob")
    call(alice, bob)
    assert alice.dialog is not None and bob.dialog is not None
    assert alice.dialog.routes == bob.dialog.routes == []
    assert (alice.dialog.target, bob.dialog.target) == (bob.contact, alice.contact), "which is not the proxy"


@pytest.mark.purpose(
    "RFC5658_02",
    given="INVITE with two Record-Route values", expect="ours stands above them",
)  # fmt: skip
def test_our_record_route_is_above_those_that_are_there() -> None:
    _, alice, bob = trio()
    start = b"INVITE sip:bob@10.0.0.1 SIP/2.0"
    got = passed(alice, bob, message(VIA, b"Record-Route: <sip:192.0.2.1;lr>,<sip:192.0.2.2;lr>", start=start))
    assert lines(got)[4:6] == [b"Record-Route: " + PLAIN, b"Record-Route: <sip:192.0.2.1;lr>,<sip:192.0.2.2;lr>"]


@pytest.mark.purpose(
    "RFC5658_01",
    given="200 with the Record-Route of its INVITE", expect="back with it as it was written",
)  # fmt: skip
def test_record_routes_of_a_response_pass_untouched() -> None:
    _, alice, bob = trio()
    alice.invite("bob")
    invite = bob.takes("INVITE")
    bob.answer(invite)
    alice.takes(100)
    assert alice.takes(200).values(b"record-route") == [PLAIN]


@pytest.mark.purpose(
    "SIP_CC_PR_TR_SE_V_027..028", "SIP_CC_PR_MP_RQ_V_020",
    given="ACK of a 200, by our Record-Route",
    expect="forwarded to the phone that answered, without our Route, its body untouched",
)  # fmt: skip
def test_the_ack_of_a_2xx_goes_by_route_to_the_phone_that_answered() -> None:
    _, alice, bob = trio()
    sent, _ = call(alice, bob)
    assert alice.dialog is not None
    alice.dialog.ack(sent, body="v=0")
    ack = bob.takes("ACK")
    assert (ack.uri_text.decode(), ack.body) == (bob.contact, b"v=0")
    assert b"route" not in ack.where
    assert len(ack.values(b"via")) == 2


@pytest.mark.purpose(
    "SIP_CC_PR_MP_RQ_V_022",
    given="ACK of a 200 for the address-of-record", expect="forwarded to each phone of that user",
)  # fmt: skip
def test_an_ack_that_names_the_user_reaches_each_of_his_phones() -> None:
    """Some phones keep the address-of-record as their target; which phone of several answered is not ours to know."""
    lab, alice, bob = trio()
    second = lab.phone("bob", "10.0.0.77:5060")
    second.register()
    sent = alice.invite("bob")
    bob.answer(bob.takes("INVITE"))
    second.reply(second.takes("INVITE"), 487)
    assert alice.takes(100) and alice.dialog is not None
    alice.dialog.remote = (alice.takes(200).first(b"to") or b"").decode()
    second.inbox.clear()
    alice.dialog.ack(sent)
    assert bob.waiting == second.waiting == ["ACK"]


# -- phrases (§7.2) ----------------------------------------------------------------------------------------------------


def phrase_of(mode: str, status: int, phrase: str = "As It Came") -> tuple[bytes, bytes]:
    """The phrase of a relayed response, and the one of our own 404."""
    _, alice, bob = trio(phrases=Phrasebook("sk", mode, {487: "Vlastná"}))
    alice.invite("bob")
    bob.reply(bob.takes("INVITE"), status, phrase)
    alice.takes(100)
    relayed = alice.takes(status).phrase
    alice.inbox.clear()
    alice.request("MESSAGE", "sip:nobody@10.0.0.1")
    return relayed, alice.takes(404).phrase


@pytest.mark.parametrize(
    ("mode", "relayed", "own"),
    [("all", "Obsadené", "Nenájdené"), ("own", "As It Came", "Nenájdené"), ("off", "As It Came", "Not Found")],
)
def test_whose_phrases_are_rewritten(mode: str, relayed: str, own: str) -> None:
    assert phrase_of(mode, 486) == (relayed.encode(), own.encode())


def test_a_phrase_of_the_users_choice_and_one_that_nobody_knows() -> None:
    assert phrase_of("all", 487)[0] == "Vlastná".encode()
    assert phrase_of("all", 499, "Strange")[0] == b"Strange"


def test_a_rewritten_phrase_is_named_among_the_edits() -> None:
    lab, alice, bob = trio(phrases=Phrasebook("sk", "all"))
    alice.request("MESSAGE", "sip:bob@10.0.0.1")
    bob.reply(bob.takes("MESSAGE"), 486)
    assert lab.sent[-1].edits == ("via-pop", "phrase")
    assert lab.sent[-1].data.startswith("SIP/2.0 486 Obsadené\r\n".encode())


# -- what causes what --------------------------------------------------------------------------------------------------


def test_a_send_names_its_cause_and_its_edits() -> None:
    lab, alice, bob = trio()
    alice.invite("bob", headers=("Route: <sip:10.0.0.1;lr>",))
    trying, invite = lab.sent
    assert trying.cause == invite.cause == lab.engine.serial
    assert trying.edits == ()
    assert invite.edits == (
        "route-pop", "uri-to-binding", "max-forwards-down", "max-breadth", "record-route", "via-push",
    )  # fmt: skip
    lab.advance(0.5)
    assert (lab.sent[-1].cause, lab.sent[-1].edits) == ("A", ())
    assert isinstance(bob.inbox[-1], Request)
