"""Calls: answered, refused, made by all sorts of URIs."""

from __future__ import annotations

from tests.kamailio.scenes.acts import US, confirm, got, inside, refused, ring, scene, talk
from tests.kamailio.stage import Stage


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
    alice, bob, _carol = stage.registered("alice", "bob", "carol")
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
