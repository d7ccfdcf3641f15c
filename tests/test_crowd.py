"""Five thousand phones that registered by TCP and say nothing: they are held, and what they cost is measured (soak)."""

from __future__ import annotations

import resource
import selectors
import socket
from pathlib import Path
from time import monotonic

import pytest

from sipfullproxy.sip.framing import Framer
from tests.running import Running, running
from tests.waiting import eventually

PHONES = 5_000

HOSTS = 50
"""Addresses of loopback that they come from, as a proxy has limits for each address."""

IDLE = 20.0
"""Seconds for which their cost is measured."""

MOST_MEMORY = 20_000
"""Bytes for each connection and its binding together."""

MOST_CPU = 0.05
"""Of one core, while nobody says anything."""

REGISTER = (
    "REGISTER sip:{proxy} SIP/2.0\r\nVia: SIP/2.0/TCP {host}:{port};branch=z9hG4bK{port}\r\nMax-Forwards: 70\r\n"
    "From: <sip:u{number}@{proxy}>;tag=1\r\nTo: <sip:u{number}@{proxy}>\r\nCall-ID: {number}\r\nCSeq: 1 REGISTER\r\n"
    "Contact: <sip:u{number}@{host}:{port};transport=tcp>\r\nExpires: 3600\r\nContent-Length: 0\r\n\r\n"
)
CALL = (
    "OPTIONS sip:u{number}@{proxy} SIP/2.0\r\nVia: SIP/2.0/TCP {host}:{port};branch=z9hG4bKo{number}\r\n"
    "Max-Forwards: 70\r\nFrom: <sip:u0@{proxy}>;tag=1\r\nTo: <sip:u{number}@{proxy}>\r\nCall-ID: o{number}\r\n"
    "CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)


def memory(pid: int) -> int:
    """Resident bytes of a process."""
    lines = Path(f"/proc/{pid}/status").read_text("ascii").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmRSS"))) << 10


def cpu(pid: int) -> float:
    """Seconds of a core that a process has had."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def hear(lines: list[socket.socket], beginning: bytes, wanted: int) -> int:
    """How many of them get a message that begins so, until it is as many as wanted, or a while has passed."""
    found, deadline = 0, monotonic() + 120
    framers = {line: Framer() for line in lines}
    with selectors.DefaultSelector() as selector:
        for line in lines:
            selector.register(line, selectors.EVENT_READ)
        while found < wanted and monotonic() < deadline:
            for key, _ in selector.select(1.0):
                heard: socket.socket = key.fileobj  # type: ignore[assignment]
                found += sum(message.startswith(beginning) for message in framers[heard].feed(heard.recv(65_535)))
    return found


@pytest.mark.soak
def test_five_thousand_idle_registrations_are_held(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2 * PHONES:
        pytest.skip("too few files may be open here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    lines: list[socket.socket] = []
    try:
        with running(tmp_path, "--open") as proxy:
            crowd(proxy, lines, capsys)
    finally:
        for line in lines:
            line.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def crowd(proxy: Running, lines: list[socket.socket], capsys: pytest.CaptureFixture[str]) -> None:
    pid, address = proxy.pid, f"{proxy.address[0]}:{proxy.address[1]}"
    before = memory(pid)
    for number in range(PHONES):
        host = f"127.0.1.{number % HOSTS + 1}"
        lines.append(line := socket.create_connection(proxy.address, timeout=60, source_address=(host, 0)))
        facts = {"proxy": address, "host": host, "port": line.getsockname()[1], "number": number}
        line.sendall(REGISTER.format(**facts).encode())
        if number % 100 == 99:  # no more at a time than a port may have waiting
            assert hear(lines[-100:], b"SIP/2.0 200", 100) == 100
    each = (memory(pid) - before) / PHONES
    begun, busy = monotonic(), cpu(pid)
    eventually(lambda: monotonic() - begun > IDLE, "the time", within=2 * IDLE)
    idle = (cpu(pid) - busy) / (monotonic() - begun)
    asked = range(0, PHONES, 50)
    host, port = lines[0].getsockname()[:2]
    for number in asked:
        lines[0].sendall(CALL.format(proxy=address, host=host, port=port, number=number).encode())
    reached = hear([lines[number] for number in asked], b"OPTIONS ", len(asked))
    with capsys.disabled():
        print(
            f"\n{PHONES} phones: {each:.0f} bytes each, {idle:.1%} of a core while idle; {reached} asked, and reached"
        )
    assert reached == len(asked)
    assert each < MOST_MEMORY
    assert idle < MOST_CPU
