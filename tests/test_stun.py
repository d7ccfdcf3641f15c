"""STUN, as much of it as a SIP port must answer (RFC 5626 §8)."""

from __future__ import annotations

import pytest

from sipfullproxy.sip.stun import answer

NAMED = bytes(range(12))
REQUEST = b"\0\1\0\0\x21\x12\xa4\x42" + NAMED


def test_the_address_comes_back_masked() -> None:
    """RFC 5389 §15.2, and the vectors of RFC 5769 §2.2 and §2.3 with their transaction."""
    named = bytes.fromhex("b7e7a701bc34d686fa87dfae")
    request = b"\0\1\0\0\x21\x12\xa4\x42" + named
    head = b"\x21\x12\xa4\x42" + named
    ipv4 = answer(request, ("192.0.2.1", 32853))
    assert ipv4 == b"\1\1\0\x0c" + head + bytes.fromhex("002000080001a147e112a643")
    ipv6 = answer(request, ("2001:db8:1234:5678:11:2233:4455:6677", 32853))
    assert ipv6 == b"\1\1\0\x18" + head + bytes.fromhex("002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9")


def test_attributes_are_not_looked_at() -> None:
    software = b"\x80\x22\0\x04test"
    found = answer(b"\0\1\0\x08\x21\x12\xa4\x42" + NAMED + software, ("192.0.2.1", 5060))
    assert found == answer(REQUEST, ("192.0.2.1", 5060))


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\0", b"\0\1", REQUEST[:19], REQUEST + b"\0", b"\0\1\0\4" + REQUEST[4:], b"\0\1\0\0" + bytes(16),
        b"\1\1" + REQUEST[2:], b"\0\3" + REQUEST[2:], b"OPTIONS sip:a SIP/2.0\r\n",
    ],
)  # fmt: skip
def test_what_is_no_request_gets_no_answer(data: bytes) -> None:
    assert answer(data, ("192.0.2.1", 5060)) is None
