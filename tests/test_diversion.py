"""Call forwarding: always, on busy, on no answer, without a phone; in chains, but never in a circle (RFC 5806)."""

from __future__ import annotations

from typing import Any

import pytest

from sipfullproxy.engine.diversion import (
    ALWAYS,
    BUSY,
    LONGEST_AFTER,
    LONGEST_CHAIN,
    NO_ANSWER,
    NOT_REGISTERED,
    Rule,
    Step,
    Turn,
    address,
)
from sipfullproxy.engine.events import Ended, Forwarded, Held, Started
from sipfullproxy.engine.timers import CANCELLED, TIMER_C
from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.message import Request
from sipfullproxy.sip.uri import parse_uri
from tests.helpers import Lab, Phone, hang_up, sdp

BOB = parse_uri(b"sip:bob@10.0.0.1")
FAR = ("192.0.2.7", 5070)


def house(*users: str, **rules: Rule) -> tuple[Lab, list[Phone]]:
    """Registered phones, alice's first, and how some users have their calls forwarded."""
    lab = Lab(forward={user.encode(): rule for user, rule in rules.items()})
    return lab, lab.registered("alice", *users)


def statuses(phone: Phone) -> list[str | int]:
    """What waits in an inbox; takes it."""
    found = phone.waiting
    phone.inbox.clear()
    return found


def diversions(request: Request) -> list[str]:
    """The Diversion values, top first."""
    return [value.decode() for value in request.values(b"diversion")]


def forwarded(lab: Lab) -> list[tuple[str, str]]:
    """To whom, and why, as the journal hears it."""
    events = [event for event in lab.events if isinstance(event, Forwarded)]
    assert all((event.who, event.whom) == ("alice@10.0.0.1", "bob@10.0.0.1") for event in events), "as dialled"
    return [(event.to.partition("@")[0], event.why) for event in events]


def all_is_over(lab: Lab, phones: int) -> None:
    """Nothing is left in any table but the registrations."""
    lab.advance(400)
    assert lab.engine.load == {"transactions": 0, "timers": 0, "calls": 0, "bindings": phones}


# -- the rules by themselves -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "near", "uri"),
    [
        ("carol", b"sip:bob@10.0.0.1", b"sip:carol@10.0.0.1"),
        ("carol", b"sip:bob@lab.sk:5070;transport=udp", b"sip:carol@lab.sk:5070"),
        ("carol", b"sip:bob@[2001:db8::1]:5060", b"sip:carol@[2001:db8::1]:5060"),
        ("žaneta", b"sip:bob@10.0.0.1", "sip:žaneta@10.0.0.1".encode()),
        ("sip:carol@192.0.2.7:5070;a=b", b"sip:bob@10.0.0.1", b"sip:carol@192.0.2.7:5070;a=b"),
    ],
)
def test_a_name_is_a_user_of_the_same_domain_and_a_uri_is_itself(target: str, near: bytes, uri: bytes) -> None:
    assert address(target, parse_uri(near)).text == uri


@pytest.mark.parametrize("target", ["carol smith", "carol@lab", "tel:+421", "mailto:c@x", "a\r\nb: c"])
def test_a_target_that_is_none_is_an_error(target: str) -> None:
    with pytest.raises(SipError):
        address(target, BOB)


def test_each_reason_has_its_target() -> None:
    turn = Turn(b"bob", BOB, Rule(always="a", busy="b", no_answer="c", not_registered="sip:d@192.0.2.7"))
    found = [turn.onward(why) for why in (ALWAYS, BUSY, NO_ANSWER, NOT_REGISTERED)]
    assert [uri and uri.text for uri in found] == [
        b"sip:a@10.0.0.1", b"sip:b@10.0.0.1", b"sip:c@10.0.0.1", b"sip:d@192.0.2.7",
    ]  # fmt: skip
    assert Turn(b"bob", BOB, Rule()).onward(BUSY) is None
    assert Turn(b"bob", BOB).onward(BUSY) is None


def test_nobody_gets_the_same_call_twice_and_a_chain_has_a_longest() -> None:
    turn = Turn(b"bob", BOB, None, (Step(b"carol", BOB, BUSY),))
    assert [turn.may_go_to(who) for who in (b"bob", b"carol", b"dave")] == [False, False, True]
    steps = tuple(Step(b"%d" % number, BOB, BUSY) for number in range(LONGEST_CHAIN))
    assert Turn(b"bob", BOB, None, steps[1:]).may_go_to(b"dave")
    assert not Turn(b"bob", BOB, None, steps).may_go_to(b"dave")
    assert Turn(b"bob", BOB, None, steps[2:], before=1).may_go_to(b"dave")
    assert not Turn(b"bob", BOB, None, steps[2:], before=2).may_go_to(b"dave"), "wherever it was sent on"


@pytest.mark.parametrize(
    ("why", "reason"),
    [
        (ALWAYS, b"unconditional"),
        (BUSY, b"user-busy"),
        (NO_ANSWER, b"no-answer"),
        (NOT_REGISTERED, b"unavailable"),
        ("302", b"deflection"),
    ],
)
def test_the_words_of_rfc_5806(why: str, reason: bytes) -> None:
    assert Step(b"bob", BOB, why).line == b"Diversion: <sip:bob@10.0.0.1>;reason=" + reason + b";counter=1"


