"""No request hides in another, and none says two things: what others might read otherwise than we do is refused.

Whoever reads the other one of two lengths takes the body for the next request, and whoever reads the other one of two
tags files it under another call. So a lie like these is answered 400, reaches nobody, and is the end of a stream that
has no border any more.
"""

from __future__ import annotations

from tests.each import each
from tests.helpers import Lab, Phone
from tests.passing import connect, fate_of, fates_on

HIDDEN = b"BYE sip:bob@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 10.0.0.10;branch=z9hG4bKhidden\r\nl: 0\r\n\r\n"

HONEST = {
    b"Via": b"Via: SIP/2.0/TCP 10.0.0.10:5060;branch=z9hG4bKouter",
    b"Max-Forwards": b"Max-Forwards: 70",
    b"From": b"From: <sip:alice@10.0.0.1>;tag=a",
    b"To": b"To: <sip:bob@10.0.0.1>",
    b"Call-ID": b"Call-ID: one",
    b"CSeq": b"CSeq: 1 MESSAGE",
    b"Content-Length": b"Content-Length: %d" % len(HIDDEN),
}
COMPACT = {b"From": b"f", b"To": b"t", b"Call-ID": b"i", b"Content-Length": b"l"}
OTHER = {
    b"Max-Forwards": b"1",
    b"From": b"<sip:carol@10.0.0.1>;tag=c",
    b"To": b"<sip:carol@10.0.0.1>",
    b"Call-ID": b"two",
    b"CSeq": b"2 MESSAGE",
    b"Content-Length": b"0",
}

SIZE = len(HIDDEN)

LENGTHS = [
    b"0, %d" % SIZE, b"%d, %d" % (SIZE, SIZE), b"+%d" % SIZE, b"-0", b"-%d" % SIZE, b"0x%x" % SIZE, b"%d.0" % SIZE,
    b"%d\x0b" % SIZE, b"\x0c%d" % SIZE, b"%d\0" % SIZE, b"%d\xa0" % SIZE, b"%d;a" % SIZE, b"%d 0" % SIZE,
    b'"%d"' % SIZE, b"1e2", b"1_0", b"", b"\xd9\xa4\xd9\xa2", b"9" * 30, b"%d\r\n 0" % SIZE,
]  # fmt: skip
"""What some reader takes for a number, and another one does not."""

DOUBLE_TALK = [
    (b"Via", b"SIP/2.0/TCP 10.0.0.10;branch=z9hG4bKa;branch=z9hG4bKb"),
    (b"Via", b"SIP/2.0/TCP 10.0.0.10;branch=z9hG4bKa;maddr=10.0.0.8;maddr=10.0.0.9"),
    (b"Via", b"SIP/2.0/TCP 10.0.0.10 SIP/2.0/TCP 10.0.0.9;branch=z9hG4bKa"),
    (b"Via", b"SIP/2.0/TCP 10.0.0.10:5060:5070;branch=z9hG4bKa"),
    (b"From", b"<sip:alice@10.0.0.1>;tag=a;tag=c"),
    (b"From", b"<sip:alice@10.0.0.1>;tag=a;x=y;Tag=c"),
    (b"From", b"<sip:alice@10.0.0.1>;tag=a, <sip:carol@10.0.0.1>;tag=c"),
    (b"From", b"<sip:alice@10.0.0.1>, <sip:carol@10.0.0.1>;tag=c"),
    (b"From", b"<sip:alice@10.0.0.1><sip:carol@10.0.0.1>;tag=c"),
    (b"To", b"<sip:bob@10.0.0.1>;tag=b;tag=c"),
    (b"To", b"<sip:bob@10.0.0.1>;tag=b,<sip:carol@10.0.0.1>;tag=c"),
    (b"To", b'<sip:bob@10.0.0.1>;x="a;tag=b";tag=b;tag=c'),
    (b"Call-ID", b"one two"),
    (b"Call-ID", b"one, two"),
    (b"CSeq", b"1 MESSAGE, 2 BYE"),
    (b"CSeq", b"1 BYE"),
    (b"CSeq", b"1 MESSAGE BYE"),
    (b"CSeq", b"1 2 MESSAGE"),
    (b"CSeq", b"-1 MESSAGE"),
    (b"Max-Forwards", b"70, 1"),
    (b"Max-Forwards", b"70;1"),
]


def told_twice() -> dict[str, list[bytes]]:
    """The lines of a request with a second header of a kind that there may be one of."""
    found = {}
    for name, other in OTHER.items():
        honest = HONEST[name].partition(b": ")[2]
        for spelling in (name, name.lower(), name.upper() + b" ", COMPACT.get(name, name)):
            for order in (1, -1):
                pair = [HONEST[name], spelling + b": " + other][::order]
                found[f"{spelling.decode()} {other.decode()} {order}"] = lines(name, *pair)
            found[f"{spelling.decode()} the same again"] = lines(name, HONEST[name], spelling + b":" + honest)
    return found


def lines(name: bytes, *instead: bytes) -> list[bytes]:
    """The lines of an honest request, but for those of one name."""
    return [line for known, honest in HONEST.items() for line in (instead if known == name else [honest])]


LIES = {
    **told_twice(),
    **{f"length {value!r}": lines(b"Content-Length", b"Content-Length: " + value) for value in LENGTHS},
    **{f"{name.decode()} {value!r}": lines(name, name + b": " + value) for name, value in DOUBLE_TALK},
    "a name of two words": lines(b"Content-Length", b"X Content-Length: 0", HONEST[b"Content-Length"]),
    "a name behind a fold": lines(
        b"Content-Length", b"X: 1", b" \r\nContent-Length\r\n : 0", HONEST[b"Content-Length"]
    ),
    "a bare LF": lines(b"Content-Length", b"X: 1\nContent-Length: 0", HONEST[b"Content-Length"]),
    "a bare CR": lines(b"Content-Length", b"X: 1\rContent-Length: 0", HONEST[b"Content-Length"]),
    "a NUL in a name": lines(b"Content-Length", b"Content-Length\0: 0", HONEST[b"Content-Length"]),
}


def written(head: list[bytes], transport: str) -> bytes:
    request = b"\r\n".join((b"MESSAGE sip:bob@10.0.0.1 SIP/2.0", *head, b"", HIDDEN))
    return request.replace(b"SIP/2.0/TCP", b"SIP/2.0/" + transport.encode())


def lab() -> tuple[Lab, Phone]:
    proxy = Lab()
    alice, _ = proxy.registered("alice", "bob")
    return proxy, alice


def test_the_honest_one_is_forwarded_and_so_these_tests_show_something() -> None:
    proxy, alice = lab()
    request = written([*HONEST.values()], "UDP")
    assert fate_of(proxy, request, alice.address)[0] == "forwarded"
    assert fates_on(connect(proxy, alice), proxy, request.replace(b"/UDP", b"/TCP").replace(b"outer", b"2")) == [
        "forwarded"
    ]


@each(LIES)
def test_a_datagram_that_says_two_things_is_refused(lie: str) -> None:
    proxy, alice = lab()
    fate, sends = fate_of(proxy, written(LIES[lie], "UDP"), alice.address)
    assert fate == "400"
    assert b"\r\nWarning: 399 " in sends[0].data


@each(LIES)
def test_on_a_stream_nothing_comes_out_of_its_body_either(lie: str) -> None:
    proxy, alice = lab()
    fates = fates_on(connect(proxy, alice), proxy, written(LIES[lie], "TCP"))
    assert fates in (["400"], ["400", "closed"])
