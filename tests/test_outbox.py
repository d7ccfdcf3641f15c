"""What the engine has to say waits here until it is fetched, once and in order."""

from __future__ import annotations

import pytest

from sipfullproxy.engine.events import Held, Ringing
from sipfullproxy.engine.flow import Flow, Send
from sipfullproxy.engine.outbox import Outbox, text

BOB = Flow("udp", ("10.0.0.1", 5060), ("10.0.0.11", 5060))


def test_messages_carry_what_made_them_go_out() -> None:
    outbox = Outbox()
    outbox.cause = 7
    outbox.send(BOB, b"one", ("via-push",))
    outbox.cause = "A"
    outbox.send(BOB, b"two")
    assert outbox.sends() == [Send(BOB, b"one", 7, ("via-push",)), Send(BOB, b"two", "A")]
    assert outbox.sends() == []


def test_events_are_numbered_without_gaps() -> None:
    outbox = Outbox()
    people = {"call": "c", "leg": "l", "who": "alice@x", "whom": "bob@x"}
    outbox.now = 5.0
    outbox.emit(Ringing, **people)
    assert outbox.events() == [Ringing(serial=1, time=5.0, **people)]
    outbox.now = 6.0
    outbox.emit(Held, **people)
    assert outbox.events() == [Held(serial=2, time=6.0, **people)]
    assert outbox.events() == []


@pytest.mark.parametrize(
    ("wire", "decoded"), [(b"bob", "bob"), ("žofia".encode(), "žofia"), (b"\xff", "\ufffd"), (b"\r\n\x1b", "\r\n\x1b")]
)
def test_text_is_decoded_and_nothing_else(wire: bytes, decoded: str) -> None:
    assert text(wire) == decoded