def test_the_longest_wait_comes_before_timer_c() -> None:
    assert LONGEST_AFTER < TIMER_C


# -- always ------------------------------------------------------------------------------------------------------------


@pytest.mark.purpose(
    "RFC5806_01..03",
    given="INVITE for a user whose calls always go on",
    expect="Diversion with the URI that was dialled and reason=unconditional",
)  # fmt: skip
def test_always_rings_at_the_other_one_and_never_at_home() -> None:
    lab, (alice, bob, carol) = house("bob", "carol", bob=Rule(always="carol"))
    sent = alice.invite("bob")
    got = carol.takes("INVITE")
    assert got.uri_text.decode() == carol.contact
    assert got.first(b"to") == sent.first(b"to"), "what was dialled stays to be seen"
    assert diversions(got) == ["<sip:bob@10.0.0.1>;reason=unconditional;counter=1"]
    carol.ring(got)
    carol.answer(got)
    assert statuses(alice) == [100, 181, 180, 200]
    assert not bob.inbox
    assert forwarded(lab) == [("carol", "always")]
    assert lab.kinds == ["forwarded", "ringing", "started"]


def test_a_forwarded_call_is_a_call_like_others_to_its_end() -> None:
    lab, (alice, carol) = house("carol", bob=Rule(always="carol"))
    sent = alice.invite("bob")
    carol.answer(carol.takes("INVITE"))
    _, _, response = (alice.takes(status) for status in (100, 181, 200))
    assert alice.dialog is not None
    alice.dialog.confirm(response)
    alice.dialog.ack(sent)
    carol.takes("ACK")
    hang_up(carol, alice)
    assert lab.kinds == ["forwarded", "started", "ended"]
    all_is_over(lab, 2)


def test_who_has_no_phone_and_never_had_one_can_have_calls_forwarded() -> None:
    lab, (alice, carol) = house("carol", bob=Rule(always="carol"))
    alice.invite("bob")
    carol.takes("INVITE")
    assert forwarded(lab) == [("carol", "always")]


def test_always_to_somebody_without_a_phone_fails_as_his_calls_do() -> None:
    lab, (alice,) = house(bob=Rule(always="carol"))
    alice.invite("bob")
    assert statuses(alice) == [404]
    assert lab.kinds == ["failed"]


@pytest.mark.parametrize("rule", [Rule(always="sip:bob@far.example.org"), Rule(not_registered="sip:bob@[::1]")])
def test_where_no_way_leads_is_480_with_the_reason_and_no_181(rule: Rule) -> None:
    """RFC 3261 §21.4.18: a proxy that knows the user, but has no valid forwarding location for him now."""
    lab, (alice,) = house(bob=rule)
    alice.invite("bob")
    response = alice.takes(480)
    assert response.values(b"warning") == [b'399 10.0.0.1:5060 "No way leads to where the calls to this user go"']
    assert not alice.inbox
    assert lab.kinds == ["failed"]
    all_is_over(lab, 1)


def test_escapes_in_the_name_hide_nobody() -> None:
    _, (alice, carol) = house("carol", bob=Rule(always="carol"))
    alice.invite("sip:%62ob@10.0.0.1")
    carol.takes("INVITE")


@pytest.mark.parametrize("method", ["MESSAGE", "OPTIONS", "SUBSCRIBE", "INFO"])
def test_only_calls_are_forwarded(method: str) -> None:
    _, (alice, bob, carol) = house("bob", "carol", bob=Rule(always="carol"))
    alice.request(method, "sip:bob@10.0.0.1")
    assert bob.waiting == [method] and not carol.inbox


def test_what_belongs_to_a_call_stays_with_it() -> None:
    """A re-INVITE has a To tag; one with Replaces (RFC 3891) means a call of one of Bob's phones."""
    _, (alice, bob, carol) = house("bob", "carol", bob=Rule(always="carol", busy="carol"))
    alice.request("INVITE", "sip:bob@10.0.0.1", to="<sip:bob@10.0.0.1>;tag=1")
    alice.invite("bob", headers=("Replaces: 1@2;to-tag=3;from-tag=4",))
    assert bob.waiting == ["INVITE", "INVITE"] and not carol.inbox


def test_a_call_to_one_phone_by_its_contact_stays_there() -> None:
    """So do attended transfers of Linphone."""
    _, (alice, bob, carol) = house("bob", "carol", bob=Rule(always="carol", busy="carol"))
    alice.invite(bob.contact)
    bob.reply(bob.takes("INVITE"), 486)
    assert statuses(alice) == [100, 486] and not carol.inbox


def test_a_call_that_brings_its_own_route_goes_there() -> None:
    lab, (alice, carol) = house("carol", bob=Rule(always="carol"))
    far = lab.phone("far", "{}:{}".format(*FAR))
    alice.invite("bob", headers=("Route: <sip:192.0.2.7:5070;lr>",))
    assert far.waiting == ["INVITE"] and not carol.inbox


def test_a_sips_call_is_not_made_a_sip_call() -> None:
    _, (alice, carol) = house("carol", bob=Rule(always="carol"))
    alice.invite("sips:bob@10.0.0.1")
    assert statuses(alice) == [480] and not carol.inbox


