"""The database of calls as its readers see it, in this process or in another one, while it is written or afterwards."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from sipfullproxy.engine.events import CallEvent, Event
from sipfullproxy.journal.cards import CallCard, fold
from sipfullproxy.journal.database import FAILURES, version_of
from sipfullproxy.journal.record import Record
from sipfullproxy.journal.schema import (
    READ_CALL,
    READ_EVENT,
    READ_MESSAGE,
    VERSION,
    card_of,
    event_of,
    record_of,
)

PATIENCE: Final = 1.0
"""Seconds that a reader waits for whoever writes; in this mode of SQLite that is next to never."""

Noun = TypeVar("Noun")

log = logging.getLogger(__name__)


class Past:
    """What was written down of former calls. Any thread may ask; each question opens the file anew, which is cheap.

    A file that is not there, cannot be read or is of another version holds nothing; `flaw` says why.

    path: of the database; None: there is none. skipped: how many rows were passed over, because another version of the
    program wrote them or the disk has damaged them.
    """

    def __init__(self, path: Path | None) -> None:
        self.skipped = 0
        self._path = path

    @property
    def flaw(self) -> str:
        """Why nothing can be read, in the words of the system; "" when it can."""
        try:
            with self._database() as database:
                version = version_of(database)
                return "" if version == VERSION else f"version {version}"
        except FAILURES as error:
            return str(error)

    def calls(self, query: str = "", state: str = "", before: float | None = None) -> Iterator[CallCard]:
        """See `Book.calls`."""
        where = """
            WHERE instr(search, :query) AND (:before IS NULL OR began < :before)
            AND (:state IN ('', state, "end") OR (:state = 'live' AND state != 'over')
            OR (:state = 'trouble' AND "end" IN ('busy', 'declined', 'missed', 'failed'))) ORDER BY began DESC
        """
        wanted: dict[str, object] = {"query": fold(query.strip()), "state": state, "before": before}
        return self._read(card_of, READ_CALL + where, wanted)

    def card(self, id: str) -> CallCard | None:
        """The card of a call; None where there is none of that id."""
        return next(self._read(card_of, f"{READ_CALL} WHERE id = :id", {"id": id}), None)

    def events(self, id: str) -> list[CallEvent]:
        """What happened in a call, in order."""
        found = self._read(event_of, f"{READ_EVENT} WHERE id = :id ORDER BY place", {"id": id})
        return [event for event in found if isinstance(event, CallEvent)]

    def journal(self, since: float, limit: int | None = None) -> list[Event]:
        """What happened since then (wall-clock seconds), in order; the latest `limit` of it, where that is not None."""
        wanted: dict[str, object] = {"since": since, "limit": -1 if limit is None else limit}
        found = self._read(event_of, f"{READ_EVENT} WHERE time >= :since ORDER BY place DESC LIMIT :limit", wanted)
        return list(found)[::-1]

    def records(self, call: str) -> list[Record]:
        """The messages of a Call-ID, in order; none where there were too many calls at once to write them down."""
        return list(self._read(record_of, f"{READ_MESSAGE} WHERE call = :call ORDER BY place", {"call": call}))

    def _read(
        self, noun_of: Callable[[tuple[Any, ...]], Noun | None], question: str, wanted: dict[str, object]
    ) -> Iterator[Noun]:
        for row in self._rows(question, wanted):
            noun = noun_of(row)
            if noun is not None:
                yield noun
            else:
                self.skipped += 1

    def _rows(self, question: str, wanted: dict[str, object]) -> Iterator[tuple[Any, ...]]:
        try:
            with self._database() as database:
                if version_of(database) == VERSION:
                    yield from database.execute(question, wanted)
        except FileNotFoundError:
            pass
        except FAILURES as error:
            log.debug("cannot read %s: %s", self._path, error)

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        if self._path is None or not self._path.exists():
            raise FileNotFoundError("no such file")
        address = f"{self._path.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=PATIENCE, check_same_thread=False)) as database:
            yield database
