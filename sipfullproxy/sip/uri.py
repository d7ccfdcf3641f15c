"""SIP and SIPS URIs: reading, comparing, naming (RFC 3261 §19.1)."""

from __future__ import annotations

import re
from collections.abc import Callable

from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.grammar import HOST, PARAMETER_LIMIT, some, unescape
from sipfullproxy.sip.host import canonical
from sipfullproxy.sip.memo import Memo

# SIP-URI  = "sip:" [ userinfo ] hostport uri-parameters [ headers ]
# userinfo = ( user / telephone-subscriber ) [ ":" password ] "@"
# Lenient: bytes over 127 in the user part, which phones send for names with diacritics, and brackets that some escape.
_URI = re.compile(
    rb"(sips?):"
    rb"(?:([A-Za-z0-9\-_.!~*'()%&=+$,;?/:#\[\]\x80-\xff]*+)@)?"
    rb"(" + HOST + rb")(?::([0-9]{1,5}))?"
    rb"((?:;[^\s;?<>\"@]*+)*)"
    rb"(?:\?([^\s<>\"@]*+))?",
    re.IGNORECASE,
)

_SCHEME = re.compile(rb"([A-Za-z][A-Za-z0-9+\-.]*):")
# other-param = pname [ "=" pvalue ];  pname = 1*paramchar;  paramchar = param-unreserved / unreserved / escaped
# Lenient: any byte that can stand in a URI at all stands in a value; what of `token` is no paramchar, in a name.
_PARAM = re.compile(rb"(" + some(rb"[A-Za-z0-9\-_.!~*'()%\[\]/:&+$`]") + rb")(?:=([^;]*+))?")

_NONE: dict[bytes, bytes | None] = {}  # shared by all that have none, so nobody may put anything in

DEFAULT_PORT = {b"sip": 5060, b"sips": 5061}

# RFC 3261 §19.1.4 and RFC 2396 §2.2: these do not equal their escapes.
_RESERVED = b";/?:@&=+$,"

# RFC 3261 §19.1.4: of these, one that stands in one URI only makes two URIs different. `transport` is among them
# because "sip:bob@biloxi.com" and "sip:bob@biloxi.com;transport=udp" are listed as not equivalent.
_PARAMS_THAT_MUST_MATCH = (b"user", b"ttl", b"method", b"maddr", b"transport")


