"""The database of calls: what it keeps and for how long, and what becomes of it on a bad disk."""

from __future__ import annotations

import logging
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sipfullproxy.journal import database as databases
from sipfullproxy.journal import store as stores
from sipfullproxy.journal.book import Book
from sipfullproxy.journal.cards import short_id
from sipfullproxy.journal.database import Shape
from sipfullproxy.journal.past import Past
from sipfullproxy.journal.schema import SHAPE, STEPS
from sipfullproxy.journal.store import TOLD_AT_ONCE, Budget, Store
from sipfullproxy.journal.tape import Tape
from tests.telling import ALICE, event, message, passage
from tests.waiting import eventually

DAY = 86_400.0


class Kept:
    """A store with all that it stands on, and a clock that is moved by hand."""

    def __init__(self, path: Path, keep_days: float = 30, keep_bytes: int = 200_000_000, later: float = 0) -> None:
        self.now = 1_700_000_000.0 + later
        self.path = path
        self.book = Book(now=lambda: self.now)
        self.tape = Tape()
        self.past = Past(path)
        self.store = Store(path, self.book, self.tape, "en", keep_days, keep_bytes, lambda: self.now)
        self.tape.number_from(self.store.open())

    def tell(self, kind: str, call: str = "c", **fields: Any) -> None:
        """An event, now."""
        told = event(kind, self.now, call, **fields)
        self.book([told])
        self.store([told])

    def call(self, name: str = "c", messages: int = 1, size: int = 0) -> None:
        """A whole call, with so many messages."""
        for _ in range(messages):
            self.tape([passage(name, body="x" * size)])
        self.tell("calling", name)
        self.tell("busy", name)
        self.store.write()

    def names(self) -> list[str]:
        """The Call-IDs that are in the file, the latest first."""
        return [card.call for card in self.past.calls()]

    def ask(self, question: str) -> list[tuple[object, ...]]:
        """Rows of the file."""
        with closing(sqlite3.connect(self.path)) as database:
            return database.execute(question).fetchall()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "proxy.db"


@pytest.fixture
def kept(path: Path) -> Kept:
    return Kept(path)


def id_of(call: str) -> str:
    return short_id(call, "l")


# -- what is kept ------------------------------------------------------------------------------------------------------


def test_a_call_is_kept_with_its_events_and_messages(kept: Kept) -> None:
    kept.tape([passage("c", "answer")])
    kept.tell("calling", whom="žofia@10.0.0.1")
    kept.store.write()
    assert kept.past.card(id_of("c")) == kept.book.card(id_of("c"))
    kept.tape([passage("c", "another")])
    kept.tell("forwarded")
    kept.tell("ended")
    kept.store.write()
    assert kept.past.card(id_of("c")) == kept.book.card(id_of("c"))
    assert kept.past.events(id_of("c")) == kept.book.events(id_of("c"))
    assert kept.past.records("c") == kept.tape.call("c")
    assert kept.past.journal(0) == kept.book.journal()


def test_registrations_are_kept(kept: Kept) -> None:
    kept.tell("registered")
    kept.store.write()
    assert [told.kind for told in kept.past.journal(kept.now)] == ["registered"]
    assert kept.past.journal(kept.now + 1) == []


def test_messages_that_come_before_and_after_the_events(kept: Kept) -> None:
    kept.tape([passage("c", body="1"), passage("other")])
    kept.store.write()
    kept.tell("calling")
    kept.store.write()
    kept.tape([passage("c", body="2")])
    kept.store.write()
    kept.store.write()
    assert [record.data for record in kept.past.records("c")] == [message("c", "1"), message("c", "2")]
    assert kept.past.records("other") == [], "no call, no place in the journal"


def test_what_is_not_new_is_not_written_again(kept: Kept) -> None:
    kept.call()
    before = kept.ask("SELECT count(*), (SELECT count(*) FROM messages) FROM events")
    kept.store.write()
    assert kept.ask("SELECT count(*), (SELECT count(*) FROM messages) FROM events") == before == [(2, 1)]


def test_a_flood_of_calls_is_left_out_and_the_next_call_is_kept(kept: Kept) -> None:
    for number in range(2 * TOLD_AT_ONCE):
        kept.tell("calling", f"flood-{number}")
        kept.tell("ringing", f"flood-{number}")
    kept.store.write()
    assert len(kept.names()) == TOLD_AT_ONCE
    assert f"flood-{TOLD_AT_ONCE - 1}" in kept.names()
    assert kept.ask("SELECT count(*) FROM events") == [(2 * TOLD_AT_ONCE,)], "a call is kept as a whole or not at all"
    kept.now += 10
    kept.call("later")
    assert kept.names()[0] == "later"


def test_a_budget_is_so_many_at_once_and_so_many_a_second() -> None:
    budget = Budget(2, 4)
    assert [budget.spend(10) for _ in range(6)] == [True] * 4 + [False] * 2
    assert [budget.spend(11) for _ in range(3)] == [True, True, False]
    assert not budget.spend(5), "a clock that was set back gives nothing"
    assert [budget.spend(1_000) for _ in range(6)] == [True] * 4 + [False] * 2


