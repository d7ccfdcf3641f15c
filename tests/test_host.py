"""Hosts that are numbers."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from sipfullproxy.sip.host import canonical, endpoint, scope, single_machine, written


@pytest.mark.parametrize(
    ("host", "address"),
    [(b"192.0.2.1", "192.0.2.1"), (b"127.0.0.1", "127.0.0.1"), (b"[2001:DB8:0::1]", "2001:db8::1"),
     (b"[::ffff:192.0.2.1]", "192.0.2.1"), (b"[64:ff9b::8.8.8.8]", "64:ff9b::808:808"), (b"[fe80::1]", "fe80::1")],
)  # fmt: skip
def test_an_address_of_one_machine(host: bytes, address: str) -> None:
    assert str(single_machine(host)) == address


@pytest.mark.parametrize(
    "host",
    [b"phone.example", b"1.2.3", b"10.0.0.999", b"010.0.0.1", b"192.0.2.1.example", b"[:::]", b"[1.2.3.4:5]",
     b"2001:db8::1", b"[192.0.2.1]", b"0.0.0.0", b"[::]", b"224.0.0.1", b"[ff02::1]", b"255.255.255.255", b"240.0.0.1",
     b"", b"1" * 60_000, b"\xff", b"[fe80::1%eth0]", b"[::ffff:255.255.255.255]", b"[::ffff:0.0.0.0]",
     b"[64:ff9b::127.0.0.1]", b"[64:ff9b::192.168.1.1]"],
)  # fmt: skip
def test_names_nonsense_and_everybody(host: bytes) -> None:
    assert single_machine(host) is None


def test_an_address_is_written_in_brackets_if_it_is_ipv6() -> None:
    assert (written("192.0.2.1"), written("fd00::1")) == (b"192.0.2.1", b"[fd00::1]")
    assert (endpoint("192.0.2.1", 5060), endpoint("fd00::1", 5060)) == ("192.0.2.1:5060", "[fd00::1]:5060")


@pytest.mark.parametrize(
    ("host", "one"),
    [
        (b"Lab.SK", b"lab.sk"), (b"[2001:DB8:0:0::1]", b"[2001:db8::1]"), (b"[2001:db8:::1]", b"[2001:db8:::1]"),
        (b"[::FFFF:192.0.2.1]", b"[::ffff:c000:201]"), (b"192.0.2.1", b"192.0.2.1"),
    ],
)  # fmt: skip
def test_a_host_is_compared_in_one_spelling(host: bytes, one: bytes) -> None:
    assert canonical(host) == one


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("127.0.0.1", (4, "loopback")), ("169.254.1.1", (4, "")), ("10.0.0.1", (4, "")), ("::1", (6, "loopback")),
        ("fe80::1", (6, "link")), ("fd00::1", (6, "")),
    ],
)  # fmt: skip
def test_how_far_an_address_is_known(host: str, known: tuple[int, str]) -> None:
    assert scope(ip_address(host)) == known
