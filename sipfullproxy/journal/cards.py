"""What people ask of a call and of a phone at one glance: made from events, shown by the page and the command line."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from unicodedata import combining, normalize

from sipfullproxy.engine.outbox import text
from sipfullproxy.engine.registrar import Phone

CALLING, RINGING, TALKING, OVER = "calling", "ringing", "talking", "over"
"""What a call may be doing."""

LIVE = "live"
"""Stands for all but OVER, where calls are chosen by their state."""

TROUBLE = "trouble"
"""Stands for TROUBLES, where calls are chosen by their state."""

TROUBLES = ("busy", "declined", "missed", "failed")
"""The ends after which the caller asks why."""

ENDS = ("ended", "busy", "declined", "cancelled", "missed", "failed")
"""How a call may have ended, by the kinds of the events that end one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallCard:
    """A call, as far as it has come. A changed call is a new card.

    id: short name for addresses and people, made of call and leg: where both are used again, it is the same call.
    call: the Call-ID. leg: the caller's From tag. caller, callee: `user@domain`. state: CALLING, RINGING, TALKING or
    OVER. end: one of ENDS, or "". status: SIP status that ended it, or 0. why: the reason as the event has it, or "".
    began, answered, over: wall-clock seconds, None for what has not happened. changed: the same, of the last event.
    held, video, conference: whether it is so now, or was at its end.
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

    def is_in(self, state: str) -> bool:
        """Whether that is its state, its end, or one of the groups LIVE and TROUBLE; "" is any."""
        groups = {LIVE: self.state != OVER, TROUBLE: self.end in TROUBLES}
        return groups.get(state, state in ("", self.state, self.end))


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


@dataclass(frozen=True, slots=True, kw_only=True)
class PastPhone:
    """A phone that is registered no more.

    who, address, contact, agent: see `PhoneCard`. since: wall-clock seconds when it registered, None where nobody knows
    any more. until: when it ceased to be registered. why: see `engine.events.Unregistered`.
    """

    who: str
    address: str
    contact: str
    agent: str
    since: float | None
    until: float
    why: str


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


def fold(text: str) -> str:
    """Text as it is searched: no matter whether large or small letters, with or without diacritics."""
    if text.isascii():
        return text.lower()
    return "".join(char for char in normalize("NFKD", text.casefold()) if not combining(char))


def short_id(*parts: str) -> str:
    """Ten hexadecimal digits that name something by its parts: the same for the same parts, after a restart too."""
    return blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=5).hexdigest()
