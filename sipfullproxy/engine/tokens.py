"""Flow tokens: a flow, signed, inside a Record-Route (RFC 5626 §5.2, §5.3).

A phone behind NAT gives a Contact that nobody can reach. So the Record-Route on its side of the call names the flow
that it really uses; who sends a request within the call brings the token back in Route. The signature keeps strangers
from making the proxy send wherever they like.
"""

from __future__ import annotations

import binascii
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode

from sipfullproxy.engine.flow import Flow

SIGNATURE = 10
"""Bytes of the HMAC that are kept: 80 bits, what RFC 5626 §5.2 uses."""


class Tokens:
    """Makes and reads tokens with one secret key."""

    __slots__ = ("_key", "_local")

    def __init__(self, key: bytes, local: tuple[str, int]) -> None:
        self._key = key
        self._local = local

    def make(self, flow: Flow) -> bytes:
        """A flow as the user part of a SIP URI."""
        host, port = flow.remote
        named = f"{flow.transport} {host} {port} {flow.serial}".encode()
        return urlsafe_b64encode(self._sign(named) + named).rstrip(b"=")

    def read(self, token: bytes) -> Flow | None:
        """The flow of a token; None where we did not make it.

        The local address is ours of today, so that a token outlives a change of it.
        """
        try:
            signed = urlsafe_b64decode(token + b"=" * (-len(token) % 4))
        except (ValueError, binascii.Error):
            return None
        signature, named = signed[:SIGNATURE], signed[SIGNATURE:]
        if not hmac.compare_digest(signature, self._sign(named)):
            return None
        transport, host, port, serial = named.decode().split(" ")
        return Flow(transport, self._local, (host, int(port)), int(serial))

    def _sign(self, named: bytes) -> bytes:
        return hmac.digest(self._key, named, "sha256")[:SIGNATURE]
