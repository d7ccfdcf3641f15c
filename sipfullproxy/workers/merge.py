"""The events of all workers in one row, as one process would have told them: by their time, with numbers in a row."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Sequence
from itertools import count
from threading import Lock
from typing import Final

from sipfullproxy.engine.events import Event

DELAY: Final = 0.2
"""Seconds that an event waits for earlier ones of other workers, which gather in their mailboxes (0.05 s), cross a pipe
and have to wait for a processor. What comes later still is told late."""


class Merge:
    """tell: where all events go in the end. Any thread may put something in."""

    def __init__(self, tell: Callable[[Event], object]) -> None:
        self._tell = tell
        self._numbers = count(1)
        self._tickets = count()
        self._waiting: list[tuple[float, int, float, Event]] = []
        self._order = Lock()

    def put(self, events: Sequence[Event]) -> None:
        """Take in what happened at one of the workers. Nobody may have seen them yet: they are numbered anew."""
        now = time.monotonic()
        with self._order:
            for event in events:
                heapq.heappush(self._waiting, (event.time, next(self._tickets), now, event))

    def flush(self, delay: float = DELAY) -> None:
        """Tell what has waited for so many seconds. To be called a few times a second, and with 0 at the end."""
        waiting = self._waiting
        if not waiting:
            return
        due = time.monotonic() - delay
        with self._order:
            while waiting and waiting[0][2] <= due:
                event = heapq.heappop(waiting)[3]
                # Nobody knows it yet, so it may still change: a copy would cost more than all the rest of its way.
                object.__setattr__(event, "serial", next(self._numbers))
                self._tell(event)