# -- busy --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [486, 600])
def test_busy_and_the_other_one_rings(status: int) -> None:
    lab, (alice, bob, carol) = house("bob", "carol", bob=Rule(busy="carol"))
    alice.invite("bob")
    got = bob.takes("INVITE")
    assert diversions(got) == [], "the first to ring is whom the call is for"
    bob.ring(got)
    bob.reply(got, status)
    bob.takes("ACK")
    second = carol.takes("INVITE")
    assert diversions(second) == ["<sip:bob@10.0.0.1>;reason=user-busy;counter=1"]
    carol.answer(second)
    assert statuses(alice) == [100, 180, 181, 200]
    assert forwarded(lab) == [("carol", "busy")]
    assert lab.kinds == ["ringing", "forwarded", "started"]


def story(lab: Lab) -> list[str]:
    """Who does it to whom, from the answer on."""
    told = [event for event in lab.told() if isinstance(event, Started | Held | Ended)]
    return [f"{event.kind} {event.who.partition('@')[0]} {event.whom.partition('@')[0]}" for event in told]


def test_from_the_answer_on_the_journal_names_who_answered() -> None:
    lab, (alice, bob, carol) = house("bob", "carol", bob=Rule(busy="carol"))
    sent = alice.invite("bob")
    bob.reply(bob.takes("INVITE"), 486)
    carol.answer(carol.takes("INVITE"))
    assert alice.dialog is not None and carol.dialog is not None
    alice.dialog.confirm(alice.inbox[-1])  # type: ignore[arg-type]  # the 200
    alice.dialog.ack(sent)
    carol.dialog.request("INVITE", body=sdp(carol.address[0], "sendonly"))
    carol.takes("ACK"), carol.takes(100)
    alice.answer(alice.inbox.pop(), body=sdp(alice.address[0], "recvonly"))  # type: ignore[arg-type]  # the re-INVITE
    carol.dialog.request("BYE")
    assert story(lab) == ["started alice carol", "held carol alice", "ended carol alice"]


def test_the_journal_names_who_was_sent_to_by_a_phone() -> None:
    lab, (alice, bob, carol) = house("bob", "carol")
    alice.invite("bob")
    bob.reply(bob.takes("INVITE"), 302, headers=(f"Contact: <{carol.contact}>",), contact=False)
    carol.answer(carol.takes("INVITE"))
    assert story(lab) == ["started alice carol"]


def test_who_answers_late_is_who_answered() -> None:
    lab, (alice, bob, carol) = house("bob", "carol", bob=Rule(no_answer="carol", after=5))
    alice.invite("bob")
    got = bob.takes("INVITE")
    bob.ring(got)
    lab.advance(5.1)
    carol.ring(carol.takes("INVITE"))
    bob.answer(got)
    assert story(lab) == ["started alice bob"]
    assert statuses(alice)[-1] == 200


@pytest.mark.parametrize("status", [404, 488, 500, 603, 604])
def test_who_declines_or_fails_is_not_busy(status: int) -> None:
    _, (alice, bob, carol) = house("bob", "carol", bob=Rule(busy="carol", no_answer="carol"))
    alice.invite("bob")
    bob.reply(bob.takes("INVITE"), status)
    assert statuses(alice) == [100, status] and not carol.inbox


def test_busy_is_who_has_no_phone_left_that_rings() -> None:
    lab, (alice, bob, carol) = house("bob", "carol", bob=Rule(busy="carol"))
    second = lab.phone("bob", "10.0.1.2:5060")
    second.register()
    alice.invite("bob")
    bob.reply(bob.takes("INVITE"), 486)
    got = second.takes("INVITE")
    second.ring(got)
    assert not carol.inbox
    second.reply(got, 486)
    carol.takes("INVITE")


def test_the_other_one_is_busy_too_and_that_is_what_the_caller_hears() -> None:
    lab, (alice, bob, carol) = house("bob", "carol", bob=Rule(busy="carol"))
    alice.invite("bob")
    bob.reply(bob.takes("INVITE"), 486, "Bob talks")
    carol.reply(carol.takes("INVITE"), 486, "Carol talks")
    alice.takes(100), alice.takes(181)
    assert alice.takes(486).phrase == b"Carol talks"
    assert lab.kinds == ["forwarded", "busy"]


def test_busy_and_the_other_one_has_no_phone() -> None:
    lab, (alice, bob) = house("bob", bob=Rule(busy="carol"))
    alice.invite("bob")
    bob.reply(bob.takes("INVITE"), 486)
    assert statuses(alice) == [100, 486]
    assert lab.kinds == ["busy"]


def test_a_caller_who_gave_up_is_not_sent_on() -> None:
    lab, (alice, bob, carol) = house("bob", "carol", bob=Rule(busy="carol", no_answer="carol"))
    sent = alice.invite("bob")
    got = bob.takes("INVITE")
    bob.ring(got)
    alice.cancel(sent)
    bob.takes("CANCEL")
    bob.reply(got, 486)
    assert not carol.inbox
    assert statuses(alice) == [100, 180, 200, 486]
    all_is_over(lab, 3)
    assert lab.kinds == ["ringing", "cancelled"]


# -- no answer ---------------------------------------------------------------------------------------------------------


