"""Where a message ends in a stream (RFC 3261 §7.5, §18.3), and the keepalives between two (RFC 5626 §3.5.1, §4.4.1).

A datagram is a message. A stream has no such borders: it is cut by Content-Length alone, so whoever takes one wrongly
reads the body of a message as the next message. That is how calls are smuggled past a proxy. So a length is
believed only where the whole head is in order; behind any other head the stream is not read on.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.grammar import IS_TOKEN
from sipfullproxy.sip.message import CRLF, Message, Request, content_length, parse_head

HEAD_LIMIT = 2**16
"""Bytes of a start line and headers, their empty line included: as many as a datagram could bring."""

BODY_LIMIT = 2**18
"""Bytes of a body. A thousand connections that each stop just before the end of theirs hold 256 MB."""

PING = CRLF + CRLF
"""What a phone sends between two messages to hear whether the connection lives."""

PONG = CRLF
"""The answer to it."""

_END_OF_HEAD = CRLF + CRLF

# Where empty lines end with which no ping begins, nor can begin when more has come. Searched for, since a repetition
# keeps seventy bytes for each of those that it has passed, to take them back.
_BEHIND_STRAY = re.compile(rb"[^\r\n]|\r\n\r\n|\r\n\r?\Z|\r\Z|\Z")


class Broken(NamedTuple):
    """Why a stream cannot be read on. Its connection is to be closed.

    error: what is wrong. request: the one to answer with that first; None where nobody could be answered, or nobody
    may (a response, or what is no SIP at all).
    """

    error: SipError
    request: Request | None = None


class Framer:
    """Cuts one stream into messages. However its bytes are split on the way, the same comes out.

    broken: why nothing more will come out; None as long as something may.
    """

    __slots__ = ("_buffer", "_searched", "_size", "broken")

    def __init__(self) -> None:
        self.broken: Broken | None = None
        self._buffer = bytearray()
        self._searched = 0  # so many bytes hold no end of the head: a head that comes in drops is searched once
        self._size = 0  # of the message at the front, as soon as its head is there

    def feed(self, data: bytes) -> list[bytes]:
        """Take in what has arrived.

        Returns the messages that are whole now, in order, and PING for each keepalive among them, which is to be
        answered by PONG. Look at `broken` afterwards.
        """
        found: list[bytes] = []
        if self.broken is None:
            self._buffer += data
            while (item := self._next()) is not None:
                found.append(item)
        return found

    @property
    def half(self) -> bool:
        """Whether something has come whose end has not."""
        return bool(self._buffer)

    def _next(self) -> bytes | None:
        """The next message or PING; None where more must come first, or nothing may."""
        buffer = self._buffer
        if not self._size:
            if not self._searched and self._is_ping():
                del buffer[: len(PING)]
                return PING
            self._read_head()
        if not self._size or len(buffer) < self._size:
            return None
        message = bytes(buffer[: self._size])
        del buffer[: self._size]
        self._searched = self._size = 0
        return message

    def _is_ping(self) -> bool:
        """Whether a keepalive is next. Other empty lines before a message are thrown away (RFC 3261 §7.5)."""
        behind = _BEHIND_STRAY.search(self._buffer)
        assert behind is not None
        del self._buffer[: behind.start()]
        return self._buffer.startswith(PING)

    def _read_head(self) -> None:
        """Find the end of the head, and by it the size of the message."""
        buffer = self._buffer
        if not buffer or buffer[0] in CRLF:
            return
        if not IS_TOKEN(buffer[:1]):
            # A TLS handshake, for example, which would never come to an empty line.
            self._break(SipError(400, "Not a SIP message"))
            return
        end = buffer.find(_END_OF_HEAD, self._searched, HEAD_LIMIT)
        if end < 0:
            self._searched = max(1, len(buffer) - len(_END_OF_HEAD) + 1)
            if len(buffer) >= HEAD_LIMIT:
                self._break(SipError(400, f"A head has at most {HEAD_LIMIT} bytes"))
            return
        try:
            message = parse_head(bytes(buffer[:end]))
        except SipError as error:
            self._break(error)
            return
        try:
            self._size = end + len(_END_OF_HEAD) + _body_of(message)
        except SipError as error:
            self._break(error, message)

    def _break(self, error: SipError, message: Message | None = None) -> None:
        self.broken = Broken(error, message if isinstance(message, Request) else None)
        self._buffer.clear()


def _body_of(message: Message) -> int:
    """Bytes of the body that follows a head. Raises SipError where that cannot be known, or is too much."""
    if message.flaw:
        raise SipError(400, message.flaw)
    length = content_length(message)
    if length is None:
        raise SipError(400, "No Content-Length, which a stream needs")  # §18.3, §20.14: a MUST
    if length > BODY_LIMIT:
        raise SipError(413, f"A body has at most {BODY_LIMIT} bytes")
    return length
