"""What went wrong with a call, in one sentence, and the next thing to try."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from ipaddress import ip_address
from typing import Final

from sipfullproxy.engine.events import CallEvent, Event, Registered, Transferred, Unregistered
from sipfullproxy.engine.flow import WEBSOCKETS, Flow
from sipfullproxy.explain.glossary import word
from sipfullproxy.explain.names import capitalized, host_of, owner
from sipfullproxy.explain.reading import Reading
from sipfullproxy.explain.trail import LONGEST_NAME, Trail
from sipfullproxy.explain.voice import Stream, streams
from sipfullproxy.explain.words import toml
from sipfullproxy.journal.cards import CALLING, OVER, CallCard, PhoneCard
from sipfullproxy.journal.record import Record
from sipfullproxy.journal.safe import safe
from sipfullproxy.lang import LANGS, Lang
from sipfullproxy.sip.phrases import PHRASES
from sipfullproxy.sip.sdp import DISCARD_PORT, SENDRECV, find_sdp

FRAGMENTED: Final = 1472
"""Bytes of a datagram that still fit into one packet of an Ethernet or Wi-Fi network (1500 less IP and UDP headers)."""

SILENT: Final = 3
"""INVITEs without any answer before a call that is still under way counts as in trouble: three and a half seconds."""

REPEATED: Final = 4
"""Sendings of one message that nobody confirmed before it is trouble: one or two may be lost on any Wi-Fi."""

NEAR: Final = 0.6
"""How alike two names must be, 0 to 1, to ask "did you mean": difflib's own choice."""

