"""The answers of the API that are not nouns of other rooms. The OpenAPI description is made of these classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StrictBool, StrictInt

from sipfullproxy.engine.events import Event
from sipfullproxy.explain.assignment import Point
from sipfullproxy.explain.message import Explained
from sipfullproxy.explain.related import How
from sipfullproxy.explain.trouble import Trouble
from sipfullproxy.journal.cards import CallCard, PhoneCard
from sipfullproxy.journal.words import Wrongs, going_wrong, sentence
from sipfullproxy.lang import Lang
from sipfullproxy.web.provision import USER


@dataclass(frozen=True, slots=True)
class About:
    """The proxy's own facts.

    address: what phones are told, without the port where it is the usual one. secure: the same for TLS, "" without it.
    transports: by which they may come. sockets: URLs of the WebSockets that phones in a browser connect to. ca: SHA-256
    fingerprint of the CA that signs our certificate, "" where we have none. page: address of this page. time:
    wall-clock seconds at the proxy, whose times are shown. change: what a change from this browser needs: "yes": it is
    allowed; "password"; "here": it must be made at the proxy's machine. logins: whether phones need a password.
    """

    name: str
    version: str
    lang: Lang
    address: str
    secure: str
    transports: list[str]
    sockets: list[str]
    ca: str
    page: str
    time: float
    change: str
    logins: bool


@dataclass(frozen=True, slots=True)
class Phones:
    """Who is registered. may_change: whether this browser may try to remove one; it may be asked for the password."""

    phones: list[PhoneCard]
    may_change: bool


@dataclass(frozen=True, slots=True)
class Held:
    """An address that the proxy does not listen to. until: wall-clock seconds. why: in words."""

    network: str
    until: float
    why: str


@dataclass(frozen=True, slots=True)
class Bans:
    """Who is held off. may_change: as for phones."""

    bans: list[Held]
    may_change: bool


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls, the latest first. more: whether there are older ones; ask `before` the id of the last one."""

    calls: list[CallCard]
    more: bool


@dataclass(frozen=True, slots=True)
class Told:
    """One event of a call. time: wall-clock seconds. kind: see the hooks. text: the journal's sentence."""

    time: float
    kind: str
    text: str

    @classmethod
    def of(cls, event: Event, lang: Lang) -> Told:
        """The event in words."""
        return cls(event.time, event.kind, sentence(event, lang))


@dataclass(frozen=True, slots=True)
class Provision:
    """Where a phone gets its settings. url: what the QR code says."""

    user: str
    url: str


@dataclass(frozen=True, slots=True)
class Whom:
    """For whom a link is wanted that works once."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    user: Annotated[str, Field(pattern=f"^{USER}$")]
    transport: Literal["udp", "tcp", "tls"] = "udp"


@dataclass(frozen=True, slots=True)
class Error:
    """What was wrong, in one sentence."""

    error: str


@dataclass(frozen=True, slots=True)
class Related:
    """A call that another one is tied to. how: see `explain.related.Tie`."""

    id: str
    caller: str
    callee: str
    began: float
    how: How


@dataclass(frozen=True, slots=True)
class OneCall:
    """A call. events: its story, in order. messages: how many are known; the addresses of messages count from 0.
    trouble: what went wrong, or None. related: the calls that it is tied to."""

    card: CallCard
    events: list[Told]
    messages: int
    trouble: Trouble | None
    related: list[Related]


@dataclass(frozen=True, slots=True)
class Effect:
    """A message that another one made the proxy send. place: among those of the call. title: as on the ladder."""

    place: int
    title: str


@dataclass(frozen=True, slots=True)
class ToldMessage:
    """A message. cause: what made the proxy send it. origin: what it was made from, to which `changes` refer; mostly
    the same. effects: what it made the proxy send. numbers: by place, of all messages that belong together."""

    message: Explained
    cause: Explained | None
    origin: Explained | None
    effects: list[Effect]
    numbers: list[int]


@dataclass(frozen=True, slots=True)
class Passed:
    """A message among the latest. number: of all since the proxy was started. peer: the phone's address. call: id of
    its call's card, "" where it belongs to none. title: as on a ladder. summary: what there is to say besides."""

    number: int
    time: float
    inward: bool
    peer: str
    call: str
    title: str
    summary: str


@dataclass(frozen=True, slots=True)
class Messages:
    """The latest messages of all calls, the latest first. version: ask for those `after` it next."""

    messages: list[Passed]
    version: int


@dataclass(frozen=True, slots=True)
class Journal:
    """What happened, in order."""

    events: list[Told]


@dataclass(frozen=True, slots=True)
class Points:
    """The points of the lab's assignment. since: wall-clock seconds; what happened before counts nothing."""

    points: list[Point]
    since: float


@dataclass(frozen=True, slots=True)
class Running:
    """What goes wrong on purpose; see `Proxy.experiment`. said: the same in words, empty while nothing does."""

    drop: int
    delay: int
    stateless: bool
    record_route: bool
    fork: bool
    said: list[str]

    @classmethod
    def of(cls, wrongs: Wrongs, lang: Lang) -> Running:
        """How it is now."""
        return cls(
            wrongs.drop, wrongs.delay, wrongs.stateless, wrongs.record_route, wrongs.fork, going_wrong(wrongs, lang)
        )


@dataclass(frozen=True, slots=True)
class Wanted:
    """What shall go wrong from now on; what is left out stays as it is. drop: percent. delay: milliseconds."""

    __pydantic_config__ = ConfigDict(extra="forbid")

    drop: StrictInt | None = None
    delay: StrictInt | None = None
    stateless: StrictBool | None = None
    record_route: StrictBool | None = None
    fork: StrictBool | None = None
