"""A message taken apart for people: whatever it is, it is never refused, and nothing of it is left out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.grammar import parameters, split_list, unfold
from sipfullproxy.sip.headers.address import Address
from sipfullproxy.sip.index import canonical
from sipfullproxy.sip.message import CRLF
from sipfullproxy.sip.sdp import Sdp, find_sdp
from sipfullproxy.sip.sdp import parse as parse_sdp

LISTS: Final = frozenset((b"via", b"route", b"record-route", b"diversion"))
"""Headers of which each value is looked at by itself, because a proxy adds and takes single ones."""

_STATUS_LINE = re.compile(rb"SIP/2\.0 ([1-6][0-9][0-9])(?: (.*))?", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Reading:
    """One message. start: its start line. lines: (canonical name, header line as it came, folds included), in order.

    headers: by canonical name the values, unfolded, one for each line. body: all behind the empty line. method: of a
    request its method, of a response the one in CSeq; b"" where there is none. uri: the Request-URI, b"" in a response.
    status: 0 in a request. phrase: b"" in a request.
    """

    start: bytes
    lines: tuple[tuple[bytes, bytes], ...]
    headers: dict[bytes, list[bytes]]
    body: bytes
    method: bytes
    uri: bytes
    status: int
    phrase: bytes

    def values(self, name: bytes) -> list[bytes]:
        """The values of a header, unfolded; those of a header in LISTS one by one, of others a line each."""
        found = self.headers.get(name, [])
        if name not in LISTS:
            return found
        return [item for value in found for item in split_list(value) if item]

    def first(self, name: bytes) -> bytes:
        """The value of the first line of that name, or b""."""
        found = self.headers.get(name)
        return found[0] if found else b""

    @property
    def in_dialog(self) -> bool:
        """Whether To has a tag."""
        return b"tag" in (_parameters(self.first(b"to")) or {})

    @property
    def sdp(self) -> Sdp | None:
        """Its session description, where it has one."""
        if not self.body:
            return None
        found = find_sdp(self.first(b"content-type"), self.body)
        return None if found is None else parse_sdp(found)


def read(data: bytes) -> Reading:
    """Take a message apart. Never raises; of junk, all is in the start line."""
    head, _, body = data.lstrip(CRLF).partition(b"\r\n\r\n")
    start, *rest = head.removesuffix(CRLF).split(CRLF)
    lines: list[list[bytes]] = []
    for line in rest:
        if line[:1] in (b" ", b"\t") and lines:
            lines[-1].append(line)
        else:
            lines.append([line])
    named = tuple((canonical(parts[0].partition(b":")[0]), CRLF.join(parts)) for parts in lines)
    headers: dict[bytes, list[bytes]] = {}
    for name, line in named:
        headers.setdefault(name, []).append(unfold(line.partition(b":")[2].strip()))
    match = _STATUS_LINE.fullmatch(start)
    if match is None:
        words = start.split(b" ")
        uri = b" ".join(words[1:-1])
        return Reading(start, named, headers, body, words[0], uri, 0, b"")
    cseq = headers.get(b"cseq", [b""])[0].split()
    return Reading(start, named, headers, body, cseq[1] if len(cseq) > 1 else b"", b"", int(match[1]), match[2] or b"")


def plain(data: bytes) -> str:
    r"""Bytes of the wire as text of which nothing moves a cursor or turns around: UTF-8, anything else as `\x..`."""
    text = data.decode("utf-8", "backslashreplace")
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def branch(via: bytes) -> bytes:
    """The branch of a Via value, or b""."""
    at = via.find(b";")
    found = (parameters(via[at:]) or {}) if at >= 0 else {}
    return found.get(b"branch") or b""


def user(value: bytes) -> bytes:
    """The user in a From, To, Refer-To … value or in a bare URI, escapes undone; b"" where there is none."""
    try:
        return Address(value).uri.name
    except SipError:
        return b""


def spec(value: bytes) -> bytes:
    """The URI within an address, as it came; all of the value where it has not the shape of one."""
    try:
        return Address(value).spec
    except SipError:
        return value


def _parameters(value: bytes) -> dict[bytes, bytes | None] | None:
    try:
        return Address(value).params
    except SipError:
        return None
