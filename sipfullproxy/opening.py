"""The ports of the proxy, opened as the user wants them; what cannot be opened is told so that he can mend it."""

from __future__ import annotations

import errno
import logging
import platform
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from sipfullproxy import authority, state
from sipfullproxy.authority import Authority
from sipfullproxy.engine.flow import WEBSOCKETS, Local
from sipfullproxy.engine.routing import TLS_PORT
from sipfullproxy.lang import Lang, Words
from sipfullproxy.settings import Listen, Settings
from sipfullproxy.sip.host import endpoint
from sipfullproxy.transport import websocket
from sipfullproxy.transport.addresses import is_local, lan_addresses
from sipfullproxy.transport.doors import Doors
from sipfullproxy.transport.origins import Origins
from sipfullproxy.transport.tls import Tls
from sipfullproxy.transport.websocket import WS_PORT, WSS_PORT, WebSocket
from sipfullproxy.transport.wire import Wire

# How often another port is tried, when any free one will do, until one is free on UDP and on TCP.
ATTEMPTS = 20

# What listens elsewhere than where the user has UDP and TCP, unless he says where.
USUAL_PORTS = {"tls": TLS_PORT, "ws": WS_PORT, "wss": WSS_PORT}

# What listens elsewhere than where the user has UDP and TCP, unless he says where.
USUAL_PORTS = {"tls": TLS_PORT, "ws": WS_PORT, "wss": WSS_PORT}

# What this machine calls itself in a browser.
OURSELVES = ("127.0.0.1", "::1", "localhost")

log = logging.getLogger(__name__)


class StartError(Exception):
    """The proxy cannot start, for a reason that the user can mend. The text is one line in the user's language."""


def open_doors(settings: Settings, ca: Authority | None = None) -> Doors:
    """All ports that the user wants; or, where he says nothing, UDP and, if it is to be had, TCP. Raises StartError.

    ca: who makes our certificate, see `find_authority`.
    """
    named = settings.ip or tuple(port.ip for port in settings.listen if port.ip) or lan_addresses()
    tls = _tls(settings, ca)
    listed = _possible(settings)
    doors = Doors(tls, _websocket(settings, named))
    # Besides what is listed; without a certificate there is none, and the user was told why.
    secure = [Listen("tls")] if settings.tls and tls and not any(one.transport == "tls" for one in listed) else []
    try:
        for wanted in (*listed, *(secure if listed else ())):
            _open(doors, settings.lang, wanted.transport, (wanted.ip or named[0], _port(wanted, settings)))
        if listed:
            return doors
        for ip in settings.ip or named[:1]:
            _open_both(doors, settings, ip)
            for wanted in secure:
                _open(doors, settings.lang, wanted.transport, (ip, _port(wanted, settings)))
    except BaseException:
        doors.close()
        raise
    return doors


def _open_both(doors: Doors, settings: Settings, ip: str) -> None:
    """UDP and TCP on one port; UDP alone, where the other is taken."""
    for attempt in range(ATTEMPTS):
        _, (_, port) = local = _open(doors, settings.lang, "udp", (ip, settings.port))
        try:
            doors.open("tcp", (ip, port))
            return
        except OSError as error:
            if settings.port or attempt == ATTEMPTS - 1:
                log.warning(_NO_TCP[settings.lang].format(at=endpoint(ip, port), why=error.strerror))
                return
        doors.shut(local)  # the next free port of UDP may be free on TCP, too


def find_authority(settings: Settings) -> Authority | None:
    """Who makes our certificate; None where none is wanted, or the user has one. Raises StartError where one is wanted
    and cannot be had: calls need none, so that is an end only for who names a port of TLS."""
    if not settings.tls or settings.tls_cert or settings.tls_key:
        return None
    if authority.is_missing():
        raise StartError(_NO_LIBRARY[settings.lang].format(missing=authority.LIBRARY))
    try:
        place = settings.state or state.folder()
        found = Authority(place, datetime.now(UTC), platform.node())
    except (OSError, RuntimeError) as error:
        why = getattr(error, "strerror", None) or error
        raise StartError(_NO_PLACE[settings.lang].format(path=settings.state or "~", why=why)) from None
    if found.replaced:
        log.warning(_REPLACED[settings.lang].format(path=found.file))
    return found


def certify(settings: Settings, ca: Authority) -> Path:
    """The file with our certificate and its key, as `ca` makes it for all the names that we have now. Raises OSError
    where it cannot be kept."""
    listed = [*settings.ip, *(port.ip for port in settings.listen if port.ip)]
    names = [*listed, *lan_addresses(), *settings.domain, *_OURSELVES]
    return ca.certify(names, datetime.now(UTC))


# What this machine calls itself.
_OURSELVES = ("127.0.0.1", "::1", "localhost")


def _tls(settings: Settings, ca: Authority | None) -> Tls | None:
    """The certificate, where a port wants one."""
    if not settings.tls and not names_tls(settings):
        return None
    cert, key = settings.tls_cert, settings.tls_key
    try:
        if ca is not None:
            cert = key = certify(settings, ca)
        elif cert is None and key is None and not names_tls(settings):
            return None
        if cert is None or key is None:
            raise StartError(_NO_CERTIFICATE[settings.lang])
        return Tls(cert, key, settings.tls_ca)
    except OSError as error:
        flaw = next((words[settings.lang] for part, words in _FLAWS.items() if part in str(error)), str(error))
        raise StartError(_BAD_CERTIFICATE[settings.lang].format(path=cert, key=key, why=flaw)) from None


