"""One connection of a stream transport: what was read of the next message, what waits to be written, and its patience.

It never blocks, and has no thread: `stream.py` calls it when its socket is ready.
"""

from __future__ import annotations

import os
import selectors
import socket
from collections import deque

from sipfullproxy.engine.flow import Flow
from sipfullproxy.sip.framing import Broken
from sipfullproxy.transport.wire import Wire

# Bytes that are read at once: the largest head, and so some milliseconds of work before the next phone's turn.
CHUNK = 65_536

# Bytes that may wait for a peer that does not read: three of the largest messages. Whoever lets more gather is gone.
QUEUE_LIMIT = 1 << 20

# Seconds for a connection to come about. On a LAN it takes a millisecond; in the fifth second nobody is there, and
# there is time left to try another way before the caller gives up (Timer B: 32 s).
CONNECT_LIMIT = 5.0

# Seconds from a message's first byte to its last, and from the start of a connection to its first message: Timer B.
# Whoever takes longer wants to hold a place, not to say something.
MESSAGE_LIMIT = 32.0

# Seconds in which a peer for whom something waits takes no byte of it.
STALL_LIMIT = 32.0

# Seconds without a word from a peer: a phone that registers once an hour, which is usual, is heard in time.
IDLE_LIMIT = 4_000.0

# Seconds that a peer has to read our last words. To close at once would make the system throw them away when some of
# what the peer has sent was not read yet.
FAREWELL = 2.0

# Seconds of silence after which the system asks the peer whether it is still there, and between further questions;
# after so many in vain the connection is lost. A phone that was switched off is noticed in three minutes.
PROBE_AFTER, PROBE_INTERVAL, PROBES = 90, 20, 4

# Seconds between two questions of ours to a peer whose wire has words for them; by the next one it must have answered.
# Short of the minute after which home routers, and proxies for the web, forget a connection without a word.
PING_INTERVAL = 30.0


class OverError(Exception):
    """The connection is over; the text says why, for the log."""


