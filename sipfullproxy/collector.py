"""When Python looks for garbage that lies in circles: among what is new all the time, among all when nobody calls.

Left to itself it looks when so many more objects live than before. But calls leave no circles
(tests/test_transaction.py), their objects go by themselves after half a minute; so it finds nothing, and each time
that it looks it walks over all of them: a tenth of a second at 1,000 calls a second, in which no phone is answered.

Even a walk over what came in a tenth of a second takes milliseconds then, and leaves the caches of the processor cold.
So while there is work, most of what is new is put aside unseen (`gc.freeze`, which costs nothing) until nobody calls,
and a sample tells whether there are any circles to be looked for.

Whether there is work is seen by the processor's time. Numbers of objects do not tell: after half a minute of any load
as many go as come.
"""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, process_time
from typing import Final

LOOK: Final = 0.1
"""Seconds between two looks at what is new: at 1,000 calls a second some milliseconds of work, ten times a second."""

BUSY: Final = 0.05
"""The share of a core that counts as somebody calling: some twenty calls a second. Without any it is a fifth of a
percent, on the smallest computers a few."""

SAMPLE: Final = 10
"""While it is busy, one look in so many is taken, once a second; after one that found something, the next too."""

QUIET: Final = 20
"""So many quiet looks in a row, and they become rare: two seconds, longer than a call takes to ring."""

REST: Final = 0.5
"""Seconds between two looks from then on. Each costs a proxy that nobody calls a tenth of a millisecond."""

LINGER: Final = 35.0
"""Seconds after the last load until all is looked through: a little more than transactions live (RFC 3261 §17:
64 × T1), whose objects go by themselves. Before that it takes 0.4 s behind 500 calls a second, after it 0.1."""

OLD: Final = 600.0
"""Seconds after which all is looked through again though it was never busy: a classroom never is."""


@contextmanager
def tidy() -> Iterator[None]:
    """For the time of a `with`: this program's garbage is collected as said above, by a thread of its own. PyPy counts
    no references, and its collector needs no help: it walks over a little at a time."""
    if sys.implementation.name != "cpython":
        yield
        return
    over = threading.Event()
    thread = threading.Thread(target=_collect, args=(over,), name="collector", daemon=True)
    was_on = gc.isenabled()
    gc.disable()
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        gc.unfreeze()
        if was_on:
            gc.enable()


def _collect(over: threading.Event) -> None:
    quiet, skip, due = 0, 0, monotonic()
    spent, since = process_time(), monotonic()
    while not over.wait(LOOK if quiet < QUIET else REST):
        now = monotonic()
        if process_time() - spent > BUSY * (now - since):
            quiet, due = 0, now + LINGER
        else:
            quiet += 1
        if quiet >= QUIET and now >= due:
            gc.unfreeze()
            gc.collect()
            skip, due = 0, now + OLD
        elif not quiet and skip:
            gc.freeze()
            skip -= 1
        else:
            skip = 0 if gc.collect(0) else SAMPLE - 1
        spent, since = process_time(), monotonic()  # what this has taken is no call's
