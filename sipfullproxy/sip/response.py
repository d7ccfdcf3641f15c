"""Writing a response of our own to a request (RFC 3261 §8.2.6)."""

from __future__ import annotations

from sipfullproxy.sip.headers import address
from sipfullproxy.sip.message import Message, value_of

_COPIED = (b"from", b"to", b"call-id", b"cseq")


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
    lines = [b"SIP/2.0 %d %b" % (status, phrase)]
    lines += [request.lines[position] for position in request.where.get(b"via", ())]
    for name in _COPIED:
        for position in request.where.get(name, ())[:1]:
            line = request.lines[position]
            if name == b"to" and to_tag and not address.tag(value_of(line)):
                line += b";tag=" + to_tag
            lines.append(line)
    if status == 100:
        lines += [request.lines[position] for position in request.where.get(b"timestamp", ())]
    lines += [name + b": " + value for name, value in headers]
    lines += [b"Content-Length: 0", b"", b""]
    return b"\r\n".join(lines)
