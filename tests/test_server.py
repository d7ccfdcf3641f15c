"""What is open between a start and a stop."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from sipfullproxy import server, users
from sipfullproxy.journal.hooks import Hooks
from sipfullproxy.server import Server
from sipfullproxy.settings import Settings, read
from sipfullproxy.sip.digest import hash_of
from sipfullproxy.users import UsersFile
from tests.load import free_port

pytestmark = pytest.mark.io

OPTIONS = b"\r\n".join((
    b"OPTIONS sip:127.0.0.1 SIP/2.0", b"Via: SIP/2.0/UDP 127.0.0.1;rport;branch=z9hG4bK1", b"From: <sip:a@b>;tag=1",
    b"To: <sip:127.0.0.1>", b"Call-ID: 1", b"CSeq: 1 OPTIONS", b"Max-Forwards: 70", b"", b"",
))  # fmt: skip


def settings(folder: Path, **others: object) -> Settings:
    usual = {"ip": "127.0.0.1", "port": 0, "web": False, "journal": folder / "proxy.log", "state": folder / "state"}
    return read({**usual, **others})


def test_its_ports_are_open_before_it_serves_so_what_comes_early_waits(tmp_path: Path) -> None:
    opened = Server(settings(tmp_path), Hooks(), {})
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
            phone.settimeout(30)
            phone.connect(opened.listen[0][1])
            phone.send(OPTIONS)
            opened.serve()
            assert phone.recv(65535).startswith(b"SIP/2.0 200 ")
    finally:
        opened.close()


def test_who_is_closed_before_he_has_served_lets_go_of_all(tmp_path: Path) -> None:
    port = free_port()
    for _ in range(2):
        Server(settings(tmp_path, port=port, bans=True), Hooks(), {}).close()


def test_whatever_fails_at_the_opening_the_ports_are_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = settings(tmp_path, port=free_port())
    with monkeypatch.context() as broken:
        broken.setattr(server, "Engine", None)
        with pytest.raises(TypeError):
            Server(chosen, Hooks(), {})
    Server(chosen, Hooks(), {}).close()


def test_a_login_is_the_realm_the_algorithm_and_the_hash_by_it(tmp_path: Path) -> None:
    file = tmp_path / "users.toml"
    users.write(file, UsersFile().with_user("alice", "apple"))
    opened = Server(settings(tmp_path, users=file), Hooks(), {})
    try:
        known = hash_of(b"SHA-256", b"alice", b"sipfullproxy", b"apple").decode()
        assert opened.login(b"alice") == ("sipfullproxy", "SHA-256", known)
        assert opened.login(b"bob") is None
    finally:
        opened.close()
