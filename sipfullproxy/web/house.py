"""What the page asks of the proxy: snapshots and numbers, never the engine's insides."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sipfullproxy.engine.bans import Ban
from sipfullproxy.engine.events import CallEvent, Event
from sipfullproxy.journal.cards import CallCard, PhoneCard
from sipfullproxy.journal.record import Record
from sipfullproxy.journal.words import Wrongs
from sipfullproxy.lang import Lang


class Counted(Protocol):
    """What has a number that grows with each change."""

    @property
    def version(self) -> int: ...


class Book(Counted, Protocol):
    """The events that are in memory; see `journal/book.py`."""

    def journal(self) -> Sequence[Event]: ...


class Tape(Counted, Protocol):
    """The messages that are in memory; see `journal/tape.py`."""

    def last(self, call_id: str) -> int: ...
    def latest(self, count: int, after: int = 0) -> Sequence[Record]: ...
    def around(self, number: int) -> Sequence[Record]: ...


class Archive(Protocol):
    """All calls, past and present; see `journal/archive.py`."""

    @property
    def tape(self) -> Tape: ...
    @property
    def book(self) -> Book: ...
    def calls(
        self, query: str = "", state: str = "", limit: int | None = None, before: float | None = None
    ) -> Sequence[CallCard]: ...
    def card(self, id: str) -> CallCard | None: ...
    def events(self, id: str) -> Sequence[CallEvent]: ...
    def records(self, card: CallCard) -> Sequence[Record]: ...
    def journal(self, since: float, limit: int | None = None) -> Sequence[Event]: ...


class Authority(Protocol):
    """The CA whose certificate phones need for TLS; see `authority.py`."""

    @property
    def pem(self) -> bytes: ...
    @property
    def der(self) -> bytes: ...
    @property
    def fingerprint(self) -> str: ...


class Settings(Protocol):
    """What of the settings may change while the proxy runs."""

    @property
    def experiments(self) -> Wrongs: ...


class Served(Protocol):
    """The proxy behind the page; any thread may call it at any time."""

    @property
    def settings(self) -> Settings: ...
    @property
    def archive(self) -> Archive: ...
    @property
    def phones_version(self) -> int: ...
    def phones(self) -> Sequence[PhoneCard]: ...
    def remove(self, phone_id: str) -> bool: ...
    @property
    def logins(self) -> bool: ...
    def login(self, user: str) -> tuple[str, str, str] | None: ...
    def bans(self) -> Sequence[Ban]: ...
    def lift(self, network: str) -> bool: ...
    def experiment(
        self,
        *,
        drop: int | None = None,
        delay: int | None = None,
        stateless: bool | None = None,
        record_route: bool | None = None,
        fork: bool | None = None,
    ) -> None: ...


@dataclass(frozen=True, kw_only=True)
class House:
    """The proxy, and what the page must know of it besides.

    address: (host, port) that phones are told. doors: by transport, the first port of each. page: the page's own, as in
    "http://192.168.1.10:8080". lang: in which the page speaks when it is not asked for another. ca: who has signed our
    certificate; None: we have none, or one of the user's. run: tells this start of the proxy from any other.
    """

    proxy: Served
    address: tuple[str, int]
    doors: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    page: str
    lang: Lang
    ca: Authority | None = None
    run: str = field(default_factory=lambda: secrets.token_hex(4))
