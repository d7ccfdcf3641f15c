"""All that the proxy remembers, as one thing to start and stop: events and messages go in, and reach their readers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sipfullproxy.engine.events import Event
from sipfullproxy.journal.hooks import Hooks
from sipfullproxy.journal.mailbox import Mailbox
from sipfullproxy.journal.passage import Passage
from sipfullproxy.journal.screen import Screen
from sipfullproxy.journal.tape import Tape
from sipfullproxy.journal.text import TextJournal

PASSAGES: Final = 4_000
"""Passages that may wait for the tape: most of a second of full load. Of nothing but largest datagrams, 500 MB."""


class Memory:
    """What hears of events and messages, each reader on a thread where it holds up nobody else.

    tape: the messages of the last calls. tell, note: where an event (its `time` in wall-clock seconds) and a passage go
    in; they never wait.

    text: the journal that is handed in. hooks: called for an event after the journal has it. verbose: whether every
    message is shown on stderr, too.
    """

    def __init__(self, text: TextJournal, hooks: Hooks, verbose: bool) -> None:
        self.tape = Tape()
        self._text = text
        self._hooks = hooks
        self._events: Mailbox[Event] = Mailbox(self._hear, "journal")
        self._passages: Mailbox[Passage] = Mailbox(self._see, "tape", PASSAGES)
        self._screen = Screen(lambda: self._passages.lost) if verbose else None
        self.tell = self._events.put
        self.note = self._passages.put

    def start(self) -> None:
        """Begin to remember."""
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
        if self._screen is not None:
            self._screen.stop()
        self._hooks.stop()

    def _hear(self, events: Sequence[Event]) -> None:
        """On the journal's thread: first what has happened is written down, then the hooks hear of it."""
        try:
            self._text(events)
        finally:
            for event in events:
                self._hooks.put(event)

    def _see(self, passages: Sequence[Passage]) -> None:
        """On the tape's thread."""
        before = self.tape.version
        self.tape(passages)
        if self._screen is not None:
            for record in self.tape.latest(self.tape.version - before, before):
                self._screen.put(record)