def test_nobody_answers_in_time_and_the_other_one_rings() -> None:
    lab, (alice, bob, carol) = house("bob", "carol", bob=Rule(no_answer="carol", after=7))
    alice.invite("bob")
    got = bob.takes("INVITE")
    bob.ring(got)
    lab.advance(6.9)
    assert not bob.inbox and not carol.inbox
    lab.advance(0.2)
    cancel = bob.takes("CANCEL")
    assert cancel.first(b"reason") == b'SIP;cause=408;text="No answer"', "RFC 3326: a missed call"
    second = carol.takes("INVITE")
    assert diversions(second) == ["<sip:bob@10.0.0.1>;reason=no-answer;counter=1"]
    bob.reply(cancel, 200)
    bob.reply(got, 487)
    carol.ring(second)
    carol.answer(second)
    assert statuses(alice) == [100, 180, 181, 180, 200], "no 487: that was Bob's phone"
    assert forwarded(lab) == [("carol", "no answer")]
    assert lab.kinds == ["ringing", "forwarded", "started"], "rung is rung"
    lab.advance(100)
    assert not bob.waiting[1:], "nothing but the ACK of its 487"


def test_who_answers_in_time_keeps_the_call() -> None:
    lab, (alice, bob, carol) = house("bob", "carol", bob=Rule(no_answer="carol", after=LONGEST_AFTER))
    alice.invite("bob")
    bob.answer(bob.takes("INVITE"))
    lab.advance(100)
    assert lab.engine.load["timers"] == 1, "the look at the call's age"
    lab.advance(100)
    assert not carol.inbox and lab.kinds == ["started"]


def test_a_phone_that_is_off_does_not_hold_up_the_other_one() -> None:
    """It has shown no sign of life, so it cannot even be cancelled (RFC 3261 §9.1)."""
    lab, (alice, bob, carol) = house("bob", "carol", bob=Rule(no_answer="carol", after=7))
    alice.invite("bob")
    lab.advance(7)
    bob.inbox.clear()
    carol.reply(carol.takes("INVITE"), 480)
    assert statuses(alice)[-1] == 480, "at once, and not when timer B ends Bob's branch"
    lab.advance(30)
    assert lab.kinds == ["forwarded", "failed"]


def test_a_phone_that_wakes_up_too_late_is_told_to_be_silent() -> None:
    lab, (alice, bob, carol) = house("bob", "carol", bob=Rule(no_answer="carol", after=7))
    alice.invite("bob")
    got = bob.takes("INVITE")
    lab.advance(7)
    bob.inbox.clear()
    bob.ring(got)
    assert bob.waiting == ["CANCEL"]
    carol.takes("INVITE")
    assert statuses(alice) == [100, 181]


def test_an_answer_that_crosses_the_cancel_wins() -> None:
    lab, (alice, bob, carol) = house("bob", "carol", bob=Rule(no_answer="carol", after=7))
    alice.invite("bob")
    got = bob.takes("INVITE")
    bob.ring(got)
    lab.advance(7)
    second = carol.takes("INVITE")
    carol.ring(second)
    bob.answer(got)
    assert 200 in statuses(alice)
    carol.takes("CANCEL")


def test_a_refusal_waits_for_who_was_cancelled_and_may_have_answered_just_then() -> None:
    """RFC 3261 §16.7 items 5 and 6: else the caller would hear a 486, and then a 200."""
    for status, heard in ((200, [200]), (487, [486])):
        lab, (alice, bob, carol) = house("bob", "carol", bob=Rule(no_answer="carol", after=7))
        alice.invite("bob")
        got = bob.takes("INVITE")
        bob.ring(got)
        lab.advance(7)
        carol.reply(carol.takes("INVITE"), 486)
        assert statuses(alice) == [100, 180, 181]
        bob.reply(got, status)
        assert statuses(alice) == heard
        assert lab.kinds[2:] == [{200: "started", 487: "busy"}[status]]


def test_who_never_answers_the_cancel_holds_up_a_refusal_for_half_a_minute_and_no_longer() -> None:
    lab, (alice, bob, carol) = house("bob", "carol", bob=Rule(no_answer="carol", after=7))
    alice.invite("bob")
    bob.ring(bob.takes("INVITE"))
    lab.advance(7)
    carol.reply(carol.takes("INVITE"), 486)
    lab.advance(CANCELLED)
    assert statuses(alice)[:4] == [100, 180, 181, 486]


def test_the_call_goes_on_without_waiting_for_who_was_cancelled() -> None:
    """New targets may come as long as no final response went back (§16.5); so may an answer of the first."""
    lab, (alice, bob, carol, dave) = house(
        "bob", "carol", "dave", bob=Rule(no_answer="carol", after=7), carol=Rule(busy="dave")
    )  # fmt: skip
    alice.invite("bob")
    got = bob.takes("INVITE")
    bob.ring(got)
    lab.advance(7)
    carol.reply(carol.takes("INVITE"), 486)
    dave.ring(dave.takes("INVITE"))
    bob.answer(got)
    assert statuses(alice) == [100, 180, 181, 181, 180, 200]
    dave.takes("CANCEL")


