"""What the socket module wants to know of an address, IPv4 or IPv6, with the link of one that is known there only."""

from __future__ import annotations

import socket
from typing import Any

Address = tuple[str, int]
"""(numeric host, port), the host of a link with that: "fe80::1%eth0" (RFC 4007 §11)."""


def family(host: str) -> socket.AddressFamily:
    """IPv4 or IPv6."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def socket_address(address: Address) -> tuple[Any, ...]:
    """The address as a socket of its family takes it. Raises OSError for what is none, or names a link that is none."""
    return socket.getaddrinfo(*address, family(address[0]), socket.SOCK_DGRAM, 0, socket.AI_NUMERICHOST)[0][4]


def on_link(remote: Address, link: int) -> tuple[Any, ...]:
    """A peer's address as a socket takes it. link: number of the network interface, for a peer that is known there
    only; else 0."""
    return (*remote, 0, link) if link and remote[0].startswith(LINK_LOCAL) else remote


def link_of(address: tuple[Any, ...]) -> int:
    """The number of the interface that a socket's address belongs to; 0 for what is known everywhere, and for IPv4."""
    return int(address[3]) if len(address) == 4 else 0


def one_family(opened: socket.socket) -> None:
    """Have an IPv6 socket take no IPv4: such peers would seem to have addresses that nobody has typed (::ffff:…)."""
    if opened.family == socket.AF_INET6:
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)


LINK_LOCAL = ("fe8", "fe9", "fea", "feb")
"""How hosts of fe80::/10 begin."""
