"""Where a request goes (RFC 3261 §16.4, §16.5): who we are, what Route leaves to decide, who is meant."""

from __future__ import annotations

import pytest

from sipfullproxy.engine.config import Config
from sipfullproxy.engine.flow import Flow
from sipfullproxy.engine.location import Location
from sipfullproxy.engine.routing import Routed, Router
from sipfullproxy.engine.tokens import Tokens
from sipfullproxy.sip.errors import SipError
from sipfullproxy.sip.message import Request, parse
from sipfullproxy.sip.uri import parse_uri
from tests.helpers import PROXY, Lab, call

SOURCE = Flow("udp", PROXY, ("10.0.0.10", 5060))


def router(address: tuple[str, int] = PROXY) -> Router:
    listen = ("udp", address), ("tcp", address)
    return Router(Config(address=address, listen=listen, domains=frozenset({"school.sk"}), flow_key=b"k"), Location())


def request(uri: str, *routes: str) -> Request:
    lines = [f"MESSAGE {uri} SIP/2.0", "Via: SIP/2.0/UDP 10.0.0.10;branch=z9hG4bKx", "From: <sip:a@x>;tag=1"]
    lines += ["To: <sip:b@x>", "Call-ID: c", "CSeq: 1 MESSAGE", *(f"Route: {route}" for route in routes), "", ""]
    message = parse("\r\n".join(lines).encode())
    assert isinstance(message, Request)
    message.check()
    return message


def token(at: Router, port: int) -> str:
    return at.tokens.make(Flow("udp", PROXY, ("10.9.9.9", port))).decode()


# -- who we are --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("uri", "us", "ours"),
    [
        ("sip:10.0.0.1", True, True), ("sip:bob@10.0.0.1:5060", True, True), ("sip:bob@school.sk", True, True),
        ("sip:bob@SCHOOL.SK:5060;transport=udp", True, True), ("sip:bob@10.0.0.1:5061", False, False),
        ("sip:bob@10.0.0.10", False, False), ("sip:bob@www.school.sk", False, False), ("sip:bob@[::1]", False, False),
    ],
)  # fmt: skip
def test_all_our_names_are_one_domain(uri: str, us: bool, ours: bool) -> None:
    assert router().is_us(parse_uri(uri.encode())) == us
    assert router().in_our_domain(parse_uri(uri.encode())) == ours


def test_on_another_port_a_user_needs_none_but_a_route_does() -> None:
    """`sip:u@ip` and `sip:u@ip:5070` are one user; but `<sip:ip;lr>` is whoever listens on 5060 there."""
    at = router(("10.0.0.1", 5070))
    bare, full, other = (
        parse_uri(text) for text in (b"sip:u@10.0.0.1", b"sip:u@10.0.0.1:5070", b"sip:u@10.0.0.1:5060")
    )
    assert [at.in_our_domain(uri) for uri in (bare, full, other)] == [True, True, False]
    assert [at.is_us(uri) for uri in (bare, full, other)] == [False, True, False]


def test_an_ipv6_address_is_us_in_all_its_spellings() -> None:
    at = router(("2001:db8::1", 5060))
    for text in (b"sip:u@[2001:db8::1]", b"sip:u@[2001:DB8:0:0::1]:5060"):
        assert at.is_us(parse_uri(text)) and at.in_our_domain(parse_uri(text))


# -- Route (§16.4) -----------------------------------------------------------------------------------------------------


def test_without_a_route_nothing_changes() -> None:
    message = request("sip:b@x.org;lr")
    assert router().unroute(message, SOURCE) == Routed(message.uri, [])


@pytest.mark.parametrize(
    ("routes", "popped", "left"),
    [
        (["<sip:10.0.0.1;lr>"], 1, []),
        (["<sip:10.0.0.1;lr>, <sip:school.sk;lr>"], 2, []),
        (
            ["<sip:10.0.0.1;lr>", "<sip:192.0.2.1;lr>", "<sip:10.0.0.1;lr>"],
            1,
            ["<sip:192.0.2.1;lr>", "<sip:10.0.0.1;lr>"],
        ),
        (["<sip:192.0.2.1;lr>,<sip:10.0.0.1;lr>"], 0, ["<sip:192.0.2.1;lr>", "<sip:10.0.0.1;lr>"]),
        (["<sip:10.0.0.1>"], 1, []),
        (["sip:10.0.0.1"], 1, []),
    ],
)
def test_our_values_on_top_are_taken_out(routes: list[str], popped: int, left: list[str]) -> None:
    routed = router().unroute(request("sip:b@x.org", *routes), SOURCE)
    assert (routed.popped, [route.decode() for route in routed.routes]) == (popped, left)
    assert routed.edits == (("route-pop",) if popped else ())
    assert routed.toward is None


