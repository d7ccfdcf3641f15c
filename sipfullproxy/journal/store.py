"""The database of calls: written behind, by one thread, so that calls and journal never wait for a disk.

It is the journal in a form that can be asked, beside the text file: calls, their events, and their messages. SQLite
with a write-ahead log: others read while we write, and killing the proxy costs the last second at most.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sipfullproxy.engine.events import CallEvent, Event
from sipfullproxy.journal.book import PATIENCE, Book
from sipfullproxy.journal.database import Database, Troubles
from sipfullproxy.journal.mailbox import STOP_WAIT
from sipfullproxy.journal.schema import (
    SHAPE,
    WRITE_CALL,
    WRITE_EVENT,
    WRITE_MESSAGE,
    call_row,
    event_row,
    message_row,
)
from sipfullproxy.journal.tape import Tape
from sipfullproxy.lang import Lang, Words

BEHIND: Final = 0.5
"""Seconds between two transactions; so much may be lost when the proxy is killed, and as long again as one takes."""

TOLD_A_SECOND: Final = 2.0
"""Calls and registrations that are written down in a second, in the long run. A class has fewer; more come from a load
test or from somebody who means harm, and those would drive a term's worth of calls out of the file."""

TOLD_AT_ONCE: Final = 600
"""The same when they come all at once: five minutes' worth, some 6 MB."""

WAITING: Final = 10_000
"""Events that wait while nothing can be written; of more, the oldest are lost."""

KNOWN: Final = 20_000
"""Calls of which it is known that their events and messages are to be written."""

TIDY: Final = 60.0
"""Seconds between two looks at what is too old or too much."""

SLICE: Final = 16
"""A file that is too large loses the oldest of its events, one in so many, and what is as old; until it fits."""

_FIRST: Final = ("calling", "failed")


