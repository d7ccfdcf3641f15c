"""SIPp, the load generator: one end of many calls, on one port of loopback."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sipfullproxy.sip.host import endpoint
from tests.running import HERE, PATIENCE, Running, need
from tests.waiting import eventually

SCENARIOS = HERE / "sipp"

LINGER = 1_000
"""Milliseconds that a callee listens behind a call: a BYE comes again when its answer took half a second."""

TALK = 200
"""Milliseconds that a caller talks."""

LOSING = ("-d", "12000")
"""For a callee where a tenth of all messages is lost on purpose: a BYE whose answer was lost comes again five times in
that time. In four seconds it is three times, and one test of 40 calls in twenty finds a call that nobody ended."""


SOCKETS = Path("/proc/thread-self/net")
"""Where Linux lists all sockets; of this thread, because it may be in a network namespace of its own."""


def free_port() -> int:
    """A port of loopback that nobody has, for UDP and TCP."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp, suppress(OSError):
            udp.bind(("127.0.0.1", 0))
            tcp.bind(udp.getsockname())
            port: int = udp.getsockname()[1]
            return port


def is_open(port: int, transport: str) -> bool:
    """Whether somebody has that port of UDP, or listens on that port of TCP.

    Asked of the kernel: who tries to open it himself is in the way of whom he waits for, and a connection to try it
    would be the first caller. Elsewhere than on Linux it cannot be asked, and counts as open.
    """
    state = {"udp": "07", "tcp": "0A"}[transport]  # unconnected, and listening; ports are in hexadecimal digits
    listed = [line.split() for file in (transport, f"{transport}6") for line in _lines(SOCKETS / file)]
    return not SOCKETS.exists() or any(local.endswith(f":{port:04X}") and of == state for _, local, _, of, *_ in listed)


def _lines(file: Path) -> list[str]:
    return file.read_text("ascii").splitlines()[1:] if file.exists() else []


class Sipp:
    """One end of many calls. port: its port of loopback."""

    def __init__(self, proxy: Running, folder: Path, user: str) -> None:
        self.user = user
        self.port = free_port()
        self._proxy = proxy
        self._folder = folder
        self._running: list[subprocess.Popen[str]] = []

    def start(self, scenario: str | Path, *options: str, calls: int, service: str = "") -> subprocess.Popen[str]:
        """Begin a scenario: the name of one of tests/sipp, or the path of another; both without `.xml`.

        Who is called must be there: where its port is still shut, the kernel says so, and a proxy must believe it. So
        this waits for the port; of TCP, only who waits for calls has one.
        """
        host, port = self._proxy.address
        file = SCENARIOS / f"{scenario}.xml"
        command = [
            need("sipp", "sip-tester"), endpoint(host, port), "-sf", str(file), "-nostdin",
            "-i", host, "-p", str(self.port), "-m", str(calls), "-s", service or self.user,
            "-d", str(TALK if file.stem.startswith("caller") else LINGER),
            "-timeout", "110s", "-timeout_error", "-trace_err",
            "-error_file", str(self._folder / f"{self.user}-{file.stem}.err"), *options,
        ]  # fmt: skip
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=self._folder
        )
        self._running.append(process)
        transport = "tcp" if "t1" in options else "udp"
        if transport == "udp" or file.stem == "callee":
            eventually(lambda: is_open(self.port, transport) or process.poll() is not None, f"SIPp of {self.user}")
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