def test_of_two_tokens_the_last_is_the_way_onward() -> None:
    at = router()
    mine, theirs = f"<sip:{token(at, 1)}@10.0.0.1;lr>", f"<sip:{token(at, 2)}@10.0.0.1;lr>"
    for routes, port in (((mine, theirs), 2), ((theirs, mine), 1), (("<sip:10.0.0.1;lr>", theirs), 2), ((theirs,), 2)):
        toward = at.unroute(request("sip:b@x.org", *routes), SOURCE).toward
        assert toward is not None and toward.remote == ("10.9.9.9", port)
    assert at.unroute(request("sip:b@x.org", mine, "<sip:10.0.0.1;lr>"), SOURCE).toward is None


def test_a_lone_token_of_the_sender_is_not_the_way_onward() -> None:
    at = router()
    own = f"<sip:{at.tokens.make(SOURCE).decode()}@10.0.0.1;lr>"
    assert at.unroute(request("sip:b@x.org", own), SOURCE).toward is None


def test_a_token_that_is_not_ours_is_403() -> None:
    forged = Tokens(b"guess", PROXY).make(Flow("udp", PROXY, ("10.9.9.9", 1))).decode()
    for uri, *routes in (
        ("sip:b@x.org", f"<sip:{forged}@10.0.0.1;lr>"),
        (f"sip:{forged}@10.0.0.1;lr", "<sip:b@x.org>"),
    ):
        with pytest.raises(SipError) as caught:
            router().unroute(request(uri, *routes), SOURCE)
        assert caught.value.status == 403


@pytest.mark.parametrize("name", ["alice", "proxy", "kancelaria-na-druhom-poschodi", "%20"])
def test_a_name_in_our_route_is_just_our_name(name: str) -> None:
    """Some write their own name into the address of their outbound proxy."""
    routed = router().unroute(request("sip:b@x.org", f"<sip:{name}@10.0.0.1;lr>, <sip:192.0.2.1;lr>"), SOURCE)
    assert (routed.routes, routed.toward, routed.popped) == ([b"<sip:192.0.2.1;lr>"], None, 1)


def test_no_strict_router_puts_a_name_of_ours_into_the_request_uri() -> None:
    """It takes what stands in Record-Route, and there we write tokens or nothing."""
    routed = router().unroute(request("sip:alice@10.0.0.1;lr", "<sip:192.0.2.1;lr>, <sip:b@x.org>"), SOURCE)
    assert (routed.uri.name, routed.edits) == (b"alice", ())
    assert routed.routes == [b"<sip:192.0.2.1;lr>", b"<sip:b@x.org>"]


@pytest.mark.parametrize(
    ("route", "status"), [("nonsense<", 400), ("<tel:+1>", 416), ("<sip:x@>", 400), ("<sip:10.0.0.1:99999;lr>", 400)]
)
def test_a_route_that_is_none_is_refused(route: str, status: int) -> None:
    with pytest.raises(SipError) as caught:
        router().unroute(request("sip:b@x.org", route), SOURCE)
    assert caught.value.status == status


def test_what_a_strict_router_did_is_undone() -> None:
    routed = router().unroute(request("sip:10.0.0.1:5060;lr", "<sip:192.0.2.1;lr>, <sip:b@x.org>"), SOURCE)
    assert (routed.uri.text, routed.routes) == (b"sip:b@x.org", [b"<sip:192.0.2.1;lr>"])
    assert routed.edits == ("strict-route-restored", "route-pop")


