"""Names that wait for the DNS: what the engine asks the world, and who goes on when the answer is there (RFC 3263)."""

from __future__ import annotations

from collections import Counter
from itertools import count
from typing import NamedTuple, Protocol

from sipfullproxy.engine.bans import network_of
from sipfullproxy.engine.flow import Flow
from sipfullproxy.engine.locating import Destination, Found
from sipfullproxy.engine.outbox import Outbox
from sipfullproxy.engine.timers import LOOKUP, Timers

LOOKUPS = 1_000
"""Names that are waited for at once. A lab asks for a handful; more than that is a flood, and every one holds a request
for seconds."""


SHARE = 100
"""How many of them one sender may have, by his address: more than a class behind a NAT asks for in the same moment, and
nine tenths are left for others."""


class Question(NamedTuple):
    """What the shell is to find out; it comes back with `Engine.resolved(id, …)`. whose: the sender who waits for it,
    as `network_of` has him, so that none keeps others waiting."""

    id: int
    where: Destination
    whose: str = ""


class Asker(Protocol):
    """Whoever waits for a name."""

    def located(self, found: Found) -> None:
        """The answer is there, or was waited for in vain."""


class Lookup:
    """One name that is waited for. asker: who goes on then. question: what was asked."""

    __slots__ = ("_lookups", "_timer", "asker", "question")

    def __init__(self, lookups: Lookups, question: Question, asker: Asker) -> None:
        outbox = lookups.outbox
        self._lookups = lookups
        self.question = question
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
        self._lookups.forget(self)


class Lookups:
    """All names that are waited for. asked: those that nobody has fetched yet, see `questions`."""

    __slots__ = ("_numbers", "_shares", "_waiting", "asked", "outbox", "timers")

    def __init__(self, timers: Timers, outbox: Outbox) -> None:
        self.timers = timers
        self.outbox = outbox
        self._numbers = count(1)
        self._waiting: dict[int, Lookup] = {}
        self._shares: Counter[str] = Counter()
        self.asked: list[Question] = []

    def ask(self, where: Destination, asker: Asker, sender: Flow) -> Lookup | None:
        """Ask for a name; the asker hears of it later. sender: from where the request came that needs it. None where
        too many wait already, of his or in all."""
        whose = network_of(sender.remote[0])
        if len(self._waiting) >= LOOKUPS or self._shares[whose] >= SHARE:
            return None
        question = Question(next(self._numbers), where, whose)
        self._shares[whose] += 1
        lookup = self._waiting[question.id] = Lookup(self, question, asker)
        self.asked.append(question)
        return lookup

    def find(self, number: int) -> Lookup | None:
        """The lookup of that id, if it is still waited for."""
        return self._waiting.get(number)

    def forget(self, lookup: Lookup) -> None:
        """That one is over."""
        question = lookup.question
        if self._waiting.pop(question.id, None) is not None:
            self._shares[question.whose] -= 1
            if not self._shares[question.whose]:
                del self._shares[question.whose]

    def questions(self) -> list[Question]:
        """Fetch, once, what was asked since the last time, as far as it is still of interest."""
        if not self.asked:
            return []
        asked, self.asked = self.asked, []
        return [question for question in asked if question.id in self._waiting]

    def __len__(self) -> int:
        return len(self._waiting)
