"""What has been read once need not be read again: a phone says the same From, CSeq or Max-Forwards over and over."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

ENTRIES = 4096
"""Texts that one memo holds; then it forgets them all at once, which costs less than to know the oldest. A call has
some five that are its own, and lives through its six messages in that time."""

LONGEST = 512
"""Bytes of a text that is kept: real header lines have less. Strangers cannot fill more than 2 MB of each memo with
texts; where what was read is a URI of as many parameters as fit, 27 MB with those."""

T = TypeVar("T")


class Memo(dict[bytes, T]):
    """`memo[text]` is what `read(text)` returns, as read before where it is known; `read` must be pure.

    Looking up what is known is one step of the interpreter; its `__getitem__` is a function that reads as `read` does,
    without a frame of its own. What `read` raises is raised, and not kept.
    """

    __slots__ = ("_entries", "_read")

    def __init__(self, read: Callable[[bytes], T], entries: int = ENTRIES) -> None:
        """entries: how many texts it holds at most."""
        super().__init__()
        self._read = read
        self._entries = entries

    def __missing__(self, text: bytes) -> T:
        """Read it, and keep that."""
        found = self._read(text)
        if len(text) <= LONGEST:
            if len(self) >= self._entries:
                self.clear()
            self[text] = found
        return found
