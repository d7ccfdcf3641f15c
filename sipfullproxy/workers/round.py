"""How a worker serves its ports and its neighbours: by one thread, which never has to wait for another one."""

from __future__ import annotations

import logging
import selectors
import socket
import time
from collections.abc import Callable, Sequence

from sipfullproxy.transport.core import POLL_INTERVAL, Core
from sipfullproxy.transport.udp import UdpDoor
from sipfullproxy.workers.neighbours import Neighbours
from sipfullproxy.workers.switchboard import Switchboard

log = logging.getLogger(__name__)


class Round:
    """Serves all UDP ports of a worker, and its inbox.

    line: to the first worker; when it is closed at the other end, this worker ends. beat: called a few times a second.
    """

    def __init__(
        self, switchboard: Switchboard, neighbours: Neighbours, line: socket.socket | None = None,
        beat: Callable[[], object] = lambda: None,
    ) -> None:  # fmt: skip
        self._switchboard = switchboard
        self._neighbours = neighbours
        self._line = line
        self._beat = beat
        self._ended = False

    def serve(self, doors: Sequence[UdpDoor], core: Core) -> None:
        """Serve until `shutdown` is called from another thread. core: sends all by itself, and returns nothing."""
        with selectors.DefaultSelector() as selector:
            for door in doors:
                selector.register(door, selectors.EVENT_READ, door)
            selector.register(self._neighbours, selectors.EVENT_READ)
            if self._line is not None:
                selector.register(self._line, selectors.EVENT_READ, self)
            while not self._ended:
                try:
                    self._once(selector, core)
                except Exception:
                    log.exception("bug while serving the ports")

    def shutdown(self) -> None:
        """Have `serve` return soon. Any thread may call it."""
        self._ended = True

    def _once(self, selector: selectors.BaseSelector, core: Core) -> None:
        ready = [key.data for key, _ in selector.select(POLL_INTERVAL)]
        # First the datagrams are taken, then the neighbours are heard, then the datagrams are served: so whatever was
        # said before one of them was sent is known when it is served.
        taken = [(door, door.take()) for door in ready if isinstance(door, UdpDoor)]
        if ready:
            self._switchboard.read(time.monotonic())
        for door, datagrams in taken:
            for data, source in datagrams:
                door.give(data, source)
        if self in ready:
            self._ended = True
        due = core.next_timer()
        if due is not None and due <= (now := time.monotonic()):
            core.tick(now)
        self._neighbours.flush()
        self._beat()
