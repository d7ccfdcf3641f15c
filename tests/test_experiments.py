"""What goes wrong on purpose: a network that loses messages and brings them late, in order and without a thread."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle
from random import Random
from types import SimpleNamespace
from typing import Any, cast

import pytest

from sipfullproxy.engine.flow import Flow, Send
from sipfullproxy.experiments import LATE_LIMIT, BadNetwork, Experiments
from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.message import Request, parse_head
from sipfullproxy.transport.core import Core
from tests.helpers import Lab, call, hang_up

ALICE = Flow("udp", ("10.0.0.1", 5060), ("10.0.0.10", 5060))
BOB = Flow("udp", ("10.0.0.1", 5060), ("10.0.0.11", 5060))
REQUEST = cast(Request, parse_head(b"INVITE sip:b SIP/2.0\r\nVia: x"))
STREAM = Flow("tcp", ("10.0.0.1", 5060), ("10.0.0.12", 40_000), 1)


class Echo(Core):
    """A core that sends each message on to Bob, and something at each tick and each loss. heard: what, when."""

    def __init__(self) -> None:
        self.heard: list[tuple[bytes, float]] = []
        self.ticks: list[float] = []
        self.at: float | None = None

    def receive(self, data: bytes, flow: Flow, now: float, spare: bool = False) -> list[Send]:
        self.heard.append((data, now))
        return [Send(BOB, data, len(self.heard))]

    def refuse(self, request: Request, error: SipError, flow: Flow, now: float) -> list[Send]:
        return [Send(flow, b"refused", 1)]

    def tick(self, now: float) -> list[Send]:
        self.ticks.append(now)
        return [Send(BOB, b"tick", "A")]

    def next_timer(self) -> float | None:
        return self.at

    def lost(self, flow: Flow, now: float) -> list[Send]:
        return [Send(BOB, b"lost", "lost")]


def numbers(*values: float) -> Callable[[], float]:
    """A source of randomness that gives these, over and over."""
    source = cycle(values)
    return lambda: next(source)


def middle() -> float:
    return 0.5


def network(random: Callable[[], float] = middle, **wrongs: int) -> tuple[BadNetwork, Echo]:
    core = Echo()
    return BadNetwork(core, Experiments(**wrongs), random), core  # type: ignore[arg-type]


def data_of(sends: list[Send]) -> list[bytes]:
    return [send.data for send in sends]


# -- nothing -----------------------------------------------------------------------------------------------------------


def test_with_nothing_wrong_all_passes_at_once() -> None:
    bad, core = network(lambda: 1 // 0)
    assert data_of(bad.receive(b"1", ALICE, 5.0)) == [b"1"]
    assert data_of(bad.tick(6.0)) == [b"tick"]
    assert data_of(bad.lost(BOB, 7.0)) == [b"lost"]
    assert data_of(bad.refuse(REQUEST, SipError(400, "no"), STREAM, 8.0)) == [b"refused"]
    assert core.heard == [(b"1", 5.0)] and core.ticks == [6.0]
    assert bad.next_timer() is None
    core.at = 9.0
    assert bad.next_timer() == 9.0


# -- loss --------------------------------------------------------------------------------------------------------------


def test_so_many_percent_are_lost_both_ways() -> None:
    # In order of asking: the first comes in and its copy is lost, the second is lost, the third comes in and goes out.
    bad, core = network(numbers(0.2, 0.1999, 0.0, 0.2, 0.2), drop=20)
    assert [data_of(bad.receive(data, ALICE, 0.0)) for data in (b"1", b"2", b"3")] == [[], [], [b"3"]]
    assert [data for data, _ in core.heard] == [b"1", b"3"]


def test_what_timers_send_may_be_lost_too() -> None:
    bad, _ = network(numbers(0.0), drop=1)
    assert bad.tick(0.0) == bad.lost(BOB, 0.0) == []


def test_a_hundred_percent_is_all_and_none_is_none() -> None:
    bad, core = network(numbers(0.999999), drop=100)
    assert bad.receive(b"1", ALICE, 0.0) == [] == core.heard
    bad.experiments = Experiments()
    assert data_of(bad.receive(b"2", ALICE, 0.0)) == [b"2"]


def test_a_stream_loses_nothing() -> None:
    """TCP would send it again; a message that was taken out of a stream is no loss of the network."""
    bad, core = network(numbers(0.0), drop=100)
    bad.receive(b"1", STREAM, 0.0)
    assert core.heard == [(b"1", 0.0)]


# -- delay -------------------------------------------------------------------------------------------------------------


def test_a_late_message_comes_with_the_tick_that_is_asked_for() -> None:
    bad, core = network(delay=300)
    assert bad.receive(b"1", ALICE, 10.0) == []
    assert bad.next_timer() == 10.3
    assert data_of(bad.tick(10.2)) == [b"tick"] and not core.heard
    assert data_of(bad.tick(10.3)) == [b"1", b"tick"]
    assert core.heard == [(b"1", 10.3)]
    assert bad.next_timer() is None


def test_the_timers_of_the_core_come_when_they_are_due_all_the_same() -> None:
    bad, core = network(delay=300)
    bad.receive(b"1", ALICE, 10.0)
    core.at = 10.1
    assert bad.next_timer() == 10.1
    core.at = 11.0
    assert bad.next_timer() == 10.3


def test_nothing_overtakes() -> None:
    bad, core = network(delay=1000)
    bad.receive(b"1", ALICE, 0.0)
    bad.experiments = Experiments(delay=10)
    bad.receive(b"2", ALICE, 0.1)
    bad.experiments = Experiments()
    bad.receive(b"3", ALICE, 0.2)
    assert bad.next_timer() == 1.0 and not core.heard
    assert data_of(bad.tick(1.0)) == [b"1", b"2", b"3", b"tick"]
    assert data_of(bad.receive(b"4", ALICE, 1.1)) == [b"4"], "and then all is as before"


def test_what_is_late_may_be_lost_but_once() -> None:
    bad, core = network(numbers(0.9, 0.0, 0.0), drop=50, delay=100)
    bad.receive(b"1", ALICE, 0.0)
    assert bad.tick(0.1) == [] and core.heard == [(b"1", 0.1)], "it came, and what it caused was lost"


def test_only_so_many_may_be_late() -> None:
    bad, core = network(delay=100)
    for number in range(LATE_LIMIT + 10):
        bad.receive(b"%d" % number, ALICE, 0.0)
    bad.tick(0.1)
    assert len(core.heard) == LATE_LIMIT
    assert core.heard[-1][0] == b"%d" % (LATE_LIMIT - 1), "what comes beyond is lost"


# -- around an engine --------------------------------------------------------------------------------------------------


def spoil(lab: Lab, monkeypatch: pytest.MonkeyPatch, random: Callable[[], float], **wrongs: Any) -> BadNetwork:
    """Put a bad network between the phones of a lab and its engine."""
    engine = lab.engine
    verbs = ("receive", "tick", "next_timer", "lost")
    core = cast(Core, SimpleNamespace(**{verb: getattr(engine, verb) for verb in verbs}))
    bad = BadNetwork(core, Experiments(**wrongs), random)
    for verb in verbs:
        monkeypatch.setattr(engine, verb, getattr(bad, verb))
    return bad


def test_a_late_call_is_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Lab()
    alice, bob = lab.registered("alice", "bob")
    bad = spoil(lab, monkeypatch, middle, delay=250)
    sent = alice.invite("bob")
    assert not bob.inbox
    lab.advance(0.25)
    bob.answer(bob.takes("INVITE"))
    lab.advance(0.25)
    alice.takes(100)
    assert alice.dialog is not None
    alice.dialog.confirm(alice.takes(200))
    alice.dialog.ack(sent)
    lab.advance(0.25)
    bob.takes("ACK")
    bad.experiments = Experiments()
    hang_up(alice, bob)
    assert lab.kinds == ["started", "ended"]


@pytest.mark.parametrize("seed", range(5))
def test_timers_get_an_invite_through_heavy_loss(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """RFC 3261 §17.1.1.2: the proxy sends it seven times in 32 seconds; more than one must get through."""
    lab = Lab()
    alice, bob = lab.registered("alice", "bob")
    bad = spoil(lab, monkeypatch, Random(seed).random, drop=50)
    data = alice.compose("INVITE", "sip:bob@10.0.0.1")
    for _ in range(7):
        alice.send(data)
        lab.advance(4)
    assert bob.waiting.count("INVITE") >= 1
    bad.experiments = Experiments()
    bob.answer(bob.takes("INVITE"))
    assert alice.waiting[-1] == 200 and lab.kinds == ["started"]
    bob.inbox.clear()
    alice.inbox.clear()
    call(alice, bob)


def test_all_lost_is_all_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    lab = Lab()
    alice, bob = lab.registered("alice", "bob")
    spoil(lab, monkeypatch, middle, drop=100)
    alice.invite("bob")
    lab.advance(40)
    assert not alice.inbox and not bob.inbox and lab.engine.load["transactions"] == 0
