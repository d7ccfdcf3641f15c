"""Phones on UDP, TCP, TLS and WebSockets, in the virtual lab: each is reached by its own way, nothing else differs."""

from __future__ import annotations

import pytest

from sipfullproxy.engine.events import Unregistered
from sipfullproxy.engine.flow import SAFE_DATAGRAM, Flow
from sipfullproxy.engine.tokens import Tokens
from sipfullproxy.sip.headers.via import Via
from sipfullproxy.sip.message import Request, parse
from sipfullproxy.sip.uri import parse_uri
from tests.helpers import PROXY, Dialog, Lab, Phone, call, hang_up, sdp

MIXES = pytest.mark.parametrize(
    ("alices", "bobs"),
    [
        ("udp", "tcp"), ("tcp", "udp"), ("tcp", "tcp"),
        ("udp", "ws"), ("ws", "udp"), ("tcp", "ws"), ("ws", "tcp"), ("ws", "ws"),
        ("udp", "wss"), ("wss", "udp"), ("ws", "wss"),
    ],
)  # fmt: skip

FAR = ("192.0.2.7", 5060)
WS = ("10.0.0.1", 8088)
WSS = ("10.0.0.1", 8089)


@pytest.fixture
def lab() -> Lab:
    return Lab(listen=(("udp", PROXY), ("tcp", PROXY), ("ws", WS), ("wss", WSS)))


def pair(lab: Lab, alices: str, bobs: str) -> tuple[Phone, Phone]:
    """Alice and Bob, registered; on a stream from a port that says nothing."""
    alice = lab.phone("alice", "" if alices == "udp" else "10.0.0.10:40010", transport=alices)
    bob = lab.phone("bob", "" if bobs == "udp" else "10.0.0.11:40011", transport=bobs)
    for phone in (alice, bob):
        assert phone.register().status == 200
    lab.events.clear()
    lab.sent.clear()
    return alice, bob


def ways(request: Request) -> list[tuple[str, Flow | None]]:
    """The Record-Route values: the transport that each names, and the flow of its token."""
    found = []
    for value in request.values(b"record-route"):
        uri = parse_uri(value.strip(b"<>"))
        tokens = Tokens(b"key of the virtual lab", (uri.numeric_host, uri.effective_port))
        transport = (uri.params.get(b"transport") or b"udp").decode()
        found.append((transport, tokens.read(uri.user) if uri.user else None))
    return found


def said(phone: Phone) -> str:
    """What a URI calls the transport of a phone: `ws` with TLS, too (RFC 7118 §5.2)."""
    return "ws" if phone.transport == "wss" else phone.transport


def within(sender: Phone, receiver: Phone, method: str) -> None:
    assert sender.dialog is not None
    sender.dialog.request(method)
    receiver.reply(receiver.takes(method), 200)
    sender.takes(200)


# -- calls -------------------------------------------------------------------------------------------------------------


@pytest.mark.purpose(
    "RFC5658_05",
    given="calls between phones on UDP, TCP and WebSockets, in both directions",
    expect="a Record-Route for each side, each with the transport of its side; both phones are reached within the call",
)
@pytest.mark.purpose(
    "RFC7118_04",
    given="calls from and to phones on ws and wss",
    expect="WS or WSS in our Via, transport=ws in the Record-Route of that side",
)
@pytest.mark.purpose(
    "RFC7118_07",
    given="calls from and to phones on ws and wss, whose Contact and Via say xxx.invalid",
    expect="all of the call comes over the connection that each has opened",
)
@MIXES
def test_a_call_and_all_within_it(lab: Lab, alices: str, bobs: str) -> None:
    alice, bob = pair(lab, alices, bobs)
    _, got = call(alice, bob)
    assert got.via.transport == bobs.upper().encode()
    assert got.via.sent_by == (b"10.0.0.1", {"ws": 8088, "wss": 8089}.get(bobs, 5060))
    expected = [(said(phone), None if phone.transport == "udp" else lab.flow(phone)) for phone in (bob, alice)]
    assert ways(got) == expected
    within(alice, bob, "INFO")
    within(bob, alice, "INFO")
    hang_up(bob, alice)
    assert not lab.astray
    assert lab.kinds == ["ringing", "started", "ended"]


