"""The command line: arguments to settings, and settings to a running proxy."""

from __future__ import annotations

import argparse
import io
import re
import sqlite3
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from getpass import getpass
from ipaddress import ip_address
from pathlib import Path
from shutil import get_terminal_size
from typing import NoReturn

from sipfullproxy import __version__, state, users
from sipfullproxy.banlist import BanList
from sipfullproxy.collector import tidy
from sipfullproxy.complaints import told
from sipfullproxy.engine.bans import network_of
from sipfullproxy.journal.archive import Archive
from sipfullproxy.journal.book import Book, page
from sipfullproxy.journal.listing import as_json, ban_table, table
from sipfullproxy.journal.past import Past
from sipfullproxy.journal.safe import safe
from sipfullproxy.journal.schema import database_path
from sipfullproxy.journal.tape import Tape
from sipfullproxy.lang import Lang, Words
from sipfullproxy.server import Proxy
from sipfullproxy.settings import Settings, SettingsError, StartError, read

# The exit code of whatever the user can mend, as argparse and most Unix programs have it.
USAGE_ERROR = 2

# Calls that `calls` lists when nobody says how many: a day of a class, and not much more than a screen.
CALLS_LISTED = 50

# The exit code when Ctrl-C comes before there is anything to end cleanly: 128 + SIGINT.
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says, and return the exit code of the process.

    arguments: without the program's name; None: those of this process.
    """
    for stream in (sys.stdout, sys.stderr):
        # A console without Slovak letters (Windows, code page 437) shows escapes of them; it must not end the proxy.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    words = list(sys.argv[1:] if arguments is None else arguments)
    command = COMMANDS.get(words[0]) if words else None
    try:
        code = command(words[1:]) if command else serve(words)
        if sys.stdout is not None:
            sys.stdout.flush()
        return code
    except (SettingsError, StartError) as error:
        print(f"sipfullproxy: {error}", file=sys.stderr)
        return USAGE_ERROR
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # whoever reads a list by `head` has seen enough
        sys.stdout = None  # Python would try again at its end, and exit with 120
        return 0


def serve(arguments: Sequence[str]) -> int:
    """The command `run`, which is also what happens without any: a proxy until somebody ends it."""
    parser = _Parser(arguments, _HELP)
    parser.add_argument("ip", nargs="*")
    parser.add_argument("--port", type=_number)
    parser.add_argument("--listen", action="append")
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--tls-cert")
    parser.add_argument("--tls-key")
    parser.add_argument("--ws-origin", action="append")
    parser.add_argument("--phrases")
    parser.add_argument("-v", "--verbose", action="store_true")
    parser.add_argument("--open", action="store_true")
    parser.add_argument("--domain", action="append")
    parser.add_argument("--dns")
    parser.add_argument("--web", action=argparse.BooleanOptionalAction)
    parser.add_argument("--web-port", type=_number)
    parser.add_argument("--user")
    parser.add_argument("--group")
    parser.add_argument("--web-bind")
    parser.add_argument("--web-password")
    parser.add_argument("--workers", type=_number)
    parser.add_argument("--users")
    parser.add_argument("--login")
    parser.add_argument("--state")
    parser.add_argument("--bans", action=argparse.BooleanOptionalAction)
    parser.add_argument("--trust", action="append")
    parser.add_argument("--silent", action="store_true")
    parser.add_argument("--security-log")
    parser.add_argument("--config", type=Path)
    parser.add_argument("--version", action="version", version=f"sipfullproxy {__version__}")
    given = vars(parser.parse_args(arguments))
    if len(given.get("ip", ())) == 1:
        (given["ip"],) = given["ip"]  # a complaint shows what was typed
    settings = read(given, given.pop("config", None))
    with told(), tidy():
        Proxy(settings=settings).run()
    return 0


def calls(arguments: Sequence[str]) -> int:
    """The command `calls`: the calls of the journal, those first that began last; also while a proxy writes it."""
    parser = _Parser(arguments, _CALLS_HELP, "calls")
    parser.add_argument("--query", default="")
    parser.add_argument("--limit", type=_number, default=CALLS_LISTED)
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

    parser = _Parser(arguments, _LADDER_HELP, "ladder")
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

    parser = _Parser(arguments, _ASSIGNMENT_HELP, "assignment")
    parser.add_argument("--html", type=Path, default=None)
    parser.add_argument("--name", default="")
    parser.add_argument("--minutes", type=_number, default=int(PERIOD / 60))
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
    parser = _Parser(arguments, _USER_HELP, "user")
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
    parser = _Parser(arguments, _BANS_HELP, "bans")
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
    "run": serve, "calls": calls, "ladder": ladder_of, "assignment": assignment, "user": user,
    "bans": bans,
}  # fmt: skip
"""What may stand in the place of the address; each gets the arguments behind its name and returns the exit code."""


class _Parser(argparse.ArgumentParser):
    """Knows the options, not their values: those are checked where the settings file's are, in the user's language."""

    def __init__(self, arguments: Sequence[str], help: Words, command: str = "") -> None:
        """arguments: looked at for the language; `--lang`, `--journal` and `--help` are options of every command.

        command: its name, for whoever is told where its help is.
        """
        # argparse would name the file here, and nobody can type that.
        prog = "python -m sipfullproxy" if Path(sys.argv[0]).name == "__main__.py" else None
        super().__init__(prog=prog, add_help=False, allow_abbrev=False, argument_default=argparse.SUPPRESS)
        lang: Lang = "en" if re.search(r"--lang[= ]en\b", " ".join(arguments)) else "sk"
        self._help = help[lang]
        self._command = f" {command}" if command else ""
        self.add_argument("--lang")
        self.add_argument("--journal")
        self.add_argument("-h", "--help", action="help")

    def format_help(self) -> str:
        """The page of `--help`, written by hand: examples first, and in the user's language."""
        return self._help.replace("main.py", self.prog)

    def error(self, message: str) -> NoReturn:
        """One line and exit code 2."""
        self.exit(USAGE_ERROR, f"sipfullproxy: {message} ({self.prog}{self._command} --help)\n")


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


