"""What the engine tells the world: one stream of typed events.

The engine appends them, `guard.py` fetches them once with `Engine.news()` and hands them on: to the journal, to the
hooks of a student's own `main.py`, later to the page. Each kind of event is emitted exactly once per occurrence: a
retransmission, a fork or a lost packet never makes a second one.

Fields may be given by name or in their order, those that all events share first; by name takes three times as long.

An event carries text, not bytes: users and reasons are decoded from what the phones sent and may hold *anything* a
stranger can put into a SIP header. Whoever prints them must make them safe (see `journal/text.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

SCHEMA = 1
"""Version of the shape of these events; a stored event of another version must not be read blindly."""


@dataclass(frozen=True, slots=True)
class Event:
    """What every event has.

    serial: number of this event since the start, from 1, without gaps.
    time: seconds, on the clock that was given to the engine's verbs; or since 1970, where the engine was told how far
    that is off (`Engine.epoch`), as `guard.py` does before each verb.
    """

    kind: ClassVar[str] = "event"
    schema: ClassVar[int] = SCHEMA

    serial: int
    time: float


@dataclass(frozen=True, slots=True)
class Registered(Event):
    """A phone registered that was not registered before (a refresh is none).

    who: address-of-record as `user@domain`. address: where the phone really sends from, as `host:port`.
    contact: the Contact URI that it gave. agent: its User-Agent, or "". expires: seconds granted.
    """

    kind: ClassVar[str] = "registered"

    who: str
    address: str
    contact: str
    agent: str
    expires: int


@dataclass(frozen=True, slots=True)
class Unregistered(Event):
    """A phone is registered no more.

    why: "request" (it said so), "expired", "replaced", "lost" (connection gone) or "removed" (by whoever runs us).
    """

    kind: ClassVar[str] = "unregistered"

    who: str
    address: str
    contact: str
    why: str


@dataclass(frozen=True, slots=True)
class CallEvent(Event):
    """What every event of a call has.

    call: the Call-ID. leg: the caller's From tag; with `call` it names the call (a transfer may reuse a Call-ID).
    who, whom: `user@domain` of the one who acts and of the other one (see each event). The callee is who was dialled
    until somebody answers, and then who answered: another one, where the call was sent on.
    """

    call: str
    leg: str
    who: str
    whom: str


class Calling(CallEvent):
    """A call's first INVITE is on its way to somebody. who: caller. whom: callee, as dialled."""

    kind: ClassVar[str] = "calling"
    __slots__ = ()


class Ringing(CallEvent):
    """The callee's phone rings (first 180 or 183). who: caller. whom: callee."""

    kind: ClassVar[str] = "ringing"
    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Started(CallEvent):
    """The callee answered. who: caller. whom: callee. video: whether both ends agreed on video at once."""

    kind: ClassVar[str] = "started"

    video: bool


class Video(CallEvent):
    """Both ends agreed on video, with the answer or later. who: the one who offered it."""

    kind: ClassVar[str] = "video"
    __slots__ = ()


class Held(CallEvent):
    """who put whom on hold."""

    kind: ClassVar[str] = "held"
    __slots__ = ()


class Resumed(CallEvent):
    """who took whom back from hold."""

    kind: ClassVar[str] = "resumed"
    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Transferred(CallEvent):
    """A transfer (REFER) came to its end. who: the phone that asked. whom: the phone that was sent on. to: the target.

    succeeded: True when the phone that was sent on reported success, False when it reported failure or refused to go,
    None when nothing final was reported. why: the status line of that ("200 OK", "486 Busy Here"), or "".
    """

    kind: ClassVar[str] = "transferred"

    to: str
    succeeded: bool | None
    why: str


@dataclass(frozen=True, slots=True)
class Forwarded(CallEvent):
    """The call was sent on before an answer. who: caller. whom: callee, as dialled. to: new target.

    why: "302" or another 3xx, where a phone sent it on; "always", "busy", "no answer" or "not registered", where the
    proxy did, because the user has his calls forwarded.
    """

    kind: ClassVar[str] = "forwarded"

    to: str
    why: str