@pytest.mark.parametrize("status", [603, 302, 486])
def test_a_refusal_that_crosses_the_cancel_changes_nothing(status: int) -> None:
    lab, (alice, bob, carol, dave) = house(
        "bob", "carol", "dave", bob=Rule(no_answer="carol", busy="dave", after=7)
    )  # fmt: skip
    alice.invite("bob")
    got = bob.takes("INVITE")
    bob.ring(got)
    lab.advance(7)
    second = carol.takes("INVITE")
    carol.ring(second)
    bob.reply(got, status, headers=("Contact: <sip:dave@10.0.0.1>",))
    assert not dave.inbox and not carol.inbox
    carol.answer(second)
    assert statuses(alice) == [100, 180, 181, 180, 200]


@pytest.mark.parametrize("status", [408, 480])
def test_a_phone_that_gives_up_ringing_by_itself_was_not_answered(status: int) -> None:
    lab, (alice, bob, carol) = house("bob", "carol", bob=Rule(no_answer="carol", after=60))
    alice.invite("bob")
    got = bob.takes("INVITE")
    bob.ring(got)
    lab.advance(30)
    bob.reply(got, status)
    carol.takes("INVITE")
    lab.advance(40)
    assert forwarded(lab) == [("carol", "no answer")]


def test_phones_of_lower_q_are_not_tried_behind_the_other_one() -> None:
    lab, (alice, bob, carol) = house("bob", "carol", bob=Rule(no_answer="carol", after=7))
    second = lab.phone("bob", "10.0.1.2:5060")
    second.register(contacts=[f"<{second.contact}>;q=0.1"])
    alice.invite("bob")
    got = bob.takes("INVITE")
    bob.ring(got)
    lab.advance(7)
    bob.reply(got, 487)
    carol.reply(carol.takes("INVITE"), 486)
    assert not second.inbox and statuses(alice)[-1] == 486


def test_nobody_is_there_to_take_it_so_it_rings_on() -> None:
    lab, (alice, bob) = house("bob", bob=Rule(no_answer="carol", after=7))
    alice.invite("bob")
    got = bob.takes("INVITE")
    bob.ring(got)
    lab.advance(30)
    bob.answer(got)
    assert statuses(alice) == [100, 180, 200]


def test_the_caller_gives_up_while_it_rings_at_the_other_ones() -> None:
    lab, (alice, bob, carol) = house("bob", "carol", bob=Rule(no_answer="carol", after=7))
    sent = alice.invite("bob")
    got = bob.takes("INVITE")
    bob.ring(got)
    lab.advance(7)
    bob.takes("CANCEL")
    bob.reply(got, 487)
    second = carol.takes("INVITE")
    carol.ring(second)
    alice.cancel(sent)
    carol.takes("CANCEL")
    carol.reply(second, 487)
    assert statuses(alice)[-2:] == [200, 487]
    assert lab.kinds == ["ringing", "forwarded", "cancelled"]


def test_max_breadth_is_left_for_who_comes_next() -> None:
    """RFC 5393 §5.3.3: what is out at once, a cancelled branch included, adds up to no more than came in."""
    lab, (alice, bob, carol) = house("bob", "carol", bob=Rule(no_answer="carol", after=7))
    alice.invite("bob", headers=("Max-Breadth: 10",))
    first = bob.takes("INVITE").first(b"max-breadth") or b""
    lab.advance(7)
    second = carol.takes("INVITE").first(b"max-breadth") or b""
    assert int(first) + int(second) == 10


def test_with_no_breadth_left_the_other_one_waits_for_the_first() -> None:
    lab, (alice, bob, carol) = house("bob", "carol", bob=Rule(no_answer="carol", after=7))
    alice.invite("bob", headers=("Max-Breadth: 1",))
    got = bob.takes("INVITE")
    bob.ring(got)
    lab.advance(7)
    assert not carol.inbox
    bob.reply(got, 487)
    assert carol.takes("INVITE").first(b"max-breadth") == b"1"


def test_the_caller_gives_up_before_the_other_one_had_a_turn() -> None:
    lab, (alice, bob, carol) = house("bob", "carol", bob=Rule(no_answer="carol", after=7))
    sent = alice.invite("bob", headers=("Max-Breadth: 1",))
    got = bob.takes("INVITE")
    bob.ring(got)
    lab.advance(7)
    alice.cancel(sent)
    bob.reply(got, 487)
    assert statuses(alice)[-2:] == [200, 487] and not carol.inbox


def test_the_caller_gives_up_before_the_third_one_had_a_turn() -> None:
    """Bob's and Carol's phones hold all the breadth there is, and Carol's has not answered the CANCEL yet."""
    lab, (alice, bob, carol, dave) = house(
        "bob", "carol", "dave", bob=Rule(no_answer="carol", after=5), carol=Rule(no_answer="dave", after=5)
    )  # fmt: skip
    sent = alice.invite("bob", headers=("Max-Breadth: 2",))
    got = bob.takes("INVITE")
    bob.ring(got)
    lab.advance(5)
    second = carol.takes("INVITE")
    carol.ring(second)
    lab.advance(5)
    alice.cancel(sent)
    bob.reply(got, 480)
    assert statuses(alice)[-1] == 200, "Carol may have answered just then"
    carol.reply(second, 487)
    assert statuses(alice) == [487] and not dave.inbox


def test_two_phones_ring_at_once_though_nothing_is_left_for_who_comes_next() -> None:
    lab, (alice, bob, _) = house("bob", "carol", bob=Rule(no_answer="carol"))
    second = lab.phone("bob", "10.0.1.2:5060")
    second.register()
    alice.invite("bob", headers=("Max-Breadth: 2",))
    assert bob.takes("INVITE").first(b"max-breadth") == second.takes("INVITE").first(b"max-breadth") == b"1"


