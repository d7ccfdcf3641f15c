"""Calls of phones whose Contact is not where they send from (RFC 5626 §5.3): flow tokens in Record-Route."""

from __future__ import annotations

import pytest

from sipfullproxy.engine.flow import Flow
from sipfullproxy.engine.tokens import Tokens
from sipfullproxy.sip.message import Request
from sipfullproxy.sip.uri import parse_uri
from tests.helpers import PROXY, Lab, Phone, call, hang_up

PLAIN = b"<sip:10.0.0.1:5060;lr>"

ALICE_NAT = ("203.0.113.1:40001", "sip:alice@192.168.1.5:5060")
BOB_NAT = ("198.51.100.2:50002", "sip:bob@192.168.1.5:5060")

SIDES = pytest.mark.parametrize(
    ("alice_hidden", "bob_hidden"), [(True, True), (True, False), (False, True), (False, False)]
)


def world(alice_hidden: bool, bob_hidden: bool) -> tuple[Lab, Phone, Phone]:
    """Alice and Bob, each behind a NAT of his own or not."""
    lab = Lab()
    alice = lab.phone("alice", *(ALICE_NAT if alice_hidden else ()))
    bob = lab.phone("bob", *(BOB_NAT if bob_hidden else ()))
    alice.register()
    bob.register()
    return lab, alice, bob


def restart(lab: Lab) -> None:
    """The proxy comes back with the same key and with nothing else."""
    lab.engine = Lab().engine
    assert not any(lab.engine.load.values())


def flows(request: Request) -> list[tuple[str, int] | None]:
    """Where the Record-Route values of a request lead to; None for a plain one."""
    tokens = Tokens(b"key of the virtual lab", PROXY)
    found: list[tuple[str, int] | None] = []
    for value in request.values(b"record-route"):
        uri = parse_uri(value.strip(b"<>"))
        assert b"lr" in uri.params and (uri.host, uri.port) == (b"10.0.0.1", 5060)
        flow = tokens.read(uri.user) if uri.user else None
        found.append(flow.remote if flow else None)
    return found


def within(sender: Phone, receiver: Phone, method: str) -> None:
    """A request inside the call, and its answer."""
    assert sender.dialog is not None
    sender.dialog.request(method)
    got = receiver.takes(method)
    assert b"route" not in got.where
    receiver.reply(got, 200)
    if method == "INVITE":
        sender.takes(100)
    sender.takes(200)


# -- the right token on the right side ---------------------------------------------------------------------------------


@pytest.mark.purpose(
    "RFC5658_02..03",
    given="INVITE between phones of which one, both or none is behind NAT",
    expect="one plain Record-Route, or two: above that of the callee's side, below the caller's",
)  # fmt: skip
@SIDES
def test_each_side_has_a_token_where_its_phone_is_hidden(alice_hidden: bool, bob_hidden: bool) -> None:
    _, alice, bob = world(alice_hidden, bob_hidden)
    alice.invite("bob")
    invite = bob.takes("INVITE")
    if not alice_hidden and not bob_hidden:
        assert invite.values(b"record-route") == [PLAIN], "one, and readable in Wireshark"
    else:
        # The topmost is Bob's first hop, the other one Alice's.
        assert flows(invite) == [bob.address if bob_hidden else None, alice.address if alice_hidden else None]


@pytest.mark.purpose(
    "RFC5626_03", "RFC5626_07", "RFC5658_04",
    given="eight methods inside a call from either side, by the recorded Route; either phone behind NAT, or none",
    expect="once at the other phone, without a Route of ours left, and the 200 back",
)  # fmt: skip
@SIDES
def test_the_whole_call_in_both_directions(alice_hidden: bool, bob_hidden: bool) -> None:
    _, alice, bob = world(alice_hidden, bob_hidden)
    call(alice, bob)
    for method in ("INVITE", "UPDATE", "INFO", "MESSAGE", "REFER", "NOTIFY", "OPTIONS", "FOO"):
        within(alice, bob, method)
        within(bob, alice, method)
    hang_up(bob, alice)
    assert not alice.inbox and not bob.inbox


@SIDES
def test_a_re_invite_says_the_same_as_the_invite_did(alice_hidden: bool, bob_hidden: bool) -> None:
    _, alice, bob = world(alice_hidden, bob_hidden)
    call(alice, bob)
    of = {alice: alice.address if alice_hidden else None, bob: bob.address if bob_hidden else None}
    for sender, receiver in ((alice, bob), (bob, alice)):
        assert sender.dialog is not None
        sender.dialog.request("INVITE")
        again = receiver.takes("INVITE")
        assert flows(again) == ([of[receiver], of[sender]] if any(of.values()) else [None])
        receiver.reply(again, 488)
        sender.inbox.clear()
        receiver.inbox.clear()


