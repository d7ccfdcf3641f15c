"""Writing a response of our own to a request (RFC 3261 §8.2.6)."""

from __future__ import annotations

from sipfullproxy.sip.grammar import SEMICOLON
from sipfullproxy.sip.headers import address
from sipfullproxy.sip.index import NONE
from sipfullproxy.sip.message import CRLF, Message, value_of


def respond(
    request: Message,
    status: int,
    phrase: bytes,
    to_tag: bytes = b"",
    headers: tuple[tuple[bytes, bytes], ...] = (),
) -> bytes:
    """Compose a response without a body.

    Via, From, To, Call-ID and CSeq are copied as they came, so that even a broken request can be answered with what it
    had of them; only the first where there may be but one, so that the answer is not broken too. to_tag: put into To
    where it has no tag; b"" for a 100, which needs none (§8.2.6.2).
    """
    where, came = request.where, request.lines
    lines = list(map(came.__getitem__, where.echoed))
    if to_tag and where.to != NONE:
        to = lines[where.to]
        if SEMICOLON not in to or not address.tag(value_of(to)):
            lines[where.to] = to + b";tag=" + to_tag
    if status == 100 and b"timestamp" in where:
        lines += [came[place] for place in where[b"timestamp"]]
    for name, value in headers:
        lines.append(name + b": " + value)
    return CRLF.join((b"SIP/2.0 %d %b" % (status, phrase), *lines, b"Content-Length: 0", b"", b""))
