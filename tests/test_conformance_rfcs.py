"""What the RFCs behind RFC 3261 want of a proxy and a registrar, where no other test happens to show it.

In the order of the RFCs.
"""

from __future__ import annotations

from typing import Any

import pytest

from sipfullproxy.engine.diversion import Rule
from sipfullproxy.sip.message import Message, Request
from tests.helpers import Dialog, Lab, Phone, call

PLAIN = b"<sip:10.0.0.1:5060;lr>"
UUID = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>"'


@pytest.fixture
def lab() -> Lab:
    return Lab()


@pytest.fixture
def phones(lab: Lab) -> list[Phone]:
    return lab.registered("alice", "bob", "carol")


@pytest.fixture
def alice(phones: list[Phone]) -> Phone:
    return phones[0]


@pytest.fixture
def bob(phones: list[Phone]) -> Phone:
    return phones[1]


@pytest.fixture
def carol(phones: list[Phone]) -> Phone:
    return phones[2]


def dialog_of(phone: Phone) -> Dialog:
    """The dialog that a phone had last."""
    assert phone.dialog is not None
    return phone.dialog


def values(message: Message, *names: str) -> list[list[bytes]]:
    """The values of some headers, for comparing whole messages by what matters."""
    return [message.values(name.lower().encode()) for name in names]


def statuses(phone: Phone) -> list[str | int]:
    """What waits in an inbox; takes it."""
    found = phone.waiting
    phone.inbox.clear()
    return found


def a_second_phone(lab: Lab, user: str = "bob") -> Phone:
    phone = lab.phone(user, "10.0.0.77:5070")
    phone.register()
    return phone


def exchange(one: Phone, other: Phone, method: str, status: int = 200, **more: Any) -> Request:
    """A request inside the dialog of `one`, and its answer. Returns it as it arrived."""
    dialog_of(one).request(method, **more)
    got = other.takes(method)
    assert isinstance(got, Request)
    assert b"route" not in got.where
    other.reply(got, status)
    one.takes(status)
    return got


# -- RFC 3262: PRACK ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", [Rule(always="carol"), Rule(busy="carol")])
def test_who_insists_on_100rel_is_not_told_181(rule: Rule) -> None:
    lab = Lab(forward={b"bob": rule})
    alice, bob, carol = lab.registered("alice", "bob", "carol")
    alice.invite("bob", headers=("Require: foo, 100rel",))
    if rule.busy:
        bob.reply(bob.takes("INVITE"), 486)
    carol.reply(carol.takes("INVITE"), 180, headers=("Require: 100rel", "RSeq: 1"))
    assert statuses(alice) == [100, 180]


# -- RFC 3311: UPDATE --------------------------------------------------------------------------------------------------


# -- RFC 3326: Reason --------------------------------------------------------------------------------------------------


# -- RFC 3327: Path ----------------------------------------------------------------------------------------------------


# -- RFC 3581: rport ---------------------------------------------------------------------------------------------------


# -- RFC 3891 and RFC 3892: Replaces, Referred-By ----------------------------------------------------------------------


# -- RFC 3903: PUBLISH -------------------------------------------------------------------------------------------------


# -- RFC 4028: session timers ------------------------------------------------------------------------------------------


# -- RFC 5393: loops and breadth ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("breadth", [61, 1000, 2**31])
def test_a_max_breadth_over_ours_is_cut_down(lab: Lab, alice: Phone, bob: Phone, breadth: int) -> None:
    mobile = a_second_phone(lab)
    alice.invite("bob", headers=(f"Max-Breadth: {breadth}",))
    assert [phone.takes("INVITE").first(b"max-breadth") for phone in (bob, mobile)] == [b"30", b"30"]


def test_one_phone_gets_all_the_breadth_that_there_is(alice: Phone, bob: Phone) -> None:
    call(alice, bob)
    for headers, breadth in (((), b"60"), (("Max-Breadth: 7",), b"7"), (("Max-Breadth: 1",), b"1")):
        for method in ("BYE", "OPTIONS", "MESSAGE", "REFER", "SUBSCRIBE", "NONSENSE", "INVITE", "ACK"):
            dialog_of(alice).request(method, headers=headers)
            got = bob.inbox.pop()
            assert isinstance(got, Request) and got.method == method.encode()
            assert got.values(b"max-breadth") == [breadth]


