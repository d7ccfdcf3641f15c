"""Where names lead (RFC 3263 §4, RFC 2782), from tables of records."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from sipfullproxy.engine.locating import HOPS, SERVERS, Destination, Found, Naptr, Query, Srv, in_order
from tests.zones import TCP, TLS, UDP, Zone, find

SPOKEN = (UDP, TCP, TLS)

# The example of RFC 3263 §4.1, whose domain prefers TLS over TCP over UDP.
EXAMPLE: Zone = {
    "example.com": [
        Naptr(50, 50, "s", "SIPS+D2T", "_sips._tcp.example.com"),
        Naptr(90, 50, "s", "SIP+D2T", "_sip._tcp.example.com"),
        Naptr(100, 50, "s", "SIP+D2U", "_sip._udp.example.com"),
        "192.0.2.99",
    ],
    "_sips._tcp.example.com": [Srv(0, 1, 5061, "server1.example.com"), Srv(0, 2, 5061, "server2.example.com")],
    "_sip._tcp.example.com": [Srv(0, 1, 5060, "server1.example.com"), Srv(0, 2, 5060, "server2.example.com")],
    "_sip._udp.example.com": [Srv(1, 1, 5062, "server2.example.com"), Srv(0, 1, 5060, "server1.example.com")],
    "server1.example.com": ["192.0.2.1"],
    "server2.example.com": ["192.0.2.2", "2001:db8::2"],
}  # fmt: skip


def to(
    host: str = "example.com", port: int | None = None, transport: str | None = None,
    spoken: tuple[tuple[str, int], ...] = SPOKEN,
) -> Destination:  # fmt: skip
    return Destination(host, port, transport, spoken)


def addresses(found: Found) -> list[str]:
    return [f"{hop.transport} {hop.host}:{hop.port}" for hop in found.hops]


@pytest.mark.purpose(
    "RFC3263_07..09",
    given="names with NAPTR, SRV or address records alone, asked for by URIs with and without transport and port; UDP, "
    "TCP and TLS spoken, or fewer",
    expect="NAPTR, of it what is spoken, in its order; then SRV, then addresses; for sips TLS alone",
)
@pytest.mark.parametrize(
    ("zone", "where", "expected"),
    [
        # §4.1: NAPTR decides about the transport, by order, among what is spoken here.
        (EXAMPLE, to(), ["tls 192.0.2.1:5061", "tls 192.0.2.2:5061"]),
        (EXAMPLE, to(spoken=(UDP, TCP)), ["tcp 192.0.2.1:5060", "tcp 192.0.2.2:5060"]),
        (EXAMPLE, to(spoken=(UDP,)), ["udp 192.0.2.1:5060", "udp 192.0.2.2:5062"]),
        (EXAMPLE, to(spoken=(UDP, ("udp", 6))), ["udp 192.0.2.1:5060", "udp 192.0.2.2:5062", "udp 2001:db8::2:5062"]),
        (EXAMPLE, to(spoken=(("udp", 6),)), ["udp 2001:db8::2:5062"]),
        # A transport in the URI skips NAPTR, a port SRV too.
        (EXAMPLE, to(transport="udp"), ["udp 192.0.2.1:5060", "udp 192.0.2.2:5062"]),
        (EXAMPLE, to(transport="tls", spoken=(TLS,)), ["tls 192.0.2.1:5061", "tls 192.0.2.2:5061"]),
        (EXAMPLE, to(port=5080), ["udp 192.0.2.99:5080"]),
        (EXAMPLE, to(port=5080, transport="tcp"), ["tcp 192.0.2.99:5080"]),
        (EXAMPLE, to(port=5080, spoken=(TLS,)), ["tls 192.0.2.99:5080"]),
        # Without NAPTR, the first of our transports that has SRV records.
        ({name: records for name, records in EXAMPLE.items() if name != "example.com"}, to(),
         ["udp 192.0.2.1:5060", "udp 192.0.2.2:5062"]),
        ({"_sip._tcp.a.sk": [Srv(0, 0, 5070, "b.sk")], "b.sk": ["192.0.2.3"]}, to("a.sk"), ["tcp 192.0.2.3:5070"]),
        # NAPTR of services that nobody here speaks, or of other flags, count as none.
        ({"a.sk": [Naptr(1, 1, "s", "SIP+D2S", "_sip._sctp.a.sk"), Naptr(2, 1, "u", "SIP+D2U", "a.sk"), "192.0.2.3"]},
         to("a.sk"), ["udp 192.0.2.3:5060"]),
        # Of those with one order the preferred first; another order only where the first has nothing for us.
        ({"a.sk": [Naptr(1, 2, "S", "sip+d2u", "_sip._udp.a.sk"), Naptr(1, 1, "S", "sip+d2t", "_sip._tcp.a.sk."),
                   Naptr(2, 1, "s", "SIPS+D2T", "_sips._tcp.a.sk")],
          "_sip._udp.a.sk": [Srv(0, 0, 5060, "b.sk")], "_sip._tcp.a.sk": [Srv(0, 0, 5062, "B.sk.")],
          "_sips._tcp.a.sk": [Srv(0, 0, 5061, "b.sk")], "b.sk": ["192.0.2.3"]},
         to("a.sk"), ["tcp 192.0.2.3:5062", "udp 192.0.2.3:5060"]),
        # Neither NAPTR nor SRV: addresses, at the default port.
        ({"a.sk": ["192.0.2.3", "192.0.2.4"]}, to("a.sk"), ["udp 192.0.2.3:5060", "udp 192.0.2.4:5060"]),
        ({"a.sk": ["192.0.2.3"]}, to("a.sk", transport="tcp"), ["tcp 192.0.2.3:5060"]),
        ({"a.sk": ["192.0.2.3"]}, to("a.sk", transport="tls", spoken=(TLS,)), ["tls 192.0.2.3:5061"]),
        # RFC 2782: a target of "." says that there is decidedly no such service.
        ({"a.sk": ["192.0.2.3"], "_sip._udp.a.sk": [Srv(0, 0, 0, ".")]}, to("a.sk", transport="udp"), []),
        ({"a.sk": ["192.0.2.3"], "_sip._udp.a.sk": [Srv(0, 0, 5060, ".")], "_sip._tcp.a.sk": [Srv(0, 0, 5060, "a.sk")]},
         to("a.sk"), ["tcp 192.0.2.3:5060"]),
        # Nothing at all, or nothing that we could speak.
        ({}, to("a.sk"), []),
        (EXAMPLE, to(spoken=()), []),
    ],
)  # fmt: skip
def test_a_name_leads_to_servers(zone: Zone, where: Destination, expected: list[str]) -> None:
    found, _ = find(zone, where)
    assert addresses(found) == expected and not found.silent


@pytest.mark.purpose(
    "RFC3263_06",
    given="a name with a port",
    expect="UDP, the transport of the URI, or TLS for sips; all its addresses, nothing but addresses asked for",
)
@pytest.mark.parametrize(
    ("where", "transport"),
    [(to(port=5080), "udp"), (to(port=5080, transport="tcp"), "tcp"), (to(port=5080, spoken=(TLS,)), "tls")],
)
def test_a_port_leaves_nothing_to_ask_but_addresses(where: Destination, transport: str) -> None:
    found, asked = find({"example.com": ["192.0.2.1", "192.0.2.2"]}, where)
    assert [hop[:3] for hop in found.hops] == [(transport, "192.0.2.1", 5080), (transport, "192.0.2.2", 5080)]
    assert asked == [Query("example.com", "A")]


def test_the_names_that_led_there_are_told() -> None:
    found, _ = find(EXAMPLE, to(transport="udp"))
    assert found.hops[0].names == ("example.com", "_sip._udp.example.com", "server1.example.com")
    assert find({"a.sk": ["192.0.2.3"]}, to("a.sk"))[0].hops[0].names == ("a.sk",)


def test_what_nobody_answers_is_told_and_the_rest_is_found_all_the_same() -> None:
    """Some home routers drop questions for types that they do not know."""
    found, _ = find({"_sip._udp.a.sk": None, "a.sk": ["192.0.2.3"]}, to("a.sk", spoken=(UDP,)))
    assert found.silent and addresses(found) == ["udp 192.0.2.3:5060"]
    assert find({"a.sk": None}, to("a.sk", port=5060)) == (Found(silent=True), [Query("a.sk", "A")])


def test_where_one_question_about_services_is_not_answered_no_other_is_asked() -> None:
    """Each would cost seconds, and a lab that is offline may still know addresses."""
    silent = dict.fromkeys(("_sip._udp.a.sk", "_sip._tcp.a.sk", "_sips._tcp.a.sk"))
    found, asked = find({"a.sk": ["192.0.2.3"], **silent}, to("a.sk"))
    assert [query.name for query in asked] == ["a.sk", "_sip._udp.a.sk", "a.sk"]
    assert found.silent and addresses(found) == ["udp 192.0.2.3:5060"]


def test_a_poisoned_answer_is_cut_short() -> None:
    """However many servers and addresses somebody makes up, and whatever their names are."""
    names = [f"s{number}.a.sk" for number in range(500)]
    zone: dict[str, list[Naptr | Srv | str]] = {name: [f"192.0.2.{number}" for number in range(3)] for name in names}
    zone["_sip._udp.a.sk"] = [Srv(0, 0, 5060, name) for name in names]
    found, asked = find(zone, to("a.sk", transport="udp"))
    assert len(found.hops) == HOPS and len(asked) <= 1 + SERVERS
    empty: Zone = {"_sip._udp.a.sk": [Srv(0, 0, 5060, name) for name in names]}
    assert len(find(empty, to("a.sk", transport="udp"))[1]) == 1 + SERVERS
    for name in ("", "a..b", "-", "x" * 300, "a b.sk", "ž.sk", "a.sk\n", "192.0.2.1 or so", "../etc", "a\0b"):
        zone = {"_sip._udp.a.sk": [Srv(0, 0, 5060, name)], name: ["192.0.2.1"]}
        assert find(zone, to("a.sk", transport="udp")) == (Found(), [Query("_sip._udp.a.sk", "SRV")])
    offers = [Naptr(1, 1, "s", "SIP+D2U", f"_sip._udp.{name}") for name in names]
    assert len(find({"a.sk": offers}, to("a.sk"))[1]) <= 20


def test_of_equal_servers_one_is_chosen_as_often_as_it_weighs() -> None:
    """RFC 2782: weights 1, 2 and 7 of 10; those without a weight hardly ever; priorities are not mixed."""
    chance = Random(1)
    light, middle, heavy, none, later = (
        Srv(1, weight, 5060, name) for weight, name in ((1, "a"), (2, "b"), (7, "c"), (0, "d"), (9, "e"))
    )
    later = later._replace(priority=2)
    first: Counter[str] = Counter()
    for _ in range(20_000):
        ordered = in_order([later, heavy, none, light, middle], lambda most: chance.randint(0, most))
        assert ordered[-1] is later and {*ordered} == {light, middle, heavy, none, later}
        first[ordered[0].target] += 1
    # The one without a weight is taken for 0 of 0 to 10, the others for as many numbers as they weigh.
    assert [round(first[name] / 20_000 * 11, 1) for name in "abcd"] == pytest.approx([1, 2, 7, 1], abs=0.15)


def test_equal_servers_without_weights_are_all_tried() -> None:
    records = [Srv(0, 0, 5060, "a"), Srv(0, 0, 5060, "b")]
    assert in_order(records, lambda most: most) == records
    assert in_order([], lambda most: most) == []
