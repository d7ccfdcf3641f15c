"""TLS around the connections of the door, against real sockets on the loopback."""

from __future__ import annotations

import logging
import os
import socket
import ssl
import struct
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from sipfullproxy.engine.flow import Flow, Send
from sipfullproxy.sip.framing import BODY_LIMIT
from sipfullproxy.transport import connection as connections
from sipfullproxy.transport import stream
from sipfullproxy.transport.connection import OverError
from sipfullproxy.transport.stream import StreamDoor
from sipfullproxy.transport.tls import BROKEN, Tls
from sipfullproxy.transport.wire import StreamWire
from tests.running import need
from tests.test_stream import Core, flow_of, message, take, take_all
from tests.waiting import eventually

pytestmark = pytest.mark.io


def certify(folder: Path, name: str, whose: str = "IP:127.0.0.1") -> tuple[Path, Path]:
    """A certificate for the loopback, or for whom it is said to be, that is its own CA; and its key."""
    cert, key = folder / f"{name}.pem", folder / f"{name}.key"
    subprocess.run(
        [need("openssl", "openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName={whose}", "-out", str(cert),
         "-keyout", str(key)],
        check=True, capture_output=True,
    )  # fmt: skip
    return cert, key


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("proxy", "phone", "stranger"):
        certify(folder, name)
    certify(folder, "school", "DNS:school.sk")
    certify(folder, "any", "DNS:*.school.sk")
    believed = [(folder / f"{name}.pem").read_text() for name in ("phone", "school", "any")]
    (folder / "believed.pem").write_text("".join(believed))
    return folder


class Door:
    """A served StreamDoor with TLS. local: its address."""

    def __init__(self, core: Core, tls: Tls) -> None:
        self.door = StreamDoor(tls)
        self.local = self.door.listen("tls", ("127.0.0.1", 0))
        self.thread = threading.Thread(target=self.door.serve, args=(core,))
        self.thread.start()


@pytest.fixture
def core() -> Core:
    return Core()


@pytest.fixture
def door(core: Core, folder: Path) -> Iterator[Door]:
    door = Door(core, Tls(folder / "proxy.pem", folder / "proxy.key", folder / "believed.pem"))
    yield door
    door.door.shutdown()
    door.thread.join()
    door.door.close()


def trusting(cert: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(cert))


@contextmanager
def phone(door: Door, context: ssl.SSLContext) -> Iterator[ssl.SSLSocket]:
    with (
        socket.create_connection(door.local, timeout=10) as line,
        context.wrap_socket(line, server_hostname="127.0.0.1") as secure,
    ):
        yield secure


def test_a_message_goes_in_and_the_answer_comes_out(core: Core, door: Door, folder: Path) -> None:
    with phone(door, trusting(folder / "proxy.pem")) as secure:
        flow = flow_of(core, secure)
        assert (flow.transport, flow.local, flow.remote) == ("tls", door.local, secure.getsockname())
        assert secure.version() in ("TLSv1.2", "TLSv1.3")
        for byte in message(2):
            secure.sendall(bytes([byte]))
        assert take(secure, len(message(2))) == message(2)
    eventually(lambda: flow in core.losses, "the loss")


def test_what_was_decrypted_at_once_is_read_at_once(core: Core, door: Door, folder: Path) -> None:
    """Records are smaller than messages, and nothing wakes a selector for what OpenSSL holds already."""
    large = message(1, b"v" * BODY_LIMIT)
    with phone(door, trusting(folder / "proxy.pem")) as secure:
        secure.sendall(large)
        assert take(secure, len(large)) == large


def test_older_versions_are_not_spoken(folder: Path) -> None:
    tls = Tls(folder / "proxy.pem", folder / "proxy.key")
    assert {context.minimum_version for context in tls.contexts()} == {ssl.TLSVersion.TLSv1_2}


def test_who_speaks_no_tls_is_left(core: Core, door: Door) -> None:
    with socket.create_connection(door.local, timeout=10) as plain:
        plain.sendall(message())
        take_all(plain)
    assert not core.received
    eventually(lambda: not len(door.door), "the end")


def test_who_does_not_finish_the_handshake_holds_up_nobody_and_is_left(
    core: Core, door: Door, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_connection(door.local, timeout=10) as silent:
        silent.sendall(b"\x16\x03\x01")
        with phone(door, trusting(folder / "proxy.pem")) as secure:
            flow_of(core, secure)
            monkeypatch.setattr(connections, "CONNECT_LIMIT", 0.2)
            monkeypatch.setattr(stream, "SWEEP_INTERVAL", 0.05)
            assert take_all(silent) == b""
            flow_of(core, secure)


def test_who_is_gone_before_the_handshake_is_no_bug(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        gone = socket.create_connection(listener.getsockname())
        gone.sendall(b"\x16\x03\x01")
        gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        gone.close()  # by a reset
        line, remote = listener.accept()
        flow = Flow("tls", listener.getsockname(), remote, 1)
        connection = Tls(folder / "proxy.pem", folder / "proxy.key").connection(
            line, flow, 0.0, StreamWire(), accepted=True
        )
        line.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)  # as if the reset came behind the first look
        with pytest.raises(OverError):
            connection.flush(0.0)
        connection.close()


def test_a_phone_may_show_a_certificate_and_then_it_is_checked(core: Core, door: Door, folder: Path) -> None:
    context = trusting(folder / "proxy.pem")
    context.load_cert_chain(folder / "phone.pem", folder / "phone.key")
    with phone(door, context) as secure:
        flow_of(core, secure)
    context.load_cert_chain(folder / "stranger.pem", folder / "stranger.key")
    received = len(core.received)
    with pytest.raises(BROKEN), phone(door, context) as secure:
        secure.sendall(message())
        if not secure.recv(10):  # in TLS 1.3 the refusal comes behind the phone's side of the handshake
            raise ConnectionError
    assert len(core.received) == received


# -- connections that we open ------------------------------------------------------------------------------------------


@contextmanager
def far(folder: Path, name: str) -> Iterator[ssl.SSLSocket]:
    """Somebody who listens, with that certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    with socket.create_server(("127.0.0.1", 0)) as line, context.wrap_socket(line, server_side=True) as secure:
        secure.settimeout(10)
        yield secure


def post(door: Door, address: tuple[str, int], name: str = "") -> Flow:
    way = Flow("tls", door.local, address, name=name)
    door.door.post([Send(way, message(), 1)])
    return way


def test_we_connect_to_whom_we_believe(door: Door, folder: Path) -> None:
    with far(folder, "phone") as listening:
        post(door, listening.getsockname())
        there, _ = listening.accept()
        with there:
            there.settimeout(10)
            assert take(there, len(message())) == message()


@pytest.mark.purpose(
    "RFC5922_01", given="a connection of ours to who shows a certificate that no CA of ours has signed",
    expect="nothing is sent there, and the way is lost",
)  # fmt: skip
def test_and_to_nobody_else(core: Core, door: Door, folder: Path) -> None:
    with far(folder, "stranger") as listening:
        way = post(door, listening.getsockname())
        with pytest.raises(BROKEN):
            there, _ = listening.accept()
            with there:
                if not there.recv(10):
                    raise ConnectionError
    eventually(lambda: way in core.losses, "the loss")


@pytest.mark.purpose(
    "RFC5922_01", given="connections of ours to the server of a domain: for another one, its address, its domain",
    expect="only for its domain, whose certificate it shows, does anything go there",
)  # fmt: skip
def test_a_server_that_was_reached_by_a_name_shows_a_certificate_for_the_name(
    core: Core, door: Door, folder: Path
) -> None:
    with far(folder, "school") as listening:
        address = listening.getsockname()
        ways = [post(door, address, "bank.sk"), post(door, address), post(door, address, "school.sk")]
        taken = []
        for _ in ways:
            with suppress(ssl.SSLError, ConnectionError):
                there, _ = listening.accept()
                with there:
                    there.settimeout(10)
                    taken.append(take(there, len(message())))
        assert taken == [message()]
        eventually(lambda: set(ways[:2]) <= set(core.losses), "the loss of what was not sent")


def test_a_wildcard_is_the_name_of_no_domain(core: Core, door: Door, folder: Path) -> None:
    with far(folder, "any") as listening:
        way = post(door, listening.getsockname(), "www.school.sk")
        with suppress(ssl.SSLError, ConnectionError):
            there, _ = listening.accept()
            with there:
                there.settimeout(10)
                assert not there.recv(10)
        eventually(lambda: way in core.losses, "the loss")


def test_a_connection_for_one_name_serves_no_other(core: Core, door: Door, folder: Path) -> None:
    with far(folder, "school") as listening:
        address = listening.getsockname()
        post(door, address, "school.sk")
        there, _ = listening.accept()
        with there:
            there.settimeout(10)
            assert take(there, len(message())) == message()
            post(door, address, "school.sk")
            assert take(there, len(message())) == message(), "the same connection"
            other = post(door, address, "bank.sk")
            with suppress(ssl.SSLError, ConnectionError):
                listening.accept()
            eventually(lambda: other in core.losses, "the loss")
            there.sendall(message())
            eventually(lambda: len(core.received) > 0, "a message the other way")
            assert not core.received[-1][1].name, "what comes over it is known by its serial number"


# -- the files ---------------------------------------------------------------------------------------------------------


def test_a_new_certificate_is_shown_without_a_restart(core: Core, tmp_path: Path) -> None:
    cert, key = certify(tmp_path, "proxy")
    door = Door(core, Tls(cert, key))
    try:
        old = trusting(cert)
        with phone(door, old) as secure:
            flow_of(core, secure)
            certify(tmp_path, "proxy")
            os.utime(cert, ns=(1, 1))
            with phone(door, trusting(cert)) as another:
                flow_of(core, another)
            flow_of(core, secure)
    finally:
        door.door.shutdown()
        door.thread.join()
        door.door.close()


def test_a_new_one_that_is_wrong_is_told_once_and_the_old_one_stays(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cert, key = certify(tmp_path, "proxy")
    tls = Tls(cert, key)
    before = tls.contexts()
    cert.write_text("no certificate", "utf-8")
    os.utime(cert, ns=(1, 1))
    with caplog.at_level(logging.WARNING):
        assert tls.contexts() == before
        assert tls.contexts() == before
    assert len(caplog.records) == 1


def test_files_that_are_gone_are_told_of_once_however_many_connect(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cert, key = certify(tmp_path, "proxy")
    tls = Tls(cert, key)
    before = tls.contexts()
    text = cert.read_bytes()
    cert.unlink()
    with caplog.at_level(logging.WARNING):
        assert [tls.contexts() for _ in range(3)] == [before] * 3
    assert len(caplog.records) == 1
    cert.write_bytes(text)
    assert tls.contexts() != before, "they are back"


@pytest.mark.parametrize("wrong", ["missing", "swapped", "password"])
def test_files_that_cannot_be_used_are_an_error(folder: Path, tmp_path: Path, wrong: str) -> None:
    cert, key = folder / "proxy.pem", folder / "proxy.key"
    if wrong == "missing":
        key = tmp_path / "none"
    elif wrong == "swapped":
        cert, key = key, cert
    else:
        locked = tmp_path / "locked.key"
        command = [need("openssl", "openssl"), "ec", "-aes128", "-passout", "pass:secret", "-in", str(key)]
        subprocess.run([*command, "-out", str(locked)], check=True, capture_output=True)
        key = locked
    with pytest.raises(OSError):
        Tls(cert, key)
