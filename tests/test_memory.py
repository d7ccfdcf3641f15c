"""All that remembers, as one thing: everything reaches everybody, and the slow harm nobody."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from sipfullproxy.engine.events import Event
from sipfullproxy.journal.hooks import Hooks
from sipfullproxy.journal.memory import Memory
from sipfullproxy.journal.past import Past
from sipfullproxy.journal.text import TextJournal
from tests.telling import event, passage


def made(folder: Path, hooks: Hooks | None = None, verbose: bool = False) -> Memory:
    text = TextJournal(folder / "proxy.log", time.time(), "en")
    return Memory(text, hooks or Hooks(), verbose=verbose, lang="en", keep_days=30, keep_bytes=10**8)


def test_an_event_reaches_text_book_database_and_hooks(tmp_path: Path) -> None:
    hooks, heard = Hooks(), list[Event]()
    hooks.on("*")(heard.append)
    memory = made(tmp_path, hooks)
    told = [event("calling", time.time()), event("ringing", time.time())]
    memory.start()
    for each in told:
        memory.tell(each)
    memory.stop()
    assert heard == told
    assert "Ringing alice@10.0.0.1" in (tmp_path / "proxy.log").read_text("utf-8")
    (card,) = memory.archive.calls()
    assert memory.archive.events(card.id) == told
    assert Past(tmp_path / "proxy.db").events(card.id) == told


def test_a_passage_reaches_tape_and_database_and_the_screen_if_wanted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(verbose: bool) -> Memory:
        memory = made(tmp_path, verbose=verbose)
        memory.start()
        memory.note(passage("c", "answer"))
        memory.tell(event("calling", time.time()))
        memory.stop()
        return memory

    run(verbose=False)
    assert capsys.readouterr().err == ""
    archive = run(verbose=True).archive
    err = capsys.readouterr().err
    assert (err.count("<-"), err.count("->")) == (1, 1)
    (card,) = archive.calls()
    assert [record.number for record in archive.records(card)] == [1, 2, 3, 4], "numbers went on"
    assert [record.number for record in Past(tmp_path / "proxy.db").records("c")] == [1, 2, 3, 4]


def test_a_database_that_cannot_be_costs_nothing_else(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "proxy.db").mkdir()
    memory = made(tmp_path)
    memory.start()
    memory.tell(event("ringing", time.time()))
    memory.note(passage("c"))
    memory.stop()
    assert "Ringing" in (tmp_path / "proxy.log").read_text("utf-8")
    (card,) = memory.archive.calls()
    assert len(memory.archive.records(card)) == 1
    assert [record.getMessage() for record in caplog.records if "cannot be written" in record.getMessage()]
