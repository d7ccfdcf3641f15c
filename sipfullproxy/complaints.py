"""What the program logs, on stderr, by a thread of its own.

A terminal that stands still (Ctrl-S, or a click into the console of Windows) takes nothing, and whoever writes to it
waits. That must be neither the thread that serves calls nor the one that ends the program.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

from sipfullproxy.journal.mailbox import Mailbox

WAIT: Final = 0.5
"""Seconds that the end of the program waits for a terminal that stands still."""


class Behind(logging.Handler):
    """Hands lines in, and never waits. put: where."""

    def __init__(self, put: Callable[[str], object]) -> None:
        super().__init__()
        self._put = put
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S"))

    def emit(self, record: logging.LogRecord) -> None:
        """See `logging.Handler`."""
        try:
            self._put(self.format(record))
        except Exception:
            self.handleError(record)


@contextmanager
def told() -> Iterator[None]:
    """For the time of a `with`: what is logged is shown on stderr."""
    mailbox = Mailbox(_show, "log")
    handler = Behind(mailbox.put)
    logging.getLogger().addHandler(handler)
    mailbox.start()
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
        mailbox.stop(WAIT)


def _show(lines: Sequence[str]) -> None:
    with suppress(OSError, ValueError):  # as in `Screen`
        print("\n".join(lines), file=sys.stderr, flush=True)
