"""Whose message it is: the same for all that is said of one call, whoever looks."""

from __future__ import annotations

import pytest

from sipfullproxy.sip.message import parse
from sipfullproxy.workers.owner import owner
from tests.helpers import Lab, call, hang_up

JUNK = (
    b"",
    b"\r\n\r\n",
    b"\0\0",
    b"GET / HTTP/1.1\r\n\r\n",
    b"OPTIONS sip:a SIP/2.0\r\nTo: <sip:a>\r\n\r\n",
    b"\xff" * 99,
)


@pytest.mark.parametrize("workers", [2, 3, 16])
def test_all_messages_of_a_call_have_one_owner(workers: int) -> None:
    """Also CANCEL and the ACK of a refusal; and what a phone answers, which is not what it was asked."""
    lab = Lab()
    alice, bob = lab.registered("alice", "bob")
    call(alice, bob, call_id="one")
    hang_up(alice, bob)
    again = alice.invite("bob", call_id="one")
    bob.ring(got := bob.takes("INVITE"))
    alice.cancel(again)
    bob.reply(got, 487)
    owners = {owner(send.data, workers) for send in lab.sent}
    assert len(lab.sent) > 10 and len(owners) == 1 and owners <= set(range(workers))


def test_calls_are_spread() -> None:
    phone = Lab().phone("alice")
    owners = [owner(phone.compose("OPTIONS", "sip:x", call_id=f"{number}-77@10.0.0.9"), 4) for number in range(1000)]
    assert all(150 < owners.count(worker) < 350 for worker in range(4))


@pytest.mark.parametrize("spelling", ["i: {}", "Call-Id:{}", "CALL-ID:   {}  ", "call-id:\r\n {}", "I :\t{}"])
def test_the_spelling_does_not_matter(spelling: str) -> None:
    data = Lab().phone("alice").compose("OPTIONS", "sip:x", call_id="abcdefg@host").decode()
    other = data.replace("Call-ID: abcdefg@host", spelling.format("abcdefg@host"))
    assert parse(other.encode()).first(b"call-id") == b"abcdefg@host"
    assert owner(other.encode(), 97) == owner(data.encode(), 97)


@pytest.mark.parametrize("data", JUNK)
def test_what_has_no_call_id_belongs_to_whom_it_comes_to(data: bytes) -> None:
    assert owner(data, 2) is None
