"""The doors on TCP against real sockets on the loopback, with a core that only takes notes."""

from __future__ import annotations

import logging
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from sipfullproxy.engine.flow import Flow, Send
from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.framing import BODY_LIMIT, HEAD_LIMIT
from sipfullproxy.sip.message import Request
from sipfullproxy.transport import connection as connections
from sipfullproxy.transport import stream
from sipfullproxy.transport.stream import StreamDoor
from tests.waiting import eventually

pytestmark = pytest.mark.io

Address = tuple[str, int]


def message(number: int = 1, body: bytes = b"") -> bytes:
    return (
        b"MESSAGE sip:bob@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 10.0.0.9;branch=z9hG4bK%d\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (number, len(body), body)
    )


def head(*lines: bytes) -> bytes:
    return b"\r\n".join((b"MESSAGE sip:b SIP/2.0", b"Via: SIP/2.0/TCP 10.0.0.9;branch=z9hG4bK1", *lines, b"", b""))


class Core:
    """Answers each message with itself, and notes what it was told."""

    def __init__(self) -> None:
        self.received: list[tuple[bytes, Flow]] = []
        self.refused: list[tuple[int, str, Flow]] = []
        self.losses: list[Flow] = []
        self.answer: Callable[[bytes, Flow], list[Send]] = lambda data, flow: [Send(flow, data, 1)]
        self.farewell: Callable[[Flow], list[Send]] = lambda flow: []

    def receive(self, data: bytes, flow: Flow, now: float, spare: bool = False) -> list[Send]:
        self.received.append((data, flow))
        return self.answer(data, flow)

    def refuse(self, request: Request, error: SipError, flow: Flow, now: float) -> list[Send]:
        self.refused.append((error.status, error.reason, flow))
        return [Send(flow, b"SIP/2.0 %d" % error.status, 1)]

    def tick(self, now: float) -> list[Send]:
        raise AssertionError("another door ticks")

    def next_timer(self) -> float | None:
        raise AssertionError("another door ticks")

    def lost(self, flow: Flow, now: float) -> list[Send]:
        self.losses.append(flow)
        return self.farewell(flow)


class Door:
    """A served StreamDoor. local: its address."""

    def __init__(self, core: Core) -> None:
        self.door = StreamDoor()
        self.local = self.door.listen("tcp", ("127.0.0.1", 0))
        self.thread = threading.Thread(target=self.door.serve, args=(core,))
        self.thread.start()

    def __len__(self) -> int:
        return len(self.door)

    def way_to(self, address: Address) -> Flow:
        """A flow without a connection yet."""
        return Flow("tcp", self.local, address)

    def post(self, flow: Flow, data: bytes) -> None:
        self.door.post([Send(flow, data, 1)])

    @contextmanager
    def phone(self) -> Iterator[socket.socket]:
        with socket.create_connection(self.local, timeout=10) as phone:
            yield phone


@pytest.fixture
def core() -> Core:
    return Core()


@pytest.fixture
def door(core: Core) -> Iterator[Door]:
    door = Door(core)
    yield door
    door.door.shutdown()
    door.thread.join()
    door.door.close()


@pytest.fixture
def phone(door: Door) -> Iterator[socket.socket]:
    with door.phone() as phone:
        yield phone


@pytest.fixture
def far() -> Iterator[socket.socket]:
    """Somebody who listens."""
    with socket.create_server(("127.0.0.1", 0)) as far:
        far.settimeout(10)
        yield far


def patient(monkeypatch: pytest.MonkeyPatch, **limits: float) -> None:
    """Other limits, and a look at them each 50 ms."""
    for name, limit in limits.items():
        monkeypatch.setattr(connections, name, limit)
    monkeypatch.setattr(stream, "SWEEP_INTERVAL", 0.05)