@pytest.mark.parametrize(("breadth", "shares"), [(5, [2, 2]), (1, [1]), (0, [])])
def test_the_ack_of_a_2xx_spreads_no_further_than_it_may(
    lab: Lab, alice: Phone, bob: Phone, breadth: int, shares: list[int]
) -> None:
    mobile = a_second_phone(lab)
    alice.request(
        "ACK", "sip:bob@10.0.0.1", to="<sip:bob@10.0.0.1>;tag=b", headers=(f"Max-Breadth: {breadth}",)
    )  # fmt: skip
    acks = [message for phone in (bob, mobile) for message in phone.inbox]
    assert [int(ack.first(b"max-breadth") or b"") for ack in acks] == shares


# -- RFC 5626: outbound ------------------------------------------------------------------------------------------------


def register(phone: Phone, *contacts: str, headers: tuple[str, ...] = ()) -> Any:
    return phone.register(contacts=list(contacts), headers=headers)


@pytest.mark.parametrize(
    ("path", "status"),
    [((), 439), (("Path: <sip:192.0.2.1;lr>, <sip:192.0.2.2;lr;ob>",), 439), (("Path: <sip:192.0.2.1;lr;ob>",), 200)],
)
def test_behind_a_proxy_that_does_not_keep_the_flow(lab: Lab, path: tuple[str, ...], status: int) -> None:
    edge = lab.phone("bob", "192.0.2.1:5060")
    answer = register(
        edge, f"<sip:bob@192.168.1.5>;{UUID};reg-id=1",
        headers=("Via: SIP/2.0/UDP 192.168.1.5;branch=z9hG4bK-bob", "Supported: gruu, outbound", *path),
    )  # fmt: skip
    assert answer.status == status
    assert lab.engine.load["bindings"] == (status == 200)


def test_a_reg_id_behind_another_proxy_is_ignored(lab: Lab) -> None:
    edge = lab.phone("bob", "192.0.2.1:5060")
    via = "Via: SIP/2.0/UDP 192.168.1.5;branch=z9hG4bK-bob"
    for number in (1, 2):
        contact = f"<sip:bob@192.168.1.{number}>;{UUID};reg-id={number}"
        assert b"require" not in register(edge, contact, headers=(via,)).where
    assert lab.engine.load["bindings"] == 1


def test_one_flow_is_registered_at_a_time(lab: Lab) -> None:
    bob = lab.phone("bob")
    assert register(bob, f"<{bob.contact}>;{UUID};reg-id=1", "<sip:bob@10.0.0.77>").status == 400
    assert lab.engine.load["bindings"] == 0


def test_one_phone_is_not_tried_by_two_of_its_flows_at_once(lab: Lab, alice: Phone, bob: Phone) -> None:
    first, second = lab.phone("bob", "10.0.0.21:5060"), lab.phone("bob", "10.0.0.22:5060")
    for number, phone in ((1, first), (2, second), (1, first)):
        register(phone, f"<{phone.contact}>;{UUID};reg-id={number}")
    alice.invite("bob")
    assert [phone.waiting for phone in (bob, first, second)] == [["INVITE"], ["INVITE"], []]


def test_who_has_answered_is_not_asked_again_by_another_flow(lab: Lab, alice: Phone) -> None:
    first, second = lab.phone("dave", "10.0.0.21:5060"), lab.phone("dave", "10.0.0.22:5060")
    for number, phone, q in ((1, first, 0.5), (2, second, 1.0)):
        register(phone, f"<{phone.contact}>;{UUID};reg-id={number};q={q}")
    alice.invite("dave")
    second.reply(second.takes("INVITE"), 480)
    assert statuses(alice) == [100, 480]
    assert not first.inbox


# -- RFC 5806: Diversion -----------------------------------------------------------------------------------------------


# -- RFC 5954: IPv6 ----------------------------------------------------------------------------------------------------


# -- RFC 6026: transactions of a 2xx -----------------------------------------------------------------------------------


# -- RFC 6141: re-INVITE -----------------------------------------------------------------------------------------------


# -- RFC 6665: SUBSCRIBE and NOTIFY ------------------------------------------------------------------------------------

STATE = ("Event: presence;id=7", "Subscription-State: active;expires=599", "Allow-Events: presence, dialog")


# -- RFC 8760: logins --------------------------------------------------------------------------------------------------
