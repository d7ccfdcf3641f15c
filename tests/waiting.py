"""Waiting for something that another process does: no test sleeps for a fixed time, it asks again and again."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")

# How often a waiting test looks again, in seconds: short for a human, and cheap next to one RTP packet each 20 ms.
GLANCE = 0.02

# How long it waits, in seconds: hardly ever more than a tenth of a second, but a machine may have much else to do.
WITHIN = 30.0


class GaveUp(AssertionError):
    """What the test waited for did not come in time. The message says what it was."""


def eventually(look: Callable[[], Answer | None], what: str | Callable[[], str], within: float | None = None) -> Answer:
    """The first truthy answer of `look`, asked until `within` seconds are over; else GaveUp, naming `what` we missed.

    `what` may be a function, for words that are worth making only when the wait was in vain. Without `within`: WITHIN.
    """
    within = WITHIN if within is None else within
    deadline = time.monotonic() + within
    while True:
        answer = look()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise GaveUp(f"waited {within:g} s in vain for {what if isinstance(what, str) else what()}")
        time.sleep(GLANCE)
