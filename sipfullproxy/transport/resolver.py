"""Looks names up on threads of its own, so that no call waits for the name of another (RFC 3263)."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from random import randint
from typing import NamedTuple

from sipfullproxy.engine.locating import Destination, Found, Records, locate
from sipfullproxy.engine.lookups import Question
from sipfullproxy.engine.timers import LOOKUP
from sipfullproxy.transport.records import Fetch

WORKERS = 16
"""Names that are looked up at once. Each of these threads does nothing but wait."""

SHARE = 4
"""How many of them one sender may have, so that his slow names do not keep others waiting."""

PATIENCE = 2.0
"""Seconds for one question to the DNS; so a name has time for its addresses where nobody answers about its services."""

LIFETIME = 8.0
"""Seconds for all questions about one name; less than the engine waits."""

log = logging.getLogger(__name__)


class _Task(NamedTuple):
    """One name for one sender: who asks for the same as another waits for his own turn, not for the other's. What was
    found for one of them is remembered where records are fetched."""

    whose: str
    where: Destination


class Resolver:
    """Answers the engine's questions: `ask` returns at once.

    fetch: gets records. answered: called with the number of a question and what was found, on a thread of this one. The
    threads are not there before the first question; they end with the program, or after `stop`.
    """

    def __init__(self, fetch: Fetch, answered: Callable[[int, Found], object]) -> None:
        self._fetch = fetch
        self._answered = answered
        self._changed = threading.Condition()
        self._asking: dict[_Task, list[int]] = {}  # the numbers of all that one sender wants to know of the same
        self._waiting: list[tuple[float, _Task]] = []
        self._shares: Counter[str] = Counter()  # threads at work, by sender
        self._workers = 0
        self._idle = 0
        self._stopped = False

    def ask(self, question: Question) -> None:
        """Have a name looked up. A sender who asks again for what is being looked up for him hears the same."""
        task = _Task(question.whose, question.where)
        with self._changed:
            asking = self._asking.get(task)
            if asking is not None:
                asking.append(question.id)
                return
            self._asking[task] = [question.id]
            self._waiting.append((time.monotonic(), task))
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
        while (task := self._next()) is not None:
            try:
                found = self._look(task.where)
            except Exception:  # a bug, ours or the library's, is one name's and no thread's
                log.exception("bug while looking up %s", task.where.host)
                found = Found(silent=True)
            with self._changed:
                self._shares[task.whose] -= 1
                self._shares = +self._shares  # without those who have none
                numbers = self._asking.pop(task)
                if self._stopped:
                    return
            for number in numbers:
                self._answered(number, found)

    def _next(self) -> _Task | None:
        """What is to be looked up now; waits for it. None after the end."""
        with self._changed:
            while not self._stopped:
                task = self._newest()
                if task is not None:
                    self._shares[task.whose] += 1
                    return task
                self._idle += 1
                self._changed.wait()
                self._idle -= 1
        return None

    def _newest(self) -> _Task | None:
        """Take out what was asked for last of a sender who has not got his share: under a flood, that is what somebody
        still waits for."""
        given_up = time.monotonic() - LOOKUP
        while self._waiting and self._waiting[0][0] <= given_up:
            del self._asking[self._waiting.pop(0)[1]]
        for at in range(len(self._waiting) - 1, -1, -1):
            if self._shares[self._waiting[at][1].whose] < SHARE:
                return self._waiting.pop(at)[1]
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
