"""Names that wait for the DNS: what the engine asks the world, and who goes on when the answer is there (RFC 3263)."""

from __future__ import annotations

from itertools import count
from typing import NamedTuple, Protocol

from sipfullproxy.engine.locating import Destination, Found
from sipfullproxy.engine.outbox import Outbox
from sipfullproxy.engine.timers import LOOKUP, Timers

LOOKUPS = 1_000
"""Names that are waited for at once. A lab asks for a handful; more than that is a flood, and every one holds a request
for seconds."""


class Question(NamedTuple):
    """What the shell is to find out; it comes back with `Engine.resolved(id, …)`."""

    id: int
    where: Destination


class Asker(Protocol):
    """Whoever waits for a name."""

    def located(self, found: Found) -> None:
        """The answer is there, or was waited for in vain."""


class Lookup:
    """One name that is waited for. asker: who goes on then."""

    __slots__ = ("_id", "_lookups", "_timer", "asker")

    def __init__(self, lookups: Lookups, number: int, asker: Asker) -> None:
        outbox = lookups.outbox
        self._lookups = lookups
        self._id = number
        self._timer = lookups.timers.start("3263", LOOKUP, self, outbox.now)
        self.asker = asker

    def fired(self, letter: str, now: float) -> None:
        """Nobody answers."""
        self.answer(Found(silent=True))

    def answer(self, found: Found) -> None:
        """Let the asker go on."""
        self.stop()
        self._lookups.outbox.cause = "dns"
        self.asker.located(found)

    def stop(self) -> None:
        """The answer is not wanted any more."""
        self._timer.stop()
        self._lookups.forget(self._id)


class Lookups:
    """All names that are waited for. asked: those that nobody has fetched yet, see `questions`."""

    __slots__ = ("_numbers", "_waiting", "asked", "outbox", "timers")

    def __init__(self, timers: Timers, outbox: Outbox) -> None:
        self.timers = timers
        self.outbox = outbox
        self._numbers = count(1)
        self._waiting: dict[int, Lookup] = {}
        self.asked: list[Question] = []

    def ask(self, where: Destination, asker: Asker) -> Lookup | None:
        """Ask for a name; the asker hears of it later. None where too many wait already."""
        if len(self._waiting) >= LOOKUPS:
            return None
        question = Question(next(self._numbers), where)
        lookup = self._waiting[question.id] = Lookup(self, question.id, asker)
        self.asked.append(question)
        return lookup

    def find(self, number: int) -> Lookup | None:
        """The lookup of that id, if it is still waited for."""
        return self._waiting.get(number)

    def forget(self, number: int) -> None:
        """That one is over."""
        self._waiting.pop(number, None)

    def questions(self) -> list[Question]:
        """Fetch, once, what was asked since the last time, as far as it is still of interest."""
        if not self.asked:
            return []
        asked, self.asked = self.asked, []
        return [question for question in asked if question.id in self._waiting]

    def __len__(self) -> int:
        return len(self._waiting)
