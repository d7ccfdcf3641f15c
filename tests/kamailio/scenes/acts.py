"""What the flows are written with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sipfullproxy.sip.message import Request, Response
from tests.helpers import Phone
from tests.kamailio.stage import Stage

Scene = Callable[[Stage], None]
SCENES: dict[str, Scene] = {}

US = "10.0.0.1"
"""The proxy, whichever it is."""


def scene(play: Scene) -> Scene:
    """Put a flow into the list, by its name."""
    SCENES[play.__name__.removesuffix("_")] = play
    return play


def got(phone: Phone, what: str | int) -> Any:
    """The next message of a phone that is no 100, which must be that."""
    while phone.inbox and isinstance(phone.inbox[0], Response) and phone.inbox[0].status == 100:
        phone.inbox.popleft()
    return phone.takes(what)


def ring(caller: Phone, callee: Phone, **more: Any) -> tuple[Request, Request]:
    """A call that rings. Returns the INVITE as sent and as received."""
    sent = caller.invite(callee.user, **more)
    came = got(callee, "INVITE")
    callee.ring(came)
    got(caller, 180)
    return sent, came


def talk(caller: Phone, callee: Phone, **more: Any) -> tuple[Request, Request]:
    """A call that is answered and acknowledged."""
    sent, came = ring(caller, callee, **more)
    callee.answer(came)
    confirm(caller, got(caller, 200)).ack(sent)
    got(callee, "ACK")
    return sent, came


def confirm(caller: Phone, response: Response) -> Any:
    """The caller's dialog, with what the 200 said."""
    assert caller.dialog is not None
    caller.dialog.confirm(response)
    return caller.dialog


def inside(phone: Phone, other: Phone, method: str, **more: Any) -> None:
    """A request in the dialog, and its 200."""
    assert phone.dialog is not None
    phone.dialog.request(method, **more)
    other.reply(got(other, method), 200)
    got(phone, 200)


def outside(stage: Stage, method: str, *headers: str, status: int = 200) -> tuple[Phone, Phone]:
    """A request from alice to bob outside any dialog, and its answer."""
    alice, bob = stage.registered("alice", "bob")
    alice.request(method, f"sip:bob@{US}", headers=headers)
    bob.reply(got(bob, method), status)
    got(alice, status)
    return alice, bob


def refused(stage: Stage, method: str, uri: str, *headers: str, **more: Any) -> None:
    """A request of alice's that perhaps nobody gets; an answer to an INVITE is acknowledged."""
    alice, _ = stage.registered("alice", "bob")
    sent = alice.request(method, uri, headers=headers, **more)
    if method == "INVITE" and alice.waiting and alice.waiting[-1] != 100:
        alice.ack_failure(sent, alice.inbox[-1])  # type: ignore[arg-type]  # what alice gets is responses
