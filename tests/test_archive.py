"""One face for what is in memory and what is in the database: nothing twice, nothing left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from sipfullproxy.journal.archive import Archive
from sipfullproxy.journal.book import Book
from sipfullproxy.journal.clock import wall_offset
from sipfullproxy.journal.past import Past
from sipfullproxy.journal.store import Store
from sipfullproxy.journal.tape import Tape
from tests.telling import event, passage

NOW = 1_700_000_000.0


class Run:
    """One run of a proxy: all that remembers, with little memory; `write` is the database's thread."""

    def __init__(self, path: Path | None, start: float = NOW) -> None:
        self.now = start
        self.book = Book(past=3, now=lambda: self.now)
        self.tape = Tape(limit=40_000)
        self.archive = Archive(self.tape, self.book, Past(path))
        self.store = Store(path, self.book, self.tape, now=lambda: self.now) if path is not None else None
        if self.store is not None:
            self.tape.number_from(self.store.open())

    def tell(self, kind: str, call: str = "c") -> None:
        self.now += 1
        told = event(kind, self.now, call)
        self.book([told])
        if self.store is not None:
            self.store([told])

    def message(self, call: str, size: int = 0) -> None:
        self.tape([passage(call, time=self.now - wall_offset(), body="x" * size)])

    def call(self, name: str) -> None:
        self.message(name)
        self.tell("calling", name)
        self.tell("busy", name)
        self.write()

    def write(self) -> None:
        if self.store is not None:
            self.store.write()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "proxy.db"


@pytest.fixture
def run(path: Path) -> Run:
    return Run(path)


def names(archive: Archive, **more: object) -> list[str]:
    return [card.call for card in archive.calls(**more)]  # type: ignore[arg-type]


def test_memory_first_then_the_database_and_nothing_twice(run: Run) -> None:
    for number in range(10):
        run.call(f"c{number}")
    assert len(run.book.calls()) == 3
    assert names(run.archive) == [f"c{number}" for number in range(9, -1, -1)]
    assert names(run.archive, query="C1") == ["c1"]
    assert names(run.archive, state="talking") == []


def test_pages_across_the_seam(run: Run) -> None:
    for number in range(10):
        run.call(f"c{number}")
    found: list[str] = []
    before = None
    while cards := run.archive.calls(limit=2, before=before):
        assert len(cards) <= 2
        found += [card.call for card in cards]
        before = cards[-1].began
    assert found == [f"c{number}" for number in range(9, -1, -1)]


def test_what_memory_says_of_a_call_is_newer(run: Run) -> None:
    run.tell("calling")
    run.write()
    run.tell("started")
    assert names(run.archive, state="calling") == [] and names(run.archive, state="talking") == ["c"]
    (card,) = run.archive.calls()
    assert run.archive.card(card.id) == card


def test_everything_of_a_call_from_the_database(run: Run) -> None:
    for number in range(10):
        run.call(f"c{number}")
    card = run.archive.calls()[-1]
    assert run.book.card(card.id) is None and run.archive.card(card.id) == card
    assert [told.kind for told in run.archive.events(card.id)] == ["calling", "busy"]
    assert [record.number for record in run.archive.records(card)] == [1]


def test_messages_that_memory_has_forgotten_come_from_the_database(run: Run) -> None:
    run.tell("calling")
    for _ in range(50):
        run.message("c", 300)
        run.write()
    card = run.archive.calls()[0]
    run.message("other", 39_000)  # drives out the call, and a new message begins it anew
    run.message("c")
    assert [record.number for record in run.tape.call("c")] == [52]
    assert [record.number for record in run.archive.records(card)] == [*range(1, 51), 52]


def test_nothing_is_forgotten_by_a_restart(path: Path, run: Run) -> None:
    run.call("old")
    run.tell("calling", "live")
    run.message("live")
    run.write()
    before = run.archive.calls()
    later = Run(path, NOW + 1_000)
    assert [card.id for card in later.archive.calls()] == [card.id for card in before]
    assert [card.missing for card in later.archive.calls()] == [True, False]
    later.call("new")
    assert names(later.archive) == ["new", "live", "old"]
    # A call over UDP outlives a restart; its messages go on.
    later.message("live")
    assert [record.number for record in later.archive.records(before[0])] == [2, 4]


def test_the_journal_across_a_restart(path: Path, run: Run) -> None:
    run.tell("registered")
    run.call("old")
    middle = run.now
    later = Run(path, NOW + 1_000)
    later.call("new")
    later.tell("unregistered")  # not written yet
    kinds = [told.kind for told in later.archive.journal(0)]
    assert kinds == ["registered", "calling", "busy", "calling", "busy", "unregistered"]
    assert len(later.archive.journal(middle)) == 4
    assert [told.kind for told in later.archive.journal(0, 3)] == kinds[-3:]
    assert [told.kind for told in later.archive.journal(0, len(kinds) - 1)] == kinds[1:]
    assert len(later.archive.journal(NOW + 1_002)) == 2
    assert [phone.who for phone in later.archive.past_phones("alice")] == ["alice@10.0.0.1"]


def test_without_a_database_memory_is_all(tmp_path: Path) -> None:
    run = Run(None)
    for number in range(5):
        run.call(f"c{number}")
    assert names(run.archive) == ["c4", "c3", "c2"]
    card = run.archive.calls()[0]
    assert run.archive.events(card.id) and run.archive.records(card) and run.archive.journal(0)
    assert run.archive.card("nobody") is None


def test_the_version_grows_with_events_and_messages(run: Run) -> None:
    versions = [run.archive.version]
    run.tell("calling")
    versions.append(run.archive.version)
    run.message("c")
    versions.append(run.archive.version)
    assert versions == sorted(set(versions))
