"""Whether a UDP port keeps up: how long its datagrams have waited in the kernel before we come to them, and whether all
found room there (Linux)."""

from __future__ import annotations

import logging
import socket
import struct
import sys
import time
from contextlib import suppress

# Seconds that a datagram may have waited; from then on what is new is refused. Whoever has asked is answered before he
# takes his message for lost and asks again (T1 is 0.5 s).
PATIENCE = 0.3

# Seconds between two lines of the log about that.
COMPLAIN = 60.0

# socket(7): with each datagram SO_TIMESTAMPNS has the time of day when it came, and SO_RXQ_OVFL how many before it have
# been thrown away for want of room, if any. Where nobody has raised net.core.rmem_max there is room for some 300: a
# tenth of a second, so that none ever waits for long. Python has no names for them.
_SO_TIMESTAMPNS, _SO_RXQ_OVFL = 35, 40
_TIMESPEC, _COUNT = struct.Struct("@ll"), struct.Struct("@I")
ROOM = 64
"""Bytes for what the kernel says of a datagram: these two."""

log = logging.getLogger(__name__)


class Backlog:
    """What waits at one socket. spare: whether what is new should be refused (see `Engine.receive`).

    Elsewhere than on Linux nobody says how long a datagram has waited, and `spare` stays False.
    """

    def __init__(self, line: socket.socket) -> None:
        self.spare = False
        self._complained = -COMPLAIN
        self._dropped = 0
        if sys.platform == "linux":
            for option in (_SO_TIMESTAMPNS, _SO_RXQ_OVFL):
                with suppress(OSError):
                    line.setsockopt(socket.SOL_SOCKET, option, 1)

    def look(self, notes: list[tuple[int, int, bytes]]) -> None:
        """A datagram was taken after many others. notes: what the kernel said of it, from `recvmsg`."""
        waited, dropped = 0.0, self._dropped
        for level, kind, said in notes:
            if (level, kind, len(said)) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS, _TIMESPEC.size):
                seconds, nanoseconds = _TIMESPEC.unpack(said)
                waited = time.time() - (seconds + nanoseconds / 1e9)
            elif (level, kind, len(said)) == (socket.SOL_SOCKET, _SO_RXQ_OVFL, _COUNT.size):
                (dropped,) = _COUNT.unpack(said)
        self.spare = waited > PATIENCE or dropped != self._dropped
        self._dropped = dropped
        if self.spare:
            self._complain(time.monotonic())

    def empty(self) -> None:
        """Nothing waits any more."""
        self.spare = False

    def _complain(self, now: float) -> None:
        if now - self._complained >= COMPLAIN:
            self._complained = now
            log.warning("more comes than can be served: what is new is refused (503) until less waits")
