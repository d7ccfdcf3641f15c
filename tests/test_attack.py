"""SIPVicious against a running proxy: svmap looks for it, svwar guesses users. Phones go on calling meanwhile.

Without logins anybody may register; what must not be is that a stranger learns who is registered, or that anything
breaks. With logins svcrack guesses passwords, too, until its address is banned. Attacker and phones have one address
here, as behind a NAT.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from sipfullproxy.engine.bans import GUESSES
from sipfullproxy.sip.digest import MD5
from tests.load import ends, finish
from tests.logins import users_file
from tests.running import PATIENCE, Running, need, running

pytestmark = pytest.mark.attack

NAMES = "alice\nbob\ncarol\n1000\n"
"""Two of these are registered, and two are nobody."""


PASSWORD = "kF9-žeriav-na-Dunaji"
WEAK = [str(number) for number in range(1000, 1150)] + ["password", "alice", "secret", "letmein"]
"""What svcrack tries; it knows MD5 alone, so that is what phones are offered here."""


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
def test_svmap_finds_nothing_where_strangers_are_told_nothing(tmp_path: Path, method: str) -> None:
    users = users_file(tmp_path, MD5, alice=PASSWORD, bob=PASSWORD)
    with running(tmp_path, "--users", users, "--silent") as proxy, ends(proxy, tmp_path, PASSWORD) as (alice, bob):
        callee = bob.start("callee", calls=5)
        caller = alice.start("caller", "-r", "10", calls=5, service="bob")
        found = attack(proxy, tmp_path, "svmap", "-m", method)
        finish(caller)
        finish(callee)
    assert "found nothing" in found
    assert str(proxy.address[1]) not in found


@pytest.mark.parametrize("method", ["OPTIONS", "INVITE"])
def test_svwar_cannot_tell_who_is_registered(tmp_path: Path, method: str) -> None:
    names = tmp_path / "names.txt"
    names.write_text(NAMES, encoding="ascii")
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


@pytest.mark.parametrize("login", ["register", "calls"])
@pytest.mark.parametrize("method", ["OPTIONS", "INVITE", "REGISTER"])
def test_with_logins_svwar_cannot_tell_who_is_a_user(tmp_path: Path, method: str, login: str) -> None:
    names = tmp_path / "names.txt"
    names.write_text(NAMES, encoding="ascii")
    users = users_file(tmp_path, MD5, alice=PASSWORD, bob=PASSWORD)
    with running(tmp_path, "--users", users, "--login", login) as proxy, ends(proxy, tmp_path, PASSWORD):
        found = attack(proxy, tmp_path, "svwar", "-m", method, "-d", str(names), "--force")
    assert "found nothing" in found
    assert "Ringing" not in proxy.journal.read_text(encoding="utf-8")


@pytest.mark.parametrize("user", ["alice", "nobody"])
def test_svcrack_finds_no_password_that_is_not_in_its_list(tmp_path: Path, user: str) -> None:
    (tmp_path / "weak.txt").write_text("\n".join(WEAK), encoding="ascii")
    users = users_file(tmp_path, MD5, alice=PASSWORD, bob=PASSWORD)
    with running(tmp_path, "--users", users) as proxy, ends(proxy, tmp_path, PASSWORD) as (alice, bob):
        callee = bob.start("callee", calls=20)
        caller = alice.start("caller", "-r", "10", calls=20, service="bob")
        found = attack(proxy, tmp_path, "svcrack", "-u", user, "-d", "weak.txt")
        finish(caller)
        finish(callee)
    assert "found nothing" in found
    assert "Traceback" not in found, "it tripped, and so has shown nothing"
    assert proxy.journal.read_text(encoding="utf-8").count("Call started alice@") == 20


def test_svcrack_is_kept_from_a_password_that_is_in_its_list(tmp_path: Path) -> None:
    (tmp_path / "weak.txt").write_text("\n".join(WEAK), encoding="ascii")
    users = users_file(tmp_path, MD5, alice=WEAK[100])
    with running(tmp_path, "--users", users) as proxy:
        found = attack(proxy, tmp_path, "svcrack", "-u", "alice", "-d", "weak.txt")
    assert "Traceback" not in found
    assert "found nothing" in found
    journal = proxy.journal.read_text(encoding="utf-8")
    assert journal.count("Login failed: alice [Address: 127.0.0.1:") == GUESSES
    assert journal.count("Address banned: 127.0.0.1 [Duration: 0:01:00] [Reason: wrong passwords]") == 1