def _number(text: str) -> int | str:
    """A number; what is none stays as it is, for the settings to complain about."""
    return int(text) if re.fullmatch("[0-9]{1,9}", text) else text


_HELP = Words(
    sk="""\
Použitie: main.py [ADRESA…] [voľby]

SIP proxy a registrátor pre učebňu: telefóny sa naň prihlásia a každý hovor ide cezeň.

Príklady:
  main.py                                nájde adresu v sieti LAN sám
  main.py 192.168.1.10                   počúva na tejto adrese, port 5060 (UDP, TCP)
  main.py 192.168.1.10 -v                a ukáže každú správu
  main.py --port 5070 --lang en          iný port, anglicky
  main.py --config proxy.toml            nastavenia zo súboru; príkazový riadok má prednosť
  main.py calls                          hovory z denníka; main.py calls --help
  main.py ladder HOVOR                   správy jedného z nich ako rebrík
  main.py assignment                     čo zo zadania bolo predvedené, s dôkazmi
  main.py user add boris                 používateľ s heslom; main.py user --help
  main.py --users users.toml             prihlásia sa len takí
  main.py bans                           kto je blokovaný; main.py bans --help

  ADRESA                adresa tohto počítača, ktorú budú mať telefóny; pre IPv4 aj IPv6 naraz dve:
                        192.168.1.10 fd00::10
  --port ČÍSLO          port UDP a TCP (5060; 0: ktorýkoľvek voľný)
  --listen PRENOS:ADRESA:PORT
                        kde počúvať namiesto toho, napríklad tcp:192.168.1.10:5070 alebo
                        udp:[fd00::10]:5060; dá sa opakovať
  --tls                 aj TLS, port 5061; certifikát a jeho autoritu (CA) si vyrobí, CA sa dáva do telefónov
  --tls-cert SÚBOR      vlastný certifikát pre TLS (PEM), s tými, ktoré vedú k jeho autorite
  --tls-key SÚBOR       a jeho súkromný kľúč
  --ws-origin PÔVOD     stránka odtiaľto smie volať cez --listen ws alebo wss, napríklad
                        https://lab.sk; dá sa opakovať; stránky z tohto počítača smú vždy
  --lang sk|en          jazyk výpisov, denníka a odpovedí (sk)
  --phrases all|own|off znenie odpovedí, napríklad „486 Obsadené“: vo všetkých, len vo vlastných,
                        v žiadnych (all)
  --journal SÚBOR       denník hovorov (logs/proxy.log)
  -v, --verbose         každú správu vypíše na obrazovku
  --open                našim používateľom smú volať aj neregistrované telefóny
  --users SÚBOR         kto sa registruje, musí sa prihlásiť heslom; používatelia sú v tomto súbore
  --login register|calls
                        heslo len pri registrácii, alebo aj pri každom hovore (register)
  --no-bans             kto háda heslá, neblokuje sa; --bans: blokuje sa aj bez --users, kto obťažuje
  --trust SIEŤ          adresy, ktoré sa neblokujú, napríklad 192.168.1.0/24; dá sa opakovať
  --silent              cudzím sa neodpovedá ani odmietnutím; na heslo sa pýta ďalej
  --security-log SÚBOR  nesprávne heslá a blokovania v riadkoch pre fail2ban (contrib/fail2ban)
  --state PRIEČINOK     kde sa uchová, kto je registrovaný, pre prípad reštartu
  --user MENO, --group MENO
                        kým sa root stane, keď sú porty otvorené; jeho musia byť priečinky denníka a --state
  --domain MENO         ďalšie meno, ktoré je naše; dá sa opakovať
  --dns system|off|ADRESA
                        kde hľadať servery cudzích domén: v DNS tohto počítača, nikde, alebo na tomto
                        serveri, napríklad 127.0.0.1:5353 (system)
  --no-web              bez stránky s hovormi
  --web-port ČÍSLO      port TCP stránky (8080; 0: ktorýkoľvek voľný)
  --web-bind ADRESA     stránka počúva na tejto adrese; 0.0.0.0: na všetkých (:: aj s IPv6)
  --web-password HESLO  zmeny na stránke len s heslom; bez neho len z tohto počítača
  --workers ČÍSLO       toľko procesov obsluhuje spolu jeden port (1; len Linux)
  --config SÚBOR        súbor TOML s nastaveniami: tie isté mená a tabuľka [phrases], napríklad
                        486 = "Obsadené"
  -h, --help            táto pomoc
  --version             verzia

Koniec: Ctrl-C. Help in English: main.py --lang en --help
""",
    en="""\
Usage: main.py [ADDRESS…] [options]

A SIP proxy and registrar for a classroom: phones register with it, and every call goes through it.

Examples:
  main.py --lang en                      finds the LAN address by itself
  main.py 192.168.1.10 --lang en         listens on that address, port 5060 (UDP, TCP)
  main.py 192.168.1.10 -v                and shows every message
  main.py --port 5070                    another port
  main.py --config proxy.toml            settings from a file; the command line wins
  main.py calls                          the calls of the journal; main.py calls --help
  main.py ladder CALL                    the messages of one of them as a ladder
  main.py assignment                     what of the assignment was shown, with the evidence
  main.py user add boris                 a user with a password; main.py user --help
  main.py --users users.toml             only such users can register
  main.py bans                           who is banned; main.py bans --help

  ADDRESS               the address of this machine that phones will be told; two for IPv4 and IPv6
                        at once: 192.168.1.10 fd00::10
  --port NUMBER         UDP and TCP port (5060; 0: any free one)
  --listen TRANSPORT:ADDRESS:PORT
                        where to listen instead, such as tcp:192.168.1.10:5070 or
                        udp:[fd00::10]:5060; may be repeated
  --tls                 TLS, too, port 5061; makes a certificate and its authority (CA), which phones are given
  --tls-cert FILE       a certificate of yours for TLS (PEM), and those that lead to its authority
  --tls-key FILE        its private key
  --ws-origin ORIGIN    a page from there may call by --listen ws or wss, such as https://lab.sk;
                        may be repeated; pages from this computer always may
  --lang sk|en          language of messages, journal and responses (sk)
  --phrases all|own|off wording of responses, such as "486 Obsadené": in all, in our own only,
                        in none (all)
  --journal FILE        call journal (logs/proxy.log)
  -v, --verbose         show every message on the screen
  --open                phones that are not registered may call our users, too
  --users FILE          who registers must log in by password; the users are in this file
  --login register|calls
                        passwords for registrations only, or for each call, too (register)
  --no-bans             who guesses passwords is not banned; --bans: without --users, too, who is a nuisance
  --trust NETWORK       addresses that are never banned, such as 192.168.1.0/24; may be repeated
  --silent              strangers get no answer, not even a refusal; passwords are still asked for
  --security-log FILE   wrong passwords and bans in lines for fail2ban (contrib/fail2ban)
  --state FOLDER        where it is kept who is registered, for a restart
  --user NAME, --group NAME
                        whom root becomes when the ports are open; the folders of journal and --state must be his
  --domain NAME         a further name that is ours; may be repeated
  --dns system|off|ADDRESS
                        where to look for the servers of other domains: in the DNS of this machine,
                        nowhere, or at this server, for example 127.0.0.1:5353 (system)
  --no-web              without the page that shows the calls
  --web-port NUMBER     TCP port of the page (8080; 0: any free one)
  --web-bind ADDRESS    the page listens on this address; 0.0.0.0: on all of them (::, with IPv6)
  --web-password WORD   changes on the page need this password; without one: this machine only
  --workers NUMBER      so many processes serve one port together (1; Linux only)
  --config FILE         TOML file with settings: the same names, and a table [phrases] such as
                        486 = "Obsadené"
  -h, --help            this help
  --version             version

End: Ctrl-C. Pomoc po slovensky: main.py --help
""",
)

