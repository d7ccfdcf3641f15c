"""Two phones of one user (RFC 3261 §16.7)."""

from __future__ import annotations

from sipfullproxy.sip.message import Request
from tests.helpers import Phone
from tests.kamailio.scenes.acts import US, confirm, got, scene
from tests.kamailio.stage import Stage


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
