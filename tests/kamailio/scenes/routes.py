"""Route, Record-Route and Via (RFC 3261 §16.4, §16.6, §18.2, RFC 3581)."""

from __future__ import annotations

from sipfullproxy.engine.flow import Flow
from sipfullproxy.engine.tokens import Tokens
from tests.kamailio.scenes.acts import SCENES, US, Scene, got, outside, refused, scene
from tests.kamailio.stage import Stage

# -- Route -------------------------------------------------------------------------------------------------------------


@scene
def route_us(stage: Stage) -> None:
    """A phone with the proxy as its outbound proxy."""
    outside(stage, "INVITE", f"Route: <sip:{US};lr>", status=486)


@scene
def route_us_twice(stage: Stage) -> None:
    refused(stage, "MESSAGE", f"sip:bob@{US}", f"Route: <sip:{US};lr>", f"Route: <sip:{US}:5060;lr>")


@scene
def route_us_and_on(stage: Stage) -> None:
    (alice,) = stage.registered("alice")
    far = stage.phone("far")
    route = f"Route: <sip:{US};lr>, <sip:{far.address[0]};lr>"
    alice.request("MESSAGE", f"sip:bob@{US}", headers=(route,))
    alice.invite("bob", headers=(route,))


@scene
def route_on(stage: Stage) -> None:
    (alice,) = stage.registered("alice")
    far = stage.phone("far")
    alice.request("MESSAGE", "sip:bob@elsewhere.example", headers=(f"Route: <sip:{far.address[0]};lr>",))


@scene
def route_on_strictly(stage: Stage) -> None:
    """RFC 3261 §16.6 item 6."""
    (alice,) = stage.registered("alice")
    far = stage.phone("far")
    route = f"Route: <sip:{US};lr>, <sip:{far.address[0]}>, <sip:third@10.0.0.40;lr>"
    alice.request("MESSAGE", "sip:bob@elsewhere.example", headers=(route,))


@scene
def route_with_a_user(stage: Stage) -> None:
    """Our address with a user in it, in Route: so some phones write their outbound proxy."""
    outside(stage, "MESSAGE", f"Route: <sip:proxy@{US};lr>")


@scene
def route_with_a_forged_token(stage: Stage) -> None:
    """The same with a flow token (RFC 5626 §5.2) that the proxy has not signed."""
    forged = Tokens(b"guess", (US, 5060)).make(Flow("udp", (US, 5060), ("10.0.0.99", 5060))).decode()
    refused(stage, "MESSAGE", f"sip:bob@{US}", f"Route: <sip:{forged}@{US};lr>")


@scene
def route_of_nonsense(stage: Stage) -> None:
    alice, _ = stage.registered("alice", "bob")
    alice.send(alice.compose("MESSAGE", f"sip:bob@{US}", headers=("Route: over the hills",)))


@scene
def record_route_of_another(stage: Stage) -> None:
    """Another proxy was there before: its Record-Route stays below."""
    outside(stage, "INVITE", "Record-Route: <sip:10.0.0.50;lr>", status=486)


# -- Via ---------------------------------------------------------------------------------------------------------------

HEAD = """\
{method} sip:bob@10.0.0.1 SIP/2.0\r
{vias}From: <sip:alice@10.0.0.1>;tag=f\r
To: <sip:bob@10.0.0.1>\r
Call-ID: via@10.0.0.10\r
CSeq: 7 {method}\r
Contact: <sip:alice@10.0.0.10:5060>\r
Max-Forwards: 70\r
Content-Length: 0\r
\r
"""


def vias(*lines: str, method: str = "MESSAGE", status: int = 200) -> Scene:
    """A request with these Vias, and its answer."""

    def play(stage: Stage) -> None:
        alice, bob = stage.registered("alice", "bob")
        branch = f"z9hG4bK-{stage.serial}"
        alice.send(
            HEAD.format(method=method, vias="".join(f"Via: {line}\r\n" for line in lines)).replace("z9hG4bK", branch)
        )
        bob.reply(got(bob, method), status)
        got(alice, status)

    return play


SCENES |= {
    "via_plain": vias("SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-a"),
    "via_rport": vias("SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-a;rport"),
    "via_no_port": vias("SIP/2.0/UDP 10.0.0.10;branch=z9hG4bK-a;rport"),
    "via_other_host": vias("SIP/2.0/UDP 192.168.7.7:5060;branch=z9hG4bK-a;rport"),
    "via_a_name": vias("SIP/2.0/UDP phone.invalid:5060;branch=z9hG4bK-a"),
    "via_other_port": vias("SIP/2.0/UDP 10.0.0.10:5099;branch=z9hG4bK-a"),
    "via_other_port_rport": vias("SIP/2.0/UDP 10.0.0.10:5099;branch=z9hG4bK-a;rport"),
    "via_false_received": vias("SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-a;received=192.0.2.1"),
    "via_maddr": vias("SIP/2.0/UDP 192.168.7.7:5060;branch=z9hG4bK-a;maddr=10.0.0.10"),
    "via_ttl": vias("SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-a;ttl=1;x=y"),
    "via_tcp": vias("SIP/2.0/TCP 10.0.0.10:5060;branch=z9hG4bK-a;rport"),
    "via_no_branch": vias("SIP/2.0/UDP 10.0.0.10:5060"),
    "via_old_branch": vias("SIP/2.0/UDP 10.0.0.10:5060;branch=1"),
    "via_two": vias("SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-a", "SIP/2.0/TCP 192.0.2.9:5099;branch=z9hG4bK-b"),
    "via_two_no_branch": vias("SIP/2.0/UDP 10.0.0.10:5060", "SIP/2.0/UDP 192.0.2.9"),
    "via_two_in_one_line": vias("SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-a , SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK-b"),
    "via_spaces": vias("SIP / 2.0 / UDP  10.0.0.10 : 5060 ; branch = z9hG4bK-a"),
    "via_comment": vias("SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-a (a comment of RFC 2543)"),
    "via_ipv6": vias("SIP/2.0/UDP [2001:db8::9]:5060;branch=z9hG4bK-a"),
    "via_empty_branch": vias("SIP/2.0/UDP 10.0.0.10:5060;branch="),
    "rfc2543_call": vias("SIP/2.0/UDP 10.0.0.10:5060", method="INVITE", status=486),
}


@scene
def rfc2543_cancel(stage: Stage) -> None:
    """A CANCEL finds its INVITE without a branch (RFC 3261 §17.2.3)."""
    alice, bob = stage.registered("alice", "bob")
    via = "Via: SIP/2.0/UDP 10.0.0.10:5060\r\n"
    invite = HEAD.format(method="INVITE", vias=via)
    alice.send(invite)
    bob.ring(got(bob, "INVITE"))
    alice.send(invite)
    alice.send(HEAD.format(method="CANCEL", vias=via))
