"""What `-v` shows: each message that passes, on stderr; what is no SIP message, as a hex dump."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from sipfullproxy.journal import trace
from sipfullproxy.journal.mailbox import Mailbox
from sipfullproxy.journal.record import Record
from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.message import parse

SCREEN_LIMIT: Final = 2_000
"""Messages that may wait for the terminal: some of a second of full load; of nothing but largest datagrams, 128 MB."""

SCREEN_WAIT: Final = 1.0
"""Seconds that a terminal has at the end to take what is left; one that stands still gets no more."""


class Screen:
    """Shows records, between `start` and `stop`, on a thread of its own.

    A terminal that stands still (Ctrl-S, a click into the console of Windows, a pager) would hold up all else.

    lost: tells how many messages were lost on their way to `put`.
    """

    def __init__(self, lost: Callable[[], int] = lambda: 0) -> None:
        self._lost = lost
        self._waiting = Mailbox(self._show, "screen", SCREEN_LIMIT)
        self._missed = 0
        self.put = self._waiting.put
        self.start = self._waiting.start

    def stop(self) -> None:
        """Show what is left, unless the terminal stands still."""
        self._waiting.stop(SCREEN_WAIT)

    def _show(self, records: Sequence[Record]) -> None:
        missed = self._waiting.lost + self._lost()
        lines = [f"… {missed - self._missed} messages not shown"] if missed > self._missed else []
        self._missed = missed
        for record in records:
            arrow = "<-" if record.inward else "->"
            lines.append(trace.heading(arrow, record.flow, len(record.data), record.time, record.edits))
            lines.append(trace.readable(record.data) if _is_message(record.data) else trace.dump(record.data))
        # Nobody's terminal may stop the proxy: a closed one, a full disk behind a redirection, no stderr at all.
        with suppress(OSError, ValueError):
            print("\n".join(lines), file=sys.stderr, flush=True)


def _is_message(data: bytes) -> bool:
    try:
        parse(data)
    except SipError:
        return False
    return True
