"""Phones on IPv6, and beside them phones on IPv4: in the virtual lab, and over real sockets of the loopback."""

from __future__ import annotations

import dataclasses
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from sipfullproxy import server
from sipfullproxy.engine.config import Config
from sipfullproxy.engine.engine import Engine
from sipfullproxy.engine.flow import Flow
from sipfullproxy.proxy import Proxy
from sipfullproxy.sip.message import Request, Response, parse
from sipfullproxy.transport.addresses import listed
from sipfullproxy.transport.sockets import family, socket_address
from tests.helpers import PROXY, Lab, Phone, call, hang_up, sdp
from tests.running import running
from tests.test_torture import DOMAINS, FOLDER, FORWARDED, RFC_5118, Torture

PROXY_IPV6 = ("2001:db8::1", 5060)
LINK = ("fe80::1", 5060)

BOTH = (("udp", PROXY), ("udp", PROXY_IPV6), ("tcp", PROXY), ("tcp", PROXY_IPV6))

IPV4, IPV6 = "10.0.0.20:5060", "[2001:db8::20]:5060"


@pytest.fixture
def lab() -> Lab:
    return Lab(PROXY_IPV6)


@pytest.fixture
def both() -> Lab:
    return Lab(listen=BOTH)


def phone(lab: Lab, user: str, address: str, **more: str) -> Phone:
    """A phone that is registered, by the address of the proxy that it can reach."""
    domain = "[2001:db8::1]" if address.startswith("[") else PROXY[0]
    one = lab.phone(user, address, domain=domain, **more)
    assert one.register().status == 200
    lab.events.clear()
    return one


# -- on the wire -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_call_between_phones_on_ipv6(lab: Lab, transport: str) -> None:
    alice = phone(lab, "alice", "[2001:db8::20]:5060", transport=transport)
    bob = phone(lab, "bob", "[2001:db8::21]:5060", transport=transport)
    _, got = call(alice, bob)
    ours, hers = got.values(b"via")
    assert ours.startswith(f"SIP/2.0/{transport.upper()} [2001:db8::1]:5060;branch=".encode())
    assert b";rport=5060;received=2001:db8::20" in hers, "no brackets there (RFC 5118 §4.5)"
    assert all(b"[2001:db8::1]:5060" in value for value in got.values(b"record-route"))
    assert got.uri_text == bob.contact.encode()
    for caller, callee in ((alice, bob), (bob, alice)):
        assert caller.dialog is not None
        caller.dialog.request("INFO")
        callee.reply(callee.takes("INFO"), 200)
        caller.takes(200)
    hang_up(bob, alice)
    assert not lab.astray
    assert lab.kinds == ["ringing", "started", "ended"]
    (started,) = lab.told("started")
    assert (started.who, started.whom) == ("alice@[2001:db8::1]", "bob@[2001:db8::1]")  # type: ignore[attr-defined]


@pytest.mark.parametrize(("callers", "callees"), [(IPV4, IPV6), (IPV6, IPV4)])
@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_call_from_one_ip_version_to_the_other(both: Lab, callers: str, callees: str, transport: str) -> None:
    """Each phone sees nothing but addresses that it can reach: a Record-Route for each side (RFC 5658, RFC 6157)."""
    alice = phone(both, "alice", callers, transport=transport)
    bob = phone(both, "bob", callees, transport=transport)
    _, got = call(alice, bob)
    sides = [b"[2001:db8::1]" in value for value in got.values(b"record-route")]
    assert sides == [callees == IPV6, callers == IPV6]
    assert (b"[2001:db8::1]" in got.values(b"via")[0]) == (callees == IPV6)
    for caller, callee in ((alice, bob), (bob, alice)):
        assert caller.dialog is not None
        caller.dialog.request("INFO")
        callee.reply(callee.takes("INFO"), 200)
        caller.takes(200)
    hang_up(alice, bob)
    assert not both.astray
    assert both.kinds == ["ringing", "started", "ended"]


def test_its_session_description_passes_as_it_is(both: Lab) -> None:
    alice, bob = phone(both, "alice", IPV4), phone(both, "bob", IPV6)
    body = sdp("10.0.0.20")
    alice.invite("bob", body=body)
    assert bob.takes("INVITE").body == body.encode()


