"""complaints.py: what is logged is shown, and a terminal that stands still holds up nobody."""

from __future__ import annotations

import io
import logging
import re
import threading

import pytest

from sipfullproxy import complaints
from sipfullproxy.complaints import told

log = logging.getLogger(__name__)


def test_what_is_logged_is_shown_by_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    with told():
        log.warning("a disk is %s", "full")
        log.info("nobody asked for that")
    assert re.fullmatch(r"\d\d:\d\d:\d\d WARNING a disk is full\n", capsys.readouterr().err)
    log.warning("nobody listens any more")
    assert capsys.readouterr().err == ""


def test_a_traceback_is_shown_too(capsys: pytest.CaptureFixture[str]) -> None:
    with told():
        try:
            raise ValueError("so it is")
        except ValueError:
            log.exception("a bug")
    shown = capsys.readouterr().err
    assert "ERROR a bug\nTraceback" in shown
    assert shown.endswith("ValueError: so it is\n")


class Stuck(io.StringIO):
    """A terminal that takes nothing until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.moves = threading.Event()

    def write(self, text: str) -> int:
        self.moves.wait()
        return super().write(text)


def test_a_terminal_that_stands_still_holds_up_neither_who_logs_nor_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    stuck = Stuck()
    monkeypatch.setattr("sys.stderr", stuck)
    monkeypatch.setattr(complaints, "WAIT", 0.01)
    try:
        with told():
            for number in range(3):
                log.warning("number %d", number)
    finally:
        stuck.moves.set()


def test_without_any_stderr_nothing_is_shown_and_nothing_breaks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stderr", None)
    monkeypatch.setattr("sys.stdout", None)
    with told():
        log.warning("unheard")