def take(phone: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size and (more := phone.recv(size - len(data))):
        data += more
    return data


def take_all(phone: socket.socket) -> bytes:
    """What comes until the end of the connection."""
    data = b""
    with suppress(ConnectionError):
        while more := phone.recv(65_536):
            data += more
    return data


# -- messages ----------------------------------------------------------------------------------------------------------


def test_a_message_goes_in_and_the_answer_comes_out_on_the_same_connection(core: Core, door: Door) -> None:
    with door.phone() as phone:
        phone.sendall(message())
        assert take(phone, len(message())) == message()
        ((data, flow),) = core.received
        assert data == message()
        assert flow == Flow("tcp", door.local, phone.getsockname(), flow.serial) and flow.serial


def test_each_connection_is_a_flow_of_its_own(core: Core, door: Door) -> None:
    with door.phone() as one, door.phone() as other:
        for phone in (one, other):
            phone.sendall(message())
            take(phone, len(message()))
    assert len({flow.serial for _, flow in core.received}) == 2


def test_a_message_in_drops_and_two_in_one_segment(core: Core, phone: socket.socket) -> None:
    for byte in message(1, b"hello"):
        phone.sendall(bytes([byte]))
    phone.sendall(message(2) + message(3))
    expected = message(1, b"hello") + message(2) + message(3)
    assert take(phone, len(expected)) == expected
    assert [data for data, _ in core.received] == [message(1, b"hello"), message(2), message(3)]


@pytest.mark.purpose(
    "RFC5626_09", given="CRLF CRLF on a connection, alone and between messages", expect="CRLF for each"
)
def test_keepalives_are_answered_and_are_no_messages(core: Core, phone: socket.socket) -> None:
    phone.sendall(b"\r\n\r\n")
    assert take(phone, 2) == b"\r\n"
    phone.sendall(b"\r\n\r\n\r\n\r\n" + message())
    assert take(phone, 4 + len(message())) == b"\r\n\r\n" + message()
    assert len(core.received) == 1


def test_a_message_as_large_as_any_passes_both_ways(core: Core, phone: socket.socket) -> None:
    large = message(1, b"v" * BODY_LIMIT)
    thread = threading.Thread(target=phone.sendall, args=(large,))
    thread.start()
    assert take(phone, len(large)) == large
    thread.join()


# -- what can no longer be cut -----------------------------------------------------------------------------------------


@pytest.mark.purpose(
    "SIP_MG_PR_I_010",
    given="on a stream: no Content-Length, two that differ, one that is none, is negative or too large",
    expect="400, or 413 where it is too large; then the connection is closed",
)
@pytest.mark.parametrize(
    ("data", "status", "reason"),
    [
        (head(), 400, "No Content-Length, which a stream needs"),
        (head(b"Content-Length: 5", b"l: 6"), 400, "More than one Content-Length header"),
        (head(b"Content-Length: many"), 400, "Bad Content-Length"),
        (head(b"Content-Length: -1"), 400, "Bad Content-Length"),
        (head(b"Content-Length: %d" % (BODY_LIMIT + 1)), 413, f"A body has at most {BODY_LIMIT} bytes"),
        (head(b"no header at all", b"l: 0"), 400, "A header line is no header"),
    ],
)
def test_who_sends_a_request_without_an_end_is_told_so_and_left(
    core: Core, door: Door, phone: socket.socket, data: bytes, status: int, reason: str
) -> None:
    phone.sendall(message() + data + message(2))
    assert take_all(phone) == message() + b"SIP/2.0 %d" % status
    ((_, flow),) = core.received
    assert core.refused == [(status, reason, flow)]
    eventually(lambda: core.losses, "the loss")
    assert flow in core.losses
    phone.close()
    eventually(lambda: not len(door), "the end")


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP h\r\n\r\n",  # a response without Content-Length
        b"INVITE sip:b SIP/2.0\r\n" + b"X: y\r\n" * (HEAD_LIMIT // 6),  # headers without an end
        b"\0" * 100,
    ],
)
def test_who_sends_no_sip_is_left_without_a_word(core: Core, door: Door, phone: socket.socket, data: bytes) -> None:
    phone.sendall(data)
    assert take_all(phone) == b""
    assert not core.received and not core.refused
    phone.close()
    eventually(lambda: not len(door), "the end")


