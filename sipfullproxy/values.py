"""What a value of the settings may be: a check for each key, which returns the value as the program has it."""

from __future__ import annotations

import ipaddress
import re
import reprlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from sipfullproxy.engine.bans import Network
from sipfullproxy.engine.diversion import LONGEST_AFTER, Rule, address
from sipfullproxy.experiments import LONGEST_DELAY, Experiments
from sipfullproxy.lang import LANGS, Words
from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.uri import parse_uri
from sipfullproxy.transport.origins import ANY, parse_origin

Mode = Literal["all", "own", "off"]
Redirects = Literal["follow", "pass"]
Logins = Literal["register", "calls"]
Dns = Literal["system", "off"]

# A phrase must leave room for the rest of its response in one datagram, and fit on a phone's display anyway.
LONGEST_PHRASE = 200

# Where a DNS server listens (RFC 1035 §4.2).
DNS_PORT = 53

# A password comes with each change, in one header of a request; nobody types a longer one.
LONGEST_PASSWORD = 200

# What can be listened on.
TRANSPORTS = ("udp", "tcp", "tls", "ws", "wss")

# A database of calls that is smaller than the log that is written ahead of it would keep hardly a call.
LEAST_MB = 10

# Beyond these it is no journal any more; ten years, and what a file of SQLite can be searched in while somebody waits.
MOST_DAYS = 3_650
MOST_MB = 10_000

# Processes: beyond that the first one, which has the journal, is the limit by far (docs/performance.md).
MOST_WORKERS = 64


class NameServer(NamedTuple):
    """Who is asked for names."""

    ip: str
    port: int


class Listen(NamedTuple):
    """A port to listen on. transport: one of TRANSPORTS. ip, port: None, the first one that is set for all."""

    transport: str
    ip: str | None = None
    port: int | None = None


class Bad(Exception):
    """A value that cannot be; whoever knows the place and the language makes a SettingsError of it."""

    def __init__(self, sk: str, en: str) -> None:
        super().__init__(en)
        self.words = Words(sk=sk, en=en)

    def inside(self, place: str) -> Bad:
        """The same, said of a place within the value."""
        return Bad(**{lang: f"{place}: {words}" for lang, words in self.words.items()})


# RFC 1123 §2.1: labels of letters, digits and inner hyphens; the whole is no longer than a name in the DNS may be.
_DOMAIN = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")


def _ips(value: object) -> tuple[str, ...]:
    found = tuple(map(_ip, value)) if isinstance(value, list | tuple) else (_ip(value),)
    if not found or len(set(found)) < len(found):
        raise Bad(sk="treba aspoň jednu adresu, každú raz", en="must be one address at least, each of them once")
    return found


def _ip(value: object) -> str:
    address = _address(value)
    # 0.0.0.0 is where one listens, not where phones can be told to send; it would end up in Via and Record-Route.
    if address is None or address.is_unspecified or address.is_multicast:
        raise Bad(
            sk="treba adresu tohto počítača, napríklad 192.168.1.10 alebo fd00::10",
            en="must be an address of this machine, for example 192.168.1.10 or fd00::10",
        )
    if address.version == 6 and address.is_link_local != bool(address.scope_id):
        raise Bad(
            sk="za adresou fe80::… (a len za takou) treba sieťovú kartu, napríklad fe80::10%eth0",
            en="an address fe80::… (and no other) needs its network interface, for example fe80::10%eth0",
        )
    return str(address)


def _bind(value: object) -> str:
    address = _address(value)
    if address is None or address.is_multicast:
        raise Bad(
            sk="treba adresu tohto počítača, alebo 0.0.0.0 pre všetky (s IPv6: ::)",
            en="must be an address of this machine, or 0.0.0.0 for all of them (with IPv6: ::)",
        )
    return str(address)


def _address(value: object) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """A numeric address that one machine may have; IPv6 in brackets, too, as in a URI."""
    if not isinstance(value, str):
        return None
    try:
        address = ipaddress.ip_address(value.removeprefix("[").removesuffix("]") if ":" in value else value)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        return address.ipv4_mapped or address
    return None if address.is_reserved else address


def _password(value: object) -> str:
    if not isinstance(value, str) or not value.isprintable() or not 0 < len(value) <= LONGEST_PASSWORD:
        raise Bad(
            sk=f"treba jeden riadok textu, nanajvýš {LONGEST_PASSWORD} znakov",
            en=f"must be one line of text, at most {LONGEST_PASSWORD} characters",
        )
    return value


def _listen(value: object) -> tuple[Listen, ...]:
    ports = value if isinstance(value, list | tuple) else [None]
    found = tuple(_port_of(port) for port in ports)
    if not found or len(set(found)) < len(found):
        raise _bad_listen(value)
    return found


def _port_of(value: object) -> Listen:
    match = _LISTEN.fullmatch(value) if isinstance(value, str) else None
    if match is None or not 0 <= int(match["port"] or 0) < 65536:
        raise _bad_listen(value)
    ip = None if match["ip"] is None else _ip(match["ip"])
    return Listen(match["transport"], ip, None if match["port"] is None else int(match["port"]))


