"""What stands between the doors and the engine: one at a time, whatever breaks; and nothing passes unseen."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

import pytest

from sipfullproxy.engine.events import Event
from sipfullproxy.engine.flow import Flow, Send
from sipfullproxy.engine.replica import Came, Change, Went
from sipfullproxy.guard import Guard
from sipfullproxy.journal.passage import Passage
from sipfullproxy.sip.framing import Framer
from tests.helpers import PROXY, Lab

FLOW = Flow("udp", PROXY, ("10.0.0.10", 5060))


@pytest.fixture
def passed() -> list[Passage]:
    return []


@pytest.fixture
def told() -> list[Event]:
    return []


@pytest.fixture
def guard(lab: Lab, passed: list[Passage], told: list[Event]) -> Guard:
    return Guard(lab.engine, Lock(), passed.append, told.extend)


def options(lab: Lab) -> bytes:
    return lab.phone("alice").compose("OPTIONS", "sip:10.0.0.1")


def test_a_message_and_its_answer_are_one_passage(lab: Lab, guard: Guard, passed: list[Passage]) -> None:
    data = options(lab)
    sends = guard.receive(data, FLOW, 5.0)
    assert len(sends) == 1
    assert passed == [Passage(5.0, 1, FLOW, data, sends)]


@pytest.mark.parametrize("keepalive", [b"", b"\r\n\r\n", b"\0"])
def test_keepalives_are_no_messages(guard: Guard, passed: list[Passage], keepalive: bytes) -> None:
    assert guard.receive(keepalive, FLOW, 5.0) == []
    assert passed == []


def test_junk_passes_too(guard: Guard, passed: list[Passage]) -> None:
    guard.receive(b"junk", FLOW, 5.0)
    assert passed == [Passage(5.0, 1, FLOW, b"junk", [])]


def test_a_request_without_an_end_passes_with_its_answer(lab: Lab, guard: Guard, passed: list[Passage]) -> None:
    data = options(lab).replace(b"Content-Length: 0\r\n", b"")
    framer = Framer()
    assert framer.feed(data) == []
    assert framer.broken is not None and framer.broken.request is not None
    stream = Flow("tcp", PROXY, ("10.0.0.10", 5060), 7)
    sends = guard.refuse(framer.broken.request, framer.broken.error, stream, 5.0)
    assert [(send.flow, send.data[:12]) for send in sends] == [(stream, b"SIP/2.0 400 ")]
    assert passed == [Passage(5.0, 1, stream, data, sends)]


def test_what_a_timer_sends_came_from_nobody(lab: Lab, guard: Guard, passed: list[Passage]) -> None:
    alice, _ = lab.registered("alice", "bob")
    guard.tick(lab.now)
    guard.lost(FLOW, lab.now)
    assert passed == [], "a verb that sends nothing is not worth a note"
    alice.invite("bob")
    sends = guard.tick(lab.now + 0.6)
    assert [send.cause for send in sends] == ["A"]
    assert passed == [Passage(lab.now + 0.6, lab.engine.serial, None, None, sends)]


def test_a_bug_in_the_engine_costs_one_message(
    lab: Lab, guard: Guard, passed: list[Passage], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(self: object, *_: object) -> list[Send]:
        raise ZeroDivisionError("a bug")

    with monkeypatch.context() as patch:
        patch.setattr(type(lab.engine), "tick", broken)
        assert guard.tick(1.0) == []
    assert "bug in the engine: broken" in caplog.text
    assert guard.receive(options(lab), FLOW, 5.0)
    assert len(passed) == 1


def test_phones_are_listed_and_removed(lab: Lab, guard: Guard, told: list[Event]) -> None:
    lab.registered("bob")
    (phone,) = guard.phones(10)
    assert guard.phones(10, b"bob") == [phone]
    assert guard.forget(phone, lab.now)
    assert not guard.forget(phone, lab.now)
    assert [event.kind for event in told] == ["unregistered"]


def test_who_shares_the_bindings_hears_of_each_change_before_the_answer_goes_out(passed: list[Passage]) -> None:
    lab, other, changes = Lab(followed=True), Lab(followed=True), list[Change]()
    guard = Guard(lab.engine, Lock(), passed.append, lambda _: None, changes.extend)
    register = lab.phone("bob").compose("REGISTER", "sip:10.0.0.1", to="<sip:bob@10.0.0.1>")
    guard.receive(register, FLOW, lab.now)
    assert [type(change) for change in changes] == [Came]
    assert guard.snapshot() == changes
    beside = Guard(other.engine, Lock(), passed.append, lambda _: None, changes.extend)
    beside.restore(changes, lab.now)
    (phone,) = beside.phones(10)
    assert len(changes) == 1, "what came from elsewhere is told to nobody"
    assert beside.forget(phone, lab.now)
    assert [type(change) for change in changes] == [Came, Went]
    beside.restore(changes[:1], lab.now + 4000)
    assert beside.phones(10) == []
    assert [type(change) for change in changes] == [Came, Went, Went], "but that it has run out is"


def test_the_lock_is_free_when_others_hear_of_it(lab: Lab) -> None:
    """A hook may call a verb itself."""
    lock, free = Lock(), []
    hears: Callable[..., None] = lambda *_: free.append(not lock.locked())  # noqa: E731
    guard = Guard(lab.engine, lock, hears, hears)
    guard.receive(lab.phone("bob").compose("OPTIONS", "sip:10.0.0.1"), FLOW, 5.0)
    lab.registered("carol")
    guard.forget(guard.phones(1)[0], lab.now)
    assert free == [True, True]