def test_a_call_on_one_connection_each_lasts_as_long_as_both(lab: Lab) -> None:
    """The registrations may run out meanwhile: the tokens in the route set name the connections."""
    alice, bob = pair(lab, "tcp", "tcp")
    call(alice, bob)
    lab.advance(7200)
    assert lab.engine.load["bindings"] == 0
    within(bob, alice, "INFO")
    hang_up(alice, bob)


def test_nothing_is_repeated_on_a_stream(lab: Lab) -> None:
    alice, bob = pair(lab, "tcp", "tcp")
    alice.invite("bob")
    lab.advance(20)
    assert alice.waiting == [100] and bob.waiting == ["INVITE"]


@pytest.mark.parametrize(("alices", "bobs"), [("udp", "tcp"), ("tcp", "udp")])
def test_what_came_in_a_datagram_says_its_length_on_a_stream(lab: Lab, alices: str, bobs: str) -> None:
    """RFC 3261 §16.6 item 9. Linphone's ACK has none; baresip closed its connection over that."""
    alice, bob = pair(lab, alices, bobs)
    data = alice.compose("MESSAGE", "sip:bob@10.0.0.1", body="ahoj", content_type="text/plain")
    if alices == "udp":
        data = data.replace(b"Content-Length: 4\r\n", b"")
    alice.send(data)
    got = bob.takes("MESSAGE")
    assert (got.first(b"content-length"), got.body) == (b"4", b"ahoj")
    edits = lab.sent[-1].edits
    assert ("content-length-add" in edits) == (alices == "udp")
    names = (b"via", b"from", b"to", b"call-id", b"cseq")
    lines = [got.lines[position] for name in names for position in got.where[name]]
    length = [b"Content-Length: 0"] if bobs == "tcp" else []
    bob.send(b"\r\n".join((b"SIP/2.0 200 Fine", *lines, *length, b"", b"")))
    assert alice.takes(200).first(b"content-length") == b"0"


def test_a_large_call_comes_by_tcp_and_goes_on_by_udp(lab: Lab) -> None:
    """RFC 3261 §18.1.1, as pjsip does it: only the INVITE is large, and the connection is closed when it is idle."""
    alice, bob = pair(lab, "udp", "udp")
    large = lab.phone("alice", "10.0.0.10:40010", transport="tcp", contact=alice.contact)
    call(large, bob)
    lab.cut(large)
    assert bob.dialog is not None and large.dialog is not None
    bob.dialog.request("INFO")
    alice.reply(alice.takes("INFO"), 200)
    bob.takes(200)
    alice.dialog, large.dialog.phone = large.dialog, alice
    hang_up(alice, bob)
    assert lab.kinds == ["ringing", "started", "ended"]


# -- connections that end ----------------------------------------------------------------------------------------------


def test_a_phone_whose_connection_ended_is_not_here_any_more(lab: Lab) -> None:
    alice, bob = pair(lab, "udp", "tcp")
    lab.cut(bob)
    (event,) = lab.told("unregistered")
    assert isinstance(event, Unregistered) and event.why == "lost"
    alice.invite("bob")
    assert alice.waiting == [480]


def test_a_phone_whose_connection_ends_before_it_answers_at_all(lab: Lab) -> None:
    alice, bob = pair(lab, "udp", "tcp")
    alice.invite("bob")
    lab.cut(bob)
    assert alice.waiting == [100, 500]


def test_a_phone_whose_connection_ends_while_it_rings_answers_by_another(lab: Lab) -> None:
    """A response may come by any connection (RFC 3261 §18.2.2), so nobody gives the phone up."""
    alice, bob = pair(lab, "udp", "tcp")
    sent = alice.invite("bob")
    got = bob.takes("INVITE")
    bob.ring(got)
    lab.cut(bob)
    bob.register()
    bob.answer(got)
    assert [alice.takes(100), alice.takes(180)]
    assert alice.dialog is not None
    alice.dialog.confirm(alice.takes(200))
    alice.dialog.ack(sent)
    bob.takes("ACK")
    hang_up(bob, alice)


