"""backlog.py: datagrams that wait for long in the kernel, or fill its room, are noticed, and it is said each minute."""

from __future__ import annotations

import socket
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from sipfullproxy.transport import backlog
from sipfullproxy.transport.backlog import CALM, PATIENCE, PERSISTENCE, RECOVERY, ROOM, Backlog

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
    monkeypatch.setattr(backlog, "PATIENCE", 1e-9)
    monkeypatch.setattr(backlog, "PERSISTENCE", 0.0)
    line.sendto(b"x", line.getsockname())
    _, notes, flags, _ = line.recvmsg(10, ROOM)
    assert not flags & socket.MSG_CTRUNC
    found.look(notes, 0.0)
    assert found.spare


def looks(line: socket.socket, *seen: tuple[float, float]) -> list[bool]:
    """What is thought after each look. seen: when that was, and how long the datagram had waited then (seconds)."""
    found, thought = Backlog(line), []
    for now, age in seen:
        found.look(came(age), now)
        thought.append(found.spare)
    return thought


LONG, SHORT, NO_TIME = 1.5 * PATIENCE, 0.75 * PATIENCE, 0.5 * CALM * PATIENCE


def test_who_is_late_for_a_while_refuses_while_he_is(line: socket.socket) -> None:
    end = PERSISTENCE
    assert looks(line, (0, LONG), (0.9 * end, LONG), (end, LONG), (end, SHORT)) == [False, False, True, False]


def test_who_was_late_of_late_refuses_at_once(line: socket.socket) -> None:
    """As long as more comes than can be served it is never calm, and the queue must not grow again first."""
    assert looks(line, (0, LONG), (0.5 * PERSISTENCE, SHORT), (PERSISTENCE, LONG)) == [False, False, True]


def test_a_pause_of_the_machine_is_worked_off(line: socket.socket) -> None:
    """A collection of garbage, a busy disk: what has waited meanwhile is served when there is time for it."""
    pause = [(0.0, 3 * PATIENCE), (0.5 * PERSISTENCE, LONG), (0.9 * PERSISTENCE, NO_TIME)]
    assert not any(looks(line, *pause, (PERSISTENCE, LONG), (1.9 * PERSISTENCE, LONG)))


def test_a_longer_pause_may_be_worked_off_for_longer_if_it_gets_less_all_the_time(line: socket.socket) -> None:
    """PyPy stops for tenths of a second. Who does not get on, or takes longer than a second, has too much."""
    peak = 5 * PATIENCE
    pause, later = (0.0, peak), 0.3 * RECOVERY
    assert looks(line, pause, (later, 0.6 * peak), (2 * later, 0.3 * peak)) == [False, False, False]
    assert looks(line, pause, (later, 0.8 * peak), (2 * later, 0.3 * peak)) == [False, True, False]
    assert looks(line, pause, (later, 0.6 * peak), (1.01 * RECOVERY, LONG)) == [False, False, True]


def test_where_nothing_waits_all_is_forgotten(line: socket.socket) -> None:
    found = Backlog(line)
    found.look(came(LONG), 0.0)
    found.look(came(LONG), PERSISTENCE)
    assert found.spare
    found.empty()
    assert not found.spare
    found.look(came(LONG), 2 * PERSISTENCE)
    assert not found.spare


@LINUX
def test_a_small_room_is_too_full_before_anything_waits_for_long(line: socket.socket) -> None:
    """The default of Linux holds some hundred INVITEs, hundredths of a second at full load."""
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 20_000)  # the kernel doubles it
    found = Backlog(line)

    def thought(now: float) -> bool:
        found.look(came(0), now)
        return found.spare

    assert not thought(0.0)
    for _ in range(15):  # each of them counts as 2,304 bytes
        line.sendto(b"x" * 1000, line.getsockname())
    assert [thought(1.0), thought(1.0 + PERSISTENCE)] == [False, True]
    for _ in range(15):
        line.recv(1000)
    assert not thought(1.0 + PERSISTENCE)


def test_a_room_of_which_nobody_knows_the_size_is_never_full(line: socket.socket) -> None:
    found = Backlog(line)
    line.close()
    found.look(came(0), 0.0)
    found.look(came(0), PERSISTENCE)
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
                found.look(notes, 0.0)
                thought.append(found.spare)
        return thought

    assert not any(comes(100)), "those before found room"
    assert comes(2) == [True, False]
    assert comes(2) == [False, False]


@pytest.mark.parametrize("notes", [[], [(socket.SOL_SOCKET, 2, b"x" * 16)], [(socket.SOL_SOCKET, 35, b"short")]])
def test_other_notes_say_nothing(line: socket.socket, notes: list[tuple[int, int, bytes]]) -> None:
    found = Backlog(line)
    for now in (0.0, PERSISTENCE):
        found.look(notes, now)
        assert not found.spare


def test_it_is_said_once_a_minute(line: socket.socket, caplog: pytest.LogCaptureFixture) -> None:
    found = Backlog(line)
    for now in range(4):
        found.look(came(LONG), 0.1 * now)
    assert len(caplog.records) == 1
    found.look(came(LONG), backlog.COMPLAIN + 1)
    assert len(caplog.records) == 2
