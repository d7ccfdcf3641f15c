"""The page as one thing to start and stop: its sockets, and the thread that serves them beside the proxy."""

from __future__ import annotations

import gc
import ipaddress
import logging
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

from sipfullproxy import libraries
from sipfullproxy.sip.host import scope, written
from sipfullproxy.transport.sockets import family, one_family, socket_address

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from sipfullproxy.web.connection import Server

NEEDED = ("fastapi", "uvicorn", "segno")
"""What must be installed; `pip install .` in the folder of the project brings it."""

LOOPBACK = {4: "127.0.0.1", 6: "::1"}
"""By IP version, where a machine talks to itself."""

# Browsers that may wait to be let in: a class that opens the page at once.
BACKLOG = 128

# Seconds that answers under way get at the end; a browser that takes longer is cut off.
GRACE = 1

# Seconds that `stop` waits for the thread: longer than GRACE and what the server needs besides.
STOP_WAIT = 5.0

# Milliseconds that a browser may leave unacknowledged what it was sent, where the system can be told so (Linux): one
# that has left the Wi-Fi without a word would count as a guest for a quarter of an hour.
UNHEARD = 30_000

# How often another free port is tried when one is free on the first address and taken on the second.
TRIES = 10

log = logging.getLogger(__name__)


class Closing(Protocol):
    """An application that has answers without an end, and can be told to end them."""

    @property
    def app(self) -> ASGIApp: ...
    def close(self) -> None: ...


class Site:
    """A web server in a thread: it listens from its creation, and answers as soon as `start` has loaded the libraries.

    addresses: those to listen on, the first one for the greeting. port: TCP port, 0 for any free one.
    address: (host, port) that it has got.

    Raises OSError when an address is not ours or the port is taken.
    """

    def __init__(self, addresses: Sequence[str], port: int) -> None:
        self._sockets = _listen(addresses, port)
        self.address: tuple[str, int] = self._sockets[0].getsockname()[:2]
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._server: Server | None = None
        self._application: Closing | None = None
        self._lock = threading.Lock()

    def start(self, make: Callable[[], Closing]) -> None:
        """Serve what `make` returns; it is called on the page's thread, for the sake of what it must import."""
        # A daemon: a browser that stands still must not keep the program alive.
        self._thread = threading.Thread(target=self._serve, args=(make,), name="web", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it, with all that is under way, and return when the port is free again."""
        self._over.set()
        with self._lock:
            if self._application is not None:
                self._application.close()
            if self._server is not None:
                self._server.end()
        if self._thread is not None:
            self._thread.join(STOP_WAIT)
        for listener in self._sockets:
            listener.close()

    def _serve(self, make: Callable[[], Closing]) -> None:
        try:
            from sipfullproxy.web.connection import Server, configuration

            application = make()
            server = Server(configuration(application.app, BACKLOG, GRACE))
            with self._lock:
                self._application, self._server = application, server
                if self._over.is_set():
                    return
            # What the libraries are made of stays. To look through it for garbage again and again would hold up calls:
            # measured under load, 0.6 s at a time, and a third of that without it.
            if sys.implementation.name == "cpython":  # PyPy's collector walks in small steps
                gc.freeze()
            server.run(self._sockets)
        except Exception:  # a library that is installed and broken; the calls need none
            if self._over.is_set():  # its sockets are gone already: `stop` does not wait for ever
                return
            log.exception("the page is off, calls go on")
            for listener in self._sockets:
                listener.close()


def missing() -> list[str]:
    """Which of the libraries that the page NEEDED are not installed, or too old."""
    return libraries.missing(*NEEDED)


def listening(hosts: Sequence[str], bind: str | None) -> list[str]:
    """Where the page listens: on the addresses that phones know, and always where this machine itself finds it.

    hosts: of the proxy. bind: what the user chose instead, or None. A public address must be chosen: the page shows who
    calls whom, and whoever does not know that it is there cannot mind. An address of one link no browser can open.
    """
    if bind is not None and ipaddress.ip_address(bind).is_unspecified:
        # Two sockets, so that a guest by IPv4 has the address that he knows.
        return [bind] if ":" not in bind else [bind, "0.0.0.0"]
    chosen = [ipaddress.ip_address(host) for host in ([bind] if bind is not None else hosts)]
    shown = [str(one) for one in chosen if bind is not None or not (one.is_global or scope(one) == (6, "link"))]
    return list(dict.fromkeys(shown + [LOOPBACK[one.version] for one in chosen]))


def hosts(addresses: Iterable[str], domains: Iterable[str], port: int) -> frozenset[str]:
    """What a browser may call us in its Host header: our addresses and names, with the port.

    Any other name that leads here is somebody's trick to make our page a part of theirs (DNS rebinding).
    """
    numeric = (written(address).decode() for address in [*addresses, *LOOPBACK.values()])
    names = {*numeric, *domains, "localhost"}
    usual = names if port == 80 else set()  # RFC 9110 §4.2.1: a browser leaves out the port of its scheme
    return frozenset(usual | {f"{name}:{port}" for name in names})


def _listen(addresses: Sequence[str], port: int) -> list[socket.socket]:
    """A listening socket on each address, all with one port. Raises OSError."""
    for attempt in range(TRIES):
        opened: list[socket.socket] = []
        try:
            for address in addresses:
                opened.append(_socket(address, opened[0].getsockname()[1] if opened else port))
            return opened
        except OSError:
            for each in opened:
                each.close()
            if port or not opened or attempt == TRIES - 1:
                raise
    raise AssertionError("unreachable")


def _socket(address: str, port: int) -> socket.socket:
    listener = socket.socket(family(address), socket.SOCK_STREAM)
    try:
        one_family(listener)
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):  # Windows, where SO_REUSEADDR would share the port with anybody
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:  # a proxy that is started again must not wait for the last connections of the one before
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNHEARD)
        listener.bind(socket_address((address, port)))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener
