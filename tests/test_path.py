"""Phones behind another proxy: it writes itself into Path, and the way back to them leads through it (RFC 3327)."""

from __future__ import annotations

import pytest

from sipfullproxy.engine.registrar import LONGEST_PATH
from sipfullproxy.sip.grammar import split_list
from sipfullproxy.sip.headers.address import Address
from sipfullproxy.sip.message import Draft, Request, Response, parse
from tests.helpers import PROXY, Dialog, Lab, Phone, sdp

EDGE = "10.0.0.5:5060"
PATH = "<sip:edge@10.0.0.5;lr;ob>"


class Edge:
    """A proxy between ours and phones of a network of their own, made by hand: it knows Via, Route and Path only.

    phone: what it is to the lab.
    """

    def __init__(self, lab: Lab, path: str = PATH, transport: str = "udp") -> None:
        self.lab = lab
        self.path = path
        self.phone = lab.phone("edge", EDGE, transport=transport)
        self._numbers = iter(range(1000))

    def up(self, message: Request) -> None:
        """Pass a request of a phone on to our proxy."""
        draft = Draft(message)
        if message.method == b"REGISTER":
            draft.push(b"path", f"Path: {self.path}".encode())
        elif message.method == b"INVITE":
            draft.push(b"record-route", b"Record-Route: <sip:10.0.0.5;lr>")
        draft.push(b"via", f"Via: SIP/2.0/UDP {EDGE};branch=z9hG4bK-edge-{next(self._numbers)}".encode())
        self.phone.send(draft.encode())

    def down(self) -> Request:
        """The next request that came from our proxy, as the phone gets it: without the Route of the edge."""
        request = self.phone.takes()
        assert isinstance(request, Request)
        routes = request.values(b"route")
        assert Address(routes[0]).uri.host == b"10.0.0.5"
        draft = Draft(request)
        draft.put_all(b"route", b"Route", routes[1:])
        draft.push(b"via", b"Via: SIP/2.0/UDP 10.0.0.5;branch=z9hG4bK-down")
        inner = parse(draft.encode())
        assert isinstance(inner, Request)
        inner.check()
        return inner

    def answer(self, request: Request, status: int) -> None:
        """What the phone says, without the Via of the edge."""
        lines = [f"SIP/2.0 {status} Fine".encode()]
        for name in (b"via", b"record-route", b"from", b"to", b"call-id", b"cseq"):
            for position in request.where.get(name, ()):
                line = request.lines[position]
                lines.append(line + b";tag=inner" if name == b"to" and not request.to_tag else line)
        below = b"\r\n".join(lines).replace(b"Via: SIP/2.0/UDP 10.0.0.5;branch=z9hG4bK-down\r\n", b"")
        self.phone.send(below + b"\r\nContact: <sip:bob@192.168.1.5>\r\nContent-Length: 0\r\n\r\n")


def inner(lab: Lab) -> Phone:
    """A phone that only the edge can reach."""
    return Phone(lab, "bob", ("192.168.1.5", 5060))


def register(edge: Edge, phone: Phone, *headers: str) -> Response:
    data = phone.compose(
        "REGISTER", "sip:10.0.0.1", to="<sip:bob@10.0.0.1>", from_="<sip:bob@10.0.0.1>;tag=r", headers=headers
    )
    request = parse(data)
    assert isinstance(request, Request)
    request.check()
    edge.up(request)
    response = edge.phone.takes()
    assert isinstance(response, Response)
    return response


@pytest.mark.purpose(
    "RFC3327_03..05", "RFC5626_10",
    given="REGISTER by another proxy with Path and Supported: path, then a call to that phone and its answer",
    expect="200 with the Path; the INVITE goes to that proxy with Route: the Path, and the Contact as Request-URI",
)  # fmt: skip
def test_a_call_to_a_phone_behind_another_proxy(lab: Lab) -> None:
    (alice,) = lab.registered("alice")
    edge, bob = Edge(lab), inner(lab)
    answer = register(edge, bob, "Supported: path, outbound")
    assert (answer.status, answer.values(b"path")) == (200, [PATH.encode()])
    alice.invite("bob")
    alice.takes(100)
    (sent,) = (send for send in lab.sent[-1:] if send.flow.remote == ("10.0.0.5", 5060))
    assert "path-route" in sent.edits
    got = edge.down()
    assert got.uri_text == b"sip:bob@192.168.1.5:5060"
    assert not got.values(b"route")
    edge.answer(got, 200)
    response = alice.takes(200)
    assert alice.dialog is not None
    alice.dialog.confirm(response)
    alice.dialog.request("BYE")
    assert edge.phone.takes("BYE").values(b"route") == [], "the edge did not record its route in this call"


