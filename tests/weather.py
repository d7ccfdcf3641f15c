"""Bad weather on loopback: a network that loses in the kernel, and one that loses, doubles, delays and reorders."""

from __future__ import annotations

import ctypes
import json
import os
import selectors
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from heapq import heappop, heappush
from itertools import count
from random import Random
from time import monotonic

import pytest

from tests.running import need
from tests.test_random_calls import Phone
from tests.waiting import GaveUp

Address = tuple[str, int]

CLONE_NEWNET = 0x40000000

RULES = """
table inet weather {
    chain input {
        type filter hook input priority 0;
        numgen random mod 100 < %d counter drop
    }
}
"""


class Lossy:
    """A loopback of its own that loses packets, UDP and TCP alike. lost: how many so far."""

    def __init__(self, name: str) -> None:
        self._name = name

    @property
    def lost(self) -> int:
        """Asked of the kernel."""
        listed = _run("ip", "netns", "exec", self._name, "nft", "--json", "list", "table", "inet", "weather")
        rules = [entry["rule"] for entry in json.loads(listed)["nftables"] if "rule" in entry]
        return sum(int(part["counter"]["packets"]) for rule in rules for part in rule["expr"] if "counter" in part)


@contextmanager
def lossy(percent: int) -> Iterator[Lossy]:
    """This thread, and the processes that it starts, are on a loopback that loses so many packets of a hundred."""
    need("nft", "nftables")
    if shutil.which("ip") is None or os.geteuid() != 0:
        pytest.skip("needs root and network namespaces")
    name = f"sfp{os.getpid()}-weather"
    _run("ip", "netns", "add", name)
    try:
        _run("ip", "-n", name, "link", "set", "lo", "up")
        _run("ip", "netns", "exec", name, "nft", "-f", "-", given=RULES % percent)
        with open("/proc/thread-self/ns/net", "rb") as here, open(f"/run/netns/{name}", "rb") as there:
            _enter(there.fileno())
            try:
                yield Lossy(name)
            finally:
                _enter(here.fileno())
    finally:
        _run("ip", "netns", "delete", name)


def _enter(namespace: int) -> None:
    if ctypes.CDLL(None, use_errno=True).setns(namespace, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def _run(*command: str, given: str = "") -> str:
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout


class Wire:
    """Phones of tests/test_random_calls.py on real sockets, before a running proxy; the network between is this bad.

    loss, double: of a hundred datagrams, how many; jitter: seconds by which each comes late, at random, up to that
    much, so that they also come in another order. lost, doubled: how many were. overtaken: how many came behind one
    that had been sent later.
    """

    def __init__(self, proxy: Address, *, loss: int = 0, double: int = 0, jitter: float = 0.0, seed: int = 1) -> None:
        self.random = Random(seed)
        self.phones: dict[Address, Phone] = {}
        self.lost = self.doubled = self.overtaken = 0
        self._proxy, self._loss, self._double, self._jitter = proxy, loss, double, jitter
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._sent = self._latest = 0
        self._doors: dict[Address, socket.socket] = {}
        self._selector = selectors.DefaultSelector()

    def place(self) -> Address:
        """An address for one more phone."""
        door = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        door.bind((self._proxy[0], 0))
        address: Address = door.getsockname()
        self._doors[address] = door
        self._selector.register(door, selectors.EVENT_READ, address)
        return address

    def close(self) -> None:
        """Let go of the sockets."""
        self._selector.close()
        for door in self._doors.values():
            door.close()

    def later(self, seconds: float, what: Callable[[], None]) -> None:
        """Do something when so many seconds are over."""
        heappush(self._agenda, (monotonic() + seconds, next(self._order), what))

    def to_proxy(self, data: bytes, source: Address) -> None:
        """A phone sends something."""
        self._carry(lambda: self._doors[source].sendto(data, self._proxy))

    def run(self, over: Callable[[], bool], within: float) -> None:
        """Let happen what happens, until it is over; GaveUp after so many seconds."""
        deadline = monotonic() + within
        while not over():
            if monotonic() > deadline:
                raise GaveUp("the calls did not end in time")
            wait = min(0.05, max(0.0, self._agenda[0][0] - monotonic())) if self._agenda else 0.05
            for key, _ in self._selector.select(wait):
                door: socket.socket = key.fileobj  # type: ignore[assignment]
                data, phone = door.recv(65_535), self.phones[key.data]
                self._carry(lambda data=data, phone=phone: phone.receive(data))  # type: ignore[misc]
            while self._agenda and self._agenda[0][0] <= monotonic():
                heappop(self._agenda)[2]()

    def _carry(self, deliver: Callable[[], object]) -> None:
        if self.random.randrange(100) < self._loss:
            self.lost += 1
            return
        copies = 1 + (self.random.randrange(100) < self._double)
        self.doubled += copies - 1
        for _ in range(copies):
            self._sent += 1
            number = self._sent

            def arrive(number: int = number) -> None:
                self.overtaken += number < self._latest
                self._latest = max(self._latest, number)
                deliver()

            self.later(self.random.random() * self._jitter, arrive)
