"""An address that is lost, and that comes back, is told once; so is what there is instead."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import pytest

from sipfullproxy import whereabouts
from sipfullproxy.lang import Lang

HOME, OTHER = "192.168.1.10", "10.0.0.5"

Told = Callable[..., list[str]]


class Looks(threading.Event):
    """Is set after so many looks, and waits for none. number: of the look that is on."""

    def __init__(self, many: int) -> None:
        super().__init__()
        self.number = -1
        self._many = many

    def wait(self, timeout: float | None = None) -> bool:
        self.number += 1
        return self.number == self._many


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Told:
    """What is said of a computer that has these addresses, look by look."""

    def watched(*looks: Sequence[str], hosts: Sequence[str] = (HOME,), lang: Lang = "en") -> list[str]:
        over = Looks(len(looks))
        monkeypatch.setattr(whereabouts, "is_local", lambda host: host in looks[over.number])
        monkeypatch.setattr(whereabouts, "lan_addresses", lambda: [*looks[over.number]] or ["127.0.0.1"])
        whereabouts.watch(hosts, lang, over)
        return [record.message for record in caplog.records]

    return watched


def test_nothing_is_said_as_long_as_nothing_is_lost(told: Told) -> None:
    assert told([HOME], [HOME, OTHER], [OTHER, HOME]) == []


def test_another_network_is_told_once(told: Told) -> None:
    assert told([HOME], [OTHER], [OTHER], [OTHER]) == [
        "this computer has lost the address 192.168.1.10, phones do not find it; it has 10.0.0.5: "
        "start the proxy again with that one, and make it the domain of the phones"
    ]


def test_what_comes_after_a_while_is_told_too_and_so_is_the_end(told: Told) -> None:
    """As Wi-Fi does it: first the old network is gone, and some seconds later there is a new one."""
    gone, moved, back = told([HOME], [], [], [OTHER], [HOME], [HOME], lang="sk")
    assert "nie je v žiadnej sieti" in gone
    assert "má 10.0.0.5:" in moved
    assert back == "tento počítač má znova adresu 192.168.1.10, telefóny ho nájdu"


def test_each_address_counts_by_itself(told: Told) -> None:
    (lost,) = told([HOME], [HOME], hosts=(HOME, "fd00::10", HOME))
    assert "fd00::10" in lost and HOME in lost


def test_nobody_looks_after_what_cannot_be_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whereabouts, "GLANCE", 3600.0)
    whereabouts.watch(["127.0.0.1", "::1"], "sk", threading.Event())
