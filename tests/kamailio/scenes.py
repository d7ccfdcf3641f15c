"""Flows in the virtual lab's words, each played by the same phones at both proxies.

A flow asserts nothing: what comes of it is compared. Where a phone waits for a message that does not come, it ends.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sipfullproxy.sip.message import Request, Response
from tests.helpers import Phone
from tests.kamailio.stage import Stage

Scene = Callable[[Stage], None]
SCENES: dict[str, Scene] = {}

US = "10.0.0.1"
"""The proxy, whichever it is."""


def scene(play: Scene) -> Scene:
    """Put a flow into the list, by its name."""
    SCENES[play.__name__.removesuffix("_")] = play
    return play


def got(phone: Phone, what: str | int) -> Any:
    """The next message of a phone that is no 100, which must be that."""
    while phone.inbox and isinstance(phone.inbox[0], Response) and phone.inbox[0].status == 100:
        phone.inbox.popleft()
    return phone.takes(what)


def ring(caller: Phone, callee: Phone, **more: Any) -> tuple[Request, Request]:
    """A call that rings. Returns the INVITE as sent and as received."""
    sent = caller.invite(callee.user, **more)
    came = got(callee, "INVITE")
    callee.ring(came)
    got(caller, 180)
    return sent, came


def talk(caller: Phone, callee: Phone, **more: Any) -> tuple[Request, Request]:
    """A call that is answered and acknowledged."""
    sent, came = ring(caller, callee, **more)
    callee.answer(came)
    confirm(caller, got(caller, 200)).ack(sent)
    got(callee, "ACK")
    return sent, came


def confirm(caller: Phone, response: Response) -> Any:
    """The caller's dialog, with what the 200 said."""
    assert caller.dialog is not None
    caller.dialog.confirm(response)
    return caller.dialog


def inside(phone: Phone, other: Phone, method: str, **more: Any) -> None:
    """A request in the dialog, and its 200."""
    assert phone.dialog is not None
    phone.dialog.request(method, **more)
    other.reply(got(other, method), 200)
    got(phone, 200)


def outside(stage: Stage, method: str, *headers: str, status: int = 200) -> tuple[Phone, Phone]:
    """A request from alice to bob outside any dialog, and its answer."""
    alice, bob = stage.registered("alice", "bob")
    alice.request(method, f"sip:bob@{US}", headers=headers)
    bob.reply(got(bob, method), status)
    got(alice, status)
    return alice, bob


def refused(stage: Stage, method: str, uri: str, *headers: str, **more: Any) -> None:
    """A request of alice's that perhaps nobody gets; an answer to an INVITE is acknowledged."""
    alice, _ = stage.registered("alice", "bob")
    sent = alice.request(method, uri, headers=headers, **more)
    if method == "INVITE" and alice.waiting and alice.waiting[-1] != 100:
        alice.ack_failure(sent, alice.inbox[-1])  # type: ignore[arg-type]  # what alice gets is responses


# -- registering -------------------------------------------------------------------------------------------------------


@scene
def register_add(stage: Stage) -> None:
    stage.phone("alice").register()


@scene
def register_refresh(stage: Stage) -> None:
    (alice,) = stage.registered("alice")
    alice.register()


@scene
def register_query(stage: Stage) -> None:
    (alice,) = stage.registered("alice")
    alice.register(contacts=[], expires=None)


@scene
def register_query_of_nobody(stage: Stage) -> None:
    stage.phone("alice").register(contacts=[], expires=None)


@scene
def register_remove(stage: Stage) -> None:
    (alice,) = stage.registered("alice")
    alice.register(expires=0)
    alice.register(contacts=[], expires=None)


@scene
def register_remove_by_parameter(stage: Stage) -> None:
    (alice,) = stage.registered("alice")
    alice.register(contacts=[f"<{alice.contact}>;expires=0"])


@scene
def register_remove_what_is_not_there(stage: Stage) -> None:
    (alice,) = stage.registered("alice")
    alice.register(contacts=["<sip:other@10.0.0.10:5060>"], expires=0)


@scene
def register_star(stage: Stage) -> None:
    (alice,) = stage.registered("alice")
    alice.register(contacts=["*"], expires=0)
    alice.register(contacts=[], expires=None)


@scene
def register_star_with_time(stage: Stage) -> None:
    (alice,) = stage.registered("alice")
    alice.register(contacts=["*"], expires=3600)


@scene
def register_two_contacts(stage: Stage) -> None:
    alice = stage.phone("alice")
    alice.register(contacts=[f"<{alice.contact}>", "<sip:alice@10.0.0.30>"])


@scene
def register_two_contacts_in_one_line(stage: Stage) -> None:
    alice = stage.phone("alice")
    alice.register(contacts=[f"<{alice.contact}>;expires=600, <sip:alice@10.0.0.30>;expires=1200"])


@scene
def register_one_of_two_removed(stage: Stage) -> None:
    alice = stage.phone("alice")
    alice.register(contacts=[f"<{alice.contact}>", "<sip:alice@10.0.0.30>"])
    alice.register(contacts=["<sip:alice@10.0.0.30>;expires=0"])


@scene
def register_add_and_remove_in_one(stage: Stage) -> None:
    (alice,) = stage.registered("alice")
    alice.register(contacts=[f"<{alice.contact}>;expires=0", "<sip:alice@10.0.0.30>"])


@scene
def register_lower_cseq(stage: Stage) -> None:
    alice = stage.phone("alice")
    alice.register(cseq=10)
    alice.register(cseq=9)


@scene
def register_same_cseq(stage: Stage) -> None:
    """Another transaction: its branch is new."""
    alice = stage.phone("alice")
    alice.register(cseq=10)
    alice.register(cseq=10)


@scene
def register_lower_cseq_removing(stage: Stage) -> None:
    alice = stage.phone("alice")
    alice.register(cseq=10)
    alice.register(cseq=9, contacts=["*"], expires=0)
    alice.register(cseq=11, contacts=[], expires=None)


@scene
def register_other_call_id(stage: Stage) -> None:
    """After a restart a phone begins anew."""
    alice = stage.phone("alice")
    alice.register(cseq=10)
    alice.register(cseq=1, call_id="after-restart@10.0.0.10")


@scene
def register_again_same_bytes(stage: Stage) -> None:
    alice = stage.phone("alice")
    alice.register()
    alice.send(stage.steps[-1].said)


@scene
def register_too_brief(stage: Stage) -> None:
    stage.phone("alice").register(expires=10)


@scene
def register_too_long(stage: Stage) -> None:
    stage.phone("alice").register(expires=1_000_000)


