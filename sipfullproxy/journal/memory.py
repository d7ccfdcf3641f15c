"""All that the proxy remembers, as one thing to start and stop: events and messages go in, and reach their readers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sipfullproxy.engine.events import Event
from sipfullproxy.journal.archive import Archive
from sipfullproxy.journal.book import Book
from sipfullproxy.journal.hooks import Hooks
from sipfullproxy.journal.mailbox import Mailbox
from sipfullproxy.journal.passage import Passage
from sipfullproxy.journal.past import Past
from sipfullproxy.journal.schema import database_path
from sipfullproxy.journal.screen import Screen
from sipfullproxy.journal.security import SecurityLog
from sipfullproxy.journal.store import Store
from sipfullproxy.journal.tape import Tape
from sipfullproxy.journal.text import TextJournal
from sipfullproxy.lang import Lang

PASSAGES: Final = 4_000
"""Passages that may wait for the tape: most of a second of full load. Of nothing but largest datagrams, 500 MB."""


class Memory:
    """What hears of events and messages, each reader on a thread where it holds up nobody else.

    archive: all that is remembered, for whoever asks. tell, note: where an event (its `time` in wall-clock seconds) and
    a passage go in; they never wait.

    text: the journal that is handed in; the database is beside it. hooks: called for an event after the journal has it.
    security: what other programs read of attacks, if anybody wants it.
    verbose: whether every message is shown on stderr, too. lang, keep_days, keep_bytes: see `Store`.
    """

    def __init__(
        self, text: TextJournal, hooks: Hooks, security: SecurityLog | None = None, *, verbose: bool, lang: Lang,
        keep_days: float, keep_bytes: int,
    ) -> None:  # fmt: skip
        path = database_path(text.path)
        self._text = text
        self._hooks = hooks
        self._security = security
        self._book = Book()
        self._tape = Tape()
        self._store = Store(path, self._book, self._tape, lang, keep_days, keep_bytes) if path is not None else None
        self._events: Mailbox[Event] = Mailbox(self._hear, "journal")
        self._passages: Mailbox[Passage] = Mailbox(self._see, "tape", PASSAGES)
        self._screen = Screen(lambda: self._passages.lost) if verbose else None
        self.archive = Archive(self._tape, self._book, Past(path))
        self.tell = self._events.put
        self.note = self._passages.put

    def start(self) -> None:
        """Begin to remember."""
        if self._store is not None:
            self._tape.number_from(self._store.open())
            self._store.start()
        self._hooks.start()
        self._events.start()
        if self._screen is not None:
            self._screen.start()
        self._passages.start()

    def stop(self) -> None:
        """Take in what still waits, and return when it is written down."""
        self._passages.stop()
        self._events.stop()
        self._text.close()
        if self._store is not None:
            self._store.stop()
        if self._screen is not None:
            self._screen.stop()
        self._hooks.stop()

    def _hear(self, events: Sequence[Event]) -> None:
        """On the journal's thread: first what has happened is written down, then the hooks hear of it."""
        try:
            self._text(events)
            if self._security is not None:
                self._security(events)
            self._book(events)
            if self._store is not None:
                self._store(events)
        finally:
            for event in events:
                self._hooks.put(event)

    def _see(self, passages: Sequence[Passage]) -> None:
        """On the tape's thread."""
        before = self._tape.version
        self._tape(passages)
        if self._screen is not None:
            for record in self._tape.latest(self._tape.version - before, before):
                self._screen.put(record)
