"""Where a name leads: from records of the DNS to servers, in the order to try them (RFC 3263 §4, RFC 2782).

`locate` is a generator. It yields a `Query`, is sent the records that answer it, and in the end returns what it has
found; so it needs no socket, and its tests need no DNS. Who asks the DNS: `transport/records.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Literal, NamedTuple

SERVERS = 6
"""Servers of one name whose addresses are looked up. Each may be silent for seconds, and nobody waits for more."""

HOPS = 8
"""Addresses that one name is good for, all its servers together."""

LONGEST_NAME = 253
"""Characters of the longest name that a question to the DNS can hold (RFC 1035 §2.3.4)."""

SERVICES = {"udp": ("SIP+D2U", "_sip._udp"), "tcp": ("SIP+D2T", "_sip._tcp"), "tls": ("SIPS+D2T", "_sips._tcp")}
"""By transport: what NAPTR records call it, and where its SRV records are (RFC 3263 §4.1). In our order of preference,
where the other side has none."""

PORTS = {"tls": 5061}
"""By transport, where its servers are that have no SRV record; else at 5060 (RFC 3263 §4.2)."""

_TRANSPORTS = {service: transport for transport, (service, _) in SERVICES.items()}

# Lenient: underscores, which the names of services have, and some hosts too.
_NAME = re.compile(r"(?!.*\.\.)[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?")

Kind = Literal["NAPTR", "SRV", "A", "AAAA"]


class Destination(NamedTuple):
    """What a URI says of where a request goes, if it says so by a name.

    host: the name, lower case. port, transport: None where the URI does not say. spoken: the transports that may be
    taken, each with the version of IP; for a sips URI those over TLS alone.
    """

    host: str
    port: int | None
    transport: str | None
    spoken: tuple[tuple[str, int], ...]


class Query(NamedTuple):
    """A question to the DNS."""

    name: str
    kind: Kind


class Naptr(NamedTuple):
    """RFC 3403 §4.1, what of it counts here."""

    order: int
    preference: int
    flags: str
    service: str
    replacement: str


class Srv(NamedTuple):
    """RFC 2782. target: "." where there is decidedly no such service."""

    priority: int
    weight: int
    port: int
    target: str


Records = Sequence[Naptr | Srv | str]
"""What answers a `Query`, of its kind alone: an address is text. Empty: the DNS knows of none."""


class Hop(NamedTuple):
    """One address to try. names: the names that led there, from the first one on."""

    transport: str
    host: str
    port: int
    names: tuple[str, ...]


class Found(NamedTuple):
    """What a name is good for. hops: the best first. silent: whether some question got no answer, so that there may be
    more than was found."""

    hops: tuple[Hop, ...] = ()
    silent: bool = False


class _Server(NamedTuple):
    transport: str
    name: str
    port: int
    names: tuple[str, ...]


def locate(where: Destination, random: Callable[[int], int]) -> Generator[Query, Records | None, Found]:
    """Find the servers of a destination.

    random: gives a whole number from 0 to its argument, both included. Yields queries, is sent the records of each, or
    None where nobody answered; returns what was found.
    """
    return (yield from _Search(where, random).run())


class _Search:
    """One run of `locate`."""

    def __init__(self, where: Destination, random: Callable[[int], int]) -> None:
        self._where = where
        self._random = random
        self._silent = False
        self._no_service = False
        self._transports = [transport for transport in SERVICES if transport in {name for name, _ in where.spoken}]

    def run(self) -> Generator[Query, Records | None, Found]:
        servers = yield from self._servers()
        hops: list[Hop] = []
        for server in servers[:SERVERS]:
            for kind, version in (("A", 4), ("AAAA", 6)):  # IPv6 that leads nowhere would cost seconds of silence
                if len(hops) < HOPS and (server.transport, version) in self._where.spoken:
                    addresses = yield from self._ask(server.name, "A" if kind == "A" else "AAAA")
                    found = [address for address in addresses if isinstance(address, str)]
                    hops += [Hop(server.transport, address, server.port, server.names) for address in found]
        return Found(tuple(hops[:HOPS]), self._silent)

    def _ask(self, name: str, kind: Kind) -> Generator[Query, Records | None, Records]:
        """The records of a name; none, where it cannot be one."""
        if len(name) > LONGEST_NAME or _NAME.fullmatch(name) is None:
            return ()
        records = yield Query(name, kind)
        if records is None:
            self._silent = True
            return ()
        return records

    def _servers(self) -> Generator[Query, Records | None, list[_Server]]:
        """§4.1 and §4.2: the servers by name, transport and port."""
        where = self._where
        if not self._transports:
            return []
        default = where.transport or self._transports[0]
        if where.port is not None:
            return [_Server(default, where.host, where.port, (where.host,))]
        servers: list[_Server] = []
        if where.transport is None:
            for transport, name in (yield from self._services()):
                servers += yield from self._of_service(transport, name)
        if not servers and not self._no_service:
            for transport in self._transports if where.transport is None else [where.transport]:
                before, self._silent = self._silent, False
                servers = yield from self._of_service(transport, f"{SERVICES[transport][1]}.{where.host}")
                silent, self._silent = self._silent, self._silent or before
                if servers or silent:  # who does not answer this will not answer the next one either
                    break
        if servers or self._no_service:
            return servers
        return [_Server(default, where.host, PORTS.get(default, 5060), (where.host,))]

    def _services(self) -> Generator[Query, Records | None, list[tuple[str, str]]]:
        """§4.1: the transports that the domain offers, in its order, with the names of their SRV records. Of records
        with another order than the lowest that counts, none does (RFC 3403 §4.1)."""
        records = yield from self._ask(self._where.host, "NAPTR")
        offered = [
            record for record in records
            if isinstance(record, Naptr) and record.flags.lower() == "s"
            and _TRANSPORTS.get(record.service.upper()) in self._transports
        ]  # fmt: skip
        offered.sort(key=attrgetter("order", "preference"))
        return [
            (_TRANSPORTS[record.service.upper()], record.replacement)
            for record in offered[: len(SERVICES)]  # one for each transport, unless somebody wants us to ask on and on
            if record.order == offered[0].order
        ]

    def _of_service(self, transport: str, service: str) -> Generator[Query, Records | None, list[_Server]]:
        """§4.2: the servers of a transport, in the order of RFC 2782."""
        service = service.lower().rstrip(".")
        records = yield from self._ask(service, "SRV")
        found = [record for record in records if isinstance(record, Srv)]
        useful = [record for record in found if record.target != "." and record.port]
        if found and not useful:
            self._no_service = True
        names = (self._where.host, service)
        return [
            _Server(transport, name, record.port, (*names, name) if name != self._where.host else names)
            for record in in_order(useful, self._random)
            for name in [record.target.lower().rstrip(".")]
        ]


def in_order(records: Iterable[Srv], random: Callable[[int], int]) -> list[Srv]:
    """The order to try servers in (RFC 2782, "Usage rules"): the lowest priority first; among equals chance decides,
    and the weight is its bias. random: see `locate`."""
    ordered = []
    for _, group in groupby(sorted(records, key=attrgetter("priority", "weight")), key=attrgetter("priority")):
        rest = list(group)  # those without weight first, so that they have a very small chance
        while rest:
            pick = random(sum(record.weight for record in rest))
            for record in rest:
                pick -= record.weight
                if pick <= 0:
                    break
            rest.remove(record)
            ordered.append(record)
    return ordered
