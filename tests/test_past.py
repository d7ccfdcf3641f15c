"""The database in the eyes of its readers: what they do not understand they leave alone."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sipfullproxy.engine.events import KINDS
from sipfullproxy.engine.flow import Flow
from sipfullproxy.journal.cards import CallCard
from sipfullproxy.journal.past import Past
from sipfullproxy.journal.record import Record
from sipfullproxy.journal.schema import (
    STEPS,
    VERSION,
    WRITE_CALL,
    WRITE_EVENT,
    WRITE_MESSAGE,
    call_row,
    card_of,
    database_path,
    event_of,
    event_row,
    message_row,
    record_of,
)
from tests.telling import ALICES, event


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database that is empty."""
    path = tmp_path / "a folder with % and ?" / "proxy.db"
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as database:
        database.executescript("".join(STEPS) + f"PRAGMA user_version = {VERSION}")
    return path


def test_what_another_version_wrote_is_skipped_and_counted(path: Path) -> None:
    rows = [
        event_row(event("calling", 1)),
        ("", 2.0, "telepathy", 1, "{}"),
        ("", 3.0, "calling", 999, "{}"),
        ("", 4.0, "calling", 1, '{"serial": 1}'),
        ("", 5.0, "calling", 1, "no JSON"),
        ("", 6.0, "calling", 1, "[]"),
        event_row(event("busy", 7)),
    ]
    with closing(sqlite3.connect(path)) as database, database:
        database.executemany(WRITE_EVENT, rows)
    past = Past(path)
    assert [told.kind for told in past.journal(0)] == ["calling", "busy"]
    assert past.skipped == 5


def test_rows_that_the_disk_has_damaged_are_skipped_and_counted(path: Path) -> None:
    call = CallCard(
        id="i", call="c", leg="l", caller="a", callee="b", state="over", end="ended", began=1.5, changed=2.5
    )
    record = Record(1, 1.5, True, Flow("udp", ("::1", 5060), ("::2", 5061)), b"data", 1, ())
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(WRITE_CALL, call_row(call))
        database.execute(WRITE_CALL, ("j", *call_row(call)[1:]))
        database.executemany(WRITE_MESSAGE, (message_row("c", record._replace(number=number)) for number in range(4)))
        database.execute("UPDATE calls SET went_to = '[' WHERE id = 'j'")
        database.execute("UPDATE messages SET flow = '[1, 2' WHERE number = 0")
        database.execute("UPDATE messages SET flow = '[1, 2, 3, 4]' WHERE number = 1")
        database.execute("UPDATE messages SET edits = NULL WHERE number = 2")
    past = Past(path)
    assert list(past.calls()) == [call]
    assert [found.number for found in past.records("c")] == [3]
    assert past.skipped == 4


@pytest.mark.parametrize("kind", KINDS)
def test_every_event_comes_back_as_it_was(kind: str) -> None:
    told = event(kind, 1.5)
    assert event_of(event_row(told)[2:]) == told


def test_every_field_of_a_card_comes_back() -> None:
    card = CallCard(
        id="i", call="c", leg="l", caller="žofia", callee="b", state="over", began=1.5, changed=2.5, answered=None,
        over=2.5, end="busy", status=486, why="Obsadené", held=True, video=False, conference=True, went_to=("x", "y"),
        missing=True,
    )  # fmt: skip
    assert card_of(call_row(card)[:-1]) == card


@pytest.mark.parametrize("cause", [0, 7, "A"])
def test_every_field_of_a_message_comes_back(cause: int | str) -> None:
    record = Record(7, 1.5, False, ALICES, b"\0\xff", cause, ("via-push", "phrase"))
    assert record_of(message_row("c", record)[1:]) == record


def test_a_message_that_was_kept_before_flows_had_a_name() -> None:
    row = (7, 1.5, 0, '["udp", ["10.0.0.1", 5060], ["10.0.0.10", 5060], 0]', b"data", 1, "[]")
    assert record_of(row) == Record(7, 1.5, False, Flow("udp", ("10.0.0.1", 5060), ("10.0.0.10", 5060)), b"data", 1, ())


def test_where_nothing_is_there_is_nothing(tmp_path: Path) -> None:
    for past in (Past(tmp_path / "proxy.db"), Past(None)):
        assert list(past.calls()) == [] and past.card("x") is None and past.records("x") == []
        assert past.events("x") == [] and past.journal(0) == []
        assert past.flaw == "no such file"
    assert list(tmp_path.iterdir()) == [], "a reader makes no file"


def test_what_is_no_database_holds_nothing_and_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "proxy.db"
    path.write_bytes(b"hello" * 1_000)
    past = Past(path)
    assert list(past.calls()) == []
    assert past.flaw
    assert path.read_bytes() == b"hello" * 1_000


def test_a_good_one_has_no_flaw(path: Path) -> None:
    assert Past(path).flaw == ""


def test_where_the_database_is(tmp_path: Path) -> None:
    assert database_path(tmp_path / "logs" / "proxy.log") == tmp_path / "logs" / "proxy.db"
    assert database_path(tmp_path / "calls.db") == tmp_path / "calls.db.db", "never the text journal itself"
    assert database_path(Path("/dev/null")) is None or not Path("/dev/null").exists()
    assert database_path(tmp_path) is None


def test_where_nothing_may_be_seen_the_database_is_beside_the_journal_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hidden(path: object, *, follow_symlinks: bool = True) -> os.stat_result:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "stat", hidden)
    assert database_path(tmp_path / "proxy.log") == tmp_path / "proxy.db"
