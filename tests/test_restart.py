"""`kill -9` while phones register: whoever had his 200 a second before is there again, and nobody who had left.

And disks that take nothing: calls go on, and the proxy says once what is the matter.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from sipfullproxy.journal.registrations import file_of
from tests.disks import disk, fill
from tests.load import ends, finish, free_port, is_open
from tests.running import Running
from tests.waiting import eventually

pytestmark = pytest.mark.io

LOST = 1.0
"""Seconds: what was answered so long before the end must be there again."""

SLOWEST = 10.0
"""Seconds that a phone waits for an answer of a proxy that lives."""

BUSY = b"SIP/2.0 503 "
"""What a proxy may say that has more to do than it can; it means nothing here."""

USERS = 20_000
"""Who comes, refreshes and leaves; so many that most of them did it last some while before the end."""


class Phones:
    """Many users on one socket, and what each was told last: the moment of the 200, and whether he is registered."""

    def __init__(self, address: tuple[str, int], random: Random) -> None:
        self.told: dict[str, tuple[float, bool]] = {}
        self._random = random
        self._address = address
        self._number = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.1)

    def close(self) -> None:
        self._socket.close()

    def somebody(self) -> None:
        """Somebody registers, refreshes or leaves, if the proxy answers."""
        user = f"user{self._random.randrange(USERS)}"
        stays = self._random.random() < 0.8
        if self.ask(user, 3600 if stays else 0, once=True):
            self.told[user] = (time.monotonic(), stays)

    def is_registered(self, user: str) -> bool:
        """What the proxy says of him."""
        return b"\r\nContact: <sip:" in self.ask(user, None)

    def ask(self, user: str, expires: int | None, *, once: bool = False) -> bytes:
        """REGISTER for so many seconds, or ask only. Returns the 200; b"" for silence, where asked once."""
        self._number += 1
        host, port = self._socket.getsockname()
        lines = [
            f"REGISTER sip:{self._address[0]} SIP/2.0",
            f"Via: SIP/2.0/UDP {host}:{port};rport;branch=z9hG4bK-{port}-{self._number}",
            f"From: <sip:{user}@{self._address[0]}>;tag=1", f"To: <sip:{user}@{self._address[0]}>",
            f"Call-ID: {user}-{port}", f"CSeq: {self._number} REGISTER", "Max-Forwards: 70",
            *([] if expires is None else [f"Contact: <sip:{user}@{host}:{port}>", f"Expires: {expires}"]),
            "Content-Length: 0", "", "",
        ]  # fmt: skip
        deadline = time.monotonic() + SLOWEST
        while time.monotonic() < deadline:
            try:
                self._socket.sendto("\r\n".join(lines).encode(), self._address)
                while True:
                    answer = self._socket.recv(65_536)
                    if f"CSeq: {self._number} ".encode() in answer and not answer.startswith(BUSY):
                        assert answer.startswith(b"SIP/2.0 200 "), answer
                        return answer
            except OSError:  # silence, or an ICMP error: nobody is there
                if once:
                    return b""
        raise AssertionError(f"no answer for {user} within {SLOWEST:g} s")


def live_and_die(proxy: Running, phones: Phones, seconds: float) -> float:
    """Phones come and go for so long, and then the proxy is killed in the middle of it. Returns when."""
    killed: list[float] = []

    def kill() -> None:
        killed.append(time.monotonic())
        proxy.kill()

    end = threading.Timer(seconds, kill)
    end.start()
    while not killed:
        phones.somebody()
    end.join()
    return killed[0]


class Tally(NamedTuple):
    """What became of registrations over many deaths. lost: those that were not as the phone had been told; oldest: how
    long before the end the oldest of these had been answered, in seconds."""

    checked: int = 0
    lost: int = 0
    oldest: float = 0.0


def lives(folder: Path, kills: int, seed: int, *options: str) -> Tally:
    """A proxy that is killed and started again and again, and has forgotten nothing each time."""
    random, port, tally = Random(seed), free_port(), Tally()
    phones = Phones(("127.0.0.1", port), random)
    killed, shown = time.monotonic(), b""
    try:
        for life in range(kills + 1):
            proxy = Running(folder, "--port", str(port), "--no-web", *options)
            assert proxy.journal.read_bytes().startswith(shown), "whoever reads along never reads anything else later"
            ages = [killed - at for user, (at, stays) in phones.told.items() if phones.is_registered(user) != stays]
            tally = Tally(tally.checked + len(phones.told), tally.lost + len(ages), max([tally.oldest, *ages]))
            phones.told.clear()
            if life < kills:
                killed = live_and_die(proxy, phones, random.uniform(0.1, 3.0))
                shown = proxy.journal.read_bytes()
            assert file_of(port) not in proxy.stop(), "it never complained about the file"
            if sys.platform == "linux":
                eventually(lambda: not is_open(port, "udp"), "the end of its other processes, who have the port, too")
    finally:
        phones.close()
    return tally


@pytest.mark.parametrize("workers", [1, 2])
def test_registrations_outlive_the_death_of_the_proxy(tmp_path: Path, workers: int) -> None:
    if workers > 1 and sys.platform != "linux":
        pytest.skip("several workers are for Linux only")
    tally = lives(tmp_path, 2, 1, "--workers", str(workers))
    assert tally.checked > 100
    assert tally.oldest < LOST


@pytest.mark.soak
def test_registrations_outlive_many_deaths(tmp_path: Path) -> None:
    tally = lives(tmp_path, kills=100, seed=2)
    print(tally)
    assert tally.oldest < LOST


# -- bad disks ---------------------------------------------------------------------------------------------------------


def talk(proxy: Running, folder: Path, calls: int = 40) -> None:
    """Alice and Bob register, and so many calls between them pass as they should."""
    with ends(proxy, folder) as (alice, bob):
        callee = bob.start("callee", calls=calls)
        finish(alice.start("caller", "-r", "30", calls=calls, service="bob"))
        finish(callee)


@pytest.mark.sipp
def test_a_full_disk_stops_no_call_and_costs_nothing_that_was_told(tmp_path: Path) -> None:
    """The journal, its database and the registrations are on it; each says so once, and has it all in the end."""
    port = free_port()
    with disk(tmp_path / "disk", kilobytes=1024) as small, closing(Phones(("127.0.0.1", port), Random(0))) as phones:
        options = ("--port", str(port), "--no-web", "--journal", str(small / "proxy.log"), "--state", str(small))
        proxy = Running(tmp_path, *options)
        phones.ask("before", 3600)
        filler = fill(small)
        phones.ask("meanwhile", 3600)
        talk(proxy, tmp_path)
        filler.unlink()
        phones.ask("after", 3600)
        complaints = proxy.stop().splitlines()
        for file in ("proxy.log", "proxy.db", file_of(port)):
            assert sum(str(small / file) in line for line in complaints) == 1, complaints
        assert len(complaints) == 3, complaints

        proxy = Running(tmp_path, *options)
        assert all(phones.is_registered(user) for user in ("before", "meanwhile", "after", "alice", "bob"))
        assert proxy.stop() == ""
        assert (small / "proxy.log").read_text("utf-8").count("Call started alice@") == 40


@pytest.mark.sipp
def test_a_disk_that_is_read_only_stops_no_call(tmp_path: Path) -> None:
    with disk(tmp_path / "disk", kilobytes=1024) as small:
        subprocess.run(["mount", "-o", "remount,ro", str(small)], check=True)
        journal, state = str(small / "logs" / "proxy.log"), str(small / "state")
        proxy = Running(tmp_path, "--port", str(free_port()), "--no-web", "--journal", journal, "--state", state)
        talk(proxy, tmp_path)
        complaints = proxy.stop().splitlines()
    assert len(complaints) == 3 and all("Read-only" in line for line in complaints), complaints


@pytest.mark.sipp
def test_damaged_files_stop_no_call(tmp_path: Path) -> None:
    port = free_port()
    for name in ("proxy.db", file_of(port)):
        (tmp_path / name).write_bytes(b"this is no database at all" * 1_000)
    options = ("--port", str(port), "--no-web", "--state", str(tmp_path))
    proxy = Running(tmp_path, *options)
    talk(proxy, tmp_path)
    complaints = proxy.stop().splitlines()
    assert len(complaints) == 2 and all("damaged" in line for line in complaints), complaints
    proxy = Running(tmp_path, *options)
    with closing(Phones(("127.0.0.1", port), Random(0))) as phones:
        assert phones.is_registered("alice") and phones.is_registered("bob")
    assert proxy.stop() == ""
