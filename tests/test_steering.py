"""The program that steers datagrams: run by the kernel itself, and it must mean the same as `owner`."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from random import Random

import pytest

from sipfullproxy.transport.udp import UdpDoor
from sipfullproxy.workers import steering
from sipfullproxy.workers.owner import owner
from sipfullproxy.workers.steering import FAR, program, steer
from tests.helpers import Lab

pytestmark = [pytest.mark.io, pytest.mark.skipif(sys.platform != "linux", reason="several workers are for Linux only")]

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.!%*_+`'~()<>:\\\"/[]?{}@"


@contextmanager
def steered(workers: int, host: str = "127.0.0.1") -> Iterator[list[socket.socket]]:
    """A port with so many sockets."""
    with ExitStack() as stack:
        door = UdpDoor((host, 0))
        stack.callback(door.server_close)
        sockets = [door.socket, *(stack.enter_context(door.sibling()) for _ in range(workers - 1))]
        for each in sockets:
            each.setblocking(False)
        assert steer(door.socket, workers)
        yield sockets


def reader(sockets: list[socket.socket], data: bytes) -> int:
    """Which of them gets a datagram."""
    with socket.socket(sockets[0].family, socket.SOCK_DGRAM) as sender:
        sender.sendto(data, sockets[0].getsockname())
    found = []
    for number, each in enumerate(sockets):
        try:
            assert each.recv(65_535) == data
            found.append(number)
        except BlockingIOError:
            pass
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("workers", [2, 3, 64])
def test_the_kernel_finds_the_owner_wherever_the_call_id_stands(workers: int) -> None:
    random = Random(workers)
    phone = Lab().phone("alice")
    with steered(workers) as sockets:
        for _ in range(200):
            call_id = "".join(random.choices(LETTERS, k=random.randint(1, 60)))
            subject = f"Subject: {'x' * random.randint(0, 300)}"
            data = phone.compose("OPTIONS", "sip:Caller@host", call_id=call_id).decode()
            head, _, rest = data.partition("\r\n")
            lines = rest.split("\r\n")
            lines.insert(random.randrange(4), subject)
            message = "\r\n".join([head, *lines]).encode()
            assert reader(sockets, message) == owner(message, workers)


def test_over_ipv6_it_does_too() -> None:
    phone = Lab().phone("alice")
    with steered(3, "::1") as sockets:
        for number in range(9):
            data = phone.compose("OPTIONS", "sip:x", call_id=f"{number}@x")
            assert reader(sockets, data) == owner(data, 3)


@pytest.mark.parametrize(
    "data", [
        b"", b"\r\n\r\n", b"junk", b"x" * 60_000, b"\nCall-ID: ", b"\nCall-ID: b", b"Call-ID: b\r\n",
        b"\nCall-ID:b\r\n",
        b"INVITE sip:call-me SIP/2.0\r\nCall-ID: b\r\n",
        b"INVITE sip:a SIP/2.0\r\nSession-ID: b\r\nCall-ID: b\r\n", b"x" * FAR[0] + b"\nCall-ID: b\r\n",
    ],
)  # fmt: skip
def test_where_it_finds_none_the_first_gets_the_message(data: bytes) -> None:
    with steered(2) as sockets:
        assert reader(sockets, data) == 0


@pytest.mark.parametrize("far", FAR)
def test_the_kernel_takes_it_and_no_jump_leaves_it(far: int) -> None:
    steps = program(2, far)
    assert len(steps) <= 4096
    for place, step in enumerate(steps[:-1]):
        assert place + 1 + max(step.if_so, step.if_not) < len(steps)
        assert step.if_so < 256 and step.if_not < 256


def test_an_old_kernel_is_told_less_and_another_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steering, "FAR", (3_000, 100))  # more steps than any kernel takes
    with steered(2):
        pass
    monkeypatch.setattr(steering, "FAR", (3_000,))
    with pytest.raises(AssertionError), steered(2):
        pass
