"""SIPp, the load generator: one end of many calls, on one port of loopback."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sipfullproxy.sip.host import endpoint
from tests.running import HERE, PATIENCE, Running, need

SCENARIOS = HERE / "sipp"

LINGER = 1_000
"""Milliseconds that a callee listens behind a call: a BYE comes again when its answer took half a second."""

LOSING = ("-d", "12000")
"""For a callee where a tenth of all messages is lost on purpose: a BYE whose answer was lost comes again five times in
that time. In four seconds it is three times, and one test of 40 calls in twenty finds a call that nobody ended."""


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as finder:
        finder.bind(("127.0.0.1", 0))
        port: int = finder.getsockname()[1]
        return port


class Sipp:
    """One end of many calls. port: its port of loopback."""

    def __init__(self, proxy: Running, folder: Path, user: str) -> None:
        self.user = user
        self.port = free_port()
        self._proxy = proxy
        self._folder = folder
        self._running: list[subprocess.Popen[str]] = []

    def start(self, scenario: str | Path, *options: str, calls: int, service: str = "") -> subprocess.Popen[str]:
        """Begin a scenario: the name of one of tests/sipp, or the path of another; both without `.xml`."""
        host, port = self._proxy.address
        file = SCENARIOS / f"{scenario}.xml"
        command = [
            need("sipp", "sip-tester"), endpoint(host, port), "-sf", str(file), "-nostdin",
            "-i", host, "-p", str(self.port), "-m", str(calls), "-s", service or self.user, "-d", str(LINGER),
            "-timeout", "50s", "-timeout_error", "-trace_err",
            "-error_file", str(self._folder / f"{self.user}-{file.stem}.err"), *options,
        ]  # fmt: skip
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=self._folder
        )
        self._running.append(process)
        return process

    def register(self, password: str = "") -> None:
        """Register with the proxy from this very port, with a login where there is a password."""
        login = ("login", "-au", self.user, "-ap", password) if password else ("register",)
        finish(self.start(*login, calls=1))

    def close(self) -> None:
        """End what is still running, because the other end has failed."""
        for process in self._running:
            process.kill()
            process.communicate(timeout=PATIENCE)


def finish(process: subprocess.Popen[str]) -> None:
    """Wait for a SIPp; all its calls must have gone by the scenario."""
    output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, output[-3000:]


@contextmanager
def ends(proxy: Running, folder: Path, password: str = "") -> Iterator[tuple[Sipp, Sipp]]:
    """Alice and Bob, registered, by this password where there is one; none of their scenarios outlives the story."""
    alice, bob = Sipp(proxy, folder, "alice"), Sipp(proxy, folder, "bob")
    try:
        alice.register(password)
        bob.register(password)
        yield alice, bob
    finally:
        alice.close()
        bob.close()
