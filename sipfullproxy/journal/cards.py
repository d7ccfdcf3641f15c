"""What people ask of a call and of a phone at one glance: made from events, shown by the page and the command line."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

from sipfullproxy.engine.outbox import text
from sipfullproxy.engine.registrar import Phone

CALLING, RINGING, TALKING, OVER = "calling", "ringing", "talking", "over"
"""What a call may be doing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallCard:
    """A call, as far as it has come. A changed call is a new card.

    id: short name for addresses and people, made of call and leg. call: the Call-ID. leg: the caller's From tag.
    caller, callee: `user@domain`. state: CALLING, RINGING, TALKING or OVER. end: kind of the event that ended it
    ("ended", "busy", "declined", "cancelled", "missed", "failed"), or "". status: SIP status that ended it, or 0.
    why: the reason as the event has it, or "". began, answered, over: wall-clock seconds, None for what has not
    happened. changed: the same, of the last event. held, video, conference: whether it is so now, or was at its end.
    went_to: where it was forwarded or transferred, in order. missing: whether the proxy was stopped or lost events in
    the midst of it, so that its end is not known.
    """

    id: str
    call: str
    leg: str
    caller: str
    callee: str
    state: str
    began: float
    changed: float
    answered: float | None = None
    over: float | None = None
    end: str = ""
    status: int = 0
    why: str = ""
    held: bool = False
    video: bool = False
    conference: bool = False
    went_to: tuple[str, ...] = ()
    missing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneCard:
    """A registered phone.

    id: name for addresses, the same as long as it is registered. who: address-of-record, `user@domain`. address: where
    it really sends from, as `host:port`. transport: "udp", "tcp" … contact: its Contact URI. agent: its User-Agent, or
    "". since: wall-clock seconds of its first registration since the proxy was started. until: wall-clock seconds when
    it expires.
    """

    id: str
    who: str
    address: str
    transport: str
    contact: str
    agent: str
    since: float
    until: float


def phone_card(phone: Phone, offset: float) -> PhoneCard:
    """A phone as the engine shows it, for people. offset: from monotonic to wall-clock seconds."""
    return PhoneCard(
        id=f"{phone.user.hex()}-{short_id(phone.contact, text(phone.instance))}", who=phone.who,
        address=phone.flow.address, transport=phone.flow.transport, contact=phone.contact, agent=phone.agent,
        since=phone.since + offset, until=phone.until + offset,
    )  # fmt: skip


def user_of(phone_id: str) -> bytes | None:
    """Whose phone a PhoneCard's id names, so that it need not be sought among all; None for what is no such id."""
    try:
        return bytes.fromhex(phone_id.partition("-")[0])
    except ValueError:
        return None


def short_id(*parts: str) -> str:
    """Ten hexadecimal digits that name something by its parts: the same for the same parts, after a restart too."""
    return blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=5).hexdigest()