_LISTEN = re.compile(
    rf"(?P<transport>{'|'.join(TRANSPORTS)})(?::(?P<ip>[0-9]+(?:\.[0-9]+){{3}}|\[[^\[\]]+\]))?(?::(?P<port>[0-9]{{1,5}}))?"
)


def _bad_listen(value: object) -> Bad:
    names = ", ".join(TRANSPORTS)
    return Bad(
        sk=f"{value!r}: treba prenos ({names}), adresu a port, napríklad tcp:192.168.1.10:5060, každý raz",
        en=f"{value!r}: must be a transport ({names}), an address and a port, such as tcp:192.168.1.10:5060, each once",
    )


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise Bad(sk="treba true alebo false", en="must be true or false")
    return value


def _path(value: object) -> Path:
    try:
        if isinstance(value, str | Path) and str(value) and "\0" not in str(value):
            return Path(value).expanduser()
    except RuntimeError:  # `~` of somebody who is not known here
        pass
    raise Bad(sk="treba cestu", en="must be a path")


def _domain(value: object) -> tuple[str, ...]:
    names = value if isinstance(value, list | tuple) else [None]
    domains = tuple(name.lower().removesuffix(".") for name in names if isinstance(name, str))
    if len(domains) != len(names) or not all(map(_DOMAIN.fullmatch, domains)):
        raise Bad(
            sk='treba zoznam doménových mien, napríklad ["lab.sk"]',
            en='must be a list of domain names, for example ["lab.sk"]',
        )
    return domains


def _networks(value: object) -> tuple[Network, ...]:
    names = value if isinstance(value, list | tuple) else [None]
    try:
        return tuple(ipaddress.ip_network(name if isinstance(name, str) else "") for name in names)
    except ValueError:
        raise Bad(
            sk='treba zoznam adries alebo sietí, napríklad ["192.168.1.0/24"]',
            en='must be a list of addresses or networks, for example ["192.168.1.0/24"]',
        ) from None


def _origins(value: object) -> tuple[str, ...]:
    given = value if isinstance(value, list | tuple) else [None]
    origins = tuple(origin for origin in map(_origin, given) if origin is not None)
    if len(origins) < len(given):
        raise Bad(
            sk='treba zoznam pôvodov stránok, napríklad ["https://lab.sk"], "null" pre súbory, "*" pre všetky',
            en='must be a list of origins of pages, such as ["https://lab.sk"], "null" for files, "*" for all',
        )
    return origins


def _origin(value: object) -> str | None:
    if value == ANY:
        return ANY
    return parse_origin(value.removesuffix("/")) if isinstance(value, str) else None


def _dns(value: object) -> NameServer | str:
    if value in get_args(Dns):
        return str(value)
    match = _SERVER.fullmatch(value) if isinstance(value, str) else None
    whole = _address(value) if match is None else _address(match["ip"])
    port = int(match["port"] or DNS_PORT) if match else DNS_PORT
    if whole is None or whole.is_unspecified or whole.is_multicast or not 0 < port < 65536:
        raise Bad(
            sk="treba system, off, alebo adresu servera DNS, napríklad 192.168.1.1 alebo 127.0.0.1:5353",
            en="must be system, off, or the address of a DNS server, such as 192.168.1.1 or 127.0.0.1:5353",
        )
    return NameServer(str(whole), port)


_SERVER = re.compile(r"(?P<ip>[0-9]+(?:\.[0-9]+){3}|\[[^\[\]]+\])(?::(?P<port>[0-9]{1,5}))?")


def own_phrases(table: Mapping[object, object]) -> dict[int, str]:
    """The table of the user's own phrases, by status code. Raises Bad."""
    return {_status(code): _phrase(code, phrase) for code, phrase in table.items() if code != "mode"}


def _status(code: object) -> int:
    if not re.fullmatch("[1-6][0-9][0-9]", str(code)):
        raise Bad(
            sk=f"{code!r}: treba stavový kód od 100 do 699", en=f"{code!r}: must be a status code from 100 to 699"
        )
    return int(str(code))


def _phrase(code: object, phrase: object) -> str:
    # A line break in a phrase would let it write headers; other control characters break displays.
    if not isinstance(phrase, str) or not phrase.isprintable() or not 0 < len(phrase) <= LONGEST_PHRASE:
        raise Bad(
            sk=f"{code} = {reprlib.repr(phrase)}: treba jeden riadok textu, nanajvýš {LONGEST_PHRASE} znakov",
            en=f"{code} = {reprlib.repr(phrase)}: must be one line of text, at most {LONGEST_PHRASE} characters",
        )
    return phrase


def _forward(value: object) -> dict[str, Rule]:
    tables = value if isinstance(value, Mapping) else {}
    if tables is not value or not all(isinstance(table, Mapping) for table in tables.values()):
        raise Bad(
            sk='treba tabuľky, napríklad [forward.bob] a v nej busy = "carol"',
            en='must be tables, for example [forward.bob] with busy = "carol"',
        )
    return {user(name): rule(name, table) for name, table in tables.items()}


