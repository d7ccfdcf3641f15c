"""Reasonable or not (RFC 3261 §16.3, RFC 5393): what is refused before anybody asks where it goes."""

from __future__ import annotations

from zlib import crc32

import pytest

from sipfullproxy.sip.message import Request, Response, parse
from tests.helpers import PROXY, Lab, Phone


def pair() -> tuple[Lab, Phone, Phone]:
    lab = Lab()
    alice, bob = lab.registered("alice", "bob")
    return lab, alice, bob


def refusal(phone: Phone) -> Response:
    """The one final response that a phone got."""
    response = phone.inbox[-1]
    assert isinstance(response, Response)
    return response


def hop(received: Request, uri: bytes = b"", branch: bytes = b"z9hG4bK-other") -> bytes:
    """The same request as another proxy would send it on; uri: where that one wants it to go."""
    lines = [b"Via: SIP/2.0/UDP 192.0.2.1;branch=" + branch, *received.lines]
    start = received.start if not uri else received.method + b" " + uri + b" SIP/2.0"
    return b"\r\n".join((start, *lines, b"", received.body))


# -- loops and spirals (§16.3 item 4, RFC 5393 §4.2) -------------------------------------------------------------------


@pytest.mark.purpose(
    "RFC5393_06..07",
    given="MESSAGE that another proxy sends back unchanged", expect="482",
)  # fmt: skip
def test_a_request_that_comes_back_unchanged_is_a_loop() -> None:
    lab, alice, _ = pair()
    far = lab.phone("far", "192.0.2.1:5060")
    alice.request("MESSAGE", "sip:far@192.0.2.1")
    came = far.takes("MESSAGE")
    far.send(hop(came, b"sip:alice@10.0.0.1"))
    assert refusal(far).status == 403, "a stranger's, so it is not even looked up"
    far.register()
    far.send(hop(came, branch=b"z9hG4bK-1"))
    assert refusal(far).status == 482


@pytest.mark.purpose(
    "RFC5393_04", "RFC5393_08",
    given="MESSAGE that another proxy sends back for another user",
    expect="goes on to that user, and its 200 all the way back",
)  # fmt: skip
def test_a_request_that_comes_back_with_another_request_uri_is_a_spiral_and_passes() -> None:
    """§16.3: "a request that has a different Request-URI the second time around is a spiral, and no error"."""
    lab, alice, bob = pair()
    far = lab.phone("far", "192.0.2.1:5060")
    far.register()
    alice.request("MESSAGE", "sip:far@192.0.2.1")
    far.send(hop(far.takes("MESSAGE"), b"sip:bob@10.0.0.1"))
    message = bob.takes("MESSAGE")
    ours = [value for value in message.values(b"via") if value.startswith(b"SIP/2.0/UDP 10.0.0.1:5060")]
    assert len(ours) == 2
    bob.reply(message, 200)
    back = far.takes(200)
    assert [value.split(b";")[0] for value in back.values(b"via")] == [
        b"SIP/2.0/UDP 192.0.2.1", b"SIP/2.0/UDP 10.0.0.1:5060", b"SIP/2.0/UDP 10.0.0.10:5060",
    ]  # fmt: skip
    far.send(b"\r\n".join((back.start, *back.lines[1:], b"", b"")))
    assert alice.takes(200).values(b"via")[0].startswith(b"SIP/2.0/UDP 10.0.0.10:5060")


@pytest.mark.purpose(
    "RFC5393_04", "RFC5393_08",
    given="MESSAGE that comes back without the Route or the Proxy-Require that it had", expect="goes on",
)  # fmt: skip
@pytest.mark.parametrize("header", ["Route: <sip:10.0.0.1;lr>", "Proxy-Require:"])
def test_another_route_makes_a_spiral_too(header: str) -> None:
    lab, alice, _ = pair()
    far = lab.phone("far", "192.0.2.1:5060")
    far.register()
    alice.request("MESSAGE", "sip:far@192.0.2.1", headers=(header,))
    came = far.takes("MESSAGE")
    changed = [line for line in came.lines if not line.startswith(header.encode()[:5])]
    again = parse(b"\r\n".join((came.start, *changed, b"", b"")))
    assert isinstance(again, Request)
    far.send(hop(again))
    assert far.waiting == ["MESSAGE"]


def test_a_request_that_we_send_to_ourselves_is_a_loop_at_once() -> None:
    lab = Lab()
    (alice,) = lab.registered("alice")
    alice.invite("sip:x@10.0.0.99")  # another address of our machine, that nobody told us of
    while lab.astray:
        lab.put(lab.astray.pop(0).data, PROXY)
    assert alice.waiting == [100, 482]
    assert len(lab.sent) == 4 + 1, "100, INVITE, 482, its ACK; and the 482 for Alice"


