"""A stream: the same messages however its bytes are split on the way, or a SipError, never anything else.

The first byte of an input chooses how big the pieces are.
"""

from __future__ import annotations

from contextlib import suppress

from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.framing import BODY_LIMIT, HEAD_LIMIT, PING, Framer
from sipfullproxy.sip.message import parse

LARGEST_PIECE = 32
"""Bytes; beyond that a short input would come in one piece."""


def check(data: bytes) -> None:
    """One stream, in one piece and in many."""
    if not data:
        return
    size, stream = data[0] % LARGEST_PIECE + 1, data[1:]
    whole, pieces = cut(stream, len(stream) or 1), cut(stream, size)
    assert whole == pieces
    for message in whole[0]:
        framed(message)


def cut(stream: bytes, size: int) -> tuple[list[bytes], str, bool]:
    """What a framer makes of it: messages and keepalives, why it broke, and whether something is left."""
    framer = Framer()
    found: list[bytes] = []
    for at in range(0, len(stream), size):
        found += framer.feed(stream[at : at + size])
        assert framer.broken is None or not framer.half, "a broken stream holds nothing any more"
    broken = framer.broken
    return found, "" if broken is None else str(broken.error), framer.half


def framed(message: bytes) -> None:
    """A message out of a stream is read as this message and no other: nothing is left over, nothing is missing."""
    if message == PING:
        return
    assert len(message) <= HEAD_LIMIT + BODY_LIMIT
    with suppress(SipError):
        read = parse(message)
        assert not read.flaw
        assert message.endswith(b"\r\n\r\n" + read.body)
