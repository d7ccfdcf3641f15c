"""The front door on UDP (RFC 3261 §18): takes datagrams to the engine, and puts on the wire what it answers."""

from __future__ import annotations

import errno
import logging
import socket
import socketserver
import struct
import sys
import time
from contextlib import suppress
from typing import Any

from sipfullproxy.engine.flow import Flow, Send
from sipfullproxy.sip import stun
from sipfullproxy.transport.backlog import ROOM, Backlog
from sipfullproxy.transport.core import POLL_INTERVAL, REST, Core
from sipfullproxy.transport.sockets import Address, family, link_of, on_link, one_family, socket_address

# How many more datagrams are taken after one wake-up before the next one is asked for how long it has waited: a few
# milliseconds of work, so that the answer is known long before it matters.
BATCH = 32

# Room in the kernel for datagrams that come while we are busy, in bytes: about a second of 1,000 calls a second. Linux
# cuts what is too much, macOS refuses it, so smaller ones follow. The last is what the largest datagram needs.
BUFFERS = (4 << 20, 1 << 20, 256 << 10, 64 << 10)

# Peers whose flows are remembered. Beyond that somebody makes up source addresses, and they are all forgotten at once:
# a flow is a plain value, and the same again when it comes again.
MAX_FLOWS = 50_000

# Failures to send that tell nothing about the peer: our own queue is full (as good as lost on the way: SIP repeats),
# or the message is larger than any datagram.
NOT_THE_PEER = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.ENOBUFS, errno.EMSGSIZE})

# Linux can wait in the very call that receives. Elsewhere (and where a `timeval` has other sizes) Python asks before
# each datagram whether there is one, which is a call of the system more.
_WAITS = sys.platform == "linux" and sys.maxsize > 1 << 32
_TIMEVAL = struct.Struct("@ll")

# A socket that waits when it receives would do so when it sends, too, but for this.
_AT_ONCE = socket.MSG_DONTWAIT if _WAITS else 0

log = logging.getLogger(__name__)