def test_who_comes_back_by_a_new_connection_goes_on_with_his_call(lab: Lab) -> None:
    alice, bob = pair(lab, "udp", "tcp")
    call(alice, bob)
    lab.cut(bob)
    bob.register()
    within(alice, bob, "INFO")
    within(bob, alice, "INFO")
    hang_up(alice, bob)
    assert not lab.astray


def test_he_is_known_again_although_his_contact_names_another_port_now(lab: Lab) -> None:
    """Linphone and baresip put the port of their connection into it."""
    alice, bob = pair(lab, "udp", "tcp")
    call(alice, bob)
    lab.cut(bob)
    bob.contact = f"sip:bob@{bob.address[0]}:50999;transport=tcp"
    bob.register()
    within(alice, bob, "INFO")
    hang_up(alice, bob)
    assert not lab.astray


def test_a_call_does_not_go_on_with_one_of_two_phones_that_could_be_meant(lab: Lab) -> None:
    alice, bob = pair(lab, "udp", "tcp")
    call(alice, bob)
    gone = lab.flow(bob)
    lab.cut(bob)
    for port in (50998, 50999):
        bob.contact = f"sip:bob@{bob.address[0]}:{port};transport=tcp"
        bob.register()
    assert len(lab.engine.phones(10)) == 3
    assert alice.dialog is not None
    alice.dialog.request("BYE")
    assert lab.astray[-1].flow == gone


@pytest.mark.purpose("RFC5626_06", given="a request within a call, to a phone whose connection has ended", expect="430")
def test_who_asks_for_a_connection_that_is_gone_is_told_so(lab: Lab) -> None:
    alice, bob = pair(lab, "udp", "tcp")
    call(alice, bob)
    gone = lab.flow(bob)
    lab.cut(bob)
    assert alice.dialog is not None
    alice.dialog.request("BYE")
    assert lab.astray[-1].flow == gone
    lab._carry(lab.engine.lost(gone, lab.now))  # as the door says, at once
    assert alice.takes(430)


def test_a_token_of_a_transport_that_is_off_now(lab: Lab) -> None:
    alice, bob = pair(lab, "udp", "tcp")
    call(alice, bob)
    lab.engine = Lab(listen=(("udp", PROXY),)).engine
    assert alice.dialog is not None
    alice.dialog.request("BYE")
    assert alice.takes(430)


def test_an_answer_finds_who_has_lost_his_connection(lab: Lab) -> None:
    """RFC 3261 §18.2.2: by a new one, to the port that his Via says."""
    alice, bob = pair(lab, "tcp", "udp")
    alice.request("MESSAGE", "sip:bob@10.0.0.1", branch="z9hG4bK-a")
    got = bob.takes("MESSAGE")
    lab.cut(alice)
    bob.reply(got, 200)
    assert alice.takes(200)
    assert lab.sent[-1].flow == Flow("tcp", PROXY, alice.address)


def test_and_when_nobody_is_there_either_it_ends(lab: Lab) -> None:
    alice, bob = pair(lab, "tcp", "udp")
    alice.invite("bob")
    got = bob.takes("INVITE")
    lab.cut(alice)
    lab.lose(alice.address, "tcp")
    bob.reply(got, 486)
    lab.advance(64)
    assert lab.engine.load["transactions"] == 0


def test_what_was_answered_is_not_said_again_when_a_connection_ends(lab: Lab) -> None:
    alice, bob = pair(lab, "tcp", "udp")
    call(alice, bob)
    lab.sent.clear()
    lab.cut(alice)
    assert lab.sent == []


# -- addresses ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("parameter", ["transport=tcp", "transport=TCP"])
def test_an_address_may_say_tcp(lab: Lab, parameter: str) -> None:
    alice, _ = pair(lab, "udp", "udp")
    alice.invite(f"sip:carol@192.0.2.7;{parameter}")
    (send,) = lab.astray
    assert send.flow == Flow("tcp", PROXY, FAR)
    assert b"Via: SIP/2.0/TCP 10.0.0.1:5060;" in send.data
    assert b"Record-Route: <sip:10.0.0.1:5060;transport=tcp;lr>\r\nRecord-Route: <sip:10.0.0.1:5060;lr>" in send.data


