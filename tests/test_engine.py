"""The verbs of the engine: what each promises to its caller, and what the proxy itself answers (RFC 3261 §11, 16.3)."""

from __future__ import annotations

from typing import Any

import pytest

from sipfullproxy.engine.config import Config
from sipfullproxy.engine.engine import Engine
from sipfullproxy.engine.events import Experiment, Failed
from sipfullproxy.engine.flow import Flow
from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.framing import Framer
from sipfullproxy.sip.message import Request, Response, parse
from tests.helpers import PROXY, Lab, Phone, call, hang_up


def warning(response: Response) -> str:
    return (response.first(b"warning") or b"").decode()


# -- receive: more than can be served ----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS", "MESSAGE", "SUBSCRIBE"])
def test_who_cannot_keep_up_refuses_what_is_new(lab: Lab, alice: Phone, bob: Phone, method: str) -> None:
    """Issue 5: early and cheaply, so nothing of it is kept; and the ACK of it goes nowhere."""
    before, lab.spare = lab.engine.load, True
    request = alice.request(method, "sip:bob@10.0.0.1")
    refused = alice.takes(503)
    assert refused.first(b"retry-after") == b"5"
    if method == "INVITE":
        alice.ack_failure(request, refused)
    assert (lab.engine.load, bob.waiting, lab.events) == (before, [], [])
    lab.spare = False
    call(alice, bob)


def test_who_cannot_keep_up_goes_on_with_what_was_begun(lab: Lab, alice: Phone, bob: Phone) -> None:
    """Calls and registrations live, a call that rings is answered or cancelled, and what comes again is no new call."""
    carol, dave = lab.registered("carol", "dave")
    call(alice, bob)
    ringing = carol.invite("dave")
    dave.ring(dave.takes("INVITE"))
    carol.takes(100), carol.takes(180)
    lab.spare = True
    carol.send(b"\r\n".join((ringing.start, *ringing.lines, b"", ringing.body)))
    carol.takes(180)
    bob.register()
    carol.cancel(ringing)
    dave.takes("CANCEL")
    hang_up(bob, alice)


# -- receive: what is no message --------------------------------------------------------------------------------------


@pytest.mark.parametrize("keepalive", [b"\r\n\r\n", b"\r\n", b"\0", b"\0\0\0\0", b"  ", b""])
def test_keepalives_are_silent(lab: Lab, keepalive: bytes) -> None:
    """RFC 5626 §3.5.1: Linphone sends CRLF CRLF every 30 s."""
    assert lab.put(keepalive, ("10.0.0.10", 5060)) == []
    assert (lab.engine.junk, lab.engine.serial) == (0, 0)


@pytest.mark.parametrize(
    "junk",
    [b"GET / HTTP/1.1\r\n\r\n", b"\x00\x01\x00\x08!\x12\xa4B", b"hello", b"\xff" * 65_000, b"SIP/2.0 99\r\n\r\n"],
)
def test_junk_is_counted_and_nothing_else(lab: Lab, junk: bytes) -> None:
    assert lab.put(junk, ("10.0.0.10", 5060)) == []
    assert (lab.engine.junk, lab.events) == (1, [])
    lab.put(junk, ("10.0.0.10", 5060))
    assert lab.engine.junk == 2


def test_messages_are_numbered_and_name_their_answers(lab: Lab, alice: Phone) -> None:
    """Each `Send` says which message made it go out."""
    before = lab.engine.serial
    alice.request("OPTIONS", "sip:10.0.0.1")
    assert lab.engine.serial == before + 1
    assert [send.cause for send in lab.sent] == [before + 1]


