"""All ports of ours as one thing: open them, serve them, and hand each message to the door that its flow belongs to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Protocol

from sipfullproxy.engine.flow import Flow, Local, Send
from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.message import Request
from sipfullproxy.transport.core import Core
from sipfullproxy.transport.sockets import Address
from sipfullproxy.transport.stream import StreamDoor
from sipfullproxy.transport.tls import Tls
from sipfullproxy.transport.udp import UdpDoor
from sipfullproxy.transport.wire import Wire


class Doors:
    """The ports of ours: `open` each, then `serve`, and `close` at the end.

    Each UDP port has a thread, and all streams together have one. All call the same core; what it wants sent by another
    door is handed over there, which never waits.
    """

    def __init__(self, tls: Tls | None = None, websocket: Callable[[], Wire] | None = None) -> None:
        """tls: the certificate of the TLS ports, websocket: what makes the wire of each WebSocket; where there are
        any."""
        self._datagrams: dict[Local, UdpDoor] = {}
        self._streams: dict[Local, StreamDoor] = {}
        self._stream = StreamDoor(tls, websocket)
        self._threads: list[threading.Thread] = []
        self._core: Core

    @property
    def listen(self) -> tuple[Local, ...]:
        """The ports that are open, in the order of their opening, those of UDP first."""
        return (*self._datagrams, *self._streams)

    @property
    def datagrams(self) -> Mapping[Local, UdpDoor]:
        """The UDP ports that are open."""
        return self._datagrams

    @property
    def connections(self) -> int:
        """How many connections there are."""
        return len(self._stream)

    def open(self, transport: str, address: Address) -> Local:
        """Open a port; port 0 takes any free one. Returns what it has got. Raises OSError."""
        if transport == "udp":
            door = UdpDoor(address)
            local = transport, door.local
            self._datagrams[local] = door
        else:
            local = transport, self._stream.listen(transport, address)
            self._streams[local] = self._stream
        return local

    def shut(self, local: Local) -> None:
        """Close a port of UDP again that nobody serves yet."""
        self._datagrams.pop(local).server_close()

    def serve(self, core: Core) -> None:
        """Serve all ports in threads of their own, until `close`. Some door sees to the timers of the core."""
        self._core = core
        for local, door in self._datagrams.items():
            desk = Desk(self, core, frozenset((local,)))
            self._threads.append(threading.Thread(target=door.serve, args=(desk,), name="udp", daemon=True))
        if self._streams:
            desk = Desk(self, core, frozenset(self._streams))
            ticks = not self._datagrams
            self._threads.append(
                threading.Thread(target=self._stream.serve, args=(desk, ticks), name="tcp", daemon=True)
            )
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Serve no more, and close all ports and connections. Any thread but those that serve may call it."""
        if self._threads:
            for door in self._datagrams.values():
                door.shutdown()
            self._stream.shutdown()
            for thread in self._threads:
                thread.join()
        for door in self._datagrams.values():
            door.server_close()
        self._stream.close()

    def post(self, send: Send) -> bool:
        """Hand a message to the door that it belongs to. Returns False where there is none."""
        local = send.flow.door
        door = self._datagrams.get(local) or self._streams.get(local)
        if door is None:
            return False
        door.post([send])
        return True

    def send(self, sends: list[Send]) -> None:
        """Put on the wire what the core has said outside of all doors. Any thread may call it."""
        Desk(self, self._core, frozenset()).sorted(sends)


class Post(Protocol):
    """Whoever has the doors; see `Doors.post`."""

    def post(self, send: Send) -> bool: ...


class Desk:
    """The core as the doors of one thread see it: what is for them comes back, all else goes by the others. See
    `Core`."""

    def __init__(self, doors: Post, core: Core, mine: frozenset[Local]) -> None:
        self._doors = doors
        self._core = core
        self._mine = mine

    def receive(self, data: bytes, flow: Flow, now: float, spare: bool = False) -> list[Send]:
        """See `Engine.receive`."""
        return self.sorted(self._core.receive(data, flow, now, spare))

    def refuse(self, request: Request, error: SipError, flow: Flow, now: float) -> list[Send]:
        """See `Engine.refuse`."""
        return self.sorted(self._core.refuse(request, error, flow, now))

    def tick(self, now: float) -> list[Send]:
        """See `Engine.tick`."""
        return self.sorted(self._core.tick(now))

    def next_timer(self) -> float | None:
        """See `Engine.next_timer`."""
        return self._core.next_timer()

    def lost(self, flow: Flow, now: float) -> list[Send]:
        """See `Engine.lost`."""
        return self.sorted(self._core.lost(flow, now))

    def sorted(self, sends: list[Send]) -> list[Send]:
        """What this door is to send; nothing, where not all of it is for this door: then all was handed over in its
        order. A 181 that went out after the INVITE could come to the caller after the answer. A flow whose door is not
        open leads nowhere, and the core hears so."""
        mine = self._mine
        for flow, _, _, _ in sends:
            if flow[:2] not in mine:  # the same as its `door`, without a call for each message
                return self._handed_over(sends)
        return sends

    def _handed_over(self, sends: list[Send]) -> list[Send]:
        answers: list[Send] = []
        for send in sends:
            if not self._doors.post(send):
                answers += self.lost(send.flow, time.monotonic())
        return answers