def test_what_a_strict_router_did_to_two_values_of_ours_is_undone() -> None:
    at = router()
    first, second = token(at, 1), token(at, 2)
    routed = at.unroute(request(f"sip:{first}@10.0.0.1:5060;lr", f"<sip:{second}@10.0.0.1;lr>, <sip:b@x.org>"), SOURCE)
    assert (routed.uri.text, routed.routes, routed.popped) == (b"sip:b@x.org", [], 2)
    assert routed.toward is not None and routed.toward.remote == ("10.9.9.9", 2)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("sip:b@x.org;maddr=10.0.0.1", "sip:b@x.org"),
        ("sip:b@x.org:5060;maddr=10.0.0.1;transport=udp;q=1", "sip:b@x.org;q=1"),
        ("sip:b@x.org:5070;maddr=10.0.0.1", "sip:b@x.org:5070;maddr=10.0.0.1"),
        ("sip:b@x.org;maddr=192.0.2.1", "sip:b@x.org;maddr=192.0.2.1"),
    ],
)
def test_an_maddr_that_is_us_goes(before: str, after: str) -> None:
    assert router().unroute(request(before), SOURCE).uri.text.decode() == after


# -- the next hop (§16.6 item 7) ---------------------------------------------------------------------------------------


@pytest.mark.purpose(
    "RFC3263_01..05",
    given="numeric hosts with and without a port, with maddr, transport=UDP and transport=tcp, with sips",
    expect="UDP or TCP to that host, or to maddr; port 5060 unless there is one; no way at all for sips",
)  # fmt: skip
@pytest.mark.parametrize(
    ("uri", "remote"),
    [
        ("sip:b@192.0.2.1", ("192.0.2.1", 5060)), ("sip:192.0.2.1:5070;transport=UDP", ("192.0.2.1", 5070)),
        ("sip:b@x.org;maddr=192.0.2.1", ("192.0.2.1", 5060)), ("sip:b@[2001:DB8::1]", None),
        ("sip:b@x.org", None), ("sip:b@192.0.2.1;transport=sctp", None), ("sips:b@192.0.2.1", None),
        ("sip:b@192.0.2.1;maddr=x.org", None), ("sip:b@1.2.3", None), ("sip:b@192.0.2.1.example", None),
    ],
)  # fmt: skip
def test_the_way_to_a_numeric_host(uri: str, remote: tuple[str, int] | None) -> None:
    flow = router().way_to(parse_uri(uri.encode()))
    assert (flow.remote if flow else None) == remote
    if flow and "transport" not in uri:
        assert flow.transport == "udp"
        assert router().way_to(parse_uri(f"{uri};transport=tcp".encode())) == Flow("tcp", PROXY, flow.remote)


def test_there_is_no_way_by_a_transport_that_we_do_not_listen_on() -> None:
    alone = Router(Config(address=PROXY, flow_key=b"k"), Location())
    assert alone.way_to(parse_uri(b"sip:b@192.0.2.1;transport=tcp")) is None


def test_the_way_to_an_ipv6_host_leads_from_an_ipv6_address_alone() -> None:
    """RFC 5118 §4.3, §4.4: where the port begins, only the brackets tell."""
    ours = router(("2001:db8::9", 5060))
    for uri, remote in (
        ("[2001:DB8::10:5070]", ("2001:db8::10:5070", 5060)),
        ("[2001:db8::10]:5070", ("2001:db8::10", 5070)),
    ):
        flow = ours.way_to(parse_uri(f"sip:user@{uri}".encode()))
        assert flow is not None and flow.remote == remote
    assert ours.way_to(parse_uri(b"sip:b@192.0.2.1")) is None


# -- the target set (§16.5) --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("uri", "status"),
    [("sip:nobody@10.0.0.1", 404), ("sip:gone@10.0.0.1", 480), ("sip:10.0.0.1", 484), ("sip:@10.0.0.1", 484)],
)
def test_why_nobody_is_there(uri: str, status: int) -> None:
    lab = Lab()
    (alice,) = lab.registered("alice")
    gone = lab.phone("gone")
    gone.register()
    gone.register(expires=0)
    alice.request("INVITE", uri)
    assert alice.waiting == [status]


@pytest.mark.purpose(
    "SIP_MG_PR_V_001..005",
    given="bob by our address, another name of ours in any case, with a port, with %6F, with user=phone",
    expect="found each time",
)  # fmt: skip
def test_users_are_found_whatever_their_spelling() -> None:
    lab = Lab(domains=frozenset({"school.sk"}))
    alice, bob, accents = lab.registered("alice", "bob", "Ľuboš")
    for uri in ("sip:bob@10.0.0.1", "sip:b%6Fb@10.0.0.1:5060", "sip:bob@school.sk;user=phone", "sip:bob@SCHOOL.sk"):
        alice.request("MESSAGE", uri)
        bob.takes("MESSAGE")
    alice.request("MESSAGE", "sip:%C4%BDubo%C5%A1@10.0.0.1")
    accents.takes("MESSAGE")


