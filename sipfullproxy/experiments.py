"""What a teacher lets go wrong, to show what breaks: a bad network here, and the switches of the engine.

The page and the journal say so loudly as long as anything is on (`journal.words.going_wrong`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from random import random
from threading import Lock

from sipfullproxy.engine.config import Switches
from sipfullproxy.engine.flow import Flow, Send
from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.message import Request
from sipfullproxy.transport.core import Core

LONGEST_DELAY = 10_000
"""Milliseconds; whoever waits for longer has long hung up."""

LATE_LIMIT = 2_000
"""Messages that may be late at once: 200 a second at the longest delay; at worst, of nothing but largest datagrams,
128 MB. What comes beyond is lost, as in any network whose queues are full."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiments:
    """All that may go wrong on purpose; as they are here, nothing does.

    drop: percent of messages, in and out, that are lost on the way (0 to 100; nothing is ever lost of a stream). delay:
    milliseconds that each received message comes late (0 to LONGEST_DELAY). stateless, record_route, fork: see
    `engine.config.Switches`.
    """

    drop: int = 0
    delay: int = 0
    stateless: bool = False
    record_route: bool = True
    fork: bool = True

    def turn(self, switches: Switches) -> None:
        """Turn the engine's switches as these are."""
        switches.stateless = self.stateless
        switches.record_route = self.record_route
        switches.fork = self.fork


class BadNetwork:
    """A core behind a network that loses messages and brings them late, but in their order.

    What is late waits here until `tick`, so that nothing needs a thread. `experiments` may be replaced at any time.
    random: gives numbers from 0 up to, but not with, 1.
    """

    def __init__(self, core: Core, experiments: Experiments, random: Callable[[], float] = random) -> None:
        self.experiments = experiments
        self._core = core
        self._random = random
        self._late: deque[tuple[float, bytes, Flow]] = deque()
        self._order = Lock()  # of what is late: several doors bring it

    def receive(self, data: bytes, flow: Flow, now: float, spare: bool = False) -> list[Send]:
        """See `Engine.receive`."""
        drop, delay, late = self.experiments.drop, self.experiments.delay, self._late
        if not (drop or delay or late):  # nearly always: nothing goes wrong
            return self._core.receive(data, flow, now, spare)
        if self._is_lost(flow):
            return []
        if not delay and not late:
            return self.arrived(self._core.receive(data, flow, now, spare))
        with self._order:
            if len(late) < LATE_LIMIT:
                due = now + delay / 1000
                late.append((max(due, late[-1][0]) if late else due, data, flow))
        return []

    def refuse(self, request: Request, error: SipError, flow: Flow, now: float) -> list[Send]:
        """See `Engine.refuse`."""
        return self.arrived(self._core.refuse(request, error, flow, now))

    def tick(self, now: float) -> list[Send]:
        """See `Engine.tick`."""
        sends: list[Send] = []
        while (arrived := self._arriving(now)) is not None:
            sends += self._core.receive(*arrived, now)
        sends += self._core.tick(now)
        return self.arrived(sends)

    def next_timer(self) -> float | None:
        """See `Engine.next_timer`."""
        at = self._core.next_timer()
        if not self._late:
            return at
        with self._order:
            late = self._late[0][0] if self._late else None
        return min((time for time in (at, late) if time is not None), default=None)

    def lost(self, flow: Flow, now: float) -> list[Send]:
        """See `Engine.lost`."""
        return self.arrived(self._core.lost(flow, now))

    def _arriving(self, now: float) -> tuple[bytes, Flow] | None:
        """The next of what was late and is due."""
        with self._order:
            return self._late.popleft()[1:] if self._late and self._late[0][0] <= now else None

    def arrived(self, sends: list[Send]) -> list[Send]:
        """What of it is not lost."""
        return [send for send in sends if not self._is_lost(send.flow)] if self.experiments.drop else sends

    def _is_lost(self, flow: Flow) -> bool:
        drop = self.experiments.drop
        return bool(drop) and not flow.reliable and self._random() * 100 < drop
