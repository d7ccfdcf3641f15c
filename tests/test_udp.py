"""The UDP door against real sockets on the loopback, with a core that only takes notes."""

from __future__ import annotations

import errno
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from sipfullproxy.engine.flow import Flow, Send
from sipfullproxy.sip import stun
from sipfullproxy.transport import backlog, udp
from sipfullproxy.transport.udp import UdpDoor
from tests.waiting import eventually

pytestmark = pytest.mark.io


class Core:
    """Answers each datagram with itself, and notes what it was told."""

    def __init__(self) -> None:
        self.received: list[tuple[bytes, Flow]] = []
        self.losses: list[Flow] = []
        self.due: float | None = None
        self.ticks: list[float] = []
        self.answer: Callable[[bytes, Flow], list[Send]] = lambda data, flow: [Send(flow, data, 1)]
        self.farewell: list[Send] = []

    def receive(self, data: bytes, flow: Flow, now: float, spare: bool = False) -> list[Send]:
        self.received.append((data, flow))
        return self.answer(data, flow)

    def tick(self, now: float) -> list[Send]:
        self.ticks.append(now)
        self.due = None
        return []

    def next_timer(self) -> float | None:
        return self.due

    def lost(self, flow: Flow, now: float) -> list[Send]:
        self.losses.append(flow)
        return self.farewell


@contextmanager
def serving(core: Core, line: Callable[[socket.socket], Any] = lambda real: real) -> Iterator[UdpDoor]:
    """A door that is served. line: what it is given in the place of its socket."""
    door = UdpDoor(("127.0.0.1", 0))
    door.socket = line(door.socket)
    thread = threading.Thread(target=door.serve, args=(core,))
    thread.start()
    try:
        yield door
    finally:
        door.shutdown()
        thread.join()
        door.server_close()


@pytest.fixture
def core() -> Core:
    return Core()


@pytest.fixture
def door(core: Core) -> Iterator[UdpDoor]:
    with serving(core) as door:
        yield door


@pytest.fixture
def phone() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind(("127.0.0.1", 0))
        phone.settimeout(30)
        yield phone


@pytest.mark.purpose(
    "RFC3581_04",
    given="a datagram to our UDP port", expect="the answer comes from that address and port",
)  # fmt: skip
def test_a_datagram_goes_in_and_the_answer_comes_out(core: Core, door: UdpDoor, phone: socket.socket) -> None:
    phone.sendto(b"hello", door.local)
    assert phone.recvfrom(100) == (b"hello", door.local)
    assert core.received == [(b"hello", Flow("udp", door.local, phone.getsockname()))]


@pytest.mark.purpose(
    "RFC5626_08",
    given="a STUN Binding request to our UDP port", expect="its answer, with the address that it came from; no message",
)  # fmt: skip
def test_who_asks_by_stun_is_told_where_he_comes_from(core: Core, door: UdpDoor, phone: socket.socket) -> None:
    request = b"\0\1\0\0\x21\x12\xa4\x42" + bytes(range(12))
    phone.sendto(request, door.local)
    assert phone.recv(100) == stun.answer(request, phone.getsockname())
    assert not core.received


@pytest.mark.parametrize("size", [20_000, 65_507])
def test_the_largest_datagrams_pass_whole(door: UdpDoor, phone: socket.socket, size: int) -> None:
    phone.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 70_000)
    phone.sendto(b"v" * size, door.local)
    assert phone.recv(65_535) == b"v" * size


def test_a_burst_is_served_whole_and_in_order(core: Core, door: UdpDoor, phone: socket.socket) -> None:
    count = 3 * udp.BATCH
    core.answer = lambda data, flow: []
    for number in range(count):
        phone.sendto(b"%d" % number, door.local)
    eventually(lambda: len(core.received) == count, "all of the burst")
    assert [data for data, _ in core.received] == [b"%d" % number for number in range(count)]