@pytest.mark.purpose(
    "RFC3891_01",
    given="INVITE with Replaces for the private Contact of a phone behind NAT",
    expect="at that phone, Request-URI and Replaces as they were written",
)  # fmt: skip
def test_a_phone_is_also_found_by_its_contact_as_in_an_attended_transfer() -> None:
    """lab.md: Refer-To is the Contact of the other phone, with `?Replaces=…`."""
    lab = Lab()
    (alice,) = lab.registered("alice")
    bob = lab.phone("bob", "198.51.100.2:50002", "sip:bob@192.168.1.5:5060;ob")
    bob.register()
    alice.invite("sip:bob@192.168.1.5:5060;ob;conf-id=7", headers=("Replaces: x;to-tag=1;from-tag=2",))
    invite = bob.takes("INVITE")
    assert invite.uri_text == b"sip:bob@192.168.1.5:5060;ob;conf-id=7", "a conference's own parameters stay"
    assert invite.first(b"replaces") == b"x;to-tag=1;from-tag=2"


def test_a_request_inside_a_dialog_to_an_address_of_record_finds_the_phones() -> None:
    """Phones that never learned what a Contact is for."""
    lab = Lab()
    alice, bob = lab.registered("alice", "bob")
    call(alice, bob)
    assert alice.dialog is not None
    alice.dialog.target = "sip:bob@10.0.0.1"
    alice.dialog.request("BYE")
    bob.reply(bob.takes("BYE"), 200)
    alice.takes(200)


def test_a_bye_to_somebody_who_is_not_here_is_404() -> None:
    lab = Lab()
    (alice,) = lab.registered("alice")
    alice.request("BYE", "sip:nobody@10.0.0.1", to="<sip:nobody@10.0.0.1>;tag=x")
    alice.takes(404)


def test_a_foreign_hop_in_route_is_where_it_goes_whatever_the_request_uri() -> None:
    lab = Lab()
    alice, bob = lab.registered("alice", "bob")
    hop = lab.phone("hop", "192.0.2.1:5080")
    alice.request("MESSAGE", "sip:bob@10.0.0.1", headers=("Route: <sip:192.0.2.1:5080;lr>",))
    assert hop.takes("MESSAGE").uri_text == b"sip:bob@10.0.0.1"
    assert not bob.inbox


# -- what is no way ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    ["10.0.0.256", "10.0.0.999", "010.0.0.1", "[:::]", "[1.2.3.4:5]", "[2001:db8::1]", "phone.example",
     "127.0.0.1:22", "0.0.0.0", "255.255.255.255", "224.0.0.1"],
)  # fmt: skip
def test_what_is_no_single_machine_that_our_socket_reaches_is_no_way(host: str) -> None:
    """A socket would look a name up, and wait; and nobody sends through us to our own services, or to everybody."""
    lab = Lab()
    (alice,) = lab.registered("alice")
    alice.invite(f"sip:bob@{host}")
    assert lab.astray == []
    alice.takes(100)
    alice.takes(500)


def test_names_of_our_domain_are_ours_however_they_are_spelled() -> None:
    lab = Lab(domains=frozenset({"Example.COM"}))
    alice, bob = lab.registered("alice", "bob")
    alice.request("OPTIONS", "sip:bob@example.com")
    bob.takes("OPTIONS")


@pytest.mark.purpose(
    "SIP_MG_PR_V_001..005", "RFC3263_04",
    given="INVITE for sips:bob@10.0.0.1, when all phones are on UDP",
    expect="read, and 480: it must not go on unprotected (RFC 5630 §5.3)",
)  # fmt: skip
def test_a_sips_uri_is_not_carried_over_udp() -> None:
    """RFC 3261 §26.2.2: whoever writes `sips` wants TLS on every hop."""
    lab = Lab()
    alice, bob = lab.registered("alice", "bob")
    alice.invite("sips:bob@10.0.0.1")
    assert alice.waiting == [480]
    assert not bob.inbox
