"""The events of all workers in one row, as one process would have told them: by their time, with numbers in a row."""

from __future__ import annotations

import dataclasses
import heapq
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import count
from threading import Lock
from typing import Any, Final

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
        self._waiting: list[tuple[float, int, float, Callable[..., Event]]] = []
        self._order = Lock()

    def own(self, events: Sequence[Event]) -> None:
        """Take in what happened at the first worker."""
        for event in events:
            self._put(event.time, partial(dataclasses.replace, event))

    def other(self, event: Callable[..., Event], at: float, fields: Mapping[str, Any]) -> None:
        """Take in what happened at another one. at: wall-clock seconds."""
        self._put(at, partial(event, time=at, **fields))

    def flush(self, delay: float = DELAY) -> None:
        """Tell what has waited for so many seconds. To be called a few times a second, and with 0 at the end."""
        if self._waiting:
            due = time.monotonic() - delay
            with self._order:
                while self._waiting and self._waiting[0][2] <= due:
                    self._tell(heapq.heappop(self._waiting)[3](serial=next(self._numbers)))

    def _put(self, at: float, make: Callable[..., Event]) -> None:
        with self._order:
            heapq.heappush(self._waiting, (at, next(self._tickets), time.monotonic(), make))
