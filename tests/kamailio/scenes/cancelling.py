"""CANCEL, at all times (RFC 3261 §9, §16.10)."""

from __future__ import annotations

from tests.kamailio.scenes.acts import US, got, ring, scene
from tests.kamailio.stage import Stage


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
    alice, _bob = stage.registered("alice", "bob")
    alice.cancel(alice.request("MESSAGE", f"sip:bob@{US}"))
