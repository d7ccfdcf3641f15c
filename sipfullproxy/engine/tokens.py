"""Flow tokens: a flow, signed, inside a Record-Route (RFC 5626 §5.2, §5.3).

A phone behind NAT gives a Contact that nobody can reach. So the Record-Route on its side of the call names the flow
that it really uses; who sends a request within the call brings the token back in Route. The signature keeps strangers
from making the proxy send wherever they like.
"""

from __future__ import annotations

import binascii
import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode

from sipfullproxy.engine.flow import Flow
from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.memo import Memo

SIGNATURE = 10
"""Bytes of the HMAC that are kept: 80 bits, what RFC 5626 §5.2 uses."""

_LETTERS = re.compile(rb"[A-Za-z0-9_-]+")
_NAMED = re.compile(rb"(?:udp|tcp|tls|ws|wss) [0-9A-Fa-f.:]+ [0-9]{1,5} [0-9]+")
"""What is signed: transport, address, port and serial of a flow."""


class Tokens:
    """Makes and reads tokens with one secret key."""

    __slots__ = ("_flows", "_key", "_local", "_tokens")

    def __init__(self, key: bytes, local: tuple[str, int]) -> None:
        self._key = key
        self._local = local
        self._flows = Memo(self._read)
        self._tokens = Memo(self._make)

    def make(self, flow: Flow) -> bytes:
        """A flow as the user part of a SIP URI."""
        host, port = flow.remote
        return self._tokens[f"{flow.transport} {host} {port} {flow.serial}".encode()]

    def read(self, user: bytes) -> Flow | None:
        """The flow that the user part of a Route of ours names; None where it is no token but a name, as somebody may
        write it into the address of his outbound proxy.

        The local address is ours of today, so that a token outlives a change of it. Raises SipError 403 for what has
        the form of a token and was not signed here (RFC 5626 §5.3.1).
        """
        return self._flows[user]

    def _make(self, named: bytes) -> bytes:
        return urlsafe_b64encode(self._sign(named) + named).rstrip(b"=")

    def _read(self, user: bytes) -> Flow | None:
        signature, named = _parts(user)
        if not named:
            return None
        if not hmac.compare_digest(signature, self._sign(named)):
            raise SipError(403, "The flow token in Route is not ours")
        transport, host, port, serial = named.decode().split(" ")
        return Flow(transport, self._local, (host, int(port)), int(serial))

    def _sign(self, named: bytes) -> bytes:
        return hmac.digest(self._key, named, "sha256")[:SIGNATURE]


def is_token(user: bytes) -> bool:
    """Whether a user part has the form of a token, whoever made it."""
    return _parts(user) != (b"", b"")


def _parts(user: bytes) -> tuple[bytes, bytes]:
    """The signature of a token, and what is signed; both b"" for what is none."""
    if not _LETTERS.fullmatch(user):
        return b"", b""  # the decoder would read over what is no letter of its own
    try:
        signed = urlsafe_b64decode(user + b"=" * (-len(user) % 4))
    except binascii.Error:
        return b"", b""
    named = signed[SIGNATURE:]
    return (signed[:SIGNATURE], named) if _NAMED.fullmatch(named) else (b"", b"")