def test_who_does_not_go_by_himself_is_left_all_the_same(
    core: Core, door: Door, phone: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient(monkeypatch, FAREWELL=0.1)
    phone.sendall(head())
    assert take_all(phone) == b"SIP/2.0 400"
    eventually(lambda: not len(door), "the end")


# -- the end of a connection -------------------------------------------------------------------------------------------


def flow_of(core: Core, phone: socket.socket) -> Flow:
    """The flow of a phone, by a message of it."""
    phone.sendall(message())
    take(phone, len(message()))
    return core.received[-1][1]


@pytest.mark.parametrize("reset", [False, True])
def test_a_connection_that_ends_is_a_lost_flow(core: Core, door: Door, phone: socket.socket, reset: bool) -> None:
    flow = flow_of(core, phone)
    if reset:
        phone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    phone.close()
    eventually(lambda: flow in core.losses, "the loss")
    eventually(lambda: not len(door), "the end")


def test_what_the_core_says_to_a_loss_goes_out(core: Core, door: Door) -> None:
    with door.phone() as caller, door.phone() as callee:
        to_caller, to_callee = flow_of(core, caller), flow_of(core, callee)
        core.farewell = lambda flow: [Send(to_caller, b"503", 1)] if flow == to_callee else []
        callee.close()
        assert take(caller, 3) == b"503"


def test_what_is_sent_to_a_connection_that_is_gone_is_lost_at_once(core: Core, door: Door) -> None:
    with door.phone() as phone:
        flow = flow_of(core, phone)
    eventually(lambda: flow in core.losses, "the loss")
    core.losses.clear()
    door.post(flow, b"BYE")
    eventually(lambda: core.losses == [flow], "the loss of what was sent")


@pytest.mark.parametrize(
    ("data", "limit"), [(b"", "MESSAGE_LIMIT"), (message()[:-10], "MESSAGE_LIMIT"), (b"\r\n\r\n", "IDLE_LIMIT")]
)
def test_silence_and_half_a_message_end_a_connection(
    door: Door, monkeypatch: pytest.MonkeyPatch, data: bytes, limit: str
) -> None:
    patient(monkeypatch, **{limit: 0.2})
    with door.phone() as phone:
        phone.sendall(data)
        assert take_all(phone) == (b"\r\n" if limit == "IDLE_LIMIT" else b"")
    eventually(lambda: not len(door), "the end")


def test_drops_win_no_time_for_a_message(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    patient(monkeypatch, MESSAGE_LIMIT=0.3)
    with door.phone() as phone:
        phone.settimeout(0.05)
        dropped = 0
        ended = False
        while not ended and dropped < len(message()) - 1:
            try:
                phone.sendall(message()[dropped : dropped + 1])
                dropped += 1
                ended = not phone.recv(1)
            except TimeoutError:
                continue
            except ConnectionError:
                ended = True
        assert ended, "before the message was whole"


# -- a peer that does not read -----------------------------------------------------------------------------------------


def stop_reading(door: Door, core: Core) -> socket.socket:
    """A phone with little room in its system, which reads nothing."""
    phone = socket.socket()
    phone.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    phone.settimeout(10)
    phone.connect(door.local)
    return phone


def test_who_does_not_read_is_left_and_holds_up_nobody(core: Core, door: Door) -> None:
    with stop_reading(door, core) as slow, door.phone() as other:
        flow = flow_of(core, slow)
        large = b"v" * 100_000
        for _ in range(1 + (connections.QUEUE_LIMIT + (16 << 20)) // len(large)):  # what the system takes, too
            door.post(flow, large)
        flow_of(core, other)
        eventually(lambda: flow in core.losses, "the loss")
        flow_of(core, other)


def test_who_takes_nothing_for_long_is_left(core: Core, door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    patient(monkeypatch, STALL_LIMIT=0.2)
    monkeypatch.setattr(connections, "QUEUE_LIMIT", 64 << 20)
    with stop_reading(door, core) as slow:
        flow = flow_of(core, slow)
        for _ in range(160):
            door.post(flow, b"v" * 100_000)
        eventually(lambda: flow in core.losses, "the loss")


def test_who_reads_slowly_gets_all_in_order(core: Core, door: Door) -> None:
    with stop_reading(door, core) as slow:
        flow = flow_of(core, slow)
        pieces = [b"%d" % (number % 10) * 50_000 for number in range(15)]
        for piece in pieces:
            door.post(flow, piece)
        assert take(slow, 750_000) == b"".join(pieces)


# -- connections that we open ------------------------------------------------------------------------------------------


def test_an_address_is_connected_to_once_and_used_again(core: Core, door: Door, far: socket.socket) -> None:
    way = door.way_to(far.getsockname())
    door.post(way, message(1))
    door.post(way, message(2))
    there, _ = far.accept()
    with there:
        there.settimeout(10)
        assert there.getpeername()[0] == door.local[0], "from the address that phones know us by"
        assert take(there, 2 * len(message())) == message(1) + message(2)
        there.sendall(message(3))
        take(there, len(message()))
        ((_, flow),) = core.received
        assert flow._replace(serial=0) == way and flow.serial
        assert len(door) == 1
    eventually(lambda: set(core.losses) == {flow, way}, "the loss, by both names")


def test_a_phone_is_reached_over_the_connection_that_it_opened(door: Door, phone: socket.socket) -> None:
    door.post(door.way_to(phone.getsockname()), b"hello")
    assert take(phone, 5) == b"hello"


def test_an_address_where_nobody_listens_is_lost(core: Core, door: Door) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        way = door.way_to(gone.getsockname())
    door.post(way, message())
    eventually(lambda: way in core.losses, "the loss")
    assert not len(door)


def test_an_address_that_does_not_answer_is_given_up(core: Core, door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """A listener whose queue is full lets connections hang."""
    patient(monkeypatch, CONNECT_LIMIT=0.2)
    with socket.socket() as deaf, socket.socket() as filler:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        filler.connect(deaf.getsockname())
        way = door.way_to(deaf.getsockname())
        with socket.socket() as another:
            another.setblocking(False)
            another.connect_ex(deaf.getsockname())
            door.post(way, message())
            eventually(lambda: way in core.losses, "the loss")


@pytest.mark.parametrize("remote", [("127.0.0.1", 70_000), ("\0", 5060), ("x" * 70, 5060), ("::1", 5060)])
def test_an_address_that_is_none_ends_nothing(core: Core, door: Door, phone: socket.socket, remote: Address) -> None:
    door.post(door.way_to(remote), b"x")
    flow_of(core, phone)


# -- limits ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", ["CONNECTIONS", "CONNECTIONS_OF_ADDRESS"])
def test_connections_have_a_largest_number(core: Core, door: Door, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setattr(stream, limit, 2)
    with door.phone() as one, door.phone() as two, door.phone() as three:
        flow_of(core, one)
        flow_of(core, two)
        assert take_all(three) == b""
        way = door.way_to(door.local)
        door.post(way, message())
        eventually(lambda: way in core.losses, "that we open none either")
        one.close()
        eventually(lambda: len(door) == 1, "room")
        with door.phone() as four:
            flow_of(core, four)


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
def test_as_many_files_are_asked_for_as_connections_may_be() -> None:
    code = (
        "import resource\n"
        "_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (256, min(hard, 2048)))\n"
        "from sipfullproxy.transport.stream import StreamDoor\n"
        "room = StreamDoor()._room\n"
        "print(room, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - room)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    room, spare = map(int, done.stdout.split())
    assert room > 256 and spare == stream.OTHER_FILES


def test_without_files_the_port_rests_and_wakes_again(
    core: Core, door: Door, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    listener = door.door._listeners[0]
    failures = [OSError(24, "Too many open files")]

    class Line:
        """The listener, with what fails once."""

        def fileno(self) -> int:
            return listener.fileno()

        def accept(self) -> tuple[socket.socket, Address]:
            if failures:
                raise failures.pop()
            return listener.accept()

    line: socket.socket = Line()  # type: ignore[assignment]
    monkeypatch.setattr(stream, "SWEEP_INTERVAL", 0.05)
    door.door._selector.unregister(listener)
    door.door._await(line, "tcp", door.local)
    with caplog.at_level(logging.WARNING), door.phone() as phone:
        flow_of(core, phone)
    assert "Too many open files" in caplog.text


# -- the port ----------------------------------------------------------------------------------------------------------


def test_a_taken_port_is_an_error_and_not_shared(door: Door) -> None:
    other = StreamDoor()
    with pytest.raises(OSError):
        other.listen("tcp", door.local)
    other.close()


def test_the_port_is_free_again_after_the_end() -> None:
    core = Core()
    first = Door(core)
    with first.phone() as phone:
        flow_of(core, phone)
        first.door.shutdown()
        first.thread.join()
        first.door.close()
        assert take_all(phone) == b""
    second = StreamDoor()
    assert second.listen("tcp", first.local) == first.local
    second.close()


def test_a_bug_behind_the_door_costs_one_connection(
    core: Core, door: Door, phone: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    def answer(data: bytes, flow: Flow) -> list[Send]:
        if b"bad" in data:
            raise ZeroDivisionError("a bug")
        return [Send(flow, data, 1)]

    core.answer = answer
    with caplog.at_level(logging.ERROR), door.phone() as other:
        phone.sendall(message(1, b"bad"))
        assert take_all(phone) == b""
        flow_of(core, other)
    assert "ZeroDivisionError" in caplog.text