def test_a_call_from_a_phone_behind_another_proxy(lab: Lab) -> None:
    (alice,) = lab.registered("alice")
    edge, bob = Edge(lab), inner(lab)
    register(edge, bob, "Supported: path")
    data = bob.compose("INVITE", "sip:alice@10.0.0.1", body=sdp("192.168.1.5"))
    request = parse(data)
    assert isinstance(request, Request)
    request.check()
    edge.up(request)
    got = alice.takes("INVITE")
    assert got.values(b"record-route")[-1] == b"<sip:10.0.0.5;lr>"
    alice.answer(got)
    assert [edge.phone.takes().status for _ in range(2)] == [100, 200]
    assert isinstance(alice.dialog, Dialog)
    alice.dialog.request("BYE")
    assert edge.down().uri_text == b"sip:bob@192.168.1.5:5060"


@pytest.mark.purpose(
    "RFC3327_06",
    given="REGISTER with Path and without Supported: path",
    expect="420 with path in Unsupported, nothing registered",
)
def test_a_phone_that_does_not_know_of_path(lab: Lab) -> None:
    edge = Edge(lab)
    answer = register(edge, inner(lab))
    assert (answer.status, answer.values(b"unsupported")) == (420, [b"path"])
    assert lab.engine.load["bindings"] == 0


def test_path_may_be_required(lab: Lab) -> None:
    assert register(Edge(lab), inner(lab), "Require: path", "Supported: path").status == 200


@pytest.mark.parametrize("path", ["<", "<tel:+1>", "<http://edge>", f"<sip:{'x' * LONGEST_PATH}@edge;lr>"])
def test_a_path_that_is_none_registers_nothing(lab: Lab, path: str) -> None:
    assert register(Edge(lab, path), inner(lab), "Supported: path").status == 400
    assert lab.engine.load["bindings"] == 0


def test_a_path_of_several_proxies_keeps_its_order(lab: Lab) -> None:
    (alice,) = lab.registered("alice")
    path = "<sip:10.0.0.5;lr>, <sip:second.example;lr>, <sip:third@192.168.1.1;lr>"
    edge = Edge(lab, path)
    assert register(edge, inner(lab), "Supported: path").values(b"path") == split_list(path.encode())
    alice.invite("bob")
    assert edge.phone.takes("INVITE").values(b"route") == split_list(path.encode())


def test_a_path_leads_nowhere_but_to_who_registered(lab: Lab) -> None:
    """A phone may write what it likes; nobody is shot at by it (the flow is where the REGISTER came from)."""
    (alice,) = lab.registered("alice")
    edge = Edge(lab, "<sip:victim@192.0.2.66;lr>")
    register(edge, inner(lab), "Supported: path")
    alice.invite("bob")
    assert edge.phone.takes("INVITE").values(b"route") == [b"<sip:victim@192.0.2.66;lr>"]
    assert not lab.astray


def test_the_next_register_may_come_by_another_way(lab: Lab) -> None:
    (alice,) = lab.registered("alice")
    edge, bob = Edge(lab), inner(lab)
    register(edge, bob, "Supported: path")
    home = lab.phone("bob", "192.168.1.5:5060")
    home.register()
    alice.invite("bob")
    assert home.takes("INVITE").values(b"route") == []
    assert PROXY[0] == home.domain


def test_the_path_is_kept_with_the_binding_for_others() -> None:
    lab = Lab(followed=True)
    edge, bob = Edge(lab), inner(lab)
    register(edge, bob, "Supported: path")
    (came,) = lab.engine.snapshot()
    assert came.path == PATH.encode()
    other = Lab()
    other.engine.restore([came], other.now)
    (alice,) = other.registered("alice")
    edge.phone.lab = other
    other.phones[edge.phone.address] = edge.phone
    alice.invite("bob")
    assert edge.phone.takes("INVITE").values(b"route") == [PATH.encode()]