# -- one address, however it is written --------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["[2001:DB8::1]", "[2001:db8:0:0:0:0:0:1]", "[2001:0db8::0.0.0.1]"])
def test_our_own_address_in_every_spelling(lab: Lab, host: str) -> None:
    bob = phone(lab, "bob", IPV6)
    alice = lab.phone("alice", "[2001:db8::21]:5060", domain=host)
    assert alice.register().status == 200
    alice.invite("bob", headers=(f"Route: <sip:{host};lr>",))
    got = bob.takes("INVITE")
    assert not got.values(b"route")
    alice.request("INVITE", f"sip:bob@somewhere.example;maddr={host}")
    assert alice.waiting == [100, 100, 500]


def test_a_phone_is_found_by_its_contact_in_every_spelling(lab: Lab) -> None:
    alice, bob = phone(lab, "alice", "[2001:db8::20]:5060"), phone(lab, "bob", "[2001:db8::21]:5060")
    alice.invite("sip:bob@[2001:DB8:0::21]:5060")
    assert bob.takes("INVITE").uri_text == b"sip:bob@[2001:DB8:0::21]:5060"


def test_a_sender_who_writes_his_address_at_length_needs_no_received(lab: Lab) -> None:
    alice, bob = phone(lab, "alice", "[2001:db8::20]:5060"), phone(lab, "bob", "[2001:db8::21]:5060")
    data = alice.compose("INVITE", "sip:bob@[2001:db8::1]")
    alice.send(data.replace(b"UDP [2001:db8::20]:5060", b"UDP [2001:0DB8:0::20]:5060").replace(b";rport", b""))
    assert b"received" not in bob.takes("INVITE").values(b"via")[1]


def test_a_request_that_comes_back_is_known_in_every_spelling_of_our_via(lab: Lab) -> None:
    alice, bob = phone(lab, "alice", "[2001:db8::20]:5060"), phone(lab, "bob", "[2001:db8::21]:5060")
    sent = alice.request("OPTIONS", "sip:bob@[2001:db8::1]")
    mark = bob.takes("OPTIONS").values(b"via")[0].partition(b";branch=")[2]
    again = b"\r\n".join([sent.start, b"Via: SIP/2.0/UDP [2001:0:0db8::9];branch=z9hG4bK-9", *sent.lines, b"", b""])
    looped = again.replace(b"2001:0:0db8::9", b"2001:0db8:0::1").replace(b"z9hG4bK-9", mark)
    alice.send(b"Via: SIP/2.0/UDP [2001:db8::20];branch=z9hG4bK-new\r\nVia: ".join(looped.split(b"Via: ", 1)))
    assert alice.takes(482)


# -- where nothing is sent ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host",
    ["[::1]", "[ff02::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:224.0.0.1]", "[64:ff9b::127.0.0.1]",
     "[64:ff9b::10.0.0.20]", "[fe80::99]"],
)  # fmt: skip
def test_no_way_leads_to_the_loopback_to_everybody_or_to_a_link_that_we_are_not_on(both: Lab, host: str) -> None:
    alice = phone(both, "alice", IPV6)
    before = len(both.sent)
    alice.invite(f"sip:x@{host}")
    assert alice.takes(100) and alice.takes(500)
    assert {send.flow.remote for send in both.sent[before:]} == {alice.address}


def test_an_ipv4_address_in_the_clothes_of_ipv6_is_reached_by_ipv4(both: Lab) -> None:
    alice = phone(both, "alice", IPV6)
    alice.invite("sip:x@[::ffff:10.0.0.99]")
    assert both.sent[-1].flow == Flow("udp", PROXY, ("10.0.0.99", 5060))


def test_on_a_link_its_phones_are_reached_and_nothing_tells_the_links_name() -> None:
    lab = Lab(PROXY_IPV6, listen=(("udp", PROXY_IPV6), ("udp", LINK)))
    lab.local = lambda remote, transport="": (  # type: ignore[method-assign]
        LINK if remote[0].startswith("fe80") else PROXY_IPV6
    )
    alice = lab.phone("alice", "[fe80::20]:5060", domain="[fe80::1]")
    bob = phone(lab, "bob", "[2001:db8::21]:5060")
    assert alice.register().status == 200
    _, got = call(alice, bob)
    assert [b"[fe80::1]" in value for value in got.values(b"record-route")] == [False, True]
    hang_up(bob, alice)
    alice.invite("sip:x@[fe80::99]")
    assert lab.sent[-1].flow == Flow("udp", LINK, ("fe80::99", 5060))
    assert not any(b"%" in send.data for send in lab.sent)


