"""A message as the ladder reads it: leniently, because what is wrong with a message is there to be seen, too."""

from __future__ import annotations

from typing import Final

from sipfullproxy.journal.safe import safe
from sipfullproxy.sip import sdp
from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.headers.address import Address, tag
from sipfullproxy.sip.message import Message, Request, Response, parse

LONGEST_LINE: Final = 60
"""Characters of the first line of what is no SIP message: enough to guess what it was meant to be."""

_FINAL: Final = ((200, "provisional"), (300, "success"), (700, "failure"))
_KINDS: Final = {"ACK": "ack", "BYE": "end", "CANCEL": "end"}


class Reading:
    """One message, read for people. Every text of it is safe to show (see `journal.safe`); of junk, most is empty.

    method: of the request, or the one that is answered. status: 0 for a request. phrase: as it came. call: Call-ID.
    leg: From tag. cseq: its number as text. begins: whether it is, or answers, a request outside a dialog.
    branch: of the top Via, as it came. sdp: the session description, or None.
    """

    __slots__ = ("_message", "begins", "branch", "call", "cseq", "leg", "method", "phrase", "sdp", "status")

    def __init__(self, data: bytes) -> None:
        self.status = 0
        self.phrase = self.cseq = self.call = self.leg = ""
        self.branch = b""
        self.begins = False
        self.sdp: sdp.Sdp | None = None
        self._message: Message | None = None
        try:
            message = parse(data)
        except SipError:
            self.method = readable(data.lstrip().partition(b"\n")[0], LONGEST_LINE)
            return
        self._message = message
        number, _, method = (message.first(b"cseq") or b"").partition(b" ")
        self.cseq = readable(number)
        if isinstance(message, Request):
            self.method = readable(message.method)
            self.begins = not tag(message.first(b"to") or b"")
        else:
            assert isinstance(message, Response)
            self.method = readable(method.strip())
            self.status, self.phrase = message.status, readable(message.phrase)
        self.call = readable(message.first(b"call-id") or b"")
        self.leg = readable(tag(message.first(b"from") or b""))
        self.branch = (message.first(b"via") or b"").partition(b"branch=")[2].partition(b";")[0].strip()
        if message.body:
            found = sdp.find_sdp(message.first(b"content-type") or b"", message.body)
            self.sdp = None if found is None else sdp.parse(found)

    @property
    def kind(self) -> str:
        """What sort of step it is: see `model.Step`."""
        if not self.status:
            return _KINDS.get(self.method, "request")
        return next(kind for limit, kind in _FINAL if self.status < limit)

    @property
    def body(self) -> bytes:
        """The body, or b""."""
        return b"" if self._message is None else self._message.body

    def header(self, name: bytes) -> str:
        """The first value of a header, by its long name in lower case; or ""."""
        value = None if self._message is None else self._message.first(name)
        return "" if value is None else readable(value)

    def has(self, name: bytes) -> bool:
        """Whether it has such a header."""
        return self._message is not None and name in self._message.where

    def user(self, name: bytes) -> str:
        """The user in the URI of a header such as From; the host where there is none; or ""."""
        value = None if self._message is None else self._message.first(name)
        return "" if value is None else _user(value)

    @property
    def target(self) -> str:
        """The user of the Request-URI, or its host; "" of a response."""
        return _user(self._message.uri_text) if isinstance(self._message, Request) else ""


def readable(raw: bytes, longest: int = 128) -> str:
    """Bytes of a stranger as text that is safe to show, cut to `longest` characters."""
    return safe(raw[: 4 * longest].decode("utf-8", "replace"), longest)


def _user(value: bytes) -> str:
    """The user of an address or URI."""
    spec = value
    try:
        address = Address(value)
        spec = address.spec
        uri = address.uri
    except SipError:
        return readable(spec.strip(b"<>"))
    return readable(uri.name or uri.host)
