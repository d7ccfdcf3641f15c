"""What has been read once need not be read again: a phone says the same From, CSeq or Max-Forwards over and over."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

ENTRIES = 4096
"""Texts that one memo holds; then it forgets them all at once, which costs less than to know the oldest. A call has
some five that are its own, and lives through its six messages in that time."""

LONGEST = 512
"""Bytes of a text that is kept among many: real header lines have less. Strangers cannot fill more than 2 MB of each
memo with texts; where what was read is a URI of as many parameters as fit, 27 MB with those."""

LONG = 2_048
"""Bytes of a text that is kept among a few: the Contact of an iPhone has a good thousand, and each call to it needs it
four times. What is as long and hard to read took seventeen times as long as a usual call to ten phones …"""

LONG_ENTRIES = 256
"""… and so many are kept. The worst that strangers can write fill 3 MB of each memo."""

T = TypeVar("T")


class Memo(dict[bytes, T]):
    """`memo[text]` is what `read(text)` returns, as read before where it is known; `read` must be pure.

    Looking up what is known is one step of the interpreter; its `__getitem__` is a function that reads as `read` does,
    without a frame of its own. What `read` raises is raised, and not kept.
    """

    __slots__ = ("_entries", "_long", "_read")

    def __init__(self, read: Callable[[bytes], T], entries: int = ENTRIES) -> None:
        """entries: how many texts it holds at most."""
        super().__init__()
        self._read = read
        self._entries = entries
        self._long: dict[bytes, T] = {}

    def __missing__(self, text: bytes) -> T:
        """Read it, and keep that."""
        if len(text) > LONGEST:
            return self._of_a_long_one(text)
        found = self._read(text)
        if len(self) >= self._entries:
            self.clear()
        self[text] = found
        return found

    def _of_a_long_one(self, text: bytes) -> T:
        long = self._long
        if text in long:
            return long[text]
        found = self._read(text)
        if len(text) <= LONG:
            if len(long) >= LONG_ENTRIES:
                long.clear()
            long[text] = found
        return found
