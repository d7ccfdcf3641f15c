"""TLS around a connection (RFC 3261 §26.2, RFC 5246 and later): the certificate, and handshakes that never block."""

from __future__ import annotations

import logging
import selectors
import socket
import ssl
from pathlib import Path
from typing import Any

from sipfullproxy.engine.flow import Flow
from sipfullproxy.transport.connection import CHUNK, Connection, OverError
from sipfullproxy.transport.wire import Wire

BROKEN = (OSError, RuntimeError)
"""What is raised when a connection breaks: PyPy 7.3.19 has a RuntimeError where OpenSSL has no words for it."""

log = logging.getLogger(__name__)


class Tls:
    """Our certificate, from its files; read again when they change, so that a new one needs no restart.

    cert: the certificate, and those that lead to its CA behind it. key: its private key. ca: the CAs that we believe,
    beside the system's in whom we connect to. A phone may show a certificate of theirs; whoever shows none is served
    all the same. All in PEM.

    Raises OSError (`ssl.SSLError` is one) where they cannot be used.
    """

    def __init__(self, cert: Path, key: Path, ca: Path | None = None) -> None:
        self._cert, self._key, self._ca = cert, key, ca
        self._seen = self._times()
        self._server, self._client = self._read()

    def connection(
        self, line: socket.socket, flow: Flow, now: float, wire: Wire, *, accepted: bool, name: str = ""
    ) -> Connection:
        """A connection with TLS, whose handshake is still to come. name: see `Flow`."""
        return TlsConnection(line, flow, now, wire, self.contexts()[0 if accepted else 1], accepted=accepted, name=name)

    def contexts(self) -> tuple[ssl.SSLContext, ssl.SSLContext]:
        """For a phone that connects now, and for a connection of ours."""
        times = self._times()
        if times != self._seen:
            self._seen = times  # what is wrong with them is told once
            try:
                self._server, self._client = self._read()
            except OSError as error:
                log.warning("the new certificate cannot be used, the old one still is: %s", error)
        return self._server, self._client

    def _times(self) -> list[int | None]:
        return [_time(file) for file in (self._cert, self._key, self._ca) if file is not None]

    def _read(self) -> tuple[ssl.SSLContext, ssl.SSLContext]:
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        # RFC 5922 §7.2: whom we connect to shows a certificate for what we wanted to reach; this context insists.
        client = ssl.create_default_context()
        for context in (server, client):
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            # It costs the one who asks nothing, and us a handshake; OpenSSL 3 refuses it anyway.
            context.options |= ssl.OP_NO_RENEGOTIATION
            for file in (self._cert, self._key):
                file.open("rb").close()  # who cannot be read is told of in the system's words: PyPy's ssl has none
            context.load_cert_chain(self._cert, self._key, password=_no_password)
            if self._ca is not None:
                context.load_verify_locations(self._ca)
        if self._ca is not None:
            server.verify_mode = ssl.CERT_OPTIONAL
        _try(self._cert, server)
        return server, client


def _time(file: Path) -> int | None:
    """When it was written last; None where it is not there, or may not be seen."""
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return None


def _try(cert: Path, server: ssl.SSLContext) -> None:
    """Shake hands with ourselves, in memory: a certificate that is over, or is not for servers, no phone would take.

    Its authority is not asked for. Raises ssl.SSLError.
    """
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.load_verify_locations(cert)
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = client.wrap_bio(back, there), server.wrap_bio(there, back, server_side=True)
    for end in ends * 2:  # in TLS 1.2 it goes there and back twice
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLCertVerificationError as error:
            raise ssl.SSLError(ssl.SSL_ERROR_SSL, error.verify_message) from None


def _domains(line: ssl.SSLSocket) -> list[str]:
    """The domains that the other end's certificate names, as they stand there: OpenSSL has checked them, but takes
    "*.example.com" for sip.example.com as the Web does, which SIP must not (RFC 5922 §7.2)."""
    names: Any = (line.getpeercert() or {}).get("subjectAltName", ())
    return [name.lower() for kind, name in names if kind == "DNS"]


def _no_password() -> str:
    """Without it OpenSSL would ask at the terminal."""
    raise ssl.SSLError(ssl.SSL_ERROR_SSL, "the key has a password")


class TlsConnection(Connection):
    """A connection that is not connected before its handshake is over."""

    __slots__ = ("_accepted", "_context", "_secure", "_step")

    def __init__(
        self, line: socket.socket, flow: Flow, now: float, wire: Wire, context: ssl.SSLContext, *,
        accepted: bool, name: str = "",
    ) -> None:  # fmt: skip
        super().__init__(line, flow, now, wire, connected=False, name=name)
        self._context = context
        self._accepted = accepted
        self._secure: ssl.SSLSocket | None = None
        # What the next step of the handshake waits for; a connection of ours must come about before it.
        self._step = selectors.EVENT_READ if accepted else selectors.EVENT_WRITE

    @property
    def wanted(self) -> int:
        """What to wait for: the events of `selectors`."""
        return super().wanted if self.connected else self._step

    def _arrive(self, now: float) -> None:
        if self._secure is None:
            self._check()
        try:
            if self._secure is None:
                host = None if self._accepted else self.name or self.flow.remote[0]
                self._line = self._secure = self._context.wrap_socket(
                    self._line, server_side=self._accepted, do_handshake_on_connect=False, server_hostname=host
                )
            self._secure.do_handshake()
        except ssl.SSLWantReadError:
            self._step = selectors.EVENT_READ
        except ssl.SSLWantWriteError:
            self._step = selectors.EVENT_WRITE
        except BROKEN as error:
            raise OverError(str(error)) from error
        else:
            if self.name and self.name not in _domains(self._secure):
                raise OverError("only a wildcard of the certificate fits the domain")
            self._connect(now)
            if self._accepted:
                self._begun = now  # a first message is still awaited

    def _take(self) -> bytes | None:
        assert self._secure is not None
        try:
            data = self._secure.recv(CHUNK)
            # What was decrypted already would not wake the selector.
            while data and self._secure.pending():
                data += self._secure.recv(CHUNK)
            return data
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None
        except BROKEN as error:
            raise OverError(str(error)) from error

    def _give(self, data: memoryview) -> int:
        assert self._secure is not None
        try:
            return self._secure.send(data)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return 0
        except BROKEN as error:
            raise OverError(str(error)) from error
