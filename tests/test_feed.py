"""What workers tell the first one: every kind of event, and what passed."""

from __future__ import annotations

import dataclasses
import socket
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from sipfullproxy.engine.events import KINDS, Event
from sipfullproxy.engine.flow import Flow, Send
from sipfullproxy.journal.memory import PASSAGES
from sipfullproxy.journal.passage import Passage
from sipfullproxy.workers import feed
from sipfullproxy.workers.feed import Ear, Feed, Hearer
from tests.helpers import PROXY

FLOW = Flow("udp", PROXY, ("10.0.0.9", 5060))
VALUES: Mapping[str, Any] = {"str": "x", "int": 7, "float": 1.5, "bool": True, "bool | None": None}


@pytest.fixture
def line() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


class Heard:
    def __init__(self, line: socket.socket) -> None:
        self.events: list[Event] = []
        self.passages: list[Passage] = []
        self.ear = Ear(line, Hearer(self.events.extend, self.passages.append))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_event_comes_as_it_was_told(kind: str, line: tuple[socket.socket, socket.socket]) -> None:
    types = {field.name: str(field.type) for field in dataclasses.fields(KINDS[kind])}
    event = KINDS[kind](**{name: VALUES[type_] for name, type_ in types.items()} | {"serial": 0, "time": 12.5})
    telling, heard = Feed(line[0]), Heard(line[1])
    telling.tell(event)
    telling.start()
    heard.ear.hear()
    telling.stop()
    assert heard.events == [event] and heard.passages == []


def test_what_passed_comes_as_it_was_noted_and_one_way_is_one_object(
    line: tuple[socket.socket, socket.socket],
) -> None:
    sends = [Send(FLOW, b"\xff100", 4, ("via-push",)), Send(FLOW, b"again", "A")]
    passages = [Passage(5.0, 4, FLOW, b"INVITE", sends), Passage(5.5, 4, None, None, sends[1:])]
    telling, heard = Feed(line[0]), Heard(line[1])
    for passage in passages:
        telling.note(passage)
    telling.start()
    telling.stop()
    heard.ear.hear()
    assert heard.passages == passages
    first = heard.passages[0]
    assert isinstance(first.flow, Flow) and first.sends[0].flow is first.flow


def test_a_beat_is_heard_and_means_nothing(line: tuple[socket.socket, socket.socket]) -> None:
    telling, heard = Feed(line[0]), Heard(line[1])
    telling.beat()
    telling.start()
    heard.ear.hear()
    telling.stop()
    assert heard.events == [] and heard.passages == []


def test_nobody_who_hears_is_no_harm(line: tuple[socket.socket, socket.socket]) -> None:
    line[1].close()
    telling = Feed(line[0])
    telling.beat()
    telling.start()
    telling.stop()


def test_what_waits_is_bounded_and_the_loss_is_told(line: tuple[socket.socket, socket.socket]) -> None:
    telling, heard = Feed(line[0]), Heard(line[1])
    for _ in range(PASSAGES + 3):
        telling.beat()
    telling.start()
    heard.ear.hear()
    telling.stop()
    assert heard.ear.lost == 3


def test_the_end_is_an_end(line: tuple[socket.socket, socket.socket]) -> None:
    line[0].send(b"\0\0\0\x10half")
    line[0].close()
    with pytest.raises(EOFError):
        feed.get(line[1])