_CALLS_HELP = Words(
    sk="""\
Použitie: main.py calls [voľby]

Hovory z denníka, najnovšie hore: kedy, kto komu, ako skončil, ako dlho trval, označenie hovoru.
Aj kým proxy beží.

  --query TEXT          len hovory s týmto textom v mene, v adrese alebo v Call-ID
  --limit ČÍSLO         nanajvýš toľko hovorov (50)
  --json                ako JSON
  --journal SÚBOR       denník tej proxy (logs/proxy.log); databáza hovorov je vedľa neho
  --lang sk|en          jazyk výpisu (sk)
  -h, --help            táto pomoc
""",
    en="""\
Usage: main.py calls [options]

The calls of the journal, the latest first: when, who whom, how it ended, how long it took, the call's id.
Also while the proxy runs.

  --query TEXT          only calls with this text in a name, an address or the Call-ID
  --limit NUMBER        at most so many calls (50)
  --json                as JSON
  --journal FILE        the journal of that proxy (logs/proxy.log); the database of calls is beside it
  --lang sk|en          language (sk)
  -h, --help            this help
""",
)

_USER_HELP = Words(
    sk="""\
Použitie: main.py user add MENO
          main.py user remove MENO
          main.py user list

Kto sa môže prihlásiť, keď proxy beží s --users. Na heslo sa spýta dvakrát a uloží len jeho odtlačok.
Bežiaca proxy zmenu prevezme sama; komu sa zmenilo heslo, ten sa musí zaregistrovať znova.

  --users SÚBOR         súbor používateľov (users.toml)
  --config SÚBOR        nastavenia proxy, v nich users
  --lang sk|en          jazyk výpisu (sk)
  -h, --help            táto pomoc
""",
    en="""\
Usage: main.py user add NAME
       main.py user remove NAME
       main.py user list

Who can log in while the proxy runs with --users. The password is asked for twice, and only a hash of it is kept.
A running proxy takes the change over by itself; whose password has changed has to register again.

  --users FILE          file of users (users.toml)
  --config FILE         settings of the proxy, with users in them
  --lang sk|en          language (sk)
  -h, --help            this help
""",
)

