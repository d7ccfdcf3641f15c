"""All that passes the switch: every frame on the bridge, with the SIP messages and the RTP packets found in them.

A test asks the wire what a phone or the proxy *really* sent. The reader of messages is deliberately a small one of
its own: the proxy's parser must not be judged by itself.
"""

from __future__ import annotations

import re
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.phones.lan import Host
from tests.waiting import eventually

ETH_P_ALL = 0x0003
SO_RCVBUFFORCE = 33
UDP = 17

# Room for the frames that come while the test is busy elsewhere, in bytes: some ten seconds of video.
BUFFER = 16 * 1024 * 1024

COMPACT = {
    "i": "call-id", "m": "contact", "e": "content-encoding", "l": "content-length", "c": "content-type", "f": "from",
    "s": "subject", "k": "supported", "t": "to", "v": "via", "o": "event", "r": "refer-to", "b": "referred-by",
    "u": "allow-events", "x": "session-expires",
}  # fmt: skip


@dataclass(frozen=True)
class Datagram:
    """One UDP datagram, put together again if it came in several fragments. `time` is wall time in seconds."""

    time: float
    source: tuple[str, int]
    target: tuple[str, int]
    payload: bytes
    fragments: int


@dataclass(frozen=True)
class SipMessage:
    """One SIP message as it was on the wire; header names are in small letters and never compact."""

    datagram: Datagram
    start: str
    headers: list[tuple[str, str]] = field(repr=False)
    body: str = field(repr=False)

    @property
    def status(self) -> int:
        """The status code of a response; 0 for a request."""
        return int(self.start.split()[1]) if self.start.startswith("SIP/2.0 ") else 0

    @property
    def call(self) -> str:
        """The Call-ID."""
        return self.header("call-id")

    def header(self, name: str) -> str:
        """All values of the header `name`, joined by commas; empty if it is not there."""
        return ", ".join(value for one, value in self.headers if one == name)

    def touches(self, address: str) -> bool:
        """Whether the message comes from this address or goes there."""
        return address in (self.datagram.source[0], self.datagram.target[0])

    def arrow(self) -> str:
        """The message as one line of a ladder diagram."""
        (source, _), (target, _) = self.datagram.source, self.datagram.target
        extra = "".join(f"  {name}: {self.header(name)}" for name in ("event", "refer-to") if self.header(name))
        answered = f" ({self.header('cseq')})" if self.status else ""
        stamp = time.strftime("%H:%M:%S", time.localtime(self.datagram.time)) + f"{self.datagram.time % 1:.3f}"[1:]
        return f"{stamp}  {source:>14} → {target:<14}  {self.start}{answered}{extra}"


