"""What every door wants from behind it."""

from __future__ import annotations

from typing import Protocol

from sipfullproxy.engine.flow import Flow, Send
from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.message import Request

# How often the timers are looked at while one is soon due, in seconds: a tenth of T1, the smallest duration of SIP.
POLL_INTERVAL = 0.05

# The same while none is due in that time. Another thread may start one meanwhile, but none shorter than T1; so whoever
# looks twice in T1 still comes in time. (Not so for what an experiment delays of a stream: it may come later by this.)
REST = 0.25


class Core(Protocol):
    """The engine's verbs, safe to call from any door's thread, never raising; see `Engine`."""

    def receive(self, data: bytes, flow: Flow, now: float, spare: bool = False) -> list[Send]: ...
    def refuse(self, request: Request, error: SipError, flow: Flow, now: float) -> list[Send]: ...
    def tick(self, now: float) -> list[Send]: ...
    def next_timer(self) -> float | None: ...
    def lost(self, flow: Flow, now: float) -> list[Send]: ...
