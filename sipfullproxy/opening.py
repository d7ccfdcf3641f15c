"""The ports and files of the proxy, opened as the user wants them; what cannot be is told so that he can mend it."""

from __future__ import annotations

import errno
import logging
import os
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from sipfullproxy import state
from sipfullproxy.authority import Authority
from sipfullproxy.banlist import BanList
from sipfullproxy.certificate import OURSELVES, find_authority, for_tls, names_tls
from sipfullproxy.engine.flow import WEBSOCKETS, Local
from sipfullproxy.engine.locating import Found
from sipfullproxy.engine.routing import TLS_PORT
from sipfullproxy.journal.hooks import Hooks
from sipfullproxy.journal.memory import Memory
from sipfullproxy.journal.security import SecurityLog
from sipfullproxy.journal.text import TextJournal
from sipfullproxy.lang import Lang, Words
from sipfullproxy.libraries import missing
from sipfullproxy.settings import Settings, StartError
from sipfullproxy.sip.host import endpoint
from sipfullproxy.staff import Alone, Staff
from sipfullproxy.transport import records, websocket
from sipfullproxy.transport.addresses import is_local, lan_addresses
from sipfullproxy.transport.doors import Doors
from sipfullproxy.transport.origins import Origins
from sipfullproxy.transport.resolver import Resolver
from sipfullproxy.transport.websocket import WS_PORT, WSS_PORT, WebSocket
from sipfullproxy.transport.wire import Wire
from sipfullproxy.values import Listen, NameServer

# How often another port is tried, when any free one will do, until one is free on UDP and on TCP.
ATTEMPTS = 20

# What listens elsewhere than where the user has UDP and TCP, unless he says where.
USUAL_PORTS = {"tls": TLS_PORT, "ws": WS_PORT, "wss": WSS_PORT}

MEGABYTE = 1_000_000

log = logging.getLogger(__name__)


def open_doors(settings: Settings, ca: Authority | None = None) -> Doors:
    """All ports that the user wants; or, where he says nothing, UDP and, if it is to be had, TCP. Raises StartError.

    ca: who makes our certificate, see `certificate.find_authority`.
    """
    named = settings.ip or tuple(port.ip for port in settings.listen if port.ip) or lan_addresses()
    tls = for_tls(settings, ca)
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


def hire(settings: Settings, doors: Doors) -> Staff:
    """As many as the user wants, each with a place at the UDP ports of `doors`. Raises StartError."""
    if settings.workers == 1:
        return Alone()
    if sys.platform != "linux":
        raise StartError(_ONLY_LINUX[settings.lang])
    from sipfullproxy.workers.foreman import Foreman  # only here: one process needs none of it

    try:
        return Foreman(settings.workers, doors.datagrams, settings.lang)
    except OSError as error:
        raise StartError(_NO_WORKERS[settings.lang].format(why=error.strerror)) from None


def open_resolver(settings: Settings, answered: Callable[[int, Found], object]) -> Resolver:
    """Who looks names up. Raises StartError where a server was named that nothing here could ask.

    answered: see `Resolver`.
    """
    server = settings.dns
    try:
        return Resolver(records.fetcher(server if isinstance(server, NameServer) else None), answered)
    except ImportError as error:
        raise StartError(_NO_DNS[settings.lang].format(ip=server[0], missing=error)) from None


def find_ca(settings: Settings) -> tuple[Authority | None, str]:
    """Who makes our certificate; and why nobody does, where the proxy can do without it, or "". Raises StartError."""
    try:
        return find_authority(settings), ""
    except StartError as error:
        if names_tls(settings):
            raise StartError(f"TLS: {error}") from None
        return None, str(error)