class Budget:
    """So many a second in the long run, and so many at once (a "token bucket")."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = burst
        self._left = burst
        self._then: float | None = None

    def spend(self, now: float) -> bool:
        """Take one. Returns whether there was one; now: seconds of any clock."""
        then, self._then = self._then, now
        if then is not None:
            self._left = min(self._burst, self._left + max(0.0, now - then) * self._rate)
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Store:
    """A reader of events (for a `Mailbox`) that writes them down, with the cards and the messages of their calls.

    Calls beyond the budget are left out as a whole. What cannot be written now (full disk, read-only folder) waits for
    a while, with one warning to `logging` for the whole time. A database that is damaged, or of a newer version of the
    program, is moved aside and begun anew.

    path: the file; its folder is made. book, tape: where cards and messages are taken from. lang: of the warnings.
    keep_days, keep_bytes: what is older is deleted; and so is the oldest, while there is more. now: wall-clock seconds.
    """

    def __init__(
        self, path: Path, book: Book, tape: Tape, lang: Lang = "sk", keep_days: float = 30,
        keep_bytes: int = 200_000_000, now: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self._book = book
        self._tape = tape
        self._keep_seconds = keep_days * 86_400
        self._keep_bytes = keep_bytes
        self._now = now
        self._started = now()
        self._budget = Budget(TOLD_A_SECOND, TOLD_AT_ONCE)
        self._lock = threading.Lock()
        self._waiting: list[Event] = []
        self._new: set[str] = set()
        self._written: OrderedDict[str, int] = OrderedDict()
        self._seen = 0
        self._tidied = 0.0
        self._database = Database(path, SHAPE, _TROUBLES, lang, self._begun, now)
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None

    def __call__(self, events: Sequence[Event]) -> None:
        """Have them written down soon. Never waits for the disk, and never raises for its sake."""
        with self._lock:
            self._waiting += [event for event in events if self._is_kept(event)]
            del self._waiting[:-WAITING]

    def open(self) -> int:
        """Open the database, if that can be. Returns the largest number of a message in it."""
        with self._outages():
            (number,) = self._database.opened().execute("SELECT max(number) FROM messages").fetchone()
            return int(number or 0)
        return 0

    def start(self) -> None:
        """Begin to write, on a thread of its own."""
        self._ending.clear()
        self._thread = threading.Thread(target=self._run, name="store", daemon=True)
        self._thread.start()

    def stop(self, wait: float = STOP_WAIT) -> None:
        """Write down what is left, and let go of the file; give up after `wait` seconds."""
        self._ending.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(wait)

    def write(self) -> None:
        """Write down what waits, in one transaction; now and then delete what is too old or too much."""
        with self._lock:
            events, self._waiting = self._waiting, []
            new, self._new = self._new, set()
        with self._outages(events, new):
            database = self._database.opened()
            version = self._tape.version
            changed = [*self._tape.changed(self._seen), *new]
            with self._lock:
                names = {name: self._written[name] for name in changed if name in self._written}
            if events or names:
                self._write(database, events, names)
            self._seen = version
            self._database.well()
        with self._outages():
            if self._now() - self._tidied >= TIDY:
                self._tidied = self._now()
                self._tidy_up(self._database.opened())

    def _run(self) -> None:
        while not self._ending.wait(BEHIND):
            self.write()
        self.write()
        with self._outages():
            self._database.opened().execute(_FORSAKE, {"before": None, "state": None})
        self._database.close()

    def _is_kept(self, event: Event) -> bool:
        """Whether the event, and with it its call, is to be written down."""
        if not isinstance(event, CallEvent):
            return self._budget.spend(event.time)
        if event.call in self._written:
            return True
        if event.kind not in _FIRST or not self._budget.spend(event.time):
            return False
        self._written[event.call] = 0
        self._new.add(event.call)  # its first message may have passed before we knew
        if len(self._written) > KNOWN:
            self._written.popitem(last=False)
        return True

    def _write(self, database: sqlite3.Connection, events: Sequence[Event], names: Mapping[str, int]) -> None:
        """names: the calls with new messages, and the number of the last one that was written."""
        told = dict.fromkeys((event.call, event.leg) for event in events if isinstance(event, CallEvent))
        cards = [card for name in told if (card := self._book.card_of(*name)) is not None]
        records = {
            name: [record for record in self._tape.call(name) if record.number > last] for name, last in names.items()
        }
        with database:
            database.execute("BEGIN IMMEDIATE")
            database.executemany(WRITE_EVENT, map(event_row, events))
            database.executemany(WRITE_CALL, map(call_row, cards))
            for name, found in records.items():
                database.executemany(WRITE_MESSAGE, [message_row(name, record) for record in found])
        with self._lock:
            for name, found in records.items():
                if found and name in self._written:
                    self._written[name] = found[-1].number

    def _tidy_up(self, database: sqlite3.Connection) -> None:
        """Delete what is too old or too much, give the space back, and wait no longer for ends that were lost."""
        for state, patience in PATIENCE.items():
            database.execute(_FORSAKE, {"before": self._now() - patience, "state": state})
        _delete(database, "time", self._now() - self._keep_seconds)
        while _size(database) > self._keep_bytes:
            first, last = database.execute("SELECT min(place), max(place) FROM events").fetchone()
            if first is None:
                break
            _delete(database, "place", first + (last - first) // SLICE)
        # Not `execute`, which would take the first step of it only, and so free one page.
        database.executescript("PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE)")

    def _begun(self, database: sqlite3.Connection, new: bool) -> None:
        if new:  # where there was one before, it shall have all that is still known
            with self._lock:
                self._written = OrderedDict.fromkeys(self._written, 0)
                self._seen = 0
        database.execute(_FORSAKE, {"before": self._started, "state": None})

    @contextmanager
    def _outages(self, events: Sequence[Event] = (), new: Set[str] = frozenset()) -> Iterator[None]:
        """What fails inside is tried again another time with these events and new calls."""

        def failed() -> None:
            with self._lock:
                self._waiting = [*events, *self._waiting][-WAITING:]
                self._new |= new

        with self._database.outages(failed):
            yield


def _delete(database: sqlite3.Connection, column: str, until: float) -> None:
    """Delete the events up to there, the calls of which no event is left, and the messages of those calls."""
    with database:
        database.execute("BEGIN IMMEDIATE")
        if database.execute(f"DELETE FROM events WHERE {column} <= ?", (until,)).rowcount:
            database.execute("DELETE FROM calls WHERE id NOT IN (SELECT id FROM events)")
            database.execute("DELETE FROM messages WHERE call NOT IN (SELECT call FROM calls)")


def _size(database: sqlite3.Connection) -> int:
    """Bytes of the database that are in use."""
    pages, free, size = (
        int(database.execute(f"PRAGMA {name}").fetchone()[0]) for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size


_FORSAKE: Final = """
    UPDATE calls SET state = 'over', missing = 1
    WHERE state != 'over' AND (:state IS NULL OR state = :state) AND (:before IS NULL OR changed < :before)
"""
"""Nobody will tell the ends of these calls any more."""

_TROUBLES = Troubles(
    outage=Words(
        sk="do databázy hovorov {path} sa nedá písať, hovory idú ďalej: {why}",
        en="the database of calls {path} cannot be written, calls go on: {why}",
    ),
    damaged=Words(
        sk="databáza hovorov {path} je poškodená; je odložená ako {aside} a začína sa nová",
        en="the database of calls {path} is damaged; it is kept as {aside}, and a new one begun",
    ),
    newer=Words(
        sk="databáza hovorov {path} je z novšej verzie programu; je odložená ako {aside} a začína sa nová",
        en="the database of calls {path} is of a newer version of the program; it is kept as {aside}, "
        "and a new one begun",
    ),
)