class Uri:
    """A SIP or SIPS URI. Immutable by convention: instances are shared.

    text: as it came. scheme: b"sip" or b"sips". user: userinfo without the password, escaped as it came, or None.
    name: the user with its escapes undone, what an address-of-record is keyed by (RFC 3261 §10.3 item 5), or b"".
    host: lower case, IPv6 in brackets and in its short form (RFC 5954 §4.2 compares addresses, not texts). port: or
    None. effective_port: the port, or the scheme's default. params: by lower-case name. headers: what stands behind
    "?".
    """

    __slots__ = ("effective_port", "headers", "host", "name", "params", "password", "port", "scheme", "text", "user")

    def __init__(self, text: bytes) -> None:
        match = _URI.fullmatch(text)
        if match is None:
            raise _why_not(text)
        scheme, userinfo, host, port, params, headers = match.groups()
        self.text = text
        self.scheme: bytes = scheme.lower()
        self.user: bytes | None = None
        self.password: bytes | None = None
        if userinfo is not None:
            self.user, colon, password = userinfo.partition(b":")
            self.password = password if colon else None
        self.name: bytes = unescape(self.user) if self.user else b""
        self.host: bytes = canonical(host)
        self.port: int | None = int(port) if port else None
        if self.port is not None and not 0 < self.port < 65536:
            raise SipError(400, "Port out of range in a URI")
        self.effective_port: int = self.port or DEFAULT_PORT[self.scheme]
        self.params: dict[bytes, bytes | None] = _params(params) if params else _NONE
        self.headers: bytes = headers or b""
        if self.headers.count(b"&") >= PARAMETER_LIMIT:
            raise SipError(400, "Too many headers in a URI")

    @property
    def numeric_host(self) -> str:
        """The host without the brackets of IPv6, as the socket module wants it."""
        return self.host.strip(b"[]").decode("ascii", "replace")

    def for_request(self) -> bytes:
        """This URI as a Request-URI: without what §19.1.1, table 1, forbids there (headers, method)."""
        if not self.headers and b"method" not in self.params:
            return self.text
        return self._rebuilt((b"method",), keep_port=True)

    def without(self, *names: bytes) -> bytes:
        """This URI without the named parameters and, when `maddr` is among them, without its port (RFC 3261 §16.4)."""
        return self._rebuilt(names, keep_port=b"maddr" not in names)

    def _rebuilt(self, unwanted: tuple[bytes, ...], keep_port: bool) -> bytes:
        at = self.text.find(b"@") + 1  # the user may hold each of the other separators, but no second "@" is anywhere
        host, *params = self.text[at:].partition(b"?")[0].split(b";")
        if self.port is not None and not keep_port:
            host = host.rpartition(b":")[0]
        kept = [part for part in params if part.partition(b"=")[0].lower() not in unwanted]
        return self.text[:at] + b";".join((host, *kept))

    def matches(self, other: Uri) -> bool:
        """Whether two URIs are equivalent (RFC 3261 §19.1.4). Not transitive, so URIs have no hash by it."""
        if self is other:
            return True
        if (self.scheme, self.host, self.port) != (other.scheme, other.host, other.port):
            return False
        if not (_same(self.user, other.user) and _same(self.password, other.password)):
            return False
        for name in self.params.keys() | other.params.keys():
            mine, theirs = self.params.get(name, _ABSENT), other.params.get(name, _ABSENT)
            if mine is _ABSENT or theirs is _ABSENT:
                if name in _PARAMS_THAT_MUST_MATCH:
                    return False
            elif _comparable(mine or b"").lower() != _comparable(theirs or b"").lower():
                return False
        return _headers(self.headers) == _headers(other.headers)

    def __repr__(self) -> str:
        return f"Uri({self.text!r})"


_ABSENT = b"\x00absent"


def _params(text: bytes) -> dict[bytes, bytes | None]:
    found: dict[bytes, bytes | None] = {}
    parts = text[1:].split(b";", PARAMETER_LIMIT)
    if len(parts) > PARAMETER_LIMIT:
        raise SipError(400, "Too many parameters in a URI")
    for part in parts:
        match = _PARAM.fullmatch(part)
        if match is None:
            raise SipError(400, "Bad parameter in a URI")
        found.setdefault(match[1].lower(), match[2])
    return found


def _same(one: bytes | None, other: bytes | None) -> bool:
    """Whether two users, or two passwords, are the same but for escapes that need not be."""
    if one is None or other is None:
        return one is other
    return one == other or _comparable(one) == _comparable(other)


def _comparable(text: bytes) -> bytes:
    """Undo the %-escapes that make no difference: all but those of reserved characters (RFC 3261 §19.1.4)."""
    return _ESCAPE.sub(_unreserved, text) if b"%" in text else text


_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")


def _unreserved(escape: re.Match[bytes]) -> bytes:
    byte = bytes.fromhex(escape[1].decode())
    return escape[0].upper() if byte in _RESERVED else byte


def _headers(text: bytes) -> list[bytes]:
    return sorted(_comparable(part).lower() for part in text.split(b"&")) if text else []


def _why_not(text: bytes) -> SipError:
    scheme = _SCHEME.match(text)
    if scheme is not None and scheme[1].lower() not in DEFAULT_PORT:
        return SipError(416, "Only sip and sips URIs are served")
    return SipError(400, "Bad URI")


KNOWN = 8192
"""URIs that are known at once: those of a few thousand phones; of the worst that strangers can write, 54 MB."""

parse_uri: Callable[[bytes], Uri] = Memo(Uri, KNOWN).__getitem__
"""Read a SIP or SIPS URI; the same text gives the same value.

Raises SipError: 416 for another scheme, 400 for anything that is no URI.
"""
