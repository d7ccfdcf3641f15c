"""Phones on a LAN where nobody has IPv4: they register, call, talk and hang up."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from pathlib import Path

import pytest

from tests.phones import words
from tests.phones.baresip import Baresip
from tests.phones.lan import Host, Lan, ip
from tests.phones.proxy import Proxy
from tests.phones.stage import Stage
from tests.phones.stories import all_idle, call_and_answer, hear_each_other

pytestmark = pytest.mark.phones

NETWORK = "fd77::"
PROXY = f"{NETWORK}1"


def on_ipv6(host: Host, address: str, *, alone: bool = True) -> Host:
    """The same machine with an address of IPv6. alone: and without its one of IPv4."""
    host.run("sysctl", "-qw", *(f"net.ipv6.conf.{card}.disable_ipv6=0" for card in ("all", "lo", "eth0")))
    ip("-n", host.namespace, "address", "replace", f"{address}/64", "dev", "eth0", "nodad")
    if alone:
        ip("-n", host.namespace, "-4", "address", "flush", "dev", "eth0")
        ip("-n", host.namespace, "-6", "route", "replace", "default", "via", PROXY)
    same = copy(host)
    same.address = same.outside = f"[{address}]"  # as it stands in everything that a phone is told
    return same


@pytest.fixture
def proxy(lan: Lan, tmp_path: Path) -> Iterator[Proxy]:
    """The proxy, on IPv6."""
    proxy = Proxy(on_ipv6(lan.proxy, PROXY, alone=False), tmp_path)
    yield proxy
    proxy.stop()


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_they_talk_and_hold_and_hang_up(lan: Lan, stage: Stage, proxy: Proxy, transport: str) -> None:
    proxy.restart("tls = true\n")
    hosts = [on_ipv6(lan.host(f"six{number}"), f"{NETWORK}{number}") for number in (2, 3)]
    barry = stage.enter(Baresip, "barry", host=hosts[0], transport=transport)
    bella = stage.enter(Baresip, "bella", host=hosts[1], transport=transport)
    proxy.journal.expect(words.REGISTERED, barry)
    call_and_answer(barry, bella)
    hear_each_other(barry, bella)
    barry.hold()
    barry.resume()
    bella.hang_up()
    all_idle(barry, bella)
    proxy.journal.expect(words.ENDED, bella, barry)
