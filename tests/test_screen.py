"""The eyes of `-v`: every message as it passed, and a terminal that may do what it likes."""

from __future__ import annotations

import threading

import pytest

from sipfullproxy.engine.flow import Flow
from sipfullproxy.journal import screen
from sipfullproxy.journal.record import Record
from sipfullproxy.journal.screen import Screen

ALICE = Flow("udp", ("10.0.0.1", 5060), ("10.0.0.10", 5060))
OPTIONS = b"OPTIONS sip:b SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n\r\n"


def shown(*records: Record, lost: int = 0) -> None:
    """Show these, and wait until it is done."""
    screen = Screen(lambda: lost)
    for record in records:
        screen.put(record)
    screen.start()
    screen.stop()


def test_messages_in_and_out_are_shown_with_what_was_changed(capsys: pytest.CaptureFixture[str]) -> None:
    shown(
        Record(1, 1_700_000_000.25, True, ALICE, OPTIONS),
        Record(2, 1_700_000_000.25, False, ALICE, OPTIONS, 1, ("via-push",)),
    )
    came, first, _, _, went, *_ = capsys.readouterr().err.splitlines()
    assert came.endswith(f".250 <- 10.0.0.10:5060 UDP {len(OPTIONS)} B")
    assert first == "  OPTIONS sip:b SIP/2.0"
    assert went.endswith(f" -> 10.0.0.10:5060 UDP {len(OPTIONS)} B (via-push)")


def test_junk_is_shown_as_a_dump(capsys: pytest.CaptureFixture[str]) -> None:
    shown(Record(1, 0.0, True, ALICE, b"junk \x1b[2J"))
    assert "  0000  6a 75 6e 6b 20 1b 5b 32 4a" in capsys.readouterr().err


def test_it_says_what_it_has_not_shown(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screen, "SCREEN_LIMIT", 2)
    shown(*(Record(number, 0.0, True, ALICE, OPTIONS) for number in range(5)), lost=4)
    err = capsys.readouterr().err
    assert err.startswith("… 7 messages not shown\n"), "three of its own, and four that were lost on the way"
    assert err.count("<-") == 2


def test_a_closed_terminal_harms_nothing(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr("sys.stderr", None)
    shown(Record(1, 0.0, True, ALICE, OPTIONS))
    assert not caplog.records


def test_a_terminal_that_stands_still_is_given_up_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    moves, entered = threading.Event(), threading.Event()

    class Stuck:
        def write(self, text: str) -> None:
            entered.set()
            moves.wait(10)

        def flush(self) -> None:
            """Nothing to do."""

    monkeypatch.setattr("sys.stderr", Stuck())
    monkeypatch.setattr(screen, "SCREEN_WAIT", 0.01)
    stuck = Screen()
    stuck.start()
    stuck.put(Record(1, 0.0, True, ALICE, OPTIONS))
    assert entered.wait(10)
    stuck.stop()
    moves.set()
