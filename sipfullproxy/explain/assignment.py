"""Which points of the lab's assignment were really shown, each with its evidence; and the sheet to hand in."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.resources import files
from string import Template
from typing import Final, Protocol

from sipfullproxy.engine.events import (
    Busy,
    Cancelled,
    Conference,
    Declined,
    Ended,
    Event,
    Forwarded,
    Missed,
    Registered,
    Ringing,
    Started,
    Transferred,
    Unregistered,
    Video,
)  # fmt: skip
from sipfullproxy.explain.changes import composed
from sipfullproxy.explain.names import status_of
from sipfullproxy.explain.reading import Reading
from sipfullproxy.explain.telling import transfer_status
from sipfullproxy.explain.trail import Trail
from sipfullproxy.explain.trouble import voice
from sipfullproxy.explain.voice import streams
from sipfullproxy.explain.words import toml
from sipfullproxy.journal.cards import CallCard, PhoneCard
from sipfullproxy.journal.record import Record
from sipfullproxy.journal.safe import safe
from sipfullproxy.journal.words import sentence
from sipfullproxy.lang import Lang
from sipfullproxy.sip.phrases import PHRASES
from sipfullproxy.sip.sdp import find_sdp

PERIOD: Final = 3600.0
"""Seconds of the past that are looked at as a rule: one lesson."""

MOST_PERIOD: Final = 24 * 3600.0
"""As far back as one may look: a day, for who hands in at home. Registrations before that count nothing."""

CALLS_SHOWN: Final = 100
"""Calls whose messages are read: the latest, and more than anybody shows."""

EVENTS_SHOWN: Final = 20_000
"""Events that are looked at, the latest ones: more than a class makes in a day."""

MOST_EVIDENCE: Final = 6
"""Lines of evidence for one point: more convinces nobody."""

LONGEST_NAME: Final = 80
"""Characters of a student's name."""

