"""The flows of the lab, each from end to end: what the users see is that these work (issue 2, part 2).

Each test is one story in the virtual lab, and says what every phone gets. How the proxy arrives at it is told
by the tests of the single modules; with real phones and real voices the same stories stand in tests/phones/.
"""

from __future__ import annotations

from typing import Any

import pytest

from sipfullproxy.engine.events import Ended, Forwarded, Missed, Transferred
from sipfullproxy.sip.message import Message, Request
from tests.helpers import Dialog, Lab, Phone, call, hang_up, sdp

ALICE, BOB, CAROL = "alice@10.0.0.1", "bob@10.0.0.1", "carol@10.0.0.1"
ROUTE = b"<sip:10.0.0.1:5060;lr>"


def dialog_of(phone: Phone) -> Dialog:
    """The dialog that a phone had last."""
    assert phone.dialog is not None
    return phone.dialog


def body(message: Message) -> str:
    return message.body.decode()


def inside(one: Phone, other: Phone, method: str, status: int = 200, **more: Any) -> Request:
    """A request inside the call, and its answer. Returns it as it arrived: for the phone's Contact, without a Route."""
    dialog_of(one).request(method, **more)
    got = other.takes(method)
    assert isinstance(got, Request)
    assert got.uri_text.decode() == other.contact
    assert got.values(b"route") == []
    other.reply(got, status, body=sdp(other.address[0], "recvonly") if method == "INVITE" else "")
    if method == "INVITE":
        one.takes(100)
    one.takes(status)
    return got


# -- registration -----------------------------------------------------------------------------------------------------


def test_register_refresh_unregister(lab: Lab) -> None:
    """Reachable while registered; afterwards 480."""
    alice, bob = lab.phone("alice"), lab.phone("bob")
    assert alice.register().status == 200
    assert bob.register().status == 200
    assert bob.register().status == 200
    call(alice, bob)
    hang_up(alice, bob)
    assert bob.register(expires=0).status == 200
    alice.invite("bob")
    assert alice.takes(480)
    assert lab.kinds == ["registered", "registered", "ringing", "started", "ended", "unregistered", "failed"]


def test_unregister_all_phones(lab: Lab, alice: Phone, bob: Phone) -> None:
    """`Contact: *` (RFC 3261 §10.2.2)."""
    bob.register(expires=0, contacts=["*"])
    alice.invite("bob")
    assert alice.takes(480)


def test_registration_expired(lab: Lab, alice: Phone) -> None:
    lab.phone("dave").register(expires=60)
    lab.advance(61)
    alice.invite("dave")
    assert alice.takes(480)
    assert lab.kinds == ["registered", "unregistered", "failed"]


def test_nobody_of_that_name(alice: Phone) -> None:
    alice.invite("nobody")
    assert alice.takes(404)


# -- a call -----------------------------------------------------------------------------------------------------------


def test_call_ring_answer_talk_hang_up(lab: Lab, alice: Phone, bob: Phone) -> None:
    """What the original proxy was for; here with the Request-URI of the phone, one Record-Route, and 100 at once."""
    sent = alice.invite("bob")
    assert alice.takes(100)
    got = bob.takes("INVITE")
    assert got.uri_text == b"sip:bob@10.0.0.11:5060"
    assert got.values(b"record-route") == [ROUTE]
    assert len(got.values(b"via")) == 2
    assert got.body == sent.body
    bob.ring(got)
    assert alice.takes(180).values(b"record-route") == [ROUTE]
    bob.answer(got)
    answer = alice.takes(200)
    assert body(answer) == sdp("10.0.0.11")
    dialog_of(alice).confirm(answer)
    dialog_of(alice).ack(sent)
    ack = bob.takes("ACK")
    assert ack.uri_text == b"sip:bob@10.0.0.11:5060"
    assert b"record-route" not in ack.where
    lab.advance(95)
    hang_up(bob, alice)
    assert lab.kinds == ["ringing", "started", "ended"]
    ended = lab.events[-1]
    assert isinstance(ended, Ended)
    assert (ended.who, ended.whom, ended.duration) == (BOB, ALICE, 95)


