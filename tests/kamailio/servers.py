"""The two proxies, each at an address of its own in a piece of loopback that nobody else uses."""

from __future__ import annotations

import random
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile

import pytest

from tests.running import PATIENCE, need, running

CONFIG = Path(__file__).parent / "kamailio.cfg"
PORT = 5060

DOMAINS = (
    "example.com", "example.net", "example.org", "company.com",
    "chair-dnrc.example.com", "services.example.com", "registrar.example.com", "host.example.net",
)  # fmt: skip
"""Whose users both answer for: those of tests/vectors and of RFC 4475."""


def piece_of_loopback() -> int:
    """The second byte of a 127.x that is free for us: proxies at 127.x.0, phones above.

    A random one, so that two test runs on one machine do not meet. Skips where loopback has but one address (no Linux).
    """
    for second in random.sample(range(16, 200), 5):
        with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as finder:
            finder.bind((f"127.{second}.0.1", PORT))
            return second
    pytest.skip(f"port {PORT} is taken on all of loopback, or there is but one address of it")


@contextmanager
def ours(folder: Path, ip: str) -> Iterator[None]:
    """`python main.py`, with the phrases left as they come."""
    domains = [word for name in DOMAINS for word in ("--domain", name)]
    # UDP alone, as with Kamailio here: large requests would be tried by TCP first (RFC 3261 §18.1.1).
    with running(folder, "--listen", f"udp:{ip}:{PORT}", "--phrases", "off", "--dns", "off", *domains, ip=ip):
        yield


@contextmanager
def kamailio(folder: Path, ip: str) -> Iterator[None]:
    """Kamailio, with one process for all messages, so that they are served in order."""
    # The kernel asks it to end, with all its processes, should the test run die.
    command = [
        "setpriv", "--pdeathsig", "TERM", "--", need("kamailio", "kamailio"), "-DD", "-E", "-f", str(CONFIG),
        "-l", f"udp:{ip}:{PORT}", "-n", "1", "-m", "32", "-M", "4", "-Y", str(folder), "-w", str(folder),
        *(f"--alias={name}" for name in DOMAINS),
    ]  # fmt: skip
    with TemporaryFile(mode="w+", encoding="utf-8", errors="replace") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            yield
            ended = process.poll()
        finally:
            process.terminate()
            process.wait(timeout=PATIENCE)
        log.seek(0)
        assert ended is None, f"Kamailio has ended by itself: {log.read()[-3000:]}"