def test_where_the_kernel_cannot_wait_python_does(
    core: Core, phone: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(udp, "_WAITS", False)
    monkeypatch.setattr(udp, "_AT_ONCE", 0)
    with serving(core) as door:
        core.due = time.monotonic()
        eventually(lambda: core.ticks, "the timer")
        for number in range(udp.BATCH):
            phone.sendto(b"%d" % number, door.local)
            assert phone.recv(100) == b"%d" % number


def test_who_cannot_keep_up_spares_himself_what_is_new_until_nothing_waits(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(backlog, "PATIENCE", 1e-9)  # any time is too long
    monkeypatch.setattr(backlog, "PERSISTENCE", 0.0)
    count, spared = 3 * udp.BATCH, []

    class Slow(Core):
        def receive(self, data: bytes, flow: Flow, now: float, spare: bool = False) -> list[Send]:
            spared.append(spare)
            return super().receive(data, flow, now) if data == b"later" else []

    door = UdpDoor(("127.0.0.1", 0))
    thread = threading.Thread(target=door.serve, args=(Slow(),))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.settimeout(30)
        for _ in range(count):
            phone.sendto(b"x", door.local)
        thread.start()
        try:
            eventually(lambda: len(spared) == count, "all of the burst")
            phone.sendto(b"later", door.local)
            assert phone.recv(10) == b"later"
        finally:
            door.shutdown()
            thread.join()
            door.server_close()
    # With the first datagram that woke it, one turn is one more than a batch.
    assert spared == [False] * (udp.BATCH + 1) + [True] * (count - udp.BATCH - 1) + [False]
    assert [record.message[:29] for record in caplog.records] == ["more comes than can be served"]


def test_the_burst_of_one_phone_is_one_flow(core: Core, door: UdpDoor, phone: socket.socket) -> None:
    for _ in range(3):
        phone.sendto(b"x", door.local)
        phone.recv(10)
    assert len({id(flow) for _, flow in core.received}) == 1


def test_made_up_addresses_do_not_fill_the_memory(
    core: Core, door: UdpDoor, phone: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(udp, "MAX_FLOWS", 2)
    for _ in range(7):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.settimeout(30)
            stranger.sendto(b"x", door.local)
            stranger.recv(10)
    assert len(door._flows) <= 2


def test_timers_are_served_when_nobody_calls(core: Core, door: UdpDoor) -> None:
    core.due = due = time.monotonic() + 0.1
    eventually(lambda: core.ticks, "the timer")
    assert due <= core.ticks[0], "not before"


def test_timers_are_served_under_load(core: Core, door: UdpDoor, phone: socket.socket) -> None:
    stop = threading.Event()

    def flood() -> None:
        while not stop.is_set():
            phone.sendto(b"x", door.local)

    core.answer = lambda data, flow: []
    thread = threading.Thread(target=flood)
    thread.start()
    try:
        eventually(lambda: core.received, "the flood")
        core.due = time.monotonic()
        eventually(lambda: core.ticks, "the timer")
    finally:
        stop.set()
        thread.join()


def test_a_taken_port_is_an_error_and_not_shared(door: UdpDoor) -> None:
    with pytest.raises(OSError) as caught:
        UdpDoor(door.local)
    assert caught.value.errno in (errno.EADDRINUSE, errno.EACCES)


def test_a_port_shared_by_a_careless_neighbour_is_not_joined() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as neighbour:
        neighbour.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        neighbour.bind(("127.0.0.1", 0))
        with pytest.raises(OSError):
            UdpDoor(neighbour.getsockname())


def test_an_address_that_is_not_ours_is_an_error() -> None:
    with pytest.raises(OSError):
        UdpDoor(("203.0.113.77", 0))


def test_the_end_waits_for_nobody_who_goes_on_sending(core: Core, phone: socket.socket) -> None:
    door = UdpDoor(("127.0.0.1", 0))
    for _ in range(5):
        phone.sendto(b"hello", door.local)

    def end(data: bytes, flow: Flow) -> list[Send]:
        door.shutdown()
        return []

    core.answer = end
    thread = threading.Thread(target=door.serve, args=(core,))
    thread.start()
    thread.join()
    door.server_close()
    assert len(core.received) == 1


def test_the_port_is_free_again_after_the_end(core: Core) -> None:
    with serving(core) as door:
        local = door.local
    UdpDoor(local).server_close()


class Line:
    """A socket whose line is out of order: it raises what the test says; everything else is the real one's."""

    def __init__(self, real: socket.socket, failures: list[Exception], verb: str) -> None:
        self._real = real
        self._failures = failures
        self._verb = verb

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name) if name != self._verb else self._try

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *_: object) -> None:
        self._real.close()

    def dup(self) -> Line:
        """The same line by another name is out of order, too."""
        return Line(self._real.dup(), self._failures, self._verb)

    def _try(self, *arguments: Any) -> Any:
        return self._fail() if self._failures else getattr(self._real, self._verb)(*arguments)

    def _fail(self, *_: object) -> None:
        raise self._failures.pop(0)


def test_what_windows_tells_about_an_earlier_datagram_is_no_end(core: Core, phone: socket.socket) -> None:
    failures: list[Exception] = [ConnectionResetError(10054, "WSAECONNRESET") for _ in range(5)]
    with serving(core, lambda real: Line(real, failures, "recvfrom")) as door:
        phone.sendto(b"1", door.local)
        phone.sendto(b"2", door.local)
        assert {phone.recv(10), phone.recv(10)} == {b"1", b"2"}
    assert not failures


def test_a_failure_to_send_is_a_lost_flow_told_once_and_its_answer_goes_out(core: Core, phone: socket.socket) -> None:
    with serving(core) as door:
        gone = Flow("udp", door.local, ("192.168.77.77", 5060))
        back = Flow("udp", door.local, phone.getsockname())
        core.answer = lambda data, flow: [Send(gone, data, 1), Send(gone, data, 1)]
        core.farewell = [Send(back, b"503", 1)]
        unreachable = OSError(errno.EHOSTUNREACH, "No route to host")
        door.socket = Line(door.socket, [unreachable, unreachable], "sendto")  # type: ignore[assignment]
        phone.sendto(b"INVITE", door.local)
        assert phone.recv(100) == b"503"
    assert core.losses == [gone]


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.EWOULDBLOCK, errno.ENOBUFS, errno.EMSGSIZE])
def test_what_says_nothing_about_the_peer_loses_no_flow(core: Core, phone: socket.socket, number: int) -> None:
    with serving(core) as door:
        door.socket = Line(door.socket, [OSError(number, "no room")], "sendto")  # type: ignore[assignment]
        phone.sendto(b"1", door.local)
        phone.sendto(b"2", door.local)
        assert phone.recv(10) == b"2"
    assert core.losses == []


