"""Fetching records: from a real DNS server on the loopback, however it behaves; and from the operating system alone."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import pytest

from sipfullproxy.engine.locating import Kind, Naptr, Query, Records, Srv
from sipfullproxy.transport import records
from sipfullproxy.transport.records import LONGEST_TTL, MOST_RECORDS, addresses, fetcher
from tests.nameserver import NameServer, Twist, Zone, honest, name_server

pytestmark = pytest.mark.io

PATIENCE = 30.0
"""Seconds for what is answered at once."""

ZONE: Zone = {
    "lab.sk NAPTR": ['50 50 "s" "SIP+D2U" "" _sip._udp.lab.sk.', '90 50 "s" "SIP+D2T" "" _sip._tcp.lab.sk.'],
    "_sip._udp.lab.sk SRV": ["0 10 5070 One.lab.sk.", "1 0 0 ."],
    "one.lab.sk A": ["192.0.2.1", "192.0.2.2"],
    "one.lab.sk AAAA": ["2001:db8::1"],
    "alias.lab.sk CNAME": ["one.lab.sk."],
    "circle.lab.sk CNAME": ["circle.lab.sk."],
    "many.lab.sk A": [f"10.1.{high}.{low}" for high in range(2) for low in range(250)],
}  # fmt: skip


def fetch(server: NameServer, name: str, kind: Kind = "A", seconds: float = PATIENCE) -> Records | None:
    return fetcher(server.address)(Query(name, kind), seconds)


@pytest.fixture
def server() -> Iterator[NameServer]:
    with name_server(ZONE) as server:
        yield server


@pytest.mark.parametrize(
    ("name", "kind", "found"),
    [
        ("lab.sk", "NAPTR", {Naptr(50, 50, "s", "SIP+D2U", "_sip._udp.lab.sk"),
                             Naptr(90, 50, "s", "SIP+D2T", "_sip._tcp.lab.sk")}),
        ("_sip._udp.lab.sk", "SRV", {Srv(0, 10, 5070, "One.lab.sk"), Srv(1, 0, 0, ".")}),
        ("one.lab.sk", "A", {"192.0.2.1", "192.0.2.2"}),
        ("one.lab.sk", "AAAA", {"2001:db8::1"}),
        ("alias.lab.sk", "A", {"192.0.2.1", "192.0.2.2"}),
        ("one.lab.sk", "SRV", set()),
        ("nobody.lab.sk", "A", set()),
    ],
)  # fmt: skip
def test_records_of_every_kind(server: NameServer, name: str, kind: Kind, found: set[object]) -> None:
    assert set(fetch(server, name, kind) or ()) == found


def test_an_answer_that_was_cut_is_fetched_by_tcp_and_only_so_much_of_it_is_looked_at(server: NameServer) -> None:
    assert len(fetch(server, "many.lab.sk") or ()) == MOST_RECORDS
    assert server.asked == ["many.lab.sk A"] * 2


def test_what_is_known_is_not_asked_again_nor_that_there_is_nothing(server: NameServer) -> None:
    ask = fetcher(server.address)
    for _ in range(3):
        assert ask(Query("one.lab.sk", "A"), PATIENCE)
        assert ask(Query("nobody.lab.sk", "A"), PATIENCE) == ()
    assert server.asked.count("one.lab.sk A") == 1
    # RFC 2308 §5: without a SOA record nobody says for how long there is nothing, so it is asked again.
    assert server.asked.count("nobody.lab.sk A") in (1, 3)


def test_no_answer_is_believed_for_ever(server: NameServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def long_lived(answer: dns.message.Message, tcp: bool) -> bytes | None:
        for rrset in answer.answer:
            rrset.ttl = 2**31 - 1
        return honest(answer, tcp)

    with name_server(ZONE, long_lived) as server:
        ask = fetcher(server.address)
        ask(Query("one.lab.sk", "A"), PATIENCE)
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + LONGEST_TTL + 5)
        ask(Query("one.lab.sk", "A"), PATIENCE)
        assert len(server.asked) == 2


def wrong_number(answer: dns.message.Message, tcp: bool) -> bytes | None:
    """An answer to another question, as somebody sends who guesses."""
    answer.id ^= 1
    return answer.to_wire()


def failing(answer: dns.message.Message, tcp: bool) -> bytes | None:
    answer.answer.clear()
    answer.set_rcode(dns.rcode.SERVFAIL)
    return answer.to_wire()


def cut_for_ever(answer: dns.message.Message, tcp: bool) -> bytes | None:
    answer.answer.clear()
    answer.flags |= dns.flags.TC
    return None if tcp else answer.to_wire()


TWISTS: dict[str, Twist] = {
    "silent": lambda answer, tcp: None,
    "junk": lambda answer, tcp: b"\xff" * 600,
    "empty": lambda answer, tcp: b"",
    "half": lambda answer, tcp: answer.to_wire()[:15],
    "wrong number": wrong_number,
    "SERVFAIL": failing,
    "cut for ever": cut_for_ever,
}


@pytest.mark.parametrize("twist", TWISTS)
def test_a_server_that_does_not_say_it_counts_as_silent_in_time(twist: str) -> None:
    with name_server(ZONE, TWISTS[twist]) as server:
        assert fetch(server, "one.lab.sk", seconds=0.3) is None


def test_a_circle_of_aliases_ends(server: NameServer) -> None:
    assert not fetch(server, "circle.lab.sk", seconds=0.3)


def test_where_nobody_listens_nobody_answers() -> None:
    with name_server({}) as server:
        pass
    assert fetch(server, "one.lab.sk", seconds=0.3) is None


@pytest.mark.parametrize("name", ["x" * 64 + ".sk", "a..b", ".", "a" * 300])
def test_what_cannot_be_a_name_has_no_records(server: NameServer, name: str) -> None:
    assert fetch(server, name) == () and not server.asked
    assert not addresses(Query(name, "A"), 1.0)


def test_the_operating_system_knows_addresses_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is where dnspython is not installed; and what it says is remembered for a while."""
    asked = []

    def getaddrinfo(name: str, *rest: object) -> list[tuple[object, ...]]:
        asked.append(name)
        if name == "down.lab.sk":
            raise socket.gaierror(socket.EAI_AGAIN, "try again")
        if name != "one.lab.sk":
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return [(socket.AF_INET, socket.SOCK_DGRAM, 17, "", ("192.0.2.1", 0))] * 2

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(records, "missing", lambda *names: [*names])
    records._addresses.cache_clear()
    ask = fetcher()
    assert [ask(Query("one.lab.sk", "A"), 1.0) for _ in range(3)] == [("192.0.2.1",)] * 3
    assert ask(Query("nobody.lab.sk", "AAAA"), 1.0) == ()
    assert ask(Query("down.lab.sk", "A"), 1.0) is None
    assert ask(Query("_sip._udp.lab.sk", "SRV"), 1.0) == () and ask(Query("lab.sk", "NAPTR"), 1.0) == ()
    assert asked.count("one.lab.sk") == 1 and "lab.sk" not in asked
    records._addresses.cache_clear()
    with pytest.raises(ImportError):
        fetcher(("127.0.0.1", 53))


def test_the_file_of_hosts_counts_beside_the_dns(monkeypatch: pytest.MonkeyPatch, server: NameServer) -> None:
    """Whom the machine's own servers do not know, it may know from elsewhere."""

    class Configured(dns.resolver.Resolver):
        def __init__(self, configure: bool) -> None:
            super().__init__(configure=False)
            assert configure
            self.nameservers, self.port = [server.address[0]], server.address[1]

    monkeypatch.setattr(dns.resolver, "Resolver", Configured)
    records._addresses.cache_clear()
    ask = fetcher()
    assert ask(Query("localhost", "A"), PATIENCE) == ("127.0.0.1",)
    assert set(ask(Query("one.lab.sk", "A"), PATIENCE) or ()) == {"192.0.2.1", "192.0.2.2"}
    assert server.asked == ["localhost A", "one.lab.sk A"]
    server.close()
    records._addresses.cache_clear()
    assert ask(Query("localhost", "A"), 0.3) == ("127.0.0.1",), "a lab that is offline has its file of hosts"
    assert ask(Query("_sip._udp.localhost", "SRV"), 0.3) is None
