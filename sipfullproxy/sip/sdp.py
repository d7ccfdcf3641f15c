"""Session descriptions, as far as a proxy is curious: which media a phone offers, and whether it holds (RFC 8866).

A proxy has no part in the offer and the answer (RFC 3264); it looks on so that the journal can say "video" and "on
hold". So this reader is lenient: it takes what it can read, skips the rest and never raises; nothing here decides
where a message goes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

SENDRECV: Final = "sendrecv"
SENDONLY: Final = "sendonly"
RECVONLY: Final = "recvonly"
INACTIVE: Final = "inactive"

LONGEST_BODY: Final = 65_535
"""Bytes that are read: what fits into one datagram. A longer one came by stream, and its tail has nothing for us."""

MOST_MEDIA: Final = 32
"""Media that are read: real phones offer up to six, and each costs memory."""

MOST_PARTS: Final = 16
"""Parts of a multipart body that are read: real ones have two or three."""

LONGEST_BOUNDARY: Final = 70
"""Characters of a multipart boundary (RFC 2046 §5.1.1)."""

HIGHEST_PORT: Final = 65_535
DISCARD_PORT: Final = 9
"""WebRTC writes `9` and 0.0.0.0 while it still gathers its addresses: not a hold (RFC 8829 §5.2.1)."""

_DIRECTIONS: Final = {f"a={word}".encode(): word for word in (SENDRECV, SENDONLY, RECVONLY, INACTIVE)}
_TELLING: Final = (b"m=", b"c=", *_DIRECTIONS)
_NOWHERE: Final = frozenset(("0.0.0.0", "::"))
_OF_HOLD: Final = (f"a={SENDONLY}".encode(), f"a={INACTIVE}".encode(), *(host.encode() for host in sorted(_NOWHERE)))
"""Without any of these nobody holds."""


class Media(NamedTuple):
    """One `m=` section (RFC 8866 §5.14).

    kind: "audio", "video" … in lower case. port: 0 means refused or taken away (RFC 3264 §6, §8.2).
    protocol: "RTP/AVP" … as it came. direction: SENDRECV, SENDONLY, RECVONLY or INACTIVE, as seen by who wrote it.
    address: host where it wants to receive, as it came, or "".
    """

    kind: str
    port: int
    protocol: str
    direction: str
    address: str

    @property
    def active(self) -> bool:
        """Whether this stream exists."""
        return self.port != 0

    @property
    def nowhere(self) -> bool:
        """Whether it asks to be sent to 0.0.0.0: the hold of RFC 2543 §B.5, still understood (RFC 3264 §8.4)."""
        return self.address in _NOWHERE and self.port != DISCARD_PORT

    @property
    def held(self) -> bool:
        """Whether its writer wants to receive nothing (RFC 3264 §8.4)."""
        return self.nowhere or self.direction in (SENDONLY, INACTIVE)


class Sdp(NamedTuple):
    """What could be read of a session description. address: of the session, or "". media: in the order of the body."""

    address: str = ""
    media: tuple[Media, ...] = ()

    @property
    def has_video(self) -> bool:
        """Whether its writer would show or see video now."""
        return any(
            one.kind == "video" and one.active and one.direction != INACTIVE and not one.nowhere for one in self.media
        )

    @property
    def on_hold(self) -> bool:
        """Whether its writer holds the other one: every stream that exists is held.

        Ask an offer, not an answer: who answers `inactive` to `inactive` is being held, and holds nobody.
        """
        active = [one for one in self.media if one.active]
        return bool(active) and all(one.held for one in active)


_PLAIN: Final = Sdp()


def parse(body: bytes) -> Sdp:
    """Read a session description, or whatever it is. Never raises; of junk, the result is empty."""
    session, *sections = _sections(body[:LONGEST_BODY])
    address, direction = _defaults(session, "", SENDRECV)
    media = [_media(section, address, direction) for section in sections[:MOST_MEDIA]]
    return Sdp(address, tuple([one for one in media if one is not None]))


def glance(body: bytes) -> Sdp:
    """The same for who asks for video and hold alone: empty where a look at the whole finds no word of either.

    Of most calls it is so, and to look for words takes a tenth of reading lines.
    """
    for word in _OF_HOLD:
        if body.find(word) >= 0:  # `word in body` tries first whether that is a number
            return parse(body)
    return parse(body) if body.lower().find(b"video") >= 0 else _PLAIN


def find_sdp(content_type: bytes, body: bytes) -> bytes | None:
    """The session description within a body, or None where there is none.

    content_type: value of the Content-Type header. The body itself for application/sdp; of a multipart body
    (RFC 5621 §3.1) the first such part. A multipart inside a multipart is not looked into.
    """
    if content_type == b"application/sdp":  # as all phones write it
        return body
    kind = _media_type(content_type)
    if kind == b"application/sdp":
        return body
    if not kind.startswith(b"multipart/"):
        return None
    return next((part for inner, part in _parts(_boundary(content_type), body) if inner == b"application/sdp"), None)


def _sections(body: bytes) -> list[list[bytes]]:
    """The lines that tell us something, of the session and of each medium: a section begins with each `m=`.

    Lines end with CRLF; a bare LF or CR is accepted too (RFC 8866 §5 asks for the first of the two). To look at the
    few telling lines only makes the whole three times faster: a phone writes dozens of others.
    """
    sections: list[list[bytes]] = [[]]
    for line in body.splitlines():
        if line.startswith(_TELLING):
            if line.startswith(b"m="):
                sections.append([])
            sections[-1].append(line)
    return sections


def _defaults(lines: list[bytes], address: str, direction: str) -> tuple[str, str]:
    """The address and the direction that these lines set, or else the given ones."""
    for line in lines:
        if line.startswith(b"c="):
            address = _address(line) or address
        elif line.startswith(b"a="):
            direction = _DIRECTIONS.get(line.rstrip(), direction)
    return address, direction


def _address(line: bytes) -> str:
    """The host of `c=IN IP4 host/ttl` (RFC 8866 §5.7), or ""."""
    words = line[2:].split()
    return _text(words[2].partition(b"/")[0]) if len(words) > 2 else ""


def _media(lines: list[bytes], address: str, direction: str) -> Media | None:
    """One medium from its section, or None where its first line says no port. The rest defaults to the session's."""
    words = lines[0][2:].split(maxsplit=3)
    if len(words) < 3:
        return None
    kind, port, protocol = words[:3]
    digits = port.partition(b"/")[0]  # `49170/2` is a port and a number of ports
    if not digits.isdigit() or len(digits) > len(str(HIGHEST_PORT)) or int(digits) > HIGHEST_PORT:
        return None
    address, direction = _defaults(lines, address, direction)
    return Media(_text(kind).lower(), int(digits), _text(protocol), direction, address)


def _text(word: bytes) -> str:
    """A word of the wire for people; it may hold anything, so whoever prints it must make it safe."""
    return word.decode("utf-8", "replace")


def _media_type(content_type: bytes) -> bytes:
    """`type/subtype` in lower case."""
    return content_type.partition(b";")[0].strip().lower()


def _boundary(content_type: bytes) -> bytes:
    """The boundary of a multipart type, or b"". No character of a boundary is a `;`, so a plain split is safe."""
    for parameter in content_type.split(b";")[1:]:
        name, _, value = parameter.partition(b"=")
        if name.strip().lower() == b"boundary":
            return value.strip().strip(b'"')[:LONGEST_BOUNDARY]
    return b""


def _parts(boundary: bytes, body: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Each part of a multipart body as (media type, content) (RFC 2046 §5.1.1)."""
    if not boundary:
        return
    _preamble, *parts = (b"\r\n" + body).split(b"\r\n--" + boundary, MOST_PARTS)
    for part in parts:
        head, _, content = part.partition(b"\r\n\r\n")
        for line in head.split(b"\r\n")[1:]:  # the first one is what is left of the delimiter
            name, _, value = line.partition(b":")
            if name.strip().lower() == b"content-type":
                yield _media_type(value), content
