"""The list of bans in the state folder: several write it, the disk may be full, the file may be damaged."""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path

import pytest

from sipfullproxy.banlist import BanList, Exchange
from sipfullproxy.engine.bans import FIRST, MEMORY, Ban
from tests.helpers import Lab

OFFSET = 1_000_000.0
"""What the wall clock is ahead of the lab's."""

MALLORY = "198.51.100.66"


class Running:
    """An engine that keeps its bans in a folder."""

    def __init__(self, folder: Path) -> None:
        self.lab = Lab(bans=True)
        self.list = BanList(folder)
        self.exchange = Exchange(self.list, self.lab.engine, "en", lambda: self.lab.now, lambda: OFFSET)

    def look(self) -> None:
        self.exchange.look()

    def ban(self, network: str, seconds: float = FIRST) -> None:
        now = self.lab.now
        self.lab.engine.ban(Ban(network, now, now + seconds, 1, "logins", True), now)

    @property
    def held(self) -> list[str]:
        return [ban.network for ban in self.lab.engine.bans(self.lab.now)]

    @property
    def listed(self) -> list[str]:
        return [ban.network for ban in self.list.read()]


@pytest.fixture
def proxy(tmp_path: Path) -> Running:
    return Running(tmp_path / "state")


def test_without_bans_there_is_no_file(proxy: Running, tmp_path: Path) -> None:
    proxy.look()
    assert proxy.list.read() == []
    assert not proxy.list.lift(MALLORY)
    assert list(tmp_path.iterdir()) == []


def test_a_ban_is_listed_in_the_time_of_people(proxy: Running) -> None:
    proxy.ban(MALLORY)
    proxy.ban("2001:db8::/64")
    proxy.look()
    now = proxy.lab.now + OFFSET
    assert proxy.list.read() == [
        Ban(MALLORY, now, now + FIRST, 1, "logins", True), Ban("2001:db8::/64", now, now + FIRST, 1, "logins", True),
    ]  # fmt: skip


def test_what_is_struck_off_is_lifted(proxy: Running) -> None:
    proxy.ban(MALLORY)
    proxy.ban("192.0.2.7")
    proxy.look()
    assert BanList(proxy.list.path.parent).lift(MALLORY)
    proxy.look()
    assert proxy.held == ["192.0.2.7"]
    assert [event.kind for event in proxy.lab.engine.events()] == ["unbanned"]


def test_what_the_engine_lifts_does_not_come_back(proxy: Running) -> None:
    proxy.ban(MALLORY)
    proxy.look()
    proxy.lab.engine.lift(MALLORY, proxy.lab.now)
    proxy.look()
    assert proxy.held == []


def test_bans_outlive_a_restart_and_so_does_how_many_there_were(proxy: Running, tmp_path: Path) -> None:
    proxy.ban(MALLORY)
    proxy.look()
    after = Running(tmp_path / "state")
    after.look()
    assert after.held == [MALLORY]
    assert after.lab.engine.bans(after.lab.now) == proxy.lab.engine.bans(proxy.lab.now)


def test_two_proxies_on_one_folder_share_them(proxy: Running, tmp_path: Path) -> None:
    neighbour = Running(tmp_path / "state")
    proxy.ban(MALLORY)
    neighbour.ban("192.0.2.7")
    for one in (proxy, neighbour, proxy):
        one.look()
    assert sorted(proxy.held) == sorted(neighbour.held) == ["192.0.2.7", MALLORY]
    proxy.list.lift("192.0.2.7")
    for one in (neighbour, proxy):
        one.look()
    assert proxy.held == neighbour.held == [MALLORY]


def test_what_is_long_over_is_forgotten_and_lifts_nothing(proxy: Running) -> None:
    proxy.ban(MALLORY)
    proxy.look()
    proxy.lab.now += FIRST + 1
    proxy.look()
    assert (proxy.held, proxy.listed) == ([], [MALLORY])
    proxy.lab.now += MEMORY
    proxy.ban("192.0.2.7")
    proxy.look()
    proxy.look()
    assert proxy.listed == ["192.0.2.7"]
    assert proxy.lab.engine.events() == []


def test_a_clock_that_is_set_writes_nothing_anew(proxy: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    proxy.ban(MALLORY)
    proxy.look()
    monkeypatch.setattr(BanList, "write", lambda *_: pytest.fail("there is nothing new"))
    proxy.exchange = Exchange(proxy.list, proxy.lab.engine, "en", lambda: proxy.lab.now, lambda: OFFSET + 0.3)
    proxy.look()
    assert proxy.held == [MALLORY]


def test_a_damaged_list_is_kept_told_and_begun_anew(
    proxy: Running, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    proxy.ban(MALLORY)
    proxy.look()
    proxy.list.path.write_bytes(b"not a database, but long enough to be taken for one" * 100)
    proxy.look()
    (told,) = caplog.records
    assert told.levelno == logging.WARNING and "damaged" in told.getMessage()
    assert len(list((tmp_path / "state").glob("bans-*.damaged"))) == 1
    assert proxy.held == [MALLORY]
    proxy.look()
    assert proxy.listed == [MALLORY]


def test_a_disk_that_takes_nothing_is_told_once(
    proxy: Running, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    proxy.ban(MALLORY)
    with monkeypatch.context() as patch:
        patch.setattr(BanList, "write", full)
        for _ in range(3):
            proxy.look()
    assert len(caplog.records) == 1
    assert proxy.held == [MALLORY]
    proxy.look()
    assert proxy.listed == [MALLORY]


def test_a_folder_that_cannot_be_made_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "state").write_text("a file", encoding="ascii")
    proxy = Running(tmp_path / "state")
    proxy.ban(MALLORY)
    proxy.look()
    proxy.look()
    assert len(caplog.records) == 1
    assert proxy.held == [MALLORY]