def test_a_call_that_failed_waits_for_no_answer_any_more() -> None:
    lab, (alice, bob, _) = house("bob", "carol", bob=Rule(no_answer="carol", after=LONGEST_AFTER))
    sent = alice.invite("bob")
    bob.reply(bob.takes("INVITE"), 404)
    alice.takes(100)
    alice.ack_failure(sent, alice.takes(404))
    lab.advance(100)
    assert lab.engine.load["timers"] == 0


def test_the_patience_of_who_was_called_holds_though_one_phone_sent_the_call_on() -> None:
    lab, (alice, bob, carol, dave, eve) = house(
        "bob", "carol", "dave", "eve", bob=Rule(no_answer="dave", after=5), carol=Rule(no_answer="eve", after=60)
    )  # fmt: skip
    alice.invite("bob")
    bob.reply(bob.takes("INVITE"), 302, headers=("Contact: <sip:carol@10.0.0.1>",))
    carol.ring(carol.takes("INVITE"))
    lab.advance(5)
    dave.takes("INVITE")
    carol.takes("CANCEL")
    assert not eve.inbox


def test_patience_begins_when_the_phone_is_asked_and_not_while_there_is_no_breadth_for_it() -> None:
    lab, (alice, bob, carol, _) = house(
        "bob", "carol", "dave", bob=Rule(no_answer="carol", after=5), carol=Rule(no_answer="dave", after=2)
    )  # fmt: skip
    alice.invite("bob", headers=("Max-Breadth: 1",))
    got = bob.takes("INVITE")
    bob.ring(got)
    lab.advance(10)
    bob.reply(got, 487)
    carol.ring(carol.takes("INVITE"))
    lab.advance(1.9)
    assert not carol.inbox
    lab.advance(0.2)
    carol.takes("CANCEL")
    assert forwarded(lab) == [("carol", "no answer"), ("dave", "no answer")]


def test_the_impatience_of_who_got_the_call_by_302_silences_no_other_phone() -> None:
    lab, (alice, bob, carol, dave) = house("bob", "carol", "dave", carol=Rule(no_answer="dave", after=5))
    second = lab.phone("bob", "10.0.1.2:5060")
    second.register()
    alice.invite("bob")
    got = second.takes("INVITE")
    second.ring(got)
    bob.reply(bob.takes("INVITE"), 302, headers=("Contact: <sip:carol@10.0.0.1>",))
    carol.ring(carol.takes("INVITE"))
    lab.advance(20)
    assert not second.inbox and not dave.inbox
    second.answer(got)
    assert statuses(alice)[-1] == 200


def test_a_phone_whose_host_says_that_it_is_off_does_not_answer() -> None:
    lab, (alice, bob, carol) = house("bob", "carol", bob=Rule(no_answer="carol"))
    alice.invite("bob")
    lab.lose(bob.address)
    assert diversions(carol.takes("INVITE")) == ["<sip:bob@10.0.0.1>;reason=no-answer;counter=1"]
    assert forwarded(lab) == [("carol", "no answer")]


def test_a_phone_that_says_503_is_not_off() -> None:
    _, (alice, bob, carol) = house("bob", "carol", bob=Rule(no_answer="carol"))
    alice.invite("bob")
    bob.reply(bob.takes("INVITE"), 503)
    assert statuses(alice) == [100, 500] and not carol.inbox


def test_a_name_that_nobody_can_resolve_here_silences_no_phone_and_changes_no_answer() -> None:
    there = "sip:bob@far.example.org"
    lab, (alice, bob) = house("bob", bob=Rule(no_answer=there, busy=there, after=5))
    alice.invite("bob")
    got = bob.takes("INVITE")
    bob.ring(got)
    lab.advance(10)
    assert not bob.inbox
    bob.reply(got, 486)
    assert statuses(alice) == [100, 180, 486]
    assert lab.kinds == ["ringing", "busy"]


def test_the_same_phone_by_another_spelling_of_its_contact_is_not_asked_again() -> None:
    _, (alice, bob) = house("bob", bob=Rule(busy="sip:bob@10.0.0.11"))
    assert bob.contact == "sip:bob@10.0.0.11:5060"
    alice.invite("bob")
    bob.reply(bob.takes("INVITE"), 486)
    assert bob.waiting == ["ACK"] and statuses(alice) == [100, 486]


def test_a_challenge_of_a_phone_that_was_replaced_is_not_passed_on() -> None:
    lab, (alice, bob, carol) = house("bob", "carol", bob=Rule(no_answer="carol", after=5))
    second = lab.phone("bob", "10.0.1.2:5060")
    second.register()
    alice.invite("bob")
    bob.reply(bob.takes("INVITE"), 401, headers=('WWW-Authenticate: Digest realm="bob"',))
    got = second.takes("INVITE")
    second.ring(got)
    lab.advance(5)
    second.reply(second.takes("CANCEL"), 200), second.reply(got, 487)
    carol.reply(carol.takes("INVITE"), 407, headers=('Proxy-Authenticate: Digest realm="carol"',))
    for status in (100, 180, 181):
        alice.takes(status)
    response = alice.takes(407)
    assert not response.values(b"www-authenticate")