def test_cancel_while_ringing(lab: Lab, alice: Phone, bob: Phone) -> None:
    sent = alice.invite("bob")
    alice.takes(100)
    got = bob.takes("INVITE")
    bob.ring(got)
    alice.takes(180)
    alice.cancel(sent)
    assert alice.takes(200), "the CANCEL is answered here (§9.2)"
    cancel = bob.takes("CANCEL")
    assert cancel.via.branch == got.via.branch
    bob.reply(cancel, 200)
    bob.reply(got, 487)
    bob.takes("ACK")
    alice.ack_failure(sent, alice.takes(487))
    assert lab.kinds == ["ringing", "cancelled"]


@pytest.mark.parametrize(("status", "kind"), [(603, "declined"), (486, "busy")])
def test_decline_and_busy(lab: Lab, alice: Phone, bob: Phone, status: int, kind: str) -> None:
    sent = alice.invite("bob")
    alice.takes(100)
    got = bob.takes("INVITE")
    bob.ring(got)
    alice.takes(180)
    bob.reply(got, status)
    assert bob.takes("ACK"), "hop by hop (§17.1.1.3)"
    alice.ack_failure(sent, alice.takes(status))
    lab.advance(100)
    assert not alice.inbox
    assert not bob.inbox
    assert lab.kinds == ["ringing", kind]


def test_no_answer(lab: Lab, alice: Phone, bob: Phone) -> None:
    """Neither the caller nor the callee's phone gives up: Timer C of the proxy does, after three minutes (§16.8)."""
    alice.invite("bob")
    alice.takes(100)
    got = bob.takes("INVITE")
    bob.ring(got)
    alice.takes(180)
    lab.advance(190)
    bob.reply(bob.takes("CANCEL"), 200)
    bob.reply(got, 487)
    assert alice.takes(487)
    assert isinstance(lab.events[-1], Missed)


def test_the_phone_of_the_callee_gives_up(lab: Lab, alice: Phone, bob: Phone) -> None:
    """Linphone does after half a minute: 408, or 480 in others."""
    alice.invite("bob")
    alice.takes(100)
    got = bob.takes("INVITE")
    bob.ring(got)
    lab.advance(30)
    bob.reply(got, 408)
    assert lab.kinds == ["ringing", "missed"]


# -- inside a call ----------------------------------------------------------------------------------------------------


def test_hold_and_resume(lab: Lab, alice: Phone, bob: Phone) -> None:
    call(alice, bob)
    for direction in ("sendonly", "sendrecv"):
        got = inside(alice, bob, "INVITE", body=sdp("10.0.0.10", direction))
        assert body(got) == sdp("10.0.0.10", direction)
        dialog_of(alice).request("ACK", cseq=got.cseq)
        bob.takes("ACK")
    hang_up(alice, bob)
    assert lab.kinds == ["ringing", "started", "held", "resumed", "ended"]


@pytest.mark.purpose(
    "RFC3311_01",
    given="UPDATE from either side of a call", expect="at the other phone with its body, its 200 back",
)  # fmt: skip
@pytest.mark.parametrize("method", ["INFO", "UPDATE", "MESSAGE", "OPTIONS", "NONSENSE"])
def test_requests_inside_a_call(alice: Phone, bob: Phone, method: str) -> None:
    """DTMF by INFO, session refresh by UPDATE, and methods that nobody knows: in both directions, bytes untouched."""
    call(alice, bob)
    text = "Signal=5\r\nDuration=160\r\n"
    assert body(inside(alice, bob, method, body=text, content_type="application/dtmf-relay")) == text
    inside(bob, alice, method)


