"""What the user can set: defaults, under a TOML file, under the command line (or the arguments of `Proxy`).

One table of checks (`values.py`) serves all three sources, so a mistake reads the same wherever it was made.
"""

from __future__ import annotations

import reprlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sipfullproxy import values
from sipfullproxy.engine.bans import Network
from sipfullproxy.engine.diversion import Rule
from sipfullproxy.engine.flow import WEBSOCKETS
from sipfullproxy.experiments import Experiments
from sipfullproxy.lang import LANGS, Lang, Words
from sipfullproxy.values import Bad, Dns, Listen, Logins, Mode, NameServer, Redirects


class SettingsError(ValueError):
    """The user set something that cannot be. The text is one line that names the place, in the user's language."""


class StartError(Exception):
    """The proxy cannot start, for a reason that the user can mend. The text is one line in the user's language."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All that the user can set.

    ip: addresses that phones know us by, IPv4 or IPv6, the first above all; (): find one. port: of UDP and TCP, 0 for
    any free one.
    listen: the ports to listen on, in the place of UDP and TCP at `ip` and `port`. tls: whether on TLS, too, with a
    certificate that we make, but for who has one. tls_cert, tls_key: files (PEM) of that one, and of its key. tls_ca:
    of the CAs of phones that show a certificate, and of whom we connect to. ws_origin: whose pages may call by
    WebSocket, beside our own; see `transport.origins`.
    lang: language of what the user reads. phrases: whose reason phrases the proxy writes: of all responses, of its own
    ones, of none. own: the user's phrases by status code. journal: the text journal's file; the database of calls is
    beside it. keep_days, keep_mb: how long calls stay in that database, in days, and how many megabytes it may have.
    verbose: whether every message is shown on stderr. open: whether callers who are not registered may reach our users.
    domain: further names that are ours. redirects: whether the proxy follows a phone's 3xx or passes it to the caller.
    dns: who looks up the names of others: this machine's name servers, one of the user's choice, or nobody.
    users: the file of those who can log in; None: nobody needs a password. login: who must, whoever registers, or
    whoever calls, too. bans: whether addresses that guess passwords, or otherwise misbehave, are held off; None: where
    passwords are wanted. trust: networks that never are. silent: whether strangers get no answer in the place of a
    refusal. security_log: the file where fail2ban reads of attacks; None: nowhere.
    user, group: whom root becomes when the ports are open (not on Windows); None: nobody else, and his usual groups.
    state: folder of what outlives a restart; None: the operating system's usual one. forward: where
    calls go, by the name of the user that they were for. experiments: what goes wrong on purpose. web: whether the page
    is served. web_port: its TCP port, 0 for any free one. web_bind: the address that it listens on, beside the
    loopback; None: `ip`, unless that is a public one. web_password: what guards changes on the page; None: they are
    made from this machine only. workers: how many processes serve the ports together.
    """

    ip: tuple[str, ...] = ()
    port: int = 5060
    listen: tuple[Listen, ...] = ()
    tls: bool = False
    tls_cert: Path | None = None
    tls_key: Path | None = None
    tls_ca: Path | None = None
    ws_origin: tuple[str, ...] = ()
    lang: Lang = "sk"
    phrases: Mode = "all"
    own: Mapping[int, str] = field(default_factory=dict)
    journal: Path = Path("logs/proxy.log")
    keep_days: int = 30
    keep_mb: int = 200
    verbose: bool = False
    open: bool = False
    domain: tuple[str, ...] = ()
    redirects: Redirects = "follow"
    dns: NameServer | Dns = "system"
    users: Path | None = None
    login: Logins = "register"
    bans: bool | None = None
    trust: tuple[Network, ...] = ()
    silent: bool = False
    security_log: Path | None = None
    user: str | None = None
    group: str | None = None
    state: Path | None = None
    forward: Mapping[str, Rule] = field(default_factory=dict)
    experiments: Experiments = field(default_factory=Experiments)
    web: bool = True
    web_port: int = 8080
    web_bind: str | None = None
    web_password: str | None = field(default=None, repr=False)
    workers: int = 1

    @property
    def holds_off(self) -> bool:
        """Whether addresses that misbehave are held off."""
        return self.users is not None if self.bans is None else self.bans