@pytest.mark.purpose(
    "SIP_MG_PR_I_005",
    given="INVITE whose CSeq names another method",
    expect="400 with the reason in Warning; the same when it comes again",
)  # fmt: skip
def test_a_broken_request_is_answered_400_with_the_reason(lab: Lab, alice: Phone) -> None:
    """Issue 2 §6. The response fills in `rport`, although nobody read further (RFC 3581 §4)."""
    before = lab.engine.load
    broken = alice.compose("INVITE", "sip:bob@10.0.0.1").replace(b"CSeq: 1 INVITE", b"CSeq: 1 BYE")
    alice.send(broken)
    response = alice.takes(400)
    assert "CSeq method differs" in warning(response)
    assert b"rport=5060;received=10.0.0.10" in (response.first(b"via") or b"")
    alice.send(broken)
    assert alice.takes(400).to_tag == response.to_tag, "a retransmission gets the same answer (§8.2.7)"
    assert lab.engine.load == before


def test_a_broken_request_with_a_broken_via_is_answered_to_where_it_came_from(lab: Lab, alice: Phone) -> None:
    invite = alice.compose("INVITE", "sip:bob@10.0.0.1")
    lab.put(invite.replace(b"Via: SIP/2.0/UDP ", b"Via: "), ("10.0.0.66", 7000))
    assert [send.flow.remote for send in lab.sent] == [("10.0.0.66", 7000)]
    assert lab.sent[0].data.startswith(b"SIP/2.0 400 ")


def test_a_broken_ack_is_dropped(lab: Lab, alice: Phone) -> None:
    """Nothing answers an ACK (§17.1.1.1)."""
    alice.send(alice.compose("ACK", "sip:bob@10.0.0.1").replace(b"CSeq: 1 ACK", b"CSeq: 1 BYE"))
    alice.send(alice.compose("ACK", "tel:+421905123456"))
    alice.send(alice.compose("ACK", "sip:bob@10.0.0.1", max_forwards=0))
    assert lab.sent == []


def test_another_version_of_sip(alice: Phone) -> None:
    """§21.5.6."""
    alice.send(alice.compose("OPTIONS", "sip:10.0.0.1").replace(b" SIP/2.0\r\n", b" SIP/3.0\r\n", 1))
    assert alice.takes(505)


@pytest.mark.purpose(
    "RFC6026_12",
    given="a 200 with an unknown branch of ours, with nobody's but ours, with another's Via on top", expect="dropped",
)  # fmt: skip
@pytest.mark.purpose(
    "SIP_CC_PR_MP_RS_V_002",
    given="200 whose top Via is somebody else's, or whose branch we never sent", expect="dropped",
)  # fmt: skip
@pytest.mark.parametrize(
    "response",
    [
        b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK0\r\n\r\n",
        b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK0-unknown.0\r\nFrom: <sip:a@b>;tag=1\r\n"
        b"To: <sip:c@d>;tag=2\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n\r\n",
        b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n"
        b"To: <sip:c@d>;tag=2\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n\r\n",
    ],
    ids=["nothing but a Via", "unknown branch", "Via of somebody else"],
)
def test_a_response_that_belongs_to_nothing_is_dropped(lab: Lab, response: bytes) -> None:
    """§16.7 item 3, RFC 6026 §7.3."""
    assert lab.put(response, ("10.0.0.11", 5060)) == []
    assert lab.engine.junk == 0


# -- refuse -----------------------------------------------------------------------------------------------------------


def broken(start: bytes) -> tuple[Request, SipError]:
    """A request on a stream whose end nobody knows."""
    framer = Framer()
    assert framer.feed(start + b" SIP/2.0\r\nVia: SIP/2.0/TCP 10.0.0.77;branch=z9hG4bK1\r\nCall-ID: 1\r\n\r\n") == []
    assert framer.broken is not None and framer.broken.request is not None
    return framer.broken.request, framer.broken.error


