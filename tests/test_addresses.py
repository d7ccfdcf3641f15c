"""Finding our own address: what the sources tell, in the order in which phones can use it."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from pathlib import Path

import pytest

from sipfullproxy.transport import addresses
from sipfullproxy.transport.addresses import is_local, lan_addresses, listed, named, routed


def order(*sources: Iterable[str]) -> list[str]:
    """`lan_addresses` of sources that tell just this."""
    return lan_addresses([lambda source=source: source for source in sources])  # type: ignore[misc]


def test_the_most_trusted_source_comes_first_and_nothing_twice() -> None:
    assert order(["192.168.1.10"], ["10.0.0.5", "192.168.1.10"], ["172.17.0.1"]) == [
        "192.168.1.10",
        "10.0.0.5",
        "172.17.0.1",
    ]


def test_loopback_only_where_there_is_nothing_else() -> None:
    assert order(["127.0.0.1"], ["127.0.1.1", "192.168.1.10"]) == ["192.168.1.10"]
    assert order(["127.0.1.1"], []) == ["127.0.0.1"]
    assert order([], []) == ["127.0.0.1"]


def test_an_address_that_nobody_gave_comes_last() -> None:
    assert order(["169.254.7.7"], ["192.168.1.10"]) == ["192.168.1.10", "169.254.7.7"]
    assert order(["169.254.7.7"], ["127.0.0.1"]) == ["169.254.7.7"]


def test_no_address_at_all_is_none() -> None:
    assert order(["0.0.0.0"], ["10.0.0.5"]) == ["10.0.0.5"]


@pytest.mark.io
def test_here_and_now_every_address_found_is_ours() -> None:
    found = lan_addresses()
    assert found
    assert all(map(is_local, found))


class NoRoute(socket.socket):
    def connect(self, address: object) -> None:
        raise OSError("Network is unreachable")


def test_no_route_is_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "socket", NoRoute)
    assert list(routed()) == []


@pytest.mark.io
def test_looking_for_the_route_sends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.setblocking(False)
        monkeypatch.setattr(addresses, "FAR", listener.getsockname())
        monkeypatch.setattr(addresses, "FAR_IPV6", listener.getsockname())
        assert list(routed()) == ["127.0.0.1", "127.0.0.1"]
        with pytest.raises(BlockingIOError):
            listener.recv(1)


@pytest.mark.parametrize("error", [socket.gaierror("unknown"), UnicodeError("label too long")])
def test_a_name_that_nobody_knows_is_no_address(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    assert list(named()) == []


def test_the_kernels_table_is_read(tmp_path: Path) -> None:
    table = tmp_path / "fib_trie"
    table.write_text(
        "Main:\n"
        "  +-- 0.0.0.0/0 3 0 5\n"
        "     |-- 0.0.0.0\n"
        "        /0 universe UNICAST\n"
        "        +-- 127.0.0.0/31 1 0 0\n"
        "           |-- 127.0.0.0\n"
        "              /8 host LOCAL\n"
        "           |-- 127.0.0.1\n"
        "              /32 host LOCAL\n"
        "           |-- 192.168.1.0\n"
        "              /24 link UNICAST\n"
        "           |-- 192.168.1.10\n"
        "              /32 host LOCAL\n"
        "        |-- 192.168.1.255\n"
        "           /32 link BROADCAST\n"
    )
    assert list(listed(table, tmp_path / "none")) == ["127.0.0.1", "192.168.1.10"]


def test_the_kernels_table_of_ipv6_is_read(tmp_path: Path) -> None:
    """Not the addresses that are ours for a while only, or that others have too."""
    table = tmp_path / "if_inet6"
    table.write_text(
        "fe8000000000000000fc00fffe000001 04 40 20 80     eth0\n"
        "00000000000000000000000000000001 01 80 10 80       lo\n"
        "fd000000000000000000000000000002 04 40 00 82     eth0\n"
        "20010db8000000000000000000000003 04 40 00 01     eth0\n"
        "20010db8000000000000000000000004 04 40 00 20     eth0\n"
        "20010db8000000000000000000000005 04 40 00 40     eth0\n"
    )
    assert list(listed(tmp_path / "none", table)) == ["fe80::fc:ff:fe00:1%eth0", "::1", "fd00::2"]


def test_ipv4_comes_before_ipv6_and_links_only_where_there_is_nothing_else() -> None:
    assert order(["fd00::2", "192.168.1.10"], ["fe80::1%eth0"]) == ["192.168.1.10", "fd00::2"]
    assert order(["fe80::1%eth0"], ["169.254.7.7"], ["fd00::2"]) == ["fd00::2", "169.254.7.7"]
    assert order(["::1", "fe80::1%eth0"], ["127.0.0.1"]) == ["fe80::1%eth0"]
    assert order(["::1"]) == ["127.0.0.1"]


def test_a_system_without_these_tables_tells_nothing(tmp_path: Path) -> None:
    assert list(listed(tmp_path / "none", tmp_path / "none")) == []


@pytest.mark.io
def test_is_local() -> None:
    assert is_local("127.0.0.1")
    assert not is_local("203.0.113.77")
    assert not is_local("not an address")
    assert not is_local("2001:db8::77")
    assert not is_local("fe80::1%no-such-card")
