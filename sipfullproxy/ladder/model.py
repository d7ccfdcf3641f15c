"""The ladder of a call: one lane a phone, the proxy in the middle, one step a message.

The ladder of the first records of a call is the beginning of the ladder of all: a lane never moves to another place
and a step never changes while the call goes on. So a page may add what is new and leave the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sipfullproxy.engine.flow import Flow
from sipfullproxy.journal.record import Record
from sipfullproxy.journal.safe import safe
from sipfullproxy.ladder.captions import Captions
from sipfullproxy.ladder.reading import Reading
from sipfullproxy.lang import Lang, Words

PROXY: Final = 0
"""The proxy's place among the lanes."""

MOST_LANES: Final = 50
"""Phones with a lane of their own. No call has so many; but whoever sends one Call-ID from a thousand ports must not
make a picture a thousand lanes wide, so the others share the last lane."""

OTHERS: Final[Words] = {"sk": "ďalšie adresy", "en": "other addresses"}

KINDS: Final = ("request", "end", "ack", "provisional", "success", "failure")
"""What a step may be; "end" is BYE or CANCEL, "failure" whatever is no success, a redirection too."""


@dataclass(frozen=True, slots=True)
class Lane:
    """A phone, or the proxy.

    key: what tells it from others, "proxy" or transport and address. title: its user, or "Proxy". subtitle: address
    and transport. column: 0 is the proxy's; callers stand to the left of it (-1, -2 …), callees to the right (1, 2 …).
    """

    key: str
    title: str
    subtitle: str
    column: int


@dataclass(frozen=True, slots=True)
class Step:
    """One message between a phone and the proxy.

    place: of its record among those that the ladder was made of. time: wall-clock seconds. delay: seconds since the
    step before. source, target: its lanes, as indexes. kind: one of KINDS. title, note: see `Captions`; note may be "".
    again: how often the same had passed on the same way before. timer: what made it go out if no message did, or "".
    cause: place of the message that made it go out; of what a timer sends again, of its first sending; else None.
    call: index of its call in `Ladder.calls`. phase: the chapter of that call that it opens, or "".
    """

    place: int
    time: float
    delay: float
    source: int
    target: int
    kind: str
    title: str
    note: str
    again: int
    timer: str
    cause: int | None
    call: int
    phase: str


@dataclass(frozen=True, slots=True)
class CallMark:
    """One call of the ladder. id: its Call-ID. name: "alice → bob", or ""."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Ladder:
    """The whole. lanes, calls: in the order in which they turned up; the proxy is the first lane. steps: as they
    passed."""

    lanes: tuple[Lane, ...]
    steps: tuple[Step, ...]
    calls: tuple[CallMark, ...]


def ladder(records: Sequence[Record], names: Mapping[str, str] | None = None, lang: Lang = "sk") -> Ladder:
    """The ladder of these records.

    records: of one call, or of several that belong together; in the order in which they passed. names: the person
    behind an address, as `host:port` → `user` or `user@domain`, for what registrations tell better than messages.
    lang: of the words. All texts are safe to show. Takes time linear in the number and the size of the records.
    """
    lanes, captions = _Lanes(names or {}, OTHERS[lang]), Captions(lang)
    calls: dict[str, tuple[int, CallMark]] = {}
    heard: dict[int, int] = {}  # place of each received message, by its number
    seen: dict[tuple[bool, Flow, bytes], tuple[int, int, float]] = {}  # first place, times so far, last time
    steps: list[Step] = []
    before = records[0].time if records else 0.0
    for place, record in enumerate(records):
        message = Reading(record.data)
        phone = lanes.phone(record, message)
        first, again, last = seen.get((record.inward, record.flow, record.data), (place, 0, record.time))
        seen[record.inward, record.flow, record.data] = first, again + 1, record.time
        timer, cause = "", None
        if record.inward:
            heard[record.number] = place
        elif isinstance(record.cause, int):
            cause = heard.get(record.cause)
        else:
            timer = captions.timer(record.cause, record.time - last if again else None)
            cause = first if again else None
        call, _ = calls.setdefault(message.call, (len(calls), CallMark(message.call, _name(message))))
        steps.append(
            Step(
                place=place, time=record.time, delay=max(0.0, record.time - before),
                source=phone if record.inward else PROXY, target=PROXY if record.inward else phone,
                kind=message.kind, title=captions.title(message), note=captions.note(message), again=again,
                timer=timer, cause=cause, call=call, phase=captions.phase(message, record.inward),
            )
        )  # fmt: skip
        before = record.time
    return Ladder(lanes.all(), tuple(steps), tuple(mark for _, mark in calls.values()))


class _Lanes:
    """The lanes so far, by the address that a phone really sends from."""

    def __init__(self, names: Mapping[str, str], others: str) -> None:
        self._names = names
        self._others = others
        self._us: Flow | None = None
        self._lanes: list[Lane] = []
        self._index: dict[tuple[str, tuple[str, int]], int] = {}
        self._hosts = [""]
        self._asked: dict[bytes, int] = {}
        self._left = self._right = 0

    def phone(self, record: Record, message: Reading) -> int:
        """The lane of the phone at the other end; a new one is put on the side of those who ask, or of those asked."""
        flow = record.flow
        self._us = self._us or flow
        key = flow.transport, flow.remote
        index = self._index.get(key)
        if index is None:
            index = self._index[key] = self._same_phone(record, message) or self._place(record, message)
        if record.inward and not message.status:
            self._asked[message.branch] = index
        return index

    def all(self) -> tuple[Lane, ...]:
        """The proxy and all phones."""
        local = "" if self._us is None else Flow(self._us.transport, self._us.local, self._us.local).address
        return Lane("proxy", "Proxy", local, 0), *self._lanes

    def _same_phone(self, record: Record, message: Reading) -> int:
        """A phone may send from one port and want answers at another (RFC 3261 §18.2.2): its lane, or 0."""
        index = self._asked.get(message.branch, 0) if message.status and not record.inward else 0
        return index if index and self._hosts[index] == record.flow.remote[0] else 0

    def _place(self, record: Record, message: Reading) -> int:
        flow = record.flow
        if len(self._lanes) == MOST_LANES:
            return MOST_LANES
        if len(self._lanes) == MOST_LANES - 1:
            self._lanes.append(Lane("others", "…", self._others, self._right + 1))
            self._hosts.append("")
            return MOST_LANES
        if record.inward:
            self._left += 1
            user = message.user(b"to" if message.status else b"from")
        else:
            self._right += 1
            user = message.user(b"from") if message.status else message.target
        told = self._names.get(flow.address, "").partition("@")[0]
        self._lanes.append(
            Lane(
                key=f"{flow.transport} {flow.address}", title=safe(told) or user or flow.address,
                subtitle=f"{flow.address} {flow.transport.upper()}",
                column=-self._left if record.inward else self._right,
            )
        )  # fmt: skip
        self._hosts.append(flow.remote[0])
        return len(self._lanes)


def _name(message: Reading) -> str:
    """Who calls whom, by the first message of a call; "" where it says neither."""
    caller, callee = message.user(b"from"), message.user(b"to")
    return f"{caller} → {callee}" if caller or callee else ""