class Wire:
    """The switch's memory: it hears all from the moment it is made until `close`."""

    def __init__(self, switch: Host) -> None:
        self._socket = switch.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
        self._socket.bind(("br0", ETH_P_ALL))
        self._lock = threading.Lock()
        self._fragments: dict[tuple[bytes, bytes], dict[int, tuple[bytes, bool]]] = {}
        self._frames: list[tuple[float, bytes]] = []
        self._sip: list[SipMessage] = []
        self._media: list[Datagram] = []
        self._closing = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def forget_media(self) -> None:
        """Forget the datagrams that were no SIP, so that `media` tells only what comes from now on."""
        with self._lock:
            self._media = []

    def close(self) -> None:
        """Hear no more."""
        self._closing = True
        self._reader.join()
        self._socket.close()

    def messages(
        self, start: str = "", source: str = "", target: str = "", body: str = "", **headers: str
    ) -> list[SipMessage]:
        """The SIP messages so far whose parts fit: patterns (regular expressions) for the start line, the body and the
        headers (`cseq="INVITE"`, `refer_to="carol"`); plain addresses for `source` and `target`.
        """
        with self._lock:
            messages = list(self._sip)
        wanted: Mapping[str, str] = {name.replace("_", "-"): pattern for name, pattern in headers.items()}
        return [
            message
            for message in messages
            if re.match(start, message.start)
            and source in ("", message.datagram.source[0])
            and target in ("", message.datagram.target[0])
            and re.search(body, message.body)
            and all(re.search(pattern, message.header(name)) for name, pattern in wanted.items())
        ]

    def expect(
        self,
        start: str,
        source: str = "",
        target: str = "",
        body: str = "",
        within: float | None = None,
        **headers: str,
    ) -> SipMessage:
        """Wait for a SIP message that fits, see `messages`, as `eventually` does. The first of them."""
        look: Callable[[], list[SipMessage]] = lambda: self.messages(start, source, target, body, **headers)  # noqa: E731
        detail = f"{start!r} {source or '*'} → {target or '*'} {body!r} {headers}"
        return eventually(look, lambda: f"{detail} on the wire:\n{self.ladder()}", within)[0]

    def media(self, source: str, target: str) -> list[Datagram]:
        """The datagrams from host to host that are not SIP: RTP, RTCP."""
        with self._lock:
            media = list(self._media)
        return [one for one in media if one.source[0] == source and one.target[0] == target]

    def ladder(self) -> str:
        """All the SIP messages so far, one a line: the story of a test for whoever has to find out why it failed."""
        return "\n".join(message.arrow() for message in self.messages())

    def save(self, path: Path) -> None:
        """Write all frames into a capture file for Wireshark."""
        with self._lock:
            frames = list(self._frames)
        with path.open("wb") as file:
            file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 0x40000, 1))
            for when, frame in frames:
                file.write(struct.pack("<IIII", int(when), int(when % 1 * 1e6), len(frame), len(frame)) + frame)

    def _read(self) -> None:
        self._socket.settimeout(0.2)
        while not self._closing:
            try:
                frame = self._socket.recv(65536)
            except TimeoutError:
                continue
            now = time.time()
            datagram = self._datagram(now, frame)
            message = _message(datagram) if datagram else None
            with self._lock:
                self._frames.append((now, frame))
                if message:
                    self._sip.append(message)
                elif datagram:
                    self._media.append(datagram)

    def _datagram(self, now: float, frame: bytes) -> Datagram | None:
        """The UDP datagram that this frame holds or completes."""
        packet = frame[14:]
        if frame[12:14] != b"\x08\x00" or packet[9] != UDP:
            return None
        header, length = (packet[0] & 15) * 4, int.from_bytes(packet[2:4], "big")
        flags = int.from_bytes(packet[6:8], "big")
        data, more, offset = packet[header:length], bool(flags & 0x2000), (flags & 0x1FFF) * 8
        fragments = 1
        if more or offset:
            pieces = self._fragments.setdefault((packet[12:20], packet[4:6]), {})
            pieces[offset] = (data, more)
            whole = _joined(pieces)
            if whole is None:
                return None
            data, fragments = whole, len(pieces)
            del self._fragments[packet[12:20], packet[4:6]]
        ports = struct.unpack(">HH", data[:4])
        source, target = socket.inet_ntoa(packet[12:16]), socket.inet_ntoa(packet[16:20])
        return Datagram(now, (source, ports[0]), (target, ports[1]), data[8:], fragments)


def _joined(pieces: Mapping[int, tuple[bytes, bool]]) -> bytes | None:
    """The whole of a packet of which we have these pieces, by their offset; None while one is missing."""
    whole, more = b"", True
    while more:
        if len(whole) not in pieces:
            return None
        piece, more = pieces[len(whole)]
        whole += piece
    return whole


def malformed(capture: Path) -> list[str]:
    """What tshark calls malformed among the SIP messages of a capture file, one line each."""
    # A host that is told of a phone that has gone quotes the beginning of the message, which is cut off then.
    strange = "sip && _ws.malformed && !icmp && !icmpv6"
    command = ["tshark", "-n", "-r", str(capture), "-Y", strange]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def _message(datagram: Datagram) -> SipMessage | None:
    """The SIP message in a datagram, or None if it holds something else."""
    head, _, body = datagram.payload.partition(b"\r\n\r\n")
    start, *lines = head.decode("utf-8", "replace").split("\r\n")
    if not (start.startswith("SIP/2.0 ") or start.endswith(" SIP/2.0")):
        return None
    headers = []
    for line in lines:
        name, _, value = line.partition(":")
        name = name.strip().lower()
        headers.append((COMPACT.get(name, name), value.strip()))
    return SipMessage(datagram, start, headers, body.decode("utf-8", "replace"))
