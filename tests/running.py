"""A proxy as its users run it: `python main.py` in a process of its own, on loopback; and the tools that drive it."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from tempfile import TemporaryFile
from typing import NoReturn

import pytest

HERE = Path(__file__).resolve().parent
PATIENCE = 120.0
"""Seconds that a tool may take; each has bounds of its own below this."""


def need(program: str, package: str) -> str:
    """The path of a program. Where it is missing the test is skipped with the name of its package; in CI it fails."""
    path = shutil.which(program) or shutil.which(program, path=str(Path(sys.executable).parent))
    if path is None:
        _missing(program, package)
    return path


def need_module(name: str, package: str) -> None:
    """The same for a module of Python; asked before the modules of tests import it."""
    if importlib.util.find_spec(name) is None:
        _missing(name, package)


def _missing(what: str, package: str) -> NoReturn:
    reason = f"{what} is missing: install the package {package}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason, allow_module_level=True)


class Running:
    """A running proxy. address: (host, port). journal: its text journal."""

    def __init__(self, folder: Path, *options: str, ip: str = "127.0.0.1") -> None:
        self.journal = folder / "proxy.log"
        self._log = TemporaryFile(mode="w+", encoding="utf-8")  # noqa: SIM115  closed by stop()
        self._process = subprocess.Popen(
            [sys.executable, str(HERE.parent / "main.py"), ip, "--port", "0", "--web-port", "0",
             "--lang", "en", "--journal", str(self.journal), *options],
            stdout=subprocess.PIPE, stderr=self._log, text=True, env={**os.environ, "XDG_STATE_HOME": str(folder)},
        )  # fmt: skip
        assert self._process.stdout is not None
        first = self._process.stdout.readline()
        match = re.search(r"([0-9]+(?:\.[0-9]+){3}|\[[0-9a-f:]+\])(?::([0-9]+))?", first)
        assert match is not None, f"the proxy did not start: {first}{self._complaints()}"
        self.address = match[1].strip("[]"), int(match[2] or 5060)

    @property
    def pid(self) -> int:
        """Of its first process."""
        return self._process.pid

    @cached_property
    def greeting(self) -> str:
        """What it says to its user, but for the first line."""
        assert self._process.stdout is not None
        lines = takewhile(lambda line: "Ctrl-C" not in line, self._process.stdout)
        return "".join(lines)

    @property
    def page(self) -> str:
        """The address of its page; only where it has one."""
        return self.url("http")

    def url(self, scheme: str) -> str:
        """Where it is for a browser: "http" is its page; "ws" or "wss", where phones in the page call."""
        found = re.search(rf"\b{scheme}://[0-9.:]+", self.greeting)
        assert found is not None, self.greeting
        return found[0]

    def kill(self) -> None:
        """Let it die at once, as by `kill -9`: it hears nothing of it."""
        self._process.kill()

    def stop(self) -> str:
        """End it, if it lives. Returns what it wrote to stderr."""
        self._process.terminate()
        self._process.communicate(timeout=PATIENCE)
        with self._log:
            return self._complaints()

    def _complaints(self) -> str:
        self._log.seek(0)
        return self._log.read()


@contextmanager
def running(folder: Path, *options: str, ip: str = "127.0.0.1") -> Iterator[Running]:
    """A proxy that must not have complained about anything by its end. ip: an address of loopback."""
    proxy = Running(folder, *options, ip=ip)
    try:
        yield proxy
    finally:
        complaints = proxy.stop()
    assert complaints == "", complaints
