"""A bounded queue with a thread behind it: how things leave the thread that serves calls without holding it up."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

QUEUE_LIMIT: Final = 10_000
"""Events that may wait: some seconds of the proxy's full load, and a few megabytes at most."""

GATHER: Final = 0.05
"""Seconds for which items gather before they are delivered. To wake this thread for each one would make it and the
engine's fight for the interpreter's lock at every call of the system: measured, 120 µs a call instead of 20. Whoever
puts in the first one after a pause wakes it, and nobody else: even one wake-up a bunch was 3 % of his time.
"""

STOP_WAIT: Final = 5.0
"""Seconds that `stop` gives the reader to see what is queued: long for a disk, short for who pressed Ctrl+C."""

T = TypeVar("T")

log = logging.getLogger(__name__)


class Mailbox(Generic[T]):
    """Hands items to `read` on a thread of its own, in order, in bunches of at least one, within some GATHER.

    Who puts something in never waits: when more than `limit` items are queued, the oldest is thrown away and counted
    in `lost`. What `read` raises is logged and has no other effect. name: of the thread.
    """

    def __init__(self, read: Callable[[Sequence[T]], object], name: str, limit: int = QUEUE_LIMIT) -> None:
        self.lost = 0
        self._read = read
        self._name = name
        self._limit = limit
        self._queue: deque[T] = deque(maxlen=limit)
        self._changed = threading.Condition()
        self._asleep = False
        self._thread: threading.Thread | None = None

    def put(self, item: T) -> None:
        """Queue an item."""
        # Without a lock, which would cost more than all the rest: a deque has one of its own.
        self.lost += len(self._queue) == self._limit
        self._queue.append(item)
        if self._asleep:
            with self._changed:
                self._changed.notify_all()

    def start(self) -> None:
        """Start delivering, with what has been queued so far; does nothing when started already."""
        if self._thread is not None:
            return
        # A daemon: a reader that never returns must not keep the program alive.
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    def stop(self, wait: float = STOP_WAIT) -> int:
        """Deliver what is queued, then end the thread; give up after `wait` seconds. The reader may call this itself.

        Returns how many items were left undelivered.
        """
        with self._changed:
            thread, self._thread = self._thread, None
            self._changed.notify_all()
        if thread in (None, threading.current_thread()):
            return 0
        thread.join(wait)
        return len(self._queue) if thread.is_alive() else 0

    def _run(self) -> None:
        """The thread: gather and deliver, until told to stop and nothing is left."""
        while bunch := self._gathered():
            try:
                self._read(bunch)
            except Exception:
                log.exception("the thread %s failed on %d items", self._name, len(bunch))

    def _gathered(self) -> list[T]:
        """All that came in a little while; after a pause, a little after the first of it came; nothing at the end."""
        with self._changed:
            self._changed.wait_for(self._stopping, GATHER)
            if not self._queue:
                self._asleep = True  # before the next look at the queue: whoever puts something in afterwards sees it
                self._changed.wait_for(lambda: self._queue or self._stopping())
                self._asleep = self._stopping()  # there may be another thread by now, and that one is asleep
                self._changed.wait_for(self._stopping, GATHER)
            return [self._queue.popleft() for _ in range(len(self._queue))]

    def _stopping(self) -> bool:
        # No flag: whoever stops and starts again from within `read` would clear it before this thread has seen it.
        return self._thread is not threading.current_thread()