# -- not registered ----------------------------------------------------------------------------------------------------


def test_who_has_no_phone_here_now() -> None:
    lab, (alice, bob, carol) = house("bob", "carol", bob=Rule(not_registered="carol"))
    alice.invite("bob")
    bob.takes("INVITE")
    bob.register(0)
    lab.events.clear()
    alice.invite("bob")
    assert diversions(carol.takes("INVITE")) == ["<sip:bob@10.0.0.1>;reason=unavailable;counter=1"]
    assert forwarded(lab) == [("carol", "not registered")]


# -- chains and circles ------------------------------------------------------------------------------------------------


@pytest.mark.purpose(
    "RFC5806_01", "RFC5806_05",
    given="INVITE with a Diversion, sent on by two of our users",
    expect="theirs above it, the later one on top; it is as it was",
)  # fmt: skip
def test_a_chain_tells_of_each_who_sent_the_call_on_the_latest_first() -> None:
    lab, (alice, carol, dave) = house("carol", "dave", bob=Rule(always="carol"), carol=Rule(busy="dave"))
    alice.invite("bob", headers=("Diversion: <sip:x@192.0.2.1>;reason=time-of-day",))
    carol.reply(carol.takes("INVITE"), 486)
    got = dave.takes("INVITE")
    assert diversions(got) == [
        "<sip:carol@10.0.0.1>;reason=user-busy;counter=1", "<sip:bob@10.0.0.1>;reason=unconditional;counter=1",
        "<sip:x@192.0.2.1>;reason=time-of-day",
    ]  # fmt: skip
    assert forwarded(lab) == [("carol", "always"), ("dave", "busy")]


def test_each_in_a_chain_has_his_own_patience() -> None:
    lab, (alice, bob, carol, dave) = house(
        "bob", "carol", "dave", bob=Rule(no_answer="carol", after=5), carol=Rule(no_answer="dave", after=10)
    )  # fmt: skip
    alice.invite("bob")
    bob.ring(bob.takes("INVITE"))
    lab.advance(5)
    carol.ring(carol.takes("INVITE"))
    lab.advance(9.9)
    assert not dave.inbox
    lab.advance(0.1)
    carol.takes("CANCEL")
    dave.answer(dave.takes("INVITE"))
    assert forwarded(lab) == [("carol", "no answer"), ("dave", "no answer")]


@pytest.mark.parametrize("rule", [Rule(always="bob"), Rule(always="sip:bob@10.0.0.1:5060"), Rule(busy="bob")])
def test_who_forwards_to_himself_just_rings(rule: Rule) -> None:
    lab, (alice, bob) = house("bob", bob=rule)
    alice.invite("bob")
    bob.reply(bob.takes("INVITE"), 486)
    assert bob.waiting == ["ACK"]
    assert statuses(alice) == [100, 486]
    assert lab.kinds == ["busy"]


def test_a_circle_of_always_rings_at_the_last() -> None:
    _, (alice, bob, carol) = house("bob", "carol", bob=Rule(always="carol"), carol=Rule(always="bob"))
    alice.invite("bob")
    carol.answer(carol.takes("INVITE"))
    assert not bob.inbox and statuses(alice) == [100, 181, 200]


def test_a_circle_of_busy_ends_with_the_last_answer() -> None:
    lab, (alice, bob, carol) = house("bob", "carol", bob=Rule(busy="carol"), carol=Rule(busy="bob"))
    sent = alice.invite("bob")
    bob.reply(bob.takes("INVITE"), 486)
    carol.reply(carol.takes("INVITE"), 486)
    assert bob.waiting == ["ACK"]
    alice.takes(100), alice.takes(181)
    alice.ack_failure(sent, alice.takes(486))
    all_is_over(lab, 3)


def test_a_chain_that_is_too_long_rings_where_it_ends() -> None:
    users = [f"u{number}" for number in range(LONGEST_CHAIN + 3)]
    rules = {user: Rule(always=after) for user, after in zip(["bob", *users], users, strict=False)}
    _, (alice, *phones) = house(*users, **rules)
    alice.invite("bob")
    assert [phone.user for phone in phones if phone.inbox] == [users[LONGEST_CHAIN - 1]]


def test_a_call_that_was_sent_on_all_too_often_elsewhere_stays_here() -> None:
    """Behind a proxy that makes a new call of each, RFC 5393 sees no loop; what it tells in Diversion still counts."""
    _, (alice, bob, carol) = house("bob", "carol", bob=Rule(always="carol"))
    alice.invite("bob", headers=("Diversion: <sip:x@192.0.2.1>",) * LONGEST_CHAIN)
    bob.takes("INVITE")
    assert not carol.inbox


def test_steps_here_and_elsewhere_count_together() -> None:
    users = [f"u{number}" for number in range(LONGEST_CHAIN + 3)]
    rules = {user: Rule(always=after) for user, after in zip(["bob", *users], users, strict=False)}
    _, (alice, *phones) = house(*users, **rules)
    alice.invite("bob", headers=("Diversion: <sip:x@192.0.2.1>, <sip:y@192.0.2.1>",))
    (last,) = [phone for phone in phones if phone.inbox]
    assert last.user == users[LONGEST_CHAIN - 3]
    assert len(diversions(last.takes("INVITE"))) == LONGEST_CHAIN


