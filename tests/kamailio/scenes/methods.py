"""All methods outside a dialog, and responses that nobody waits for."""

from __future__ import annotations

from tests.kamailio.scenes.acts import SCENES, US, Scene, got, outside, refused, scene
from tests.kamailio.stage import Stage

# -- other methods -----------------------------------------------------------------------------------------------------


def plain(method: str, status: int = 200, *headers: str) -> Scene:
    """That method from alice to bob, outside any dialog."""

    def play(stage: Stage) -> None:
        outside(stage, method, *headers, status=status)

    return play


def to_us(method: str, *headers: str) -> Scene:
    """That method to the proxy itself."""
    return lambda stage: refused(stage, method, f"sip:{US}", *headers)


SCENES |= {
    "message": plain("MESSAGE", 202),
    "options": plain("OPTIONS"),
    "subscribe": plain("SUBSCRIBE", 202, "Event: presence"),
    "notify": plain("NOTIFY", 200, "Event: message-summary"),
    "refer": plain("REFER", 202, f"Refer-To: <sip:carol@{US}>"),
    "info": plain("INFO"),
    "update": plain("UPDATE", 481),
    "bye": plain("BYE", 481),
    "prack_of_nothing": plain("PRACK", 481),
    "odd_method": plain("FROBNICATE"),
    "lower_case_method": plain("message"),
    "publish": plain("PUBLISH", 200, "Event: presence"),
    "message_refused": plain("MESSAGE", 415),
    "message_in_vain": plain("MESSAGE", 408),
    "options_to_us": to_us("OPTIONS"),
    "message_to_us": to_us("MESSAGE"),
    "subscribe_to_us": to_us("SUBSCRIBE", "Event: presence"),
    "publish_to_us": to_us("PUBLISH", "Event: presence"),
    "notify_to_us": to_us("NOTIFY", "Event: presence"),
    "bye_to_us": to_us("BYE"),
    "odd_method_to_us": to_us("FROBNICATE"),
}


@scene
def subscribe_and_notify(stage: Stage) -> None:
    alice, bob = stage.registered("alice", "bob")
    sent = alice.request("SUBSCRIBE", f"sip:bob@{US}", headers=("Event: presence",))
    came = got(bob, "SUBSCRIBE")
    bob.reply(came, 200, headers=("Expires: 600",))
    got(alice, 200)
    routes = tuple(f"Route: {value.decode()}" for value in came.values(b"record-route"))
    bob.request(
        "NOTIFY", alice.contact, to=(sent.first(b"from") or b"").decode(), from_=f"<sip:bob@{US}>;tag=bob-5060",
        call_id=sent.call_id.decode(), headers=(*routes, "Event: presence", "Subscription-State: active"),
    )  # fmt: skip
    alice.reply(got(alice, "NOTIFY"), 200)


# -- responses that nobody waits for -----------------------------------------------------------------------------------

STRAY = """\
SIP/2.0 200 Fine\r
{vias}From: <sip:alice@10.0.0.1>;tag=f\r
To: <sip:bob@10.0.0.1>;tag=t\r
Call-ID: stray@10.0.0.10\r
CSeq: 7 INVITE\r
Content-Length: 0\r
\r
"""


def stray(*vias: str) -> Scene:
    """bob sends a response to nothing."""

    def play(stage: Stage) -> None:
        _, bob = stage.registered("alice", "bob")
        bob.send(STRAY.format(vias="".join(f"Via: {line}\r\n" for line in vias)))

    return play


SCENES |= {
    "stray_response": stray(
        "SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK-x", "SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-y"
    ),
    "stray_response_not_by_us": stray("SIP/2.0/UDP 10.0.0.10:5060;branch=z9hG4bK-y"),
    "stray_response_to_us": stray("SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK-x"),
}


@scene
def response_of_another_method(stage: Stage) -> None:
    """RFC 3261 §17.1.3: the method in CSeq is a part of what a response is matched by."""
    alice, bob = stage.registered("alice", "bob")
    alice.request("MESSAGE", f"sip:bob@{US}")
    came = got(bob, "MESSAGE")
    lines = [b"Via: " + value for value in came.values(b"via")]
    lines += [came.lines[came.where[name][0]] for name in (b"from", b"to", b"call-id")]
    bob.send(b"\r\n".join([b"SIP/2.0 200 Fine", *lines, b"CSeq: 1 INFO", b"Content-Length: 0", b"", b""]))
