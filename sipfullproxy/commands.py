"""The commands beside the proxy: what it has remembered, who can log in, who is held off."""

from __future__ import annotations

import sqlite3
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from getpass import getpass
from ipaddress import ip_address
from pathlib import Path
from shutil import get_terminal_size

from sipfullproxy import __version__, help, state, users
from sipfullproxy.arguments import Parser, number
from sipfullproxy.banlist import BanList
from sipfullproxy.engine.bans import network_of
from sipfullproxy.journal.archive import Archive
from sipfullproxy.journal.book import Book, page
from sipfullproxy.journal.listing import as_json, ban_table, table
from sipfullproxy.journal.past import Past
from sipfullproxy.journal.safe import safe
from sipfullproxy.journal.schema import database_path
from sipfullproxy.journal.tape import Tape
from sipfullproxy.lang import Lang, Words
from sipfullproxy.settings import Settings, SettingsError, read

# Calls that `calls` lists when nobody says how many: a day of a class, and not much more than a screen.
CALLS_LISTED = 50


def calls(arguments: Sequence[str]) -> int:
    """The command `calls`: the calls of the journal, those first that began last; also while a proxy writes it."""
    parser = Parser(arguments, help.CALLS, "calls")
    parser.add_argument("--query", default="")
    parser.add_argument("--limit", type=number, default=CALLS_LISTED)
    parser.add_argument("--json", action="store_true", default=False)
    given = parser.parse_args(arguments)
    settings = read({key: value for key, value in vars(given).items() if key in ("lang", "journal")})
    if not isinstance(given.limit, int) or given.limit < 1:
        raise SettingsError(f"--limit {given.limit}: {_NO_LIMIT[settings.lang]}")
    found = page(_past(settings).calls(given.query), given.limit)
    print(as_json(found) if given.json else table(found, settings.lang, time.time()))
    return 0


def ladder_of(arguments: Sequence[str]) -> int:
    """The command `ladder`: the messages of a call as a drawing, by its Call-ID or by the id that `calls` shows."""
    from sipfullproxy.ladder.model import ladder  # only here, and so below: a proxy that starts draws nothing
    from sipfullproxy.ladder.text import text

    parser = Parser(arguments, help.LADDER, "ladder")
    parser.add_argument("call")
    given = parser.parse_args(arguments)
    settings = read({key: value for key, value in vars(given).items() if key in ("lang", "journal")})
    past = _past(settings)
    card = past.card(given.call)
    records = past.records(given.call if card is None else card.call)
    if not records:
        raise SettingsError(_NO_LADDER[settings.lang].format(call=safe(given.call)))
    width, colour, encoding = get_terminal_size().columns, sys.stdout.isatty(), sys.stdout.encoding
    drawing = ladder(records, lang=settings.lang)
    print(text(drawing, width, settings.lang, colour=colour, encoding=encoding), end="")
    return 0


def assignment(arguments: Sequence[str]) -> int:
    """The command `assignment`: which points of the lab's assignment were shown, with the evidence."""
    from sipfullproxy.explain.assignment import MOST_PERIOD, PERIOD, lines, remembered, sheet

    parser = Parser(arguments, help.ASSIGNMENT, "assignment")
    parser.add_argument("--html", type=Path, default=None)
    parser.add_argument("--name", default="")
    parser.add_argument("--minutes", type=number, default=int(PERIOD / 60))
    given = parser.parse_args(arguments)
    settings = read({key: value for key, value in vars(given).items() if key in ("lang", "journal")})
    lang, most = settings.lang, int(MOST_PERIOD / 60)
    if not isinstance(given.minutes, int) or not 1 <= given.minutes <= most:
        raise SettingsError(f"--minutes {given.minutes}: {_NO_MINUTES[lang].format(most=most)}")
    now = time.time()
    since = now - 60 * given.minutes
    ticked = remembered(Archive(Tape(), Book(), _past(settings)), since, None, lang)
    print("\n".join(lines(ticked, lang)))
    if given.html is not None:
        drawn = sheet(ticked, lang, made=now, since=since, student=given.name, proxy=f"sipfullproxy {__version__}")
        try:
            given.html.write_text(drawn, "utf-8")
        except OSError as error:
            raise SettingsError(f"--html {given.html}: {_NO_SHEET[lang].format(why=error.strerror)}") from None
        print(f"\nHTML: {given.html.absolute()}")
    return 0


def user(arguments: Sequence[str]) -> int:
    """The command `user`: who can log in. A running proxy takes a change over by itself."""
    parser = Parser(arguments, help.USER, "user")
    parser.add_argument("action", choices=("add", "remove", "list"))
    parser.add_argument("name", nargs="?", default=None)
    parser.add_argument("--users")
    parser.add_argument("--config", type=Path)
    given = vars(parser.parse_args(arguments))
    action, name = given.pop("action"), given.pop("name")
    settings = read(given, given.pop("config", None))
    path, lang = settings.users or users.FILE, settings.lang
    if (name is None) != (action == "list"):
        raise SettingsError(_WHO[lang])
    file = users.UsersFile() if action == "add" and not path.exists() else users.read(path, lang)
    if action == "list":
        for known in sorted(file.hashes):
            print(known.decode())
        return 0
    is_known = users.user(name, lang).encode() in file.hashes
    if action == "add":
        file = file.with_user(name, _new_password(name, lang))
    elif not is_known:
        raise SettingsError(_NOBODY[lang].format(path=path, name=name))
    else:
        file = file.without(name)
    try:
        users.write(path, file)
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from None
    done = _REMOVED if action == "remove" else _CHANGED if is_known else _ADDED
    print(done[lang].format(path=path, name=name))
    return 0


