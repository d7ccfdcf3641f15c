"""CSeq: a number of 32 bits and a method."""

from __future__ import annotations

import pytest

from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.headers.cseq import LARGEST, parse_cseq


@pytest.mark.parametrize(
    ("value", "number", "method"),
    [
        (b"1 INVITE", 1, b"INVITE"),
        (b"0 ACK", 0, b"ACK"),
        (b"0009   INVITE", 9, b"INVITE"),
        (b"4711\tFoo.Bar%20'", 4711, b"Foo.Bar%20'"),
        (b"%d BYE" % LARGEST, LARGEST, b"BYE"),
    ],
)
def test_a_number_and_a_method(value: bytes, number: int, method: bytes) -> None:
    assert parse_cseq(value) == (number, method)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"1",
        b"INVITE",
        b"1INVITE",
        b"INVITE 1",
        b"-1 INVITE",
        b"1.0 INVITE",
        b"1 INVITE x",
        b"1 IN(V)ITE",
        b"1 INVITE\n",
        b"%d INVITE" % (LARGEST + 1),
        b"36893488147419103232 REGISTER",
        b"9" * 5000 + b" INVITE",
    ],
)
def test_anything_else_is_a_bad_request(value: bytes) -> None:
    with pytest.raises(SipError) as caught:
        parse_cseq(value)
    assert caught.value.status == 400
