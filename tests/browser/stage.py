"""Phones with sockets, around a running proxy: those of the virtual lab, on a real wire."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

from sipfullproxy.engine.flow import Send
from sipfullproxy.sip.message import parse
from tests.helpers import Phone
from tests.running import Running

DATAGRAM: Final = 65_535

ANSWERED_WITHIN: Final = 30.0
"""Seconds that a message may take; on loopback it takes a millisecond."""


class Wire:
    """What one phone hangs on: a socket that hears nobody but the proxy. A network for `Phone`."""

    def __init__(self, host: str, proxy: tuple[str, int], port: int = 0) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((host, port))
        self.socket.connect(proxy)
        self.socket.settimeout(ANSWERED_WITHIN)

    def put(self, data: bytes, source: tuple[str, int]) -> list[Send]:
        """A datagram goes to the proxy; nobody waits for what comes of it."""
        self.socket.send(data)
        return []


class WiredPhone(Phone):
    """A phone that waits for what it is to take. What is sent again while a test looks elsewhere is taken once."""

    def __init__(self, wire: Wire, user: str, domain: str, **more: Any) -> None:
        self.wire = wire
        self._heard: set[bytes] = set()
        super().__init__(wire, user, wire.socket.getsockname(), domain=domain, **more)

    def takes(self, what: str | int | None = None) -> Any:
        """See `Phone.takes`. Raises TimeoutError when nothing comes."""
        while not self.inbox:
            data = self.wire.socket.recv(DATAGRAM)
            if data not in self._heard:
                self._heard.add(data)
                message = parse(data)
                message.check()
                self.inbox.append(message)
        return super().takes(what)


class Stage:
    """A running proxy and the phones around it."""

    def __init__(self, proxy: Running) -> None:
        self.proxy = proxy
        self._wires = ExitStack()

    def phone(self, user: str, host: str = "", port: int = 0, **more: Any) -> WiredPhone:
        """A phone of that user. host, port: where it sends from; any port of the proxy's own host where they are left
        out. more: see `Phone`."""
        wire = Wire(host or self.proxy.address[0], self.proxy.address, port)
        self._wires.callback(wire.socket.close)
        address, sip = self.proxy.address
        return WiredPhone(wire, user, address if sip == 5060 else f"{address}:{sip}", **more)

    def registered(self, *users: str) -> list[WiredPhone]:
        """Phones that are registered."""
        phones = [self.phone(user) for user in users]
        for phone in phones:
            assert phone.register().status == 200
        return phones

    def close(self) -> None:
        """All phones are switched off."""
        self._wires.close()


@contextmanager
def stage(proxy: Running) -> Iterator[Stage]:
    """A stage until the end of the block."""
    opened = Stage(proxy)
    try:
        yield opened
    finally:
        opened.close()
