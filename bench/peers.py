"""Who is measured: our proxy, Kamailio, sippy's B2BUA and the bare relay; how each is started, and when it is there."""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import processes

HERE = Path(__file__).resolve().parent
MAIN = str(HERE.parent / "main.py")
HOST = "127.0.0.1"

# The ports of peers, ten apart; those of their callers and callees are so much higher. Each peer has ends of its own,
# so that what one has still to say does not reach the ends of another. SIPp has its ports for media above them.
FIRST_PORT = 15_000
CALLERS, CALLEES = 1_000, 2_000
PAIRS = 2
"""Pairs of SIPp that share the calls; each is one user who calls another one."""

START_PATIENCE = 10.0
"""Seconds until a peer that does not answer counts as broken."""
GLANCE = 0.002
"""Seconds between two questions to a peer that starts: what the time to its first answer is good for."""


ENVIRONMENT = {"SIPLOG_BEND": "none"}
"""sippy would write every message down."""


PYPY_COMMAND = tuple(shlex.split(os.environ.get("BENCH_PYPY", "pypy3")))
"""What starts PyPy; `BENCH_PYPY="chroot /srv/trixie pypy3"` where it is not in the PATH."""
WARMING = 30.0
"""Seconds of work before a peer that compiles at run time is measured (see RESULTS.md, "until no call fails")."""


class PeerError(Exception):
    """A peer that cannot be measured; the text says why."""


@dataclass(frozen=True)
class Peer:
    """A program between the callers and the callees.

    name, title: short, and for readers. command: what starts it, given its port and a folder of its own.
    registers: whether users register with it. answers: whether it answers requests to itself; the relay does not, so
    what one end of a pair says must come out at the other. datagrams: received and sent by it in one call of
    bench/scenarios. pairs: how many pairs it can serve. program: what must be installed; None: nothing.
    warms: whether it compiles at run time, so that it must have worked before it is measured.
    """

    name: str
    title: str
    command: Callable[[int, Path], Sequence[str]]
    registers: bool = True
    answers: bool = True
    datagrams: int = 13
    pairs: int = PAIRS
    program: str | None = None
    warms: bool = False

    @property
    def installed(self) -> bool:
        """Whether it can be started here."""
        if self.program is not None and find(self.program) is None:
            return False
        # That PyPy is there says little: it may be too old for us, or a jail that our folder is not in.
        return not self.warms or subprocess.run([*PYPY_COMMAND, MAIN, "--version"], capture_output=True).returncode == 0


@dataclass(frozen=True)
class Running:
    """A peer at work. port: where it listens. process: its first one. first_answer: seconds from start to answer."""

    peer: Peer
    port: int
    process: subprocess.Popen[bytes]
    folder: Path
    first_answer: float

    @property
    def cpu(self) -> float:
        """Seconds of CPU so far."""
        return processes.cpu(self.process.pid)

    @property
    def memory(self) -> int:
        """Bytes of memory now."""
        return processes.memory(self.process.pid)


def find(program: str) -> str | None:
    """The path of a program, also of one that lies beside our Python."""
    return shutil.which(program) or shutil.which(program, path=str(Path(sys.executable).parent))


@contextmanager
def running(peer: Peer, port: int = FIRST_PORT, cpus: set[int] = processes.PROXY_CPU) -> Iterator[Running]:
    """A peer, started and answering; ended at the end. Raises PeerError when it does not come to life."""
    with tempfile.TemporaryDirectory(prefix="sip-bench-") as name:
        folder = Path(name)
        begin = time.monotonic()
        process = processes.start(
            peer.command(port, folder), cpus, folder, ENVIRONMENT | {"XDG_STATE_HOME": str(folder)}
        )
        try:
            while not _answers(peer, port):
                if process.poll() is not None or time.monotonic() > begin + START_PATIENCE:
                    raise PeerError(f"{peer.title} did not start: {(folder / 'output').read_text()[-500:]}")
            yield Running(peer, port, process, folder, time.monotonic() - begin)
        finally:
            processes.stop(process)


@contextmanager
def all_running(peers: Sequence[Peer]) -> Iterator[list[Running]]:
    """Several peers at once, each on a port of its own, all on the same core."""
    with ExitStack() as stack:
        yield [stack.enter_context(running(peer, FIRST_PORT + 10 * number)) for number, peer in enumerate(peers)]


def _answers(peer: Peer, port: int) -> bool:
    """Ask once, and wait for a moment."""
    with (
        _socket(0 if peer.answers else port + CALLERS) as asking,
        _socket(0 if peer.answers else port + CALLEES) as other,
    ):
        listening = asking if peer.answers else other
        listening.settimeout(GLANCE)
        host, own = asking.getsockname()
        asking.sendto(_OPTIONS.format(host=host, own=own, port=port, now=time.monotonic_ns()).encode(), (HOST, port))
        try:
            return bool(listening.recv(65_535))
        except TimeoutError:
            return False


def _socket(port: int) -> socket.socket:
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.bind((HOST, port))
    return opened


_OPTIONS = (
    "OPTIONS sip:{host}:{port} SIP/2.0\r\nVia: SIP/2.0/UDP {host}:{own};branch=z9hG4bK{now};rport\r\n"
    "From: <sip:bench@{host}>;tag=1\r\nTo: <sip:{host}:{port}>\r\nCall-ID: {now}\r\nCSeq: 1 OPTIONS\r\n"
    "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
)


def _ours(port: int, folder: Path, python: Sequence[str] = (sys.executable,)) -> Sequence[str]:
    return [
        *python, MAIN, HOST, "--port", str(port), "--lang", "en",
        "--journal", str(folder / "proxy.log"),
    ]  # fmt: skip


def _kamailio(port: int, folder: Path) -> Sequence[str]:
    return [
        "kamailio", "-f", str(HERE / "peers" / "kamailio.cfg"), "-l", f"udp:{HOST}:{port}", "-Y", str(folder),
        "-DD", "-E", "-m", "2048",
    ]  # fmt: skip


def _relay(port: int, folder: Path) -> Sequence[str]:
    pairs = [f"{port + CALLERS + pair}:{port + CALLEES + pair}" for pair in range(PAIRS)]
    return [sys.executable, str(HERE / "peers" / "relay.py"), str(port), *pairs]


def _sippy(port: int, folder: Path) -> Sequence[str]:
    # No accounting, no RADIUS, no authentication; every call goes to the one callee.
    return [
        find("b2bua") or "b2bua", "-f", "-u", "-A", "0", "-D", "-l", HOST, "-p", str(port),
        "-s", f"{HOST}:{port + CALLEES}", "-P", str(folder / "pid"), "-L", os.devnull, "-c", str(folder / "socket"),
    ]  # fmt: skip


def _two(port: int, folder: Path) -> Sequence[str]:
    return [*_ours(port, folder), "--workers", "2"]


def _pypy(port: int, folder: Path) -> Sequence[str]:
    return _ours(port, folder, PYPY_COMMAND)


OURS = Peer("ours", "sipfullproxy", _ours)
PYPY = Peer("pypy", "sipfullproxy on PyPy", _pypy, program=PYPY_COMMAND[0], warms=True)
TWO = Peer("two", "sipfullproxy, two workers", _two)
KAMAILIO = Peer("kamailio", "Kamailio, one UDP worker", _kamailio, program="kamailio")
RELAY = Peer("relay", "bare relay", _relay, registers=False, answers=False, datagrams=12)
SIPPY = Peer("sippy", "sippy's B2BUA", _sippy, registers=False, pairs=1, program="b2bua")
