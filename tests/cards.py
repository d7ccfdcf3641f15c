"""The card of a call in the virtual lab, made of the lab's events and messages."""

from __future__ import annotations

from dataclasses import replace

from sipfullproxy.engine.events import CallEvent, CallOver, Ended
from sipfullproxy.journal.cards import CALLING, OVER, RINGING, TALKING, CallCard, PhoneCard, short_id
from sipfullproxy.journal.record import Record
from sipfullproxy.sip.message import Request
from tests.helpers import Lab, Phone

_STATES = {"ringing": RINGING, "started": TALKING}


def card_of(lab: Lab, invite: Request, records: list[Record]) -> CallCard:
    """What a glance at the call of that INVITE shows now."""
    call, leg = invite.call_id.decode(), invite.from_tag.decode()
    card = CallCard(
        id=short_id(call, leg), call=call, leg=leg, caller=f"{_user(invite, b'from')}@10.0.0.1",
        callee=f"{_user(invite, b'to')}@10.0.0.1", state=CALLING, began=records[0].time, changed=lab.now,
    )  # fmt: skip
    for event in lab.events:
        if not isinstance(event, CallEvent) or (event.call, event.leg) != (call, leg):
            continue
        card = replace(card, state=_STATES.get(event.kind, card.state))
        if event.kind == "started":
            card = replace(card, answered=event.time)
        if isinstance(event, Ended | CallOver):
            status = event.status if isinstance(event, CallOver) else 0
            card = replace(card, state=OVER, over=event.time, end=event.kind, status=status, why=event.why)
    return card


def phone_cards(*phones: Phone) -> list[PhoneCard]:
    """The phones as the page lists them."""
    return [
        PhoneCard(
            id=short_id(phone.aor), who=phone.aor.removeprefix("sip:"),
            address=f"{phone.address[0]}:{phone.address[1]}", transport="udp",
            contact=phone.contact, agent="", since=1000.0, until=4600.0,
        )
        for phone in phones
    ]  # fmt: skip


def _user(invite: Request, header: bytes) -> str:
    value = (invite.first(header) or b"").decode()
    return value.partition("sip:")[2].partition("@")[0]
