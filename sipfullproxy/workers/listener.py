"""Who hears the neighbours of a worker when no message of its own comes: a thread that waits at its inbox."""

from __future__ import annotations

import logging
import select
import socket
import time
from collections.abc import Callable

from sipfullproxy.transport.core import POLL_INTERVAL
from sipfullproxy.workers.neighbours import Neighbours
from sipfullproxy.workers.switchboard import Switchboard

log = logging.getLogger(__name__)


class Listener:
    """Serves the inbox of a worker; its ports are served as those of a program without neighbours.

    line: when it is closed at the other end, `serve` returns. beat: called all `POLL_INTERVAL` seconds, and oftener.
    """

    def __init__(
        self, switchboard: Switchboard, neighbours: Neighbours, line: socket.socket, beat: Callable[[], object]
    ) -> None:  # fmt: skip
        self._switchboard = switchboard
        self._neighbours = neighbours
        self._line = line
        self._beat = beat

    def serve(self) -> None:
        """Hear what they say, and send what waits for room at theirs, until the line is closed."""
        waiting = select.poll()
        waiting.register(self._neighbours, select.POLLIN)
        waiting.register(self._line, select.POLLIN)
        while True:
            ready = waiting.poll(POLL_INTERVAL * 1000)
            if any(number == self._line.fileno() for number, _ in ready):
                return
            try:
                if ready:
                    self._switchboard.read(time.monotonic())
                self._neighbours.flush()
                self._beat()
            except Exception:
                log.exception("bug while hearing the other workers")