@pytest.mark.purpose(
    "SIP_MG_PR_I_010",
    given="request without Content-Length on a stream", expect="400 on that connection, and no transaction",
)  # fmt: skip
def test_a_request_without_an_end_is_answered_on_its_own_connection(lab: Lab) -> None:
    flow = Flow("tcp", lab.address, ("10.0.0.10", 40_000), 1)
    (send,) = lab.engine.refuse(*broken(b"OPTIONS sip:bob@10.0.0.1"), flow, lab.now)
    assert (send.flow, send.cause) == (flow, 1)
    response = parse(send.data)
    assert isinstance(response, Response)
    assert response.status == 400
    assert response.values(b"warning") == [b'399 10.0.0.1:5060 "No Content-Length, which a stream needs"']
    assert response.values(b"via") == [b"SIP/2.0/TCP 10.0.0.77;branch=z9hG4bK1;received=10.0.0.10"]
    assert lab.engine.load["transactions"] == 0


def test_an_ack_without_an_end_is_not(lab: Lab) -> None:
    flow = Flow("tcp", lab.address, ("10.0.0.10", 40_000), 1)
    assert lab.engine.refuse(*broken(b"ACK sip:bob@10.0.0.1"), flow, lab.now) == []


# -- receive: bugs ----------------------------------------------------------------------------------------------------


class Bugged:
    """A lab whose engine has a bug in one place, and a list of the bugs that were reported."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
        self.bugs: list[Exception] = []
        self.lab = Lab()
        self.lab.engine._report = self.bugs.append
        self.alice, self.bob = self.lab.registered("alice", "bob")
        monkeypatch.setattr(where, self._fail)

    def _fail(self, *_: Any, **__: Any) -> Any:
        raise ZeroDivisionError("a bug")


@pytest.mark.parametrize(
    "where",
    [
        "sipfullproxy.engine.engine.loop_mark",
        "sipfullproxy.engine.forwarding.Forwarder.request",
        "sipfullproxy.engine.engine.server_key",
        "sipfullproxy.engine.calls.Calls.begin",
    ],
)
def test_a_bug_is_a_500_and_is_reported(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    """Issue 2 §6: "a 500 for that one request, a traceback in the log, and the next datagram is served"."""
    with monkeypatch.context() as patch:
        bugged = Bugged(patch, where)
        invite = bugged.alice.compose("INVITE", "sip:bob@10.0.0.1", branch="z9hG4bKbug")
        bugged.alice.send(invite)
        assert any(isinstance(bug, ZeroDivisionError) for bug in bugged.bugs)
    if where != "sipfullproxy.engine.engine.server_key":
        while (response := bugged.alice.takes()).status == 100:
            pass
        assert response.status == 500
    bugged.lab.advance(300)
    bugged.alice.inbox.clear()
    assert bugged.lab.engine.load["calls"] == 0, "and no call is left behind"
    call(bugged.alice, bugged.bob)


def test_a_bug_in_reading_is_a_500_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        bugged = Bugged(patch, "sipfullproxy.sip.message.Request.check")
        assert bugged.lab.put(bugged.alice.compose("OPTIONS", "sip:10.0.0.1"), bugged.alice.address)
    assert bugged.lab.sent[-1].data.startswith(b"SIP/2.0 500 ")
    assert len(bugged.bugs) == 1


def test_a_bug_in_taking_apart_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is nobody to answer yet."""
    with monkeypatch.context() as patch:
        bugged = Bugged(patch, "sipfullproxy.engine.engine.parse")
        assert bugged.lab.put(b"OPTIONS sip:10.0.0.1 SIP/2.0\r\n\r\n", ("10.0.0.10", 5060)) == []
    assert len(bugged.bugs) == 1
    assert bugged.lab.engine.junk == 0


