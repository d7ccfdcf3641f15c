"""The stateless proxy: every copy goes on, nothing is remembered, and responses find back by Via (RFC 3261 §16.11)."""

from __future__ import annotations

from typing import Any

import pytest

from sipfullproxy.engine.config import Switches
from sipfullproxy.engine.diversion import Rule
from sipfullproxy.engine.flow import LARGEST_DATAGRAM, Flow
from sipfullproxy.sip.message import Request
from tests.helpers import Lab, Phone, call, hang_up
from tests.passing import assert_passed

ON = {"switches": Switches(stateless=True)}


def house(*users: str, **settings: Any) -> tuple[Lab, list[Phone]]:
    """A stateless proxy and registered phones, alice's first."""
    lab = Lab(**(ON | settings))
    phones = lab.registered("alice", *users)
    lab.advance(60)  # until the REGISTERs, which are not passed on, are forgotten
    return lab, phones


def remembers_nothing(lab: Lab) -> bool:
    load = lab.engine.load
    return load["transactions"] == load["timers"] == load["calls"] == 0


def branch_of(request: Request) -> bytes:
    return request.via.branch


# -- a call ------------------------------------------------------------------------------------------------------------


def test_a_whole_call_passes_and_nothing_is_remembered_of_it() -> None:
    lab, (alice, bob) = house("bob")
    sent = alice.invite("bob")
    got = bob.takes("INVITE")
    assert not alice.inbox, "§16.11: no 100 of its own"
    assert remembers_nothing(lab) and not got.to_tag
    bob.reply(got, 100)
    bob.ring(got)
    bob.answer(got)
    alice.takes(100), alice.takes(180)
    assert alice.dialog is not None
    alice.dialog.confirm(alice.takes(200))
    alice.dialog.ack(sent)
    bob.takes("ACK")
    hang_up(bob, alice)
    assert remembers_nothing(lab)
    assert lab.events == [], "who knows of no call tells of none"


def test_what_is_forwarded_is_forwarded_as_ever() -> None:
    lab, (alice, bob) = house("bob")
    sent = alice.compose("INVITE", "sip:bob@10.0.0.1", headers=("X: y",), body="hello")
    (send,) = alice.send(sent)
    assert send.flow.remote == bob.address
    assert_passed(sent, send.data)
    assert {"via-push", "record-route", "uri-to-binding", "max-forwards-down"} <= set(send.edits)
    assert lab.engine.next_timer() == lab.engine._core.location.next_expiry()


def test_every_copy_goes_on_and_is_the_same() -> None:
    """§16.11: it cannot tell a retransmission from the original; both get the same branch and go to the same place."""
    lab, (alice, bob) = house("bob")
    data = alice.compose("INVITE", "sip:bob@10.0.0.1")
    copies = [alice.send(data), alice.send(data)]
    lab.advance(100)
    copies.append(alice.send(data))
    assert len({send.data for (send,) in copies}) == 1
    assert bob.waiting == ["INVITE"] * 3


def test_other_requests_have_other_branches() -> None:
    lab, (alice, bob) = house("bob")
    zoe = lab.phone("zoe")
    zoe.register()
    for sender in (alice, zoe):
        sender.request("OPTIONS", "sip:bob@10.0.0.1", branch="z9hG4bKa", call_id="1", from_="<sip:a@b>;tag=1")
        sender.request("OPTIONS", "sip:bob@10.0.0.1", branch="z9hG4bKb", call_id="1", from_="<sip:a@b>;tag=1")
        # RFC 2543 knew no unique branches.
        for cseq, call_id in ((1, "2"), (2, "2"), (2, "3")):
            old = {"branch": "1", "cseq": cseq, "call_id": call_id, "from_": "<sip:a@b>;tag=1"}
            sender.request("OPTIONS", "sip:bob@10.0.0.1", **old)
    branches = [branch_of(request) for request in bob.inbox if isinstance(request, Request)]
    assert len(set(branches)) == len(branches) == 10