def test_a_call_of_which_too_many_followed_is_not_written_any_more(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "KNOWN", 2)
    for name in ("a", "b", "c"):
        kept.tell("calling", name)
    kept.tell("ringing", "a")
    kept.tell("ringing", "c")
    kept.store.write()
    assert [told.kind for told in kept.past.events(id_of("a"))] == ["calling"]
    assert [told.kind for told in kept.past.events(id_of("c"))] == ["calling", "ringing"]


# -- restart -----------------------------------------------------------------------------------------------------------


def test_calls_survive_a_restart_and_numbers_go_on(path: Path) -> None:
    before = Kept(path)
    before.call("old", messages=3)
    after = Kept(path)
    assert after.names() == ["old"]
    after.call("new")
    assert [record.number for record in after.past.records("new")] == [4]


def test_calls_in_progress_when_the_proxy_was_killed_are_missing(path: Path) -> None:
    before = Kept(path)
    before.call("over")
    before.tell("calling", "live")
    before.store.write()
    card = before.past.card(id_of("live"))
    assert card is not None and (card.state, card.missing) == ("calling", False)
    after = Kept(path, later=10)
    card = after.past.card(id_of("live"))
    assert card is not None and (card.state, card.end, card.over, card.missing) == ("over", "", None, True)
    card = after.past.card(id_of("over"))
    assert card is not None and not card.missing


def test_when_the_proxy_stops_calls_in_progress_are_missing_at_once(kept: Kept) -> None:
    kept.store.start()
    kept.tell("calling")
    kept.store.stop()
    card = kept.past.card(id_of("c"))
    assert card is not None and card.missing, "what was told last was written, and then nobody could tell its end"


def test_it_writes_by_itself(kept: Kept) -> None:
    kept.store.start()
    kept.tape([passage("c")])
    kept.tell("calling")
    eventually(lambda: kept.past.records("c"), "the message in the database")
    kept.store.stop()


def test_calls_whose_ends_were_lost_are_given_up(kept: Kept) -> None:
    kept.tell("calling")
    kept.store.write()
    kept.now += 3_600
    kept.store.write()
    card = kept.past.card(id_of("c"))
    assert card is not None and card.missing


# -- for how long ------------------------------------------------------------------------------------------------------


def test_what_is_too_old_is_deleted(path: Path) -> None:
    kept = Kept(path, keep_days=2)
    kept.call("old")
    kept.now += 1.5 * DAY
    kept.call("young")
    kept.now += 1.5 * DAY
    kept.store.write()
    assert kept.names() == ["young"]
    assert kept.past.events(id_of("old")) == [] and len(kept.past.events(id_of("young"))) == 2


def test_a_file_that_is_too_large_gives_its_space_back(path: Path) -> None:
    kept = Kept(path, keep_bytes=1_000_000)
    for number in range(60):
        kept.now += 1
        kept.call(f"call-{number}", messages=4, size=10_000)
    assert path.stat().st_size > 1_500_000
    kept.now += 100
    kept.store.write()
    assert path.stat().st_size < 1_100_000
    left = kept.names()
    assert left == [f"call-{number}" for number in range(59, 59 - len(left), -1)], "the latest are left"
    assert len(left) > 10
    assert Path(f"{path}-wal").stat().st_size == 0


# -- bad disks ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def complaints(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    return lambda: [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_damaged_database_is_moved_aside_and_begun_anew(path: Path, complaints: Callable[[], list[str]]) -> None:
    path.parent.mkdir()
    path.write_bytes(b"this is no database at all" * 1_000)
    kept = Kept(path)
    (told,) = complaints()
    (aside,) = path.parent.glob("proxy.db.damaged-20*")
    assert str(aside) in told and "damaged" in told and "\n" not in told
    assert aside.read_bytes().startswith(b"this is")
    kept.call()
    assert kept.names() == ["c"]
    assert len(complaints()) == 1


