"""Unpredictable bytes in small portions, four or five of which every call asks for (RFC 3261 §8.1.1.7, §19.3)."""

from __future__ import annotations

from collections.abc import Callable

POOL = 4096
"""Bytes that are asked for at once: the system takes as long for eight of them, and this is for a hundred calls."""


class Pool:
    """The same bytes as its source gives, of which it asks for many at once. Each is given out once.

    Not to be shared by processes: whoever forks makes another one in each, or both give out the same.
    """

    __slots__ = ("_at", "_source", "_store")

    def __init__(self, source: Callable[[int], bytes]) -> None:
        """source: gives n unpredictable bytes. It is asked for none before the first are wanted."""
        self._source = source
        self._store = b""
        self._at = POOL

    def __call__(self, size: int) -> bytes:
        """So many unpredictable bytes."""
        at = self._at
        if at + size > POOL:
            if size > POOL:
                return self._source(size)
            self._store, at = self._source(POOL), 0
        self._at = at + size
        return self._store[at : at + size]
