"""The mailbox: bunches in order, a reader that may fail or sleep, and nobody who waits for it."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from sipfullproxy.journal.mailbox import Mailbox

PATIENCE = 30.0
"""Seconds after which a test gives up on a thread; a test that passes waits for none of it."""


def test_what_has_gathered_is_read_at_one_go() -> None:
    read: list[list[int]] = []
    mailbox: Mailbox[int] = Mailbox(lambda bunch: read.append(list(bunch)), "test")
    for item in (1, 2, 3):
        mailbox.put(item)
    mailbox.start()
    assert mailbox.stop() == 0
    mailbox.start()
    mailbox.put(4)
    assert mailbox.stop() == 0
    assert read == [[1, 2, 3], [4]]


def test_a_reader_that_fails_is_told_the_next_bunch(caplog: pytest.LogCaptureFixture) -> None:
    read: list[int] = []
    first = threading.Event()

    def reader(bunch: Sequence[int]) -> None:
        read.extend(bunch)
        if not first.is_set():
            first.set()
            raise OSError("no pencil")

    mailbox = Mailbox(reader, "test")
    mailbox.start()
    mailbox.put(1)
    assert first.wait(PATIENCE)
    mailbox.put(2)
    mailbox.stop()
    assert read == [1, 2]
    assert "the thread test failed on 1 items" in caplog.text
    assert "no pencil" in caplog.text


def test_a_reader_that_sleeps_loses_the_oldest_and_is_given_up_at_the_end() -> None:
    read: list[int] = []
    entered, let_go = threading.Event(), threading.Event()

    def reader(bunch: Sequence[int]) -> None:
        entered.set()
        let_go.wait(PATIENCE)
        read.extend(bunch)

    mailbox = Mailbox(reader, "test", limit=2)
    mailbox.start()
    mailbox.put(1)
    assert entered.wait(PATIENCE)
    for item in (2, 3, 4):
        mailbox.put(item)
    assert mailbox.lost == 1
    assert mailbox.stop(0.01) == 2
    let_go.set()