@pytest.mark.purpose(
    "RFC3262_04..05", "RFC3262_07",
    given="INVITE and 183 with Require: 100rel, RSeq: 17; PRACK with RAck",
    expect="each with those headers at the other end; the PRACK by our Record-Route",
)  # fmt: skip
def test_prack(alice: Phone, bob: Phone) -> None:
    """RFC 3262: Require: 100rel passes in both directions; the PRACK takes the route that the 183 has recorded."""
    sent = alice.invite("bob", headers=("Require: 100rel",))
    alice.takes(100)
    got = bob.takes("INVITE")
    assert got.values(b"require") == [b"100rel"]
    bob.reply(got, 183, headers=("Require: 100rel", "RSeq: 17"), body=sdp("10.0.0.11"))
    progress = alice.takes(183)
    assert progress.first(b"rseq") == b"17"
    dialog_of(alice).confirm(progress)
    assert inside(alice, bob, "PRACK", headers=("RAck: 17 1 INVITE",)).first(b"rack") == b"17 1 INVITE"
    bob.reply(got, 200)
    dialog_of(alice).confirm(alice.takes(200))
    dialog_of(alice).ack(sent)
    bob.takes("ACK")
    hang_up(alice, bob)


def test_video_from_the_start_in_a_datagram_of_20_000_bytes(lab: Lab, alice: Phone, bob: Phone) -> None:
    """With its codecs and candidates the SDP is larger than any MTU. It goes whole; fragments are the kernel's."""
    offer = sdp("10.0.0.10", video=True) + "a=candidate:1 1 UDP 1 10.0.0.10 4002 typ host\r\n" * 450
    assert len(offer) > 20_000
    sent = alice.invite("bob", body=offer)
    alice.takes(100)
    got = bob.takes("INVITE")
    assert body(got) == offer
    bob.answer(got, body=offer)
    answer = alice.takes(200)
    assert body(answer) == offer
    dialog_of(alice).confirm(answer)
    dialog_of(alice).ack(sent)
    assert lab.kinds == ["started", "video"]


def test_video_by_upgrade(lab: Lab, alice: Phone, bob: Phone) -> None:
    call(alice, bob)
    dialog_of(bob).request("INVITE", body=sdp("10.0.0.11", video=True))
    alice.answer(alice.takes("INVITE"), body=sdp("10.0.0.10", video=True))
    assert lab.kinds == ["ringing", "started", "video"]


# -- outside a call ---------------------------------------------------------------------------------------------------


@pytest.mark.purpose(
    "RFC3428_01", "RFC3515_01", "RFC3515_03",
    given="MESSAGE or REFER to a user, its body with NUL, dots and UTF-8; 202",
    expect="byte for byte at the phone; 202 back with its own headers",
)  # fmt: skip
@pytest.mark.parametrize("method", ["MESSAGE", "OPTIONS", "INFO", "SUBSCRIBE", "REFER", "NONSENSE"])
def test_requests_to_a_phone(alice: Phone, bob: Phone, method: str) -> None:
    """The body is bytes: a delivery receipt of Linphone is deflated."""
    text = "Ahoj, Žofia! \x00\x01\r\n.\r\n"
    alice.request(method, "sip:bob@10.0.0.1", body=text, content_type="text/plain;charset=UTF-8")
    got = bob.takes(method)
    assert got.uri_text == b"sip:bob@10.0.0.11:5060"
    assert body(got) == text
    bob.reply(got, 202, headers=("X-Mine: 1",))
    assert alice.takes(202).first(b"x-mine") == b"1"


def test_options_to_the_proxy(alice: Phone, bob: Phone) -> None:
    alice.request("OPTIONS", "sip:10.0.0.1")
    assert alice.takes(200).values(b"allow")
    assert not bob.inbox


def test_publish_is_refused(alice: Phone) -> None:
    """489: no presence server lives here, and a 200 would be a lie."""
    alice.request("PUBLISH", "sip:alice@10.0.0.1", headers=("Event: presence",))
    assert alice.takes(489)