def test_a_302_is_one_step_too_many_as_well() -> None:
    _, (alice, bob, carol) = house("bob", "carol")
    alice.invite("bob", headers=("Diversion: <sip:x@192.0.2.1>",) * LONGEST_CHAIN)
    bob.reply(bob.takes("INVITE"), 302, headers=("Contact: <sip:carol@10.0.0.1>",))
    assert not carol.inbox and statuses(alice) == [100, 302]


def test_a_phone_sends_the_call_to_somebody_who_has_calls_forwarded() -> None:
    """A 302 is a step like others: her rules hold for the call, and the header tells of both."""
    lab, (alice, bob, carol, dave) = house("bob", "carol", "dave", carol=Rule(always="dave"))
    alice.invite("bob")
    bob.reply(bob.takes("INVITE"), 302, headers=("Contact: <sip:carol@10.0.0.1>",))
    assert diversions(dave.takes("INVITE")) == [
        "<sip:carol@10.0.0.1>;reason=unconditional;counter=1", "<sip:bob@10.0.0.1>;reason=deflection;counter=1",
    ]  # fmt: skip
    assert not carol.inbox
    assert forwarded(lab) == [("dave", "302")]


def test_who_got_the_call_by_302_is_busy_and_has_calls_forwarded() -> None:
    lab, (alice, bob, carol, dave) = house("bob", "carol", "dave", carol=Rule(busy="dave"), bob=Rule(busy="bob"))
    alice.invite("bob")
    bob.reply(bob.takes("INVITE"), 302, headers=("Contact: <sip:carol@10.0.0.1>",))
    carol.reply(carol.takes("INVITE"), 486)
    dave.takes("INVITE")
    assert forwarded(lab) == [("carol", "302"), ("dave", "busy")]


def test_a_loop_through_another_proxy_is_still_482() -> None:
    """RFC 5393: what comes back as it went is recognised by our own Via."""
    lab, (alice,) = house(bob=Rule(always="sip:bob@192.0.2.7:5070"))
    far = lab.phone("far", "{}:{}".format(*FAR))
    far.register()
    lab.sent.clear()
    alice.invite("bob")
    got = far.takes("INVITE")
    lines = [b"Via: SIP/2.0/UDP 192.0.2.7:5070;branch=z9hG4bK-far", *got.lines]
    far.send(b"\r\n".join([b"INVITE sip:bob@10.0.0.1 SIP/2.0", *lines, b"", got.body]))
    assert far.waiting == [482]


# -- who may -----------------------------------------------------------------------------------------------------------


def test_a_call_goes_out_to_where_the_owner_wants_it() -> None:
    lab, (alice,) = house(bob=Rule(always="sip:bobby@192.0.2.7:5070;x=y"))
    far = lab.phone("far", "{}:{}".format(*FAR))
    alice.invite("bob")
    got = far.takes("INVITE")
    assert got.uri_text == b"sip:bobby@192.0.2.7:5070;x=y"
    far.answer(got)
    assert statuses(alice) == [100, 181, 200]


def test_a_stranger_may_be_forwarded_where_strangers_may_call_and_nowhere_else() -> None:
    for is_open, fates in ((False, [403]), (True, [100, 181, 200])):
        lab = Lab(open=is_open, forward={b"bob": Rule(always="sip:bobby@192.0.2.7:5070")})
        far, stranger = lab.phone("far", "{}:{}".format(*FAR)), lab.phone("stranger", "198.51.100.9:5060")
        stranger.invite("bob")
        if is_open:
            far.answer(far.takes("INVITE"))
        assert statuses(stranger) == fates


def test_nothing_that_a_phone_sends_makes_a_rule() -> None:
    _, (alice, bob, carol) = house("bob", "carol")
    alice.invite("bob", headers=("Diversion: <sip:carol@10.0.0.1>;reason=unconditional",))
    bob.reply(bob.takes("INVITE"), 486, headers=("Contact: <sip:carol@10.0.0.1>", "Diversion: <sip:carol@10.0.0.1>"))
    assert not carol.inbox and statuses(alice) == [100, 486]


def test_a_rule_that_changes_holds_from_the_next_call_on() -> None:
    rules: dict[bytes, Any] = {}
    lab = Lab(forward=rules)
    alice, bob, carol = lab.registered("alice", "bob", "carol")
    alice.invite("bob")
    bob.takes("INVITE")
    rules[b"bob"] = Rule(always="carol")
    alice.invite("bob")
    carol.takes("INVITE")
    del rules[b"bob"]
    alice.invite("bob")
    bob.takes("INVITE")


def test_the_change_has_a_name_for_who_watches() -> None:
    lab, (alice, carol) = house("carol", bob=Rule(always="carol"))
    alice.invite("bob")
    (send,) = [send for send in lab.sent if send.flow.remote == carol.address]
    assert "diversion" in send.edits


def test_the_next_one_does_not_learn_the_password_that_the_caller_dialled() -> None:
    step = Step(b"bob", parse_uri(b"sip:bob:secret@10.0.0.1:5060;x=1?subject=a"), BUSY)
    assert step.line == b"Diversion: <sip:bob@10.0.0.1:5060>;reason=user-busy;counter=1"