def names_tls(settings: Settings) -> bool:
    """Whether a port with TLS is listed: then it must be opened, or the proxy does not start."""
    return any(port.transport in ("tls", "wss") for port in settings.listen)


def _possible(settings: Settings) -> list[Listen]:
    """The ports that the user lists, but for those whose library is not installed: phones that need none are served all
    the same. Raises StartError where nothing is left."""
    listed = list(settings.listen)
    possible = [port for port in listed if port.transport not in WEBSOCKETS]
    if len(possible) == len(listed) or websocket.load():
        return listed
    words = _NO_WEBSOCKET[settings.lang].format(missing=websocket.LIBRARY)
    if not possible:
        raise StartError(words)
    log.warning(words)
    return possible


def _websocket(settings: Settings, named: Sequence[str]) -> Callable[[], Wire]:
    """What makes the wire of each WebSocket. Pages from this machine may open one, and those that the user lists."""
    listed = [port.ip for port in settings.listen if port.ip]
    hosts = [*named, *listed, *lan_addresses(), *settings.domain, *_OURSELVES]
    return partial(WebSocket, Origins(hosts, settings.ws_origin))


def _port(wanted: Listen, settings: Settings) -> int:
    """Of a port that is listed; TLS and WebSockets have their own, but for who takes any free one."""
    usual = USUAL_PORTS.get(wanted.transport, settings.port) if settings.port else 0
    return usual if wanted.port is None else wanted.port


def _open(doors: Doors, lang: Lang, transport: str, address: tuple[str, int]) -> Local:
    ip, port = address
    try:
        return doors.open(transport, address)
    except OSError as error:
        words = _DOOR_ERRORS.get(error.errno or 0, _OTHER_DOOR_ERROR) if is_local(ip) else _NOT_OUR_ADDRESS
        facts = {"ip": ip, "at": endpoint(ip, port), "transport": transport.upper(), "ours": ", ".join(lan_addresses())}
        raise StartError(words[lang].format_map({**facts, "why": error.strerror})) from None


_DOOR_ERRORS = {
    errno.EADDRINUSE: Words(
        sk="{at} ({transport}) je obsadené: beží tu už iný SIP program? Iný port: --port",
        en="{at} ({transport}) is taken: does another SIP program run here? Another port: --port",
    ),
    errno.EACCES: Words(
        sk="{at} ({transport}) systém nedovolil otvoriť: {why}. Iný port: --port",
        en="{at} ({transport}) may not be opened: {why}. Another port: --port",
    ),
}
_NO_CERTIFICATE = Words(
    sk="pre TLS treba certifikát: --tls ho vyrobí, alebo vlastný: --tls-cert a --tls-key",
    en="TLS needs a certificate: --tls makes one, or yours: --tls-cert and --tls-key",
)
# What is most often wrong, by a part of OpenSSL's words for it.
_FLAWS = {
    "KEY_VALUES_MISMATCH": Words(sk="kľúč patrí k inému certifikátu", en="the key belongs to another certificate"),
    "PEM lib": Words(sk="jeden z nich nie je v tvare PEM", en="one of them is not PEM"),
    "has a password": Words(
        sk="kľúč má heslo; bez hesla: openssl pkey -in KĽÚČ -out NOVÝ",
        en="the key has a password; to have it without: openssl pkey -in KEY -out NEW",
    ),
    "has expired": Words(sk="už neplatí", en="its time is over"),
    "not yet valid": Words(sk="ešte neplatí", en="its time has not come yet"),
    "certificate purpose": Words(sk="nie je pre servery", en="it is not for servers"),
}
_NO_LIBRARY = Words(
    sk="vypnuté, chýba {missing}; zapne ho: pip install . v priečinku projektu (alebo make run)",
    en="off, {missing} missing; to have it: pip install . in the folder of the project (or make run)",
)
_NO_PLACE = Words(
    sk="vypnuté, v priečinku {path} sa nedá nič uchovať: {why}; vlastný certifikát: --tls-cert a --tls-key",
    en="off, nothing can be kept in the folder {path}: {why}; a certificate of yours: --tls-cert and --tls-key",
)
_REPLACED = Words(
    sk="certifikačná autorita (CA) je nová, stará už neplatí alebo je poškodená; do telefónov treba dať {path}",
    en="the certificate authority (CA) is new, the old one is over or damaged; phones must be given {path}",
)
_BAD_CERTIFICATE = Words(
    sk="certifikát {path} s kľúčom {key} sa nedá použiť: {why}",
    en="the certificate {path} with the key {key} cannot be used: {why}",
)
_NO_WEBSOCKET = Words(
    sk="WebSocket je vypnutý, chýba {missing}; zapne ho: pip install . v priečinku projektu (alebo make run)",
    en="WebSocket is off, {missing} missing; to have it: pip install . in the folder of the project (or make run)",
)
_NO_WEBSOCKET = Words(
    sk="WebSocket je vypnutý, chýba {missing}; zapne ho: pip install . v priečinku projektu (alebo make run)",
    en="WebSocket is off, {missing} missing; to have it: pip install . in the folder of the project (or make run)",
)
_NO_TCP = Words(
    sk="TCP na {at} nebude, len UDP: {why}",
    en="no TCP at {at}, only UDP: {why}",
)
_NOT_OUR_ADDRESS = Words(
    sk="{ip} nie je adresa tohto počítača; má {ours}",
    en="{ip} is no address of this machine; it has {ours}",
)
_OTHER_DOOR_ERROR = Words(
    sk="{at} ({transport}) sa nedá otvoriť: {why}",
    en="{at} ({transport}) cannot be opened: {why}",
)