@pytest.mark.parametrize("transport", ["sctp", "tls", "ws", "x\xff"])
def test_an_address_that_says_what_we_do_not_speak_leads_nowhere(lab: Lab, transport: str) -> None:
    alice, _ = pair(lab, "udp", "udp")
    alice.invite(f"sip:carol@192.0.2.7;transport={transport}")
    assert not lab.astray and alice.waiting[-1] in (400, 500)


def test_without_tcp_nothing_goes_by_it() -> None:
    lab = Lab(listen=(("udp", PROXY),))
    alice, _ = pair(lab, "udp", "udp")
    alice.invite("sip:carol@192.0.2.7;transport=tcp")
    alice.invite("sip:carol@192.0.2.7", body=sdp() + "a=x\r\n" * 400)
    assert [send.flow.transport for send in lab.astray] == ["udp"]


def test_several_ports_are_all_ours() -> None:
    other = ("10.0.7.1", 5080)
    lab = Lab(listen=(("udp", PROXY), ("tcp", PROXY), ("udp", other)))
    alice, bob = pair(lab, "udp", "udp")
    for uri in ("sip:bob@10.0.7.1:5080", "sip:bob@10.0.0.1:5080", "sip:bob@10.0.7.1"):
        alice.request("MESSAGE", uri)
        assert bob.takes("MESSAGE")
    source = Flow("udp", other, alice.address)
    invite = bob.compose("REGISTER", "sip:10.0.7.1:5080", to=f"<{bob.aor}>", headers=("Expires: 600",), cseq=9)
    lab._carry(lab.engine.receive(invite, Flow("udp", other, bob.address), lab.now))
    bob.takes(200)
    alice.invite("bob")
    got = bob.takes("INVITE")
    assert lab.sent[-1].flow == Flow("udp", other, bob.address)
    assert got.via.sent_by == (b"10.0.7.1", 5080)
    assert got.values(b"record-route") == [b"<sip:10.0.7.1:5080;lr>", b"<sip:10.0.0.1:5060;lr>"]
    bob.answer(got)
    assert alice.dialog is not None
    alice.takes(100)
    alice.dialog.confirm(alice.takes(200))
    routes = tuple(f"Route: {route}" for route in alice.dialog.routes)
    data = alice.compose("BYE", bob.contact, to=alice.dialog.remote, from_=alice.dialog.local,
                         call_id=alice.dialog.call_id, cseq=2, headers=routes)  # fmt: skip
    lab._carry(lab.engine.receive(data, source, lab.now))
    assert bob.takes("BYE")


# -- TLS ---------------------------------------------------------------------------------------------------------------

SECURE = ("10.0.0.1", 5061)


@pytest.fixture
def tls() -> Lab:
    return Lab(listen=(("udp", PROXY), ("tls", SECURE)))


def over_tls(lab: Lab, phone: Phone, data: bytes) -> None:
    """A message by a connection to the port of TLS."""
    lab._carry(lab.engine.receive(data, Flow("tls", SECURE, phone.address, 1), lab.now))


def secured(lab: Lab) -> tuple[Phone, Phone]:
    """Alice on UDP, Bob registered by TLS."""
    (alice,) = lab.registered("alice")
    bob = lab.phone("bob", "10.0.0.11:40011", transport="tls")
    headers = (f"Contact: <{bob.contact}>", "Expires: 600")
    over_tls(lab, bob, bob.compose("REGISTER", "sip:10.0.0.1", to=f"<{bob.aor}>", contact=False, headers=headers))
    bob.takes(200)
    return alice, bob


def test_a_phone_on_tls(tls: Lab) -> None:
    alice, bob = secured(tls)
    alice.invite("bob")
    got = bob.takes("INVITE")
    assert (got.via.transport, got.via.sent_by) == (b"TLS", (b"10.0.0.1", 5061))
    (_, flow), plain = ways(got)
    assert flow is not None and (flow.transport, flow.remote) == ("tls", bob.address) and plain == ("udp", None)
    assert b"@10.0.0.1:5061;transport=tls;lr>" in got.values(b"record-route")[0]
    over_tls(tls, bob, bob.compose("MESSAGE", "sip:alice@10.0.0.1"))
    assert alice.waiting[-1] == "MESSAGE"