@pytest.mark.purpose(
    "RFC6665_05",
    given="SUBSCRIBE, NOTIFY, and SUBSCRIBE with Expires: 0 inside the dialog", expect="each at the other phone",
)  # fmt: skip
def test_presence_between_phones(alice: Phone, bob: Phone) -> None:
    """SUBSCRIBE goes to the phone, and its NOTIFYs come back by the same way (RFC 6665 §4.3)."""
    subscribe = alice.request("SUBSCRIBE", "sip:bob@10.0.0.1", headers=("Event: presence", "Expires: 600"))
    got = bob.takes("SUBSCRIBE")
    bob.reply(got, 200, headers=("Expires: 600",))
    mine = Dialog(alice, subscribe)
    mine.confirm(alice.takes(200))
    theirs = Dialog.of_callee(bob, got)
    theirs.request("NOTIFY", headers=("Event: presence", "Subscription-State: active"))
    alice.reply(alice.takes("NOTIFY"), 200)
    assert bob.takes(200)
    mine.request("SUBSCRIBE", headers=("Event: presence", "Expires: 0"))
    assert bob.takes("SUBSCRIBE").uri_text == b"sip:bob@10.0.0.11:5060"


# -- transfer ---------------------------------------------------------------------------------------------------------


@pytest.mark.purpose(
    "RFC3515_01..02", "RFC3892_01",
    given="REFER inside a call with Refer-To and Referred-By, then NOTIFYs with 100 and 200",
    expect="Refer-To at the phone as it was written; each NOTIFY with who sent the REFER, each 200 back",
)  # fmt: skip
def test_blind_transfer(lab: Lab, alice: Phone, bob: Phone, carol: Phone) -> None:
    """As Linphone does it. In the original, alice never heard how it went: it answered the NOTIFYs itself."""
    call(alice, bob)
    alices_call, bobs_call = dialog_of(alice), dialog_of(bob)
    got = inside(
        alice, bob, "REFER", 202, headers=("Refer-To: <sip:carol@10.0.0.1:5060>", f"Referred-By: <sip:{ALICE}>")
    )
    assert got.first(b"refer-to") == b"<sip:carol@10.0.0.1:5060>"

    inside(bob, alice, "INVITE", body=sdp("10.0.0.11", "sendonly"))
    bobs_call.request("ACK", cseq=bobs_call.cseq)
    alice.takes("ACK")

    def report(sipfrag: str, state: str) -> None:
        bob.dialog = bobs_call
        got = inside(
            bob, alice, "NOTIFY", headers=("Event: refer", f"Subscription-State: {state}"), body=sipfrag,
            content_type="message/sipfrag",
        )  # fmt: skip
        assert body(got) == sipfrag
        assert got.first(b"subscription-state") == state.encode()

    report("SIP/2.0 100 Trying\r\n", "active")
    call(bob, carol, headers=(f"Referred-By: <sip:{ALICE}>",))
    report("SIP/2.0 200 Ok\r\n", "terminated;reason=reason=noresource")
    alice.dialog = alices_call
    hang_up(alice, bob)

    assert lab.kinds == ["ringing", "started", "held", "ringing", "started", "transferred", "ended"]
    (transferred,) = lab.told("transferred")
    assert isinstance(transferred, Transferred)
    assert (transferred.who, transferred.whom, transferred.to, transferred.succeeded) == (ALICE, BOB, CAROL, True)


