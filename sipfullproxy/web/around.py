"""What is told of one call by looking at what happened around it."""

from __future__ import annotations

from collections.abc import Sequence

from sipfullproxy.engine.events import Event, Registered, Unregistered
from sipfullproxy.explain.related import How, marks, related
from sipfullproxy.explain.trouble import Trouble, trouble
from sipfullproxy.journal.cards import CallCard
from sipfullproxy.journal.record import Record
from sipfullproxy.lang import Lang
from sipfullproxy.web.house import Archive, Served

# Seconds before and after the beginning of a call in which those that belong to it begin: a transfer or a conference
# comes out of a talk, and talks of a lab are short.
AROUND = 900.0

# Calls that are looked at: those of a whole class in that time, at some 0.2 ms each.
MOST_AROUND = 60


def tied(archive: Archive, card: CallCard, records: Sequence[Record]) -> list[tuple[CallCard, How]]:
    """The calls that a call is tied to by a transfer, a conference or a forwarding, and how. records: its messages."""
    if not records:
        return []
    around = archive.calls(limit=MOST_AROUND, before=card.began + AROUND)
    others = {other.call: other for other in around if other.began > card.began - AROUND and other.call != card.call}
    ties = related(marks(records), [marks(archive.records(other)) for other in others.values()])
    return [(others[tie.call], tie.how) for tie in ties if tie.call in others]


def trouble_of(
    proxy: Served, card: CallCard, events: Sequence[Event], records: Sequence[Record], lang: Lang
) -> Trouble | None:
    """What went wrong with a call; see `explain.trouble`."""
    registrations = [event for event in proxy.archive.book.journal() if isinstance(event, Registered | Unregistered)]
    return trouble(card, [*events, *registrations], records, proxy.phones(), lang)