class UdpDoor(socketserver.UDPServer):
    """One UDP port of ours: open from its creation, served by `serve` in a thread, ended by `shutdown` from another.

    address: to listen on; port 0 takes any free one.
    local: the address that it has got; the engine must know it, so it comes to life only after the door. shared: a
    socket that is on that port already, one of several (see `sibling`).

    Raises OSError when the address is not ours or the port is taken.
    """

    # The default of 8,192 would cut the offers of video phones.
    max_packet_size = 65535

    def __init__(self, address: Address, shared: socket.socket | None = None) -> None:
        self.address_family = family(address[0])
        # The base class wants a handler class; `serve` makes no object per datagram, and needs none.
        super().__init__(
            socket_address(address), socketserver.BaseRequestHandler, bind_and_activate=shared is None
        )  # fmt: skip
        if shared is not None:
            self.socket.close()
            self.socket = shared
        self.socket.setblocking(False)
        name = self.socket.getsockname()
        self.local: tuple[str, int] = name[:2]
        self._link = link_of(name)
        self._core: Core
        self._flows: dict[tuple[Any, ...], Flow] = {}
        self._backlog = Backlog(self.socket)
        self._ended = False
        self._given = 0.0  # when the last datagram was taken, and when the timers are looked at again
        self._due = 0.0
        self._resting = False

    def serve(self, core: Core) -> None:
        """Bring `core` the datagrams and the time, until `shutdown` is called from another thread.

        It waits in the very call that receives. The selector of the base class would take three calls of the system for
        a datagram that comes alone, and most of the Python around them.
        """
        self._core = core
        with self.socket.dup() as ear:  # the socket itself sends, for other threads too, and never waits
            if _WAITS:
                ear.settimeout(None)
            _wait_for(POLL_INTERVAL, ear)
            while not self._ended:
                self._serve_some(ear)

    def shutdown(self) -> None:
        """Have `serve` return. Any thread may call it."""
        self._ended = True
        with suppress(OSError):  # then it returns when it looks at the timers next
            self.socket.sendto(b"", _AT_ONCE, self.socket.getsockname())

    def sibling(self) -> socket.socket:
        """One more socket on this port (Linux): what comes is spread over all of them, by the address of the sender.

        Who opens the first one still finds the port taken where another program has it, or has shares in it.
        """
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sibling = socket.socket(self.address_family, socket.SOCK_DGRAM)
        try:
            sibling.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            one_family(sibling)
            _make_room(sibling)
            sibling.bind(self.socket.getsockname())
        except BaseException:
            sibling.close()
            raise
        return sibling

    def _give(self, data: bytes, source: Any) -> None:
        """Serve one of them."""
        self._given = time.monotonic()
        try:
            self._receive(data, source)
        except Exception:
            log.exception("bug while serving a datagram from %s", source)

    def post(self, sends: list[Send]) -> None:
        """Put all on the wire, for another door's thread: a datagram is one call of the system, which never waits."""
        self._send(sends)

    def server_bind(self) -> None:
        """Two proxies on one port would each get some of the messages: the second one must fail instead."""
        one_family(self.socket)
        # SO_REUSEADDR is off by the base class. Windows lets others in all the same unless told so.
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        _make_room(self.socket)
        super().server_bind()

    def _serve_some(self, ear: socket.socket) -> None:
        """Serve what comes, until nothing does for a moment, or so much came that it is time to ask since when it has
        waited."""
        # Who is behind must notice when nothing waits any more.
        behind = self._backlog.spare
        take, size, how = (self.socket if behind else ear).recvfrom, self.max_packet_size, _AT_ONCE if behind else 0
        for _ in range(BATCH + 1):
            try:
                data, source = take(size, how)
            except (TimeoutError, BlockingIOError):
                self._backlog.empty()
                self._look(ear, time.monotonic())
                return
            except OSError:
                continue  # Windows tells here that an earlier datagram of ours found nobody (WSAECONNRESET)
            self._give(data, source)
            if self._given >= self._due:
                self._look(ear, self._given)
            if self._ended:
                return  # though more may come, one by one
        for data, source in self._another():
            self._give(data, source)

    def _another(self) -> list[tuple[bytes, Any]]:
        """One more datagram after so many, if one waits; looked at for how long it has waited."""
        if not hasattr(self.socket, "recvmsg"):
            return []
        try:
            data, notes, _, source = self.socket.recvmsg(self.max_packet_size, ROOM, _AT_ONCE)
        except BlockingIOError:
            self._backlog.empty()
            return []
        except OSError:
            return []
        self._backlog.look(notes, time.monotonic())
        return [(data, source)]

    def _look(self, ear: socket.socket, now: float) -> None:
        """Fire the timers that are due, and see how soon the next look is wanted."""
        due = self._core.next_timer()
        if due is not None and due <= now:
            self._send(self._core.tick(now))
            due = self._core.next_timer()
        resting = due is None or due - now > REST
        self._due = now if resting else now + POLL_INTERVAL
        if resting != self._resting:
            self._resting = resting
            _wait_for(REST if resting else POLL_INTERVAL, ear)

    def _receive(self, data: bytes, source: tuple[Any, ...]) -> None:
        if not data:
            return  # of `shutdown`, or a keepalive
        flow = self._flows.get(source)
        if flow is None:
            if len(self._flows) >= MAX_FLOWS:
                self._flows.clear()
            flow = self._flows[source] = Flow("udp", self.local, source[:2])
            # A phone without any other address may ask a global one of ours: it is answered on its link.
            self._link = link_of(source) or self._link
        if data[:2] == stun.REQUEST and (echo := stun.answer(data, flow.remote)) is not None:
            self._send([Send(flow, echo, "STUN")])  # like the pong of a connection, it is no message
            return
        sends = self._core.receive(data, flow, self._given, self._backlog.spare)
        if sends:
            self._send(sends)

    def _send(self, sends: list[Send]) -> None:
        """Put all on the wire. What the engine answers to a lost flow goes out too; each flow is reported lost once."""
        told: set[Flow] = set()
        link, put = self._link, self.socket.sendto
        while sends:
            answers: list[Send] = []
            for flow, data, _, _ in sends:
                try:
                    put(data, _AT_ONCE, on_link(flow.remote, link) if link else flow.remote)
                except OSError as error:
                    if error.errno not in NOT_THE_PEER and flow not in told:
                        told.add(flow)
                        answers += self._core.lost(flow, time.monotonic())
                except Exception:  # a bug of ours: a flow whose address is none
                    log.exception("bug while sending to %s", flow)
            sends = answers


def _wait_for(seconds: float, ear: socket.socket) -> None:
    """Have `ear` wait for a datagram for so long, at most, each time that it is asked."""
    if _WAITS:
        ear.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _TIMEVAL.pack(0, round(seconds * 1e6)))
    else:
        ear.settimeout(seconds)


def _make_room(line: socket.socket) -> None:
    # macOS sends no datagram larger than the send buffer, and that one is 9 KiB by default.
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        for size in BUFFERS:
            with suppress(OSError):
                line.setsockopt(socket.SOL_SOCKET, option, size)
                break