_BANS_HELP = Words(
    sk="""\
Použitie: main.py bans
          main.py bans lift ADRESA

Adresy, z ktorých proxy nič neprijíma, dokedy a prečo; lift blokovanie ukončí. Bežiaca proxy to prevezme do sekundy.

  --state PRIEČINOK     priečinok, v ktorom si proxy pamätá stav, ak je iný než zvyčajný
  --config SÚBOR        nastavenia proxy, v nich state
  --lang sk|en          jazyk výpisu (sk)
  -h, --help            táto pomoc
""",
    en="""\
Usage: main.py bans
       main.py bans lift ADDRESS

The addresses that the proxy does not listen to, until when and why; lift ends a ban. A running proxy takes that over
within a second.

  --state FOLDER        where the proxy keeps its state, if that is not the usual folder
  --config FILE         settings of the proxy, with state in them
  --lang sk|en          language (sk)
  -h, --help            this help
""",
)

_LADDER_HELP = Words(
    sk="""\
Použitie: main.py ladder HOVOR [voľby]

Správy hovoru ako rebrík: kto, komu a kedy. Aj kým proxy beží.

  HOVOR                 označenie hovoru, ako ho vypíše main.py calls, alebo jeho Call-ID
  --journal SÚBOR       denník tej proxy (logs/proxy.log); databáza hovorov je vedľa neho
  --lang sk|en          jazyk výpisu (sk)
  -h, --help            táto pomoc
""",
    en="""\
Usage: main.py ladder CALL [options]

The messages of a call as a ladder: who, whom and when. Also while the proxy runs.

  CALL                  the call's id, as main.py calls shows it, or its Call-ID
  --journal FILE        the journal of that proxy (logs/proxy.log); the database of calls is beside it
  --lang sk|en          language (sk)
  -h, --help            this help
""",
)

_ASSIGNMENT_HELP = Words(
    sk="""\
Použitie: main.py assignment [voľby]

Ktoré body zadania boli predvedené za poslednú hodinu, s dôkazmi; pri ostatných, ako ich predviesť.
Aj kým proxy beží.

  --html SÚBOR          aj ako stránka na odovzdanie; z prehliadača sa dá uložiť ako PDF
  --name MENO           meno študenta na tej stránke
  --minutes ČÍSLO       koľko minút dozadu (60; nanajvýš 1440, teda deň)
  --journal SÚBOR       denník tej proxy (logs/proxy.log); databáza hovorov je vedľa neho
  --lang sk|en          jazyk výpisu (sk)
  -h, --help            táto pomoc
""",
    en="""\
Usage: main.py assignment [options]

Which points of the assignment were shown in the last hour, with the evidence; and how to show the others.
Also while the proxy runs.

  --html FILE           also as a page to hand in; a browser saves it as PDF
  --name NAME           the student's name on that page
  --minutes NUMBER      how many minutes back (60; at most 1440, a day)
  --journal FILE        the journal of that proxy (logs/proxy.log); the database of calls is beside it
  --lang sk|en          language (sk)
  -h, --help            this help
""",
)
