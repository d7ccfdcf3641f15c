"""What stands between the doors and the engine: the one lock, a net for the engine's bugs, and the eyes of `-v`."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Lock
from typing import NamedTuple, Protocol

from sipfullproxy.engine.events import Event
from sipfullproxy.engine.flow import Flow, Send
from sipfullproxy.journal import trace
from sipfullproxy.journal.mailbox import Mailbox
from sipfullproxy.transport.udp import Core

# Messages that may wait for the terminal: a second of full load; at worst, of nothing but largest datagrams, 128 MB.
SCREEN_LIMIT = 2_000

# Seconds that a terminal has at the end to take what is left; one that stands still gets no more.
SCREEN_WAIT = 1.0

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
                log.exception("bug in the engine: %s%.2000r", verb.__name__, arguments)
            events = self._engine.events()
        if events:
            self._publish(events)
        return sends


class Trace:
    """A core whose every message, in and out, is shown on stderr; what is no SIP message, as a hex dump.

    Shown by a thread of its own, between `start` and `stop`: a terminal that stands still (Ctrl-S, a click into the
    console of Windows, a pager) would hold up all calls otherwise.
    """

    def __init__(self, core: Core, engine: Verbs) -> None:
        self._core = core
        self._engine = engine
        self._screen = Mailbox(self._show, "trace", SCREEN_LIMIT)
        self._missed = 0
        self.next_timer = core.next_timer

    def start(self) -> None:
        """Start showing."""
        self._screen.start()

    def stop(self) -> None:
        """Show what is left, unless the terminal stands still."""
        self._screen.stop(SCREEN_WAIT)

    def receive(self, data: bytes, flow: Flow, now: float) -> list[Send]:
        """See `Engine.receive`."""
        wall, serial, junk = time.time(), self._engine.serial, self._engine.junk
        sends = self._core.receive(data, flow, now)
        if self._engine.serial > serial:  # keepalives are no messages
            show = trace.dump if self._engine.junk > junk else trace.readable
            self._screen.put(_Shown("<-", flow, data, wall, show))
        return self._shown(sends)

    def tick(self, now: float) -> list[Send]:
        """See `Engine.tick`."""
        return self._shown(self._core.tick(now))

    def lost(self, flow: Flow, now: float) -> list[Send]:
        """See `Engine.lost`."""
        return self._shown(self._core.lost(flow, now))

    def _shown(self, sends: list[Send]) -> list[Send]:
        for send in sends:
            self._screen.put(_Shown("->", send.flow, send.data, time.time(), trace.readable, send.edits))
        return sends

    def _show(self, messages: Sequence[_Shown]) -> None:
        missed, self._missed = self._screen.lost - self._missed, self._screen.lost
        lines = [f"… {missed} messages not shown"] if missed else []
        for message in messages:
            heading = trace.heading(message.arrow, message.flow, len(message.data), message.wall, message.edits)
            lines += [heading, message.show(message.data)]
        # Nobody's terminal may stop the proxy: a closed one, a full disk behind a redirection, no stderr at all.
        with suppress(OSError, ValueError):
            print("\n".join(lines), file=sys.stderr, flush=True)


class _Shown(NamedTuple):
    """A message on its way to the screen; made readable when its turn comes."""

    arrow: str
    flow: Flow
    data: bytes
    wall: float
    show: Callable[[bytes], str]
    edits: tuple[str, ...] = ()