@pytest.mark.purpose(
    "RFC3891_01", "RFC3892_01",
    given="INVITE for a phone's Contact with Replaces and Referred-By",
    expect="at that phone, both as they were written",
)  # fmt: skip
def test_attended_transfer(lab: Lab, alice: Phone, bob: Phone, carol: Phone) -> None:
    """Alice talks to bob, then to carol, and joins the two: an INVITE with Replaces comes for a phone's Contact."""
    call(alice, bob)
    with_bob, bobs_call = dialog_of(alice), dialog_of(bob)
    call(alice, carol)
    with_carol, carols_call = dialog_of(alice), dialog_of(carol)
    replaces = f"{with_carol.call_id};to-tag=carol-5060;from-tag=alice-5060"
    escaped = replaces.replace(";", "%3B").replace("=", "%3D").replace("@", "%40")
    alice.dialog = with_bob
    inside(alice, bob, "REFER", 202, headers=(f"Refer-To: <{carol.contact}?Replaces={escaped}>",))

    sent = bob.invite(carol.contact, headers=(f"Replaces: {replaces}", f"Referred-By: <sip:{ALICE}>"))
    bob.takes(100)
    got = carol.takes("INVITE")
    assert got.uri_text.decode() == carol.contact
    assert got.first(b"replaces") == replaces.encode()
    assert got.first(b"referred-by") == f"<sip:{ALICE}>".encode()
    carol.answer(got)
    dialog_of(bob).confirm(bob.takes(200))
    dialog_of(bob).ack(sent)
    carol.takes("ACK")

    bob.dialog, bobs_new_call = bobs_call, bob.dialog
    inside(bob, alice, "NOTIFY", headers=("Event: refer", "Subscription-State: terminated"), body="SIP/2.0 200 OK")
    carol.dialog, carols_new_call = carols_call, carol.dialog
    hang_up(carol, alice)
    hang_up(alice, bob)
    bob.dialog, carol.dialog = bobs_new_call, carols_new_call
    hang_up(carol, bob)
    assert lab.kinds == [
        "ringing", "started", "ringing", "started", "started", "transferred", "ended", "ended", "ended",
    ]  # fmt: skip
    (transferred,) = lab.told("transferred")
    assert isinstance(transferred, Transferred)
    assert transferred.to == CAROL, "and not the address of her phone"


# -- conference -------------------------------------------------------------------------------------------------------


def test_conference_of_three(lab: Lab, alice: Phone, bob: Phone, carol: Phone) -> None:
    """Alice's phone mixes (RFC 4579): both calls get a Contact with `conf-id` and `isfocus`, and the others subscribe
    to it for the list of participants."""
    call(alice, bob)
    with_bob = dialog_of(alice)
    call(alice, carol)
    with_carol = dialog_of(alice)
    focus = "sip:alice@10.0.0.10:5060;conf-id=ab12"
    for dialog, other in ((with_bob, bob), (with_carol, carol)):
        alice.dialog = dialog
        got = inside(
            alice, other, "INVITE", body=sdp("10.0.0.10"), contact=False, headers=(f"Contact: <{focus}>;isfocus",)
        )
        assert got.first(b"contact") == f"<{focus}>;isfocus".encode()
        dialog.request("ACK", cseq=got.cseq)
        other.takes("ACK")

        subscribe = other.request("SUBSCRIBE", focus, headers=("Event: conference", "Expires: 3600"))
        got = alice.takes("SUBSCRIBE")
        assert got.uri_text.decode() == focus, "the parameters of the URI say which conference"
        alice.reply(got, 200)
        Dialog(other, subscribe).confirm(other.takes(200))
        Dialog.of_callee(alice, got).request(
            "NOTIFY", headers=("Event: conference", "Subscription-State: active"), body="<conference-info/>",
            content_type="application/conference-info+xml",
        )  # fmt: skip
        notify = other.takes("NOTIFY")
        assert body(notify) == "<conference-info/>"
        other.reply(notify, 200)
        alice.takes(200)
    conferences = [(event.kind, getattr(event, "whom", "")) for event in lab.told("conference")]
    assert conferences == [("conference", BOB), ("conference", CAROL)]


# -- forks and redirections -------------------------------------------------------------------------------------------