@pytest.mark.purpose(
    "RFC6141_01",
    given="re-INVITE, 488", expect="488 back, and the call goes on until its BYE",
)  # fmt: skip
@SIDES
def test_a_re_invite_is_acknowledged_end_to_end_and_a_refused_one_hop_by_hop(
    alice_hidden: bool, bob_hidden: bool
) -> None:
    _, alice, bob = world(alice_hidden, bob_hidden)
    call(alice, bob)
    assert bob.dialog is not None
    again = bob.dialog.request("INVITE")
    alice.reply(alice.takes("INVITE"), 200)
    bob.takes(100)
    bob.takes(200)
    bob.dialog.ack(again)
    alice.takes("ACK")
    refused = bob.dialog.request("INVITE")
    alice.reply(alice.takes("INVITE"), 488)
    assert alice.takes("ACK").values(b"via")[0].startswith(b"SIP/2.0/UDP 10.0.0.1")
    bob.takes(100)
    bob.ack_failure(refused, bob.takes(488))
    assert not alice.inbox and not bob.inbox, "neither ACK went any further"
    hang_up(alice, bob)


@pytest.mark.purpose(
    "RFC3262_07", "RFC3311_01", "RFC5626_07",
    given="PRACK and UPDATE after a reliable 183, UPDATE from the callee too; either phone behind NAT, or none",
    expect="at the other phone, its 200 back",
)  # fmt: skip
@SIDES
def test_an_early_dialog_in_both_directions(alice_hidden: bool, bob_hidden: bool) -> None:
    """RFC 3262 PRACK, RFC 3311 UPDATE."""
    _, alice, bob = world(alice_hidden, bob_hidden)
    alice.invite("bob")
    invite = bob.takes("INVITE")
    bob.reply(invite, 183, headers=("RSeq: 1", "Require: 100rel"))
    alice.takes(100)
    assert alice.dialog is not None
    alice.dialog.confirm(alice.takes(183))
    within(alice, bob, "PRACK")
    within(alice, bob, "UPDATE")
    within(bob, alice, "UPDATE")
    bob.answer(invite)
    alice.takes(200)


# -- after a restart of the proxy --------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["BYE", "INVITE", "REFER"])
def test_a_call_of_two_hidden_phones_outlives_a_restart(method: str) -> None:
    lab, alice, bob = world(True, True)
    call(alice, bob)
    restart(lab)
    within(alice, bob, method)
    within(bob, alice, method)


@pytest.mark.parametrize("alice_hidden", [True, False])
def test_who_is_hidden_is_reached_after_a_restart_though_nobody_is_registered(alice_hidden: bool) -> None:
    lab, alice, bob = world(alice_hidden, not alice_hidden)
    call(alice, bob)
    hidden, direct = (alice, bob) if alice_hidden else (bob, alice)
    restart(lab)
    within(direct, hidden, "BYE")


@SIDES
def test_after_a_restart_one_phone_that_registers_again_is_enough(alice_hidden: bool, bob_hidden: bool) -> None:
    lab, alice, bob = world(alice_hidden, bob_hidden)
    call(alice, bob)
    restart(lab)
    alice.register()
    within(alice, bob, "INFO")
    within(bob, alice, "BYE")


@pytest.mark.purpose(
    "RFC5626_05",
    given="BYE by a token that was signed with another key", expect="403, nothing forwarded",
)  # fmt: skip
def test_after_a_restart_with_another_key_the_token_is_a_strangers() -> None:
    lab, alice, bob = world(True, True)
    call(alice, bob)
    lab.engine = Lab().engine
    lab.engine._core.router.tokens = Tokens(b"another key", PROXY)
    assert alice.dialog is not None
    alice.dialog.request("BYE")
    alice.takes(403)
    assert not bob.inbox


# -- who is hidden, and who is not -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "contact",
    ["sip:alice@192.168.1.5", "sip:alice@10.0.0.10:5062", "sip:alice@laptop.local", "sip:alice@[2001:db8::1]"],
)
def test_a_contact_with_another_host_or_port_or_a_name_is_hidden(contact: str) -> None:
    lab = Lab()
    alice = lab.phone("alice", "10.0.0.10:5060", contact)
    (bob,) = lab.registered("bob")
    alice.register()
    alice.invite("bob")
    assert flows(bob.takes("INVITE")) == [None, ("10.0.0.10", 5060)]


@pytest.mark.parametrize(
    "contact", ["sip:alice@10.0.0.10", "sip:alice@10.0.0.10:5060;transport=udp;x=y", "sip:10.0.0.10"]
)
def test_a_contact_that_is_where_the_phone_sends_from_is_direct(contact: str) -> None:
    lab = Lab()
    alice = lab.phone("alice", "10.0.0.10:5060", contact)
    (bob,) = lab.registered("bob")
    alice.register()
    alice.invite("bob")
    assert bob.takes("INVITE").values(b"record-route") == [PLAIN]


