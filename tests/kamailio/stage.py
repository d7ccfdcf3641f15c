"""Phones with real sockets around a real proxy, in the virtual lab's words and addresses.

On the phones' side of the wire stands what the virtual lab has: the proxy at 10.0.0.1, phones at 10.0.0.10 and on. On
the other side each scene has 254 addresses of loopback for itself, so that no late message of another can disturb it.
Heads of messages are translated on the way; bodies are not, and are compared byte for byte.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, NamedTuple, Self

from sipfullproxy.engine.flow import Send
from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.message import parse
from tests.helpers import PROXY, Phone
from tests.kamailio.servers import PORT

DATAGRAM = 65_535
ANSWERED_WITHIN = 10.0
"""Seconds that a proxy may take for a ping; it needs a millisecond."""

PASSES = 3
"""Pings after each message: a proxy may send a message to itself, and that one comes behind the first ping."""

PING = """\
OPTIONS sip:{proxy} SIP/2.0\r
Via: SIP/2.0/UDP {host}:5060;branch=z9hG4bK-ping-{number}\r
From: <sip:ping@{host}>;tag=ping\r
To: <sip:{proxy}>\r
Call-ID: ping-{number}@{host}\r
CSeq: 1 OPTIONS\r
Max-Forwards: 70\r
Content-Length: 0\r
\r
"""

_LAB = re.compile(rb"\b10\.0\.0\.(\d{1,3})\b")
_LOOPBACK = re.compile(rb"\b127\.\d{1,3}\.\d{1,3}\.\d{1,3}\b")


class Silent(Exception):
    """The proxy does not even answer a ping any more."""


class Step(NamedTuple):
    """said: a datagram that a phone sent. got: what each phone, in their order, then got from the proxy."""

    said: bytes
    got: list[list[bytes]]


class Stage:
    """One scene at one proxy. A network for `Phone`: whatever it sends is served to its end before `put` returns.

    second, serial: which of loopback's addresses the scene has; no other scene has that serial. proxy: the real address
    of the proxy.
    prepared: who registered before the scene began, and what he was told. steps: all that was sent, and what came of
    it. lasted: how long it took, in seconds.
    """

    def __init__(self, second: int, serial: int, proxy: str) -> None:
        self.serial = serial
        self.phones: list[Phone] = []
        self.prepared: list[str] = []
        self.steps: list[Step] = []
        self.lasted = 0.0
        self._began = time.monotonic()
        high, low = divmod(serial, 256)
        self._net = b"127.%d.%d" % (second + high, low)
        self._proxy = proxy
        self._pings = 0
        self._pinger = self._socket("10.0.0.2", PORT)
        self._sockets: dict[tuple[str, int], socket.socket] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.lasted = time.monotonic() - self._began
        for one in (self._pinger, *self._sockets.values()):
            one.close()

    # -- phones --------------------------------------------------------------------------------------------------------

    def phone(self, user: str, *, contact: str = "", contact_params: str = "") -> Phone:
        """A phone that is not registered, and whose user is not either."""
        phone = Phone(self, user, (f"10.0.0.{10 + len(self.phones)}", PORT), contact, contact_params=contact_params)
        first = all(other.user != user for other in self.phones)
        self.phones.append(phone)
        self._sockets[phone.address] = self._socket(*phone.address)
        if first:
            self._prepare(phone, expires=0, contacts=["*"], call_id=f"clear-{user}@{phone.address[0]}")
        return phone

    def registered(self, *users: str) -> list[Phone]:
        """Phones that are registered."""
        phones = [self.phone(user) for user in users]
        for phone in phones:
            self._prepare(phone)
        return phones

    def _prepare(self, phone: Phone, **register: Any) -> None:
        """REGISTER before the scene begins: all that is compared of it is the answer's status."""
        try:
            answer = str(phone.register(**register).status)
        except AssertionError:
            answer = "nothing"
        self.prepared.append(f"{phone.user}: {answer}")
        self.steps.clear()

    def names(self) -> list[str]:
        """What to call each phone: its user, with a number from the second of one user on."""
        users = [phone.user for phone in self.phones]
        seconds = [users[:place].count(user) + 1 for place, user in enumerate(users)]
        return [user if second == 1 else f"{user} {second}" for user, second in zip(users, seconds, strict=True)]

    # -- the wire ------------------------------------------------------------------------------------------------------

    def put(self, data: bytes, source: tuple[str, int]) -> list[Send]:
        """Send a datagram to the proxy from one of the phones, and wait until all that it causes has arrived."""
        self._sockets[source].send(self._outward(data))
        for _ in range(PASSES):
            self.ping()
        step = Step(data, [])
        for phone in self.phones:
            got = [self._inward(datagram) for datagram in _waiting(self._sockets[phone.address])]
            step.got.append(got)
            for datagram in got:
                try:
                    message = parse(datagram)
                    message.check()
                except SipError:
                    continue  # the phone cannot read it; what it was is compared all the same
                phone.inbox.append(message)
        self.steps.append(step)
        return []

    def ping(self, within: float = ANSWERED_WITHIN) -> None:
        """Ask the proxy something that it answers itself, and wait for that: it serves messages in the order in which
        they come, so all that was sent before has been served then. Raises Silent."""
        self._pings += 1
        host = self._pinger.getsockname()[0]
        ping = PING.format(proxy=self._proxy, host=host, number=self._pings).encode()
        self._pinger.settimeout(within)
        try:
            self._pinger.send(ping)
            while b"Call-ID: ping-%d@" % self._pings not in self._pinger.recv(DATAGRAM):
                pass
        except OSError as error:
            raise Silent(f"{self._proxy} did not answer ping {self._pings}") from error

    def _socket(self, host: str, port: int) -> socket.socket:
        """A socket that hears nobody but the proxy."""
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.bind((self._outward(host.encode()).decode(), port))
        one.connect((self._proxy, PORT))
        return one

    def _outward(self, data: bytes) -> bytes:
        return _in_head(lambda head: _LAB.sub(self._real, head), data)

    def _inward(self, data: bytes) -> bytes:
        return _in_head(lambda head: _LOOPBACK.sub(self._virtual, head), data)

    def _real(self, found: re.Match[bytes]) -> bytes:
        return self._proxy.encode() if found[0] == PROXY[0].encode() else self._net + b"." + found[1]

    def _virtual(self, found: re.Match[bytes]) -> bytes:
        if found[0] == self._proxy.encode():
            return PROXY[0].encode()
        net, _, last = found[0].rpartition(b".")
        return b"10.0.0." + last if net == self._net else found[0]


def _in_head(change: Callable[[bytes], bytes], data: bytes) -> bytes:
    """Change what stands above the body; empty lines may come before it."""
    message = data.lstrip(b"\r\n")
    head, blank, body = message.partition(b"\r\n\r\n")
    return data[: len(data) - len(message)] + change(head) + blank + body


def _waiting(one: socket.socket) -> list[bytes]:
    """What has arrived."""
    got: list[bytes] = []
    one.setblocking(False)
    try:
        while True:
            got.append(one.recv(DATAGRAM))
    except BlockingIOError:
        return got
