"""Hops, loops, and extensions that are required (RFC 3261 §16.3)."""

from __future__ import annotations

from sipfullproxy.sip.message import Response
from tests.helpers import Phone
from tests.kamailio.scenes.acts import SCENES, US, Scene, confirm, got, outside, refused, ring, scene
from tests.kamailio.stage import Stage

# -- hops --------------------------------------------------------------------------------------------------------------


def hops(*lines: str) -> Scene:
    """A MESSAGE with these lines about hops."""

    def play(stage: Stage) -> None:
        alice, _ = stage.registered("alice", "bob")
        alice.send(alice.compose("MESSAGE", f"sip:bob@{US}", headers=lines, max_forwards=None))

    return play


SCENES |= {
    "hops_none_left": hops("Max-Forwards: 0"),
    "hops_last": hops("Max-Forwards: 1"),
    "hops_usual": hops("Max-Forwards: 70"),
    "hops_71": hops("Max-Forwards: 71"),
    "hops_most": hops("Max-Forwards: 255"),
    "hops_too_many": hops("Max-Forwards: 256"),
    "hops_not_said": hops(),
    "hops_in_words": hops("Max-Forwards: many"),
    "hops_twice": hops("Max-Forwards: 5", "Max-Forwards: 6"),
    "hops_empty": hops("Max-Forwards:"),
}


@scene
def hops_of_a_call_none_left(stage: Stage) -> None:
    refused(stage, "INVITE", f"sip:bob@{US}", max_forwards=0)


@scene
def hops_of_an_ack(stage: Stage) -> None:
    """An ACK without hops goes nowhere, and is not answered."""
    alice, bob = stage.registered("alice", "bob")
    sent, came = ring(alice, bob)
    bob.answer(came)
    confirm(alice, got(alice, 200)).ack(sent, max_forwards=0)


@scene
def hops_of_options(stage: Stage) -> None:
    """RFC 3261 §11: OPTIONS with no hop left may be answered by who is there."""
    refused(stage, "OPTIONS", f"sip:bob@{US}", max_forwards=0)


@scene
def spiral(stage: Stage) -> None:
    """RFC 3261 §16.3 item 4: it comes back to go elsewhere, which is no loop."""
    alice, bob, carol = stage.registered("alice", "bob", "carol")
    alice.invite("bob")
    send_back(bob, stage, f"sip:carol@{US}")
    carol.ring(got(carol, "INVITE"))
    bob.send(onward_from(bob, bob.inbox[-1]))  # type: ignore[arg-type]


@scene
def loop(stage: Stage) -> None:
    """RFC 3261 §16.3 item 4, RFC 5393: it comes back as it went."""
    alice, bob = stage.registered("alice", "bob")
    alice.invite("bob")
    send_back(bob, stage, f"sip:bob@{US}")


def send_back(phone: Phone, stage: Stage, uri: str) -> None:
    """The phone is a proxy for once: it sends the INVITE on, to the proxy that it came from."""
    came = got(phone, "INVITE")
    lines = [line.decode() for line in came.lines]
    hops_ = [f"Max-Forwards: {(came.number(b'max-forwards', 255) or 70) - 1}"]
    rest = [line for line in lines if line and not line.lower().startswith("max-forwards")]
    via = f"Via: SIP/2.0/UDP {phone.address[0]}:{phone.address[1]};branch={phone.branch()}"
    phone.send("\r\n".join([f"INVITE {uri} SIP/2.0", via, *hops_, *rest, "", came.body.decode()]))


def onward_from(phone: Phone, response: Response) -> bytes:
    """What that proxy makes of a response: its own Via is taken off."""
    lines = [line for line in response.lines if line]
    lines.remove(next(line for line in lines if line.startswith(b"Via:")))
    return b"\r\n".join([response.start, *lines, b"", response.body])


# -- what is required --------------------------------------------------------------------------------------------------


@scene
def extension_of_the_proxy(stage: Stage) -> None:
    refused(stage, "INVITE", f"sip:bob@{US}", "Proxy-Require: foo, bar")


@scene
def extension_of_the_phone(stage: Stage) -> None:
    outside(stage, "MESSAGE", "Require: foo", status=420)


@scene
def extension_of_the_registrar(stage: Stage) -> None:
    stage.phone("alice").register(headers=("Require: foo",))


@scene
def extension_in_options_to_us(stage: Stage) -> None:
    refused(stage, "OPTIONS", f"sip:{US}", "Require: foo")
