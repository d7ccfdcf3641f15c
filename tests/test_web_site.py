"""The page's thread and sockets: begun, ended, refused; and what it listens on."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator

import pytest

from sipfullproxy.web import connection, site
from sipfullproxy.web.site import Site, hosts, listening, missing
from tests.pages import MadeUp, card, page
from tests.waiting import eventually

pytestmark = pytest.mark.io


@pytest.fixture
def taken() -> Iterator[int]:
    """A port of the loopback where somebody else listens."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


def test_it_ends_at_once_though_browsers_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds that only a browser cut off by force would meet are moved out of sight: this end is a friendly one."""
    monkeypatch.setattr(site, "GRACE", 600)
    monkeypatch.setattr(site, "STOP_WAIT", 600.0)
    with page() as opened:
        with opened.live() as first, opened.live() as second, opened.line():
            first(), second()
            opened.site.stop()
        assert not [thread for thread in threading.enumerate() if thread.name == "web"]
        with pytest.raises(ConnectionError):
            opened.line()
        socket.create_server(opened.site.address).close()


def test_it_ends_though_a_browser_takes_nothing() -> None:
    proxy = MadeUp()
    with page(proxy) as opened, socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(opened.site.address)
        slow.sendall(f"GET /api/live HTTP/1.1\r\nHost: {opened.host}\r\n\r\n".encode())
        proxy.change(card(caller="x" * 10_000_000))
        eventually(lambda: opened.application.live.guests == 1, "the stream to begin")
        opened.site.stop()
        assert not [thread for thread in threading.enumerate() if thread.name == "web"]


def test_it_may_end_before_it_has_begun() -> None:
    begun, go = threading.Event(), threading.Event()

    def slowly() -> site.Closing:
        begun.set()
        go.wait(10)
        return opened.application

    with page() as opened:
        other = Site(["127.0.0.1"], 0)
        other.start(slowly)
        assert begun.wait(10)
        ending = threading.Thread(target=other.stop)
        ending.start()
        go.set()
        ending.join(10)
        assert not ending.is_alive()


@pytest.mark.parametrize("late", ["loading", "running"])
def test_who_ends_it_sooner_than_it_begins_hears_no_complaint(
    late: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A machine that has much to do takes longer to load the libraries than the end waits for them."""
    monkeypatch.setattr(site, "STOP_WAIT", 0.0)
    begun, go, run = threading.Event(), threading.Event(), connection.Server.run

    def slowly() -> None:
        begun.set()
        assert go.wait(10)

    def load() -> site.Closing:
        if late == "loading":
            slowly()
        return opened.application

    def serve(server: connection.Server, sockets: list[socket.socket]) -> None:
        slowly()
        run(server, sockets)

    with page() as opened:
        monkeypatch.setattr(connection.Server, "run", serve)
        before = set(threading.enumerate())
        other = Site(["127.0.0.1"], 0)
        other.start(load)
        assert begun.wait(10)
        other.stop()
        go.set()
        eventually(lambda: before.issuperset(threading.enumerate()), "the end of its thread")
    assert caplog.records == []


def test_what_cannot_be_loaded_is_logged_and_calls_go_on(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> site.Closing:
        raise ImportError("half a library")

    opened = Site(["127.0.0.1"], 0)
    opened.start(broken)
    (record,) = eventually(lambda: list(caplog.records), "the complaint")
    opened.stop()
    assert (record.levelno, record.message) == (logging.ERROR, "the page is off, calls go on")
    with pytest.raises(ConnectionError):
        socket.create_connection(opened.address)


def test_a_taken_port_is_told_to_the_caller(taken: int) -> None:
    with pytest.raises(OSError, match="in use"):
        Site(["127.0.0.1"], taken)
    with pytest.raises(OSError, match="in use"):
        Site(["127.0.0.2", "127.0.0.1"], taken)
    socket.create_server(("127.0.0.2", taken)).close()


def test_any_free_port_is_one_that_is_free_on_all_addresses() -> None:
    opened = Site(["127.0.0.2", "127.0.0.1"], 0)
    try:
        assert opened.address[0] == "127.0.0.2"
        for host in ("127.0.0.1", "127.0.0.2"):
            socket.create_connection((host, opened.address[1])).close()
    finally:
        opened.stop()


def test_an_address_that_is_not_ours_is_told_to_the_caller() -> None:
    with pytest.raises(OSError):
        Site(["203.0.113.77"], 0)


def test_it_listens_on_the_lan_and_wider_only_when_told_to() -> None:
    assert listening(["192.168.1.10"], None) == ["192.168.1.10", "127.0.0.1"]
    assert listening(["127.0.0.1"], None) == ["127.0.0.1"]
    assert listening(["8.8.8.8"], None) == ["127.0.0.1"], "a public address must be asked for"
    assert listening(["8.8.8.8"], "8.8.8.8") == ["8.8.8.8", "127.0.0.1"]
    assert listening(["192.168.1.10"], "127.0.0.1") == ["127.0.0.1"]
    assert listening(["192.168.1.10"], "0.0.0.0") == ["0.0.0.0"]


def test_it_listens_on_ipv6_by_the_same_rules() -> None:
    assert listening(["fd00::1"], None) == ["fd00::1", "::1"]
    assert listening(["192.168.1.10", "fd00::1"], None) == ["192.168.1.10", "fd00::1", "127.0.0.1", "::1"]
    assert listening(["2a00::1"], None) == ["::1"], "a public address must be asked for"
    assert listening(["fe80::1"], None) == ["::1"], "no browser can name the link"
    assert listening(["fd00::1"], "::") == ["::", "0.0.0.0"]


def test_hosts_are_our_names_with_the_port() -> None:
    assert hosts(["10.0.0.1"], ["lab.sk"], 8080) == {
        "10.0.0.1:8080", "lab.sk:8080", "127.0.0.1:8080", "[::1]:8080", "localhost:8080",
    }  # fmt: skip
    assert {"10.0.0.1", "10.0.0.1:80"} <= hosts(["10.0.0.1"], [], 80)
    assert {"[fd00::1]", "[fd00::1]:80"} <= hosts(["fd00::1"], [], 80)


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert missing() == []
    monkeypatch.setattr(site, "NEEDED", ("fastapi", "no_such_library"))
    assert missing() == ["no_such_library"]
