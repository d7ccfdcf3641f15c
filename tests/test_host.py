"""Hosts that are numbers."""

from __future__ import annotations

import pytest

from sipfullproxy.sip.host import single_machine


@pytest.mark.parametrize(
    ("host", "address"),
    [(b"192.0.2.1", "192.0.2.1"), (b"127.0.0.1", "127.0.0.1"), (b"[2001:DB8:0::1]", "2001:db8::1")],
)
def test_an_address_of_one_machine(host: bytes, address: str) -> None:
    assert str(single_machine(host)) == address


@pytest.mark.parametrize(
    "host",
    [b"phone.example", b"1.2.3", b"10.0.0.999", b"010.0.0.1", b"192.0.2.1.example", b"[:::]", b"[1.2.3.4:5]",
     b"2001:db8::1", b"[192.0.2.1]", b"0.0.0.0", b"[::]", b"224.0.0.1", b"[ff02::1]", b"255.255.255.255", b"240.0.0.1",
     b"", b"1" * 60_000, b"\xff"],
)  # fmt: skip
def test_names_nonsense_and_everybody(host: bytes) -> None:
    assert single_machine(host) is None
