"""Looks names up on threads of its own, so that no call waits for the name of another (RFC 3263)."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from random import randint

from sipfullproxy.engine.locating import Destination, Found, Records, locate
from sipfullproxy.engine.lookups import Question
from sipfullproxy.engine.timers import LOOKUP
from sipfullproxy.transport.records import Fetch

WORKERS = 8
"""Names that are looked up at once. Each of these threads does nothing but wait."""

PATIENCE = 2.0
"""Seconds for one question to the DNS; so a name has time for its addresses where nobody answers about its services."""

LIFETIME = 8.0
"""Seconds for all questions about one name; less than the engine waits."""

log = logging.getLogger(__name__)


class Resolver:
    """Answers the engine's questions: `ask` returns at once.

    fetch: gets records. answered: called with the number of a question and what was found, on a thread of this one. The
    threads are not there before the first question; they end with the program, or after `stop`.
    """

    def __init__(self, fetch: Fetch, answered: Callable[[int, Found], object]) -> None:
        self._fetch = fetch
        self._answered = answered
        self._changed = threading.Condition()
        self._asking: dict[Destination, list[int]] = {}  # the numbers of all who want to know the same
        self._waiting: list[tuple[float, Destination]] = []
        self._workers = 0
        self._idle = 0
        self._stopped = False

    def ask(self, question: Question) -> None:
        """Have a name looked up. Who asks for what is being looked up already hears the same."""
        with self._changed:
            asking = self._asking.get(question.where)
            if asking is not None:
                asking.append(question.id)
                return
            self._asking[question.where] = [question.id]
            self._waiting.append((time.monotonic(), question.where))
            if self._idle < len(self._waiting) and self._workers < WORKERS:
                self._workers += 1
                threading.Thread(target=self._work, name="dns", daemon=True).start()
            self._changed.notify()

    def stop(self) -> None:
        """Answer nobody any more. What is being looked up is not waited for."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _work(self) -> None:
        while (where := self._next()) is not None:
            try:
                found = self._look(where)
            except Exception:  # a bug, ours or the library's, is one name's and no thread's
                log.exception("bug while looking up %s", where.host)
                found = Found(silent=True)
            with self._changed:
                numbers = self._asking.pop(where)
                if self._stopped:
                    return
            for number in numbers:
                self._answered(number, found)

    def _next(self) -> Destination | None:
        """The name that was asked for last: under a flood, that is the one for which somebody still waits. None after
        the end."""
        with self._changed:
            while not self._stopped:
                while self._waiting:
                    asked, where = self._waiting.pop()
                    if time.monotonic() - asked < LOOKUP:
                        return where
                    del self._asking[where]  # the engine has given it up
                self._idle += 1
                self._changed.wait()
                self._idle -= 1
        return None

    def _look(self, where: Destination) -> Found:
        search = locate(where, lambda most: randint(0, most))
        deadline = time.monotonic() + LIFETIME
        records: Records | None = None
        try:
            query = next(search)
            while True:
                left = deadline - time.monotonic()
                records = self._fetch(query, min(left, PATIENCE)) if left > 0 else None
                query = search.send(records)
        except StopIteration as end:
            found: Found = end.value
            return found
