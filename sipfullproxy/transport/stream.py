"""The doors on TCP, TLS and WebSockets (RFC 3261 §18, RFC 5923, RFC 7118): one thread with one selector for all
connections.

A phone is reached over the connection that it opened. Where the engine names no connection but an address (a flow with
the serial number 0), an open one to that address is used, and else a new one is opened. No peer can hold up another:
nothing here waits, and what a slow one does not read is bounded by the end of its connection.
"""

from __future__ import annotations

import errno
import logging
import selectors
import socket
import time
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from sipfullproxy.engine.flow import WEBSOCKETS, Flow, Send
from sipfullproxy.transport.connection import Connection, OverError
from sipfullproxy.transport.core import POLL_INTERVAL, Core
from sipfullproxy.transport.sockets import Address, family, link_of, on_link, one_family, socket_address
from sipfullproxy.transport.tls import Tls
from sipfullproxy.transport.wire import StreamWire, Wire

# How often connections are looked at that do nothing, in seconds: 5,000 of them take a few milliseconds.
SWEEP_INTERVAL = 1.0

# Connections in all. Each costs some 5 kB here and as much in the system. Where there is nothing but select(), as on
# Windows, Python's can watch 512.
CONNECTIONS = 500 if issubclass(selectors.DefaultSelector, selectors.SelectSelector) else 10_000

# Connections with one address: of a school behind one NAT, with room for those that are gone and not noticed yet.
CONNECTIONS_OF_ADDRESS = 500

# Connections that wait in the system to be accepted, and those that are accepted at one go.
BACKLOG = 128
ACCEPTED_AT_ONCE = 64

# Files of this process that are not connections: journal, database, the page's readers, libraries that are loaded late.
OTHER_FILES = 200

# What `connect` says that goes on in the background; Windows says the second.
_UNDER_WAY = (0, errno.EINPROGRESS, errno.EWOULDBLOCK)

log = logging.getLogger(__name__)


