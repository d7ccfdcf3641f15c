"""Who may have a request forwarded: registered phones, parties of calls, and with `--open` those who call our users.

Mallory is never registered. What she tries is what SIPVicious and its kind try: to call out through us, to reach our
users without leave, to learn who is registered.
"""

from __future__ import annotations

from typing import Any

import pytest

from sipfullproxy.engine.flow import Flow
from sipfullproxy.engine.tokens import Tokens
from tests.helpers import PROXY, Lab, Phone, call, hang_up

VICTIM = "sip:victim@192.0.2.99"

OPEN = pytest.mark.parametrize("opened", [False, True])
METHODS = ["INVITE", "BYE", "MESSAGE", "REFER", "SUBSCRIBE", "NOTIFY", "OPTIONS", "INFO", "UPDATE", "PUBLISH", "FOO"]


def world(**settings: Any) -> tuple[Lab, Phone, Phone, Phone]:
    """Alice and Bob, who are registered, and Mallory, who is not. Whatever goes to the victim goes astray."""
    lab = Lab(**settings)
    alice, bob = lab.registered("alice", "bob")
    return lab, alice, bob, lab.phone("mallory", "198.51.100.66:6666")


def token(*address: Any, key: bytes = b"key of the virtual lab") -> str:
    return Tokens(key, PROXY).make(Flow("udp", PROXY, address)).decode()


# -- outside a dialog --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("who", ["bob", "nobody", "gone"])
def test_a_stranger_reaches_nobody_and_learns_nothing(method: str, who: str) -> None:
    """svwar tells users apart by 401, 403, 404 and 480: here all get the same answer."""
    lab, _, bob, mallory = world()
    gone = lab.phone("gone")
    gone.register()
    gone.register(expires=0)
    mallory.request(method, f"sip:{who}@10.0.0.1")
    assert mallory.waiting == [489 if method == "PUBLISH" else 403]
    assert not bob.inbox


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("who", ["bob", "nobody", "gone"])
def test_a_made_up_to_tag_changes_nothing_about_that(method: str, who: str) -> None:
    lab, _, bob, mallory = world()
    gone = lab.phone("gone")
    gone.register()
    gone.register(expires=0)
    mallory.request(method, f"sip:{who}@10.0.0.1", to=f"<sip:{who}@10.0.0.1>;tag=made-up")
    assert mallory.waiting == [489 if method == "PUBLISH" else 403]
    assert not bob.inbox


@pytest.mark.parametrize("method", ["INVITE", "MESSAGE", "OPTIONS", "SUBSCRIBE", "FOO"])
def test_open_lets_anybody_reach_our_users(method: str) -> None:
    _, _, bob, mallory = world(open=True)
    mallory.request(method, "sip:bob@10.0.0.1")
    bob.reply(bob.takes(method), 200)
    assert mallory.waiting[-1] == 200


@OPEN
@pytest.mark.parametrize("method", ["REGISTER", "OPTIONS"])
def test_what_is_for_us_is_never_in_question(opened: bool, method: str) -> None:
    _, _, _, mallory = world(open=opened)
    mallory.request(method, "sip:10.0.0.1", to="<sip:mallory@10.0.0.1>")
    mallory.takes(200)


@pytest.mark.parametrize(("registered", "sends"), [("udp", "tcp"), ("tcp", "udp"), ("tcp", "tcp"), ("udp", "udp")])
def test_a_phone_may_send_by_another_way_than_it_registered_by(registered: str, sends: str) -> None:
    """RFC 3261 §18.1.1: what is too large for UDP MUST go by TCP. And baresip, registered by TCP, sends to an address
    that names no transport (its contacts, Refer-To) by UDP."""
    lab, _, bob, _ = world()
    lab.phone("carol", "10.0.0.50:5060", transport=registered).register()
    carol = lab.phone("carol", "10.0.0.50:40001", transport=sends)
    carol.invite("bob")
    bob.answer(bob.takes("INVITE"))
    assert carol.waiting == [100, 200]


@pytest.mark.parametrize(
    ("user", "host"), [("dave", "10.0.0.50"), ("alice", "10.0.0.50"), ("carol", "10.0.0.51")],
    ids=["who has not registered", "who has registered elsewhere", "another host"],
)  # fmt: skip
def test_that_other_way_is_the_users_and_begins_at_his_host(user: str, host: str) -> None:
    lab, _, bob, _ = world()
    lab.phone("carol", "10.0.0.50:5060").register()
    stranger = lab.phone(user, f"{host}:40001", transport="tcp")
    stranger.invite("bob")
    assert stranger.waiting == [403] and not bob.inbox