def test_a_bug_in_an_ack_is_reported_and_not_answered_and_one_in_a_response_is_answered_to_the_caller(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        bugged = Bugged(patch, "sipfullproxy.engine.engine.loop_mark")
        bugged.alice.request("ACK", "sip:bob@10.0.0.1", to="<sip:bob@10.0.0.1>;tag=1")
        assert len(bugged.bugs) == 1
    with monkeypatch.context() as patch:
        patch.setattr("sipfullproxy.engine.forwarding.Forwarder.response", bugged._fail)
        bugged.alice.invite("bob")
        bugged.alice.takes(100)
        bugged.bob.ring(bugged.bob.takes("INVITE"))
    assert len(bugged.bugs) == 2
    assert bugged.bob.waiting == ["CANCEL"] and bugged.alice.waiting == [500]


@pytest.mark.parametrize(
    ("where", "status"),
    [
        ("sipfullproxy.engine.forwarding.Forwarder.response", 180),
        ("sipfullproxy.engine.forwarding.Forwarder.response", 200),
        ("sipfullproxy.engine.forking._contacts", 302),
        ("sipfullproxy.engine.forking.Fork._give_up", 603),
        ("sipfullproxy.engine.calls.Call.response", 180),
    ],
)
def test_a_bug_in_a_response_ends_its_call_with_a_500(monkeypatch: pytest.MonkeyPatch, where: str, status: int) -> None:
    """Nobody waits for ever: the caller is answered, the phones that still ring are cancelled, the tables get empty."""
    with monkeypatch.context() as patch:
        bugged = Bugged(patch, where)
        lab, alice, bob = bugged.lab, bugged.alice, bugged.bob
        second = lab.phone("bob", "10.0.1.2:5060")
        second.register()
        sent = alice.invite("bob")
        got, other = bob.takes("INVITE"), second.takes("INVITE")
        second.reply(other, 100), bob.reply(got, 100)
        bob.reply(got, status, headers=("Contact: <sip:carol@10.0.0.1>",))
        assert isinstance(bugged.bugs[0], ZeroDivisionError)
    if where != "sipfullproxy.engine.forking.Fork._give_up":
        second.takes("CANCEL")
        second.reply(other, 487)
    if status == 180:
        bob.takes("CANCEL")
        bob.reply(got, 487)
    else:
        assert "CANCEL" not in bob.waiting, "he has given his answer"
    while (response := alice.takes()).status < 200:
        pass
    assert response.status == 500
    alice.ack_failure(sent, response)
    lab.advance(300)
    assert lab.engine.load == {"transactions": 0, "timers": 0, "calls": 0, "bindings": 3}


@pytest.mark.parametrize("who", ["caller", "timer C"])
def test_a_bug_in_a_cancel_leaves_nobody_waiting_for_ever(monkeypatch: pytest.MonkeyPatch, who: str) -> None:
    bugged = Bugged(monkeypatch, "sipfullproxy.engine.branch.follow_up")
    lab, alice, bob = bugged.lab, bugged.alice, bugged.bob
    sent = alice.invite("bob")
    bob.ring(bob.takes("INVITE"))
    alice.takes(100), alice.takes(180)
    if who == "caller":
        alice.cancel(sent)
        alice.takes(200)
    lab.advance(300)
    assert bugged.bugs and alice.waiting[0] == {"caller": 487, "timer C": 500}[who]
    assert lab.engine.load == {"transactions": 0, "timers": 0, "calls": 0, "bindings": 2}


@pytest.mark.parametrize(
    ("where", "status", "heard"),
    [
        ("sipfullproxy.engine.forwarding.Forwarder.response", 404, 500),
        ("sipfullproxy.engine.forking.Fork._rank", 404, 500),
        ("sipfullproxy.engine.forking.Fork._failed", 404, 404),
        ("sipfullproxy.engine.calls.Call.response", 404, 404),
        ("sipfullproxy.engine.calls.Call.response", 200, 200),
    ],
)
def test_a_bug_in_a_last_response_is_a_500_unless_it_had_gone_out(
    monkeypatch: pytest.MonkeyPatch, where: str, status: int, heard: int
) -> None:
    with monkeypatch.context() as patch:
        bugged = Bugged(patch, where)
        sent = bugged.alice.invite("bob")
        bugged.bob.reply(bugged.bob.takes("INVITE"), status)
        assert bugged.bugs
    bugged.alice.takes(100)
    response = bugged.alice.takes(heard)
    if heard >= 300:
        bugged.alice.ack_failure(sent, response)
    bugged.lab.advance(300)
    assert bugged.lab.engine.load["transactions"] == bugged.lab.engine.load["timers"] == 0


def test_a_bug_when_nobody_answers_ends_the_call_too(monkeypatch: pytest.MonkeyPatch) -> None:
    bugged = Bugged(monkeypatch, "sipfullproxy.engine.forking.Fork.lost")
    lab, alice = bugged.lab, bugged.alice
    sent = alice.invite("bob")
    alice.takes(100)
    lab.advance(32)
    alice.ack_failure(sent, alice.takes(500))
    lab.advance(300)
    assert lab.engine.load["transactions"] == lab.engine.load["calls"] == 0


def test_a_bug_when_a_phone_is_gone_ends_the_call_and_spares_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    bugged = Bugged(monkeypatch, "sipfullproxy.engine.forking.Fork.lost")
    lab, alice, bob = bugged.lab, bugged.alice, bugged.bob
    alice.invite("bob"), alice.request("OPTIONS", f"sip:bob@{PROXY[0]}")
    lab.lose(bob.address)
    assert sorted(alice.waiting) == [100, 500, 500]
    assert len(bugged.bugs) == 2


def test_a_bug_in_a_timer_stops_no_other_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        bugged = Bugged(patch, "sipfullproxy.engine.calls.Call.fired")
        call(bugged.alice, bugged.bob)
        bugged.lab.advance(4000)
    assert bugged.bugs
    assert bugged.lab.kinds[-2:] == ["unregistered", "unregistered"]


def test_without_a_reporter_a_bug_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a test does not pass over one."""
    lab = Lab()
    monkeypatch.setattr("sipfullproxy.engine.engine.server_key", lambda request: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        lab.phone("alice").request("OPTIONS", "sip:10.0.0.1")


# -- what the proxy answers itself ------------------------------------------------------------------------------------


@pytest.mark.purpose(
    "SIP_QC_PR_V_006..008",
    given="OPTIONS for the proxy itself",
    expect="200 with Allow, Accept, Accept-Encoding, Accept-Language and Supported",
)  # fmt: skip
@pytest.mark.parametrize("uri", ["sip:10.0.0.1", "sip:10.0.0.1:5060", "sip:10.0.0.1;transport=udp"])
def test_options_to_the_proxy(lab: Lab, uri: str) -> None:
    """§11.2, for strangers too: it is how one asks whether the proxy lives."""
    stranger = lab.phone("zoe")
    stranger.request("OPTIONS", uri)
    response = stranger.takes(200)
    assert response.to_tag
    assert {b"INVITE", b"ACK", b"CANCEL", b"BYE", b"OPTIONS"} < set(response.values(b"allow"))
    for header in (b"accept", b"accept-encoding", b"accept-language", b"supported"):
        assert response.first(header) is not None
    for copied in (b"from", b"call-id", b"cseq"):
        assert response.first(copied)


@pytest.mark.purpose(
    "SIP_QC_PR_V_002..005",
    given="OPTIONS for the proxy itself, and for a user with Max-Forwards: 0, by way of three hops",
    expect="200 here; all Vias, From, Call-ID and CSeq as they came, To with a tag added",
)  # fmt: skip
@pytest.mark.purpose(
    "SIP_CC_PR_TR_SE_V_002..004",
    given="INVITE for nobody, by way of three hops",
    expect="404; all Vias in their order, From, Call-ID and CSeq as they came, To with a tag added",
)  # fmt: skip
@pytest.mark.parametrize(
    ("method", "uri", "hops", "status"),
    [
        ("OPTIONS", "sip:10.0.0.1", 70, 200),
        ("OPTIONS", "sip:bob@10.0.0.1", 0, 200),
        ("INVITE", "sip:x@10.0.0.1", 9, 404),
    ],
)
def test_what_an_answer_of_ours_copies(alice: Phone, method: str, uri: str, hops: int, status: int) -> None:
    """§8.2.6.2."""
    vias = ("Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1, SIP/2.0/TCP 192.0.2.2;branch=z9hG4bK2", "v: SIP/2.0/TLS h")
    sent = alice.request(method, uri, headers=vias, max_forwards=hops, cseq=77)
    answer = alice.takes(status)
    mine, *others = answer.values(b"via")
    assert mine.startswith(sent.via.text.removesuffix(b";rport")) and others == sent.values(b"via")[1:]
    for name in (b"from", b"call-id", b"cseq"):
        assert answer.values(name) == sent.values(name)
    assert (answer.first(b"to") or b"").startswith((sent.first(b"to") or b"") + b";tag=")


@pytest.mark.purpose(
    "SIP_CC_PR_TR_SE_V_001..004", "SIP_CC_PR_TR_SE_TI_001..008",
    given="INVITE with a Timestamp, from three hops away",
    expect="100 in no time; Vias, From, To without a tag, Call-ID, CSeq and Timestamp as they came",
)  # fmt: skip
def test_what_the_100_of_an_invite_copies(lab: Lab, alice: Phone, bob: Phone) -> None:
    """§8.2.6.1, §17.2.1: it is due after 200 ms."""
    start = lab.now
    sent = alice.invite("bob", headers=("Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1", "Timestamp: 54.3"))
    trying = alice.takes(100)
    assert lab.sent_at[-1] == start
    assert trying.values(b"via")[1:] == sent.values(b"via")[1:]
    for name in (b"from", b"to", b"call-id", b"cseq", b"timestamp"):
        assert trying.values(name) == sent.values(name)
    assert not trying.to_tag


def test_options_to_the_proxy_that_require_something(alice: Phone) -> None:
    """§8.2.2.3."""
    alice.request("OPTIONS", "sip:10.0.0.1", headers=("Require: telepathy",))
    assert alice.takes(420).values(b"unsupported") == [b"telepathy"]


@pytest.mark.parametrize("zero", ["0", "00"])
def test_options_with_no_hop_left_are_answered_here(alice: Phone, bob: Phone, zero: str) -> None:
    """§16.3 item 3: a traceroute of SIP."""
    alice.request("OPTIONS", "sip:bob@10.0.0.1", max_forwards=None, headers=(f"Max-Forwards: {zero}",))
    assert alice.takes(200)
    assert not bob.inbox


@pytest.mark.purpose("SIP_QC_PR_V_001", given="OPTIONS for a user", expect="forwarded, the phone's 200 comes back")
def test_options_to_a_user_are_forwarded(alice: Phone, bob: Phone) -> None:
    """§11.1: it is the phone that is asked."""
    alice.request("OPTIONS", "sip:bob@10.0.0.1")
    bob.reply(bob.takes("OPTIONS"), 200)
    assert alice.takes(200)


@pytest.mark.purpose(
    "RFC3903_01", "RFC6665_08",
    given="PUBLISH for a user of ours or for the proxy, SUBSCRIBE to the proxy itself", expect="489",
)  # fmt: skip
@pytest.mark.parametrize(
    ("method", "uri"),
    [("PUBLISH", "sip:alice@10.0.0.1"), ("PUBLISH", "sip:10.0.0.1"), ("SUBSCRIBE", "sip:10.0.0.1")],
)
def test_no_events_are_kept_here(alice: Phone, method: str, uri: str) -> None:
    """RFC 3903 §6, RFC 6665 §4.2.1.1: 489, and never a false 200, as the original gave."""
    alice.request(method, uri, headers=("Event: presence",))
    assert alice.takes(489)


def test_subscribe_to_a_user_is_forwarded(alice: Phone, bob: Phone) -> None:
    alice.request("SUBSCRIBE", "sip:bob@10.0.0.1", headers=("Event: presence", "Expires: 600"))
    subscribe = bob.takes("SUBSCRIBE")
    assert subscribe.values(b"record-route") == [b"<sip:10.0.0.1:5060;lr>"]
    bob.reply(subscribe, 200)
    assert alice.takes(200)


@pytest.mark.parametrize("method", ["MESSAGE", "INFO", "NOTIFY", "REFER", "BYE", "UPDATE", "PRACK", "NONSENSE"])
def test_nothing_else_is_for_the_proxy_itself(alice: Phone, method: str) -> None:
    """§8.2.1."""
    alice.request(method, "sip:10.0.0.1")
    assert b"OPTIONS" in alice.takes(405).values(b"allow")


def test_a_call_to_nobody(lab: Lab, alice: Phone) -> None:
    """A Request-URI without a user (§21.4.22)."""
    alice.invite("sip:10.0.0.1")
    assert alice.takes(484)
    assert [(event.status, event.whom) for event in lab.told() if isinstance(event, Failed)] == [(484, "10.0.0.1")]


def test_unknown_absent_and_stranger(lab: Lab, alice: Phone) -> None:
    """404: there is nobody of that name. 480: he is away. 403: who asks? (§21.4)"""
    lab.registered("carol")[0].register(expires=0)
    alice.invite("nobody")
    assert alice.takes(404)
    alice.invite("carol")
    assert alice.takes(480)
    stranger = lab.phone("zoe")
    for whom in ("alice", "carol", "nobody"):
        stranger.invite(whom)
        assert stranger.takes(403), "a stranger does not learn who is there"


def test_what_has_arrived_needs_no_more_hops(lab: Lab) -> None:
    """§16.3 is about what is forwarded; a REGISTER with `Max-Forwards: 0` that is for us has come to its end."""
    assert lab.phone("zoe").register(max_forwards=0).status == 200
    assert lab.phone("eva").register(headers=("Proxy-Require: telepathy",)).status == 200


def test_without_max_forwards(alice: Phone, bob: Phone) -> None:
    """§16.6 item 3; with 0 it goes no further (§16.3 item 3)."""
    alice.request("MESSAGE", "sip:bob@10.0.0.1", max_forwards=None)
    assert bob.takes("MESSAGE").first(b"max-forwards") == b"70"
    alice.request("MESSAGE", "sip:bob@10.0.0.1", max_forwards=0)
    assert alice.takes(483)


# -- retransmissions --------------------------------------------------------------------------------------------------


@pytest.mark.purpose(
    "SIP_CC_PR_TR_SE_V_006..008", "SIP_CC_PR_TR_CL_V_010..011",
    given="INVITE three times; its 486 twice", expect="forwarded once each; each 486 is acknowledged",
)  # fmt: skip
def test_retransmissions_are_absorbed(lab: Lab, alice: Phone, bob: Phone) -> None:
    """§17.2: the original relayed every one of them."""
    invite = alice.compose("INVITE", "sip:bob@10.0.0.1", branch="z9hG4bKonce", call_id="once")
    for _ in range(3):
        alice.send(invite)
        assert alice.takes(100)
    got = bob.takes("INVITE")
    assert not bob.inbox
    bob.ring(got)
    assert alice.takes(180)
    alice.send(invite)
    assert alice.takes(180), "the last provisional again"
    bob.reply(got, 486)
    bob.reply(got, 486)
    assert alice.takes(486)
    assert not alice.inbox
    assert [bob.takes("ACK"), bob.takes("ACK")], "each 486 is acknowledged here, and passed on once"
    assert lab.kinds == ["ringing", "busy"]


def test_a_message_sent_twice_is_read_once(alice: Phone, bob: Phone) -> None:
    message = alice.compose("MESSAGE", "sip:bob@10.0.0.1", branch="z9hG4bKhello", call_id="hello")
    alice.send(message)
    alice.send(message)
    bob.reply(bob.takes("MESSAGE"), 200)
    assert not bob.inbox
    alice.send(message)
    assert [alice.takes(200), alice.takes(200)]


# -- tick, next_timer, lost, events, load -----------------------------------------------------------------------------


def test_an_engine_with_nothing_to_do_wants_no_tick() -> None:
    engine = Engine(Config(address=PROXY, flow_key=b"k"), random=bytes)
    assert engine.next_timer() is None
    assert engine.tick(5.0) == []
    assert engine.events() == []
    assert engine.load == {"transactions": 0, "timers": 0, "calls": 0, "bindings": 0}


def test_tick_is_wanted_when_the_first_timer_is_due(lab: Lab, alice: Phone, bob: Phone) -> None:
    """Timer A after T1 (§17.1.1.2); its letter is the cause of what goes out."""
    lab.advance(33)
    alice.invite("bob")
    assert lab.engine.next_timer() == lab.now + 0.5
    assert lab.engine.tick(lab.now + 0.4) == []
    again = lab.engine.tick(lab.now + 0.5)
    assert [(send.cause, send.data.split()[0]) for send in again] == [("A", b"INVITE")]


def test_tick_is_wanted_when_a_registration_runs_out(lab: Lab) -> None:
    lab.phone("bob").register(expires=60)
    lab.advance(40)
    assert lab.engine.next_timer() == 1060.0


def test_tick_once_too_often_does_nothing(lab: Lab, alice: Phone) -> None:
    lab.advance(10_000)
    assert lab.engine.tick(lab.now) == []
    assert lab.engine.next_timer() is None


def test_events_are_told_once_and_numbered(lab: Lab, alice: Phone, bob: Phone) -> None:
    call(alice, bob)
    hang_up(alice, bob)
    assert lab.engine.events() == []
    assert [event.serial for event in lab.events] == [3, 4, 5, 6], "two were told for the registrations"


def test_what_is_told_from_outside_comes_in_order_and_makes_no_gap(lab: Lab, alice: Phone) -> None:
    lab.engine.tell(Experiment, lab.now, drop=20, delay=0, stateless=False, record_route=True, fork=True)
    assert lab.engine.next_timer() == lab.now, "somebody is to come and fetch it"
    alice.register(0)
    serials = [event.serial for event in lab.events]
    assert lab.kinds == ["experiment", "unregistered"]
    assert serials == list(range(serials[0], serials[0] + 2))
    lab.engine.tick(lab.now)
    timer = lab.engine.next_timer()
    assert timer is not None and timer > lab.now


def test_what_cannot_be_sent_is_a_503_for_us_and_a_500_for_the_caller(lab: Lab, alice: Phone, bob: Phone) -> None:
    """§16.9, and §16.7 item 6: "a proxy that receives a 503 … SHOULD NOT forward it"."""
    alice.invite("bob")
    alice.takes(100)
    lab.lose(bob.address)
    assert alice.takes(500)
    assert lab.kinds == ["failed"]


def test_after_everything_nothing_is_left(lab: Lab, alice: Phone, bob: Phone) -> None:
    """No table keeps what is over."""
    call(alice, bob)
    hang_up(bob, alice)
    alice.invite("nobody")
    alice.request("OPTIONS", "sip:10.0.0.1")
    bob.request("MESSAGE", "sip:alice@10.0.0.1")
    assert lab.engine.load["transactions"] > 0
    lab.advance(10_000)
    assert lab.engine.load == {"transactions": 0, "timers": 0, "calls": 0, "bindings": 0}


def test_the_config_keeps_its_secret() -> None:
    assert "flow_key" not in repr(Config(address=PROXY, flow_key=b"secret"))


def test_a_response_goes_to_where_the_via_says(lab: Lab, bob: Phone) -> None:
    """§18.2.2: without `rport` to the port of Via, whatever port it came from."""
    old = lab.phone("old", "10.0.0.77:5060", rport=False)
    lab.put(old.compose("OPTIONS", "sip:10.0.0.1"), ("10.0.0.77", 31_337))
    assert old.takes(200)
    answer = lab.sent[-1]
    assert answer.flow == Flow("udp", PROXY, ("10.0.0.77", 5060))
    parsed = parse(answer.data)
    assert parsed.first(b"via") == b"SIP/2.0/UDP 10.0.0.77:5060;branch=z9hG4bK-old-5060-1"
