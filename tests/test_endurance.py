"""Many calls leave nothing behind: every table, and the memory of the process, are in the end what they were.

Engine, guard, tape, book and text journal on a virtual clock. `pytest -m soak tests/test_endurance.py`; for longer:
`SOAK_CALLS=1000000`, some twenty minutes on a machine that does nothing else.
"""

from __future__ import annotations

import gc
import os
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType

import pytest

from bench.inside import Bench
from sipfullproxy.engine.events import Event
from sipfullproxy.guard import Guard
from sipfullproxy.journal.book import Book
from sipfullproxy.journal.passage import Passage
from sipfullproxy.journal.tape import Tape

CALLS = int(os.environ.get("SOAK_CALLS", "20000"))

USERS = 200

FILLING = 15_000
"""Calls after which what is remembered on purpose (the tape, the book) is full, and so is every cache."""

ROUND = 5_000
"""Calls after which a pause lets their transactions end, so that as many are there at a time at the beginning as later;
and the text journal is emptied, as log rotation would, so that the disk holds out."""

GROWTH = 8 << 20
"""Bytes that the process may have more in the end: what Python's allocator keeps in pieces. Ten bytes lost with each of
a million calls would be more."""


class Listening(Bench):
    """A proxy that remembers what passes, as a whole program does, but on this one thread."""

    def __init__(self) -> None:
        super().__init__()
        self.tape, self.book = Tape(), Book()
        self.core = Guard(self.engine, Lock(), self._note, self._publish)

    def _note(self, passage: Passage) -> None:
        self.tape((passage,))

    def _publish(self, events: Sequence[Event]) -> None:
        self.journal(events)
        self.book(events)

    def many(self, calls: int) -> None:
        """So many calls, all of them over when it returns."""
        for number in range(calls):
            if number % ROUND == 0:
                self.settle()
                os.truncate(self.journal.path, 0)
                for user in range(USERS):
                    self.register(user)
            caller = number * 7919 % USERS
            self.call(caller, (caller + 1) % USERS)
        self.settle()


def entries(root: object) -> int:
    """How many entries all tables have that can be reached from an object, however deep."""
    seen: set[int] = set()
    waiting = [root]
    found = 0
    while waiting:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, type | ModuleType | FunctionType | BuiltinFunctionType):
            continue
        seen.add(id(one))
        if isinstance(one, dict | list | set | deque):
            found += len(one)
        elif not (isinstance(one, tuple | MethodType) or type(one).__module__.startswith("sipfullproxy")):
            continue
        waiting += gc.get_referents(one)
    return found


def resident() -> int:
    """Bytes of memory that this process has."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))) << 10


@pytest.mark.soak
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="nobody to ask for the memory of this process")
def test_a_great_many_calls_end_where_they_began(capsys: pytest.CaptureFixture[str]) -> None:
    proxy = Listening()
    proxy.many(FILLING)
    before, tables, memory = proxy.engine.load, entries(proxy.engine), resident()
    assert before == {"transactions": 0, "timers": 0, "calls": 0, "bindings": USERS}
    proxy.many(CALLS)
    grown = resident() - memory
    with capsys.disabled():
        print(f"\n{CALLS} calls: {before} again, {tables} entries, then {entries(proxy.engine)}; {grown / 1e6:+.1f} MB")
    proxy.journal.close()
    proxy.folder.cleanup()
    assert proxy.engine.load == before
    assert entries(proxy.engine) < tables * 1.1  # a queue may hold a few that are over, until its turn comes
    assert grown < GROWTH
