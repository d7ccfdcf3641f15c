"""A running proxy and a DNS server of our own: phones that are sockets call by name (RFC 3263)."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.nameserver import NameServer, Zone, name_server
from tests.running import Running, running
from tests.waiting import eventually

pytestmark = pytest.mark.io


class Phone:
    """A socket on the loopback that speaks just enough SIP."""

    def __init__(self, proxy: Running) -> None:
        self.proxy = "{}:{}".format(*proxy.address)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(20)
        self._target = proxy.address
        self.port = self.socket.getsockname()[1]
        self._number = 0

    def __enter__(self) -> Phone:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, method: str, uri: str, to: str = "") -> None:
        self._number += 1
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.port};rport;branch=z9hG4bK{self.port}-{self._number}",
            f"From: <sip:alice@{self.proxy}>;tag=1",
            f"To: <{to or uri}>",
            f"Call-ID: {self.port}-{self._number}",
            f"CSeq: {self._number} {method}",
            "Max-Forwards: 70",
            f"Contact: <sip:alice@127.0.0.1:{self.port}>",
            "Content-Length: 0",
        ]
        self.socket.sendto("\r\n".join([*lines, "", ""]).encode(), self._target)

    def takes(self) -> str:
        """What comes next."""
        return self.socket.recv(65535).decode()

    def status(self) -> str:
        """The status of the next response that is no 100."""
        while (line := self.takes().split("\r\n")[0]).startswith("SIP/2.0 100"):
            pass
        return line[8:11]

    def register(self) -> None:
        self.send("REGISTER", f"sip:{self.proxy}", f"sip:alice@{self.proxy}")
        assert self.status() == "200"

    def reply(self, request: str, status: str) -> None:
        """Answer a request."""
        kept = [
            line for line in request.split("\r\n") if line.startswith(("Via:", "From:", "To:", "Call-ID:", "CSeq:"))
        ]
        answer = "\r\n".join([f"SIP/2.0 {status}", *kept, "Content-Length: 0", "", ""])
        self.socket.sendto(answer.encode(), self._target)


def servers(ports: dict[str, int]) -> Zone:
    """A domain whose servers are at these ports of the loopback, in that order."""
    in_order = [f"{place} 0 {port} {name}.lab.test." for place, (name, port) in enumerate(ports.items())]
    zone = {"lab.test NAPTR": ['10 10 "s" "SIP+D2U" "" _sip._udp.lab.test.'], "_sip._udp.lab.test SRV": in_order}
    return zone | {f"{name}.lab.test A": ["127.0.0.1"] for name in ports}


class House:
    """A proxy with its DNS, alice who has registered, and two servers of lab.test."""

    def __init__(self, proxy: Running, dns: NameServer, zone: dict[str, list[str]], phones: ExitStack) -> None:
        self.proxy = proxy
        self.dns = dns
        self.zone = zone
        self.alice, self.one, self.two = (phones.enter_context(Phone(proxy)) for _ in range(3))
        self.alice.register()
        zone.update(servers({"one": self.one.port, "two": self.two.port}))

    def tells(self, text: str) -> None:
        """The journal has it."""
        eventually(lambda: text in self.proxy.journal.read_text("utf-8"), lambda: f"{text} in the journal")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    zone: dict[str, list[str]] = {}
    with (
        ExitStack() as phones, name_server(zone) as dns,
        running(tmp_path, "--no-web", "--dns", dns.option) as proxy,
    ):  # fmt: skip
        yield House(proxy, dns, zone, phones)


def test_a_call_by_name_goes_to_the_second_server_where_the_first_is_busy_with_itself(house: House) -> None:
    house.alice.send("INVITE", "sip:bob@lab.test")
    house.one.reply(house.one.takes(), "503 Down")
    house.one.takes()  # ACK
    invite = house.two.takes()
    assert invite.startswith("INVITE sip:bob@lab.test SIP/2.0\r\n")
    house.two.reply(invite, "200 OK")
    assert house.alice.status() == "200"
    assert house.dns.asked == [
        "lab.test NAPTR", "_sip._udp.lab.test SRV", "one.lab.test A", "two.lab.test A"
    ]  # fmt: skip
    house.tells(
        f"[Address: UDP 127.0.0.1:{house.two.port}] [Names: lab.test → _sip._udp.lab.test → two.lab.test]"
    )  # fmt: skip


def test_a_call_by_name_goes_to_the_second_server_where_the_first_is_dead(house: House) -> None:
    house.one.socket.close()
    house.alice.send("MESSAGE", "sip:bob@lab.test")
    house.two.reply(house.two.takes(), "200 OK")
    assert house.alice.status() == "200"
    house.alice.send("MESSAGE", "sip:bob@two.lab.test:" + str(house.two.port))
    house.two.reply(house.two.takes(), "202 Accepted")
    assert house.alice.status() == "202"
    assert house.dns.asked.count("two.lab.test A") == 1, "known by now"


@pytest.mark.parametrize(
    ("zone", "status"),
    [
        ({}, "404"),
        ({"lab.test CNAME": ["lab.test."]}, "504"),
        ({"lab.test A": ["224.0.0.1"]}, "500"),
        ({"_sip._udp.lab.test SRV": ["0 0 0 ."]}, "404"),
    ],
)
def test_a_name_that_leads_nowhere_is_told_so(house: House, zone: dict[str, list[str]], status: str) -> None:
    house.zone.clear()
    house.zone.update(zone)
    house.alice.send("INVITE", "sip:bob@lab.test")
    assert house.alice.status() == status


def test_our_own_name_is_not_called_in_a_circle(house: House) -> None:
    house.zone.clear()
    house.zone["lab.test A"] = [house.proxy.address[0]]
    house.alice.send("INVITE", f"sip:bob@lab.test:{house.proxy.address[1]}")
    assert house.alice.status() == "482"


def test_a_dns_that_is_silent_holds_nobody_up(tmp_path: Path) -> None:
    with (
        name_server({}, lambda answer, tcp: None) as dns,
        running(tmp_path, "--no-web", "--dns", dns.option) as proxy,
        Phone(proxy) as alice,
        Phone(proxy) as beside,
    ):
        alice.register()
        for number in range(40):
            alice.send("MESSAGE", f"sip:bob@lab{number}.test")
        eventually(lambda: len(dns.asked) >= 8, "the questions")
        for _ in range(20):
            beside.send("OPTIONS", f"sip:{beside.proxy}")
            assert beside.status() == "200"
        assert {alice.status() for _ in range(40)} == {"504"}


def test_without_dns_a_name_leads_nowhere(tmp_path: Path) -> None:
    with running(tmp_path, "--no-web", "--dns", "off") as proxy, Phone(proxy) as alice:
        alice.register()
        alice.send("MESSAGE", "sip:bob@localhost")
        assert alice.status() == "500"
