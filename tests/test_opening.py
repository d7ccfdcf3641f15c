"""The ports of the proxy: which are opened, and what is said where one cannot be."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from sipfullproxy.opening import StartError, open_doors
from sipfullproxy.settings import read


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


def test_tls_wants_a_certificate() -> None:
    assert refused(listen=["tls:127.0.0.1:0"]) == "TLS needs a certificate and its key: --tls-cert and --tls-key"


def test_a_certificate_that_is_none() -> None:
    told = refused(listen=["tls:127.0.0.1:0"], tls_cert=__file__, tls_key=__file__)
    assert told.startswith(f"the certificate {__file__} with the key {__file__} cannot be used")
