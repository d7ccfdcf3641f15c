"""Our own responses: what they copy from the request, and what they add."""

from __future__ import annotations

from sipfullproxy.sip.message import Request, Response, parse
from sipfullproxy.sip.response import respond

REQUEST = b"\r\n".join(
    (
        b"INVITE sip:bob@example.com SIP/2.0",
        b"CSeq: 1 INVITE",
        b"v: SIP/2.0/UDP a;branch=z9hG4bK1,\r\n SIP/2.0/UDP b",
        b"To: Bob\r\n <sip:bob@example.com>",
        b"Via: SIP/2.0/UDP c",
        b"f: <sip:alice@example.com>;tag=1",
        b"Timestamp: 54",
        b"Record-Route: <sip:p1;lr>",
        b"i: 1@a",
        b"Content-Length: 4",
        b"",
        b"body",
    )
)


def request(data: bytes = REQUEST) -> Request:
    message = parse(data)
    assert isinstance(message, Request)
    return message


def test_a_response_copies_what_names_the_transaction_as_it_came() -> None:
    assert respond(request(), 486, b"Busy", b"t0", ((b"Retry-After", b"5"),)) == b"\r\n".join(
        (
            b"SIP/2.0 486 Busy",
            b"v: SIP/2.0/UDP a;branch=z9hG4bK1,\r\n SIP/2.0/UDP b",
            b"Via: SIP/2.0/UDP c",
            b"f: <sip:alice@example.com>;tag=1",
            b"To: Bob\r\n <sip:bob@example.com>;tag=t0",
            b"i: 1@a",
            b"CSeq: 1 INVITE",
            b"Retry-After: 5",
            b"Content-Length: 0",
            b"",
            b"",
        )
    )


def test_a_100_has_no_tag_and_carries_the_timestamp_back() -> None:
    """RFC 3261 §8.2.6.1."""
    data = respond(request(), 100, b"Trying")
    assert b"Timestamp: 54\r\n" in data
    assert b"tag=t0" not in data
    assert b"Timestamp" not in respond(request(), 180, b"Ringing", b"t0")


def test_a_tag_that_is_there_stays() -> None:
    data = respond(
        request(REQUEST.replace(b"bob@example.com>\r\n", b"bob@example.com>;tag=x\r\n")), 486, b"Busy", b"t0"
    )
    assert b"To: Bob\r\n <sip:bob@example.com>;tag=x\r\n" in data


def test_our_response_is_one_that_we_would_read_ourselves() -> None:
    response = parse(respond(request(), 486, "Obsadené".encode(), b"t0"))
    response.check()
    assert isinstance(response, Response)
    assert (response.status, response.phrase.decode(), response.to_tag) == (486, "Obsadené", b"t0")
    assert not response.body


def test_a_broken_request_is_answered_with_what_it_has() -> None:
    broken = request(b"INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP a\r\nCSeq: 1 INVITE\r\n\r\n")
    assert respond(broken, 400, b"Bad", b"t0") == (
        b"SIP/2.0 400 Bad\r\nVia: SIP/2.0/UDP a\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
    )


def test_of_two_headers_where_one_may_be_the_first_is_answered() -> None:
    """RFC 4475 §3.3.8: so that at least our answer is no such message."""
    twice = REQUEST.replace(
        b"i: 1@a", b"i: 1@a\r\nCall-ID: 2@a\r\nTo: sip:x@y\r\nFrom: sip:z@y;tag=2\r\nCSeq: 2 INVITE"
    )
    response = parse(respond(request(twice), 400, b"Bad", b"t0"))
    response.check()
    assert (response.call_id, response.cseq, response.from_tag) == (b"1@a", 1, b"1")
    assert len(response.values(b"via")) == 3
