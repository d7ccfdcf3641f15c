"""What stands between the doors and the engine: the one lock, a net for the engine's bugs, and the eyes of `-v`."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from threading import Lock
from typing import Protocol

from sipfullproxy.engine.events import Event
from sipfullproxy.engine.flow import Flow, Send
from sipfullproxy.journal import trace
from sipfullproxy.transport.udp import Core

log = logging.getLogger(__name__)


class Verbs(Core, Protocol):
    """All of the engine that the shells use; see `Engine`."""

    serial: int
    junk: int

    def events(self) -> list[Event]: ...


class Guard:
    """The engine's verbs, one at a time and never raising; see `Core`.

    lock: held while the engine works. publish: called with the events of each verb, after the lock is released.
    """

    def __init__(self, engine: Verbs, lock: Lock, publish: Callable[[list[Event]], None]) -> None:
        self._engine = engine
        self._lock = lock
        self._publish = publish

    def receive(self, data: bytes, flow: Flow, now: float) -> list[Send]:
        """See `Engine.receive`."""
        return self._call(self._engine.receive, data, flow, now)

    def tick(self, now: float) -> list[Send]:
        """See `Engine.tick`."""
        return self._call(self._engine.tick, now)

    def next_timer(self) -> float | None:
        """See `Engine.next_timer`."""
        with self._lock:
            return self._engine.next_timer()

    def lost(self, flow: Flow, now: float) -> list[Send]:
        """See `Engine.lost`."""
        return self._call(self._engine.lost, flow, now)

    def _call(self, verb: Callable[..., list[Send]], *arguments: object) -> list[Send]:
        sends: list[Send] = []
        with self._lock:
            try:
                sends = verb(*arguments)
            except Exception:
                log.exception("bug in the engine: %s%r", verb.__name__, arguments)
            events = self._engine.events()
        if events:
            self._publish(events)
        return sends


class Trace:
    """A core whose every message, in and out, is shown on stderr; what is no SIP message, as a hex dump."""

    def __init__(self, core: Core, engine: Verbs) -> None:
        self._core = core
        self._engine = engine
        self.next_timer = core.next_timer

    def receive(self, data: bytes, flow: Flow, now: float) -> list[Send]:
        """See `Engine.receive`."""
        serial, junk = self._engine.serial, self._engine.junk
        sends = self._core.receive(data, flow, now)
        if self._engine.serial > serial:  # keepalives are no messages
            show = trace.dump if self._engine.junk > junk else trace.readable
            _show(trace.heading("<-", flow, len(data), time.time()), show(data))
        return _shown(sends)

    def tick(self, now: float) -> list[Send]:
        """See `Engine.tick`."""
        return _shown(self._core.tick(now))

    def lost(self, flow: Flow, now: float) -> list[Send]:
        """See `Engine.lost`."""
        return _shown(self._core.lost(flow, now))


def _shown(sends: list[Send]) -> list[Send]:
    for send in sends:
        _show(trace.heading("->", send.flow, len(send.data), time.time(), send.edits), trace.readable(send.data))
    return sends


def _show(*lines: str) -> None:
    # Nobody's terminal may stop the calls: a closed one, a full disk behind a redirection, no stderr at all.
    with suppress(OSError, ValueError):
        print(*lines, sep="\n", file=sys.stderr, flush=True)
