"""When Python looks for garbage that lies in circles: among what is new all the time, among all when nobody calls.

Left to itself it looks when so many more objects live than before. But calls leave no circles
(tests/test_transaction.py), their objects go by themselves after half a minute; so it finds nothing, and each time
that it looks it walks over all of them: a tenth of a second at 1,000 calls a second, in which no phone is answered.

Even a walk over what came in a tenth of a second takes milliseconds then, and leaves the caches of the processor cold.
So while much is new, most of it is put aside unseen (`gc.freeze`, which costs nothing) until nobody calls, and a sample
tells whether there are any circles to be looked for.
"""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

LOOK: Final = 0.1
"""Seconds between two looks at what is new: at 1,000 calls a second some milliseconds of work, ten times a second."""

FEW: Final = 500
"""New objects in that time that still count as nobody calling: the page asks for more when somebody clicks."""

SAMPLE: Final = 10
"""While more than that is new, one look in so many is taken, once a second; after one that found something, the next
too."""

QUIET: Final = 20
"""So many quiet looks in a row, and all of it is looked through: two seconds, longer than a call takes to ring."""

REST: Final = 0.5
"""Seconds between two looks from then on. Each costs a proxy that nobody calls a tenth of a millisecond."""


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
    quiet, anything, skip = 0, True, 0
    while not over.wait(LOOK if quiet < QUIET else REST):
        quiet = quiet + 1 if gc.get_count()[0] < FEW else 0
        anything = anything or not quiet
        if quiet >= QUIET and anything:
            gc.unfreeze()
            gc.collect()
            anything, skip = False, 0
        elif not quiet and skip:
            gc.freeze()
            skip -= 1
        else:
            skip = 0 if gc.collect(0) else SAMPLE - 1
