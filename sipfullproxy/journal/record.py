"""A message as it passed the proxy: what the tape keeps; ladder, capture and explanations are made of it."""

from __future__ import annotations

from typing import NamedTuple

from sipfullproxy.engine.flow import Flow


class Record(NamedTuple):
    """One message, in or out.

    number: its place among all messages; it goes on from one run of the proxy to the next. time: wall-clock seconds
    since the epoch. inward: whether it came from a phone; else the proxy sent it. flow: the way that it came or went.
    data: all of it.
    cause: of what the proxy sent: the number of the message that made it go out, or the letter of the timer that did
    ("A", "G" …, "expires", "lost"); 0 for what came in. edits: see `engine.flow.Send`.
    """

    number: int
    time: float
    inward: bool
    flow: Flow
    data: bytes
    cause: int | str = 0
    edits: tuple[str, ...] = ()
