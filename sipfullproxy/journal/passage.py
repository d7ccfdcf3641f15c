"""What the guard notes down of each verb of the engine; recording starts here, and so far it costs next to nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sipfullproxy.engine.flow import Flow, Send


class Passage(NamedTuple):
    """One verb of the engine: the message that came in, if it was one, and what the proxy sent because of it.

    time: monotonic seconds, the verb's `now`. serial: the engine's number of the message that came in; what its `Send`s
    give as their cause. flow: the way that it came; data: all of it; both None where a timer fired, or a way was lost.
    """

    time: float
    serial: int
    flow: Flow | None
    data: bytes | None
    sends: Sequence[Send]