@scene
def register_no_time(stage: Stage) -> None:
    stage.phone("alice").register(expires=None)


@scene
def register_bad_time(stage: Stage) -> None:
    alice = stage.phone("alice")
    alice.register(contacts=[f"<{alice.contact}>;expires=soon"], expires=None)


@scene
def register_q(stage: Stage) -> None:
    alice = stage.phone("alice")
    alice.register(contacts=[f"<{alice.contact}>;q=0.5", "<sip:alice@10.0.0.30>;q=1.0"])


@scene
def register_bad_q(stage: Stage) -> None:
    alice = stage.phone("alice")
    alice.register(contacts=[f"<{alice.contact}>;q=7"])


@scene
def register_instance(stage: Stage) -> None:
    """RFC 5626 §4.1: the same phone on another port."""
    same = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>"'
    alice = stage.phone("alice")
    alice.register(contacts=[f"<{alice.contact}>;{same}"])
    alice.register(contacts=[f"<sip:alice@10.0.0.10:5090>;{same}"])


@scene
def register_contact_parameters(stage: Stage) -> None:
    alice = stage.phone("alice")
    alice.register(contacts=[f'"Alice" <{alice.contact};transport=udp>;methods="INVITE,ACK";+sip.rendering="no";x=1'])


@scene
def register_same_contact_written_otherwise(stage: Stage) -> None:
    """RFC 3261 §19.1.4: names of parameters and their order mean nothing."""
    alice = stage.phone("alice")
    alice.register(contacts=[f"<{alice.contact};a=1;b=2>"])
    alice.register(contacts=[f"<{alice.contact};B=2;A=1>"])


@scene
def register_port_or_none(stage: Stage) -> None:
    """RFC 3261 §19.1.4: with and without `:5060` two URIs are two."""
    alice = stage.phone("alice")
    alice.register(contacts=["<sip:alice@10.0.0.10>"])
    alice.register(contacts=["<sip:alice@10.0.0.10:5060>"])


@scene
def register_user_with_escape(stage: Stage) -> None:
    """RFC 3261 §19.1.4: b%6Fb is bob."""
    alice, bob = stage.registered("alice", "bob")
    alice.request("REGISTER", f"sip:{US}", to=f"<sip:b%6Fb@{US}>", contact=False)


@scene
def register_foreign_user(stage: Stage) -> None:
    alice = stage.phone("alice")
    alice.request("REGISTER", f"sip:{US}", to="<sip:alice@elsewhere.example>")


@scene
def register_at_a_user(stage: Stage) -> None:
    """RFC 3261 §10.2: the Request-URI of a REGISTER names no user."""
    alice = stage.phone("alice")
    alice.request("REGISTER", f"sip:alice@{US}", to=f"<sip:alice@{US}>")


@scene
def register_elsewhere(stage: Stage) -> None:
    """A registered phone registers with another domain, too."""
    alice, far = stage.registered("alice", "bob")
    alice.request("REGISTER", f"sip:{far.address[0]}", to=f"<sip:alice@{far.address[0]}>")


@scene
def register_twelve_contacts(stage: Stage) -> None:
    stage.phone("alice").register(contacts=[f"<sip:alice@10.0.0.{last}>" for last in range(100, 112)])


@scene
def register_no_hops(stage: Stage) -> None:
    stage.phone("alice").register(max_forwards=0)


@scene
def register_for_another(stage: Stage) -> None:
    """A third party registers bob."""
    alice, bob = stage.registered("alice", "bob")
    alice.request(
        "REGISTER", f"sip:{US}", to=f"<sip:bob@{US}>", contact=False, headers=("Contact: <sip:bob@10.0.0.10:5060>",)
    )
    alice.request("OPTIONS", f"sip:bob@{US}")


# -- calls -------------------------------------------------------------------------------------------------------------


@scene
def call_and_hang_up(stage: Stage) -> None:
    alice, bob = stage.registered("alice", "bob")
    talk(alice, bob)
    inside(alice, bob, "BYE")


@scene
def callee_hangs_up(stage: Stage) -> None:
    alice, bob = stage.registered("alice", "bob")
    talk(alice, bob)
    inside(bob, alice, "BYE")


@scene
def call_in_both_domains(stage: Stage) -> None:
    """A name and a number of the proxy are one domain."""
    alice, bob = stage.registered("alice", "bob")
    for uri in ("sip:bob@example.com", f"sip:bob@{US}:5060", "sip:bob@EXAMPLE.com", "sip:bob@Example.COM:5060"):
        alice.request("OPTIONS", uri)
        bob.reply(got(bob, "OPTIONS"), 200)


@scene
def call_the_other_port(stage: Stage) -> None:
    """Our address, but another port than ours."""
    refused(stage, "INVITE", f"sip:bob@{US}:5099")


@scene
def call_in_capitals(stage: Stage) -> None:
    """RFC 3261 §19.1.4: a user's name has its case."""
    refused(stage, "OPTIONS", f"sip:BOB@{US}")


@scene
def call_nobody(stage: Stage) -> None:
    refused(stage, "INVITE", f"sip:nobody@{US}")


@scene
def call_who_has_left(stage: Stage) -> None:
    alice, bob = stage.registered("alice", "bob")
    bob.register(expires=0)
    alice.ack_failure(alice.invite("bob"), alice.inbox[-1])  # type: ignore[arg-type]


@scene
def call_by_sips(stage: Stage) -> None:
    refused(stage, "INVITE", f"sips:bob@{US}")


@scene
def call_by_tel(stage: Stage) -> None:
    refused(stage, "INVITE", "tel:+421255555555")


@scene
def call_by_unknown_scheme(stage: Stage) -> None:
    refused(stage, "INVITE", "nobodyKnowsThis:bob")


@scene
def call_without_a_user(stage: Stage) -> None:
    refused(stage, "INVITE", f"sip:{US}")


@scene
def call_by_contact(stage: Stage) -> None:
    """The Request-URI is a phone's own, as after an attended transfer."""
    alice, bob = stage.registered("alice", "bob")
    came_for = alice.invite(bob.contact)
    bob.answer(got(bob, "INVITE"))
    confirm(alice, got(alice, 200)).ack(came_for)


@scene
def call_elsewhere(stage: Stage) -> None:
    """A phone that is not registered, by its address."""
    (alice,) = stage.registered("alice")
    far = stage.phone("far")
    sent = alice.invite(far.contact)
    far.answer(got(far, "INVITE"))
    confirm(alice, got(alice, 200)).ack(sent)
    got(far, "ACK")
    inside(far, alice, "BYE")