REQUIRED: Final = ("registered", "rang", "talked", "ended", "refused")
EXTRA: Final = ("video", "conference", "transfer", "journal", "phrase")


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One point of the assignment.

    key: "registered", "rang" … title: what it asks for. required: or else it is an extra. shown: whether it was.
    evidence: lines that show it, with their times; empty where it was not shown. hint: what to do to show it; "" where
    it was.
    """

    key: str
    title: str
    required: bool
    shown: bool
    evidence: tuple[str, ...]
    hint: str


class Remembered(Protocol):
    """What happened; see `journal.archive.Archive`."""

    def calls(
        self, query: str = "", state: str = "", limit: int | None = None, before: float | None = None
    ) -> Sequence[CallCard]: ...
    def records(self, card: CallCard) -> Sequence[Record]: ...
    def journal(self, since: float, limit: int | None = None) -> Sequence[Event]: ...


def remembered(archive: Remembered, since: float, phones: Sequence[PhoneCard] | None, lang: Lang) -> list[Point]:
    """Tick the points off by all that is remembered since then (wall-clock seconds).

    phones: who is registered now; None: nobody can be asked, because the proxy is another process or was stopped. Then
    whoever registered in the day before and has not left since counts, too: a registration that is renewed is no event.
    """
    records: list[Record] = []
    for card in {card.call: card for card in archive.calls(limit=CALLS_SHOWN) if card.changed >= since}.values():
        records += archive.records(card)
    records.sort(key=lambda record: (record.time, record.number))
    events = archive.journal(since, EVENTS_SHOWN)
    if phones is None:
        before = archive.journal(since - MOST_PERIOD, EVENTS_SHOWN)
        events = [*_still_there(event for event in before if event.time < since), *events]
    return points(events, records, phones or (), lang)


def points(events: Sequence[Event], records: Sequence[Record], phones: Sequence[PhoneCard], lang: Lang) -> list[Point]:
    """Tick the points off.

    events: what happened in the period, in order, times in wall-clock seconds. records: the messages of its calls, as
    far as they are kept: of them come the changed phrases, where voice went, and how transfers were reported. phones:
    who is registered now (whoever registered before the period began, and stayed, is told by no event of it).
    """
    trail = Trail(records)
    found = {
        "registered": _registered(events, phones, lang),
        "rang": _lines(events, Ringing, lang=lang),
        "talked": _talked(events, trail, lang),
        "ended": _lines([one for one in events if not isinstance(one, Ended) or one.why == "bye"], Ended, lang=lang),
        "refused": _lines(events, Declined, Busy, Cancelled, Missed, lang=lang),
        "video": [*_lines(events, Video, lang=lang), *_video_at_once(events, lang)],
        "conference": _conference(events, lang),
        "transfer": _transfer(events, trail, lang),
        "journal": _journal(events, lang),
        "phrase": list(_phrases(trail, lang)),
    }
    return [
        Point(
            key=key, title=_say(key, lang), required=key in REQUIRED, shown=bool(found[key]),
            evidence=tuple(found[key][:MOST_EVIDENCE]), hint="" if found[key] else _hint(key, lang),
        )
        for key in (*REQUIRED, *EXTRA)
    ]  # fmt: skip


def lines(ticked: Sequence[Point], lang: Lang) -> list[str]:
    """The points as text for a terminal, a line each, with evidence or hint below."""
    out = [_score(ticked, lang)]
    for point in ticked:
        out += ["", f"[{'x' if point.shown else ' '}] {point.title}"]
        out += [f"      {line}" for line in point.evidence]
        if point.hint:
            out.append(f"      {_say('page.how', lang)}: {point.hint}")
    return out


def sheet(
    ticked: Sequence[Point], lang: Lang, *, made: float, since: float | None = None, student: str = "", proxy: str = ""
) -> str:
    """The points as a page of HTML that stands alone, for the screen and for print; everything in it is escaped.

    made: wall-clock seconds now. since: when the period began. student: a name for its head. proxy: who shows it, such
    as program and address.
    """
    period = "" if since is None else f"{_clock(since)} – {_clock(made)}"
    named = {"student": safe(student, LONGEST_NAME), "made": _date(made, lang), "period": period, "proxy": proxy}
    facts = [
        f"<dt>{_html(_say(f'page.{name}', lang))}</dt><dd>{_html(text)}</dd>" for name, text in named.items() if text
    ]
    sections = [
        f"<h2>{_html(_say(f'page.{name}', lang))}</h2>\n<ol>\n"
        + "\n".join(_item(point, lang) for point in ticked if point.required == (name == "required"))
        + "\n</ol>"
        for name in ("required", "extra")
    ]
    return _template().substitute(
        lang=lang, title=_html(_say("page.title", lang)), facts="\n".join(facts), score=_html(_score(ticked, lang)),
        sections="\n".join(sections), source=_html(_say("page.source", lang)), print=_html(_say("page.print", lang)),
    )  # fmt: skip


def _still_there(events: Iterable[Event]) -> list[Event]:
    """Of these events the registrations of phones that have not left again."""
    here: dict[tuple[str, str], Event] = {}
    for one in events:
        if isinstance(one, Registered | Unregistered):
            here.pop((one.who, one.contact), None)
        if isinstance(one, Registered):
            here[one.who, one.contact] = one
    return list(here.values())


# -- evidence --------------------------------------------------------------------------------------------------------


def _lines(events: Sequence[Event], *kinds: type[Event], lang: Lang) -> list[str]:
    return [_line(one, lang) for one in events if isinstance(one, kinds)]


def _registered(events: Sequence[Event], phones: Sequence[PhoneCard], lang: Lang) -> list[str]:
    """Two users are a beginning: one alone can call nobody."""
    told: dict[str, str] = {}
    for one in events:
        if isinstance(one, Registered):
            facts = {"who": safe(one.who), "address": one.address}
            told.setdefault(one.who, _say("evidence.registered", lang, time=_clock(one.time), **facts))
    for phone in phones:
        facts = {"who": safe(phone.who), "address": phone.address}
        told.setdefault(phone.who, _say("evidence.until", lang, time=_clock(phone.until), **facts))
    return list(told.values()) if len(told) > 1 else []


def _talked(events: Sequence[Event], trail: Trail, lang: Lang) -> list[str]:
    """Calls that were answered, and where their voice went; a doubt, where the session descriptions give cause."""
    out = []
    records = _by_call(trail)
    for one in events:
        if isinstance(one, Started):
            out.append(_line(one, lang))
            own = Trail(records.get(one.call, []))
            wanted = list(_voices(own))
            if len(wanted) > 1:
                out.append("  " + _say("evidence.voice", lang, first=wanted[0], second=wanted[1]))
            out += ["  " + _say("evidence.doubt", lang, trouble=one.sentence) for one in list(voice(own, lang))[:1]]
    return out


def _voices(trail: Trail) -> Iterator[str]:
    """Where each phone of a call wants its voice, first thing that it says of it."""
    seen = set()
    for record, reading in zip(trail.records, trail.readings, strict=True):
        if record.inward and record.flow not in seen and reading.sdp is not None:
            body = find_sdp(reading.first(b"content-type"), reading.body) or b""
            audio = next((one for one in streams(body) if one.kind == "audio" and one.port), None)
            if audio is not None:
                seen.add(record.flow)
                yield f"{audio.address} ({audio.codecs[0] if audio.codecs else '?'})"


def _video_at_once(events: Sequence[Event], lang: Lang) -> list[str]:
    """A call that began with video is told once by its start, and perhaps by nothing else."""
    told = {one.call for one in events if isinstance(one, Video)}
    return [_line(one, lang) for one in events if isinstance(one, Started) and one.video and one.call not in told]


def _conference(events: Sequence[Event], lang: Lang) -> list[str]:
    """A host and two others are three."""
    others: dict[str, dict[str, str]] = {}
    for one in events:
        if isinstance(one, Conference):
            others.setdefault(one.who, {})[one.whom] = _line(one, lang)
    return [
        line
        for host, told in others.items()
        if len(told) > 1
        for line in (
            *told.values(),
            _say("evidence.conference", lang, who=safe(host), others=", ".join(map(safe, told))),
        )
    ]


def _transfer(events: Sequence[Event], trail: Trail, lang: Lang) -> list[str]:
    """A transfer of which its phone heard that it succeeded; or a call that was sent on and answered."""
    out = [_line(one, lang) for one in events if isinstance(one, Transferred) and one.succeeded]
    if out:
        out += list(_progress(trail, lang))
    answered = {(one.call, one.leg) for one in events if isinstance(one, Started)}
    forwarded = [one for one in events if isinstance(one, Forwarded) and (one.call, one.leg) in answered]
    return out + [_line(one, lang) for one in forwarded]


def _progress(trail: Trail, lang: Lang) -> Iterator[str]:
    """The NOTIFYs of transfers that went through to the phone that asked."""
    for place, record in enumerate(trail.records):
        reading = trail.readings[place]
        if not record.inward and reading.method == b"NOTIFY" and not reading.status and trail.first[place] == place:
            status = transfer_status(reading)
            if status:
                yield _say("evidence.progress", lang, time=_clock(record.time), status=status)


def _journal(events: Sequence[Event], lang: Lang) -> list[str]:
    """The lines of one call that is in the journal from its ringing to its end."""
    rang = {(one.call, one.leg) for one in events if isinstance(one, Ringing)}
    started = {(one.call, one.leg) for one in events if isinstance(one, Started)}
    whole = rang & started
    ends = [(one.call, one.leg) for one in events if isinstance(one, Ended) and (one.call, one.leg) in whole]
    own = [one for one in events if isinstance(one, Ringing | Started | Ended) and [(one.call, one.leg)] == ends[:1]]
    return [_line(one, lang) for one in own]


def _phrases(trail: Trail, lang: Lang) -> Iterator[str]:
    """Each change of a status phrase once; first those of responses that a phone wrote."""
    relayed: dict[str, str] = {}
    own: dict[str, str] = {}
    for place, record in enumerate(trail.records):
        reading, origin = trail.readings[place], trail.origin[place]
        if record.inward or not reading.status or origin is None:
            continue
        old, after, clock = trail.readings[origin], status_of(reading), _clock(record.time)
        if not composed(old, reading):
            if old.phrase != reading.phrase:
                before = status_of(old)
                relayed.setdefault(after, _say("evidence.phrase", lang, time=clock, before=before, after=after))
        elif _is_changed(reading):
            own.setdefault(after, _say("evidence.own", lang, time=clock, after=after))
    yield from relayed.values()
    yield from own.values()


def _is_changed(reading: Reading) -> bool:
    """Whether an answer of the proxy carries other words than those of the RFCs."""
    usual = PHRASES.get(reading.status, ("", ""))[1].encode()
    return bool(usual) and reading.phrase != usual


def _by_call(trail: Trail) -> Mapping[str, list[Record]]:
    found: dict[str, list[Record]] = {}
    for record, reading in zip(trail.records, trail.readings, strict=True):
        found.setdefault(reading.first(b"call-id").decode("utf-8", "replace"), []).append(record)
    return found


# -- words -----------------------------------------------------------------------------------------------------------


@cache
def _words() -> Mapping[str, Mapping[str, str]]:
    return toml("words", "assignment")


@cache
def _template() -> Template:
    return Template(files(__package__).joinpath("pages", "assignment.html").read_text("utf-8"))


def _say(key: str, lang: Lang, **facts: object) -> str:
    return _words()[key][lang].format_map(facts)


def _hint(key: str, lang: Lang) -> str:
    return _words()[key][f"hint_{lang}"]


def _score(ticked: Sequence[Point], lang: Lang) -> str:
    return _say("page.score", lang, shown=sum(point.shown for point in ticked), all=len(ticked))


def _line(event: Event, lang: Lang) -> str:
    """As the journal has it, with its time."""
    return f"{_clock(event.time)} {sentence(event, lang)}"


def _clock(wall: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(wall))


def _date(wall: float, lang: Lang) -> str:
    day = time.localtime(wall)
    clock = time.strftime("%H:%M", day)
    return (
        f"{day.tm_mday}. {day.tm_mon}. {day.tm_year} {clock}"
        if lang == "sk"
        else time.strftime("%Y-%m-%d ", day) + clock
    )


def _html(text: str) -> str:
    return escape(text, quote=True)


def _item(point: Point, lang: Lang) -> str:
    state = "shown" if point.shown else "missing"
    parts = [
        f'<li class="point {state}"><span class="mark" aria-hidden="true">{"✓" if point.shown else "○"}</span><div>',
        f'<h3>{_html(point.title)}<span class="state">{_html(_say(f"page.{state}", lang))}</span></h3>',
    ]
    if point.evidence:
        items = "".join(f"<li>{_html(line.strip())}</li>" for line in point.evidence)
        parts.append(f'<ul class="evidence">{items}</ul>')
    if point.hint:
        parts.append(f'<p class="hint">{_html(_say("page.how", lang))}: {_html(point.hint)}</p>')
    return "".join((*parts, "</div></li>"))
