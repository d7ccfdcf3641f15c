"""What must not be touched, and where a message ends (RFC 3261 §7.3, §18.3)."""

from __future__ import annotations

from tests.kamailio.scenes.acts import US, got, scene
from tests.kamailio.stage import Stage


@scene
def untouched_request(stage: Stage) -> None:
    alice, bob = stage.registered("alice", "bob")
    alice.send(
        "MESSAGE sip:bob@10.0.0.1 SIP/2.0\r\nX-First: 1\r\nVia: SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-u;rport\r\n"
        "sUbJect :  folded\r\n   and\r\n\ttabbed  \r\nFROM: <sip:alice@10.0.0.1> ; tag=f\r\nt: <sip:bob@10.0.0.1>\r\n"
        'i: untouched@10.0.0.10\r\nCSeq:   0007   MESSAGE\r\nX-Twice: a\r\nX-Other: ;;,,"\r\nX-Twice: b\r\n'
        "Max-Forwards: 0070\r\nc: text/plain\r\nX-Empty:\r\nX-Utf-8: ľščťžýáíé\r\nl: 5\r\n\r\n\0\r\n\r\n"
    )
    bob.reply(
        got(bob, "MESSAGE"), 200,
        headers=("x-odd :\r\n  folded", "Server: a phone", "X-Twice: 1", "X-Twice: 2", "k: x"), body="\0\r\n\r\n",
    )  # fmt: skip


@scene
def compact_forms(stage: Stage) -> None:
    alice, bob = stage.registered("alice", "bob")
    alice.send(
        "INVITE sip:bob@10.0.0.1 SIP/2.0\r\nv: SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-u;rport\r\n"
        "f: <sip:alice@10.0.0.1>;tag=f\r\nt: <sip:bob@10.0.0.1>\r\ni: compact@10.0.0.10\r\nCSeq: 1 INVITE\r\n"
        "m: <sip:alice@10.0.0.10:5060>\r\nMax-Forwards: 70\r\nl: 0\r\n\r\n"
    )
    bob.reply(got(bob, "INVITE"), 486)


@scene
def much_behind(stage: Stage) -> None:
    """RFC 3261 §18.3: what stands behind Content-Length is thrown away."""
    alice, _bob = stage.registered("alice", "bob")
    alice.send(alice.compose("MESSAGE", f"sip:bob@{US}", body="hi", content_type="text/plain") + b"and more")


@scene
def too_little(stage: Stage) -> None:
    """RFC 3261 §18.3: a request whose body is cut short gets a 400."""
    alice, _bob = stage.registered("alice", "bob")
    alice.send(alice.compose("MESSAGE", f"sip:bob@{US}", body="hi there", content_type="text/plain")[:-3])


@scene
def lines_before(stage: Stage) -> None:
    alice, _bob = stage.registered("alice", "bob")
    alice.send(b"\r\n\r\n" + alice.compose("MESSAGE", f"sip:bob@{US}"))


@scene
def keepalive(stage: Stage) -> None:
    """RFC 5626 §4.4.1 answers it on a stream only."""
    (alice,) = stage.registered("alice")
    alice.send(b"\r\n\r\n")
    alice.send(b"\0\0\0\0")


@scene
def large(stage: Stage) -> None:
    """Larger than an Ethernet frame."""
    alice, _bob = stage.registered("alice", "bob")
    alice.request("MESSAGE", f"sip:bob@{US}", body="x" * 9000, content_type="text/plain")
