"""Digest logins on the wire: challenges, credentials, and what proves a password (RFC 3261 §22.4, RFC 7616, RFC 8760).

A header line carries one challenge or one set of credentials; these headers are no lists (RFC 3261 §7.3.1).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import md5, sha256
from typing import NamedTuple

from sipfullproxy.sip.grammar import PARAMETER_LIMIT, QUOTED, TOKEN, WS, split_list, unquote

SHA256, MD5 = b"SHA-256", b"MD5"

_HASHES: dict[bytes, Callable[[bytes], bytes]] = {
    SHA256: lambda data: sha256(data).hexdigest().encode(),
    # A Python that was built for high security has MD5 for what it does not call security alone.
    MD5: lambda data: md5(data, usedforsecurity=False).hexdigest().encode(),
}

ALGORITHMS = tuple(_HASHES)
"""Those that are understood here, the one that is liked best first (RFC 8760 §2.3)."""

# credentials   = ( "Digest" LWS digest-response )
# dig-resp      = name EQUAL ( token / quoted-string )
# Lenient: what is not quoted is anything without a separator; some phones leave the quotes out.
_SCHEME = re.compile(rb"Digest[ \t][ \t]*+(.*)", re.IGNORECASE | re.DOTALL)
_PARAM = re.compile(rb"(" + TOKEN + rb")" + WS + rb"=" + WS + rb"(" + QUOTED + rb'|[^",\s][^",\s]*+)')
_NC = re.compile(rb"[0-9A-Fa-f]{8}")


class Challenge(NamedTuple):
    """What a server wants proved. algorithm, qop: as they came; b"" where they were left out. stale: whether the last
    credentials were right but for their nonce."""

    realm: bytes
    nonce: bytes
    algorithm: bytes = b""
    qop: bytes = b""
    stale: bool = False
    opaque: bytes = b""

    def encode(self) -> bytes:
        """The value of a WWW-Authenticate or Proxy-Authenticate."""
        parts = [b"realm=" + _quoted(self.realm), b"nonce=" + _quoted(self.nonce)]
        if self.opaque:
            parts.append(b"opaque=" + _quoted(self.opaque))
        if self.stale:
            parts.append(b"stale=true")
        if self.algorithm:
            parts.append(b"algorithm=" + self.algorithm)
        if self.qop:
            parts.append(b"qop=" + _quoted(self.qop))  # always in quotes here, and never in credentials
        return b"Digest " + b", ".join(parts)


class Credentials(NamedTuple):
    """What a phone proves with.

    user, realm, nonce, uri, opaque: without their quotes. response: the proof, in hexadecimal digits. algorithm: as it
    came, b"" where it was left out. nc: how often the nonce was used, 8 hexadecimal digits.
    """

    user: bytes
    realm: bytes
    nonce: bytes
    uri: bytes
    response: bytes = b""
    algorithm: bytes = b""
    qop: bytes = b""
    cnonce: bytes = b""
    nc: bytes = b""
    opaque: bytes = b""

    @property
    def hash_name(self) -> bytes:
        """The algorithm that they are made with, in capitals; MD5 where they do not say (RFC 7616 §3.3)."""
        return self.algorithm.upper() or MD5

    @property
    def times(self) -> int:
        """`nc` as a number; 0 where it is none."""
        return int(self.nc, 16) if _NC.fullmatch(self.nc) else 0

    def encode(self) -> bytes:
        """The value of an Authorization or Proxy-Authorization."""
        parts = [
            b"username=" + _quoted(self.user), b"realm=" + _quoted(self.realm), b"nonce=" + _quoted(self.nonce),
            b"uri=" + _quoted(self.uri), b"response=" + _quoted(self.response),
        ]  # fmt: skip
        if self.algorithm:
            parts.append(b"algorithm=" + self.algorithm)
        if self.opaque:
            parts.append(b"opaque=" + _quoted(self.opaque))
        if self.qop:
            parts += [b"qop=" + self.qop, b"cnonce=" + _quoted(self.cnonce), b"nc=" + self.nc]
        return b"Digest " + b", ".join(parts)


def read_challenge(value: bytes) -> Challenge | None:
    """Read a WWW-Authenticate or Proxy-Authenticate; None for another scheme, and for what is no challenge."""
    params = _params(value)
    if params is None or b"realm" not in params or b"nonce" not in params:
        return None
    get = params.get
    return Challenge(
        params[b"realm"], params[b"nonce"], get(b"algorithm", b""), get(b"qop", b""),
        get(b"stale", b"").lower() == b"true", get(b"opaque", b""),
    )  # fmt: skip


def read_credentials(value: bytes) -> Credentials | None:
    """Read an Authorization or Proxy-Authorization; None for another scheme (Basic: RFC 8760 §2.6), and where one of
    the parameters is missing that all have, or stands there twice."""
    params = _params(value)
    if params is None or not params.keys() >= _NEEDED:
        return None
    get = params.get
    return Credentials(
        params[b"username"], params[b"realm"], params[b"nonce"], params[b"uri"], params[b"response"],
        get(b"algorithm", b""), get(b"qop", b""), get(b"cnonce", b""), get(b"nc", b""), get(b"opaque", b""),
    )  # fmt: skip


_NEEDED = {b"username", b"realm", b"nonce", b"uri", b"response"}


def hash_of(algorithm: bytes, user: bytes, realm: bytes, password: bytes) -> bytes:
    """What a server keeps in the place of a password, in hexadecimal digits (HA1, RFC 7616 §3.4.2).

    algorithm: one of ALGORITHMS. It is as good as the password, for this realm; so it must be kept as secret.
    """
    return _HASHES[algorithm](b":".join((user, realm, password)))


def proof(credentials: Credentials, algorithm: bytes, ha1: bytes, method: bytes) -> bytes:
    """The `response` that these credentials ought to have, for `qop=auth` (RFC 7616 §3.4.1).

    ha1: see `hash_of`. method: of the request.
    """
    hashed = _HASHES[algorithm]
    what = hashed(method + b":" + credentials.uri)
    return hashed(
        b":".join((ha1, credentials.nonce, credentials.nc, credentials.cnonce, credentials.qop, what))
    )  # fmt: skip


def _params(value: bytes) -> dict[bytes, bytes] | None:
    """The parameters of a Digest value by lower-case name, without quotes; None where they cannot be read."""
    match = _SCHEME.fullmatch(value)
    if match is None:
        return None
    items = split_list(match[1])
    found: dict[bytes, bytes] = {}
    for item in items[: PARAMETER_LIMIT + 1]:
        param = _PARAM.fullmatch(item)
        if param is None or (name := param[1].lower()) in found:
            return None
        found[name] = unquote(param[2])
    return found if len(items) <= PARAMETER_LIMIT else None


def _quoted(text: bytes) -> bytes:
    return b'"' + text.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
