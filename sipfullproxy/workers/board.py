"""Memory that all workers share: how many parcels each has brought to each.

A look at it costs less than any question to the kernel, and before each message somebody looks.
"""

from __future__ import annotations

import mmap
import os
import struct
from io import FileIO

_COUNT = struct.Struct("Q")


class Board:
    """As one worker sees it.

    file: the number of that from `blank`. workers: how many there are. me: the number of this one.

    Each count is written by one worker alone, and by one thread at a time. Raises OSError.
    """

    def __init__(self, file: int, workers: int, me: int) -> None:
        self._memory = mmap.mmap(file, workers * workers * _COUNT.size)
        self._me = me
        self._row = workers * _COUNT.size
        self._mine = slice(me * self._row, (me + 1) * self._row)

    @property
    def brought(self) -> bytes:
        """What all others have brought to this one: another value after each parcel."""
        return self._memory[self._mine]

    def add(self, to: int) -> None:
        """Count a parcel that was brought to a worker; afterwards, so that whoever sees the count finds it."""
        place = to * self._row + self._me * _COUNT.size
        (count,) = _COUNT.unpack_from(self._memory, place)
        _COUNT.pack_into(self._memory, place, count + 1)


def blank(workers: int) -> FileIO:
    """A new one, as a file without a name that other processes can inherit (Linux). Raises OSError."""
    file = FileIO(os.memfd_create("workers"), "r+")
    file.truncate(workers * workers * _COUNT.size)
    return file
