"""What stands between the doors and the engine: the one lock, and a net for the engine's bugs. It notes what passed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Protocol

from sipfullproxy.engine.bans import Ban
from sipfullproxy.engine.engine import News
from sipfullproxy.engine.events import Event
from sipfullproxy.engine.flow import Flow, Send
from sipfullproxy.engine.locating import Found
from sipfullproxy.engine.lookups import Question
from sipfullproxy.engine.registrar import Phone
from sipfullproxy.engine.replica import Came, Change
from sipfullproxy.journal.clock import wall_offset
from sipfullproxy.journal.passage import Passage
from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.message import CRLF, Request
from sipfullproxy.transport.core import Core

log = logging.getLogger(__name__)


class Verbs(Core, Protocol):
    """All of the engine that the shells use; see `Engine`."""

    serial: int
    epoch: float

    @property
    def phones_version(self) -> int: ...
    def phones(self, limit: int, user: bytes | None = None) -> list[Phone]: ...
    def forget(self, phone: Phone, now: float) -> bool: ...
    def bans(self, now: float) -> list[Ban]: ...
    def ban(self, ban: Ban, now: float) -> None: ...
    def lift(self, network: str, now: float) -> bool: ...
    def resolved(self, number: int, found: Found, now: float) -> list[Send]: ...
    def news(self) -> News | None: ...
    def snapshot(self) -> list[Came]: ...
    def restore(self, changes: Sequence[Change], now: float) -> None: ...


class Guard:
    """The engine's verbs, one at a time and never raising; see `Core`.

    lock: held while the engine works. passed: called with what passed in each verb, publish: with its events, changed:
    with the bindings that came and went (None: nobody wants to know); all after the lock is released, and before
    anything is on the wire, so that no answer is noted before its question, and who hears that he is registered is.
    ask: called with each name that is to be looked up; its answer comes by `resolved`, from another thread.
    """

    def __init__(
        self, engine: Verbs, lock: Lock, passed: Callable[[Passage], None], publish: Callable[[list[Event]], None],
        changed: Callable[[list[Change]], None] | None = None, ask: Callable[[Question], object] | None = None,
    ) -> None:  # fmt: skip
        self._ask = ask
        self._engine = engine
        self._changed = changed
        self._lock = lock
        self._order = Lock()  # what passed is noted in the order of the engine, whichever door's thread it was
        self._passed = passed
        self._publish = publish

    def receive(self, data: bytes, flow: Flow, now: float, spare: bool = False) -> list[Send]:
        """See `Engine.receive`."""
        return self._call(now, flow, data, self._engine.receive, data, flow, now, spare)

    def refuse(self, request: Request, error: SipError, flow: Flow, now: float) -> list[Send]:
        """See `Engine.refuse`."""
        data = CRLF.join((request.start, *request.lines, b"", b""))
        return self._call(now, flow, data, self._engine.refuse, request, error, flow, now)

    def tick(self, now: float) -> list[Send]:
        """See `Engine.tick`."""
        return self._call(now, None, None, self._engine.tick, now)

    def next_timer(self) -> float | None:
        """See `Engine.next_timer`."""
        with self._lock:
            return self._engine.next_timer()

    def lost(self, flow: Flow, now: float) -> list[Send]:
        """See `Engine.lost`."""
        return self._call(now, None, None, self._engine.lost, flow, now)

    def resolved(self, number: int, found: Found, now: float) -> list[Send]:
        """See `Engine.resolved`."""
        return self._call(now, None, None, self._engine.resolved, number, found, now)

    def phones(self, limit: int, user: bytes | None = None) -> list[Phone]:
        """See `Engine.phones`."""
        with self._lock:
            return self._engine.phones(limit, user)

    @property
    def phones_version(self) -> int:
        """See `Engine.phones_version`. Without the lock: whoever looks at numbers looks again soon."""
        return self._engine.phones_version

    def forget(self, phone: Phone, now: float) -> bool:
        """See `Engine.forget`."""
        with self._order:
            with self._lock:
                self._engine.epoch = wall_offset()
                found = self._engine.forget(phone, now)
                news = self._engine.news()
            self._tell(news)
        return found

    def bans(self, now: float) -> list[Ban]:
        """See `Engine.bans`."""
        with self._lock:
            return self._engine.bans(now)

    def ban(self, ban: Ban, now: float) -> None:
        """See `Engine.ban`."""
        with self._lock:
            self._engine.ban(ban, now)

    def lift(self, network: str, now: float) -> bool:
        """See `Engine.lift`."""
        with self._order:
            with self._lock:
                self._engine.epoch = wall_offset()
                found = self._engine.lift(network, now)
                news = self._engine.news()
            self._tell(news)
        return found

    def snapshot(self) -> list[Came]:
        """See `Engine.snapshot`."""
        with self._lock:
            return self._engine.snapshot()

    def restore(self, changes: Sequence[Change], now: float) -> None:
        """See `Engine.restore`."""
        with self._order:
            with self._lock:
                self._engine.epoch = wall_offset()
                self._engine.restore(changes, now)
                news = self._engine.news()
            self._tell(news)

    def _call(
        self, now: float, flow: Flow | None, data: bytes | None, verb: Callable[..., list[Send]], *arguments: object
    ) -> list[Send]:
        engine = self._engine
        sends: list[Send] = []
        with self._order:
            with self._lock:
                engine.epoch = wall_offset()
                before = engine.serial
                try:
                    sends = verb(*arguments)
                except Exception:
                    log.exception("bug in the engine: %s%.2000r", verb.__name__, arguments)
                serial = engine.serial
                news = engine.news()
            if sends or serial != before:  # keepalives are no messages
                self._passed(Passage(now, serial, flow, data, sends))
            if news is not None:
                self._tell(news)
        if news is not None and self._ask is not None:
            for question in news.questions:
                self._ask(question)
        return sends

    def _tell(self, news: News | None) -> None:
        """Hand on what happened, and which bindings came and went."""
        if news is None:
            return
        if news.events:
            self._publish(news.events)
        if news.changes and self._changed is not None:
            self._changed(news.changes)