def test_a_token_outlives_a_change_of_our_addresses() -> None:
    """The way to its phone goes by an address of ours of the same IP version."""
    before = Lab(PROXY_IPV6)
    alice, bob = (phone(before, user, f"[2001:db8::2{n}]:40000", contact=f"sip:{user}@[fd00::{n}]")
                  for n, user in enumerate(("alice", "bob")))  # fmt: skip
    call(alice, bob)
    lab = Lab(listen=(("udp", PROXY), ("udp", ("2001:db8::2", 5060))))
    lab.phones = before.phones
    for one in (alice, bob):
        one.lab = lab
    assert alice.dialog is not None
    alice.dialog.routes = [route.replace("2001:db8::1", "2001:db8::2") for route in alice.dialog.routes]
    alice.dialog.request("BYE")
    assert lab.sent[-1].flow == Flow("udp", ("2001:db8::2", 5060), bob.address)


def test_without_state_the_answer_finds_its_way_back() -> None:
    lab = Lab(listen=BOTH)
    alice, bob = phone(lab, "alice", IPV6), phone(lab, "bob", IPV4)
    lab.engine._core.config.switches.stateless = True
    alice.request("OPTIONS", "sip:bob@[2001:db8::1]")
    bob.reply(bob.takes("OPTIONS"), 200)
    assert alice.takes(200)


# -- over real sockets -------------------------------------------------------------------------------------------------


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


real = pytest.mark.skipif(not _has_ipv6(), reason="this machine has no IPv6")


class Caller:
    """A socket that speaks SIP to a proxy. kind: SOCK_DGRAM or SOCK_STREAM."""

    def __init__(self, proxy: tuple[str, int], kind: socket.SocketKind) -> None:
        self._socket = socket.socket(family(proxy[0]), kind)
        self._socket.settimeout(10)
        self._socket.connect(socket_address(proxy))
        self.address = self._socket.getsockname()[:2]
        self.transport = "UDP" if kind == socket.SOCK_DGRAM else "TCP"

    def ask(self, data: bytes) -> Response:
        """Send, and read the next message."""
        self._socket.sendall(data)
        return self.response()

    def response(self) -> Response:
        message = self.read()
        assert isinstance(message, Response)
        return message

    def read(self) -> Request | Response:
        """The next message; on a stream whatever comes at once."""
        message = parse(self._socket.recv(65535))
        if isinstance(message, Request):  # an answer may repeat what was wrong in the question
            message.check()
        return message

    def write(self, data: bytes) -> None:
        self._socket.sendall(data)

    def request(self, method: str, uri: str, user: str, *headers: str) -> bytes:
        host, port = self.address
        here = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        whose = uri.replace(":", f":{user}@", 1) if method == "REGISTER" else uri
        lines = [
            f"{method} {uri} SIP/2.0", f"Via: SIP/2.0/{self.transport} {here};rport;branch=z9hG4bK{method}{user}",
            f"From: <sip:{user}@lab>;tag=1", f"To: <{whose}>",
            f"Call-ID: {method}-{user}-{port}", f"CSeq: 1 {method}", "Max-Forwards: 70",
            f"Contact: <sip:{user}@{here}>", *headers, "Content-Length: 0", "", "",
        ]  # fmt: skip
        return "\r\n".join(lines).encode()

    def close(self) -> None:
        self._socket.close()


@contextmanager
def caller(proxy: tuple[str, int], kind: socket.SocketKind) -> Iterator[Caller]:
    one = Caller(proxy, kind)
    try:
        yield one
    finally:
        one.close()


KINDS = pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM], ids=["udp", "tcp"])


@pytest.mark.io
@real
@KINDS
def test_the_program_on_ipv6(tmp_path: Path, kind: socket.SocketKind) -> None:
    with running(tmp_path, "--no-web", ip="::1") as proxy, caller(proxy.address, kind) as alice:
        assert proxy.address[0] == "::1"
        answer = alice.ask(alice.request("REGISTER", f"sip:[::1]:{proxy.address[1]}", "alice"))
        assert answer.status == 200
        assert b";received=::1;" in answer.values(b"via")[0] or answer.values(b"via")[0].endswith(b";received=::1")
        assert answer.first(b"contact") is not None
    assert f"[::1]:{alice.address[1]}" in proxy.journal.read_text("utf-8")


