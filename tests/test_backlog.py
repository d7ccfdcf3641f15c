"""backlog.py: what has waited for too long in the kernel is noticed, and said once a minute."""

from __future__ import annotations

import socket
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from sipfullproxy.transport import backlog
from sipfullproxy.transport.backlog import PATIENCE, ROOM, Backlog

pytestmark = pytest.mark.io

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody says how long a datagram has waited")


@pytest.fixture
def line() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.bind(("127.0.0.1", 0))
        opened.settimeout(30)
        yield opened


def came(age: float) -> list[tuple[int, int, bytes]]:
    """What the kernel says of a datagram of that age (seconds)."""
    seconds, rest = divmod(time.time() - age, 1)
    return [(socket.SOL_SOCKET, 35, struct.pack("@ll", int(seconds), int(rest * 1e9)))]


@LINUX
def test_the_kernel_says_when_a_datagram_came(line: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    found = Backlog(line)
    monkeypatch.setattr(backlog, "PATIENCE", -1.0)
    line.sendto(b"x", line.getsockname())
    _, notes, flags, _ = line.recvmsg(10, ROOM)
    assert not flags & socket.MSG_CTRUNC
    found.look(notes)
    assert found.spare


def test_what_has_waited_for_long_is_too_much_until_the_next_has_not(line: socket.socket) -> None:
    found = Backlog(line)
    found.look(came(PATIENCE + 1))
    assert found.spare
    found.look(came(0))
    assert not found.spare
    found.look(came(PATIENCE + 1))
    found.empty()
    assert not found.spare


@LINUX
def test_where_a_datagram_found_no_room_it_is_too_much_until_the_next_ones_do(line: socket.socket) -> None:
    found = Backlog(line)
    line.setsockopt(
        socket.SOL_SOCKET, socket.SO_RCVBUF, 1
    )  # the kernel makes it the least that it has, a few kilobytes
    line.setblocking(False)

    def comes(count: int) -> list[bool]:
        """So many datagrams; what is thought of each that found room."""
        for _ in range(count):
            line.sendto(b"x" * 100, line.getsockname())
        thought = []
        with suppress(BlockingIOError):
            while True:
                _, notes, flags, _ = line.recvmsg(100, ROOM)
                assert not flags & socket.MSG_CTRUNC
                found.look(notes)
                thought.append(found.spare)
        return thought

    assert not any(comes(100)), "those before found room"
    assert comes(2) == [True, False]
    assert comes(2) == [False, False]


@pytest.mark.parametrize("notes", [[], [(socket.SOL_SOCKET, 2, b"x" * 16)], [(socket.SOL_SOCKET, 35, b"short")]])
def test_other_notes_say_nothing(line: socket.socket, notes: list[tuple[int, int, bytes]]) -> None:
    found = Backlog(line)
    found.look(notes)
    assert not found.spare


def test_it_is_said_once_a_minute(
    line: socket.socket, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Backlog(line)
    for _ in range(3):
        found.look(came(PATIENCE + 1))
    assert len(caplog.records) == 1
    monkeypatch.setattr(backlog, "COMPLAIN", 0.0)
    found.look(came(PATIENCE + 1))
    assert len(caplog.records) == 2