@scene
def call_a_name(stage: Stage) -> None:
    """A domain that nobody here knows, without DNS."""
    refused(stage, "INVITE", "sip:bob@elsewhere.example")


@scene
def call_by_maddr(stage: Stage) -> None:
    (alice,) = stage.registered("alice")
    far = stage.phone("far")
    alice.request("OPTIONS", f"sip:far@elsewhere.example;maddr={far.address[0]}")


@scene
def call_by_tcp(stage: Stage) -> None:
    refused(stage, "INVITE", "sip:far@10.0.0.30;transport=tcp")


@scene
def stranger_calls(stage: Stage) -> None:
    mallory = stage.phone("mallory")
    stage.registered("bob")
    sent = mallory.invite("bob")
    mallory.ack_failure(sent, mallory.inbox[-1])  # type: ignore[arg-type]


@scene
def stranger_inside(stage: Stage) -> None:
    """A To tag is quickly made up."""
    mallory = stage.phone("mallory")
    (bob,) = stage.registered("bob")
    mallory.request("BYE", bob.contact, to=f"<sip:bob@{US}>;tag=x")
    mallory.request("BYE", bob.contact, to=f"<sip:bob@{US}>;tag=x", headers=(f"Route: <sip:{US};lr>",))


@scene
def stranger_by_our_route(stage: Stage) -> None:
    """Our own Route is no pass."""
    mallory, far = stage.phone("mallory"), stage.phone("far")
    mallory.request("MESSAGE", far.contact, headers=(f"Route: <sip:{US};lr>",))
    mallory.request("MESSAGE", far.contact, to="<sip:far@x>;tag=x", headers=(f"Route: <sip:{US};lr>",))


@scene
def busy(stage: Stage) -> None:
    alice, bob = stage.registered("alice", "bob")
    sent, came = ring(alice, bob)
    bob.reply(came, 486)
    alice.ack_failure(sent, got(alice, 486))


@scene
def decline(stage: Stage) -> None:
    alice, bob = stage.registered("alice", "bob")
    sent, came = ring(alice, bob)
    bob.reply(came, 603)
    alice.ack_failure(sent, got(alice, 603))


@scene
def no_codec(stage: Stage) -> None:
    alice, bob = stage.registered("alice", "bob")
    sent = alice.invite("bob")
    bob.reply(got(bob, "INVITE"), 488, headers=('Warning: 304 10.0.0.11 "no such codec"', "Retry-After: 5"))
    alice.ack_failure(sent, got(alice, 488))


@scene
def password_asked(stage: Stage) -> None:
    alice, bob = stage.registered("alice", "bob")
    sent = alice.invite("bob")
    bob.reply(got(bob, "INVITE"), 407, headers=('Proxy-Authenticate: Digest realm="bob", nonce="n"',))
    alice.ack_failure(sent, got(alice, 407))


@scene
def out_of_service(stage: Stage) -> None:
    """RFC 3261 §16.7 item 6: a 503 of one server is not one of the proxy."""
    alice, bob = stage.registered("alice", "bob")
    sent = alice.invite("bob")
    bob.reply(got(bob, "INVITE"), 503, headers=("Retry-After: 100",))
    if alice.inbox:
        alice.ack_failure(sent, alice.inbox[-1])  # type: ignore[arg-type]


@scene
def redirect(stage: Stage) -> None:
    alice, bob, carol = stage.registered("alice", "bob", "carol")
    alice.invite("bob")
    bob.reply(got(bob, "INVITE"), 302, headers=(f"Contact: <sip:carol@{US}>",))


@scene
def early_media(stage: Stage) -> None:
    alice, bob = stage.registered("alice", "bob")
    alice.invite("bob")
    came = got(bob, "INVITE")
    for status in (183, 199, 180, 182):
        bob.reply(came, status, body="v=0\r\n", headers=("X-Odd :  kept",))


@scene
def trying_of_the_callee(stage: Stage) -> None:
    """RFC 3261 §16.7 item 5: a 100 goes no further."""
    alice, bob = stage.registered("alice", "bob")
    alice.invite("bob")
    bob.reply(got(bob, "INVITE"), 100)


@scene
def prack(stage: Stage) -> None:
    """RFC 3262."""
    alice, bob = stage.registered("alice", "bob")
    alice.invite("bob", headers=("Supported: 100rel",))
    bob.reply(got(bob, "INVITE"), 183, headers=("Require: 100rel", "RSeq: 7"), body="v=0\r\n")
    dialog = confirm(alice, got(alice, 183))
    dialog.request("PRACK", headers=("RAck: 7 1 INVITE",))
    bob.reply(got(bob, "PRACK"), 200)


# -- cancelling --------------------------------------------------------------------------------------------------------


@scene
def cancel_while_ringing(stage: Stage) -> None:
    alice, bob = stage.registered("alice", "bob")
    sent, came = ring(alice, bob)
    alice.cancel(sent)
    bob.reply(got(bob, "CANCEL"), 200)
    bob.reply(came, 487)
    got(bob, "ACK")
    got(alice, 200)
    alice.ack_failure(sent, got(alice, 487))


@scene
def cancel_with_reason(stage: Stage) -> None:
    """RFC 3326: why goes along."""
    alice, bob = stage.registered("alice", "bob")
    sent, _ = ring(alice, bob)
    alice.cancel(sent, 'Reason: SIP ;cause=200 ;text="Call completed elsewhere"')


@scene
def cancel_before_it_rings(stage: Stage) -> None:
    """RFC 3261 §9.1: no CANCEL goes out before a provisional response came in."""
    alice, bob = stage.registered("alice", "bob")
    sent = alice.invite("bob")
    alice.cancel(sent)
    bob.ring(got(bob, "INVITE"))


@scene
def cancel_after_the_answer(stage: Stage) -> None:
    alice, bob = stage.registered("alice", "bob")
    sent, came = ring(alice, bob)
    bob.answer(came)
    alice.cancel(sent)


@scene
def cancel_meets_the_answer(stage: Stage) -> None:
    """The callee answers before the CANCEL reaches him."""
    alice, bob = stage.registered("alice", "bob")
    sent, came = ring(alice, bob)
    alice.cancel(sent)
    bob.answer(came)
    bob.reply(got(bob, "CANCEL"), 481)


@scene
def cancel_twice(stage: Stage) -> None:
    alice, bob = stage.registered("alice", "bob")
    sent, _ = ring(alice, bob)
    alice.cancel(sent)
    alice.cancel(sent)


