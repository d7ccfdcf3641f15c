"""WebSockets through the door of streams, with and without TLS: the library's client against real sockets."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.running import need_module

need_module("websockets", "websockets")

from websockets.exceptions import ConnectionClosedError  # noqa: E402
from websockets.sync.client import ClientConnection, connect  # noqa: E402
from websockets.typing import Subprotocol  # noqa: E402

from sipfullproxy.engine.flow import Flow, Send  # noqa: E402
from sipfullproxy.transport.connection import PING_INTERVAL, Connection, OverError  # noqa: E402
from sipfullproxy.transport.origins import Origins  # noqa: E402
from sipfullproxy.transport.stream import StreamDoor  # noqa: E402
from sipfullproxy.transport.tls import Tls  # noqa: E402
from sipfullproxy.transport.websocket import WebSocket  # noqa: E402
from tests.test_stream import Core, message, patient, take_all  # noqa: E402
from tests.test_tls import certify, trusting  # noqa: E402
from tests.waiting import eventually  # noqa: E402

pytestmark = pytest.mark.io

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: sip\r\n\r\n"
)
PING = b"\x89\x00"
PONG = b"\x8a\x80\0\0\0\0"  # as a browser masks it


class Door:
    """A served StreamDoor with a port for each of ws and wss."""

    def __init__(self, core: Core, tls: Tls) -> None:
        self.door = StreamDoor(tls, partial(WebSocket, Origins(["127.0.0.1"])))
        self.local = self.door.listen("ws", ("127.0.0.1", 0))
        self.secure = self.door.listen("wss", ("127.0.0.1", 0))
        self.thread = threading.Thread(target=self.door.serve, args=(core,))
        self.thread.start()

    def connect(self) -> ClientConnection:
        return connect("ws://{}:{}".format(*self.local), subprotocols=[Subprotocol("sip")], ping_interval=None)


@pytest.fixture(scope="module")
def cert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certify(tmp_path_factory.mktemp("certificate"), "proxy")[0]


@pytest.fixture
def core() -> Core:
    return Core()


@pytest.fixture
def door(core: Core, cert: Path) -> Iterator[Door]:
    door = Door(core, Tls(cert, cert.with_suffix(".key")))
    yield door
    door.door.shutdown()
    door.thread.join()
    door.door.close()


def test_a_message_goes_in_and_the_answer_comes_out(core: Core, door: Door) -> None:
    with door.connect() as phone:
        phone.send(message().decode())
        assert phone.recv() == message().decode()
        ((data, flow),) = core.received
        assert (data, flow.transport, flow.local) == (message(), "ws", door.local) and flow.serial
    eventually(lambda: flow in core.losses, "the loss")


def test_over_tls(core: Core, door: Door, cert: Path) -> None:
    context: ssl.SSLContext = trusting(cert)
    with connect("wss://{}:{}".format(*door.secure), ssl=context, subprotocols=[Subprotocol("sip")]) as phone:
        large = message(1, b"v" * 200_000)
        phone.send(large)
        assert phone.recv(decode=False) == large
        ((_, flow),) = core.received
        assert (flow.transport, flow.local) == ("wss", door.secure)


def test_nobody_is_connected_to(core: Core, door: Door) -> None:
    with socket.create_server(("127.0.0.1", 0)) as far:
        far.settimeout(0.2)
        way = Flow("ws", door.local, far.getsockname())
        door.door.post([Send(way, message(), 1)])
        eventually(lambda: way in core.losses, "the loss")
        with pytest.raises(TimeoutError):
            far.accept()


def test_who_comes_to_the_wrong_door_hears_it_to_the_end_and_is_left(core: Core, door: Door) -> None:
    with socket.create_connection(door.local, timeout=10) as stranger:
        stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
        told = take_all(stranger)
    assert told.startswith(b"HTTP/1.1 426 ") and told.endswith(b"another port.\n")
    eventually(lambda: not len(door.door), "the end")
    assert not core.received


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nHost: x\r\n"])
def test_who_does_not_finish_the_handshake_is_left(
    core: Core, door: Door, monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    patient(monkeypatch, MESSAGE_LIMIT=0.2)
    with socket.create_connection(door.local, timeout=10) as silent:
        silent.sendall(begun)
        assert take_all(silent) == b""


def test_who_answers_pings_stays_and_who_does_not_is_left() -> None:
    """On a clock that is moved by hand."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as theirs:
        theirs.settimeout(10)
        ours, remote = listener.accept()
        flow = Flow("ws", listener.getsockname(), remote, 1)
        wire = WebSocket(Origins([]))
        connection = Connection(ours, flow, 0.0, wire, connected=True)
        theirs.sendall(HANDSHAKE)
        eventually(lambda: connection.read(0.0) or not wire.half, "the handshake")
        assert theirs.recv(1000).startswith(b"HTTP/1.1 101 ")
        connection.nudge(PING_INTERVAL - 1)
        connection.nudge(PING_INTERVAL)
        assert theirs.recv(100) == PING, "once, and not before"
        theirs.sendall(PONG)
        eventually(lambda: connection.read(PING_INTERVAL) or not wire.unheard, "the pong")
        connection.nudge(2 * PING_INTERVAL)
        assert theirs.recv(100) == PING
        with pytest.raises(OverError, match="answers no ping"):
            connection.nudge(3 * PING_INTERVAL)
        connection.close()


def test_a_broken_frame_closes_it_with_a_reason_that_arrives(core: Core, door: Door) -> None:
    with door.connect() as phone:
        phone.socket.sendall(b"\x81\x02hi")  # not masked
        with pytest.raises(ConnectionClosedError) as over:
            phone.recv()
        assert over.value.rcvd is not None and over.value.rcvd.code == 1002
