"""The messages of a call as a capture that Wireshark opens, with the addresses, ports and times that they really had.

What came by UDP is one IP packet a message, however long: what was fragmented on the wire is whole here. What travelled
on a connection becomes TCP segments whose numbers go on from message to message, so that Wireshark puts the stream
together; they are made up, and so there is no handshake and no bare acknowledgement among them. What was encrypted, or
wrapped in a WebSocket, stands there as plain SIP, and our port of it is 5060, so that it is read as SIP.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final

from sipfullproxy.engine.flow import LARGEST_DATAGRAM, Flow
from sipfullproxy.journal.record import Record

MEDIA_TYPE: Final = "application/vnd.tcpdump.pcap"
"""Of a capture that is handed out over HTTP (IANA)."""

SIP_PORT: Final = 5060
RAW: Final = 101
"""LINKTYPE_RAW: a packet begins with its IP header; no Ethernet address has to be made up."""
LARGEST_SEGMENT: Final = 65_000
"""Bytes of a message in one TCP segment; the length of an IP packet is 65,535 at most."""
SNAPSHOT: Final = 65_535
UDP: Final = 17
TCP: Final = 6
TTL: Final = 64

_Socket = tuple[str, int]


class NoLibraryError(Exception):
    """There is no dpkt on this computer: captures are off, until `pip install dpkt`."""


def pcap(records: Sequence[Record]) -> bytes:
    """The records as a file of the classic pcap format, with microseconds.

    Left out is what was too long to be ever sent. Raises NoLibraryError where dpkt is not installed.
    """
    try:
        from dpkt.pcap import Writer
    except ImportError as error:
        raise NoLibraryError(str(error)) from error
    file = io.BytesIO()
    writer = Writer(file, snaplen=SNAPSHOT, linktype=RAW)
    streams: dict[tuple[Flow, bool], int] = {}
    for record in records:
        for packet in _packets(record, streams):
            writer.writepkt_time(packet, round(record.time, 6))
    return file.getvalue()


def _packets(record: Record, streams: dict[tuple[Flow, bool], int]) -> list[bytes]:
    """The IP packets of one message. streams: the next sequence number of each direction of each connection."""
    from dpkt import tcp, udp

    flow = record.flow
    local = flow.local if flow.transport in ("udp", "tcp") else (flow.local[0], SIP_PORT)
    source, target = (flow.remote, local) if record.inward else (local, flow.remote)
    if flow.transport == "udp":
        if len(record.data) > LARGEST_DATAGRAM:
            return []
        length = len(record.data) + 8
        return [_ip(source, target, UDP, udp.UDP(sport=source[1], dport=target[1], ulen=length, data=record.data))]
    packets = []
    for start in range(0, len(record.data), LARGEST_SEGMENT):
        piece = record.data[start : start + LARGEST_SEGMENT]
        number = streams.get((flow, record.inward), 1)
        heard = streams.get((flow, not record.inward), 1)
        streams[flow, record.inward] = (number + len(piece)) % 2**32
        segment = tcp.TCP(
            sport=source[1], dport=target[1], seq=number, ack=heard, flags=tcp.TH_ACK | tcp.TH_PUSH, data=piece
        )
        packets.append(_ip(source, target, TCP, segment))
    return packets


def _ip(source: _Socket, target: _Socket, protocol: int, payload: Any) -> bytes:
    """A whole packet; the library fills in lengths and checksums."""
    from dpkt import ip, ip6

    sender, receiver = _address(source[0]), _address(target[0])
    if isinstance(sender, IPv4Address) and isinstance(receiver, IPv4Address):
        return bytes(ip.IP(src=sender.packed, dst=receiver.packed, p=protocol, ttl=TTL, data=payload))
    packet = ip6.IP6(
        src=_as_ipv6(sender), dst=_as_ipv6(receiver), nxt=protocol, hlim=TTL, plen=len(payload), data=payload
    )
    whole = bytes(packet)
    if payload.sum:
        return whole
    # A checksum that comes to zero is sent as its complement; "none" is not allowed here (RFC 8200 §8.1).
    payload.sum = 0xFFFF
    return bytes(packet)


def _address(host: str) -> IPv4Address | IPv6Address:
    return ip_address(host.partition("%")[0])


def _as_ipv6(address: IPv4Address | IPv6Address) -> bytes:
    return address.packed if isinstance(address, IPv6Address) else IPv6Address(f"::ffff:{address}").packed
