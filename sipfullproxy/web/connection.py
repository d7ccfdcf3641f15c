"""How uvicorn serves the page: with bounds on each browser's patience, and to a clean end."""

from __future__ import annotations

import asyncio
import logging
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

import h11
import uvicorn
from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol

from sipfullproxy.web.sharing import greediest

if TYPE_CHECKING:
    from starlette.types import ASGIApp

# Seconds between two looks of the server at itself, when the date in its answers is renewed. uvicorn would look ten
# times a second, with nobody there.
GLANCE = 1.0

# Connections at once: a class of 30 with the page in a few windows each, and well below the 256 files that macOS lets
# a program open, of which the proxy needs some for itself.
MOST_CONNECTIONS = 160

# Seconds for a whole request to come in: people type no requests, and an open half of one costs a connection.
REQUEST_WAIT = 10.0

# Seconds for which a browser may take nothing of what it is sent before it is cut off.
DRAIN_WAIT = 10.0

# Seconds that a connection is kept for the next request.
KEEP_ALIVE = 15

# Bytes of a request's head. Ours are a few hundred; a browser adds its own, never so much.
LARGEST_HEAD = 16_384


class Connection(H11Protocol):
    """HTTP/1.1 as uvicorn speaks it, cut off when it keeps us waiting.

    host: the other end. since: when it began, in seconds of the loop's clock.
    """

    host: str
    since: float
    _slow_to_ask: asyncio.TimerHandle
    _slow_to_take: asyncio.TimerHandle

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self.host = self.client[0] if self.client else ""
        self.since = self.loop.time()
        if len(self.connections) > MOST_CONNECTIONS:
            self._make_room()
        self._slow_to_ask = self.loop.call_later(REQUEST_WAIT, transport.abort)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        complete = self.conn.their_state not in (h11.IDLE, h11.SEND_BODY)
        if complete:
            self._slow_to_ask.cancel()
        elif self._slow_to_ask.cancelled():
            self._slow_to_ask = self.loop.call_later(REQUEST_WAIT, self.transport.abort)

    def _make_room(self) -> None:
        """Cut off the oldest connection of the host that has the most, or this one."""
        others = [one for one in self.connections if isinstance(one, Connection) and one is not self]
        others = [one for one in others if not one.transport.is_closing()]
        if len(others) >= MOST_CONNECTIONS:
            host = greediest((one.host for one in others), self.host)
            oldest = min((one for one in others if one.host == host), key=lambda one: one.since, default=self)
            oldest.transport.abort()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._slow_to_take = self.loop.call_later(DRAIN_WAIT, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._slow_to_take.cancel()

    def connection_lost(self, exc: Exception | None) -> None:
        self._slow_to_ask.cancel()
        if self.flow.write_paused:
            self._slow_to_take.cancel()
        super().connection_lost(exc)


class Server(uvicorn.Server):
    """uvicorn's server, that sleeps while nobody is there, and leaves nobody behind when it ends."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._over = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def end(self) -> None:
        """Have it end soon; any thread may call it, before it runs and after it has ended too."""
        self.should_exit = True
        if self._loop is not None:
            with suppress(RuntimeError):  # its loop has ended
                self._loop.call_soon_threadsafe(self._over.set)

    async def main_loop(self) -> None:
        """Until its end."""
        self._loop = asyncio.get_running_loop()
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), GLANCE)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        for connection in list(self.server_state.connections):  # who took nothing until now never will
            connection.transport.abort()
        await asyncio.sleep(0)


def configuration(app: ASGIApp, backlog: int, grace: int) -> Config:
    """How uvicorn shall serve `app`: with our bounds, and without a word of its own on anybody's screen."""
    return Config(
        app,
        loop="asyncio",
        http=Connection,
        ws="none",
        lifespan="on",
        interface="asgi3",
        log_config=None,
        log_level=logging.CRITICAL,  # strangers must not write our log; bugs of ours are logged by ourselves
        access_log=False,
        proxy_headers=False,  # who says that he speaks for this machine does not
        server_header=False,
        backlog=backlog,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=grace,
        h11_max_incomplete_event_size=LARGEST_HEAD,
    )
