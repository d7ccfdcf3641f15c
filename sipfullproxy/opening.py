"""The ports of the proxy, opened as the user wants them; what cannot be opened is told so that he can mend it."""

from __future__ import annotations

import errno
import logging
import platform
from datetime import UTC, datetime
from pathlib import Path

from sipfullproxy import authority, state
from sipfullproxy.authority import Authority
from sipfullproxy.engine.flow import Local
from sipfullproxy.engine.routing import TLS_PORT
from sipfullproxy.lang import Lang, Words
from sipfullproxy.settings import Listen, Settings
from sipfullproxy.sip.host import endpoint
from sipfullproxy.transport.addresses import is_local, lan_addresses
from sipfullproxy.transport.doors import Doors
from sipfullproxy.transport.tls import Tls

# How often another port is tried, when any free one will do, until one is free on UDP and on TCP.
ATTEMPTS = 20

log = logging.getLogger(__name__)


class StartError(Exception):
    """The proxy cannot start, for a reason that the user can mend. The text is one line in the user's language."""


def open_doors(settings: Settings, ca: Authority | None = None) -> Doors:
    """All ports that the user wants; or, where he says nothing, UDP and, if it is to be had, TCP. Raises StartError.

    ca: who makes our certificate, see `find_authority`.
    """
    named = settings.ip or tuple(port.ip for port in settings.listen if port.ip) or lan_addresses()
    tls = _tls(settings, ca)
    doors = Doors(tls)
    # Besides what is listed; without a certificate there is none, and the user was told why.
    secure = [Listen("tls")] if settings.tls and tls and not names_tls(settings) else []
    try:
        for wanted in (*settings.listen, *(secure if settings.listen else ())):
            _open(doors, settings.lang, wanted.transport, (wanted.ip or named[0], _port(wanted, settings)))
        if settings.listen:
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
    """Whether a port of TLS is listed: then it must be opened, or the proxy does not start."""
    return any(port.transport == "tls" for port in settings.listen)


def _port(wanted: Listen, settings: Settings) -> int:
    """Of a port that is listed; TLS has its own, but for who takes any free one."""
    usual = TLS_PORT if wanted.transport == "tls" and settings.port else settings.port
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
