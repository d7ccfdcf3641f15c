"""Phones that registered by several flows: one is tried, and the next when that one has failed (RFC 5626 §7)."""

from __future__ import annotations

from typing import Any

import pytest

from sipfullproxy.engine.registrar import FLOW_TIMER
from tests.helpers import Lab, Phone, hang_up, sdp

UUID = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>"'
OUTBOUND = ("Supported: path, outbound",)


def flow(lab: Lab, number: int, transport: str = "udp", user: str = "bob") -> Phone:
    """The same phone, by another of its flows: reg-id is its number."""
    one = lab.phone(
        user, f"10.0.0.2{number}:5060", contact_params=f";{UUID};reg-id={number}", transport=transport,
    )  # fmt: skip
    assert one.register(headers=OUTBOUND).status == 200
    lab.events.clear()
    return one


def answered(caller: Phone, callee: Phone) -> None:
    got = callee.takes("INVITE")
    callee.answer(got)
    assert [caller.takes().status for _ in range(len(caller.inbox))][-1] == 200


@pytest.mark.purpose(
    "RFC5626_23",
    given="430 to the INVITE by the flow that was refreshed last, of a phone with two",
    expect="the other flow is tried",
)
@pytest.mark.parametrize("status", [408, 430])
def test_a_proxy_that_has_lost_the_phone(lab: Lab, alice: Phone, status: int) -> None:
    first, second = flow(lab, 1), flow(lab, 2)
    alice.invite("bob")
    assert not first.inbox
    got = second.takes("INVITE")
    second.reply(got, 100)
    second.reply(got, status)
    answered(alice, first)
    assert second.takes("ACK")
    assert lab.kinds == ["started"]


@pytest.mark.parametrize("status", [480, 486, 503, 603])
def test_who_has_answered_is_not_asked_by_another_flow(lab: Lab, alice: Phone, status: int) -> None:
    first, second = flow(lab, 1), flow(lab, 2)
    alice.invite("bob")
    second.reply(second.takes("INVITE"), status)
    assert not first.inbox
    assert alice.waiting[-1] in (status, 500)


def test_a_flow_that_cannot_be_sent_to(lab: Lab, alice: Phone) -> None:
    first, second = flow(lab, 1), flow(lab, 2)
    alice.invite("bob")
    lab.lose(second.address)
    answered(alice, first)


def test_a_flow_that_is_silent(lab: Lab, alice: Phone) -> None:
    """32 seconds, timer B: never do both ring."""
    first, second = flow(lab, 1), flow(lab, 2)
    alice.invite("bob")
    lab.advance(31)
    assert not first.inbox
    lab.advance(2)
    answered(alice, first)
    assert set(second.waiting) == {"INVITE"}


def test_a_connection_that_closes_takes_its_flow_along(lab: Lab, alice: Phone) -> None:
    first, second = flow(lab, 1, "tcp"), flow(lab, 2, "tcp")
    alice.invite("bob")
    lab.cut(second)
    answered(alice, first)
    assert lab.engine.load["bindings"] == 2, "hers, and the flow that is left"


def test_a_flow_that_rings_is_not_followed_by_another(lab: Lab, alice: Phone) -> None:
    first, second = flow(lab, 1), flow(lab, 2)
    alice.invite("bob")
    got = second.takes("INVITE")
    second.ring(got)
    lab.advance(250)  # timer C, and then nothing comes of the CANCEL
    assert not first.inbox
    assert alice.waiting[-1] == 408


def test_a_call_that_was_given_up_goes_no_further(lab: Lab, alice: Phone) -> None:
    first, second = flow(lab, 1), flow(lab, 2)
    invite = alice.invite("bob")
    alice.cancel(invite)
    lab.advance(40)
    assert not first.inbox and second.waiting[0] == "INVITE"
    assert alice.waiting[-1] == 487


def test_when_all_flows_have_failed_the_caller_hears_of_it(lab: Lab, alice: Phone) -> None:
    flows = [flow(lab, number) for number in (1, 2, 3)]
    alice.invite("bob")
    for one in reversed(flows):
        one.reply(one.takes("INVITE"), 430)
    assert alice.waiting == [100, 430]


def test_each_phone_of_a_user_has_its_own_next_flow(lab: Lab, alice: Phone) -> None:
    other = lab.phone("bob")
    other.register()
    first, second = flow(lab, 1), flow(lab, 2)
    alice.invite("bob")
    other.ring(other.takes("INVITE"))
    second.reply(second.takes("INVITE"), 430)
    first.answer(first.takes("INVITE"))
    assert other.takes("CANCEL")
    assert alice.waiting == [100, 180, 200]


def test_messages_go_by_the_next_flow_too(lab: Lab, alice: Phone) -> None:
    first, second = flow(lab, 1), flow(lab, 2)
    alice.request("MESSAGE", "sip:bob@10.0.0.1", body="ahoj", content_type="text/plain")
    second.reply(second.takes("MESSAGE"), 430)
    first.reply(first.takes("MESSAGE"), 200)
    assert alice.waiting == [200]


def test_what_follows_in_the_call_goes_by_the_flow_that_took_it(lab: Lab, alice: Phone) -> None:
    first, second = flow(lab, 1), flow(lab, 2)
    invite = alice.invite("bob")
    second.reply(second.takes("INVITE"), 430)
    got = first.takes("INVITE")
    first.answer(got, body=sdp())
    assert alice.dialog is not None
    alice.takes(100)
    alice.dialog.confirm(alice.takes(200))
    alice.dialog.ack(invite)
    first.takes("ACK")
    hang_up(alice, first)


# -- what the registrar says -------------------------------------------------------------------------------------------


def answer_to(phone: Phone, *headers: str) -> Any:
    return phone.register(headers=headers)


@pytest.mark.purpose(
    "RFC5626_19",
    given="REGISTER with instance, reg-id and Supported: outbound, on UDP and on TCP",
    expect="200 with Require: outbound",
)
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_phone_is_told_that_its_flows_are_told_apart(lab: Lab, transport: str) -> None:
    bob = lab.phone("bob", contact_params=f";{UUID};reg-id=1", transport=transport)
    answer = answer_to(bob, *OUTBOUND)
    assert answer.values(b"require") == [b"outbound"]
    timer = [b"%d" % FLOW_TIMER] if transport == "tcp" else []
    assert answer.values(b"flow-timer") == timer, "on UDP phones have a shorter time of their own"
    assert answer_to(bob, "Require: outbound", *OUTBOUND).status == 200


@pytest.mark.purpose(
    "RFC5626_15",
    given="REGISTER without reg-id, without Supported: outbound, or as a question", expect="200 without Require",
)  # fmt: skip
@pytest.mark.parametrize(
    ("params", "headers"), [(f";{UUID};reg-id=1", ()), (f";{UUID}", OUTBOUND), (";reg-id=1", OUTBOUND)]
)
def test_and_not_where_they_are_not(lab: Lab, params: str, headers: tuple[str, ...]) -> None:
    bob = lab.phone("bob", contact_params=params)
    answer = answer_to(bob, *headers)
    assert answer.status == 200 and not answer.values(b"require") and not answer.values(b"flow-timer")
    assert not bob.register(contacts=[], headers=OUTBOUND).values(b"require")
