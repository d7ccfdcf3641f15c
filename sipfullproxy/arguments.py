"""What every command of the command line reads its arguments with."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from sipfullproxy.lang import Lang, Words

# The exit code of whatever the user can mend, as argparse and most Unix programs have it.
USAGE_ERROR = 2


class Parser(argparse.ArgumentParser):
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


def number(text: str) -> int | str:
    """A number; what is none stays as it is, for the settings to complain about."""
    return int(text) if re.fullmatch("[0-9]{1,9}", text) else text