def test_the_ack_of_a_refusal_and_the_cancel_go_where_the_invite_went() -> None:
    """With its branch, by which the phone knows what they are for; and their answers come back."""
    lab, (alice, bob) = house("bob")
    sent = alice.invite("bob")
    got = bob.takes("INVITE")
    bob.ring(got)
    alice.cancel(sent)
    cancel = bob.takes("CANCEL")
    assert cancel.uri_text == got.uri_text
    bob.reply(cancel, 200)
    bob.reply(got, 487)
    alice.takes(180), alice.takes(200)
    alice.ack_failure(sent, alice.takes(487))
    ack = bob.takes("ACK")
    assert ack.uri_text == got.uri_text
    assert branch_of(got) == branch_of(cancel) == branch_of(ack)
    lab.advance(100)
    assert not alice.inbox and not bob.inbox, "and nothing is sent again"


def test_what_nobody_answers_stays_unanswered() -> None:
    lab, (alice, bob) = house("bob")
    alice.invite("bob")
    lab.advance(300)
    assert bob.waiting == ["INVITE"] and not alice.inbox


# -- targets -----------------------------------------------------------------------------------------------------------


def test_only_the_phone_that_is_preferred_rings() -> None:
    lab, (alice, bob) = house("bob")
    second = lab.phone("bob", "10.0.1.2:5060")
    bob.register(contacts=[f"<{bob.contact}>;q=0.3"])
    second.register()
    alice.invite("bob")
    assert second.waiting == ["INVITE"] and not bob.inbox


def test_it_keeps_to_its_choice() -> None:
    lab, (alice, bob) = house("bob")
    second = lab.phone("bob", "10.0.1.2:5060")
    second.register()
    for phone in (bob, second, bob):
        alice.invite("bob")
        bob.takes("INVITE")
        phone.register()
    assert not second.inbox


def test_no_rule_of_call_forwarding_holds() -> None:
    _, (alice, bob, carol) = house("bob", "carol", forward={b"bob": Rule(always="carol")})
    alice.invite("bob")
    assert bob.waiting == ["INVITE"] and not carol.inbox


def test_a_foreign_place_is_reached() -> None:
    lab, (alice,) = house()
    far = lab.phone("far", "192.0.2.7:5070")
    alice.invite("sip:far@192.0.2.7:5070")
    far.answer(far.takes("INVITE"))
    alice.takes(200)


# -- what goes no further ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("uri", "more", "status"),
    [
        ("sip:nobody@10.0.0.1", {}, 404),
        ("sip:bob@10.0.0.1", {"max_forwards": 0}, 483),
        ("sip:bob@10.0.0.1", {"headers": ("Max-Breadth: 0",)}, 440),
        ("sip:bob@10.0.0.1", {"headers": ("Proxy-Require: x",)}, 420),
        ("sip:bob@far.example.org", {}, 500),
        ("sip:bob@10.0.0.1", {"body": "x" * (LARGEST_DATAGRAM - 400), "content_type": "text/plain"}, 513),
    ],
)
def test_requests_are_refused_as_ever(uri: str, more: dict[str, Any], status: int) -> None:
    lab, (alice, _) = house("bob")
    alice.request("MESSAGE", uri, **more)
    assert alice.takes(status).first(b"warning")
    lab.advance(60)
    assert remembers_nothing(lab)


def test_a_name_is_not_waited_for_and_the_refusal_says_so() -> None:
    lab, (alice,) = house(resolve=True)
    alice.request("MESSAGE", "sip:bob@far.example.org")
    assert not lab.questions
    assert b"Without state" in alice.takes(500).first(b"warning")


def test_strangers_are_refused_as_ever() -> None:
    lab, (_, bob) = house("bob")
    stranger = lab.phone("zoe")
    stranger.invite("bob")
    stranger.takes(403)
    stranger.request("BYE", "sip:x@192.0.2.7", to="<sip:x@192.0.2.7>;tag=1")
    stranger.takes(403)
    before = len(lab.sent)
    stranger.request("ACK", "sip:x@192.0.2.7", to="<sip:x@192.0.2.7>;tag=1")
    assert not bob.inbox and len(lab.sent) == before


def test_what_is_for_the_proxy_itself_is_answered() -> None:
    _, (alice,) = house()
    alice.request("OPTIONS", "sip:10.0.0.1")
    alice.takes(200)
    assert alice.register().status == 200


# -- the way back ------------------------------------------------------------------------------------------------------


def test_behind_nat_the_way_back_is_the_way_that_it_came() -> None:
    lab, (_, bob) = house("bob")
    for user, rport in (("nat", True), ("old", False)):
        phone = lab.phone(user, "203.0.113.5:5060" if not rport else "203.0.113.5:40000", rport=rport)
        phone.register()
        phone.request("OPTIONS", "sip:bob@10.0.0.1")
        bob.reply(bob.takes("OPTIONS"), 200)
        phone.takes(200)