@pytest.mark.purpose(
    "RFC5393_03", "RFC5393_06..07",
    given="a Via of ours below the first one, whose branch ends with the mark of this very request", expect="482",
)  # fmt: skip
@pytest.mark.parametrize(
    "via",
    [
        "SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK0-0000000000000001.{mark:08x}",
        "SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKanother-worker.{mark:08x}",
    ],
)
def test_our_own_branch_with_the_same_mark_is_what_tells_a_loop(via: str) -> None:
    lab, alice, _ = pair()
    parts = (b"sip:bob@10.0.0.1", b"", b"a", b"loop@a", b"1")
    mark = crc32(b"\0".join(parts))
    more = {"from_": "<sip:alice@10.0.0.1>;tag=a", "call_id": "loop@a"}
    alice.request("MESSAGE", "sip:bob@10.0.0.1", headers=(f"Via: {via.format(mark=mark)}",), **more)
    assert refusal(alice).status == 482
    assert lab.engine.load["transactions"] == 3, "REGISTER twice, and the one that was refused"


@pytest.mark.parametrize(
    "via",
    [
        "SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bK0-0000000000000001.{mark:08x}",
        "SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK0-{mark:08x}.00000000",
        "SIP/2.0/UDP 10.0.0.1:5060;x={mark:08x}",
    ],
)
def test_what_only_looks_like_it_is_none(via: str) -> None:
    _, alice, bob = pair()
    mark = crc32(b"\0".join((b"sip:bob@10.0.0.1", b"", b"a", b"loop@a", b"1")))
    more = {"from_": "<sip:alice@10.0.0.1>;tag=a", "call_id": "loop@a"}
    alice.request("MESSAGE", "sip:bob@10.0.0.1", headers=(f"Via: {via.format(mark=mark)}",), **more)
    bob.takes("MESSAGE")


def test_two_proxies_that_send_to_each_other_stop_by_max_forwards_at_the_latest() -> None:
    """RFC 5393 §3: an attacker may change the Request-URI each time; Max-Forwards still ends it."""
    lab, _, _ = pair()
    far = lab.phone("far", "192.0.2.1:5060")
    far.register()
    far.request("MESSAGE", "sip:0@192.0.2.1")
    for turn in range(1, 200):
        if not isinstance(far.inbox[-1], Request):
            break
        far.send(hop(far.inbox[-1], b"sip:%d@192.0.2.1" % turn, b"z9hG4bK-%d" % turn))
    assert refusal(far).status == 483


# -- Max-Forwards (§16.3 item 3) ---------------------------------------------------------------------------------------


def test_max_forwards_0_is_483() -> None:
    lab, alice, bob = pair()
    alice.invite("bob", max_forwards=0)
    assert refusal(alice).status == 483
    assert not bob.inbox
    assert lab.events == []


def test_options_with_max_forwards_0_is_answered_for_whomever_it_was() -> None:
    """§16.3 item 3, §11: this is how a trace is made."""
    _, alice, bob = pair()
    alice.request("OPTIONS", "sip:bob@10.0.0.1", max_forwards=0)
    assert refusal(alice).status == 200
    assert not bob.inbox


@pytest.mark.parametrize("value", ["256", "-1", "", "many", "7 0", "1" * 30])
def test_a_max_forwards_that_is_none_is_400(value: str) -> None:
    """§20.22: 0 to 255."""
    _, alice, bob = pair()
    alice.request("MESSAGE", "sip:bob@10.0.0.1", max_forwards=None, headers=(f"Max-Forwards: {value}",))
    assert refusal(alice).status == 400
    assert not bob.inbox


# -- Proxy-Require and Require (§16.3 item 5, §8.2.2.3) ----------------------------------------------------------------


def test_an_extension_that_the_proxy_should_know_is_420_and_named() -> None:
    _, alice, bob = pair()
    alice.request("MESSAGE", "sip:bob@10.0.0.1", headers=("Proxy-Require: foo, bar", "Proxy-Require: baz"))
    assert refusal(alice).status == 420
    assert refusal(alice).values(b"unsupported") == [b"foo", b"bar", b"baz"]
    assert not bob.inbox


def test_require_is_between_the_phones() -> None:
    """§20.32."""
    _, alice, bob = pair()
    alice.invite("bob", headers=("Require: 100rel",))
    assert bob.takes("INVITE").first(b"require") == b"100rel"


