"""Reasonable or not: the checks before a request is looked at any further (RFC 3261 §16.3, RFC 5393)."""

from __future__ import annotations

from zlib import crc32

from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.grammar import COMMA
from sipfullproxy.sip.headers.via import Via
from sipfullproxy.sip.message import Request

MAX_FORWARDS = 70
"""Given to a request that has none (§16.6 item 3)."""
LARGEST_MAX_FORWARDS = 255
"""§20.22."""
LARGEST_MAX_BREADTH = 2**31
"""What is still read as a number."""
MAX_BREADTH = 60
"""Given to a request that has none, or more (RFC 5393 §5.3.3)."""

SUPPORTED: frozenset[bytes] = frozenset()
"""Option tags that this proxy understands in Proxy-Require. Its registrar knows some in Require."""


def reasonable(request: Request) -> None:
    """Raise the SipError that a request deserves (RFC 3261 §16.3 items 1 to 5), if any."""
    request.uri  # noqa: B018  416 or 400 where it is none
    max_forwards = request.number(b"max-forwards", LARGEST_MAX_FORWARDS)
    if max_forwards == 0:
        raise SipError(483, "Max-Forwards came down to 0")
    if b"proxy-require" in request.where:
        supports(request, b"proxy-require")


def supports(request: Request, header: bytes, known: frozenset[bytes] = SUPPORTED) -> None:
    """Raise SipError 420 for extensions that are required and not `known` (§16.3 item 5, §8.2.2.3)."""
    unknown = [tag for tag in request.values(header) if tag not in known]
    if unknown:
        raise SipError(420, "An extension is required that is not known here", (b"Unsupported", b", ".join(unknown)))


def loop_mark(request: Request) -> bytes:
    """What stays the same when a request comes back unchanged, and differs when it comes back to go elsewhere.

    Goes into our branch (RFC 3261 §16.6 item 8, RFC 5393 §4.2.1): all that decides on the way, in 8 hexadecimal digits.
    """
    where, lines = request.where, request.lines
    parts = [request.uri_text, request.to_tag, request.from_tag, request.call_id, b"%d" % request.cseq]
    for name in (b"route", b"proxy-require"):
        if name in where:
            parts += [lines[position] for position in where[name]]
    return b"%08x" % crc32(b"\0".join(parts))


def no_loop(request: Request, mark: bytes, names: frozenset[tuple[bytes, int]]) -> None:
    """Raise SipError 482 when this request was here before and would go the same way again (§16.3 item 4).

    names: what we write into our Vias, (host, port).
    """
    positions = request.where[b"via"]
    if len(positions) == 1 and COMMA not in request.lines[positions[0]]:
        return
    for value in request.values(b"via"):
        if mark in value:
            via = Via(value)
            if via.sent_by in names and via.branch.endswith(b"." + mark):
                raise SipError(482, "This request was here before")