@scene
def cancel_of_nothing(stage: Stage) -> None:
    alice, bob = stage.registered("alice", "bob")
    alice.request("CANCEL", f"sip:bob@{US}")
    bob.reply(got(bob, "CANCEL"), 481)


@scene
def cancel_after_busy(stage: Stage) -> None:
    alice, bob = stage.registered("alice", "bob")
    sent, came = ring(alice, bob)
    bob.reply(came, 486)
    alice.cancel(sent)


@scene
def cancel_of_a_message(stage: Stage) -> None:
    """RFC 3261 §9.1: only an INVITE is cancelled."""
    alice, bob = stage.registered("alice", "bob")
    alice.cancel(alice.request("MESSAGE", f"sip:bob@{US}"))


# -- once more ---------------------------------------------------------------------------------------------------------


def again(stage: Stage, phone: Phone) -> None:
    """The phone sends once more, byte for byte, what was sent last."""
    phone.send(stage.steps[-1].said)


@scene
def invite_again(stage: Stage) -> None:
    alice, _ = stage.registered("alice", "bob")
    alice.invite("bob")
    again(stage, alice)


@scene
def invite_again_while_ringing(stage: Stage) -> None:
    alice, bob = stage.registered("alice", "bob")
    alice.invite("bob")
    said = stage.steps[-1].said
    bob.ring(got(bob, "INVITE"))
    alice.send(said)


@scene
def invite_again_after_busy(stage: Stage) -> None:
    alice, bob = stage.registered("alice", "bob")
    sent = alice.invite("bob")
    said = stage.steps[-1].said
    bob.reply(got(bob, "INVITE"), 486)
    alice.send(said)
    alice.ack_failure(sent, got(alice, 486))
    alice.send(said)


@scene
def invite_again_after_the_answer(stage: Stage) -> None:
    """RFC 6026: once there was a 2xx, the INVITE is absorbed."""
    alice, bob = stage.registered("alice", "bob")
    alice.invite("bob")
    said = stage.steps[-1].said
    bob.answer(got(bob, "INVITE"))
    alice.send(said)


@scene
def invite_again_to_nobody(stage: Stage) -> None:
    (alice,) = stage.registered("alice")
    sent = alice.invite("nobody")
    again(stage, alice)
    alice.ack_failure(sent, got(alice, 404))
    again(stage, alice)


@scene
def ringing_again(stage: Stage) -> None:
    alice, bob = stage.registered("alice", "bob")
    ring(alice, bob)
    again(stage, bob)


@scene
def answer_again(stage: Stage) -> None:
    """Each 2xx of an INVITE goes on to the caller, and each ACK to the callee."""
    alice, bob = stage.registered("alice", "bob")
    sent, came = ring(alice, bob)
    bob.answer(came)
    again(stage, bob)
    confirm(alice, got(alice, 200)).ack(sent)
    again(stage, alice)


@scene
def answer_again_after_the_ack(stage: Stage) -> None:
    alice, bob = stage.registered("alice", "bob")
    sent, came = ring(alice, bob)
    bob.answer(came)
    said = stage.steps[-1].said
    confirm(alice, got(alice, 200)).ack(sent)
    bob.send(said)


@scene
def busy_again(stage: Stage) -> None:
    """RFC 3261 §17.1.1.2: the ACK of it is sent again, and nothing else."""
    alice, bob = stage.registered("alice", "bob")
    sent, came = ring(alice, bob)
    bob.reply(came, 486)
    said = stage.steps[-1].said
    bob.send(said)
    alice.ack_failure(sent, got(alice, 486))
    again(stage, alice)


@scene
def another_answer_after_busy(stage: Stage) -> None:
    alice, bob = stage.registered("alice", "bob")
    _, came = ring(alice, bob)
    bob.reply(came, 486)
    bob.answer(came)


@scene
def bye_again(stage: Stage) -> None:
    alice, bob = stage.registered("alice", "bob")
    talk(alice, bob)
    assert alice.dialog is not None
    alice.dialog.request("BYE")
    said = stage.steps[-1].said
    alice.send(said)
    bob.reply(got(bob, "BYE"), 200)
    again(stage, bob)
    alice.send(said)


@scene
def message_again(stage: Stage) -> None:
    alice, bob = stage.registered("alice", "bob")
    alice.request("MESSAGE", f"sip:bob@{US}", body="hi", content_type="text/plain")
    said = stage.steps[-1].said
    alice.send(said)
    bob.reply(got(bob, "MESSAGE"), 200)
    alice.send(said)


@scene
def other_call_same_branch(stage: Stage) -> None:
    """RFC 3261 §17.2.3: with the cookie the branch alone tells transactions apart."""
    alice, bob = stage.registered("alice", "bob")
    alice.request("MESSAGE", f"sip:bob@{US}", branch="z9hG4bK-twice", call_id="one@10.0.0.10")
    alice.request("MESSAGE", f"sip:bob@{US}", branch="z9hG4bK-twice", call_id="two@10.0.0.10")


@scene
def same_request_by_two_ways(stage: Stage) -> None:
    """RFC 3261 §8.2.2.2 is for the phone to say: a proxy forwards both."""
    alice, bob = stage.registered("alice", "bob")
    for branch in ("z9hG4bK-one", "z9hG4bK-two"):
        alice.request("MESSAGE", f"sip:bob@{US}", from_=f"<sip:alice@{US}>;tag=f", branch=branch, call_id="m@10.0.0.10")


# -- inside a dialog ---------------------------------------------------------------------------------------------------


@scene
def inside_by_caller(stage: Stage) -> None:
    alice, bob = stage.registered("alice", "bob")
    talk(alice, bob)
    for method in ("INFO", "UPDATE", "MESSAGE", "OPTIONS", "REFER", "NOTIFY", "SUBSCRIBE", "ODD", "PUBLISH"):
        inside(alice, bob, method)


@scene
def inside_by_callee(stage: Stage) -> None:
    alice, bob = stage.registered("alice", "bob")
    talk(alice, bob)
    for method in ("INFO", "UPDATE", "MESSAGE", "OPTIONS", "REFER", "NOTIFY", "SUBSCRIBE", "ODD"):
        inside(bob, alice, method)


@scene
def hold_by_caller(stage: Stage) -> None:
    alice, bob = stage.registered("alice", "bob")
    talk(alice, bob)
    assert alice.dialog is not None
    again_ = alice.dialog.request("INVITE", body="v=0\r\na=sendonly\r\n")
    bob.answer(got(bob, "INVITE"))
    got(alice, 200)
    alice.dialog.ack(again_)