def test_registering_is_what_opens_the_door() -> None:
    lab, _, bob, mallory = world()
    mallory.register()
    mallory.request("MESSAGE", "sip:bob@10.0.0.1")
    bob.takes("MESSAGE")
    mallory.register(expires=0)
    mallory.request("MESSAGE", "sip:bob@10.0.0.1")
    mallory.takes(403)
    mallory.register(expires=60)
    lab.advance(61)
    mallory.inbox.clear()
    mallory.request("MESSAGE", "sip:bob@10.0.0.1")
    mallory.takes(403)


def test_it_is_the_source_that_counts_and_not_what_a_request_says_of_itself() -> None:
    _, alice, bob, mallory = world()
    mallory.send(alice.compose("INVITE", "sip:bob@10.0.0.1"))
    mallory.request("INVITE", "sip:bob@10.0.0.1", from_="<sip:alice@10.0.0.1>;tag=x")
    assert not bob.inbox


def test_another_port_of_a_registered_host_is_a_stranger() -> None:
    """Behind one NAT live many."""
    lab, _, bob, _ = world()
    other = lab.phone("other", "10.0.0.10:5090")
    other.request("MESSAGE", "sip:bob@10.0.0.1")
    other.takes(403)
    assert not bob.inbox


# -- no open relay -----------------------------------------------------------------------------------------------------


RELAYS: dict[str, tuple[str, tuple[str, ...]]] = {
    "foreign Request-URI": (VICTIM, ()),
    "our Route": (VICTIM, ("Route: <sip:10.0.0.1;lr>",)),
    "our Route twice": (VICTIM, ("Route: <sip:10.0.0.1;lr>, <sip:10.0.0.1:5060;lr>",)),
    "foreign Route": ("sip:bob@10.0.0.1", ("Route: <sip:192.0.2.99;lr>",)),
    "our Route and a foreign one": ("sip:bob@10.0.0.1", ("Route: <sip:10.0.0.1;lr>, <sip:192.0.2.99;lr>",)),
    "strict Route": ("sip:bob@10.0.0.1", ("Route: <sip:192.0.2.99>",)),
    "our Record-Route as Request-URI": ("sip:10.0.0.1;lr", (f"Route: <{VICTIM}>",)),
    "maddr": ("sip:x@203.0.113.5;maddr=192.0.2.99", ()),
    "another port of ours": ("sip:bob@10.0.0.1:5999", ()),
    "forged token": (VICTIM, (f"Route: <sip:{token('192.0.2.99', 5060, key=b'guess')}@10.0.0.1;lr>",)),
    "cut token": (VICTIM, (f"Route: <sip:{token('192.0.2.99', 5060)[:-4]}@10.0.0.1;lr>",)),
    "no token at all": (VICTIM, ("Route: <sip:alice@10.0.0.1;lr>",)),
    "a name": ("sip:victim@victim.example.org", ()),
    "a foreign Contact of nobody": ("sip:bob@10.0.0.12:5060", ()),
}


@OPEN
@pytest.mark.parametrize("to_tag", ["", ";tag=made-up"])
@pytest.mark.parametrize("method", ["INVITE", "BYE", "MESSAGE", "NOTIFY", "CANCEL", "REGISTER"])
def test_strangers_relay_nothing(opened: bool, to_tag: str, method: str) -> None:
    lab, alice, bob, _ = world(open=opened)
    for number, (way, (uri, routes)) in enumerate(RELAYS.items(), start=1):
        stranger = lab.phone("mallory", f"198.51.100.{number}:6666")
        stranger.request(method, uri, to=f"<{uri}>{to_tag}", headers=routes)
        assert stranger.waiting == [403], way
        assert not lab.astray and not alice.inbox and not bob.inbox, way


@OPEN
@pytest.mark.parametrize("way", RELAYS)
def test_an_ack_of_a_stranger_is_relayed_nowhere_and_never_answered(opened: bool, way: str) -> None:
    lab, alice, bob, mallory = world(open=opened)
    uri, routes = RELAYS[way]
    mallory.request("ACK", uri, to=f"<{uri}>;tag=made-up", headers=routes)
    assert not mallory.inbox
    assert not lab.astray and not alice.inbox and not bob.inbox