def test_a_via_that_names_another_host_is_believed_only_where_phones_of_ours_say_so() -> None:
    """RFC 3261 §18.2.2: `maddr` counts for who is registered, when the request comes and when its answer does."""
    lab, (alice, bob) = house("bob", open=True)
    there, stranger = lab.phone("x", "10.0.5.5:5060"), lab.phone("zoe")
    for sender in (alice, stranger):
        data = sender.compose("OPTIONS", "sip:bob@10.0.0.1").replace(b";rport", b";maddr=10.0.5.5")
        sender.send(data)
        bob.reply(bob.takes("OPTIONS"), 200)
    assert there.waiting == [200] and stranger.waiting == [200] and not alice.inbox


def test_a_response_keeps_its_body_and_all_vias_but_ours() -> None:
    _, (alice, bob) = house("bob")
    below = b"Via: SIP/2.0/TCP far.example.org;branch=z9hG4bKfar;received=192.0.2.9\r\n"
    alice.send(alice.compose("OPTIONS", "sip:bob@10.0.0.1").replace(b"From:", below + b"From:", 1))
    bob.reply(bob.takes("OPTIONS"), 200, body="\r\n\0 anything")
    response = alice.takes(200)
    assert response.body == b"\r\n\0 anything"
    assert len(response.values(b"via")) == 2


@pytest.mark.parametrize(
    "below",
    [
        b"SIP/2.0/UDP 192.0.2.66:5060;branch=z9hG4bK-alice-5060-1",
        b"SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-alice-5060-1;rport=53;received=192.0.2.66",
        b"SIP/2.0/UDP pc.example.org;branch=z9hG4bK-alice-5060-1",
        b"SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-other;rport=5060;received=10.0.0.10",
        b"nonsense",
        b"",
    ],
)
def test_nobody_is_shot_at_by_a_made_up_response(below: bytes) -> None:
    """RFC 6026 §7.3: the hole of stateless proxies. Ours knows its own branches."""
    _, (alice, bob) = house("bob")
    alice.invite("bob")
    got = bob.takes("INVITE")
    true = bob.reply(got, 200)
    alice.takes(200)
    ours, hers = got.values(b"via")
    assert bob.send(true.replace(b"Via: " + hers + b"\r\n", b"Via: " + below + b"\r\n" if below else b"")) == []
    assert bob.send(true.replace(ours, b"SIP/2.0/UDP 10.0.0.2:5060;branch=" + branch_of(got))) == []
    assert bob.send(true) != []


# -- while it is switched ----------------------------------------------------------------------------------------------


def test_what_began_with_a_transaction_ends_with_it() -> None:
    switches = Switches()
    lab = Lab(switches=switches)
    alice, bob = lab.registered("alice", "bob")
    sent = alice.invite("bob")
    got = bob.takes("INVITE")
    switches.stateless = True
    alice.send(b"\r\n".join([sent.start, *sent.lines, b"", sent.body]))
    assert alice.waiting == [100, 100] and not bob.inbox, "its copy is absorbed"
    bob.ring(got)
    alice.cancel(sent)
    bob.reply(bob.takes("CANCEL"), 200)
    bob.reply(got, 487)
    assert alice.waiting == [100, 100, 180, 200, 487]
    assert bob.waiting == ["ACK"]


def test_the_journal_hears_the_end_of_a_call_that_it_knows() -> None:
    switches = Switches()
    lab = Lab(switches=switches)
    alice, bob = lab.registered("alice", "bob")
    call(alice, bob)
    switches.stateless = True
    hang_up(alice, bob)
    assert lab.kinds[-1] == "ended"
    switches.stateless = False
    call(alice, bob)
    assert alice.inbox == bob.inbox, "and all is as it was"


def test_over_a_stream_nothing_is_stateless() -> None:
    """The way back is the connection."""
    lab, (alice, _) = house("bob")
    stream = Flow("tcp", lab.address, alice.address, 7)
    register = alice.compose("REGISTER", "sip:10.0.0.1", to=f"<{alice.aor}>", from_=f"<{alice.aor}>;tag=t")
    lab.engine.receive(register, stream, lab.now)
    lab.engine.receive(alice.compose("INVITE", "sip:bob@10.0.0.1"), stream, lab.now)
    assert lab.engine.load["calls"] == 1
