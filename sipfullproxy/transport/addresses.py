"""Which addresses this machine has: the first question of everybody who must type one into a phone."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

from sipfullproxy.transport.sockets import family, socket_address

# Documentation addresses (RFC 5737, RFC 3849): routed like any other stranger, and nobody lives there.
FAR = ("192.0.2.1", 9)
FAR_IPV6 = ("2001:db8::1", 9)

# Where Linux lists the addresses of all its interfaces, IPv4 and IPv6; elsewhere there are no such files.
KERNEL_TABLE = Path("/proc/net/fib_trie")
KERNEL_TABLE_IPV6 = Path("/proc/net/if_inet6")

# What Linux says there of addresses that phones should not be told: those for a while (RFC 8981), those that are on
# their way out, and those that are not, or cannot be, ours alone (RFC 4862).
PASSING = 0x01 | 0x08 | 0x20 | 0x40


def routed() -> Iterable[str]:
    """The addresses from which this machine would send to a stranger. Nothing leaves: connect only looks for a
    route."""
    for far in (FAR, FAR_IPV6):
        try:
            with socket.socket(family(far[0]), socket.SOCK_DGRAM) as probe:
                probe.connect(far)
                yield probe.getsockname()[0]
        except OSError:  # no route: a LAN without a gateway, or no LAN at all
            continue


def named() -> Iterable[str]:
    """The addresses that this machine's name stands for: all of them on Windows, nothing but 127.0.1.1 on Debian."""
    try:
        found = socket.getaddrinfo(socket.gethostname(), None)
    except (OSError, UnicodeError):  # a name that nobody knows, or that no DNS label can hold
        return []
    return [str(address[0]) for *_, address in found]


def listed(table: Path = KERNEL_TABLE, table_ipv6: Path = KERNEL_TABLE_IPV6) -> Iterable[str]:
    """The addresses in the kernel's own tables, on Linux."""
    yield from re.findall(r"\|-- ([\d.]+)\n\s+/32 host LOCAL", _read(table))
    for digits, flags, interface in re.findall(r"(?m)^(\w{32}) \w+ \w+ \w+ (\w+) +(\S+)$", _read(table_ipv6)):
        address = IPv6Address(int(digits, 16))
        if not int(flags, 16) & PASSING:
            yield f"{address}%{interface}" if address.is_link_local else str(address)


def _read(table: Path) -> str:
    try:
        return table.read_text("ascii")
    except (OSError, UnicodeError):
        return ""


def lan_addresses(sources: Iterable[Callable[[], Iterable[str]]] = (routed, named, listed)) -> list[str]:
    """Addresses at which phones may reach this machine, the likeliest first; loopback only where nothing else is.

    sources: functions that tell addresses, the most trusted first. IPv4 comes before IPv6: nobody likes to type that.
    Addresses that are known on one link only (169.254…, RFC 3927; fe80::…, with the name of the link) come behind all
    others; of the second there is one on each interface, so they count only where nothing else does.
    """
    found = dict.fromkeys(ip_address(text) for source in sources for text in source())
    real = [address for address in found if not address.is_loopback and not address.is_unspecified]
    best = [address for address in real if address.version == 4 or not address.is_link_local]
    return [str(address) for address in sorted(best, key=_rank) or real] or ["127.0.0.1"]


def _rank(address: IPv4Address | IPv6Address) -> tuple[bool, int]:
    return address.is_link_local, address.version


def is_local(ip: str) -> bool:
    """Whether `ip` is an address of this machine: whether a socket may be bound to it."""
    try:
        with socket.socket(family(ip), socket.SOCK_DGRAM) as probe:
            probe.bind(socket_address((ip, 0)))
    except (OSError, UnicodeError):
        return False
    return True