def test_maddr_never_overrules_that_it_is_our_user() -> None:
    """§16.5: a user of our domain is where he registered."""
    lab, _, bob, mallory = world(open=True)
    mallory.request("MESSAGE", "sip:bob@10.0.0.1;maddr=192.0.2.99")
    bob.takes("MESSAGE")
    assert not lab.astray


def test_a_token_leads_to_its_flow_and_no_further() -> None:
    lab, _, bob, mallory = world()
    routes = (f"Route: <sip:{token(*bob.address)}@10.0.0.1;lr>, <sip:192.0.2.99;lr>",)
    mallory.request("MESSAGE", VICTIM, to=f"<{VICTIM}>;tag=x", headers=routes)
    bob.takes("MESSAGE")
    assert not lab.astray


@OPEN
def test_a_token_is_for_requests_inside_a_dialog(opened: bool) -> None:
    _, _, bob, mallory = world(open=opened)
    mallory.request("INVITE", "sip:bob@10.0.0.1", headers=(f"Route: <sip:{token(*bob.address)}@10.0.0.1;lr>",))
    mallory.takes(403)
    assert not bob.inbox


def test_the_caller_of_an_open_call_may_not_relay_by_it() -> None:
    """Under --open anybody can become a party of a call. That lets him talk to the other party, and to nobody else."""
    lab, _, bob, mallory = world(open=True)
    call(mallory, bob)
    assert mallory.dialog is not None
    target, mallory.dialog.target = mallory.dialog.target, VICTIM
    for routes in ([], mallory.dialog.routes, ["<sip:192.0.2.99;lr>"]):
        mallory.dialog.routes = routes
        mallory.dialog.request("MESSAGE")
        mallory.takes(403)
    mallory.dialog.request("ACK", cseq=1)
    assert not lab.astray and not mallory.inbox
    mallory.dialog.target, mallory.dialog.routes = target, []
    mallory.dialog.request("MESSAGE")
    bob.takes("MESSAGE")


def test_registered_phones_may_call_out() -> None:
    lab, alice, _, _ = world()
    far = lab.phone("victim", "192.0.2.99:5060")
    alice.invite(VICTIM)
    far.answer(far.takes("INVITE"))
    alice.takes(100)
    alice.takes(200)


# -- inside a dialog ---------------------------------------------------------------------------------------------------


def test_an_unregistered_caller_under_open_has_a_whole_call() -> None:
    lab, _, bob, mallory = world(open=True)
    call(mallory, bob)
    hang_up(bob, mallory)
    call(mallory, bob)
    hang_up(mallory, bob)
    assert lab.kinds == ["ringing", "started", "ended"] * 2


def test_an_unregistered_caller_under_open_may_cancel() -> None:
    _, _, bob, mallory = world(open=True)
    sent = mallory.invite("bob")
    invite = bob.takes("INVITE")
    bob.ring(invite)
    mallory.cancel(sent)
    bob.reply(bob.takes("CANCEL"), 200)
    bob.reply(invite, 487)
    for status in (100, 180, 200):
        mallory.takes(status)
    mallory.ack_failure(sent, mallory.takes(487))
    assert not mallory.inbox and not bob.waiting[1:], "the ACK stays on its hop"


def test_a_phone_that_answers_a_call_of_ours_may_speak_in_it() -> None:
    """A foreign callee is no registered phone, but a party."""
    lab, alice, _, _ = world()
    far = lab.phone("victim", "192.0.2.99:5060")
    sent = alice.invite(VICTIM)
    far.answer(far.takes("INVITE"))
    alice.takes(100)
    assert alice.dialog is not None and far.dialog is not None
    alice.dialog.confirm(alice.takes(200))
    alice.dialog.ack(sent)
    far.takes("ACK")
    hang_up(far, alice)


def test_a_call_goes_on_when_registrations_run_out() -> None:
    lab = Lab()
    alice, bob = lab.phone("alice"), lab.phone("bob")
    for phone in (alice, bob):
        phone.register(expires=60)
    call(alice, bob)
    lab.advance(100)
    assert lab.engine.load["bindings"] == 0
    assert alice.dialog is not None and bob.dialog is not None
    again = alice.dialog.request("INVITE")
    bob.reply(bob.takes("INVITE"), 200)
    alice.takes(100)
    alice.takes(200)
    alice.dialog.ack(again)
    bob.takes("ACK")
    bob.dialog.request("INFO")
    alice.reply(alice.takes("INFO"), 200)
    bob.takes(200)
    hang_up(bob, alice)