def test_two_phones_of_one_user(lab: Lab, alice: Phone, bob: Phone) -> None:
    """Both ring, the first answer wins; the other is told "completed elsewhere" (RFC 3326): it missed no call."""
    mobile = lab.phone("bob", "10.0.0.77:5070")
    mobile.register()
    sent = alice.invite("bob")
    alice.takes(100)
    at_desk, at_mobile = bob.takes("INVITE"), mobile.takes("INVITE")
    bob.ring(at_desk)
    mobile.ring(at_mobile)
    assert [alice.takes(180), alice.takes(180)]
    mobile.answer(at_mobile)
    cancel = bob.takes("CANCEL")
    assert cancel.first(b"reason") == b'SIP;cause=200;text="Call completed elsewhere"'
    bob.reply(cancel, 200)
    bob.reply(at_desk, 487)
    bob.takes("ACK")
    dialog_of(alice).confirm(alice.takes(200))
    dialog_of(alice).ack(sent)
    assert mobile.takes("ACK")
    assert not alice.inbox, "the 487 of the other phone is no news for her"
    hang_up(alice, mobile)
    assert lab.kinds == ["registered", "ringing", "started", "ended"]


def test_a_phone_that_sends_its_calls_on(lab: Lab, alice: Phone, bob: Phone, carol: Phone) -> None:
    """302: the proxy calls the new target by itself, and the journal says so."""
    sent = alice.invite("bob")
    alice.takes(100)
    bob.reply(bob.takes("INVITE"), 302, contact=False, headers=("Contact: <sip:carol@10.0.0.1>",))
    bob.takes("ACK")
    alice.takes(181)
    got = carol.takes("INVITE")
    carol.ring(got)
    alice.takes(180)
    carol.answer(got)
    dialog_of(alice).confirm(alice.takes(200))
    dialog_of(alice).ack(sent)
    carol.takes("ACK")
    hang_up(alice, carol)
    assert lab.kinds == ["forwarded", "ringing", "started", "ended"]
    forwarded = lab.told()[0]
    assert isinstance(forwarded, Forwarded)
    assert (forwarded.who, forwarded.whom, forwarded.to, forwarded.why) == (ALICE, BOB, CAROL, "302")


# -- NAT --------------------------------------------------------------------------------------------------------------


def test_a_phone_behind_nat(lab: Lab, alice: Phone) -> None:
    """Its Contact is private; what counts is where it sends from, for the call and for all that follows, in both
    directions: a signed flow token in Record-Route (RFC 5626 §5.3)."""
    home = lab.phone("dave", "10.0.0.200:31337", contact="sip:dave@192.168.1.7:5060")
    home.register()
    sent = alice.invite("dave")
    alice.takes(100)
    got = home.takes("INVITE")
    assert got.uri_text == b"sip:dave@192.168.1.7:5060"
    home.answer(got)
    dialog_of(alice).confirm(alice.takes(200))
    dialog_of(alice).ack(sent)
    home.takes("ACK")
    inside(alice, home, "INFO")
    inside(home, alice, "INFO")
    lab.advance(7200)
    assert lab.engine.load["bindings"] == 0
    inside(alice, home, "INFO")
    inside(home, alice, "INFO")
    hang_up(home, alice)
    home.register()
    alice.register()
    call(home, alice)
    inside(alice, home, "INFO")
    hang_up(alice, home)
    assert not lab.astray


@pytest.mark.purpose(
    "RFC6141_02",
    given="a re-INVITE of either side at the same time, 491 of both", expect="491 with both",
)  # fmt: skip
def test_re_invites_that_meet(lab: Lab, alice: Phone, bob: Phone) -> None:
    """Glare (RFC 3261 §14.1, RFC 6141): both put the other on hold at the same moment, and both are told 491."""
    call(alice, bob)
    ours = dialog_of(alice).request("INVITE", body=sdp("10.0.0.10", "sendonly"))
    theirs = dialog_of(bob).request("INVITE", body=sdp("10.0.0.11", "sendonly"))
    alice.takes(100)
    bob.reply(bob.takes("INVITE"), 491, "Request Pending")
    bob.takes(100)
    alice.reply(alice.takes("INVITE"), 491, "Request Pending")
    bob.takes("ACK")
    alice.ack_failure(ours, alice.takes(491))
    alice.takes("ACK")
    bob.ack_failure(theirs, bob.takes(491))
    assert "held" not in lab.kinds, "nobody holds anybody"
    hang_up(alice, bob)