class Connection:
    """A connection, from `connect` or `accept` to its end.

    line: its socket. flow: its name to the engine. now: monotonic seconds. wire: how messages stand in its bytes.
    connected: False while it comes about. over: whether it is closed. Each method may raise OverError; then it is to be
    closed.
    """

    __slots__ = (
        "_asked", "_begun", "_heard", "_leaving", "_line", "_moved", "_queue", "_queued", "_wire", "connected", "flow",
        "name", "over",
    )  # fmt: skip

    def __init__(
        self, line: socket.socket, flow: Flow, now: float, wire: Wire, *, connected: bool, name: str = ""
    ) -> None:
        line.setblocking(False)
        _watch(line)
        self.flow = flow
        self.name = name
        self.connected = connected
        self.over = False
        self._line = line
        self._wire = wire
        self._queue: deque[memoryview] = deque()
        self._queued = 0
        self._heard = now
        self._asked = now
        self._moved = now  # when the peer last took something of the queue, or the queue began
        self._begun: float | None = now  # since when a message is awaited; None between two of them
        self._leaving: float | None = None

    @property
    def ways(self) -> tuple[Flow, Flow]:
        """The flows that lead over it: its own; and any connection to that address, opened for that name."""
        return self.flow, self.flow._replace(serial=0, name=self.name)

    @property
    def line(self) -> socket.socket:
        """The socket, for the selector."""
        return self._line

    @property
    def wanted(self) -> int:
        """What to wait for: the events of `selectors`."""
        if not self.connected:
            return selectors.EVENT_WRITE
        return selectors.EVENT_READ | selectors.EVENT_WRITE if self._queue else selectors.EVENT_READ

    @property
    def broken(self) -> Broken | None:
        """Why nothing more can be read; see `Wire`."""
        return self._wire.broken

    def read(self, now: float) -> list[bytes]:
        """The messages that are whole now. What the wire has to say to what has come is sent."""
        data = self._take()
        if data is None:
            return []
        if not data:
            raise OverError("closed by the peer")
        if self._leaving is not None:
            return []
        found = self._wire.feed(data)
        self._put(self._wire.owed(), now)
        self._heard = now
        if not self._wire.half:
            self._begun = None
        elif found or self._begun is None:
            self._begun = now
        return found

    def write(self, data: bytes, now: float) -> None:
        """Send a message, at once or when the peer takes it."""
        if self._leaving is None:
            self._put(self._wire.wrap(data), now)

    def nudge(self, now: float) -> None:
        """Ask the peer now and then whether it is there, where the wire has words for that."""
        if self.connected and self._leaving is None and now - self._asked >= PING_INTERVAL:
            if self._wire.unheard:
                raise OverError("the peer answers no ping")
            self._asked = now
            self._wire.ping()
            self._put(self._wire.owed(), now)

    def _put(self, data: bytes, now: float) -> None:
        if not data:
            return
        if self._queued + len(data) > QUEUE_LIMIT:
            raise OverError("the peer does not read what it is sent")
        if not self._queue:
            self._moved = now
        self._queue.append(memoryview(data))
        self._queued += len(data)
        if self.connected and len(self._queue) == 1:
            self.flush(now)

    def flush(self, now: float) -> None:
        """Send as much of the queue as the peer takes; finish connecting where that is still to be done."""
        if not self.connected:
            self._arrive(now)
            if not self.connected:
                return
        queue = self._queue
        while queue:
            sent = self._give(queue[0])
            if not sent:
                return
            self._queued -= sent
            self._moved = now
            if sent < len(queue[0]):
                queue[0] = queue[0][sent:]
            else:
                queue.popleft()
        if self._leaving is not None:
            self._hang_up()

    def leave(self, now: float) -> None:
        """Say no more than what is queued, listen to nothing, and be overdue soon."""
        self._leaving = now + FAREWELL
        if not self._queue:
            self._hang_up()

    def overdue(self, now: float) -> str:
        """Why this connection is to be closed now, or ""."""
        if self._leaving is not None:
            return "its last words are said" if now >= self._leaving else ""
        if not self.connected:
            return "nobody answers" if now - self._heard >= CONNECT_LIMIT else ""
        if self._queue and now - self._moved >= STALL_LIMIT:
            return "the peer takes nothing"
        if self._begun is not None and now - self._begun >= MESSAGE_LIMIT:
            return "half a message, or none"
        return "silence" if now - self._heard >= IDLE_LIMIT else ""

    def close(self) -> None:
        """The end, whatever waits."""
        self.over = True
        self._queue.clear()
        self._line.close()

    def _arrive(self, now: float) -> None:
        """Go on with what must be done before anything can be sent."""
        self._check()
        self._connect(now)

    def _check(self) -> None:
        """Whether the system has connected, or has given up."""
        error = self._line.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise OverError(os.strerror(error))

    def _connect(self, now: float) -> None:
        self.connected = True
        self._heard = self._moved = now
        self._begun = None  # we have something to say, the peer need not

    def _take(self) -> bytes | None:
        """Some bytes; b"" at the end of the stream, None where nothing is there."""
        try:
            return self._line.recv(CHUNK)
        except (BlockingIOError, InterruptedError):
            return None
        except OSError as error:
            raise OverError(str(error)) from error

    def _give(self, data: memoryview) -> int:
        """How many bytes of it the system has taken."""
        try:
            return self._line.send(data)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError as error:
            raise OverError(str(error)) from error

    def _hang_up(self) -> None:
        try:
            self._line.shutdown(socket.SHUT_WR)
        except OSError as error:
            raise OverError(str(error)) from error


def _watch(line: socket.socket) -> None:
    """Have the system look whether the peer lives, and send without waiting for more (SIP messages are whole)."""
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    settings = {
        "TCP_KEEPIDLE": PROBE_AFTER,
        "TCP_KEEPALIVE": PROBE_AFTER,  # what macOS calls it
        "TCP_KEEPINTVL": PROBE_INTERVAL,
        "TCP_KEEPCNT": PROBES,
        "TCP_USER_TIMEOUT": int(STALL_LIMIT * 1000),  # for who is gone while something is under way to him
    }
    for name, value in settings.items():
        option = getattr(socket, name, None)
        if option is not None:
            line.setsockopt(socket.IPPROTO_TCP, option, value)
