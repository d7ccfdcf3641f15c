"""Reads the UDP datagrams of a capture file: classic pcap, Ethernet, IPv4. What came in fragments is left out."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import NamedTuple

MAGIC = {b"\xd4\xc3\xb2\xa1": "<", b"\xa1\xb2\xc3\xd4": ">"}
"""Captures with microseconds, by the byte order of their writer."""
ETHERNET = 1
IPV4 = 0x0800
UDP = 17
FRAGMENT = 0x3FFF
"""More fragments follow, or the offset is not 0 (RFC 791 §3.1)."""


class Datagram(NamedTuple):
    """One UDP datagram. time: seconds since the first packet of the file. source, destination: (host, port)."""

    time: float
    source: tuple[str, int]
    destination: tuple[str, int]
    data: bytes


def read(path: Path) -> list[Datagram]:
    """All datagrams of a file, in order."""
    raw = path.read_bytes()
    order = MAGIC[raw[:4]]
    (link,) = struct.unpack_from(order + "I", raw, 20)
    assert link == ETHERNET, f"{path} was not captured from an Ethernet"
    found: list[Datagram] = []
    start: float | None = None
    position = 24
    while position < len(raw):
        seconds, micros, length, _ = struct.unpack_from(order + "4I", raw, position)
        frame = raw[position + 16 : position + 16 + length]
        position += 16 + length
        time = seconds + micros / 1e6
        start = time if start is None else start
        (kind,) = struct.unpack_from("!H", frame, 12)
        packet = frame[14:]
        size, _, flags = struct.unpack_from("!HHH", packet, 2)
        if kind != IPV4 or packet[9] != UDP or flags & FRAGMENT:
            continue
        payload = packet[(packet[0] & 15) * 4 : size]
        source, destination = struct.unpack_from("!HH", payload)
        found.append(
            Datagram(time - start, (_host(packet[12:16]), source), (_host(packet[16:20]), destination), payload[8:])
        )
    return found


def _host(address: bytes) -> str:
    return ".".join(map(str, address))
