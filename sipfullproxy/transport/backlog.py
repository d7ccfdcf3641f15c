"""Whether a UDP port keeps up: how long its datagrams have waited in the kernel before we come to them, and how much
room there is left for others (Linux)."""

from __future__ import annotations

import logging
import socket
import struct
import sys
import time
from contextlib import suppress

# Seconds that a datagram may have waited; when it is longer, what is new is refused. A phone repeats its 200 if it has
# no ACK in half a second (T1), its BYE if it has no 200: both ways wait here, so beyond a quarter of a second each call
# in progress doubles its messages, and what was too much becomes more.
PATIENCE = 0.1

# The share of the kernel's room that may be taken, for where that room is small: what finds none is repeated later.
FILLED = 0.5

# Seconds from when it was too much first until something is refused, if it was never CALM in between, this share of too
# much: the machine has its pauses, and who has time works off sooner what one leaves.
PERSISTENCE = 0.1
CALM = 0.2

# Seconds in which what a longer pause leaves must be worked off, by a straight line: PyPy stops for some tenths of a
# second when it collects garbage or compiles, and may be half idle otherwise. Where more comes than can be served it
# gets no less, so nothing is lost by this; who is not below the line has no such pause behind him.
RECOVERY = 1.0

# Seconds between two lines of the log about that.
COMPLAIN = 60.0

# socket(7): with each datagram SO_TIMESTAMPNS has the time of day when it came, and SO_RXQ_OVFL how many before it have
# been thrown away for want of room, if any. SO_MEMINFO says how much room is taken, of how much. Where nobody has
# raised net.core.rmem_max there is room for some hundred INVITEs, so that none ever waits for long. Python has no names
# for them.
_SO_TIMESTAMPNS, _SO_RXQ_OVFL, _SO_MEMINFO = 35, 40, 55
_TIMESPEC, _COUNT, _MEMINFO = struct.Struct("@ll"), struct.Struct("@I"), struct.Struct("@II")
ROOM = 64
"""Bytes for what the kernel says of a datagram: these two."""

log = logging.getLogger(__name__)


class Backlog:
    """What waits at one socket. spare: whether what is new should be refused (see `Engine.receive`).

    Elsewhere than on Linux nobody says how long a datagram has waited, and `spare` stays False.
    """

    def __init__(self, line: socket.socket) -> None:
        self.spare = False
        self._line = line
        self._begun: tuple[float, float] | None = None  # when it became too much, and how much; None: calm since
        self._complained = -COMPLAIN
        self._dropped = 0
        if sys.platform == "linux":
            for option in (_SO_TIMESTAMPNS, _SO_RXQ_OVFL):
                with suppress(OSError):
                    line.setsockopt(socket.SOL_SOCKET, option, 1)

    def look(self, notes: list[tuple[int, int, bytes]], now: float) -> None:
        """A datagram was taken after many others. notes: what the kernel said of it, from `recvmsg`. now: monotonic
        seconds."""
        waited, dropped = 0.0, self._dropped
        for level, kind, said in notes:
            if (level, kind, len(said)) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS, _TIMESPEC.size):
                seconds, nanoseconds = _TIMESPEC.unpack(said)
                waited = time.time() - (seconds + nanoseconds / 1e9)
            elif (level, kind, len(said)) == (socket.SOL_SOCKET, _SO_RXQ_OVFL, _COUNT.size):
                (dropped,) = _COUNT.unpack(said)
        self.spare = self._lasts(max(waited / PATIENCE, self._filled() / FILLED), now) or dropped != self._dropped
        self._dropped = dropped
        if self.spare:
            self._complain(now)

    def empty(self) -> None:
        """Nothing waits any more."""
        self.spare = False
        self._begun = None

    def _lasts(self, strain: float, now: float) -> bool:
        """Whether it is too much, has been for a while, and is not being worked off. strain: 1.0 is too much."""
        if strain <= CALM:
            self._begun = None
        elif strain > 1.0 and self._begun is None:
            self._begun = now, strain
        if strain <= 1.0 or self._begun is None:
            return False
        since, first = self._begun
        return now - since >= PERSISTENCE and strain >= first * (1.0 - (now - since) / RECOVERY)

    def _filled(self) -> float:
        """The share of the kernel's room that is taken; 0 where it does not say."""
        if sys.platform != "linux":
            return 0.0
        try:
            taken, room = _MEMINFO.unpack(self._line.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size))
        except OSError:
            return 0.0
        return float(taken / room)

    def _complain(self, now: float) -> None:
        if now - self._complained >= COMPLAIN:
            self._complained = now
            log.warning("more comes than can be served: what is new is refused (503) until less waits")
