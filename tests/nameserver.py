"""A DNS server on the loopback that says what a test wants, true or not."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

Zone = Mapping[str, list[str]]
"""Records by "name type": the text of each. A CNAME is the answer to every type."""

Twist = Callable[[dns.message.Message, bool], bytes | None]
"""Makes another answer of a true one; None: nothing is sent. The flag says whether it was asked by TCP."""

TTL = 300


def honest(answer: dns.message.Message, tcp: bool) -> bytes | None:
    """The truth; cut, where it does not fit a datagram."""
    data = answer.to_wire(max_size=65535)
    if tcp or len(data) <= 512:
        return data
    cut = dns.message.from_wire(data)
    cut.answer.clear()
    cut.flags |= dns.flags.TC
    return cut.to_wire()


class NameServer:
    """Serves UDP and TCP at `address` until closed. asked: "name type" of each question, in order, repeated or not."""

    def __init__(self, zone: Zone, twist: Twist = honest) -> None:
        self.asked: list[str] = []
        self._zone = zone
        self._twist = twist
        self._stream, self._datagrams = _free()
        self.address: tuple[str, int] = self._stream.getsockname()
        for work in (self._serve_datagrams, self._serve_streams):
            threading.Thread(target=work, daemon=True).start()

    @property
    def option(self) -> str:
        """What `--dns` wants."""
        return "{}:{}".format(*self.address)

    def close(self) -> None:
        """Serve no more."""
        self._datagrams.close()
        self._stream.close()

    def _answer(self, data: bytes, tcp: bool) -> bytes | None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        name, kind = question.name.to_text(omit_final_dot=True), question.rdtype.name
        self.asked.append(f"{name} {kind}")
        answer = dns.message.make_response(query)
        for _ in range(20):  # aliases, so many and no more
            alias = self._zone.get(f"{name} CNAME")
            if alias is None:
                break
            answer.answer.append(dns.rrset.from_text(f"{name}.", TTL, "IN", "CNAME", *alias))
            name = alias[0].rstrip(".")
        records = self._zone.get(f"{name} {kind}")
        if records:
            answer.answer.append(dns.rrset.from_text_list(f"{name}.", TTL, "IN", kind, records))
        elif not any(key.startswith(f"{name} ") for key in self._zone):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return self._twist(answer, tcp)

    def _serve_datagrams(self) -> None:
        while True:
            try:
                data, source = self._datagrams.recvfrom(65535)
                answer = self._answer(data, tcp=False)
                if answer is not None:
                    self._datagrams.sendto(answer, source)
            except OSError:
                return

    def _serve_streams(self) -> None:
        while True:
            try:
                stream, _ = self._stream.accept()
            except OSError:
                return
            with stream:
                length = int.from_bytes(stream.recv(2), "big")
                answer = self._answer(stream.recv(length), tcp=True)
                if answer is not None:
                    stream.sendall(len(answer).to_bytes(2, "big") + answer)


def _free() -> tuple[socket.socket, socket.socket]:
    """Sockets for TCP and UDP on one port, which must be free for both."""
    while True:
        stream, datagrams = socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            datagrams.bind(stream.getsockname())
            return stream, datagrams
        except OSError:
            stream.close()
            datagrams.close()


@contextmanager
def name_server(zone: Zone, twist: Twist = honest) -> Iterator[NameServer]:
    """One that is closed at the end."""
    server = NameServer(zone, twist)
    try:
        yield server
    finally:
        server.close()
