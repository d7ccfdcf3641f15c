"""What the other workers have to tell to the first one, which has the journal: their events, and what passed there.

It goes by a pipe of bytes, in frames: so many bytes, and then a value of plain types as marshal writes it. What is
handed in here waits in a mailbox as it does in front of the journal: bounded, the oldest is lost, and no call waits.
"""

from __future__ import annotations

import marshal
import socket
import struct
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any, Final

from sipfullproxy.engine.events import KINDS, Event
from sipfullproxy.engine.flow import Flow, Send
from sipfullproxy.journal.mailbox import Mailbox
from sipfullproxy.journal.memory import PASSAGES
from sipfullproxy.journal.passage import Passage

FLOWS: Final = 50_000
"""Flows that are remembered, so that the tape has one object for each and not one for each message."""

_LENGTH = struct.Struct("!I")

_VALUES: dict[str, Callable[[Event], Any]] = {
    kind: attrgetter("kind", *(field.name for field in fields(event))) for kind, event in KINDS.items()
}


def put(line: socket.socket, value: tuple[Any, ...]) -> None:
    """Write a value of plain types into a pipe; waits for room. Raises OSError."""
    data = marshal.dumps(value)
    line.sendall(_LENGTH.pack(len(data)) + data)


def get(line: socket.socket) -> Any:
    """Wait for the next value. Raises EOFError at the end, OSError, and TimeoutError where the pipe has a timeout."""
    (length,) = _LENGTH.unpack(_exactly(line, _LENGTH.size))
    return marshal.loads(_exactly(line, length))


class Feed:
    """The end that tells. tell, note: where an event and a passage go in; they never wait."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._mailbox: Mailbox[Event | Passage | None] = Mailbox(self._write, "feed", PASSAGES)
        self.tell = self._mailbox.put
        self.note = self._mailbox.put
        self.start = self._mailbox.start
        self.stop = self._mailbox.stop

    def beat(self) -> None:
        """Say that the thread that serves calls is alive."""
        self._mailbox.put(None)

    def _write(self, items: Sequence[Event | Passage | None]) -> None:
        events = [_VALUES[item.kind](item) for item in items if isinstance(item, Event)]
        passages = [_plain(item) for item in items if isinstance(item, Passage)]
        with suppress(OSError):  # the first worker is gone, and so are we, soon
            put(self._line, (self._mailbox.lost, events, passages))


@dataclass(frozen=True)
class Hearer:
    """Who takes in what a feed tells. tell: events, numbered by that worker. note: passages, as `Memory.note`."""

    tell: Callable[[Sequence[Event]], object]
    note: Callable[[Passage], object]


class Ear:
    """The end that hears. line: the pipe. lost: how many items the feed has thrown away so far."""

    def __init__(self, line: socket.socket, hearer: Hearer) -> None:
        self.lost = 0
        self._line = line
        self._hearer = hearer
        self._flows: dict[Any, Flow] = {}

    def hear(self) -> None:
        """Wait for the next that the feed tells, and pass it on. Raises EOFError at its end, OSError, TimeoutError."""
        self.lost, events, passages = get(self._line)
        if events:
            # By position, in the order of the fields: by name it takes twice as long.
            self._hearer.tell([KINDS[kind](*values) for kind, *values in events])
        if len(self._flows) > FLOWS:
            self._flows.clear()
        for time, serial, way, data, sends in passages:
            flow = None if way is None else self._flow(way)
            again = [Send(self._flow(to), message, cause, edits) for to, message, cause, edits in sends]
            self._hearer.note(Passage(time, serial, flow, data, again))

    def _flow(self, way: tuple[Any, ...]) -> Flow:
        flow = self._flows.get(way)
        if flow is None:
            flow = self._flows[way] = Flow(*way)
        return flow


def _plain(passage: Passage) -> tuple[object, ...]:
    time, serial, flow, data, sends = passage
    way = None if flow is None else tuple(flow)
    return time, serial, way, data, [(tuple(flow), data, cause, edits) for flow, data, cause, edits in sends]


def _exactly(line: socket.socket, size: int) -> bytes:
    parts, left = [], size
    while left:
        part = line.recv(min(left, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        left -= len(part)
    return b"".join(parts)
