"""All ports together on the loopback: each message leaves by the door that its flow belongs to."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from sipfullproxy.engine.flow import Flow, Send
from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.message import Request
from sipfullproxy.transport.doors import Desk, Doors
from tests.test_stream import head, message, take
from tests.waiting import eventually

pytestmark = pytest.mark.io


class Core:
    """Sends each message on by `way`, and notes who called."""

    def __init__(self) -> None:
        self.received: list[tuple[bytes, Flow]] = []
        self.losses: list[Flow] = []
        self.ticks: list[str] = []
        self.due: float | None = None
        self.way: Callable[[Flow], Flow] = lambda flow: flow
        self.refusal: Flow | None = None

    def receive(self, data: bytes, flow: Flow, now: float, spare: bool = False) -> list[Send]:
        self.received.append((data, flow))
        return [Send(self.way(flow), data, 1)]

    def refuse(self, request: Request, error: SipError, flow: Flow, now: float) -> list[Send]:
        return [Send(self.way(flow), b"refused", 1)]

    def tick(self, now: float) -> list[Send]:
        self.ticks.append(threading.current_thread().name)
        self.due = None
        return []

    def next_timer(self) -> float | None:
        return self.due

    def lost(self, flow: Flow, now: float) -> list[Send]:
        self.losses.append(flow)
        return []


@pytest.fixture
def core() -> Core:
    return Core()


@pytest.fixture
def doors(core: Core) -> Iterator[Doors]:
    doors = Doors()
    doors.open("udp", ("127.0.0.1", 0))
    doors.open("tcp", ("127.0.0.1", 0))
    doors.open("udp", ("127.0.0.1", 0))
    doors.serve(core)
    yield doors
    doors.close()


@pytest.fixture
def by_udp(doors: Doors) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind(("127.0.0.1", 0))
        phone.settimeout(10)
        yield phone


@pytest.fixture
def by_tcp(doors: Doors) -> Iterator[socket.socket]:
    with socket.create_connection(doors.listen[2][1], timeout=10) as phone:
        yield phone


def test_the_ports_of_udp_come_first(doors: Doors) -> None:
    assert [transport for transport, _ in doors.listen] == ["udp", "udp", "tcp"]


def test_from_udp_to_tcp_and_back(core: Core, doors: Doors, by_udp: socket.socket, by_tcp: socket.socket) -> None:
    by_tcp.sendall(message())
    assert take(by_tcp, len(message())) == message()
    stream = core.received[0][1]
    eventually(lambda: doors.connections == 1, "the connection")
    core.way = lambda flow: stream
    by_udp.sendto(b"to the phone on TCP", doors.listen[0][1])
    assert take(by_tcp, 19) == b"to the phone on TCP"
    datagram = core.received[1][1]
    core.way = lambda flow: datagram
    by_tcp.sendall(message(2) + head())
    assert by_udp.recv(65_535) == message(2)
    assert by_udp.recv(65_535) == b"refused"


def test_what_goes_by_several_doors_is_handed_over_in_its_order() -> None:
    """Else a 181 might come to a caller after the 200 for which the INVITE behind it asked."""
    posted: list[bytes] = []
    mine, other = ("udp", ("127.0.0.1", 5060)), ("tcp", ("127.0.0.1", 5060))

    class Noting(Doors):
        def post(self, send: Send) -> bool:
            posted.append(send.data)
            return True

    peer = ("127.0.0.1", 9)
    sends = [Send(Flow(*door, peer), data, 1) for data, door in ((b"181", mine), (b"INVITE", other), (b"x", mine))]

    class Answering(Core):
        def receive(self, data: bytes, flow: Flow, now: float, spare: bool = False) -> list[Send]:
            return sends[: int(data)]

    doors = Noting()
    desk = Desk(doors, Answering(), frozenset((mine,)))
    assert desk.receive(b"1", sends[0].flow, 0.0) == sends[:1] and posted == []
    assert desk.receive(b"3", sends[0].flow, 0.0) == [] and posted == [b"181", b"INVITE", b"x"]
    doors.close()


def test_from_one_udp_port_to_another(core: Core, doors: Doors, by_udp: socket.socket) -> None:
    other = doors.listen[1][1]
    core.way = lambda flow: flow._replace(local=other)
    by_udp.sendto(b"x", doors.listen[0][1])
    assert by_udp.recvfrom(10) == (b"x", other)


@pytest.mark.parametrize("door", [("udp", ("127.0.0.9", 5060)), ("tls", ("127.0.0.1", 5061))])
def test_a_flow_whose_door_is_shut_is_lost(
    core: Core, doors: Doors, by_udp: socket.socket, door: tuple[str, tuple[str, int]]
) -> None:
    gone = Flow(*door, ("127.0.0.1", 9))
    core.way = lambda flow: gone
    by_udp.sendto(b"x", doors.listen[0][1])
    eventually(lambda: core.losses == [gone], "the loss")


def test_timers_are_seen_to_by_udp_and_without_it_by_tcp(core: Core, doors: Doors) -> None:
    core.due = time.monotonic()
    eventually(lambda: core.ticks, "the tick")
    assert set(core.ticks) == {"udp"}
    alone, another = Doors(), Core()
    alone.open("tcp", ("127.0.0.1", 0))
    another.due = time.monotonic()
    alone.serve(another)
    try:
        eventually(lambda: another.ticks, "the tick")
    finally:
        alone.close()
    assert set(another.ticks) == {"tcp"}


def test_what_was_never_served_can_be_closed() -> None:
    doors = Doors()
    local = doors.open("tcp", ("127.0.0.1", 0))
    doors.close()
    again = Doors()
    assert again.open(*local) == local
    again.close()