class StreamDoor:
    """All connections, and the ports of ours that they come to: `listen`, then `serve` in a thread.

    tls: what connections with TLS are made with. websocket: makes the wire of each WebSocket.
    """

    def __init__(self, tls: Tls | None = None, websocket: Callable[[], Wire] | None = None) -> None:
        self._tls = tls
        self._websocket = websocket
        self._selector = selectors.DefaultSelector()
        self._bell, self._ear = socket.socketpair()
        for end in (self._bell, self._ear):
            end.setblocking(False)
        self._selector.register(self._ear, selectors.EVENT_READ, self._rung)
        self._listeners: list[socket.socket] = []
        # By our own host, the interface of its link; 0 where it is known everywhere.
        self._links: dict[str, int] = {}
        self._resting: list[Callable[[], object]] = []
        self._connections: set[Connection] = set()
        self._of_address: Counter[str] = Counter()
        # By the flow of each, and by the same without its number: the newest to that address.
        self._ways: dict[Flow, Connection] = {}
        self._outgoing: deque[Send] = deque()
        # Of the last connection. A flow token from before a restart must not name somebody else's.
        self._serial = int(time.time() * 1000)
        self._ended = False
        self._room = _files()
        self._core: Core

    def __len__(self) -> int:
        """How many connections there are."""
        return len(self._connections)

    def listen(self, transport: str, address: Address) -> tuple[str, int]:
        """Open a port of ours; port 0 takes any free one. Returns the address that it has got. Raises OSError."""
        listener = socket.socket(family(address[0]), socket.SOCK_STREAM)
        try:
            one_family(listener)
            if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):  # Windows lets a second proxy in unless told so
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
            else:  # elsewhere it means: although connections of the last run are not forgotten yet
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(socket_address(address))
            listener.listen(BACKLOG)
            listener.setblocking(False)
        except BaseException:
            listener.close()
            raise
        name = listener.getsockname()
        local: tuple[str, int] = name[:2]
        self._links[local[0]] = link_of(name)
        self._listeners.append(listener)
        self._await(listener, transport, local)
        return local

    def serve(self, core: Core, ticks: bool = False) -> None:
        """Bring `core` what comes, and send what it answers, until `shutdown` is called from another thread.

        ticks: whether the timers of the core are seen to here, for want of a UDP door that does it.
        """
        self._core = core
        swept = time.monotonic()
        while not self._ended:
            for key, mask in self._selector.select(POLL_INTERVAL if ticks else SWEEP_INTERVAL):
                try:
                    key.data(mask)
                except Exception:
                    log.exception("bug while serving a connection")
                self._send_all()
            now = time.monotonic()
            if ticks and (due := core.next_timer()) is not None and due <= now:
                self._outgoing.extend(core.tick(now))
            if now - swept >= SWEEP_INTERVAL:
                swept = now
                self._sweep(now)
            self._send_all()

    def post(self, sends: list[Send]) -> None:
        """Have all put on the wire by the thread of this door. Any thread may call it; it never waits."""
        self._outgoing.extend(sends)
        with suppress(OSError):  # so many rings are waiting that one more tells nothing new; or all is over
            self._bell.send(b"\0")

    def shutdown(self) -> None:
        """Have `serve` return. Any thread may call it."""
        self._ended = True
        self.post([])

    def close(self) -> None:
        """Close all connections and ports, after `serve` has returned; nobody is told any more."""
        for connection in self._connections:
            connection.close()
        self._connections.clear()
        self._ways.clear()
        for end in (self._bell, self._ear, *self._listeners):
            end.close()
        self._selector.close()

    # -- what the selector calls ---------------------------------------------------------------------------------------

    def _rung(self, mask: int) -> None:
        with suppress(BlockingIOError):
            while self._ear.recv(4096):
                pass

    def _accept(self, listener: socket.socket, transport: str, local: tuple[str, int], mask: int) -> None:
        for _ in range(ACCEPTED_AT_ONCE):
            try:
                line, remote = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionError):
                return
            except OSError as error:  # no more files for this process: the port would wake us again and again
                log.warning("cannot accept connections for a moment: %s", error)
                self._selector.unregister(listener)
                self._resting.append(partial(self._await, listener, transport, local))
                return
            if self._has_room(remote[0]):
                self._serial += 1
                self._begin(line, Flow(transport, local, (remote[0], remote[1]), self._serial), connected=True)
            else:
                line.close()

    def _serve(self, connection: Connection, mask: int) -> None:
        if connection.over:
            return
        now = time.monotonic()
        try:
            if mask & selectors.EVENT_WRITE or not connection.connected:
                connection.flush(now)
            # Behind the end of a handshake the first message may have come already.
            if connection.connected:
                self._read(connection, now)
            self._watch(connection)
        except OverError as why:
            self._end(connection, str(why))
        except Exception:
            self._end(connection, "a bug")
            raise

    # -- inside --------------------------------------------------------------------------------------------------------

    def _await(self, listener: socket.socket, transport: str, local: tuple[str, int]) -> None:
        self._selector.register(listener, selectors.EVENT_READ, partial(self._accept, listener, transport, local))

    def _has_room(self, host: str) -> bool:
        return len(self._connections) < min(CONNECTIONS, self._room) and self._of_address[host] < CONNECTIONS_OF_ADDRESS

    def _begin(self, line: socket.socket, flow: Flow, *, connected: bool, name: str = "") -> Connection | None:
        """Take a connection in; None where it is over already. name: see `Flow`."""
        try:
            wire = self._wire(flow.transport)
            if flow.transport in ("tls", "wss") and self._tls is not None:
                connection = self._tls.connection(line, flow, time.monotonic(), wire, accepted=connected, name=name)
            else:
                connection = Connection(line, flow, time.monotonic(), wire, connected=connected, name=name)
        except OSError:  # the peer has reset it, and macOS lets no option be set on what is left
            line.close()
            return None
        self._connections.add(connection)
        self._of_address[flow.remote[0]] += 1
        for way in connection.ways:
            self._ways[way] = connection
        self._selector.register(line, connection.wanted, partial(self._serve, connection))
        return connection

    def _wire(self, transport: str) -> Wire:
        return self._websocket() if transport in WEBSOCKETS and self._websocket is not None else StreamWire()

    def _read(self, connection: Connection, now: float) -> None:
        flow = connection.flow
        for message in connection.read(now):
            self._outgoing.extend(self._core.receive(message, flow, now))
        broken = connection.broken
        if broken is not None and self._ways.get(flow) is connection:
            if broken.request is not None:
                self._outgoing.extend(self._core.refuse(broken.request, broken.error, flow, now))
            self._send_all()
            if not connection.over:
                self._forget(connection)
                connection.leave(now)

    def _send_all(self) -> None:
        """Put on the wire what the core said, and what it says to each connection that ends over that."""
        while self._outgoing:
            send = self._outgoing.popleft()
            try:
                connection = self._way(send.flow)
            except Exception:  # a bug of ours: a flow whose address is none
                log.exception("bug while sending to %s", send.flow)
                continue
            if connection is None:
                self._outgoing.extend(self._core.lost(send.flow, time.monotonic()))
                continue
            try:
                connection.write(send.data, time.monotonic())
                self._watch(connection)
            except OverError as why:
                self._end(connection, str(why))

    def _way(self, flow: Flow) -> Connection | None:
        """The connection of a flow; a new one where it names an address that nobody is connected with, and that
        somebody may listen at."""
        connection = self._ways.get(flow)
        if connection is None and not flow.serial and flow.transport not in WEBSOCKETS:
            return self._connect(flow)
        return connection

    def _connect(self, flow: Flow) -> Connection | None:
        if not self._has_room(flow.remote[0]):
            return None
        line = socket.socket(family(flow.remote[0]), socket.SOCK_STREAM)
        link = self._links.get(flow.local[0], 0)
        try:
            line.setblocking(False)
            line.bind(on_link((flow.local[0], 0), link))
            if line.connect_ex(on_link(flow.remote, link)) not in _UNDER_WAY:
                line.close()
                return None
        except OSError:
            line.close()
            return None
        except BaseException:
            line.close()
            raise
        self._serial += 1
        return self._begin(line, flow._replace(serial=self._serial, name=""), connected=False, name=flow.name)

    def _watch(self, connection: Connection) -> None:
        if connection.over:
            return
        key = self._selector.get_key(connection.line)
        if key.events != connection.wanted:
            self._selector.modify(connection.line, connection.wanted, key.data)

    def _sweep(self, now: float) -> None:
        for connection in [*self._connections]:
            why = connection.overdue(now)
            if not why:
                try:
                    connection.nudge(now)
                    self._watch(connection)
                except OverError as over:
                    why = str(over)
            if why:
                self._end(connection, why)
        resting, self._resting = self._resting, []
        for wake in resting:
            wake()

    def _end(self, connection: Connection, why: str) -> None:
        if connection.over:
            return
        log.debug("connection with %s ends: %s", connection.flow.address, why)
        self._selector.unregister(connection.line)
        connection.close()
        self._connections.discard(connection)
        host = connection.flow.remote[0]
        self._of_address[host] -= 1
        if not self._of_address[host]:
            del self._of_address[host]
        self._forget(connection)

    def _forget(self, connection: Connection) -> None:
        """Nothing goes over it any more, and the core is told so."""
        for way in connection.ways:
            if self._ways.get(way) is connection:
                del self._ways[way]
                self._outgoing.extend(self._core.lost(way, time.monotonic()))


def _files() -> int:
    """How many connections this process may have open, after it has asked the system for as many as we would like: by
    default Linux gives 1,024 files, macOS 256."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return CONNECTIONS
    allowed, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS + OTHER_FILES
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if allowed != resource.RLIM_INFINITY and allowed < wanted:
        with suppress(ValueError, OSError):  # macOS may give less than it says
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            allowed = wanted
    return CONNECTIONS if allowed == resource.RLIM_INFINITY else max(allowed - OTHER_FILES, allowed // 2)