@pytest.mark.parametrize("method", ["REGISTER", "OPTIONS"])
def test_require_of_what_is_for_us_is_ours(method: str) -> None:
    _, alice, _ = pair()
    alice.request(method, "sip:10.0.0.1", to="<sip:alice@10.0.0.1>", headers=("Require: telepathy",))
    assert refusal(alice).status == 420
    assert refusal(alice).values(b"unsupported") == [b"telepathy"]


@pytest.mark.purpose(
    "SIP_CC_PR_TR_SE_V_018", "SIP_CC_PR_TR_SE_V_020", "SIP_CC_PR_TR_SE_V_022",
    given="CANCEL of a ringing call, with Proxy-Require: foo", expect="CANCEL to the phone",
)  # fmt: skip
def test_cancel_is_never_refused_for_an_extension() -> None:
    """§8.2.2.3: Require and Proxy-Require are ignored in a CANCEL."""
    _, alice, bob = pair()
    sent = alice.invite("bob")
    bob.ring(bob.takes("INVITE"))
    alice.cancel(sent, "Proxy-Require: foo")
    bob.takes("CANCEL")


def test_an_empty_proxy_require_requires_nothing() -> None:
    _, alice, bob = pair()
    alice.request("MESSAGE", "sip:bob@10.0.0.1", headers=("Proxy-Require:",))
    bob.takes("MESSAGE")


# -- the form of it (§7.1, §18.3) --------------------------------------------------------------------------------------


@pytest.mark.purpose(
    "SIP_MG_PR_I_001",
    given="INVITE with two blanks, a tab or brackets in its start line, blanks behind it, no version",
    expect="400, nothing forwarded",
)  # fmt: skip
@pytest.mark.parametrize(
    "start",
    [
        b"INVITE  sip:bob@10.0.0.1 SIP/2.0", b"INVITE sip:bob@10.0.0.1  SIP/2.0", b"INVITE\tsip:bob@10.0.0.1 SIP/2.0",
        b"INVITE <sip:bob@10.0.0.1> SIP/2.0", b"INVITE sip:bob@10.0.0.1 SIP/2.0 ", b"INVITE sip:bob@10.0.0.1",
        b"INVITE sip:bob@10.0.0.1 SIP/two",
    ],
)  # fmt: skip
def test_a_start_line_that_is_none_is_400(start: bytes) -> None:
    _, alice, bob = pair()
    alice.send(start + alice.compose("INVITE", "sip:bob@10.0.0.1").removeprefix(b"INVITE sip:bob@10.0.0.1 SIP/2.0"))
    assert alice.waiting == [400]
    assert not bob.inbox


@pytest.mark.purpose(
    "SIP_MG_PR_I_007..009",
    given="Content-Length over the length of the body, negative, no number, or twice", expect="400, nothing forwarded",
)  # fmt: skip
@pytest.mark.parametrize("length", ["5", "-1", "4x", "", "4\r\nContent-Length: 4"])
def test_a_content_length_that_is_not_that_of_the_body_is_400(length: str) -> None:
    _, alice, bob = pair()
    data = alice.compose("MESSAGE", "sip:bob@10.0.0.1", body="body")
    alice.send(data.replace(b"Content-Length: 4", f"Content-Length: {length}".encode()))
    assert alice.waiting == [400]
    assert not bob.inbox


# -- the Request-URI (§16.3 item 2) ------------------------------------------------------------------------------------


@pytest.mark.parametrize("uri", ["tel:+421900", "mailto:bob@example.org", "urn:service:sos", "h323:bob@x"])
def test_another_scheme_is_416(uri: str) -> None:
    _, alice, _ = pair()
    alice.request("MESSAGE", uri, to="<sip:bob@10.0.0.1>")
    assert refusal(alice).status == 416


@pytest.mark.purpose(
    "SIP_MG_PR_I_001..004",
    given="MESSAGE for `sip:`, `bob`, `sip:bob@`, in brackets, with port 99999, with a blank in it",
    expect="400, nothing forwarded",
)  # fmt: skip
@pytest.mark.parametrize(
    "uri", ["sip:", "bob", "sip:bob@", "<sip:bob@10.0.0.1>", "sip:bob@10.0.0.1:99999", "sip:b b@x"]
)
def test_a_request_uri_that_is_none_is_400(uri: str) -> None:
    _, alice, bob = pair()
    alice.request("MESSAGE", uri, to="<sip:bob@10.0.0.1>")
    assert refusal(alice).status == 400
    assert not bob.inbox
