"""The ports of the proxy, opened as the user wants them; what cannot be opened is told so that he can mend it."""

from __future__ import annotations

import errno
import logging

from sipfullproxy.engine.flow import Local
from sipfullproxy.engine.routing import TLS_PORT
from sipfullproxy.lang import Lang, Words
from sipfullproxy.settings import Settings
from sipfullproxy.transport.addresses import is_local, lan_addresses
from sipfullproxy.transport.doors import Doors
from sipfullproxy.transport.tls import Tls

# How often another port is tried, when any free one will do, until one is free on UDP and on TCP.
ATTEMPTS = 20

log = logging.getLogger(__name__)


class StartError(Exception):
    """The proxy cannot start, for a reason that the user can mend. The text is one line in the user's language."""


def open_doors(settings: Settings) -> Doors:
    """All ports that the user wants; or, where he says nothing, UDP and, if it is to be had, TCP. Raises StartError."""
    ip = settings.ip or next((port.ip for port in settings.listen if port.ip), None) or lan_addresses()[0]
    doors = Doors(_tls(settings))
    try:
        if settings.listen:
            for wanted in settings.listen:
                usual = TLS_PORT if wanted.transport == "tls" else settings.port
                port = usual if wanted.port is None else wanted.port
                _open(doors, settings.lang, wanted.transport, (wanted.ip or ip, port))
            return doors
        for attempt in range(ATTEMPTS):
            _, address = _open(doors, settings.lang, "udp", (ip, settings.port))
            try:
                doors.open("tcp", address)
                break
            except OSError as error:
                if settings.port or attempt == ATTEMPTS - 1:
                    log.warning(_NO_TCP[settings.lang].format(ip=ip, port=address[1], why=error.strerror))
                    break
            doors.close()  # the next free port of UDP may be free on TCP, too
            doors = Doors()
    except BaseException:
        doors.close()
        raise
    return doors


def _tls(settings: Settings) -> Tls | None:
    """The certificate, where a port wants one."""
    if not any(port.transport == "tls" for port in settings.listen):
        return None
    if settings.tls_cert is None or settings.tls_key is None:
        raise StartError(_NO_CERTIFICATE[settings.lang])
    try:
        return Tls(settings.tls_cert, settings.tls_key, settings.tls_ca)
    except OSError as error:
        words = _BAD_CERTIFICATE[settings.lang]
        raise StartError(words.format(path=settings.tls_cert, key=settings.tls_key, why=error)) from None


def _open(doors: Doors, lang: Lang, transport: str, address: tuple[str, int]) -> Local:
    ip, port = address
    try:
        return doors.open(transport, address)
    except OSError as error:
        words = _DOOR_ERRORS.get(error.errno or 0, _OTHER_DOOR_ERROR) if is_local(ip) else _NOT_OUR_ADDRESS
        facts = {"ip": ip, "port": port, "transport": transport.upper(), "ours": ", ".join(lan_addresses())}
        raise StartError(words[lang].format_map({**facts, "why": error.strerror})) from None


_DOOR_ERRORS = {
    errno.EADDRINUSE: Words(
        sk="{ip}:{port} ({transport}) je obsadené: beží tu už iný SIP program? Iný port: --port",
        en="{ip}:{port} ({transport}) is taken: does another SIP program run here? Another port: --port",
    ),
    errno.EACCES: Words(
        sk="{ip}:{port} ({transport}) systém nedovolil otvoriť: {why}. Iný port: --port",
        en="{ip}:{port} ({transport}) may not be opened: {why}. Another port: --port",
    ),
}
_NO_CERTIFICATE = Words(
    sk="pre TLS treba certifikát a kľúč: --tls-cert a --tls-key",
    en="TLS needs a certificate and its key: --tls-cert and --tls-key",
)
_BAD_CERTIFICATE = Words(
    sk="certifikát {path} s kľúčom {key} sa nedá použiť: {why}",
    en="the certificate {path} with the key {key} cannot be used: {why}",
)
_NO_TCP = Words(
    sk="TCP na {ip}:{port} nebude, len UDP: {why}",
    en="no TCP at {ip}:{port}, only UDP: {why}",
)
_NOT_OUR_ADDRESS = Words(
    sk="{ip} nie je adresa tohto počítača; má {ours}",
    en="{ip} is no address of this machine; it has {ours}",
)
_OTHER_DOOR_ERROR = Words(
    sk="{ip}:{port} ({transport}) sa nedá otvoriť: {why}",
    en="{ip}:{port} ({transport}) cannot be opened: {why}",
)
