"""Where messages come from and go to, and what goes out: the nouns of the engine's border."""

from __future__ import annotations

from typing import NamedTuple

from sipfullproxy.sip.host import endpoint

Local = tuple[str, tuple[str, int]]
"""A port of ours: transport, (numeric host, port)."""

SAFE_DATAGRAM = 1_300
"""Bytes of a request beyond which a datagram may be cut into fragments on the way (RFC 3261 §18.1.1)."""

LARGEST_DATAGRAM = 65_507
"""Bytes that fit into one datagram over IPv4."""

WEBSOCKETS = frozenset(("ws", "wss"))
"""Transports over which nobody can be connected to: a browser listens nowhere, so it is reached over the WebSocket that
it has opened, or not at all (RFC 7118 §5)."""


class Flow(NamedTuple):
    """One way to one peer (RFC 5626 §3.2): a pair of addresses on UDP, a connection on the stream transports.

    transport: "udp", "tcp", "tls", "ws" or "wss". local, remote: (numeric host, port). The link of a link-local host
    (RFC 4007) is not in it: it is the one that the port of ours is on, and only the shell must know it.
    serial: number of the connection, so that a new connection from the same address is another flow. 0 on UDP; and
    where any connection to that address will do, an open one or one that the shell opens (RFC 3261 §18.1.1).
    name: the domain that such a connection must have been opened for, "" where it was an address: whoever is there has
    to show a certificate for that (RFC 5922 §7.1). An open connection does not carry it any more.
    """

    transport: str
    local: tuple[str, int]
    remote: tuple[str, int]
    serial: int = 0
    name: str = ""

    @property
    def reliable(self) -> bool:
        """Whether the transport repeats by itself what was lost; then our timers that repeat are off (RFC 3261 §17)."""
        return self.transport != "udp"

    @property
    def secure(self) -> bool:
        """Whether nobody on the way can read along (RFC 3261 §26.2)."""
        return self.transport in ("tls", "wss")

    @property
    def door(self) -> Local:
        """The port of ours that it belongs to."""
        return self.transport, self.local

    @property
    def address(self) -> str:
        """The peer as `host:port`, for people."""
        return endpoint(*self.remote)


class Send(NamedTuple):
    """One message that the shell must put on the wire now.

    cause: serial number of the received message that made it go out, or the letter of the timer that did; "lost"
    where a way was, "dns" where the DNS had answered.
    edits: name of each change against the message that caused it ("via-push", "uri-to-binding" …), in order; empty
    for what the proxy wrote itself and for what is sent again. The words for a reader are made when somebody looks.
    """

    flow: Flow
    data: bytes
    cause: int | str
    edits: tuple[str, ...] = ()