def test_a_message_larger_than_any_datagram_is_dropped(core: Core, door: UdpDoor, phone: socket.socket) -> None:
    core.answer = lambda data, flow: [Send(flow, b"x" * 70_000, 1), Send(flow, data, 1)]
    phone.sendto(b"after", door.local)
    assert phone.recv(65_535) == b"after"
    assert core.losses == []


@pytest.mark.parametrize("remote", [("127.0.0.1", 70_000), ("\0", 5060), ("x" * 70, 5060)])
def test_an_address_that_is_none_ends_nothing(
    core: Core, door: UdpDoor, phone: socket.socket, remote: tuple[str, int]
) -> None:
    core.answer = lambda data, flow: [Send(flow._replace(remote=remote), data, 1), Send(flow, data, 1)]
    phone.sendto(b"after", door.local)
    assert phone.recv(100) == b"after"


def test_a_bug_behind_the_door_is_logged_and_the_next_datagram_served(
    core: Core, door: UdpDoor, phone: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    def answer(data: bytes, flow: Flow) -> list[Send]:
        if data == b"bad":
            raise ZeroDivisionError("a bug")
        return [Send(flow, data, 1)]

    core.answer = answer
    with caplog.at_level(logging.ERROR):
        phone.sendto(b"bad", door.local)
        phone.sendto(b"good", door.local)
        assert phone.recv(100) == b"good"
    assert "ZeroDivisionError" in caplog.text