MOST_NAMES: Final = 1000
"""Names that are compared with a mistyped one: comparing takes a while, and a lab has a few dozen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """key: which trouble it is ("silent", "callee.near" …). sentence: what happened. hint: the next thing to try."""

    key: str
    sentence: str
    hint: str


def trouble(
    card: CallCard, events: Sequence[Event], records: Sequence[Record], phones: Sequence[PhoneCard], lang: Lang
) -> Trouble | None:
    """Tell what went wrong, or may have; None when all went well as far as signalling can tell.

    card: the call. events: those of the call, and the registrations that are remembered, in any order. records: the
    call's messages, as far as they are kept; without them less can be told. phones: who is registered now. Costs about
    as much as explaining one message of the call.
    """
    return next(_Doctor(card, events, records, phones, lang).findings(), None)


class _Doctor:
    """Looks at one call; the first finding is the one that matters most."""

    def __init__(
        self,
        card: CallCard,
        events: Sequence[Event],
        records: Sequence[Record],
        phones: Sequence[PhoneCard],
        lang: Lang,
    ) -> None:
        self._card = card
        self._events = events
        self._phones = phones
        self._lang = lang
        self._trail = Trail(records)
        phrase = safe(card.why) or PHRASES.get(card.status, ("", ""))[LANGS.index(lang)]
        self._facts: dict[str, object] = {
            "caller": _user(card.caller),
            "callee": _user(card.callee),
            "status": f"{card.status} {phrase}".strip(),
            "waited": _duration((card.over or card.changed) - card.began),
        }

    def findings(self) -> Iterator[Trouble]:
        """What is wrong, the gravest first."""
        card = self._card
        if card.state != OVER:
            if card.state == CALLING:
                yield from self._silent("silent", SILENT)
            yield from self._talked()
        elif card.end == "ended":
            yield from self._talked()
            if card.why != "bye":
                yield self._told("old" if card.why == "too old" else "timer")
        elif card.end:
            yield from self._failed()
        elif card.missing:
            yield self._told("missing")
        else:
            yield from self._login(self._last_status())

    # -- calls that nobody took --------------------------------------------------------------------------------------

    def _failed(self) -> Iterator[Trouble]:
        card, status = self._card, self._card.status
        if card.end == "busy":
            yield self._told("busy")
        elif card.end == "declined":
            yield self._told("declined")
        elif card.end == "cancelled":
            yield from self._silent("silent.gaveup", 2)
            yield self._told("gaveup")
        elif self._by_dns(status):
            yield self._told(f"name.{status}", host=self._host())
        elif status == 408:
            yield from self._silent("silent", 1)
            yield self._told("rang")
        elif status == 480:
            yield self._told("rang") if self._rang or self._said_by_phone(status) else self._not_registered()
        elif status == 404 and not self._said_by_phone(status):
            yield self._unknown()
        elif status == 403 and not self._said_by_phone(status):
            yield self._stranger()
        elif card.end == "missed":
            yield self._told("rang")
        else:
            yield from self._refused(status)

    def _by_dns(self, status: int) -> bool:
        """Whether the proxy refused because of what the DNS says, or does not, of the name that was called."""
        said = (record.cause for record, reading in self._messages() if not record.inward and reading.status == status)
        return f"name.{status}" in _table() and "dns" in said

    def _host(self) -> str:
        """The host that the caller wanted."""
        uris = (reading.uri for record, reading in self._messages() if record.inward and reading.method == b"INVITE")
        return host_of(next(uris, b""))

    def _refused(self, status: int) -> Iterator[Trouble]:
        if status in (415, 488, 606):
            yield from self._families()
            yield from self._browser()
            yield self._told("codecs", offered=self._offered())
        elif status in (482, 483):
            yield self._told("loop")
        elif status == 484:
            yield self._told("nobody.named")
        elif status == 513:
            yield self._told("large")
        elif status == 403:
            yield self._told("forbidden")
        elif status in (500, 503):
            yield from self._unreachable()
        yield from self._login(status)
        entry = word(f"status.{status}", self._lang) or word(f"status.{status // 100}xx", self._lang)
        yield self._told("refused", hint=(entry.hint or entry.text) if entry is not None else "")

    def _silent(self, key: str, enough: int) -> Iterator[Trouble]:
        """A phone that was asked and said nothing at all."""
        asked: dict[Flow, int] = {}
        size: dict[Flow, int] = {}
        for record, reading in self._messages():
            if reading.method != b"INVITE":
                continue
            if record.inward and reading.status:
                asked[record.flow] = -len(self._trail.records)
            elif not record.inward and not reading.status and not reading.in_dialog:
                asked[record.flow] = asked.get(record.flow, 0) + 1
                size[record.flow] = len(record.data)
        silent = [(flow, count) for flow, count in asked.items() if count >= enough]
        if not silent or len(silent) < len(asked):
            return  # where one of several phones spoke, the call did not fail because another was silent
        flow, count = silent[0]
        large = key == "silent" and size[flow] > FRAGMENTED
        yield self._told(
            "silent.large" if large else key, address=flow.address, count=count, size=size[flow], limit=FRAGMENTED
        )  # fmt: skip

    def _families(self) -> Iterator[Trouble]:
        """A caller who has his voice on IPv4, and a callee who has IPv6 alone; or the other way round (RFC 6157)."""
        offered = 0
        for record, reading in self._messages():
            if reading.method == b"INVITE" and not reading.status and not reading.in_dialog:
                if record.inward:
                    body = find_sdp(reading.first(b"content-type"), reading.body) or b""
                    offered = next((_version(one.host) for one in streams(body)), 0)
                elif offered and offered != _version(record.flow.remote[0]):
                    yield self._told("families", offered=offered, address=record.flow.address)
                    return

    def _browser(self) -> Iterator[Trouble]:
        """A phone in a browser, which insists on ICE and DTLS-SRTP (RFC 8827 §6.5), and one that is in none."""
        if {record.flow.transport in WEBSOCKETS for record, _ in self._messages()} == {True, False}:
            yield self._told("browser")

    def _unreachable(self) -> Iterator[Trouble]:
        for record, reading in self._messages():
            if not record.inward and reading.status >= 500 and record.cause == "lost":
                flow = next(
                    (other.flow for other, said in self._messages() if not other.inward and not said.status), None
                )  # fmt: skip
                if flow is not None:
                    yield self._told("unreachable", address=flow.address)

    def _not_registered(self) -> Trouble:
        """What became of the callee's registration."""
        gone = [one for one in self._events if isinstance(one, Unregistered) and _same(one.who, self._card.callee)]
        last = max((one for one in gone if one.time <= self._card.began), key=lambda one: one.time, default=None)
        if last is None:
            return self._told("callee.gone")
        key = {"expired": "callee.expired", "request": "callee.off", "lost": "callee.lost"}.get(last.why, "callee.gone")
        return self._told(key, ago=_duration(self._card.began - last.time))

    def _unknown(self) -> Trouble:
        """Nobody of that name; perhaps somebody of a name that looks like it."""
        known = [one.who for one in self._phones]
        known += [one.who for one in self._events if isinstance(one, Registered | Unregistered)]
        names = list(dict.fromkeys(_user(who) for who in known))[:MOST_NAMES]
        near = get_close_matches(str(self._facts["callee"]), names, 1, NEAR)
        return self._told("callee.near", near=near[0]) if near else self._told("callee.never")

    def _stranger(self) -> Trouble:
        """Somebody who is not registered wanted to call."""
        source = next((record.flow.address for record, reading in self._messages() if record.inward), "")
        known = next((one.address for one in self._phones if _same(one.who, self._card.caller)), "")
        if not source:
            return self._told("forbidden")
        if known and known != source:
            return self._told("caller.elsewhere", address=source, known=known)
        return self._told("caller.unknown", address=source)

    def _login(self, status: int) -> Iterator[Trouble]:
        if status in (401, 407):
            tried = any(
                record.inward and (reading.first(b"authorization") or reading.first(b"proxy-authorization"))
                for record, reading in self._messages()
            )
            yield self._told("password" if tried else "login", status=status)

    # -- calls that were answered ------------------------------------------------------------------------------------

    def _talked(self) -> Iterator[Trouble]:
        if self._card.answered is not None:
            yield from self._unconfirmed()
            yield from voice(self._trail, self._lang)
            yield from self._not_hung_up()
        for event in self._events:
            if isinstance(event, Transferred) and self._is_mine(event) and not event.succeeded:
                key = "transfer.unknown" if event.succeeded is None else "transfer.failed"
                yield self._told(key, target=_user(event.to), why=safe(event.why))

    def _unconfirmed(self) -> Iterator[Trouble]:
        """A 200 that went out again and again, because no ACK came."""
        trail = self._trail
        count, us = 0, ""
        for place, (record, reading) in enumerate(self._messages()):
            if record.inward and reading.method == b"ACK" and not reading.status:
                heard = trail.asked[place]
                if heard is None or trail.readings[heard].status < 300:
                    return
            if not record.inward and reading.method == b"INVITE" and 200 <= reading.status < 300:
                count += 1
                us = record.flow._replace(remote=record.flow.local).address
        if count >= REPEATED:
            yield self._told("ack", count=count, us=us)

    def _not_hung_up(self) -> Iterator[Trouble]:
        count: dict[Flow, int] = {}
        for record, reading in self._messages():
            if reading.method == b"BYE":
                if record.inward and reading.status:
                    return
                if not record.inward and not reading.status:
                    count[record.flow] = count.get(record.flow, 0) + 1
        for flow, sent in count.items():
            if sent >= REPEATED:
                yield self._told("bye", address=flow.address, count=sent)

    # -- facts -------------------------------------------------------------------------------------------------------

    def _messages(self) -> Iterator[tuple[Record, Reading]]:
        return zip(self._trail.records, self._trail.readings, strict=True)

    @property
    def _rang(self) -> bool:
        return any(event.kind == "ringing" and self._is_mine(event) for event in self._events)

    def _is_mine(self, event: Event) -> bool:
        return isinstance(event, CallEvent) and (event.call, event.leg) == (self._card.call, self._card.leg)

    def _said_by_phone(self, status: int) -> bool:
        return any(record.inward and reading.status == status for record, reading in self._messages())

    def _last_status(self) -> int:
        finals = [reading.status for record, reading in self._messages() if not record.inward and reading.status >= 300]
        return finals[-1] if finals else 0

    def _offered(self) -> str:
        for record, reading in self._messages():
            if record.inward and reading.method == b"INVITE" and reading.sdp is not None:
                found = streams(find_sdp(reading.first(b"content-type"), reading.body) or b"")
                return "; ".join(f"{one.kind} {_list(one.codecs)}" for one in found) or "?"
        return "?"

    def _told(self, key: str, **more: object) -> Trouble:
        return _told(key, self._lang, {**self._facts, **more})