@pytest.mark.io
@real
def test_both_at_once_and_no_flow_is_ipv4_in_ipv6s_clothes(tmp_path: Path) -> None:
    proxy = Proxy(["127.0.0.1", "::1"], 0, journal=tmp_path / "log", state=tmp_path)
    with proxy:
        ports = {host: (host, port) for transport, (host, port) in proxy.listen if transport == "udp"}
        with caller(ports["127.0.0.1"], socket.SOCK_DGRAM) as alice, caller(ports["::1"], socket.SOCK_DGRAM) as bob:
            for one, user, host in ((alice, "alice", "127.0.0.1"), (bob, "bob", "[::1]")):
                assert one.ask(one.request("REGISTER", f"sip:{host}", user)).status == 200
            assert {phone.address.rpartition(":")[0] for phone in proxy.phones()} == {"127.0.0.1", "[::1]"}
            alice.write(alice.request("OPTIONS", "sip:bob@127.0.0.1", "alice"))
            got = bob.read()
            assert isinstance(got, Request)
            assert got.via.sent_by == (b"[::1]", ports["::1"][1])


def _on_a_link() -> str:
    """An address of this machine that is known on one link only, with the name of that; "" where it has none."""
    return next((address for address in listed() if "%" in address), "")


@pytest.mark.io
@pytest.mark.skipif(not _on_a_link(), reason="this machine has no link-local address")
@KINDS
def test_on_a_link_the_socket_knows_its_name_and_nobody_else(tmp_path: Path, kind: socket.SocketKind) -> None:
    """What comes is answered there, and what goes out by a connection of ours goes there too."""
    address = _on_a_link()
    host = address.partition("%")[0]
    proxy = Proxy(address, 0, journal=tmp_path / "log", state=tmp_path)
    with proxy, socket.socket(socket.AF_INET6) as bob:
        bob.bind(socket_address((address, 0)))
        bob.listen()
        bob.settimeout(10)
        ours, port = proxy.address
        assert ours == host
        with caller((address, port), kind) as alice:
            assert alice.ask(alice.request("REGISTER", f"sip:[{host}]:{port}", "alice")).status == 200
            assert [phone.address for phone in proxy.phones()] == [f"[{host}]:{alice.address[1]}"]
            alice.write(alice.request("MESSAGE", f"sip:bob@[{host}]:{bob.getsockname()[1]};transport=tcp", "alice"))
            line, _ = bob.accept()
            with line:
                got = parse(line.recv(65535))
        assert isinstance(got, Request) and f"TCP [{host}]:{port}".encode() in got.values(b"via")[0]
        assert b"%" not in got.start + b"".join(got.lines)


@pytest.mark.io
@real
@KINDS
@pytest.mark.skipif(not FOLDER.is_dir(), reason=f"the torture messages are not here: {FOLDER}")
@pytest.mark.parametrize("torture", RFC_5118, ids=[torture.name for torture in RFC_5118])
def test_the_torture_of_ipv6_over_real_sockets(
    tmp_path: Path, torture: Torture, kind: socket.SocketKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RFC 5118 on the wire: each message meets the fate that it has in the virtual lab, on UDP. On a stream the rest of
    a body that is too short is waited for."""
    data = torture.data.replace(b";branch=", b";rport;branch=", 1)  # else the answer goes to port 5060
    fate = torture.fate
    if torture.name == "rfc5118_4_6" and kind == socket.SOCK_STREAM:
        data, fate = data + b"\r\n" * 20, FORWARDED

    def named(config: Config, *others: Any) -> Engine:
        """An engine that has the hosts of RFC 5118 for its own."""
        return Engine(dataclasses.replace(config, domains=DOMAINS), *others)

    monkeypatch.setattr(server, "Engine", named)
    proxy = Proxy("::1", 0, journal=tmp_path / "log", state=tmp_path, lang="en", phrases="off")
    with proxy, caller(proxy.address, kind) as alice, caller(proxy.address, socket.SOCK_DGRAM) as bob:
        for one, user in ((alice, "caller"), (bob, "user")):
            assert one.ask(one.request("REGISTER", f"sip:[::1]:{proxy.address[1]}", user)).status == 200
        alice.write(data)
        if fate == FORWARDED:
            got = bob.read()
            assert isinstance(got, Request) and got.via.sent_by == (b"[::1]", proxy.address[1])
            assert got.method == data.split()[0] and got.body == parse(data).body
            assert got.values(b"via")[1].endswith(b";received=::1")
        else:
            assert str(next(answer for answer in iter(alice.response, None) if answer.status != 100).status) == fate