@pytest.mark.purpose(
    "RFC3263_04", given="a sips URI of a user with phones on UDP and on TLS", expect="it goes to the one on TLS alone"
)
def test_a_sips_uri_reaches_what_is_on_tls_alone(tls: Lab) -> None:
    alice, bob = secured(tls)
    plain = tls.phone("bob")
    plain.register()
    over_tls(tls, bob, bob.compose("INVITE", "sips:bob@10.0.0.1", body=sdp()))
    assert bob.takes(100) and not plain.inbox
    got = bob.takes("INVITE")
    assert all(value.startswith(b"<sips:") and b"transport" not in value for value in got.values(b"record-route"))
    for uri in ("sips:alice@10.0.0.1", alice.contact.replace("sip:", "sips:")):
        alice.request("MESSAGE", uri)
        assert alice.takes(480)


@pytest.mark.parametrize("route", ["<sips:192.0.2.7;lr>", "<SIPS:192.0.2.7;lr>", "<sips:192.0.2.7>"])
def test_behind_a_route_of_sips_all_within_the_dialog_goes_by_tls(tls: Lab, route: str) -> None:
    """RFC 3261 §16.6 item 4: the Request-URI, or the topmost Route."""
    _, bob = secured(tls)
    over_tls(tls, bob, bob.compose("INVITE", "sip:c@far.example.com", headers=(f"Route: {route}",), body=sdp()))
    (send,) = tls.astray
    assert send.flow == Flow("tls", SECURE, ("192.0.2.7", 5061))
    routes = parse(send.data).values(b"record-route")
    assert routes
    assert all(value.startswith(b"<sips:") and b"transport" not in value for value in routes)


@pytest.mark.parametrize(
    ("uri", "port"),
    [("sips:c@192.0.2.7", 5061), ("sip:c@192.0.2.7;transport=tls", 5061), ("sips:c@192.0.2.7:7;transport=tcp", 7)],
)
def test_an_address_may_say_tls(tls: Lab, uri: str, port: int) -> None:
    alice, _ = secured(tls)
    alice.request("MESSAGE", uri)
    (send,) = tls.astray
    assert send.flow == Flow("tls", SECURE, ("192.0.2.7", port))


# -- WebSockets --------------------------------------------------------------------------------------------------------


def test_a_browser_whose_window_was_closed_is_not_looked_for(lab: Lab) -> None:
    """Nobody can connect to it, whatever port its Via may say (RFC 7118 §5); the door drops what it is owed."""
    alice, bob = pair(lab, "ws", "udp")
    alice.request("MESSAGE", "sip:bob@10.0.0.1")
    got = bob.takes("MESSAGE")
    gone = lab.flow(alice)
    lab.cut(alice)
    bob.reply(got, 200)
    assert [send.flow for send in lab.astray] == [gone]
    lab._carry(lab.engine.lost(gone, lab.now))  # as the door says, at once
    lab.advance(64)
    assert len(lab.astray) == 1
    assert lab.engine.load["transactions"] == 0


def test_a_browser_that_comes_back_goes_on_with_its_call(lab: Lab) -> None:
    alice, bob = pair(lab, "udp", "ws")
    call(alice, bob)
    lab.cut(bob)
    bob.register()
    within(alice, bob, "INFO")
    within(bob, alice, "INFO")
    hang_up(alice, bob)
    assert not lab.astray


@pytest.mark.parametrize(
    "uri", ["sip:c@192.0.2.7;transport=ws", "sip:c@192.0.2.7:8088;transport=wss", "sips:c@192.0.2.7;transport=ws"]
)
def test_no_address_leads_to_a_browser(lab: Lab, uri: str) -> None:
    alice, _ = pair(lab, "udp", "udp")
    alice.invite(uri)
    assert not lab.astray and alice.waiting[-1] in (480, 500)