@scene
def hold_by_callee(stage: Stage) -> None:
    alice, bob = stage.registered("alice", "bob")
    talk(alice, bob)
    assert bob.dialog is not None
    again_ = bob.dialog.request("INVITE", body="v=0\r\na=sendonly\r\n")
    alice.answer(got(alice, "INVITE"))
    got(bob, 200)
    bob.dialog.ack(again_)


@scene
def inside_refused(stage: Stage) -> None:
    alice, bob = stage.registered("alice", "bob")
    talk(alice, bob)
    assert alice.dialog is not None
    sent = alice.dialog.request("INVITE", body="v=0\r\n")
    bob.reply(got(bob, "INVITE"), 491)
    alice.ack_failure(sent, got(alice, 491))


@scene
def inside_without_route(stage: Stage) -> None:
    """A phone that forgot the Record-Route, by the other's Contact."""
    alice, bob = stage.registered("alice", "bob")
    talk(alice, bob)
    assert alice.dialog is not None
    alice.dialog.routes = []
    alice.dialog.request("BYE")


@scene
def inside_to_the_user(stage: Stage) -> None:
    """A phone that forgot both: it sends to the address-of-record."""
    alice, bob = stage.registered("alice", "bob")
    talk(alice, bob)
    assert alice.dialog is not None
    alice.dialog.routes = []
    alice.dialog.target = f"sip:bob@{US}"
    alice.dialog.request("BYE")


@scene
def inside_by_a_strict_router(stage: Stage) -> None:
    """RFC 3261 §16.4: our Record-Route is the Request-URI, the phone's Contact the last Route."""
    alice, bob = stage.registered("alice", "bob")
    talk(alice, bob)
    assert alice.dialog is not None
    alice.dialog.routes = [f"<{bob.contact}>"]
    alice.dialog.target = f"sip:{US};lr"
    alice.dialog.request("BYE")


@scene
def ack_of_nothing(stage: Stage) -> None:
    alice, _ = stage.registered("alice", "bob")
    alice.request("ACK", f"sip:bob@{US}")
    alice.request("ACK", f"sip:bob@{US}", to=f"<sip:bob@{US}>;tag=x")
    alice.request("ACK", "sip:bob@10.0.0.11:5060", to=f"<sip:bob@{US}>;tag=x", headers=(f"Route: <sip:{US};lr>",))


# -- many phones -------------------------------------------------------------------------------------------------------


def fork(stage: Stage) -> tuple[Phone, Phone, Phone, Request]:
    """alice calls bob, who has two phones; both ring."""
    alice, one, two = stage.registered("alice", "bob", "bob")
    sent = alice.invite("bob")
    return alice, one, two, sent


@scene
def fork_one_answers(stage: Stage) -> None:
    alice, one, two, sent = fork(stage)
    first, second = got(one, "INVITE"), got(two, "INVITE")
    one.ring(first)
    two.ring(second)
    one.answer(first)
    two.reply(got(two, "CANCEL"), 200)
    two.reply(second, 487)
    got(alice, 180)
    got(alice, 180)
    confirm(alice, got(alice, 200)).ack(sent)


@scene
def fork_both_answer(stage: Stage) -> None:
    _, one, two, _ = fork(stage)
    first, second = got(one, "INVITE"), got(two, "INVITE")
    one.answer(first)
    two.answer(second)


@scene
def fork_all_busy(stage: Stage) -> None:
    alice, one, two, sent = fork(stage)
    first, second = got(one, "INVITE"), got(two, "INVITE")
    one.reply(first, 486)
    two.reply(second, 486)
    alice.ack_failure(sent, got(alice, 486))


@scene
def fork_best_of_two(stage: Stage) -> None:
    """RFC 3261 §16.7 item 6: the lowest class wins."""
    _, one, two, _ = fork(stage)
    first, second = got(one, "INVITE"), got(two, "INVITE")
    one.reply(first, 500)
    two.reply(second, 486)


@scene
def fork_best_of_one_class(stage: Stage) -> None:
    """RFC 3261 §16.7 item 6: within 4xx, what tells the caller how to try again is preferred."""
    _, one, two, _ = fork(stage)
    first, second = got(one, "INVITE"), got(two, "INVITE")
    one.reply(first, 404)
    two.reply(second, 415, headers=("Accept: application/sdp",))


@scene
def fork_out_of_service(stage: Stage) -> None:
    _, one, two, _ = fork(stage)
    first, second = got(one, "INVITE"), got(two, "INVITE")
    one.reply(first, 503)
    two.reply(second, 500)


@scene
def fork_redirected_and_busy(stage: Stage) -> None:
    _, one, two, _ = fork(stage)
    first, second = got(one, "INVITE"), got(two, "INVITE")
    one.reply(first, 302, headers=("Contact: <sip:x@elsewhere.example>",))
    two.reply(second, 486)


@scene
def fork_two_passwords(stage: Stage) -> None:
    """RFC 3261 §16.7 item 7: the challenges of both."""
    _, one, two, _ = fork(stage)
    first, second = got(one, "INVITE"), got(two, "INVITE")
    one.reply(first, 401, headers=('WWW-Authenticate: Digest realm="one", nonce="1"',))
    two.reply(second, 407, headers=('Proxy-Authenticate: Digest realm="two", nonce="2"',))


@scene
def fork_two_passwords_of_one_kind(stage: Stage) -> None:
    _, one, two, _ = fork(stage)
    first, second = got(one, "INVITE"), got(two, "INVITE")
    one.reply(first, 401, headers=('WWW-Authenticate: Digest realm="one", nonce="1"',))
    two.reply(second, 401, headers=('WWW-Authenticate: Digest realm="two", nonce="2"',))


@scene
def fork_one_declines_for_all(stage: Stage) -> None:
    """RFC 3261 §16.7 item 5: a 6xx ends the others; the caller hears of it when they have ended."""
    alice, one, two, sent = fork(stage)
    first, second = got(one, "INVITE"), got(two, "INVITE")
    two.ring(second)
    one.reply(first, 603)
    two.reply(got(two, "CANCEL"), 200)
    two.reply(second, 487)
    got(alice, 180)
    alice.ack_failure(sent, got(alice, 603))


@scene
def fork_answer_after_decline(stage: Stage) -> None:
    _, one, two, _ = fork(stage)
    first, second = got(one, "INVITE"), got(two, "INVITE")
    two.ring(second)
    one.reply(first, 603)
    two.answer(second)


