"""The command line: arguments to settings, and settings to a running proxy."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from sipfullproxy import __version__, commands, help
from sipfullproxy.arguments import USAGE_ERROR, Parser, number
from sipfullproxy.collector import tidy
from sipfullproxy.complaints import told
from sipfullproxy.proxy import Proxy
from sipfullproxy.settings import SettingsError, StartError, read

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
    parser = Parser(arguments, help.RUN)
    parser.add_argument("ip", nargs="*")
    parser.add_argument("--port", type=number)
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
    parser.add_argument("--web-port", type=number)
    parser.add_argument("--user")
    parser.add_argument("--group")
    parser.add_argument("--web-bind")
    parser.add_argument("--web-password")
    parser.add_argument("--workers", type=number)
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


COMMANDS: Mapping[str, Callable[[Sequence[str]], int]] = {"run": serve, **commands.COMMANDS}
"""What may stand in the place of the address."""
