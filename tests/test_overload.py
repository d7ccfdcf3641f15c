"""overload.py: a new call is refused without being read, and what was begun is not (RFC 3261 §21.5.4)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sipfullproxy.sip.message import Request, Response, parse
from tests.helpers import Lab, Phone, call, hang_up

STRANGER = ("10.0.0.77", 5060)


@pytest.fixture
def lab() -> Lab:
    return Lab()


@pytest.fixture
def alice(lab: Lab) -> Phone:
    return lab.registered("alice")[0]


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From when it is called on, nothing may be read by the parser."""

    def begin() -> None:
        def refuse(data: bytes) -> None:
            raise AssertionError(data)

        monkeypatch.setattr("sipfullproxy.engine.engine.parse", refuse)

    return begin


def read(data: bytes) -> Request:
    found = parse(data)
    assert isinstance(found, Request)
    found.check()
    return found


def refused(phone: Phone, invite: bytes) -> Response:
    """The one answer to a request that comes while more comes than can be served."""
    (send,) = phone.send(invite)
    assert send.flow.remote == phone.address
    answer = phone.takes(503)
    assert isinstance(answer, Response)
    return answer


def test_a_new_call_is_refused_unread_and_so_is_its_ack(
    lab: Lab, alice: Phone, unread: Callable[[], None]
) -> None:  # fmt: skip
    invite = alice.compose("INVITE", "sip:bob@10.0.0.1")
    asked = read(invite)
    tables, number = lab.engine.load, lab.engine.serial
    lab.spare = True
    unread()
    answer = refused(alice, invite)
    for name in (b"from", b"call-id", b"cseq"):
        assert answer.values(name) == asked.values(name)
    assert answer.via.text == asked.via.stamped(*alice.address)
    assert answer.first(b"to") == (asked.first(b"to") or b"") + b";tag=" + answer.to_tag
    assert answer.first(b"retry-after") == b"5"
    assert b"More comes than can be served" in (answer.first(b"warning") or b"")
    lab.spare = False
    alice.ack_failure(asked, answer)
    assert (lab.engine.load, lab.engine.serial) == (tables, number + 2), "both are seen in the trace"
    assert (alice.waiting, lab.events) == ([], [])


def test_the_same_again_hears_the_same(lab: Lab, alice: Phone) -> None:
    """RFC 3261 §8.2.7: who keeps nothing must give the same tag each time; and another call has another one."""
    invite = alice.compose("INVITE", "sip:bob@10.0.0.1")
    lab.spare = True
    tag = refused(alice, invite).to_tag
    assert refused(alice, invite).to_tag == tag
    assert refused(alice, alice.compose("INVITE", "sip:bob@10.0.0.1")).to_tag != tag


def test_all_via_come_back_in_their_order(lab: Lab, alice: Phone) -> None:
    below = b"SIP/2.0/UDP 10.0.0.99;branch=z9hG4bKbelow", b"SIP/2.0/UDP 10.0.0.98;branch=z9hG4bKlast"
    invite = alice.compose("INVITE", "sip:bob@10.0.0.1").replace(b"\r\nFrom:", b"\r\nVia: %b, %b\r\nFrom:" % below, 1)
    lab.spare = True
    assert refused(alice, invite).values(b"via")[1:] == [*below]


@pytest.mark.parametrize(
    ("usual", "other"),
    [
        (b"\r\nFrom:", b"\r\nf:"), (b"\r\nTo:", b"\r\nt:"), (b"\r\nVia: ", b"\r\nv: "), (b"\r\nCall-ID:", b"\r\ni:"),
        (b"\r\nCSeq:", b"\r\ncseq :"), (b"\r\nFrom: ", b"\r\nFrom:\r\n "), (b"\r\nFrom: ", b"\r\nFrom:\r\n\t"),
        (b";rport", b""), (b"=z9hG4bK", b"=2543-"), (b"Via: SIP/2.0/UDP", b"Via: SIP / 2.0 / UDP"),
        (b"Via: SIP/2.0/UDP", b"Via: SIP/9.0/UDP"), (b"\r\nTo: <sip:", b"\r\nTo: <sip:stage.tag."),
        (b"\r\nMax-Forwards: 70", b"\r\nFrom: <sip:another@10.0.0.1>;tag=2\r\nMax-Forwards: 70"),
    ],
)  # fmt: skip
def test_what_is_spelled_otherwise_is_read_first(lab: Lab, alice: Phone, usual: bytes, other: bytes) -> None:
    invite = alice.compose("INVITE", "sip:bob@10.0.0.1")
    assert usual in invite
    lab.spare = True
    before = lab.engine.load
    (send,) = lab.put(invite.replace(usual, other, 1), STRANGER)  # where nobody minds how the answer is spelled
    unclear = b"9.0" in other or b"another" in other
    assert send.data.startswith(b"SIP/2.0 400" if unclear else b"SIP/2.0 503")
    assert lab.engine.load == before


def test_what_never_ends_is_read_first(lab: Lab, alice: Phone) -> None:
    lab.spare = True
    (send,) = lab.put(alice.compose("INVITE", "sip:bob@10.0.0.1").partition(b"\r\n\r\n")[0], STRANGER)
    assert send.data.startswith(b"SIP/2.0 400")


def test_strangers_are_told_nothing_where_that_is_wanted() -> None:
    lab = Lab(silent=True)
    stranger = lab.phone("mallory")
    lab.spare = True
    stranger.invite("bob")
    assert stranger.waiting == []


def test_a_call_in_progress_may_change(lab: Lab, alice: Phone) -> None:
    """An INVITE with a To tag begins nothing."""
    (bob,) = lab.registered("bob")
    call(alice, bob)
    lab.spare = True
    assert alice.dialog is not None
    again = alice.dialog.request("INVITE")
    bob.answer(bob.takes("INVITE"))
    alice.takes(100), alice.takes(200)
    alice.dialog.ack(again)
    bob.takes("ACK")
    hang_up(alice, bob)


def test_the_ack_of_another_proxys_refusal_is_heard(lab: Lab, alice: Phone) -> None:
    """Behind us another one of our kind may be overloaded: its tag comes through us, and the ACK is for our answer."""
    (bob,) = lab.registered("bob")
    bob.word = "sfp-0badc0de"
    asked = alice.invite("bob")
    bob.reply(bob.takes("INVITE"), 503)
    alice.takes(100)
    alice.ack_failure(asked, alice.takes())
    lab.advance(40)
    assert alice.waiting == []
