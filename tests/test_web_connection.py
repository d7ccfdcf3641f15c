"""Browsers that keep the server waiting: bare sockets that are slow in every way."""

from __future__ import annotations

import socket

import pytest

from sipfullproxy.web import connection, live
from tests.pages import MadeUp, Page, card, page
from tests.waiting import eventually

pytestmark = pytest.mark.io


def ended(line: socket.socket) -> bool:
    """Whether the other side ends the connection, instead of waiting for us."""
    try:
        while line.recv(65536):
            pass
    except ConnectionError:
        pass
    return True


def connections(opened: Page) -> int:
    assert opened.site._server is not None
    return len(opened.site._server.server_state.connections)


@pytest.mark.parametrize("begun", [b"", b"GET / HT", b"PUT /api/x HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc"])
def test_who_never_ends_his_request_is_cut_off(monkeypatch: pytest.MonkeyPatch, begun: bytes) -> None:
    monkeypatch.setattr(connection, "REQUEST_WAIT", 0.1)
    with page() as opened, opened.line() as line:
        line.sendall(begun)
        assert ended(line)


def test_who_asked_in_time_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that stands still for a second makes no request late."""
    monkeypatch.setattr(connection, "REQUEST_WAIT", 2.0)
    monkeypatch.setattr(live, "HEARTBEAT", 2.2)
    with page() as opened, opened.line() as line:
        line.sendall(f"GET /api/about HTTP/1.1\r\nHost: {opened.host}\r\n\r\n".encode())
        assert line.recv(65536).startswith(b"HTTP/1.1 200 ")
        line.sendall(f"GET /api/live HTTP/1.1\r\nHost: {opened.host}\r\n\r\n".encode())
        got = b""
        while b"still here" not in got:
            more = line.recv(65536)
            assert more, "a stream that lasts longer than a request may take"
            got += more


def test_who_takes_nothing_is_cut_off_and_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "DRAIN_WAIT", 0.2)
    proxy = MadeUp()
    with page(proxy) as opened, socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(opened.site.address)
        slow.sendall(f"GET /api/live HTTP/1.1\r\nHost: {opened.host}\r\n\r\n".encode())
        eventually(lambda: opened.application.live.guests == 1, "the stream to begin")

        def gone() -> bool:
            proxy.change(card(proxy.book.version, caller="x" * 1_000_000))
            del proxy.cards[3:]
            return opened.application.live.guests == 0

        eventually(gone, "the slow browser to be cut off")
        assert opened.ask("/api/about").status == 200


def test_more_connections_than_there_is_room_for_are_closed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "MOST_CONNECTIONS", 2)
    with page() as opened:
        assert opened.ask("/api/about").status == 200
        with opened.line(), opened.line():
            eventually(
                lambda: len(opened.site._server.server_state.connections) == 2 if opened.site._server else 0, "two"
            )
            with opened.line() as third:
                assert ended(third)
        eventually(lambda: connections(opened) == 0, "their end")
        assert opened.ask("/api/about").status == 200


def test_one_who_has_them_all_keeps_out_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "MOST_CONNECTIONS", 3)
    with page() as opened, opened.line("127.0.0.2") as oldest, opened.line("127.0.0.2"), opened.line("127.0.0.2"):
        eventually(lambda: connections(opened) == 3, "three of one student")
        assert opened.ask("/api/about").status == 200
        assert ended(oldest)
        eventually(lambda: connections(opened) == 2, "the end of who asked")
        with opened.line("127.0.0.2"):
            eventually(lambda: connections(opened) == 3, "his third again")
            with opened.line("127.0.0.2") as more:
                assert ended(more), "there is no room for his fourth"


def test_a_head_without_an_end_is_refused() -> None:
    with page() as opened, opened.line() as line:
        line.sendall(b"GET / HTTP/1.1\r\nX: " + b"x" * (connection.LARGEST_HEAD + 1))
        assert line.recv(65536).startswith(b"HTTP/1.1 400 ")


def test_nothing_of_the_server_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("DEBUG"), page() as opened:
        with opened.line() as line:
            line.sendall(b"no HTTP at all\r\n\r\n")
            assert line.recv(65536).startswith(b"HTTP/1.1 400 ")
        assert opened.ask("/api/about").status == 200
    assert [record for record in caplog.records if record.name.startswith("uvicorn")] == []
