"""A page that is really served, on the loopback, for a proxy that a test makes up; and a browser of few words."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from sipfullproxy.engine.bans import Ban
from sipfullproxy.engine.events import CallEvent, Event
from sipfullproxy.experiments import Experiments
from sipfullproxy.journal.cards import TALKING, CallCard, PhoneCard, short_id
from sipfullproxy.journal.record import Record
from sipfullproxy.settings import read_experiments
from sipfullproxy.web.app import Application
from sipfullproxy.web.house import House
from sipfullproxy.web.site import Site, hosts

PATIENCE = 30.0
"""Seconds that an answer may take before a test gives up."""

SIP = ("192.168.1.10", 5060)


def card(number: int = 1, **more: Any) -> CallCard:
    """The card of a call: of alice and bob, talking, if `more` does not say otherwise."""
    call = f"call-{number}@lab"
    usual = {
        "id": short_id(call, "a"), "call": call, "leg": "a", "caller": "alice@lab", "callee": "bob@lab",
        "state": TALKING, "began": 1000.0 + number, "changed": 1000.0 + number,
    }  # fmt: skip
    return CallCard(**{**usual, **more})


def phone(who: str = "alice@lab") -> PhoneCard:
    """The card of a phone."""
    user = who.partition("@")[0]
    return PhoneCard(
        id=f"{user.encode().hex()}-{short_id(who)}", who=who, address="192.168.1.21:5060", transport="udp",
        contact=f"<sip:{user}@192.168.1.21>", agent="Linphone/5.1", since=1000.0, until=4600.0,
    )  # fmt: skip


class Numbered:
    """What has a version; the test lets it grow."""

    version = 0


class MadeUpBook(Numbered):
    """The latest events."""

    def __init__(self) -> None:
        self.told: list[Event] = []

    def journal(self) -> Sequence[Event]:
        return self.told


@dataclass
class MadeUpSettings:
    experiments: Experiments = field(default_factory=Experiments)


class MadeUpTape(Numbered):
    """The latest messages."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    def last(self, call_id: str) -> int:
        return len(self.records)

    def latest(self, count: int, after: int = 0) -> Sequence[Record]:
        return [record for record in self.records if record.number > after][-count:]

    def around(self, number: int) -> Sequence[Record]:
        return self.records if any(record.number == number for record in self.records) else []


class MadeUp:
    """A proxy and its archive, as far as the page looks at them. A test changes what it holds as it likes."""

    def __init__(self) -> None:
        self.cards: list[CallCard] = []
        self.registered: list[PhoneCard] = []
        self.told: list[CallEvent] = []
        self.phones_version = 0
        self.held: list[Ban] = []
        self.known: dict[str, tuple[str, str, str]] = {}
        self.records_of: dict[str, Sequence[Record]] = {}
        self.tape, self.book = MadeUpTape(), MadeUpBook()
        self.settings = MadeUpSettings()

    @property
    def archive(self) -> MadeUp:
        return self

    def change(self, made: CallCard) -> None:
        """A call is new, or not as it was."""
        self.cards = [made, *(old for old in self.cards if old.id != made.id)]
        self.book.version += 1

    def phones(self) -> Sequence[PhoneCard]:
        return self.registered

    def remove(self, phone_id: str) -> bool:
        left = [card for card in self.registered if card.id != phone_id]
        found = len(left) < len(self.registered)
        self.registered = left
        self.phones_version += found
        return found

    @property
    def logins(self) -> bool:
        return bool(self.known)

    def login(self, user: str) -> tuple[str, str, str] | None:
        return self.known.get(user)

    def bans(self) -> Sequence[Ban]:
        return self.held

    def lift(self, network: str) -> bool:
        before = len(self.held)
        self.held = [ban for ban in self.held if ban.network != network]
        return len(self.held) < before

    def experiment(
        self,
        *,
        drop: int | None = None,
        delay: int | None = None,
        stateless: bool | None = None,
        record_route: bool | None = None,
        fork: bool | None = None,
    ) -> None:
        wanted = {"drop": drop, "delay": delay, "stateless": stateless, "record_route": record_route, "fork": fork}
        given: dict[str, Any] = {key: value for key, value in wanted.items() if value is not None}
        self.settings.experiments = replace(self.settings.experiments, **read_experiments(given, "en"))

    def calls(
        self, query: str = "", state: str = "", limit: int | None = None, before: float | None = None
    ) -> Sequence[CallCard]:
        found = (card for card in self.cards if query in card.caller + card.callee and card.is_in(state))
        return [card for card in found if before is None or card.began < before][:limit]

    def card(self, id: str) -> CallCard | None:
        return next((card for card in self.cards if card.id == id), None)

    def events(self, id: str) -> Sequence[CallEvent]:
        return self.told

    def records(self, card: CallCard) -> Sequence[Record]:
        return self.records_of.get(card.id, self.tape.records)

    def journal(self, since: float, limit: int | None = None) -> Sequence[Event]:
        return [event for event in self.told if event.time >= since][-(limit or 0) :]


@dataclass
class Answer:
    """What came back. headers: by lower-case name."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Page:
    """A served page. proxy: what is behind it; change it as you like."""

    proxy: MadeUp
    site: Site
    application: Application
    usual: dict[str, str] = field(default_factory=dict)

    @property
    def host(self) -> str:
        return "{}:{}".format(*self.site.address)

    def ask(self, path: str, method: str = "GET", *, content: object = None, **headers: str) -> Answer:
        """One request; `_` in the name of a header stands for `-`. content: sent as JSON, or bytes as they are."""
        connection = http.client.HTTPConnection(*self.site.address, timeout=PATIENCE)
        try:
            sent = {**self.usual, **{name.replace("_", "-"): value for name, value in headers.items()}}
            body = content if isinstance(content, bytes) else json.dumps(content).encode()
            connection.request(method, path, None if content is None else body, sent)
            answer = connection.getresponse()
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def line(self, source: str = "127.0.0.1") -> socket.socket:
        """A bare connection, from that address of the loopback."""
        return socket.create_connection(self.site.address, PATIENCE, (source, 0))

    @contextmanager
    def live(self, query: str = "", **headers: str) -> Iterator[Callable[[], tuple[str, Any, str]]]:
        """A stream of events. What it gives returns the next one: (name, data, id)."""
        connection = http.client.HTTPConnection(*self.site.address, timeout=PATIENCE)
        connection.request("GET", f"/api/live{query}", headers={n.replace("_", "-"): v for n, v in headers.items()})
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()

        def following() -> tuple[str, Any, str]:
            found: dict[str, str] = {}
            while True:
                line = answer.readline().decode().rstrip("\n")
                if line:
                    name, _, value = line.partition(": ")
                    found[name] = value
                elif "event" in found:
                    return found["event"], json.loads(found["data"]), found.get("id", "")
                else:
                    found.clear()

        try:
            yield following
        finally:
            answer.close()
            connection.close()


@contextmanager
def page(proxy: MadeUp | None = None, password: str | None = None, **house: Any) -> Iterator[Page]:
    """A page that is served until the end of the block. house: what else its House shall know."""
    behind = proxy or MadeUp()
    site = Site(["127.0.0.1"], 0)
    told = House(
        proxy=behind, address=SIP, doors={"udp": SIP, "tcp": SIP}, page="http://{}:{}".format(*site.address), lang="en"
    )
    application = Application(replace(told, **house), hosts(["127.0.0.1"], ["lab.sk"], site.address[1]), password)
    site.start(lambda: application)
    try:
        yield Page(behind, site, application)
    finally:
        site.stop()
