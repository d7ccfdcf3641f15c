"""Hosts that are numbers: which of them are an address that one machine can have (RFC 3261 §25.1, RFC 5954)."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

LONGEST = 50
"""Characters of the longest numeric host, an IPv6 reference, and some to spare: a longer one is a name, or nonsense."""


def written(host: str) -> bytes:
    """A numeric host as it stands in a URI or a Via: IPv6 in brackets."""
    return (f"[{host}]" if ":" in host else host).encode()


def single_machine(host: bytes) -> IPv4Address | IPv6Address | None:
    """The address that a host of a URI or Via says in numbers (IPv6 in brackets); None for names and nonsense, and for
    0.0.0.0, broadcast and multicast, so that nobody makes us shout at everybody."""
    return _single_machine(host) if len(host) <= LONGEST else None


@lru_cache(maxsize=8192)
def _single_machine(host: bytes) -> IPv4Address | IPv6Address | None:
    bracketed = host[:1] == b"[" and host[-1:] == b"]"
    try:
        address = ip_address((host[1:-1] if bracketed else host).decode("ascii"))
    except ValueError:
        return None
    if (address.version == 6) != bracketed or address.is_multicast or address.is_unspecified:
        return None
    return None if address.version == 4 and address.is_reserved else address
