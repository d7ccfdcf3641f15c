"""Hosts that are numbers: how they are written and compared, and which of them are an address that one machine can have
(RFC 3261 §25.1, RFC 5954)."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

LONGEST = 50
"""Characters of the longest numeric host, an IPv6 reference, and some to spare: a longer one is a name, or nonsense."""

Machine = IPv4Address | IPv6Address

_NAT64 = IPv6Network("64:ff9b::/96")
"""RFC 6052 §2.1: behind these stand IPv4 addresses, in the last four bytes."""


def written(host: str) -> bytes:
    """A numeric host as it stands in a URI or a Via: IPv6 in brackets."""
    return (f"[{host}]" if ":" in host else host).encode()


def endpoint(host: str, port: int) -> str:
    """`host:port` as people and web addresses write it: IPv6 in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def canonical(host: bytes) -> bytes:
    """A host of a URI or Via as it is compared: lower case, IPv6 in brackets and in its short form (RFC 5954 §4.2
    compares addresses, not texts). What is no IPv6 address stays: some write a colon too many (RFC 5118 §4.10)."""
    if host[:1] == b"[":
        try:
            return b"[%b]" % IPv6Address(host[1:-1].decode()).compressed.encode()
        except ValueError:
            pass
    return host.lower()


def scope(machine: Machine) -> tuple[int, str]:
    """IP version, and how far an address is known: "" everywhere; "loopback", "link": only there (RFC 4007 §4). Where
    the two ends of a way differ in it, none of them reaches the other. An IPv4 address of a link needs no name of the
    link beside it, so it counts as any."""
    if machine.is_loopback:
        return machine.version, "loopback"
    return machine.version, "link" if machine.version == 6 and machine.is_link_local else ""


def single_machine(host: bytes) -> Machine | None:
    """The address that a host of a URI or Via says in numbers (IPv6 in brackets); None for names and nonsense, and for
    0.0.0.0, broadcast and multicast, so that nobody makes us shout at everybody.

    An IPv4 address in the clothes of IPv6 (::ffff:192.0.2.1, RFC 4291 §2.5.5.2) is that IPv4 address. Behind a NAT64
    only those of the whole world stand (RFC 6052 §3.1): our own network is not reached by its back door.
    """
    return _single_machine(host) if len(host) <= LONGEST else None


def is_name(host: bytes) -> bool:
    """Whether a host of a URI or Via is a name, and not a number, or nonsense that looks like one (RFC 1123 §2.1)."""
    last = host.rstrip(b".").rpartition(b".")[2]
    return host[:1] != b"[" and last != b"" and not last.isdigit()


@lru_cache(maxsize=8192)
def _single_machine(host: bytes) -> Machine | None:
    bracketed = host[:1] == b"[" and host[-1:] == b"]"
    try:
        address = ip_address((host[1:-1] if bracketed else host).decode("ascii"))
    except ValueError:
        return None
    if (address.version == 6) != bracketed:
        return None
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return None  # the name of a link means nothing beyond the machine that gave it (RFC 4007 §11.2)
        if address in _NAT64 and not IPv4Address(address.packed[-4:]).is_global:
            return None
        address = address.ipv4_mapped or address
    if address.is_multicast or address.is_unspecified:
        return None
    return None if address.version == 4 and address.is_reserved else address
