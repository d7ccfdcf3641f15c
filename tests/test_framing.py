"""Where a message ends in a stream: whole, in drops, in one segment, and what can no longer be cut."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipfullproxy.sip.framing import BODY_LIMIT, HEAD_LIMIT, PING, Framer
from sipfullproxy.sip.message import parse
from tests.passing import framed


def write(*lines: bytes, body: bytes = b"", start: bytes = b"MESSAGE sip:bob@example.com SIP/2.0") -> bytes:
    """A message of which the framer reads no more than is here."""
    return b"\r\n".join((start, b"Via: SIP/2.0/TCP 10.0.0.9;branch=z9hG4bK1", *lines, b"", body))


EMPTY = write(b"Content-Length: 0")
FULL = write(b"Content-Length: 5", body=b"hello")
BLANKS = write(b"l: 8", body=b"\r\n\r\n\r\n\r\n")


def drops(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


def error_of(data: bytes) -> tuple[int, str, bool]:
    """Why a stream is broken: status, reason, and whether the request may be answered with it."""
    framer = Framer()
    assert framer.feed(data) == []
    assert framer.broken is not None
    error, request = framer.broken
    return error.status, error.reason, request is not None


def test_a_message_is_half_there_from_its_first_byte_to_its_last() -> None:
    framer = Framer()
    assert not framer.half
    for at in range(len(FULL) - 1):
        framer.feed(FULL[at : at + 1])
        assert framer.half
    assert framer.feed(FULL[-1:] + FULL + b"\r\n\r\n") and not framer.half
    assert framer.feed(FULL + b"M") and framer.half


# -- what comes out ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "message",
    [
        EMPTY,
        FULL,
        BLANKS,
        write(b"CONTENT-length \t:\r\n 5", body=b"hello"),
        write(b"Content-Length: 5", b"l: 5", body=b"hello"),
        write(b"l: 0", start=b"SIP/2.0 200 OK"),
        write(b"l: 0", start=b"SIP/2.0 180"),
    ],
)
def test_a_message_ends_where_its_content_length_says(message: bytes) -> None:
    """RFC 3261 §18.3."""
    assert framed([message]) == ([message], "")
    assert framed(drops(message)) == ([message], "")
    assert framed([message + message]) == ([message, message], "")
    assert framed([message[:-1]]) == ([], "")


def test_it_comes_out_as_soon_as_its_last_byte_is_there() -> None:
    framer = Framer()
    assert [framer.feed(drop) for drop in drops(FULL)][-2:] == [[], [FULL]]


def test_what_comes_out_can_be_parsed() -> None:
    (message,), _ = framed([b"\r\n" + FULL])
    assert parse(message).body == b"hello"


def test_empty_lines_before_a_message_are_thrown_away() -> None:
    """RFC 3261 §7.5. Bare ones too, as in a datagram."""
    for blanks in (b"\r\n", b"\n", b"\r", b"\n\n", b"\r\r\n"):
        assert framed([FULL + blanks + EMPTY]) == ([FULL, EMPTY], "")
        assert framed(drops(FULL + blanks + EMPTY)) == ([FULL, EMPTY], "")


def test_two_empty_lines_are_a_ping() -> None:
    """RFC 5626 §4.4.1. One alone is none: it is the answer to a ping, or was left over."""
    assert framed([PING + FULL + PING + PING + b"\r\n" + EMPTY]) == ([PING, FULL, PING, PING, EMPTY], "")
    assert framed([b"\r\n", b"\r", b"\n"]) == ([PING], "")
    assert framed([b"\n", b"\r\n\r\n"]) == ([PING], "")
    assert framed([b"\r\n"]) == ([], "")


@pytest.mark.parametrize("stray", [b"\n", b"\r", b"\r\r\n", b"\r\n\n", b"\r\n\r"])
def test_empty_lines_without_an_end_are_not_kept(stray: bytes) -> None:
    framer = Framer()
    flood = stray * 100_000
    tracemalloc.start()
    assert framer.feed(flood) == []
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * len(flood), "what came, and nothing beside it"
    assert framer.feed(PING + PING + EMPTY)[-1] == EMPTY and not framer.half


def test_pings_without_an_end_are_not_kept() -> None:
    framer = Framer()
    assert sum(len(framer.feed(byte)) for byte in drops(PING * 10_000)) == 10_000
    assert not framer.half


def test_a_ping_within_a_message_is_its_body() -> None:
    assert framed([BLANKS + PING]) == ([BLANKS, PING], "")


# -- what cannot be cut any further ------------------------------------------------------------------------------------


@pytest.mark.purpose(
    "SIP_MG_PR_I_010",
    given="request on a stream without Content-Length, or with a bad one, with two, or in a head out of order",
    expect="400, and nothing behind its head is read as a message",
)
@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ((), "No Content-Length, which a stream needs"),
        ((b"Content-Length: -1",), "Bad Content-Length"),
        ((b"Content-Length: +1",), "Bad Content-Length"),
        ((b"Content-Length: five",), "Bad Content-Length"),
        ((b"Content-Length: 5 5",), "Bad Content-Length"),
        ((b"Content-Length: 5, 5",), "Bad Content-Length"),
        ((b"Content-Length:",), "Bad Content-Length"),
        ((b"Content-Length: " + b"9" * 30,), "Bad Content-Length"),
        ((b"Content-Length: 5", b"l: 6"), "More than one Content-Length header"),
        ((b"Content-Length: 5", b"X:\n y"), "A line does not end with CRLF"),
        ((b"Content-Length: 5", b"Content-Length 500"), "A header line is no header"),
        ((b"Content-Length: 5", *[b"X: y"] * 512), "Too many header lines"),
    ],
)
def test_a_request_of_doubtful_length_is_answered_and_nothing_behind_it_is_read(
    lines: tuple[bytes, ...], reason: str
) -> None:
    assert error_of(write(*lines, body=EMPTY)) == (400, reason, True)


def test_so_is_one_that_is_too_large() -> None:
    """RFC 3261 §21.4.11."""
    status, _, answered = error_of(write(b"Content-Length: %d" % (BODY_LIMIT + 1)))
    assert (status, answered) == (413, True)
    assert framed([write(b"Content-Length: %d" % BODY_LIMIT)]) == ([], "")


@pytest.mark.purpose(
    "SIP_MG_PR_I_010",
    given="response on a stream without Content-Length, or with one that is no number or too large",
    expect="dropped, and nothing behind its head is read as a message",
)
@pytest.mark.parametrize("lines", [(), (b"Content-Length: x",), (b"Content-Length: %d" % 2**31,)])
def test_a_response_of_doubtful_length_is_dropped_with_its_stream(lines: tuple[bytes, ...]) -> None:
    """RFC 3261 §18.3: a response MUST be discarded."""
    *_, answered = error_of(write(*lines, start=b"SIP/2.0 200 OK", body=EMPTY))
    assert not answered


@pytest.mark.parametrize(
    "junk",
    [
        b"\x16\x03\x01",  # TLS, at its first byte
        b"\0",
        b" " + EMPTY,
        b"GET / HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n",
        b"hello\r\n\r\n",
        b"SIP/2.0 2000 OK\r\nl: 0\r\n\r\n",
        b"OPTIONS sip:bob@example.com SIP/2.0\r\nl: 0\r\n\r\n",  # no Via, nobody to answer
    ],
)
def test_who_speaks_no_sip_gets_no_answer(junk: bytes) -> None:
    status, _, answered = error_of(junk)
    assert (status, answered) == (400, False)
    assert framed(drops(FULL + junk))[0] == [FULL]


def test_a_head_without_an_end_is_no_message() -> None:
    endless = write(*[b"X: " + b"y" * 1000] * 100)
    assert error_of(endless[:HEAD_LIMIT]) == (400, f"A head has at most {HEAD_LIMIT} bytes", False)
    assert framed([endless[: HEAD_LIMIT - 1]]) == ([], "")
    assert framed(drops(endless)) == framed([endless])


def test_the_longest_head_is_one() -> None:
    longest = write(b"l: 0", b"X: " + b"y" * (HEAD_LIMIT - len(write(b"l: 0", b"X: "))))
    assert len(longest) == HEAD_LIMIT
    assert framed([longest]) == framed(drops(longest)) == ([longest], "")
    assert framed([longest.replace(b"X: ", b"X: y")])[0] == []


def test_behind_the_break_nothing_comes_out_and_nothing_is_kept() -> None:
    framer = Framer()
    assert framer.feed(FULL + write(body=FULL)) == [FULL]
    broken = framer.broken
    assert framer.feed(FULL) == []
    assert framer.broken is broken


# -- however it is split -----------------------------------------------------------------------------------------------

PIECES = [
    EMPTY, FULL, BLANKS, PING, b"\r\n", b"\r", b"\n", write(), write(b"l: 9"), write(b"l: x"), b"\0", b"a",
    write(b"l: 3", start=b"SIP/2.0 200 OK", body=b"\r\n\r"),
]  # fmt: skip


@given(stream=st.lists(st.sampled_from(PIECES), max_size=8).map(b"".join), cuts=st.lists(st.integers(0, 999)))
def test_splitting_a_stream_anywhere_changes_nothing(stream: bytes, cuts: list[int]) -> None:
    """However a stream is split, the same messages and keepalives come out, and it breaks for the same reason."""
    places = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    pieces = [stream[start:end] for start, end in pairwise(places)]
    assert b"".join(pieces) == stream
    assert framed(pieces) == framed([stream])


@given(st.binary(max_size=200) | st.lists(st.sampled_from(PIECES), max_size=8).map(b"".join))
def test_no_bytes_make_it_raise(stream: bytes) -> None:
    """Whatever comes, only messages come out that were in the stream, one behind the other, and no byte twice."""
    found, _ = framed(drops(stream))
    position = 0
    for item in found:
        position = stream.index(item, position) + len(item)
