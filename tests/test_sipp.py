"""Calls made by SIPp through a running proxy, some over a network that loses messages. The flows are RFC 3665's."""

from __future__ import annotations

from copy import copy
from pathlib import Path

import pytest

from sipfullproxy.sip.digest import MD5
from tests.load import LOSING, Sipp, ends, finish, free_port
from tests.logins import users_file
from tests.running import Running, running

pytestmark = pytest.mark.sipp


def lines_with(proxy: Running, words: str) -> int:
    return proxy.journal.read_text(encoding="utf-8").count(words)


@pytest.mark.parametrize(("loss", "calls", "rate"), [("0", 200, "100"), ("10", 40, "20")])
def test_every_call_is_connected_and_ended_and_journaled_once(tmp_path: Path, loss: str, calls: int, rate: str) -> None:
    with running(tmp_path) as proxy, ends(proxy, tmp_path) as (alice, bob):
        callee = bob.start("callee", "-lost", loss, *LOSING, calls=calls)
        finish(alice.start("caller", "-lost", loss, "-r", rate, calls=calls, service="bob"))
        finish(callee)
    assert lines_with(proxy, "Call started") == calls
    assert lines_with(proxy, "Call ended") == calls


def test_a_hundred_calls_are_in_progress_at_once(tmp_path: Path) -> None:
    with running(tmp_path) as proxy, ends(proxy, tmp_path) as (alice, bob):
        callee = bob.start("callee", calls=100)
        finish(alice.start("caller", "-r", "100", "-l", "100", "-d", "2000", calls=100, service="bob"))
        finish(callee)
    assert lines_with(proxy, "Call ended") == 100


def test_calls_that_are_cancelled_while_they_ring(tmp_path: Path) -> None:
    with running(tmp_path) as proxy, ends(proxy, tmp_path) as (alice, bob):
        callee = bob.start("ringing", calls=20)
        finish(alice.start("impatient", "-r", "20", calls=20, service="bob"))
        finish(callee)
    assert lines_with(proxy, "ancelled") == 20


@pytest.mark.parametrize(("callers", "callees"), [("u1", "t1"), ("t1", "u1"), ("t1", "t1")])
def test_calls_between_udp_and_tcp(tmp_path: Path, callers: str, callees: str) -> None:
    """SIPp keeps no registration on the connection of its calls: so callers are strangers, and bob's calls are sent on
    to where the callee listens."""
    port = free_port()
    transport = {"u1": "udp", "t1": "tcp"}[callees]
    config = tmp_path / "proxy.toml"
    config.write_text(
        f'open = true\n[forward.bob]\nalways = "sip:bob@127.0.0.1:{port};transport={transport}"\n', "utf-8"
    )
    with running(tmp_path, "--config", str(config)) as proxy:
        alice, bob = Sipp(proxy, tmp_path, "alice"), Sipp(proxy, tmp_path, "bob")
        bob.port = port
        try:
            callee = bob.start("callee", "-t", callees, calls=100)
            finish(alice.start("caller", "-t", callers, "-r", "50", calls=100, service="bob"))
            finish(callee)
        finally:
            alice.close()
            bob.close()
    assert lines_with(proxy, "Call ended") == 100


@pytest.mark.parametrize(("callers", "callees"), [("127.0.0.1", "::1"), ("::1", "127.0.0.1"), ("::1", "::1")])
def test_calls_between_ipv4_and_ipv6(tmp_path: Path, callers: str, callees: str) -> None:
    """The signalling alone: no session description is translated, and SIPp sends no voice."""
    ports = [option for host in ("127.0.0.1", "[::1]") for option in ("--listen", f"udp:{host}:{free_port()}")]
    at = {"127.0.0.1": int(ports[1].rpartition(":")[2]), "::1": int(ports[3].rpartition(":")[2])}
    with running(tmp_path, *ports) as proxy:
        sides = [copy(proxy), copy(proxy)]
        for side, host in zip(sides, (callers, callees), strict=True):
            side.address = host, at[host]
        alice, bob = (Sipp(side, tmp_path, user) for side, user in zip(sides, ("alice", "bob"), strict=True))
        try:
            alice.register()
            bob.register()
            callee = bob.start("callee", calls=50)
            finish(alice.start("caller", "-r", "50", calls=50, service="bob"))
            finish(callee)
        finally:
            alice.close()
            bob.close()
    assert lines_with(proxy, "Call ended") == 50


@pytest.mark.parametrize("wrong", ["drop = 5", "delay = 100", "stateless = true", "stateless = true\ndrop = 3"])
def test_calls_get_through_what_a_teacher_lets_go_wrong(tmp_path: Path, wrong: str) -> None:
    """Without state, what is lost is sent again by the phones alone; and the journal knows of no call."""
    config = tmp_path / "proxy.toml"
    config.write_text(f"[experiments]\n{wrong}\n", "utf-8")
    with running(tmp_path, "--config", str(config)) as proxy, ends(proxy, tmp_path) as (alice, bob):
        callee = bob.start("callee", *(LOSING if "drop" in wrong else ()), calls=20)
        finish(alice.start("caller", "-r", "20", calls=20, service="bob"))
        finish(callee)
    assert lines_with(proxy, ":WARNING:Experiment: ") == 1
    assert lines_with(proxy, "Call ended") == (0 if "stateless" in wrong else 20)


@pytest.mark.parametrize("login", ["register", "calls"])
def test_phones_log_in_and_call(tmp_path: Path, login: str) -> None:
    """SIPp's own digest, each user with his password; where each call is asked, the caller logs in for it, too."""
    users = users_file(tmp_path, MD5, alice="apple", bob="apple")
    with running(tmp_path, "--users", users, "--login", login) as proxy, ends(proxy, tmp_path, "apple") as (alice, bob):
        callee = bob.start("callee", calls=50)
        host, port = proxy.address
        asked = ("caller-login", "-au", "alice", "-ap", "apple", "-auth_uri", f"bob@{host}:{port}")
        finish(alice.start(*(asked if login == "calls" else ("caller",)), "-r", "50", calls=50, service="bob"))
        finish(callee)
    assert lines_with(proxy, "Call ended") == 50
