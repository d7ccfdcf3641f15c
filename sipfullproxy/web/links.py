"""Links that work once: a phone finds its login there, which is as good as a password; and nobody finds it again."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from threading import Lock
from typing import Final, NamedTuple

LIFETIME: Final = 600.0
"""Seconds: so long it may take until the telephone is found, unlocked, and pointed at the code."""

MOST: Final = 100
"""Links at once; when there are more the oldest ends."""

SIZE: Final = 16
"""Random bytes of a link: nobody tries 128 bits."""

TOKEN: Final = r"[A-Za-z0-9_-]{22}"
"""How they are written."""


class Link(NamedTuple):
    """For whom it is, and how his phone shall come. until: monotonic seconds."""

    user: str
    transport: str
    until: float


class Links:
    """Those that nobody has followed yet. Any thread may ask. clock: tells monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._waiting: dict[str, Link] = {}

    def make(self, user: str, transport: str) -> str:
        """The token of a new link."""
        token = secrets.token_urlsafe(SIZE)
        with self._lock:
            self._waiting[token] = Link(user, transport, self._clock() + LIFETIME)
            if len(self._waiting) > MOST:
                del self._waiting[next(iter(self._waiting))]
        return token

    def follow(self, token: str) -> Link | None:
        """What it leads to; None where it is none, was followed before, or is too old."""
        with self._lock:
            link = self._waiting.pop(token, None)
        return link if link is not None and self._clock() < link.until else None