def test_a_party_whose_registration_ran_out_may_still_name_the_other_by_the_address_of_record() -> None:
    lab = Lab()
    alice, bob = lab.phone("alice"), lab.phone("bob")
    alice.register(expires=60)
    bob.register()
    call(alice, bob)
    lab.advance(100)
    assert alice.dialog is not None
    alice.dialog.target, alice.dialog.routes = "sip:bob@10.0.0.1", []
    alice.dialog.request("BYE")
    bob.takes("BYE")


def test_a_party_is_reached_from_anywhere_though_its_registration_ran_out() -> None:
    """The other end hangs up from another address than it answered from, as big gateways do."""
    lab = Lab()
    (alice,) = lab.registered("alice")
    far, gateway = lab.phone("victim", "192.0.2.99:5060"), lab.phone("victim", "192.0.2.100:5060")
    alice.invite(VICTIM)
    far.answer(far.takes("INVITE"))
    lab.advance(3601)
    assert lab.engine.load["bindings"] == 0
    assert far.dialog is not None
    far.dialog.phone = gateway
    far.dialog.request("BYE")
    assert alice.waiting == [100, 200, "BYE"]


def test_who_only_knows_the_names_of_a_call_is_no_party_of_it() -> None:
    """Call-ID and tags are seen by every hop; the neighbours of the phones are none of a stranger's business."""
    lab, alice, bob, mallory = world()
    neighbour = lab.phone("neighbour", f"{bob.address[0]}:9999")
    call(alice, bob)
    assert alice.dialog is not None
    alice.dialog.phone, alice.dialog.target = mallory, f"sip:x@{bob.address[0]}:9999"
    alice.dialog.request("MESSAGE")
    mallory.takes(403)
    assert not neighbour.inbox


def test_a_party_may_answer_from_a_contact_with_another_port() -> None:
    """A gateway that signals from one port and listens at another."""
    lab, _, bob, mallory = world(open=True)
    ear = lab.phone("ear", f"{bob.address[0]}:5099")
    bob.contact = f"sip:bob@{bob.address[0]}:5099"
    sent = mallory.invite("bob")
    bob.answer(bob.takes("INVITE"))
    mallory.takes(100)
    assert mallory.dialog is not None
    mallory.dialog.confirm(mallory.takes(200))
    mallory.dialog.ack(sent)
    ear.takes("ACK")


def test_a_stranger_may_speak_to_a_phone_by_its_contact_and_the_phone_says_whether_there_is_such_a_dialog() -> None:
    """A request inside a dialog may *go to* a binding: so a callee behind a foreign proxy can hang up (issue 2, §1)."""
    _, _, bob, mallory = world()
    mallory.request("BYE", bob.contact, to="<sip:bob@10.0.0.1>;tag=x")
    bob.reply(bob.takes("BYE"), 481)
    mallory.takes(481)


@pytest.mark.parametrize("method", ["INVITE", "MESSAGE"])
def test_but_outside_a_dialog_a_contact_is_as_foreign_as_any_other_uri(method: str) -> None:
    _, _, bob, mallory = world(open=True)
    mallory.request(method, bob.contact)
    mallory.takes(403)
    assert not bob.inbox


# -- what a made-up source address is good for -------------------------------------------------------------------------


def test_a_refused_stranger_is_answered_once_for_each_copy_of_the_request() -> None:
    """RFC 3261 §26.3.2.4: or who makes up a source address would have us send its owner eleven messages for one."""
    lab, _, _, mallory = world()
    invite = mallory.compose("INVITE", "sip:bob@10.0.0.1")
    mallory.send(invite)
    lab.advance(20)
    mallory.send(invite)
    assert mallory.waiting == [403, 403]
    assert mallory.inbox[0].to_tag == mallory.inbox[1].to_tag
    lab.advance(60)
    assert lab.engine.load["transactions"] == 0


def test_a_refused_phone_of_ours_is_answered_until_it_says_ack() -> None:
    lab, alice, _, _ = world()
    alice.invite("nobody")
    lab.advance(60)
    assert alice.waiting == [404] * 11


@pytest.mark.parametrize("registered", [True, False])
def test_a_strangers_maddr_sends_no_response_anywhere(registered: bool) -> None:
    lab, alice, _, mallory = world()
    sender = alice if registered else mallory
    sender.send(sender.compose("OPTIONS", "sip:10.0.0.1").replace(b";rport", b";maddr=192.0.2.99"))
    host, _ = lab.sent[-1].flow.remote
    assert host == ("192.0.2.99" if registered else mallory.address[0])