@scene
def fork_cancelled(stage: Stage) -> None:
    alice, one, two, sent = fork(stage)
    first, second = got(one, "INVITE"), got(two, "INVITE")
    one.ring(first)
    two.ring(second)
    alice.cancel(sent)
    one.reply(first, 487)
    two.reply(second, 487)


@scene
def fork_of_a_message(stage: Stage) -> None:
    alice, one, two = stage.registered("alice", "bob", "bob")
    alice.request("MESSAGE", f"sip:bob@{US}")
    first, second = got(one, "MESSAGE"), got(two, "MESSAGE")
    one.reply(first, 200)
    two.reply(second, 200)


@scene
def fork_of_a_message_not_taken(stage: Stage) -> None:
    """RFC 3261 §16.7 item 6: a 6xx goes before all."""
    alice, one, two = stage.registered("alice", "bob", "bob")
    alice.request("MESSAGE", f"sip:bob@{US}")
    first, second = got(one, "MESSAGE"), got(two, "MESSAGE")
    one.reply(first, 404)
    two.reply(second, 600)


@scene
def fork_by_q(stage: Stage) -> None:
    """RFC 3261 §16.6: a target set may be tried one after the other."""
    (alice,) = stage.registered("alice")
    one, two = stage.phone("bob", contact_params=";q=0.2"), stage.phone("bob", contact_params=";q=0.9")
    one.register()
    two.register()
    alice.invite("bob")


# -- hops --------------------------------------------------------------------------------------------------------------


def hops(*lines: str) -> Scene:
    """A MESSAGE with these lines about hops."""

    def play(stage: Stage) -> None:
        alice, _ = stage.registered("alice", "bob")
        alice.send(alice.compose("MESSAGE", f"sip:bob@{US}", headers=lines, max_forwards=None))

    return play


SCENES |= {
    "hops_none_left": hops("Max-Forwards: 0"),
    "hops_last": hops("Max-Forwards: 1"),
    "hops_usual": hops("Max-Forwards: 70"),
    "hops_71": hops("Max-Forwards: 71"),
    "hops_most": hops("Max-Forwards: 255"),
    "hops_too_many": hops("Max-Forwards: 256"),
    "hops_not_said": hops(),
    "hops_in_words": hops("Max-Forwards: many"),
    "hops_twice": hops("Max-Forwards: 5", "Max-Forwards: 6"),
    "hops_empty": hops("Max-Forwards:"),
}


@scene
def hops_of_a_call_none_left(stage: Stage) -> None:
    refused(stage, "INVITE", f"sip:bob@{US}", max_forwards=0)


@scene
def hops_of_an_ack(stage: Stage) -> None:
    """An ACK without hops goes nowhere, and is not answered."""
    alice, bob = stage.registered("alice", "bob")
    sent, came = ring(alice, bob)
    bob.answer(came)
    confirm(alice, got(alice, 200)).ack(sent, max_forwards=0)


@scene
def hops_of_options(stage: Stage) -> None:
    """RFC 3261 §11: OPTIONS with no hop left may be answered by who is there."""
    refused(stage, "OPTIONS", f"sip:bob@{US}", max_forwards=0)


@scene
def spiral(stage: Stage) -> None:
    """RFC 3261 §16.3 item 4: it comes back to go elsewhere, which is no loop."""
    alice, bob, carol = stage.registered("alice", "bob", "carol")
    alice.invite("bob")
    send_back(bob, stage, f"sip:carol@{US}")
    carol.ring(got(carol, "INVITE"))
    bob.send(onward_from(bob, bob.inbox[-1]))  # type: ignore[arg-type]


@scene
def loop(stage: Stage) -> None:
    """RFC 3261 §16.3 item 4, RFC 5393: it comes back as it went."""
    alice, bob = stage.registered("alice", "bob")
    alice.invite("bob")
    send_back(bob, stage, f"sip:bob@{US}")


def send_back(phone: Phone, stage: Stage, uri: str) -> None:
    """The phone is a proxy for once: it sends the INVITE on, to the proxy that it came from."""
    came = got(phone, "INVITE")
    lines = [line.decode() for line in came.lines]
    hops_ = [f"Max-Forwards: {(came.number(b'max-forwards', 255) or 70) - 1}"]
    rest = [line for line in lines if line and not line.lower().startswith("max-forwards")]
    via = f"Via: SIP/2.0/UDP {phone.address[0]}:{phone.address[1]};branch={phone.branch()}"
    phone.send("\r\n".join([f"INVITE {uri} SIP/2.0", via, *hops_, *rest, "", came.body.decode()]))


def onward_from(phone: Phone, response: Response) -> bytes:
    """What that proxy makes of a response: its own Via is taken off."""
    lines = [line for line in response.lines if line]
    lines.remove(next(line for line in lines if line.startswith(b"Via:")))
    return b"\r\n".join([response.start, *lines, b"", response.body])


# -- what is required --------------------------------------------------------------------------------------------------


@scene
def extension_of_the_proxy(stage: Stage) -> None:
    refused(stage, "INVITE", f"sip:bob@{US}", "Proxy-Require: foo, bar")


@scene
def extension_of_the_phone(stage: Stage) -> None:
    outside(stage, "MESSAGE", "Require: foo", status=420)


@scene
def extension_of_the_registrar(stage: Stage) -> None:
    stage.phone("alice").register(headers=("Require: foo",))


@scene
def extension_in_options_to_us(stage: Stage) -> None:
    refused(stage, "OPTIONS", f"sip:{US}", "Require: foo")


# -- Route -------------------------------------------------------------------------------------------------------------


@scene
def route_us(stage: Stage) -> None:
    """A phone with the proxy as its outbound proxy."""
    outside(stage, "INVITE", f"Route: <sip:{US};lr>", status=486)


@scene
def route_us_twice(stage: Stage) -> None:
    refused(stage, "MESSAGE", f"sip:bob@{US}", f"Route: <sip:{US};lr>", f"Route: <sip:{US}:5060;lr>")


@scene
def route_us_and_on(stage: Stage) -> None:
    (alice,) = stage.registered("alice")
    far = stage.phone("far")
    route = f"Route: <sip:{US};lr>, <sip:{far.address[0]};lr>"
    alice.request("MESSAGE", f"sip:bob@{US}", headers=(route,))
    alice.invite("bob", headers=(route,))


@scene
def route_on(stage: Stage) -> None:
    (alice,) = stage.registered("alice")
    far = stage.phone("far")
    alice.request("MESSAGE", "sip:bob@elsewhere.example", headers=(f"Route: <sip:{far.address[0]};lr>",))


