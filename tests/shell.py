"""The program as somebody types it: within our process, or as one of its own. And the phone that he has beside it."""

from __future__ import annotations

import io
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from sipfullproxy.cli import main

MAIN = Path(__file__).parent.parent / "main.py"


# Time that a proxy may take to start or to end, in seconds. "At once" is a hundredth of it; machines may be slow.
MOMENT = 60


def home(folder: Path) -> dict[str, str]:
    """Everything that the proxy keeps goes into the test's own folder."""
    return {"XDG_STATE_HOME": str(folder), "LOCALAPPDATA": str(folder), "HOME": str(folder)}


def environment(folder: Path, **more: str) -> dict[str, str]:
    """That, and what it says is UTF-8 on any system."""
    return {**os.environ, **home(folder), "PYTHONIOENCODING": "utf-8", **more}


class Done(NamedTuple):
    """What a command has come to."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Done]


def typing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """A function that does what main.py does with its arguments, in the test's own folder.

    typed: what the user types meanwhile.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [MAIN.name])
    for name, value in home(tmp_path).items():
        monkeypatch.setenv(name, value)

    def command(*arguments: str, typed: str = "") -> Done:
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        capsys.readouterr()
        try:
            code = main(arguments)
        except SystemExit as end:  # argparse's way out of --help, and of what it does not know
            code = int(end.code or 0)
        return Done(code, *capsys.readouterr())

    return command


def process(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run main.py to its end, in `folder`; `more` goes into its environment."""
    return subprocess.run(
        [sys.executable, str(MAIN), *arguments],
        cwd=folder,
        env=environment(folder, **more),
        capture_output=True,
        encoding="utf-8",
        timeout=MOMENT,
        check=False,
    )


@contextmanager
def running(folder: Path, *arguments: str, **more: str) -> Iterator[tuple[subprocess.Popen[str], list[str], int]]:
    """A running proxy on the loopback, the lines of its greeting, and its port."""
    with subprocess.Popen(
        [sys.executable, str(MAIN), "127.0.0.1", "--port", "0", "--web-port", "0", *arguments],
        cwd=folder,
        env=environment(folder, **more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        try:
            assert process.stdout is not None
            lines: list[str] = []
            while not lines or "Ctrl-C" not in lines[-1]:
                line = process.stdout.readline()
                assert line, process.stderr.read() if process.stderr else ""
                lines.append(line.rstrip("\n"))
            found = re.search(r"127\.0\.0\.1:(\d+)", lines[0])
            assert found
            yield process, lines, int(found[1])
        finally:
            process.kill()


def ask(port: int, method: str, to: str, uri: str, call: str) -> bytes:
    """Send a request as macka would, and return the first answer that is final."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.connect(("127.0.0.1", port))
        phone.settimeout(MOMENT)
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bK{method}{call}",
            f"From: <sip:macka@127.0.0.1:{port}>;tag=1",
            f"To: <sip:{to}@127.0.0.1:{port}>",
            f"Call-ID: {call}",
            f"CSeq: 1 {method}",
            "Max-Forwards: 70",
            "Contact: <sip:macka@127.0.0.1>",
            "Content-Length: 0",
        ]
        phone.send("\r\n".join([*lines, "", ""]).encode())
        while (answer := phone.recv(65535)).startswith(b"SIP/2.0 1"):
            pass
        return answer


def register(port: int) -> None:
    """Register a phone, and wait for the answer."""
    assert ask(port, "REGISTER", "macka", f"sip:127.0.0.1:{port}", "1").startswith(b"SIP/2.0 200 ")


def call_nobody(port: int) -> None:
    """A call that fails at once: 403 where its caller is not registered, else 404."""
    answer = ask(port, "INVITE", "nikto", f"sip:nikto@127.0.0.1:{port}", "call-1")
    assert answer.startswith((b"SIP/2.0 403 ", b"SIP/2.0 404 "))