def test_who_stands_behind_another_proxy_is_that_proxys_concern() -> None:
    lab = Lab()
    proxy = lab.phone("proxy", "192.0.2.1:5060", "sip:x@192.168.1.5")
    (bob,) = lab.registered("bob")
    proxy.register()
    proxy.invite("bob", headers=("Record-Route: <sip:192.0.2.1;lr>",))
    assert bob.takes("INVITE").values(b"record-route") == [PLAIN, b"<sip:192.0.2.1;lr>"]


@pytest.mark.parametrize("contact", [None, "Contact: nonsense<", "Contact: <tel:+421900>"])
def test_a_request_without_a_contact_that_can_be_read_gets_the_plain_route(contact: str | None) -> None:
    lab = Lab()
    alice, bob = lab.registered("alice", "bob")
    alice.request("SUBSCRIBE", "sip:bob@10.0.0.1", contact=False, headers=(contact,) if contact else ())
    assert bob.takes("SUBSCRIBE").values(b"record-route") == [PLAIN]


# -- where a token leads -----------------------------------------------------------------------------------------------


def token(address: tuple[str, int]) -> str:
    return Tokens(b"key of the virtual lab", PROXY).make(Flow("udp", PROXY, address)).decode()


@pytest.mark.purpose(
    "RFC5626_04",
    given="INFO of a phone behind NAT whose only Route is the token of its own flow",
    expect="at the phone that the Request-URI names",
)  # fmt: skip
def test_a_single_token_of_the_sender_himself_is_no_way_back_to_him() -> None:
    """A phone that keeps only its own first hop as Route."""
    _, alice, bob = world(True, False)
    alice.request(
        "INFO",
        bob.contact,
        to="<sip:bob@10.0.0.1>;tag=b",
        headers=(f"Route: <sip:{token(alice.address)}@10.0.0.1;lr>",),
    )
    assert bob.takes("INFO").uri_text.decode() == bob.contact


@pytest.mark.purpose(
    "RFC5626_03",
    given="BYE by a Route with a token", expect="over the token's flow, its Request-URI as it was",
)  # fmt: skip
def test_a_request_by_token_keeps_its_request_uri() -> None:
    """RFC 5626 §5.3: the flow is the way, the Request-URI stays what the phone knows itself by."""
    _, alice, bob = world(True, True)
    call(alice, bob)
    assert alice.dialog is not None
    alice.dialog.request("BYE")
    assert bob.takes("BYE").uri_text.decode() == bob.contact


def test_two_phones_with_the_same_private_contact_are_told_apart() -> None:
    """Two homes, each with a 192.168.1.5."""
    lab = Lab()
    (alice,) = lab.registered("alice")
    one = lab.phone("bob", "203.0.113.1:1111", "sip:bob@192.168.1.5", contact_params=';+sip.instance="<urn:uuid:1>"')
    two = lab.phone("bob", "203.0.113.2:2222", "sip:bob@192.168.1.5", contact_params=';+sip.instance="<urn:uuid:2>"')
    for phone in (one, two):
        phone.register()
    alice.invite("bob")
    first, second = one.takes("INVITE"), two.takes("INVITE")
    one.answer(first)
    alice.takes(100)
    assert alice.dialog is not None
    alice.dialog.confirm(alice.takes(200))
    two.reply(second, 487)
    two.inbox.clear()
    alice.dialog.request("BYE")
    one.takes("BYE")
    assert not two.inbox


@pytest.mark.purpose(
    "RFC6141_07",
    given="BYE to a phone behind NAT that has registered from another port since the call began",
    expect="at that port",
)  # fmt: skip
def test_a_phone_that_registers_from_another_port_within_a_call_is_reached_there() -> None:
    """A NAT forgets a mapping, and the phone comes again from another port; the token still names the old one."""
    lab, alice, old = world(False, True)
    call(alice, old)
    host = old.address[0]
    bob = lab.phone("bob", f"{host}:50099", BOB_NAT[1])
    bob.register()
    assert alice.dialog is not None
    alice.dialog.request("BYE")
    assert not old.inbox
    bob.reply(bob.takes("BYE"), 200)
    alice.takes(200)


def test_but_the_same_contact_behind_another_nat_is_another_phone() -> None:
    lab, alice, bob = world(False, True)
    call(alice, bob)
    bob.register(expires=0)
    other = lab.phone("bob", "203.0.113.77:50002", BOB_NAT[1])
    other.register()
    assert alice.dialog is not None
    alice.dialog.request("BYE")
    bob.takes("BYE")
    assert not other.inbox