@scene
def route_on_strictly(stage: Stage) -> None:
    """RFC 3261 §16.6 item 6."""
    (alice,) = stage.registered("alice")
    far = stage.phone("far")
    route = f"Route: <sip:{US};lr>, <sip:{far.address[0]}>, <sip:third@10.0.0.40;lr>"
    alice.request("MESSAGE", "sip:bob@elsewhere.example", headers=(route,))


@scene
def route_with_a_user(stage: Stage) -> None:
    """Our address with a user in it, in Route."""
    refused(stage, "MESSAGE", f"sip:bob@{US}", f"Route: <sip:proxy@{US};lr>")


@scene
def route_of_nonsense(stage: Stage) -> None:
    alice, _ = stage.registered("alice", "bob")
    alice.send(alice.compose("MESSAGE", f"sip:bob@{US}", headers=("Route: over the hills",)))


@scene
def record_route_of_another(stage: Stage) -> None:
    """Another proxy was there before: its Record-Route stays below."""
    outside(stage, "INVITE", "Record-Route: <sip:10.0.0.50;lr>", status=486)


# -- Via ---------------------------------------------------------------------------------------------------------------

HEAD = """\
{method} sip:bob@10.0.0.1 SIP/2.0\r
{vias}From: <sip:alice@10.0.0.1>;tag=f\r
To: <sip:bob@10.0.0.1>\r
Call-ID: via@10.0.0.10\r
CSeq: 7 {method}\r
Contact: <sip:alice@10.0.0.10:5060>\r
Max-Forwards: 70\r
Content-Length: 0\r
\r
"""


def vias(*lines: str, method: str = "MESSAGE", status: int = 200) -> Scene:
    """A request with these Vias, and its answer."""

    def play(stage: Stage) -> None:
        alice, bob = stage.registered("alice", "bob")
        branch = f"z9hG4bK-{stage.serial}"
        alice.send(HEAD.format(method=method, vias="".join(f"Via: {line}\r\n" for line in lines)).replace("z9hG4bK", branch))
        bob.reply(got(bob, method), status)
        got(alice, status)

    return play


SCENES |= {
    "via_plain": vias("SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-a"),
    "via_rport": vias("SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-a;rport"),
    "via_no_port": vias("SIP/2.0/UDP 10.0.0.10;branch=z9hG4bK-a;rport"),
    "via_other_host": vias("SIP/2.0/UDP 192.168.7.7:5060;branch=z9hG4bK-a;rport"),
    "via_a_name": vias("SIP/2.0/UDP phone.invalid:5060;branch=z9hG4bK-a"),
    "via_other_port": vias("SIP/2.0/UDP 10.0.0.10:5099;branch=z9hG4bK-a"),
    "via_other_port_rport": vias("SIP/2.0/UDP 10.0.0.10:5099;branch=z9hG4bK-a;rport"),
    "via_false_received": vias("SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-a;received=192.0.2.1"),
    "via_maddr": vias("SIP/2.0/UDP 192.168.7.7:5060;branch=z9hG4bK-a;maddr=10.0.0.10"),
    "via_ttl": vias("SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-a;ttl=1;x=y"),
    "via_tcp": vias("SIP/2.0/TCP 10.0.0.10:5060;branch=z9hG4bK-a;rport"),
    "via_no_branch": vias("SIP/2.0/UDP 10.0.0.10:5060"),
    "via_old_branch": vias("SIP/2.0/UDP 10.0.0.10:5060;branch=1"),
    "via_two": vias("SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-a", "SIP/2.0/TCP 192.0.2.9:5099;branch=z9hG4bK-b"),
    "via_two_no_branch": vias("SIP/2.0/UDP 10.0.0.10:5060", "SIP/2.0/UDP 192.0.2.9"),
    "via_two_in_one_line": vias("SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-a , SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK-b"),
    "via_spaces": vias("SIP / 2.0 / UDP  10.0.0.10 : 5060 ; branch = z9hG4bK-a"),
    "via_comment": vias("SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-a (a comment of RFC 2543)"),
    "via_ipv6": vias("SIP/2.0/UDP [2001:db8::9]:5060;branch=z9hG4bK-a"),
    "via_empty_branch": vias("SIP/2.0/UDP 10.0.0.10:5060;branch="),
    "rfc2543_call": vias("SIP/2.0/UDP 10.0.0.10:5060", method="INVITE", status=486),
}


@scene
def rfc2543_cancel(stage: Stage) -> None:
    """A CANCEL finds its INVITE without a branch (RFC 3261 §17.2.3)."""
    alice, bob = stage.registered("alice", "bob")
    via = "Via: SIP/2.0/UDP 10.0.0.10:5060\r\n"
    invite = HEAD.format(method="INVITE", vias=via)
    alice.send(invite)
    bob.ring(got(bob, "INVITE"))
    alice.send(invite)
    alice.send(HEAD.format(method="CANCEL", vias=via))


# -- other methods -----------------------------------------------------------------------------------------------------


def plain(method: str, status: int = 200, *headers: str) -> Scene:
    """That method from alice to bob, outside any dialog."""

    def play(stage: Stage) -> None:
        outside(stage, method, *headers, status=status)

    return play


def to_us(method: str, *headers: str) -> Scene:
    """That method to the proxy itself."""
    return lambda stage: refused(stage, method, f"sip:{US}", *headers)


SCENES |= {
    "message": plain("MESSAGE", 202),
    "options": plain("OPTIONS"),
    "subscribe": plain("SUBSCRIBE", 202, "Event: presence"),
    "notify": plain("NOTIFY", 200, "Event: message-summary"),
    "refer": plain("REFER", 202, f"Refer-To: <sip:carol@{US}>"),
    "info": plain("INFO"),
    "update": plain("UPDATE", 481),
    "bye": plain("BYE", 481),
    "prack_of_nothing": plain("PRACK", 481),
    "odd_method": plain("FROBNICATE"),
    "lower_case_method": plain("message"),
    "publish": plain("PUBLISH", 200, "Event: presence"),
    "message_refused": plain("MESSAGE", 415),
    "message_in_vain": plain("MESSAGE", 408),
    "options_to_us": to_us("OPTIONS"),
    "message_to_us": to_us("MESSAGE"),
    "subscribe_to_us": to_us("SUBSCRIBE", "Event: presence"),
    "publish_to_us": to_us("PUBLISH", "Event: presence"),
    "notify_to_us": to_us("NOTIFY", "Event: presence"),
    "bye_to_us": to_us("BYE"),
    "odd_method_to_us": to_us("FROBNICATE"),
}


