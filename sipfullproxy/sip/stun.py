"""The little of STUN that a SIP port must know: who asks from where he comes, is told (RFC 5389, RFC 5626 §8).

Phones ask again and again, to keep their way through a NAT open and to see whether we are still there.
"""

from __future__ import annotations

from ipaddress import ip_address

REQUEST = b"\x00\x01"
"""How a Binding request begins, and no SIP message ever does (RFC 5389 §6)."""

_SUCCESS = b"\x01\x01"
_MAGIC = b"\x21\x12\xa4\x42"
_HEAD = 20
"""Bytes before the attributes: type, length, magic cookie, and the 12 bytes that name the transaction."""
_XOR_MAPPED_ADDRESS = b"\x00\x20"
_FAMILY = {4: b"\x00\x01", 6: b"\x00\x02"}


def answer(data: bytes, source: tuple[str, int]) -> bytes | None:
    """The answer to a Binding request; None for what is none, and for the STUN before RFC 5389.

    source: (numeric host, port) that it came from. Attributes are not looked at: RFC 5626 §8.2 wants none of them.
    """
    if len(data) < _HEAD or data[:2] != REQUEST or data[4:8] != _MAGIC:
        return None
    if int.from_bytes(data[2:4], "big") != len(data) - _HEAD:
        return None
    machine = ip_address(source[0])
    port = _xor(source[1].to_bytes(2, "big"), _MAGIC)
    # §15.2: so masked that no NAT on the way mistakes it for an address that it must change.
    value = _FAMILY[machine.version] + port + _xor(machine.packed, data[4:_HEAD])
    attribute = _XOR_MAPPED_ADDRESS + len(value).to_bytes(2, "big") + value
    return _SUCCESS + len(attribute).to_bytes(2, "big") + data[4:_HEAD] + attribute


def _xor(text: bytes, mask: bytes) -> bytes:
    return bytes(one ^ other for one, other in zip(text, mask, strict=False))
