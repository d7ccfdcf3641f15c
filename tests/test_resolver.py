"""Looking names up beside the calls: on threads, bounded in number and time, nothing twice."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from queue import SimpleQueue

import pytest

from sipfullproxy.engine.locating import Destination, Found, Query, Records
from sipfullproxy.engine.lookups import Question
from sipfullproxy.transport import resolver
from sipfullproxy.transport.records import Fetch
from sipfullproxy.transport.resolver import SHARE, WORKERS, Resolver
from tests.waiting import eventually

PATIENCE = 30.0


def where(name: str) -> Destination:
    """A name whose only question is that for its address."""
    return Destination(name, 5060, "udp", (("udp", 4),))


RUNNING: list[Resolver] = []


class Answers:
    """What a resolver answered."""

    def __init__(self, fetch: Fetch) -> None:
        self.queue: SimpleQueue[tuple[int, list[str]]] = SimpleQueue()
        self.resolver = Resolver(fetch, self._answered)
        RUNNING.append(self.resolver)

    def ask(self, number: int, name: str, whose: str = "10.0.0.10") -> None:
        self.resolver.ask(Question(number, where(name), whose))

    def next(self) -> tuple[int, list[str]]:
        return self.queue.get(timeout=PATIENCE)

    def _answered(self, number: int, found: Found) -> None:
        self.queue.put((number, ["silent"] if found.silent else [hop.host for hop in found.hops]))


def workers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "dns"]


@pytest.fixture(autouse=True)
def tidy() -> Iterator[None]:
    yield
    while RUNNING:
        RUNNING.pop().stop()
    eventually(lambda: not workers(), "the threads' end")


class Slow:
    """A DNS that answers when it is told to. asked: which names, in order."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.asked: list[str] = []

    def __call__(self, query: Query, seconds: float) -> Records | None:
        self.asked.append(query.name)
        self.go.wait(PATIENCE)
        return ["192.0.2.1"]


def test_nobody_waits_before_somebody_asks() -> None:
    answers = Answers(lambda query, seconds: ["192.0.2.1"])
    assert not workers()
    for number in range(20):
        answers.ask(number, f"host{number}.sk")
        assert answers.next() == (number, ["192.0.2.1"])
        eventually(lambda: answers.resolver._idle == 1, "it to have nothing to do")
    assert len(workers()) == 1, "who has nothing to do takes the next"


def test_who_asks_the_same_hears_the_same_and_it_is_asked_once() -> None:
    slow = Slow()
    answers = Answers(slow)
    for number in range(50):
        answers.ask(number, "one.sk")
    eventually(lambda: slow.asked, "the question")
    slow.go.set()
    assert sorted(answers.next()[0] for _ in range(50)) == list(range(50))
    assert slow.asked == ["one.sk"]


def test_a_flood_of_slow_names_takes_so_many_threads_and_the_newest_is_next() -> None:
    slow = Slow()
    answers = Answers(slow)
    for number in range(100):
        answers.ask(number, f"slow{number}.sk", f"10.0.0.{number // SHARE}")
    eventually(lambda: len(slow.asked) == WORKERS, "all threads at work")
    assert len(workers()) == WORKERS
    slow.go.set()
    assert len({answers.next()[0] for _ in range(100)}) == 100
    assert slow.asked.index("slow99.sk") < slow.asked.index("slow50.sk")


@pytest.mark.parametrize("name", ["bob.sk", "slow0.sk", "slow99.sk"])
def test_the_slow_names_of_one_sender_keep_nobody_else_waiting(name: str) -> None:
    """Not even who asks for the same as he does."""
    slow = Slow()
    answers = Answers(slow)
    for number in range(100):
        answers.ask(number, f"slow{number}.sk")
    eventually(lambda: len(slow.asked) == SHARE, "as many threads as one may have")
    answers.ask(100, name, "10.0.0.11")
    eventually(lambda: len(slow.asked) == SHARE + 1, "one more at work")
    assert slow.asked[-1] == name
    slow.go.set()
    assert len({answers.next()[0] for _ in range(101)}) == 101
    eventually(lambda: not answers.resolver._shares, "nothing is kept of them")


def test_what_nobody_waits_for_any_more_is_not_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolver, "LOOKUP", 0.0)
    slow = Slow()
    answers = Answers(slow)
    answers.ask(1, "one.sk")
    eventually(lambda: answers.resolver._idle == 1, "the end of that")
    monkeypatch.undo()
    slow.go.set()
    answers.ask(2, "two.sk")
    assert answers.next() == (2, ["192.0.2.1"]) and slow.asked == ["two.sk"]


def test_all_questions_about_a_name_have_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them may be silent; together they take no longer than the engine waits."""
    monkeypatch.setattr(resolver, "LIFETIME", 0.0)
    asked = []
    answers = Answers(lambda query, seconds: asked.append(query))
    answers.ask(1, "one.sk")
    assert answers.next() == (1, ["silent"]) and not asked


def test_a_bug_costs_one_name_and_no_thread(caplog: pytest.LogCaptureFixture) -> None:
    def broken(query: Query, seconds: float) -> Records | None:
        if query.name == "bad.sk":
            raise ZeroDivisionError("a bug")
        return ["192.0.2.1"]

    answers = Answers(broken)
    with caplog.at_level(logging.ERROR):
        answers.ask(1, "bad.sk")
        assert answers.next() == (1, ["silent"])
    assert "ZeroDivisionError" in caplog.text
    answers.ask(2, "good.sk")
    assert answers.next() == (2, ["192.0.2.1"])


def test_after_the_end_nobody_is_answered() -> None:
    slow = Slow()
    answers = Answers(slow)
    answers.ask(1, "one.sk")
    eventually(lambda: slow.asked, "the question")
    answers.resolver.stop()
    slow.go.set()
    eventually(lambda: not workers(), "the thread's end")
    assert answers.queue.empty()
