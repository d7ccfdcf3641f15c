"""CSeq: number and method (RFC 3261 §20.16)."""

from __future__ import annotations

import re

from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.grammar import TOKEN

# CSeq = "CSeq" HCOLON 1*DIGIT LWS Method
_CSEQ = re.compile(rb"([0-9]{1,10})[ \t]+(" + TOKEN + rb")")

LARGEST = 2**32 - 1
"""RFC 3261 §20.16: the number must fit 32 bits (§8.1.1.5 lets a sender use 31 of them; we let through what fits)."""


def parse_cseq(value: bytes) -> tuple[int, bytes]:
    """Read a CSeq value into (number, method). Raises SipError 400."""
    match = _CSEQ.fullmatch(value)
    if match is None:
        raise SipError(400, "Bad CSeq")
    number = int(match[1])
    if number > LARGEST:
        raise SipError(400, "CSeq number is over 32 bits")
    return number, match[2]
