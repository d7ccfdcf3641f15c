"""A DNS made of a table: what `engine/locating.py` is told without any network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sipfullproxy.engine.locating import Destination, Found, Naptr, Query, Records, Srv, locate

Zone = Mapping[str, Sequence[Naptr | Srv | str] | None]
"""Records by name; an address with a colon in it is an AAAA. None: no question about that name is answered."""

UDP, TCP, TLS = ("udp", 4), ("tcp", 4), ("tls", 4)


def look(zone: Zone, query: Query) -> Records | None:
    """What the DNS answers."""
    records = zone.get(query.name, ())
    return None if records is None else [record for record in records if kind(record) == query.kind]


def kind(record: Naptr | Srv | str) -> str:
    """The type of a record."""
    if isinstance(record, str):
        return "AAAA" if ":" in record else "A"
    return "NAPTR" if isinstance(record, Naptr) else "SRV"


def find(zone: Zone, where: Destination, random: Callable[[int], int] = lambda most: 0) -> tuple[Found, list[Query]]:
    """What a destination leads to there, and what was asked for that."""
    search, asked = locate(where, random), []
    records: Records | None = None
    try:
        query = next(search)
        while True:
            asked.append(query)
            records = look(zone, query)
            query = search.send(records)
    except StopIteration as end:
        found: Found = end.value
        return found, asked
