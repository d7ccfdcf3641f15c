"""The ways between the workers: each has an inbox, a datagram socket that all the others write to and it alone reads.

Nobody waits for a neighbour. What does not fit into his inbox waits on the sender's side, in order.
"""

from __future__ import annotations

import errno
import select
import socket
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from threading import Lock
from typing import Final, Protocol

from sipfullproxy.engine.flow import Flow
from sipfullproxy.engine.replica import Change
from sipfullproxy.workers.board import Board
from sipfullproxy.workers.parcel import CHANGES, Changes, Message, Parcel, decode, encode

ROOM: Final = 4 << 20
"""Bytes that an inbox may hold; Linux cuts what is too much."""

LARGEST: Final = ROOM
"""Bytes of a parcel: it must fit into an inbox anyway."""

WAITING: Final = 5_000
"""Parcels that wait for a neighbour, beyond which messages for him are lost, as in any queue that is full: SIP repeats
them. What is told once, such as a registration, still waits. A neighbour who reads nothing at all is replaced."""

AT_ONCE: Final = 256
"""Parcels that are read before the ports get their turn."""


class Sharing(Protocol):
    """How those who serve the same users have the same bindings. The pipes between workers are one way; a server that
    several machines share (Redis: a hash of bindings, and a channel of changes) would be another."""

    def publish(self, changes: Sequence[Change]) -> None:
        """Tell all others, before this returns or soon after, in order."""

    def read(self) -> Iterator[Parcel]:
        """What the others have told since the last time, in the order in which each of them did."""


class Way:
    """The way to a neighbour. brought: called after each parcel. lost: how many messages did not fit in any more."""

    def __init__(self, line: socket.socket, brought: Callable[[], object]) -> None:
        line.setblocking(False)
        self.lost = 0
        self._line = line
        self._brought = brought
        self._waiting: deque[bytes] = deque()
        self._order = Lock()

    def send(self, data: bytes, *, droppable: bool = False) -> None:
        """Send, now or when there is room; never waits. droppable: whether it may be lost. Any thread may call it."""
        with self._order:
            self._flush()
            if self._waiting or not self._sent(data):
                if droppable and len(self._waiting) >= WAITING:
                    self.lost += 1
                else:
                    self._waiting.append(data)

    def flush(self) -> None:
        """Send what waits, as far as there is room."""
        if self._waiting:
            with self._order:
                self._flush()

    def _flush(self) -> None:
        while self._waiting and self._sent(self._waiting[0]):
            self._waiting.popleft()

    def _sent(self, data: bytes) -> bool:
        """Whether nothing more is to be done for it. To who is gone for ever it counts as sent; and what is larger than
        an inbox on this machine is lost, alone, for it would hold up all that comes behind it."""
        try:
            self._line.send(data)
            self._brought()
        except BlockingIOError:
            return False
        except ConnectionError:
            pass
        except OSError as error:
            if error.errno != errno.EMSGSIZE:
                raise
            self.lost += 1
        return True


class Neighbours:
    """The other workers, as one of them sees them; see `Sharing`.

    me: the number of this one. count: how many there are with it. board: the number of its file. inbox: its own.
    ways: to the others, by number. Raises OSError.
    """

    def __init__(self, me: int, board: int, inbox: socket.socket, ways: Mapping[int, socket.socket]) -> None:
        inbox.setblocking(False)
        self.me = me
        self.count = len(ways) + 1
        self._inbox = inbox
        self._poll = select.poll()
        self._poll.register(inbox, select.POLLIN)
        self._board = Board(board, self.count, me)
        self._ways = {number: Way(line, partial(self._board.add, number)) for number, line in sorted(ways.items())}

    def fileno(self) -> int:
        """Of the inbox, for a selector."""
        return self._inbox.fileno()

    @property
    def brought(self) -> bytes:
        """See `Board.brought`."""
        return self._board.brought

    @property
    def lost(self) -> int:
        """How many messages were not handed over, because their owners do not read."""
        return sum(way.lost for way in self._ways.values())

    def hand_over(self, owner: int, flow: Flow, data: bytes) -> None:
        """Bring a message to its owner."""
        self._ways[owner].send(encode(Message(flow, data)), droppable=True)

    def send(self, to: int, parcel: Parcel) -> None:
        """Bring a parcel to one of them, sooner or later."""
        self._ways[to].send(encode(parcel))

    def tell_all(self, parcel: Parcel) -> None:
        """Bring a parcel to each of them, the first worker first."""
        data = encode(parcel)
        for way in self._ways.values():
            way.send(data)

    def publish(self, changes: Sequence[Change]) -> None:
        """See `Sharing`."""
        for bunch in bunches(changes):
            self.tell_all(bunch)

    def read(self) -> Iterator[Parcel]:
        """See `Sharing`. A bounded number of them."""
        if not self._poll.poll(0):  # the usual case; an exception from `recv` would cost five times as much
            return
        receive = self._inbox.recv
        for _ in range(AT_ONCE):
            try:
                data = receive(LARGEST)
            except BlockingIOError:
                return
            yield decode(data)

    def flush(self) -> None:
        """Send what waits for room; to be called now and then."""
        for way in self._ways.values():
            way.flush()


def inbox() -> tuple[socket.socket, socket.socket]:
    """A new inbox: the end that is read, and the one that is written to."""
    # Of a pair of sockets that know each other Linux limits the bytes alone. Of one with a name, to which many write,
    # it would limit the number of datagrams, too: to ten (net.unix.max_dgram_qlen).
    read, written = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with suppress(OSError):
        written.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, ROOM)
    return read, written


def bunches(changes: Sequence[Change]) -> Iterator[Changes]:
    """The same changes in parcels that are not too large."""
    for at in range(0, len(changes), CHANGES):
        yield Changes(changes[at : at + CHANGES])
