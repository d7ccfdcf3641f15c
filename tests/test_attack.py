"""SIPVicious against a running proxy: svmap looks for it, svwar guesses users. Phones go on calling meanwhile.

Without logins (they are off, and come later) anybody may register; what must not be is that a stranger learns who is
registered, or that anything breaks.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.load import ends, finish
from tests.running import PATIENCE, Running, need, running

pytestmark = pytest.mark.attack

GUESSES = "alice\nbob\ncarol\n1000\n"
"""Two of these are registered, and two are nobody."""


def attack(proxy: Running, folder: Path, tool: str, *options: str) -> str:
    """Let one of the tools loose on the proxy. Returns what it printed."""
    host, port = proxy.address
    done = subprocess.run(
        [need(f"sipvicious_{tool}", "sipvicious"), "-p", str(port), *options, host],
        capture_output=True, text=True, timeout=PATIENCE, check=False, cwd=folder,
        env={"HOME": str(folder), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    return done.stdout + done.stderr


@pytest.mark.parametrize("method", ["OPTIONS", "INVITE", "REGISTER"])
def test_svmap_finds_a_proxy_and_learns_no_name_of_it(tmp_path: Path, method: str) -> None:
    with running(tmp_path) as proxy:
        found = attack(proxy, tmp_path, "svmap", "-m", method)
    assert str(proxy.address[1]) in found
    assert "sipfullproxy" not in found


@pytest.mark.parametrize("method", ["OPTIONS", "INVITE"])
def test_svwar_cannot_tell_who_is_registered(tmp_path: Path, method: str) -> None:
    names = tmp_path / "names.txt"
    names.write_text(GUESSES, encoding="ascii")
    with running(tmp_path) as proxy, ends(proxy, tmp_path):
        found = attack(proxy, tmp_path, "svwar", "-m", method, "-d", str(names), "--force")
    assert "found nothing" in found
    assert "Ringing" not in proxy.journal.read_text(encoding="utf-8")


def test_calls_go_on_while_the_tools_are_at_work(tmp_path: Path) -> None:
    with running(tmp_path) as proxy, ends(proxy, tmp_path) as (alice, bob):
        callee = bob.start("callee", calls=60)
        caller = alice.start("caller", "-r", "10", calls=60, service="bob")
        for method in ("REGISTER", "INVITE", "OPTIONS"):
            attack(proxy, tmp_path, "svwar", "-m", method, "-e", "100-140", "--force")
            attack(proxy, tmp_path, "svmap", "-m", method)
        finish(caller)
        finish(callee)
    assert proxy.journal.read_text(encoding="utf-8").count("Call started alice@") == 60