def user(name: object) -> str:
    """The name of a user, as it stands in a SIP URI. Raises Bad."""
    if not _is_target(name) or ":" in str(name) or not str(name).isprintable():
        raise Bad(sk=f"{name!r}: treba meno používateľa, napríklad bob", en=f"{name!r}: must be a user, such as bob")
    return str(name)


def rule(user: str, table: Mapping[str, object]) -> Rule:
    """How the calls of a user are forwarded. Raises Bad."""
    return Rule(**checked(table, RULE, f"{user}."))


def checked(
    table: Mapping[str, object], checks: Mapping[str, Callable[[object], object]], place: str
) -> dict[str, Any]:
    """The values of a table within the settings. place: what stands before its keys in a complaint. Raises Bad."""
    found: dict[str, Any] = {}
    for key, value in table.items():
        try:
            found[key] = checks.get(key, unknown)(value)
        except Bad as bad:
            raise bad.inside(f"{place}{key} = {reprlib.repr(value)}") from None
    return found


def _experiments(value: object) -> Experiments:
    if not isinstance(value, Mapping):
        raise Bad(
            sk="treba tabuľku, napríklad [experiments] a v nej drop = 20",
            en="must be a table, for example [experiments] with drop = 20",
        )
    return Experiments(**checked(value, EXPERIMENT, ""))


def unknown(value: object) -> object:
    """The check of a key that there is not. Raises Bad, always."""
    raise Bad(sk="taký kľúč nepoznám", en="no such key")


def _target(value: object) -> str:
    if not _is_target(value):
        raise Bad(
            sk='treba meno alebo adresu SIP, napríklad "carol" alebo "sip:carol@192.168.1.9"',
            en='must be a user or a SIP address, for example "carol" or "sip:carol@192.168.1.9"',
        )
    return str(value)


def _is_target(value: object) -> bool:
    """Whether calls can be sent there: the name of a user as it stands in a SIP URI, or a whole one."""
    try:
        uri = address(value, _ANYWHERE) if isinstance(value, str) else None
    except (SipError, UnicodeError):
        return False
    return uri is not None and uri.scheme == b"sip" and bool(uri.user)


_ANYWHERE = parse_uri(b"sip:localhost")


def _account(value: object) -> str:
    if not isinstance(value, str) or not value or not value.isprintable():
        raise Bad(sk="treba meno, ktoré pozná tento systém", en="must be a name that this system knows")
    return value


def _number(least: int, most: int, unit: Words | None = None) -> Callable[[object], int]:
    of = Words(sk="", en="") if unit is None else Words(sk=f" ({unit['sk']})", en=f" ({unit['en']})")

    def check(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise Bad(
                sk=f"treba celé číslo od {least} do {most}{of['sk']}",
                en=f"must be a whole number from {least} to {most}{of['en']}",
            )
        return value

    return check


def _one_of(choices: tuple[str, ...]) -> Callable[[object], str]:
    def check(value: object) -> str:
        if not isinstance(value, str) or value not in choices:
            raise Bad(sk=f"treba jedno z: {', '.join(choices)}", en=f"must be one of: {', '.join(choices)}")
        return value

    return check


CHECKS: Mapping[str, Callable[[object], object]] = {
    "ip": _ips,
    "port": _number(0, 65535),
    "listen": _listen,
    "tls": _flag,
    "tls_cert": _path,
    "tls_key": _path,
    "tls_ca": _path,
    "ws_origin": _origins,
    "lang": _one_of(LANGS),
    "phrases": _one_of(get_args(Mode)),
    "journal": _path,
    "keep_days": _number(1, MOST_DAYS),
    "keep_mb": _number(LEAST_MB, MOST_MB),
    "verbose": _flag,
    "open": _flag,
    "domain": _domain,
    "dns": _dns,
    "redirects": _one_of(get_args(Redirects)),
    "users": _path,
    "login": _one_of(get_args(Logins)),
    "bans": _flag,
    "trust": _networks,
    "silent": _flag,
    "security_log": _path,
    "user": _account,
    "group": _account,
    "state": _path,
    "forward": _forward,
    "experiments": _experiments,
    "web": _flag,
    "web_port": _number(0, 65535),
    "web_bind": _bind,
    "web_password": _password,
    "workers": _number(1, MOST_WORKERS),
}
"""By key."""

RULE: Mapping[str, Callable[[object], object]] = {
    "always": _target,
    "busy": _target,
    "no_answer": _target,
    "not_registered": _target,
    "after": _number(1, LONGEST_AFTER, Words(sk="sekúnd", en="seconds")),
}

EXPERIMENT: Mapping[str, Callable[[object], object]] = {
    "drop": _number(0, 100, Words(sk="percent", en="percent")),
    "delay": _number(0, LONGEST_DELAY, Words(sk="milisekúnd", en="milliseconds")),
    "stateless": _flag,
    "record_route": _flag,
    "fork": _flag,
}
"""Those of the tables within: `[forward.user]`, and `[experiments]`."""
