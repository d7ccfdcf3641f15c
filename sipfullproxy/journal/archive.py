"""The archive: one face for all who ask what was. What is new comes from memory, what is older from the database."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from typing import TypeVar

from sipfullproxy.engine.events import CallEvent, Event
from sipfullproxy.journal.book import Book, page
from sipfullproxy.journal.cards import CallCard, PastPhone
from sipfullproxy.journal.past import Past
from sipfullproxy.journal.record import Record
from sipfullproxy.journal.tape import Tape

AnyEvent = TypeVar("AnyEvent", bound=Event)


class Archive:
    """Calls, their events and their messages. Any thread may ask; the answers are copies.

    Calls keep their ids when the proxy is started anew. Who wants to follow what happens looks at `version` again and
    again.
    """

    def __init__(self, tape: Tape, book: Book, past: Past) -> None:
        self.tape = tape
        self.book = book
        self.past = past

    @property
    def version(self) -> int:
        """Grows with each message and each event."""
        return self.tape.version + self.book.version

    def calls(
        self, query: str = "", state: str = "", limit: int | None = None, before: float | None = None
    ) -> list[CallCard]:
        """See `Book.calls`."""
        here = self.book.calls(query, state, limit, before)
        # What memory knows of a call is newer, even where it says that the call is not sought (any more).
        older = (card for card in self.past.calls(query, state, before) if self.book.card(card.id) is None)
        return page(heapq.merge(here, older, key=_began, reverse=True), limit)

    def card(self, id: str) -> CallCard | None:
        """The card of a call; None where there is none of that id."""
        return self.book.card(id) or self.past.card(id)

    def events(self, id: str) -> list[CallEvent]:
        """What happened in a call, in order."""
        here = self.book.events(id)
        return [*_before(self.past.events(id), here), *here]

    def records(self, card: CallCard) -> list[Record]:
        """The messages of a call, in order: all those of its Call-ID. None where too many calls came at once to keep
        them."""
        here = self.tape.call(card.call)
        older = self.past.records(card.call)
        return [*(record for record in older if not here or record.number < here[0].number), *here]

    def journal(self, since: float, limit: int | None = None) -> list[Event]:
        """What happened since then (wall-clock seconds), in order; the latest `limit` of it, where that is not None."""
        here = self.book.journal()
        older = _before(self.past.journal(since, limit), here)
        found = [*older, *(event for event in here if event.time >= since)]
        return found if limit is None else found[-limit:]

    def past_phones(self, user: str = "") -> list[PastPhone]:
        """See `Book.past_phones`."""
        return self.book.past_phones(user)


def _began(card: CallCard) -> float:
    return card.began


def _before(older: Iterable[AnyEvent], here: Sequence[Event]) -> list[AnyEvent]:
    """Those that are older than all that is here."""
    return [event for event in older if not here or _moment(event) < _moment(here[0])]


def _moment(event: Event) -> tuple[float, int]:
    return event.time, event.serial