@dataclass(frozen=True, slots=True)
class Located(CallEvent):
    """The INVITE goes to a server that was looked up in the DNS. who: caller. whom: callee, as dialled.

    names: those that led there: "example.com → _sip._udp.example.com → sip1.example.com".
    address: where it goes, as `host:port`. transport: "udp", "tcp" …
    """

    kind: ClassVar[str] = "located"

    names: str
    address: str
    transport: str


class Conference(CallEvent):
    """A call became part of a conference (`isfocus` in the Contact). who: the host that mixes. whom: who takes part."""

    kind: ClassVar[str] = "conference"
    __slots__ = ()


@dataclass(frozen=True, slots=True)
class CallOver(CallEvent):
    """What the ends of a call have in common.

    status: SIP status that ended the call attempt, 0 where none did. why: the reason in words of the wire, or "".
    """

    status: int
    why: str


class Declined(CallOver):
    """The callee refused (603 and the other 6xx but 600). who: caller. whom: callee."""

    kind: ClassVar[str] = "declined"
    __slots__ = ()


class Busy(CallOver):
    """The callee is busy (486, 600). who: caller. whom: callee."""

    kind: ClassVar[str] = "busy"
    __slots__ = ()


class Cancelled(CallOver):
    """The caller gave up before an answer (CANCEL). who: caller. whom: callee."""

    kind: ClassVar[str] = "cancelled"
    __slots__ = ()


class Missed(CallOver):
    """It rang and nobody answered (408 or 480 after ringing, Timer C). who: caller. whom: callee."""

    kind: ClassVar[str] = "missed"
    __slots__ = ()


class Failed(CallOver):
    """The call could not be made for any other reason (404, 480, 5xx …). who: caller. whom: callee."""

    kind: ClassVar[str] = "failed"
    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Ended(CallEvent):
    """An answered call is over. who: the one who hung up (the caller where nobody did). whom: the other one.

    duration: seconds from the answer. why: "bye", "session timer" (RFC 4028, no refresh came) or "too old" (no sign of
    life for hours).
    """

    kind: ClassVar[str] = "ended"

    duration: float
    why: str


@dataclass(frozen=True, slots=True)
class Experiment(Event):
    """The teacher has changed what goes wrong on purpose; the fields say how it is from now on.

    drop: percent of messages that are lost. delay: milliseconds that each received message comes late. stateless,
    record_route, fork: see `engine.config.Switches`.
    """

    kind: ClassVar[str] = "experiment"

    drop: int
    delay: int
    stateless: bool
    record_route: bool
    fork: bool


@dataclass(frozen=True, slots=True)
class Rejected(Event):
    """A login with a wrong password, or of a user who is none: nobody is told which.

    who: the user that it names. address: where it came from, as `host:port`; who sent it is really there.
    """

    kind: ClassVar[str] = "rejected"

    who: str
    address: str


@dataclass(frozen=True, slots=True)
class Banned(Event):
    """Nothing more is heard from an address for a while, but for the phones that are registered from there.

    address: a host; of IPv6 its /64, as in "2001:db8::/64". seconds: for how long. why: "logins" (wrong ones),
    "refused" (asked for what strangers do not get), "asked" (for logins, and never logged in), "junk" (no SIP) or
    "flood". proved: whether it was really done from there; else somebody may have made the address up.
    """

    kind: ClassVar[str] = "banned"

    address: str
    seconds: float
    why: str
    proved: bool


@dataclass(frozen=True, slots=True)
class Unbanned(Event):
    """Whoever runs the proxy has ended a ban before its time. address: as in `Banned`."""

    kind: ClassVar[str] = "unbanned"

    address: str


KINDS: dict[str, type[Event]] = {
    cls.kind: cls
    for cls in (
        Registered, Unregistered, Calling, Ringing, Started, Video, Held, Resumed, Transferred, Forwarded, Located,
        Conference, Declined, Busy, Cancelled, Missed, Failed, Ended, Experiment, Rejected, Banned, Unbanned,
    )
}  # fmt: skip
"""Every kind of event by the name under which a hook asks for it."""