def test_a_database_that_is_damaged_while_we_write(kept: Kept, complaints: Callable[[], list[str]]) -> None:
    kept.call("one")
    with closing(sqlite3.connect(kept.path)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with open(kept.path, "r+b") as file:
        file.write(b"\xff" * 40_000)
    Path(f"{kept.path}-shm").unlink()
    kept.call("two")
    kept.call("three")
    assert "three" in kept.names() and "two" in kept.names()
    assert kept.past.records("one"), "what is still known is written once more"
    assert len(complaints()) == 1 and any(kept.path.parent.glob(f"{kept.path.name}.damaged-*"))


def test_a_database_of_a_newer_version_is_kept(path: Path, complaints: Callable[[], list[str]]) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 999")
    assert Past(path).flaw == "version 999" and list(Past(path).calls()) == []
    kept = Kept(path)
    kept.call()
    assert kept.names() == ["c"]
    (aside,) = path.parent.glob("proxy.db.newer-*")
    with closing(sqlite3.connect(aside)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (999,)
    assert len(complaints()) == 1 and "newer" in complaints()[0]


def test_a_full_disk_is_told_once_and_nothing_is_lost_when_there_is_room_again(
    path: Path, complaints: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Kept(path)
    kept.call("before")
    prepare = databases._prepare

    def full(database: sqlite3.Connection, shape: Shape) -> bool:
        new = prepare(database, shape)
        database.execute("PRAGMA max_page_count = 1")
        return new

    with monkeypatch.context() as patch:
        patch.setattr(databases, "_prepare", full)
        kept.store._database.close()
        for number in range(3):
            kept.call(f"meanwhile-{number}", size=100_000)
    (told,) = complaints()
    assert "full" in told and "calls go on" in told and str(path) in told
    kept.call("afterwards")
    assert set(kept.names()) == {"before", "meanwhile-0", "meanwhile-1", "meanwhile-2", "afterwards"}
    assert kept.past.records("meanwhile-1")
    assert kept.ask("SELECT count(*) FROM events") == [(10,)], "none is written twice"


def test_while_nothing_can_be_written_only_so_much_waits(
    tmp_path: Path, complaints: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "WAITING", 5)
    (tmp_path / "logs").write_text("a file where the folder should be")
    kept = Kept(tmp_path / "logs" / "proxy.db")
    for number in range(20):
        kept.call(f"call-{number}")
    assert len(complaints()) == 1
    (tmp_path / "logs").unlink()
    kept.store.write()
    assert kept.ask("SELECT count(*) FROM events") == [(5,)]
    assert kept.names() == ["call-19", "call-18", "call-17"]


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A folder where nobody may write: root neither, for whom the file system itself must say so."""
    if sys.platform != "linux":
        pytest.skip("only Linux is known to be asked like this")
    if os.geteuid() != 0:
        tmp_path.chmod(0o500)
        yield tmp_path
        return
    mount = ["mount", "-t", "tmpfs", "-o", "ro", "sipfullproxy-test", str(tmp_path)]
    if subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("mounting is not allowed here")
    yield tmp_path
    subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


@pytest.mark.io
def test_a_read_only_folder(read_only: Path, complaints: Callable[[], list[str]]) -> None:
    kept = Kept(read_only / "proxy.db")
    kept.call()
    assert len(complaints()) == 1


def test_a_file_that_somebody_deletes_is_begun_anew(kept: Kept) -> None:
    kept.call("one")
    for file in kept.path.parent.iterdir():
        file.unlink()
    kept.path.parent.rmdir()
    kept.call("two")
    assert kept.names() == ["two"]


def test_another_process_that_writes_delays_nobody(
    kept: Kept, complaints: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databases, "OTHERS", 0.01)
    kept.call("one")
    kept.store._database.close()
    with closing(sqlite3.connect(kept.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        monkeypatch.setattr(
            kept.store._database, "_shape", Shape(STEPS, ("PRAGMA busy_timeout = 10", *SHAPE.pragmas[1:]))
        )
        kept.call("two")
        assert kept.names() == ["one"]
    kept.store.write()
    assert set(kept.names()) == {"one", "two"}
    assert len(complaints()) == 1


def test_readers_are_never_in_the_way(kept: Kept) -> None:
    over, found = threading.Event(), []

    def read() -> None:
        while not over.is_set():
            found.append(len(kept.names()))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(100):
        kept.call(f"call-{number}")
    eventually(lambda: found and found[-1] == 100, "all calls in the eyes of a reader")
    over.set()
    reader.join()
    assert found == sorted(found)


def test_strangers_text_is_kept_as_it_is(kept: Kept) -> None:
    name = "'); DROP TABLE calls; --\x00\ufffd<script>"
    kept.tell("calling", name, who=name)
    kept.store.write()
    assert kept.past.card(id_of(name)) == kept.book.card(id_of(name))
    assert [card.call for card in kept.past.calls("drop table")] == [name]


def test_a_call_is_found_by_any_part_of_it(kept: Kept) -> None:
    kept.tell("calling", "Call-1", whom="bob.Žofia@10.0.0.1")
    kept.tell("calling", "Call-2", whom="bob@10.0.0.1")
    kept.tell("busy", "Call-2", whom="bob@10.0.0.1")
    kept.store.write()
    assert [card.call for card in kept.past.calls("ZOFIA")] == ["Call-1"]
    assert [card.call for card in kept.past.calls("call-2")] == ["Call-2"]
    assert [card.call for card in kept.past.calls("%")] == []
    assert [card.call for card in kept.past.calls(state="live")] == ["Call-1"]
    assert [card.call for card in kept.past.calls(state="busy")] == ["Call-2"]
    assert [card.call for card in kept.past.calls(state="over")] == ["Call-2"]
    assert [card.call for card in kept.past.calls(state="trouble")] == ["Call-2"]
    assert list(kept.past.calls(before=kept.now)) == []
    assert len(list(kept.past.calls(ALICE, before=kept.now + 1))) == 2
