"""The command line: arguments to settings, and settings to a running proxy."""

from __future__ import annotations

import argparse
import io
import logging
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from sipfullproxy import __version__
from sipfullproxy.lang import Lang, Words
from sipfullproxy.server import Proxy, StartError
from sipfullproxy.settings import SettingsError, read

# The exit code of whatever the user can mend, as argparse and most Unix programs have it.
USAGE_ERROR = 2

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
        return command(words[1:]) if command else serve(words)
    except (SettingsError, StartError) as error:
        print(f"sipfullproxy: {error}", file=sys.stderr)
        return USAGE_ERROR
    except KeyboardInterrupt:
        return INTERRUPTED


def serve(arguments: Sequence[str]) -> int:
    """The command `run`, which is also what happens without any: a proxy until somebody ends it."""
    parser = _Parser("en" if re.search(r"--lang[= ]en\b", " ".join(arguments)) else "sk")
    given = vars(parser.parse_args(arguments))
    settings = read(given, given.pop("config", None))
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", datefmt="%H:%M:%S")
    Proxy(settings=settings).run()
    return 0


COMMANDS: Mapping[str, Callable[[Sequence[str]], int]] = {"run": serve}
"""What may stand in the place of the address; each gets the arguments behind its name and returns the exit code."""


class _Parser(argparse.ArgumentParser):
    """Knows the options, not their values: those are checked where the settings file's are, in the user's language."""

    def __init__(self, lang: Lang) -> None:
        # argparse would name the file here, and nobody can type that.
        prog = "python -m sipfullproxy" if Path(sys.argv[0]).name == "__main__.py" else None
        super().__init__(prog=prog, add_help=False, allow_abbrev=False, argument_default=argparse.SUPPRESS)
        self._lang: Lang = lang
        self.add_argument("ip", nargs="?")
        self.add_argument("--port", type=_number)
        self.add_argument("--lang")
        self.add_argument("--phrases")
        self.add_argument("--journal")
        self.add_argument("-v", "--verbose", action="store_true")
        self.add_argument("--open", action="store_true")
        self.add_argument("--domain", action="append")
        self.add_argument("--config", type=Path)
        self.add_argument("-h", "--help", action="help")
        self.add_argument("--version", action="version", version=f"sipfullproxy {__version__}")

    def format_help(self) -> str:
        """The page of `--help`, written by hand: examples first, and in the user's language."""
        return _HELP[self._lang].replace("main.py", self.prog)

    def error(self, message: str) -> NoReturn:
        """One line and exit code 2."""
        self.exit(USAGE_ERROR, f"sipfullproxy: {message} ({self.prog} --help)\n")


def _number(text: str) -> int | str:
    """A number; what is none stays as it is, for the settings to complain about."""
    return int(text) if re.fullmatch("[0-9]{1,9}", text) else text


_HELP = Words(
    sk="""\
Použitie: main.py [ADRESA] [voľby]

SIP proxy a registrátor pre učebňu: telefóny sa naň prihlásia a každý hovor ide cezeň.

Príklady:
  main.py                                nájde adresu v sieti LAN sám
  main.py 192.168.1.10                   počúva na tejto adrese, port 5060 (UDP)
  main.py 192.168.1.10 -v                a ukáže každú správu
  main.py --port 5070 --lang en          iný port, anglicky
  main.py --config proxy.toml            nastavenia zo súboru; príkazový riadok má prednosť

  ADRESA                adresa IPv4 tohto počítača, ktorú budú mať telefóny
  --port ČÍSLO          port UDP (5060; 0: ktorýkoľvek voľný)
  --lang sk|en          jazyk výpisov, denníka a odpovedí (sk)
  --phrases all|own|off znenie odpovedí, napríklad „486 Obsadené“: vo všetkých, len vo vlastných,
                        v žiadnych (all)
  --journal SÚBOR       denník hovorov (logs/proxy.log)
  -v, --verbose         každú správu vypíše na obrazovku
  --open                našim používateľom smú volať aj neregistrované telefóny
  --domain MENO         ďalšie meno, ktoré je naše; dá sa opakovať
  --config SÚBOR        súbor TOML s nastaveniami: tie isté mená a tabuľka [phrases], napríklad
                        486 = "Obsadené"
  -h, --help            táto pomoc
  --version             verzia

Koniec: Ctrl-C. Help in English: main.py --lang en --help
""",
    en="""\
Usage: main.py [ADDRESS] [options]

A SIP proxy and registrar for a classroom: phones register with it, and every call goes through it.

Examples:
  main.py --lang en                      finds the LAN address by itself
  main.py 192.168.1.10 --lang en         listens on that address, port 5060 (UDP)
  main.py 192.168.1.10 -v                and shows every message
  main.py --port 5070                    another port
  main.py --config proxy.toml            settings from a file; the command line wins

  ADDRESS               the IPv4 address of this machine that phones will be told
  --port NUMBER         UDP port (5060; 0: any free one)
  --lang sk|en          language of messages, journal and responses (sk)
  --phrases all|own|off wording of responses, such as "486 Obsadené": in all, in our own only,
                        in none (all)
  --journal FILE        call journal (logs/proxy.log)
  -v, --verbose         show every message on the screen
  --open                phones that are not registered may call our users, too
  --domain NAME         a further name that is ours; may be repeated
  --config FILE         TOML file with settings: the same names, and a table [phrases] such as
                        486 = "Obsadené"
  -h, --help            this help
  --version             version

End: Ctrl-C. Pomoc po slovensky: main.py --help
""",
)
