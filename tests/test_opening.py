"""The ports of the proxy: which are opened, and what is said where one cannot be."""

from __future__ import annotations

import dataclasses
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from sipfullproxy import opening
from sipfullproxy.certificate import find_authority
from sipfullproxy.opening import open_doors
from sipfullproxy.settings import StartError, read
from sipfullproxy.transport.websocket import WS_PORT, WSS_PORT
from tests.running import need_module
from tests.test_tls import certify

pytestmark = pytest.mark.io


@contextmanager
def taken(kind: socket.SocketKind) -> Iterator[int]:
    """A port of loopback that somebody else has."""
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            other.listen()
        yield other.getsockname()[1]


def refused(**settings: object) -> str:
    with pytest.raises(StartError) as told:
        open_doors(read({"ip": "127.0.0.1", "lang": "en", **settings}))
    return str(told.value)


def test_udp_and_tcp_on_the_same_free_port() -> None:
    with closing(open_doors(read({"ip": "127.0.0.1", "port": 0}))) as doors:
        (udp, address), (tcp, other) = doors.listen
    assert (udp, tcp) == ("udp", "tcp")
    assert address == other


def test_the_ports_that_the_user_names_and_no_others() -> None:
    with closing(open_doors(read({"listen": ["tcp:127.0.0.1:0"]}))) as doors:
        assert [(transport, ip) for transport, (ip, _) in doors.listen] == [("tcp", "127.0.0.1")]


def test_without_tcp_there_is_udp(caplog: pytest.LogCaptureFixture) -> None:
    with taken(socket.SOCK_STREAM) as port, closing(open_doors(read({"ip": "127.0.0.1", "port": port}))) as doors:
        assert [transport for transport, _ in doors.listen] == ["udp"]
    assert f"TCP na 127.0.0.1:{port} nebude, len UDP" in caplog.text


def test_a_port_that_is_taken() -> None:
    with taken(socket.SOCK_DGRAM) as port:
        assert refused(port=port).startswith(f"127.0.0.1:{port} (UDP) is taken")


# -- a certificate that we make ----------------------------------------------------------------------------------------


def opened(**settings: object) -> list[str]:
    """The transports that are listened on."""
    chosen = read({"ip": "127.0.0.1", "port": 0, "lang": "en", "tls": True, **settings})
    with closing(open_doors(chosen, find_authority(chosen))) as doors:
        return [transport for transport, _ in doors.listen]


def test_tls_comes_beside_what_is_listened_on(tmp_path: Path) -> None:
    need_module("cryptography", "cryptography")
    assert opened(state=tmp_path) == ["udp", "tcp", "tls"]
    assert opened(state=tmp_path, listen=["udp"]) == ["udp", "tls"]
    assert opened(state=tmp_path, listen=["udp", "tls:127.0.0.2"]) == ["udp", "tls"], "it is there already"


def test_its_usual_port_is_its_own(tmp_path: Path) -> None:
    """On an address of the loopback that nobody else will have chosen."""
    need_module("cryptography", "cryptography")
    chosen = read({"ip": "127.50.61.1", "port": 5062, "lang": "en", "tls": True, "state": tmp_path})
    with closing(open_doors(chosen, find_authority(chosen))) as doors:
        assert doors.listen[-1] == ("tls", ("127.50.61.1", 5061))
        with pytest.raises(StartError, match=r"127\.50\.61\.1:5061 \(TLS\) is taken"):
            open_doors(dataclasses.replace(chosen, port=5063), find_authority(chosen))


# -- WebSockets --------------------------------------------------------------------------------------------------------


def test_websockets_have_ports_of_their_own(tmp_path: Path) -> None:
    need_module("websockets", "websockets")
    cert, key = certify(tmp_path, "proxy")
    listed = ["udp", "ws", "wss"]
    given = {"ip": "127.0.0.1", "port": 0, "listen": listed, "tls_cert": cert, "tls_key": key}
    with closing(open_doors(read(given))) as doors:
        assert [transport for transport, _ in doors.listen] == listed
    usual = read({"listen": listed})
    assert [opening._port(port, usual) for port in usual.listen] == [5060, WS_PORT, WSS_PORT]


def test_without_their_library_the_other_ports_are_served(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(opening, "missing", lambda *names: [*names])
    with closing(open_doors(read({"listen": ["udp:127.0.0.1:0", "ws:127.0.0.1:0"], "lang": "en"}))) as doors:
        assert [transport for transport, _ in doors.listen] == ["udp"]
    assert "WebSocket is off, websockets missing; to have it: pip install ." in caplog.text
    assert refused(listen=["ws:127.0.0.1:0"]).startswith("WebSocket is off")