@scene
def subscribe_and_notify(stage: Stage) -> None:
    alice, bob = stage.registered("alice", "bob")
    sent = alice.request("SUBSCRIBE", f"sip:bob@{US}", headers=("Event: presence",))
    came = got(bob, "SUBSCRIBE")
    bob.reply(came, 200, headers=("Expires: 600",))
    got(alice, 200)
    routes = tuple(f"Route: {value.decode()}" for value in came.values(b"record-route"))
    bob.request(
        "NOTIFY", alice.contact, to=(sent.first(b"from") or b"").decode(), from_=f"<sip:bob@{US}>;tag=bob-5060",
        call_id=sent.call_id.decode(), headers=(*routes, "Event: presence", "Subscription-State: active"),
    )  # fmt: skip
    alice.reply(got(alice, "NOTIFY"), 200)


# -- responses that nobody waits for -----------------------------------------------------------------------------------

STRAY = """\
SIP/2.0 200 Fine\r
{vias}From: <sip:alice@10.0.0.1>;tag=f\r
To: <sip:bob@10.0.0.1>;tag=t\r
Call-ID: stray@10.0.0.10\r
CSeq: 7 INVITE\r
Content-Length: 0\r
\r
"""


def stray(*vias: str) -> Scene:
    """bob sends a response to nothing."""

    def play(stage: Stage) -> None:
        _, bob = stage.registered("alice", "bob")
        bob.send(STRAY.format(vias="".join(f"Via: {line}\r\n" for line in vias)))

    return play


SCENES |= {
    "stray_response": stray("SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK-x", "SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-y"),
    "stray_response_not_by_us": stray("SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-y"),
    "stray_response_to_us": stray("SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK-x"),
}


@scene
def response_of_another_method(stage: Stage) -> None:
    """RFC 3261 §17.1.3: the method in CSeq is a part of what a response is matched by."""
    alice, bob = stage.registered("alice", "bob")
    alice.request("MESSAGE", f"sip:bob@{US}")
    came = got(bob, "MESSAGE")
    lines = [b"Via: " + value for value in came.values(b"via")]
    lines += [came.lines[came.where[name][0]] for name in (b"from", b"to", b"call-id")]
    bob.send(b"\r\n".join([b"SIP/2.0 200 Fine", *lines, b"CSeq: 1 INFO", b"Content-Length: 0", b"", b""]))


# -- nothing else is touched -------------------------------------------------------------------------------------------


@scene
def untouched_request(stage: Stage) -> None:
    alice, bob = stage.registered("alice", "bob")
    alice.send(
        "MESSAGE sip:bob@10.0.0.1 SIP/2.0\r\nX-First: 1\r\nVia: SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-u;rport\r\n"
        "sUbJect :  folded\r\n   and\r\n\ttabbed  \r\nFROM: <sip:alice@10.0.0.1> ; tag=f\r\nt: <sip:bob@10.0.0.1>\r\n"
        "i: untouched@10.0.0.10\r\nCSeq:   0007   MESSAGE\r\nX-Twice: a\r\nX-Other: ;;,,\"\r\nX-Twice: b\r\n"
        "Max-Forwards: 0070\r\nc: text/plain\r\nX-Empty:\r\nX-Utf-8: ľščťžýáíé\r\nl: 5\r\n\r\n\0\r\n\r\n"
    )
    bob.reply(
        got(bob, "MESSAGE"), 200, headers=("x-odd :\r\n  folded", "Server: a phone", "X-Twice: 1", "X-Twice: 2", "k: x"),
        body="\0\r\n\r\n",
    )  # fmt: skip


@scene
def compact_forms(stage: Stage) -> None:
    alice, bob = stage.registered("alice", "bob")
    alice.send(
        "INVITE sip:bob@10.0.0.1 SIP/2.0\r\nv: SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-u;rport\r\n"
        "f: <sip:alice@10.0.0.1>;tag=f\r\nt: <sip:bob@10.0.0.1>\r\ni: compact@10.0.0.10\r\nCSeq: 1 INVITE\r\n"
        "m: <sip:alice@10.0.0.10:5060>\r\nMax-Forwards: 70\r\nl: 0\r\n\r\n"
    )
    bob.reply(got(bob, "INVITE"), 486)


@scene
def much_behind(stage: Stage) -> None:
    """RFC 3261 §18.3: what stands behind Content-Length is thrown away."""
    alice, bob = stage.registered("alice", "bob")
    alice.send(alice.compose("MESSAGE", f"sip:bob@{US}", body="hi", content_type="text/plain") + b"and more")


@scene
def too_little(stage: Stage) -> None:
    """RFC 3261 §18.3: a request whose body is cut short gets a 400."""
    alice, bob = stage.registered("alice", "bob")
    alice.send(alice.compose("MESSAGE", f"sip:bob@{US}", body="hi there", content_type="text/plain")[:-3])


@scene
def lines_before(stage: Stage) -> None:
    alice, bob = stage.registered("alice", "bob")
    alice.send(b"\r\n\r\n" + alice.compose("MESSAGE", f"sip:bob@{US}"))


@scene
def keepalive(stage: Stage) -> None:
    """RFC 5626 §4.4.1 answers it on a stream only."""
    (alice,) = stage.registered("alice")
    alice.send(b"\r\n\r\n")
    alice.send(b"\0\0\0\0")


@scene
def large(stage: Stage) -> None:
    """Larger than an Ethernet frame."""
    alice, bob = stage.registered("alice", "bob")
    alice.request("MESSAGE", f"sip:bob@{US}", body="x" * 9000, content_type="text/plain")


# -- behind NAT --------------------------------------------------------------------------------------------------------


@scene
def behind_nat(stage: Stage) -> None:
    """Its Contact is an address of its home; it is reached at the one that it sends from, and from there it calls."""
    (alice,) = stage.registered("alice")
    bob = stage.phone("bob", contact="sip:bob@192.168.7.7:5060")
    bob.register()
    talk(alice, bob)
    inside(alice, bob, "INFO")
    inside(bob, alice, "BYE")
    bob.invite("alice")
    alice.reply(got(alice, "INVITE"), 486)


@scene
def both_behind_nat(stage: Stage) -> None:
    alice = stage.phone("alice", contact="sip:alice@192.168.5.5:5060")
    bob = stage.phone("bob", contact="sip:bob@192.168.7.7:5060")
    alice.register()
    bob.register()
    talk(alice, bob)
    inside(alice, bob, "INFO")
    inside(bob, alice, "BYE")