def voice(trail: Trail, lang: Lang) -> Iterator[Trouble]:
    """What the session descriptions of a call let fear for its voice: where each phone wants it, and in which codecs.

    One-way audio hides here: an address that the other phone cannot reach. Signalling alone can only guess.
    """
    said: dict[Flow, Stream] = {}
    for record, reading in zip(trail.records, trail.readings, strict=True):
        if record.inward and reading.sdp is not None:
            body = find_sdp(reading.first(b"content-type"), reading.body) or b""
            audio = next((one for one in streams(body) if one.kind == "audio"), None)
            if audio is not None and b"a=candidate:" not in body:  # with ICE the phones look for a way themselves
                said[record.flow] = audio
    versions = {_version(stream.host): stream for stream in said.values() if stream.port}
    if versions.keys() >= {4, 6}:
        yield _told("voice.families", lang, {"first": versions[4].address, "second": versions[6].address})
    for flow, stream in said.items():
        key = _unreachable(flow, stream)
        if key:
            facts = {"who": owner(trail, flow, lang), "address": stream.address, "host": flow.remote[0]}
            yield _told(key, lang, facts)
    if len(said) == 2:
        first, second = said.values()
        common = set(map(str.lower, first.codecs)) & set(map(str.lower, second.codecs))
        if first.codecs and second.codecs and not common:
            yield _told("voice.codecs", lang, {"first": _list(first.codecs), "second": _list(second.codecs)})


