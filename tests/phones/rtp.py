"""RTP as it passes the switch: the voice in G.711 packets, and whether there is a picture in the VP8 ones."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from tests.phones.wire import Datagram, SipMessage

PCMU = 0


@dataclass(frozen=True)
class Packet:
    """What we want of an RTP packet (RFC 3550 §5.1): its payload, and of which kind that is."""

    kind: int
    payload: bytes


def parse(datagram: Datagram) -> Packet | None:
    """The RTP packet in a datagram; None for RTCP, keepalives and whatever else there is."""
    data = datagram.payload
    # RTCP has its packet types where RTP has the marker and the payload type: 192 and above (RFC 5761 §4).
    if len(data) < 12 or data[0] >> 6 != 2 or 192 <= data[1] <= 223:
        return None
    return Packet(data[1] & 127, data[12 + 4 * (data[0] & 15) :])


def voice(datagrams: Iterable[Datagram]) -> tuple[int, ...]:
    """The samples in the G.711 µ-law packets among the datagrams."""
    packets = [packet for packet in map(parse, datagrams) if packet and packet.kind == PCMU]
    return tuple(_MU_LAW[byte] for packet in packets for byte in packet.payload)


def pictures(datagrams: Iterable[Datagram], description: SipMessage) -> list[Packet]:
    """The VP8 packets among the datagrams that go to the video port of the one who sent this session description."""
    offered = re.search(r"^m=video (\d+) .*", description.body, re.MULTILINE)
    kind = re.search(r"^a=rtpmap:(\d+) VP8/90000", description.body, re.MULTILINE)
    if not offered or not kind:
        return []
    packets = [parse(datagram) for datagram in datagrams if datagram.target[1] == int(offered[1])]
    return [packet for packet in packets if packet and packet.kind == int(kind[1])]


def _decode(byte: int) -> int:
    """One sample of µ-law (ITU-T G.711): inverted bits of sign, exponent and mantissa."""
    byte = ~byte
    magnitude = (((byte & 0x0F) << 3) + 0x84 << ((byte & 0x70) >> 4)) - 0x84
    return -magnitude if byte & 0x80 else magnitude


_MU_LAW = [_decode(byte) for byte in range(256)]
