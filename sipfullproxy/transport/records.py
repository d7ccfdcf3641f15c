"""Fetches records of the DNS, one question at a time: by dnspython; or addresses alone, by the operating system."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from sipfullproxy.engine.locating import Naptr, Query, Records, Srv
from sipfullproxy.libraries import missing

if TYPE_CHECKING:
    from dns.resolver import Resolver

CACHED = 500
"""Answers that are remembered, each of 64 KiB at most; a class that calls by names needs some twenty."""

LONGEST_TTL = 3_600
"""Seconds that an answer is believed, whatever it says itself: a wrong one is not to stay until the next restart."""

ADDRESS_TTL = 60
"""Seconds that an answer of the operating system is believed, which does not say how long it holds."""

MOST_RECORDS = 100
"""Records of one answer that are looked at; a few are enough for anybody."""

LIBRARY = "dnspython"
"""What must be installed for all but addresses; `pip install .` in the folder of the project brings it."""

SYSTEM = "system"
"""The name servers that this machine uses for everything else."""

Fetch = Callable[[Query, float], Records | None]
"""Answers a question within so many seconds: with what there is, () where the DNS knows of none, None where nobody
answers. Many threads may call it at once."""


def has_library() -> bool:
    """Whether all kinds of records can be fetched, and not only addresses."""
    return not missing(LIBRARY)


def fetcher(server: tuple[str, int] | None = None) -> Fetch:
    """How records are fetched from now on.

    server: (numeric host, port) of the one name server to ask; None: those of this machine, and its file of hosts.
    Raises ImportError where a server is named, and dnspython is not installed or too old.
    """
    lacking = missing(LIBRARY)
    if server is not None and lacking:
        raise ImportError(*lacking)
    if server is not None:
        return _Library(server)
    if lacking:
        return addresses
    try:
        library = _Library(None)
    except (OSError, ValueError):  # the machine's own settings name no server
        return addresses
    return partial(_all, library)


def _all(library: Fetch, query: Query, seconds: float) -> Records | None:
    """What the DNS knows; an address also from where else the operating system has it, a file of hosts or mDNS, as in a
    lab that is offline."""
    records = library(query, seconds)
    return records if records or query.kind not in ("A", "AAAA") else addresses(query, seconds)


def addresses(query: Query, seconds: float) -> Records | None:
    """The addresses that the operating system knows of a name; nothing else. It takes the time that it takes."""
    if query.kind not in ("A", "AAAA"):
        return ()
    return _addresses(query, int(time.monotonic() // ADDRESS_TTL))


@lru_cache(maxsize=CACHED)
def _addresses(query: Query, age: int) -> Records | None:
    """age: grows when what was remembered is too old."""
    family = socket.AF_INET if query.kind == "A" else socket.AF_INET6
    try:
        found = socket.getaddrinfo(query.name, None, family, socket.SOCK_DGRAM)
    except socket.gaierror as error:
        return None if error.errno == socket.EAI_AGAIN else ()
    except (OSError, UnicodeError):  # a name that no label of the DNS can hold
        return ()
    return tuple(dict.fromkeys(str(address[0]) for *_, address in found[:MOST_RECORDS]))


class _Library:
    """All kinds of records, by dnspython. It asks again by TCP where an answer was cut, follows aliases so far and no
    farther, and remembers what it was told, also that there is nothing."""

    def __init__(self, server: tuple[str, int] | None) -> None:
        import dns.exception
        import dns.resolver

        class Cache(dns.resolver.LRUCache):
            """Does not believe for ever."""

            def put(self, key: Any, value: dns.resolver.Answer) -> None:
                value.expiration = min(value.expiration, time.time() + LONGEST_TTL)
                super().put(key, value)

        self._none = (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer, dns.exception.SyntaxError)
        self._silence = (dns.exception.DNSException, OSError)
        self._resolver: Resolver = dns.resolver.Resolver(configure=server is None)
        if server is not None:
            self._resolver.nameservers = [server[0]]
            self._resolver.port = server[1]
        self._resolver.cache = Cache(CACHED)

    def __call__(self, query: Query, seconds: float) -> Records | None:
        name = f"{query.name}."  # whole: nobody's search list is appended
        try:
            answer = self._resolver.resolve(name, query.kind, lifetime=seconds, raise_on_no_answer=False)
        except self._none:
            return ()
        except self._silence:
            return None
        return () if answer.rrset is None else tuple(map(_record, list(answer.rrset)[:MOST_RECORDS]))


def _record(data: Any) -> Naptr | Srv | str:
    """What of a record counts. Its type is that of the question."""
    match data.rdtype.name:
        case "NAPTR":
            flags, service = (text.decode("ascii", "replace") for text in (data.flags, data.service))
            return Naptr(data.order, data.preference, flags, service, _name(data.replacement))
        case "SRV":
            return Srv(data.priority, data.weight, data.port, _name(data.target))
    return str(data.address)


def _name(name: Any) -> str:
    return str(name.to_text(omit_final_dot=True))