def bans(arguments: Sequence[str]) -> int:
    """The command `bans`: who is held off. A running proxy lets him in again within a second of `lift`."""
    parser = Parser(arguments, help.BANS, "bans")
    parser.add_argument("action", nargs="?", choices=("list", "lift"), default="list")
    parser.add_argument("address", nargs="?", default=None)
    parser.add_argument("--state")
    parser.add_argument("--config", type=Path)
    given = vars(parser.parse_args(arguments))
    action, address = given.pop("action"), given.pop("address")
    settings = read(given, given.pop("config", None))
    lang = settings.lang
    if (address is None) != (action == "list"):
        raise SettingsError(_WHOSE[lang])
    if "state" in given and settings.state is not None and not settings.state.is_dir():  # typed, and mistyped
        raise SettingsError(_NO_FOLDER[lang].format(path=settings.state))
    try:
        kept = BanList(settings.state or state.folder())
        if address is None:
            print(ban_table([ban for ban in kept.read() if ban.until > time.time()], lang))
        elif kept.lift(_network(address, lang)):
            print(_LIFTED[lang].format(address=address))
        else:
            raise SettingsError(_NOT_BANNED[lang].format(address=address))
    except (OSError, RuntimeError, sqlite3.Error) as error:
        raise SettingsError(_NO_BANS[lang].format(why=error)) from None
    return 0


def _network(address: str, lang: Lang) -> str:
    """What an address is counted as, written in any way. Raises SettingsError."""
    host = address.removesuffix("/64") if ":" in address else address
    try:
        return network_of(str(ip_address(host)))
    except ValueError:
        raise SettingsError(_NO_ADDRESS[lang].format(address=safe(address))) from None


def _new_password(name: str, lang: Lang) -> str:
    """Asked for twice, because nobody sees it; or one line of what is not a terminal."""
    if not sys.stdin.isatty():
        password = sys.stdin.readline().rstrip("\r\n")
    elif (password := getpass(_PASSWORD[lang].format(name=name))) != getpass(_AGAIN[lang]):
        raise SettingsError(_DIFFERENT[lang])
    if not password:
        raise SettingsError(_NO_PASSWORD[lang])
    return password


def _past(settings: Settings) -> Past:
    """The database of calls beside the journal. Raises SettingsError where nothing can be read there."""
    path = database_path(settings.journal)
    past = Past(path)
    if flaw := past.flaw:
        raise SettingsError(_NO_CALLS[settings.lang].format(path=path or settings.journal, why=flaw))
    return past


COMMANDS: Mapping[str, Callable[[Sequence[str]], int]] = {
    "calls": calls, "ladder": ladder_of, "assignment": assignment, "user": user, "bans": bans,
}  # fmt: skip
"""By their names; each gets the arguments behind its name and returns the exit code."""


_WHO = Words(
    sk="treba povedať koho: user add MENO, user remove MENO (a user list bez mena)",
    en="say who: user add NAME, user remove NAME (and user list without one)",
)
_WHOSE = Words(
    sk="treba povedať koho: bans lift ADRESA (a bans bez adresy)", en="say whom: bans lift ADDRESS (and bans without)"
)
_LIFTED = Words(sk="{address} už nie je blokovaná", en="{address} is banned no more")
_NOT_BANNED = Words(sk="{address} nie je blokovaná (zoznam: bans)", en="{address} is not banned (a list: bans)")
_NO_ADDRESS = Words(sk="{address}: treba adresu IP", en="{address}: must be an IP address")
_NO_FOLDER = Words(sk="{path}: taký priečinok nie je", en="{path}: there is no such folder")
_NO_BANS = Words(sk="zoznam blokovaných sa nedá čítať: {why}", en="the list of bans cannot be read: {why}")
_NOBODY = Words(sk="{path}: používateľ {name} tam nie je", en="{path}: there is no user {name}")
_PASSWORD = Words(sk="Heslo používateľa {name}: ", en="Password of {name}: ")
_AGAIN = Words(sk="Ešte raz: ", en="Once more: ")
_DIFFERENT = Words(sk="heslá sa líšia, nič sa nezmenilo", en="the passwords differ, nothing has changed")
_NO_PASSWORD = Words(sk="heslo je prázdne, nič sa nezmenilo", en="the password is empty, nothing has changed")
_ADDED = Words(sk="{name} sa odteraz môže prihlásiť ({path})", en="{name} can log in from now on ({path})")
_CHANGED = Words(sk="{name} má nové heslo ({path})", en="{name} has a new password ({path})")
_REMOVED = Words(sk="{name} sa už neprihlási ({path})", en="{name} can log in no more ({path})")
_NO_LIMIT = Words(sk="treba celé číslo od 1", en="must be a whole number from 1")
_NO_MINUTES = Words(sk="treba celé číslo od 1 do {most}", en="must be a whole number from 1 to {most}")
_NO_SHEET = Words(sk="nedá sa zapísať: {why}", en="cannot be written: {why}")
_NO_LADDER = Words(
    sk="správy hovoru {call} v denníku nie sú (zoznam hovorov: calls)",
    en="there are no messages of the call {call} in the journal (a list of calls: calls)",
)
_NO_CALLS = Words(
    sk="hovory sa nedajú prečítať z {path}: {why} (denník proxy: --journal)",
    en="cannot read the calls from {path}: {why} (the proxy's journal: --journal)",
)
