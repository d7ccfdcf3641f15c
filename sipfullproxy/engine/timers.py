"""The timers of RFC 3261 §17 and RFC 6026, by their letters, and the clockwork that runs them.

SIP knows only a handful of durations, so there is one first-in-first-out queue for each: starting a timer is an append,
stopping one is forgetting its owner.
"""

from __future__ import annotations

from collections import deque
from typing import Protocol

T1 = 0.5
"""Estimate of the round-trip time, seconds (RFC 3261 §17.1.1.1)."""
T2 = 4.0
"""Longest pause between two retransmissions, seconds (§17.1.2.2)."""
T4 = 5.0
"""How long a message may live in the network, seconds (§17.1.2.2)."""

TIMER_B = TIMER_F = TIMER_H = TIMER_J = TIMER_L = TIMER_M = 64 * T1
TIMER_C = 185.0
"""How long a branch may ring, seconds: "MUST be larger than 3 minutes" (§16.6 item 11)."""
TIMER_D = 32.0
TIMER_I = TIMER_K = T4
CANCELLED = 64 * T1
"""How long a cancelled branch may owe its final response, seconds (§9.1). The RFC gives this one no letter."""

STILL_TRYING = 7 * T1
"""Seconds in which timer E comes to T2; then who sent a request other than INVITE is to hear 100 (RFC 4320 §4.1)."""

SILENT = TIMER_F - T2
"""Seconds after which a phone that has not answered such a request is off, where another of the same fork has answered.
Its sender's own timer F began before ours, so by ours the answer would come too late (RFC 4321 §1.5)."""

LOOKUP = 20 * T1
"""Seconds that a request waits for the DNS. Its sender, who has heard a 100 if it is a call, asks for 32."""

NEXT_SERVER = 16 * T1
"""Seconds after which a server that has not said a word is given up for the next one of its name: it had the request
five times. RFC 3263 §4.3 would wait for timer B or F; but by then, the sender's own has run out."""

DURATION = {
    "A": T1, "B": TIMER_B, "C": TIMER_C, "D": TIMER_D, "E": T1, "F": TIMER_F, "G": T1, "H": TIMER_H, "I": TIMER_I,
    "J": TIMER_J, "K": TIMER_K, "L": TIMER_L, "M": TIMER_M, "9.1": CANCELLED,
}  # fmt: skip
"""First duration of each timer, seconds. A, E and G grow when they fire (see transaction.py)."""


SWEEP = 1_000
"""Timers in a queue, running and stopped, from which on it is looked through for the stopped ones."""


class Owner(Protocol):
    """Whoever starts a timer."""

    def fired(self, letter: str, now: float) -> None:
        """The timer of that letter ran out at `now` (monotonic seconds)."""


class Timer:
    """A running timer. `owner` is None once it was stopped."""

    __slots__ = ("at", "letter", "owner")

    def __init__(self, at: float, letter: str, owner: Owner) -> None:
        self.at = at
        self.letter = letter
        self.owner: Owner | None = owner

    def stop(self) -> None:
        """Make it never fire."""
        self.owner = None


class _Queue(deque[Timer]):
    """The timers of one duration, the earliest first. limit: so long before it is swept again."""

    __slots__ = ("limit",)

    def __init__(self) -> None:
        super().__init__()
        self.limit = SWEEP

    def sweep(self) -> None:
        """Throw out what was stopped: of those that wait for an answer nearly all, and they would lie there for three
        minutes. Done again when the queue is twice as long, so that it costs each timer next to nothing."""
        running = [timer for timer in self if timer.owner is not None]
        self.clear()
        self.extend(running)
        self.limit = max(SWEEP, 2 * len(self))


class Timers:
    """All running timers of one engine."""

    __slots__ = ("_first", "_queues")

    def __init__(self) -> None:
        self._queues: dict[float, _Queue] = {}
        self._first: Timer | None = None  # the earliest, while it runs; asked for far more often than it changes

    def start(self, letter: str, seconds: float, owner: Owner, now: float) -> Timer:
        """Start a timer that tells its owner in so many seconds. `now` must never go backwards."""
        timer = Timer(now + seconds, letter, owner)
        queue = self._queues.get(seconds)
        if queue is None:
            queue = self._queues[seconds] = _Queue()
        queue.append(timer)
        first = self._first
        if first is not None and timer.at < first.at:
            self._first = timer
        if len(queue) >= queue.limit:
            queue.sweep()
        return timer

    def next(self) -> float | None:
        """When the next timer is due (monotonic seconds), or None when none runs."""
        first = self._first
        if first is None or first.owner is None:
            self._first = first = self._earliest()
        return None if first is None else first.at

    def _earliest(self) -> Timer | None:
        earliest = None
        for queue in self._queues.values():
            while queue and queue[0].owner is None:
                queue.popleft()
            if queue and (earliest is None or queue[0].at < earliest.at):
                earliest = queue[0]
        return earliest

    def due(self, now: float) -> list[Timer]:
        """Take out all timers that are due, in the order of their times."""
        found = []
        self._first = None
        for queue in self._queues.values():
            while queue and (queue[0].owner is None or queue[0].at <= now):
                timer = queue.popleft()
                if timer.owner is not None:
                    found.append(timer)
        found.sort(key=lambda timer: timer.at)
        return found

    def __len__(self) -> int:
        return sum(1 for queue in self._queues.values() for timer in queue if timer.owner is not None)