def open_state(settings: Settings) -> tuple[bytes, Path | None]:
    """The key that signs flow tokens, and the folder where registrations are kept beside it; None: nowhere, since no
    phone would find us again if a port is not to be the same next time. Where nothing can be kept that is told, and the
    key is a new one."""
    place: Path | str = "~"
    try:
        place = settings.state or state.folder()
        key = state.flow_key(place)
    except (OSError, RuntimeError) as error:  # a full or read-only disk; a user without a home
        why = getattr(error, "strerror", None) or error
        log.warning(_NO_STATE[settings.lang].format(path=place, why=why))
        return os.urandom(state.KEY_SIZE), None
    lasting = 0 not in (settings.port, *(port.port for port in settings.listen))
    return key, place if lasting else None


def open_bans(settings: Settings) -> BanList | None:
    """The list of who is held off; None: nobody is, or there is no place for it."""
    if not settings.holds_off:
        return None
    try:
        return BanList(settings.state or state.folder())
    except RuntimeError:  # a user without a home, who was told so by `open_state`
        return None


def open_memory(settings: Settings, hooks: Hooks) -> Memory:
    """What remembers calls and messages, its files open. Raises StartError where they cannot be."""
    path, lang = settings.journal, settings.lang
    try:
        journal = TextJournal(path, time.time(), lang)
    except OSError as error:
        raise StartError(_JOURNAL_ERROR[lang].format(path=path, why=error.strerror)) from None
    security = None
    if settings.security_log is not None:
        try:
            security = SecurityLog(settings.security_log, lang)
        except OSError as error:
            facts = {"path": settings.security_log, "why": error.strerror}
            raise StartError(_SECURITY_ERROR[lang].format_map(facts)) from None
    return Memory(
        journal, hooks, security, verbose=settings.verbose, lang=lang, keep_days=settings.keep_days,
        keep_bytes=settings.keep_mb * MEGABYTE,
    )  # fmt: skip


def _possible(settings: Settings) -> list[Listen]:
    """The ports that the user lists, but for those whose library is not installed: phones that need none are served all
    the same. Raises StartError where nothing is left."""
    listed = list(settings.listen)
    possible = [port for port in listed if port.transport not in WEBSOCKETS]
    if len(possible) == len(listed):
        return listed
    lacking = missing(websocket.LIBRARY)
    if not lacking:
        websocket.load()
        return listed
    words = _NO_WEBSOCKET[settings.lang].format(missing=", ".join(lacking))
    if not possible:
        raise StartError(words)
    log.warning(words)
    return possible


def _websocket(settings: Settings, named: Sequence[str]) -> Callable[[], Wire]:
    """What makes the wire of each WebSocket. Pages from this machine may open one, and those that the user lists."""
    listed = [port.ip for port in settings.listen if port.ip]
    hosts = [*named, *listed, *lan_addresses(), *settings.domain, *OURSELVES]
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
_JOURNAL_ERROR = Words(
    sk="do denníka {path} sa nedá písať: {why}. Iný súbor: --journal",
    en="the journal {path} cannot be written: {why}. Another file: --journal",
)
_SECURITY_ERROR = Words(
    sk="do {path} sa nedá písať: {why}. Iný súbor: --security-log",
    en="{path} cannot be written: {why}. Another file: --security-log",
)
_ONLY_LINUX = Words(
    sk="viac procesov (--workers) len na Linuxe; inde treba --workers 1",
    en="several processes (--workers) on Linux only; elsewhere: --workers 1",
)
_NO_WORKERS = Words(
    sk="viac procesov (--workers) sa nedá spustiť: {why}", en="several processes (--workers) cannot be started: {why}"
)
_NO_DNS = Words(
    sk="dns = {ip}: chýba {missing}, bez neho sa iného servera DNS spýtať nedá; pip install . v priečinku projektu",
    en="dns = {ip}: {missing} is missing, and no other DNS server can be asked without; pip install . in the project",
)
_NO_STATE = Words(
    sk="v priečinku {path} sa nedá nič uchovať ({why}); hovory neprežijú reštart, registrácie tiež nie",
    en="nothing can be kept in the folder {path} ({why}); calls will not outlive a restart, nor will registrations",
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