@pytest.mark.parametrize("transport", ["ws", "wss"])
def test_a_sips_uri_reaches_a_browser_on_wss_alone(lab: Lab, transport: str) -> None:
    alice, bob = pair(lab, "wss", transport)
    alice.invite("sips:bob@10.0.0.1")
    if transport == "ws":
        assert alice.waiting == [480]
        return
    got = bob.takes("INVITE")
    routes = got.values(b"record-route")
    assert all(route.startswith(b"<sips:") and route.endswith(b"@10.0.0.1:8089;transport=ws;lr>") for route in routes)
    bob.answer(got)
    assert alice.takes(100) and alice.takes(200)


def test_what_has_no_length_goes_to_where_one_is_needed(lab: Lab) -> None:
    """A WebSocket says where a message ends, so Content-Length need not (RFC 7118 §5)."""
    alice, bob = pair(lab, "ws", "tcp")
    data = alice.compose("MESSAGE", "sip:bob@10.0.0.1", body="ahoj", content_type="text/plain")
    alice.send(data.replace(b"Content-Length: 4\r\n", b""))
    got = bob.takes("MESSAGE")
    assert (got.first(b"content-length"), got.body) == (b"4", b"ahoj")


# -- large requests ----------------------------------------------------------------------------------------------------

LARGE = sdp() + "a=x\r\n" * 300


@pytest.mark.purpose(
    "SIP_MG_PR_V_015",
    given="an INVITE over 1,300 bytes for an address that names no transport; nobody listens there on TCP",
    expect="it goes by TCP, with TCP in its Via; then by UDP",
)
def test_a_large_request_goes_by_tcp_and_if_nobody_listens_by_udp(lab: Lab) -> None:
    alice, _ = pair(lab, "udp", "udp")
    alice.invite("sip:carol@192.0.2.7", body=LARGE)
    assert [send.flow for send in lab.astray] == [Flow("tcp", PROXY, FAR)]
    lab.lose(FAR, "tcp")
    over_tcp, over_udp = lab.astray
    assert over_udp.flow == Flow("udp", PROXY, FAR)
    assert b"\r\nVia: SIP/2.0/TCP " in over_tcp.data and b"\r\nVia: SIP/2.0/UDP " in over_udp.data
    lab.advance(0.6)
    assert len(lab.astray) == 3, "and is repeated there"
    lab.lose(FAR)
    assert alice.waiting == [100, 500]


def test_a_large_request_that_was_cancelled_is_not_tried_again(lab: Lab) -> None:
    alice, _ = pair(lab, "udp", "udp")
    sent = alice.invite("sip:carol@192.0.2.7", body=LARGE)
    alice.cancel(sent)
    lab.lose(FAR, "tcp")
    assert len(lab.astray) == 1
    assert alice.waiting == [100, 200, 487]


def test_who_answers_by_tcp_has_the_rest_of_the_call_there(lab: Lab) -> None:
    alice, _ = pair(lab, "udp", "udp")
    carol = lab.phone("carol", "192.0.2.7:5060", transport="tcp")
    alice.invite("sip:carol@192.0.2.7", body=LARGE)
    carol.answer(carol.takes("INVITE"))
    alice.takes(100)
    dialog = alice.dialog
    assert isinstance(dialog, Dialog)
    dialog.confirm(alice.takes(200))
    hang_up(alice, carol)


def test_a_large_request_for_a_phone_goes_by_the_way_that_it_registered(lab: Lab) -> None:
    alice, bob = pair(lab, "udp", "udp")
    alice.invite("bob", body=LARGE)
    assert Via(bob.takes("INVITE").values(b"via")[0]).transport == b"UDP"


@pytest.mark.parametrize("uri", ["sip:carol@192.0.2.7;transport=udp", "sip:carol@192.0.2.7"])
def test_what_says_udp_or_is_small_goes_by_udp(lab: Lab, uri: str) -> None:
    alice, _ = pair(lab, "udp", "udp")
    alice.invite(uri, body=LARGE if "transport" in uri else sdp())
    (send,) = lab.astray
    assert send.flow.transport == "udp"
    assert (len(send.data) > SAFE_DATAGRAM) == ("transport" in uri)