def read(given: Mapping[str, object], file: Path | None = None) -> Settings:
    """Settings from `given` (the keys of the TOML file), over those in the TOML `file`, over the defaults.

    `phrases` may be a mode ("all", "own", "off") or a table of the user's own phrases by status code, which may carry
    the mode under the key `mode`.

    Raises SettingsError: unknown key, wrong type, bad value, or a file that cannot be read.
    """
    lang = _language(given, Settings.lang)
    chosen: dict[str, Any] = {}
    if file is not None:
        table = parse(file, lang)
        lang = _language(given, _language(table, lang))
        chosen.update(_check(table, f"{file}: ", lang))
    chosen.update(_check(given, "", lang))
    if chosen.get("login") == "calls" and chosen.get("users") is None:
        raise SettingsError(f"login = 'calls': {_NO_USERS[lang]}")
    if chosen.get("group") is not None and chosen.get("user") is None:
        raise SettingsError(f"group = {chosen['group']!r}: {_NO_ACCOUNT[lang]}")
    settings = Settings(**chosen)
    if settings.ws_origin and not any(port.transport in WEBSOCKETS for port in settings.listen):
        raise SettingsError(f"ws_origin = {list(settings.ws_origin)}: {_NO_WEBSOCKET[lang]}")
    return settings


def read_rule(user: object, table: Mapping[str, object], lang: Lang) -> Rule:
    """How one user has his calls forwarded, from the keys of a table `[forward.user]`. Raises SettingsError."""
    try:
        return values.rule(values.user(user), table)
    except Bad as bad:
        raise SettingsError(f"forward: {bad.words[lang]}") from None


def read_experiments(table: Mapping[str, object], lang: Lang) -> dict[str, Any]:
    """What shall go wrong on purpose, from keys of the table `[experiments]`: fields of `Experiments`. Raises
    SettingsError."""
    try:
        return values.checked(table, values.EXPERIMENT, "")
    except Bad as bad:
        raise SettingsError(f"experiments: {bad.words[lang]}") from None


def _language(table: Mapping[str, object], default: Lang) -> Lang:
    """In which language to complain about `table`, which may itself say nonsense about that."""
    said = table.get("lang")
    return next((lang for lang in LANGS if lang == said), default)


def parse(file: Path, lang: Lang) -> dict[str, object]:
    """The table in a TOML file. Raises SettingsError where there is none."""
    try:
        # With or without the mark that Windows' editors put at the start.
        return tomllib.loads(file.read_text("utf-8-sig"))
    except OSError as error:
        raise SettingsError(f"{file}: {_UNREADABLE[lang]}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # not TOML, or not UTF-8
        raise SettingsError(f"{file}: {_NOT_TOML[lang]}: {error}") from error


def _check(given: Mapping[str, object], place: str, lang: Lang) -> dict[str, object]:
    checked: dict[str, object] = {}
    for key, value in given.items():
        try:
            if key == "phrases" and isinstance(value, Mapping):
                checked["own"] = values.own_phrases(value)
                if "mode" in value:
                    checked["phrases"] = values.CHECKS["phrases"](value["mode"])
            else:
                checked[key] = values.CHECKS.get(key, values.unknown)(value)
        except Bad as bad:
            secret = key == "web_password"  # what was meant as one must not end up on the screen of a classroom
            shown = key if secret or isinstance(value, Mapping) else f"{key} = {reprlib.repr(value)}"
            raise SettingsError(f"{place}{shown}: {bad.words[lang]}") from None
    return checked


_UNREADABLE = Words(sk="súbor sa nedá prečítať", en="cannot read the file")

_NO_USERS = Words(sk="treba aj súbor používateľov, users", en="needs a file of users, too: users")

_NO_WEBSOCKET = Words(
    sk="treba aj WebSocket, napríklad --listen ws:8088", en="needs a WebSocket, too, such as --listen ws:8088"
)
_NO_ACCOUNT = Words(sk="treba aj používateľa, user", en="needs a user, too: user")

_NOT_TOML = Words(sk="nie je to platný súbor TOML", en="not a valid TOML file")
