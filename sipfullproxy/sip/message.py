"""A SIP message as it came: a start line, header lines, a body (RFC 3261 §7).

A parsed message never changes. It keeps its header lines as they came, with their folds, their spelling and their
order, and an index from header name to lines. What goes out is a `Draft`: the same lines, some of them replaced. So
what the proxy does not understand passes through byte for byte.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.grammar import COMMA, CR, SPACE, TAB, TOKEN, split_list, unfold, whole_number
from sipfullproxy.sip.headers import address
from sipfullproxy.sip.headers.cseq import parse_cseq
from sipfullproxy.sip.headers.via import Via, with_source
from sipfullproxy.sip.index import HEADER_LIMIT, NONE, Index, index_of
from sipfullproxy.sip.memo import Memo
from sipfullproxy.sip.uri import Uri, parse_uri

CRLF = b"\r\n"

LONGEST_ID = 1024
"""Bytes of a Call-ID or a tag. They are kept as long as the call or the registration lasts; real ones have about 40."""

LARGEST_BODY = 2**32 - 1
"""Bytes; only keeps a Content-Length from being taken for a number that is none. No number in a header is larger."""

# Request-Line = Method SP Request-URI SP SIP-Version CRLF
# Lenient in what a Request-URI is, so that a wrong one can be answered: a space too many becomes a part of it.
_REQUEST_LINE = re.compile(rb"(" + TOKEN + rb") ([^\r\n]*) SIP/([0-9]+\.[0-9]+)", re.IGNORECASE)
# Status-Line  = SIP-Version SP Status-Code SP Reason-Phrase CRLF
# Lenient: the space before an empty reason phrase may be missing.
_STATUS_LINE = re.compile(rb"SIP/2\.0 ([1-6][0-9][0-9])(?: ([^\r\n]*))?", re.IGNORECASE)
_BROKEN_REQUEST_LINE = re.compile(rb"(" + TOKEN + rb")[ \t][ \t]*+([^\r\n]*+)")


class Message:
    """What requests and responses have in common. Read-only.

    start: the start line. lines: header lines as they came, folds included. where: positions in `lines` by canonical
    header name. body: bytes, cut to Content-Length. size: bytes of all that came. flaw: what `check` complains about,
    or "".
    Available after `check()`: via (top Via), cseq, cseq_method, call_id, from_tag, to_tag.
    """

    __slots__ = (
        "body", "call_id", "cseq", "cseq_method", "flaw", "from_tag", "lines", "size", "start", "to_tag", "via",
        "where",
    )  # fmt: skip

    via: Via
    cseq: int
    cseq_method: bytes
    call_id: bytes
    from_tag: bytes
    to_tag: bytes

    start: bytes
    lines: list[bytes]
    where: Index
    body: bytes
    size: int
    flaw: str

    def stamp(self, host: str, port: int) -> None:
        """Write into the top Via where the message really came from (RFC 3261 §18.2.1).

        The one change that a message ever sees: the transport makes it before anybody else reads.
        """
        via, top = self.via, self.where.top
        line = self.lines[top]
        if via.asks_plainly and COMMA not in line and CR not in line and line[-1] > SPACE:
            # Nearly always. What stands before the value is a name, which holds no ";rport".
            self.lines[top] = with_source(line, host, port)
            return
        stamped = via.stamped(host, port)
        if stamped is not via.text:
            self.lines[top] = unfold(line).replace(via.text, stamped, 1)

    def first(self, name: bytes) -> bytes | None:
        """The whole value of the first line of that name, unfolded; None where there is none."""
        positions = self.where.get(name)
        return None if positions is None else value_of(self.lines[positions[0]])

    def values(self, name: bytes) -> list[bytes]:
        """All comma-separated values of that name, over all its lines, in order; empty ones are none."""
        positions = self.where.get(name)
        if positions is None:
            return []
        return [item for position in positions for item in split_list(value_of(self.lines[position])) if item]

    def number(self, name: bytes, limit: int) -> int | None:
        """The number in a header; None where there is none. SipError 400 when it is no number or over `limit`."""
        positions = self.where.get(name)
        if positions is None:
            return None
        number = _NUMBERS[self.lines[positions[0]]]
        if number is None or number > limit:
            raise SipError(400, f"Bad {name.decode('ascii', 'replace').title()}")
        return number

    def check(self) -> None:
        """Read the headers that every message must have (RFC 3261 §8.1.1). Raises SipError 400 naming what is wrong."""
        lines, where = self.lines, self.where
        if self.flaw or where.unclear:
            raise SipError(400, self.flaw or where.unclear)
        from_, to, call_id, cseq = where.ends
        top = value_of(lines[where.top])
        self.via = Via(split_list(top)[0] if COMMA in top else top)
        self.cseq, self.cseq_method = _CSEQS[lines[cseq]]
        self.call_id = _CALL_IDS[lines[call_id]]
        (from_tag, _), (to_tag, _) = _ENDS[lines[from_]], _ENDS[lines[to]]
        if from_tag is None:
            raise SipError(400, "Bad From")
        if to_tag is None:
            raise SipError(400, "Bad To")
        self.from_tag = from_tag
        self.to_tag = to_tag


def _read_end(line: bytes) -> tuple[bytes | None, bytes]:
    """The tag in a From or To line, b"" where there is none, None where the line is no such header; and the text of its
    URI, b"" where it is not written as usual."""
    value = value_of(line)
    tag, spec = address.read_usual(value) or (address.read_tag(value), b"")
    if tag is not None and len(tag) > LONGEST_ID:
        raise SipError(400, _TOO_LONG)
    return tag, spec


def spec_in(line: bytes) -> bytes:
    """The text of the URI in a From or To line of a message that was checked; b"" where that is not written as usual,
    so that it has to be read."""
    return _ENDS[line][1]


def _read_call_id(line: bytes) -> bytes:
    value = value_of(line)
    if not value or SPACE in value or TAB in value:
        raise SipError(400, "Bad Call-ID")
    if len(value) > LONGEST_ID:
        raise SipError(400, _TOO_LONG)
    return value


_TOO_LONG = f"A Call-ID or a tag has at most {LONGEST_ID} bytes"

_CSEQS = Memo(lambda line: parse_cseq(value_of(line)))
_CALL_IDS = Memo(_read_call_id)
_ENDS = Memo(_read_end)
_NUMBERS = Memo(lambda line: whole_number(value_of(line), LARGEST_BODY))


class Request(Message):
    """A request. method: case-sensitive. uri_text: the Request-URI as it came. version: b"2.0", or another one."""

    __slots__ = ("method", "uri_text", "version")

    def __init__(
        self, start: bytes, lines: list[bytes], where: Index, body: bytes,
        method: bytes, uri_text: bytes, version: bytes,
    ) -> None:  # fmt: skip
        # As in Response: a constructor above both would be one call more for each message.
        self.start = start
        self.lines = lines
        self.where = where
        self.body = body
        self.size = 0
        self.flaw = ""
        self.method = method
        self.uri_text = uri_text
        self.version = version

    @property
    def uri(self) -> Uri:
        """The Request-URI. Raises SipError: 416 for a foreign scheme, 400 where it is none."""
        return parse_uri(self.uri_text)

    def check(self) -> None:
        """As for every message; and the start line must be one, and its method the one in CSeq (RFC 3261 §8.2)."""
        if self.version != b"2.0":
            if self.version == b"":
                raise SipError(400, "Bad request line")
            raise SipError(505, "Only SIP/2.0 is spoken here")
        super().check()
        if self.method != self.cseq_method:
            raise SipError(400, "CSeq method differs from the request's")


class Response(Message):
    """A response. status: 100-699. phrase: the reason phrase as it came."""

    __slots__ = ("phrase", "status")

    def __init__(self, start: bytes, lines: list[bytes], where: Index, body: bytes, status: int, phrase: bytes) -> None:
        self.start = start
        self.lines = lines
        self.where = where
        self.body = body
        self.size = 0
        self.flaw = ""
        self.status = status
        self.phrase = phrase


def value_of(line: bytes) -> bytes:
    """The value of a header line, unfolded and without the white space around it (of SIP: no other control counts)."""
    value = line.partition(b":")[2].strip(b" \t\r\n")
    return unfold(value) if CR in value else value


def parse(data: bytes) -> Request | Response:
    """Take a datagram, or a message framed out of a stream, apart (RFC 3261 §7, §18.3).

    data: empty lines before the start line are ignored (§7.5), bytes behind Content-Length are cut off.
    Returns a message that `check()` still has to look at. Raises as `parse_head` does.
    """
    head, blank, body = data.lstrip(CRLF).partition(b"\r\n\r\n")
    if not blank:
        head = head.removesuffix(CRLF)
    message = parse_head(head)
    message.body = body
    message.size = len(data)
    if not blank:
        message.flaw = "No empty line behind the headers"
    elif not message.flaw:
        place = message.where.length
        if place == NONE or _NUMBERS[message.lines[place]] != len(body):  # as nearly never
            message.flaw = _cut_body(message)
    return message


def parse_head(head: bytes) -> Request | Response:
    """Take the part before the empty line apart: start line and header lines. The body of the message is b"".

    Raises SipError 400 when this is no SIP message at all, or has no Via, so that nobody could be answered.
    """
    lines = head.splitlines()
    flaw = ""
    if CRLF.join(lines) != head or not lines:
        # Whoever cuts lines at a bare LF would read other headers than we do.
        flaw = "A line does not end with CRLF"
        lines = head.split(CRLF)
    start = lines.pop(0)
    if len(lines) > HEADER_LIMIT:
        flaw = "Too many header lines"
        del lines[HEADER_LIMIT:]
    said = _STARTS[start]
    where = index_of(lines, said[0])
    message = Response(start, lines, where, b"", *said) if len(said) == 2 else Request(start, lines, where, b"", *said)
    if where.top == NONE:
        raise SipError(400, "No Via header")
    message.flaw = flaw or where.flaw
    return message


def content_length(message: Message) -> int | None:
    """How many bytes the body is said to have (RFC 3261 §20.14); None where nothing is said.

    Raises SipError 400 for what is no number, and for two that differ.
    """
    positions = message.where.get(b"content-length")
    if positions is None:
        return None
    length = _NUMBERS[message.lines[positions[0]]]
    if length is None:
        raise SipError(400, "Bad Content-Length")
    if len(positions) > 1 and any(_NUMBERS[message.lines[other]] != length for other in positions):
        raise SipError(400, "More than one Content-Length header")
    return length


def _read_start(start: bytes) -> tuple[int, bytes] | tuple[bytes, bytes, bytes]:
    """A start line: status and phrase; or method, Request-URI and version, b"" where that cannot be found."""
    if start[:4].upper() == b"SIP/":
        match = _STATUS_LINE.fullmatch(start)
        if match is None:
            raise SipError(400, "Bad status line")
        return int(match[1]), match[2] or b""
    match = _REQUEST_LINE.fullmatch(start)
    if match is not None:
        return match[1], match[2], match[3]
    match = _BROKEN_REQUEST_LINE.fullmatch(start)
    if match is None:
        raise SipError(400, "Not a SIP message")
    return match[1], match[2], b""


_STARTS = Memo(_read_start)


def _cut_body(message: Message) -> str:
    """RFC 3261 §18.3: over UDP the body ends at Content-Length; a longer one than the datagram is an error.

    Returns what is wrong with that length, or "".
    """
    try:
        length = content_length(message)
    except SipError as error:
        return error.reason
    if length is None:
        return ""
    if length > len(message.body):
        return "Content-Length is over the length of the body"
    message.body = message.body[:length]
    return ""


class Draft:
    """A message on its way out: the lines of a received one, some of them replaced.

    Lines are pushed in front of others by joining texts, so that the positions in `where` stay true. So put first and
    push then: what was pushed in front of a line goes when that line is replaced.
    """

    __slots__ = ("body", "lines", "start", "where")

    def __init__(self, message: Message, start: bytes | None = None) -> None:
        self.start = message.start if start is None else start
        self.lines = message.lines.copy()
        self.where = message.where
        self.body = message.body

    def push(self, name: bytes, line: bytes) -> None:
        """Put a header line above all others of its name; where there are none, below the last Via."""
        positions = self.where.get(name)
        if positions is not None:
            under = self.lines[positions[0]]
            self.lines[positions[0]] = line + CRLF + under if under else line
        else:
            last = self.where[b"via"][-1]
            over = self.lines[last]
            self.lines[last] = over + CRLF + line if over else line

    def push_via(self, line: bytes) -> None:
        """Put a Via above all others."""
        top = self.where.top
        self.lines[top] = line + CRLF + self.lines[top]

    def put(self, name: bytes, line: bytes) -> None:
        """Replace the first header line of that name, or add one below the last Via where there is none."""
        positions = self.where.get(name)
        if positions is None:
            self.push(name, line)
        else:
            self.lines[positions[0]] = line

    def put_all(self, name: bytes, title: bytes, values: Iterable[bytes]) -> None:
        """Replace all values of a header by others, one line each; none at all removes it."""
        lines = [title + b": " + value for value in values]
        positions = self.where.get(name)
        if positions is None:
            if lines:
                self.push(name, CRLF.join(lines))
            return
        self.lines[positions[0]] = CRLF.join(lines)
        for position in positions[1:]:
            self.lines[position] = b""

    def encode(self) -> bytes:
        """The message as bytes. Lines that were emptied are left out."""
        return CRLF.join((self.start, *filter(None, self.lines), b"", self.body))
