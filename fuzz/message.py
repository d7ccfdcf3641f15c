"""A datagram: a message that can be checked and answered, or a SipError, never anything else, for any bytes."""

from __future__ import annotations

from contextlib import suppress

from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.message import Draft, Message, Request, content_length, parse
from sipfullproxy.sip.response import respond

SINGLE = (b"from", b"to", b"call-id", b"cseq", b"max-forwards", b"content-length")
"""Headers of which nobody may get a second one past us: whoever reads the other one reads another message."""


def check(data: bytes) -> None:
    """Read, check, answer and pass on one message."""
    with suppress(SipError):
        message = parse(data)
        if isinstance(message, Request):
            respond(message, 400, b"Bad", b"tag")
        message.check()
        unmistakable(message)
        message.stamp("192.0.2.9", 5060)
        same(message, Draft(message).encode())


def unmistakable(message: Message) -> None:
    """What is good enough to be forwarded says each thing once, and its body is as long as it says."""
    for name in SINGLE:
        assert len(message.where.get(name, ())) <= 1, f"two {name!r}"
    assert content_length(message) in (None, len(message.body))
    assert not any(b"\n" in line.replace(b"\r\n ", b"").replace(b"\r\n\t", b"") for line in message.lines)


def same(message: Message, sent: bytes) -> None:
    """What we write is read by us as the same message."""
    again = parse(sent)
    again.check()
    assert (again.start, again.lines, again.body) == (message.start, message.lines, message.body)
    assert (again.call_id, again.cseq, again.cseq_method) == (message.call_id, message.cseq, message.cseq_method)
    assert (again.from_tag, again.to_tag, again.via.branch) == (message.from_tag, message.to_tag, message.via.branch)
