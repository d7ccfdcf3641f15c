"""The lab's tape: each message once, and what made it go out."""

from __future__ import annotations

from tests.helpers import call, hang_up
from tests.recording import RecordingLab


def test_every_message_is_kept_with_what_made_it_go_out() -> None:
    lab = RecordingLab()
    alice, bob = lab.registered("alice", "bob")
    sent, _ = call(alice, bob)
    hang_up(alice, bob)
    records = lab.of(sent.call_id)
    assert [record.number for record in lab.records] == list(range(1, len(lab.records) + 1))
    starts = [(record.inward, record.data.split()[0] + b" " + record.data.split()[1][:3]) for record in records]
    assert starts[:3] == [(True, b"INVITE sip"), (False, b"SIP/2.0 100"), (False, b"INVITE sip")]
    by_number = {record.number: record for record in records}
    for record in records:
        if not record.inward:
            assert isinstance(record.cause, int) and by_number[record.cause].inward
        assert record.flow.remote in (alice.address, bob.address)


def test_what_a_timer_sends_names_the_timer() -> None:
    lab = RecordingLab()
    alice, _ = lab.registered("alice", "bob")
    sent = alice.invite("bob")
    lab.advance(1.0)
    again = lab.of(sent.call_id)[-1]
    assert again.cause == "A" and again.data == lab.of(sent.call_id)[2].data and again.edits == ()


def test_a_keepalive_shifts_no_cause() -> None:
    lab = RecordingLab()
    alice, _ = lab.registered("alice", "bob")
    lab.put(b"\r\n\r\n", alice.address)
    sent = alice.invite("bob")
    first, trying, *_ = lab.of(sent.call_id)
    assert trying.cause == first.number