def _version(host: str) -> int:
    """4 or 6; 0 for a name, and for nowhere (a hold)."""
    try:
        address = ip_address(host)
    except ValueError:
        return 0
    return 0 if address.is_unspecified else address.version


def _unreachable(flow: Flow, stream: Stream) -> str:
    """What is wrong with the place where a phone wants its voice; "" where nothing is, as far as can be seen."""
    if stream.port == 0:
        return "voice.refused"
    try:
        wanted, real = ip_address(stream.host), ip_address(flow.remote[0])
    except ValueError:
        return ""  # a name: who knows where that is
    if wanted.is_unspecified:
        return "voice.nowhere" if stream.direction == SENDRECV and stream.port != DISCARD_PORT else ""
    if wanted.is_loopback and not real.is_loopback:
        return "voice.loopback"
    return "voice.elsewhere" if wanted != real else ""


def _told(key: str, lang: Lang, facts: Mapping[str, object]) -> Trouble:
    entry = _table()[key]
    names = [str(facts.get(name, "")) for name in _NAMED]
    return Trouble(
        key=key, sentence=capitalized(entry[lang].format_map(facts), *names),
        hint=entry[f"hint_{lang}"].format_map(facts),
    )  # fmt: skip


_NAMED: Final = ("caller", "callee", "who")
"""The facts that are names of people."""


@cache
def _table() -> Mapping[str, Mapping[str, str]]:
    return toml("words", "trouble")


def _user(who: str) -> str:
    """The name of a `user@domain`."""
    return safe(who.rpartition("@")[0] or who, LONGEST_NAME)


def _same(one: str, other: str) -> bool:
    """Whether two addresses-of-record are the same user: all domains of the proxy are one."""
    return _user(one) == _user(other)


def _list(codecs: Sequence[str]) -> str:
    return ", ".join(codecs) or "?"


def _duration(seconds: float) -> str:
    """Seconds for people, in units that all languages share: "40 s", "3 min", "2 h 5 min"."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
