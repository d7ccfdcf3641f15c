"""Requests within a dialog (RFC 3261 §12.2, §16.4), and phones behind NAT."""

from __future__ import annotations

from tests.kamailio.scenes.acts import US, got, inside, scene, talk
from tests.kamailio.stage import Stage

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
