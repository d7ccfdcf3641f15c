"""How messages stand in the bytes of a connection: one behind the other on a plain stream, in frames elsewhere."""

from __future__ import annotations

from typing import Protocol

from sipfullproxy.sip.framing import PING, PONG, Broken, Framer


class Wire(Protocol):
    """What reads and writes the bytes of one connection. It has no socket: it is handed what came, and asked for what
    is to go out."""

    @property
    def broken(self) -> Broken | None:
        """Why nothing more can be read; None as long as something may come."""

    @property
    def half(self) -> bool:
        """Whether something has begun whose end has not come."""

    @property
    def unheard(self) -> bool:
        """Whether nothing has come since `ping`, to which every peer has to say something."""

    def feed(self, data: bytes) -> list[bytes]:
        """Take in what has arrived. Returns the messages that are whole now, in order. Ask `owed` and `broken` then."""

    def owed(self) -> bytes:
        """What the wire itself has to say, and has not been asked for yet: answers to keepalives, for example."""

    def wrap(self, message: bytes) -> bytes:
        """A message as it goes out; b"" where none may any more."""

    def ping(self) -> None:
        """Ask the peer whether it is there, where the wire has words for that; `owed` has them."""


class StreamWire:
    """The wire of TCP and TLS (RFC 3261 §18.3), with the keepalives of RFC 5626 §4.4.1, which phones alone begin."""

    __slots__ = ("_framer", "_pings")

    unheard = False

    def __init__(self) -> None:
        self._framer = Framer()
        self._pings = 0

    @property
    def broken(self) -> Broken | None:
        """See `Framer`."""
        return self._framer.broken

    @property
    def half(self) -> bool:
        """See `Framer`."""
        return self._framer.half

    def feed(self, data: bytes) -> list[bytes]:
        """See `Wire.feed`."""
        found = self._framer.feed(data)
        pings = found.count(PING)
        if not pings:
            return found
        self._pings += pings
        return [item for item in found if item != PING]

    def owed(self) -> bytes:
        """See `Wire.owed`."""
        pongs, self._pings = PONG * self._pings, 0
        return pongs

    def wrap(self, message: bytes) -> bytes:
        """A message as it is."""
        return message

    def ping(self) -> None:
        """Nothing: on a plain stream a server does not ask (RFC 5626 §4.4), the system does."""
