"""Which addresses this machine has: the first question of everybody who must type one into a phone."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Iterable
from pathlib import Path

# A documentation address (RFC 5737): routed like any other stranger, and nobody lives there.
FAR = ("192.0.2.1", 9)

# Where Linux lists the addresses of all its interfaces; elsewhere there is no such file.
KERNEL_TABLE = Path("/proc/net/fib_trie")


def routed() -> Iterable[str]:
    """The address from which this machine would send to a stranger. Nothing leaves: connect only looks for a route."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(FAR)
        except OSError:  # no route: a LAN without a gateway, or no LAN at all
            return []
        return [probe.getsockname()[0]]


def named() -> Iterable[str]:
    """The addresses that this machine's name stands for: all of them on Windows, nothing but 127.0.1.1 on Debian."""
    try:
        return [str(found[4][0]) for found in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)]
    except (OSError, UnicodeError):  # a name that nobody knows, or that no DNS label can hold
        return []


def listed(table: Path = KERNEL_TABLE) -> Iterable[str]:
    """The addresses in the kernel's own table, on Linux."""
    try:
        return re.findall(r"\|-- ([\d.]+)\n\s+/32 host LOCAL", table.read_text("ascii"))
    except (OSError, UnicodeError):
        return []


def lan_addresses(sources: Iterable[Callable[[], Iterable[str]]] = (routed, named, listed)) -> list[str]:
    """IPv4 addresses at which phones may reach this machine, the likeliest first; loopback only where nothing else is.

    sources: functions that tell addresses, the most trusted first. Addresses of an interface that got none from
    anybody (169.254…, RFC 3927) come behind all others.
    """
    found = dict.fromkeys(ipaddress.IPv4Address(text) for source in sources for text in source())
    real = [address for address in found if not address.is_loopback and not address.is_unspecified]
    loopback = [ipaddress.IPv4Address("127.0.0.1")]
    return [str(address) for address in sorted(real, key=lambda address: address.is_link_local) or loopback]


def is_local(ip: str) -> bool:
    """Whether `ip` is an address of this machine: whether a socket may be bound to it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((ip, 0))
        except OSError:
            return False
    return True
