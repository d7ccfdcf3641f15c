"""The same message once more (RFC 3261 §17, RFC 6026)."""

from __future__ import annotations

from tests.helpers import Phone
from tests.kamailio.scenes.acts import US, confirm, got, ring, scene, talk
from tests.kamailio.stage import Stage


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
    alice, _bob = stage.registered("alice", "bob")
    alice.request("MESSAGE", f"sip:bob@{US}", branch="z9hG4bK-twice", call_id="one@10.0.0.10")
    alice.request("MESSAGE", f"sip:bob@{US}", branch="z9hG4bK-twice", call_id="two@10.0.0.10")


@scene
def same_request_by_two_ways(stage: Stage) -> None:
    """RFC 3261 §8.2.2.2 is for the phone to say: a proxy forwards both."""
    alice, _bob = stage.registered("alice", "bob")
    for branch in ("z9hG4bK-one", "z9hG4bK-two"):
        alice.request("MESSAGE", f"sip:bob@{US}", from_=f"<sip:alice@{US}>;tag=f", branch=branch, call_id="m@10.0.0.10")
