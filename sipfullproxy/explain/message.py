"""One message of a call, explained: line by line, beside what it was made from, with each change and its reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sipfullproxy.explain.causes import why
from sipfullproxy.explain.changes import Change, changes
from sipfullproxy.explain.glossary import key_of_header, key_of_sdp, key_of_start, terms
from sipfullproxy.explain.names import title
from sipfullproxy.explain.reading import LISTS, Reading, plain
from sipfullproxy.explain.telling import summary
from sipfullproxy.explain.trail import NOBODY, Trail
from sipfullproxy.journal.record import Record
from sipfullproxy.lang import Lang
from sipfullproxy.sip.grammar import split_list, unfold
from sipfullproxy.sip.host import endpoint
from sipfullproxy.sip.message import CRLF


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a message. name: canonical name of its header, "" for the start line and the body.

    text: the line; what is not printable is shown as an escape. key: the word of the glossary that explains it, or "".
    terms: the keys of further words in it (parameters). change: its place among the changes, or None.
    """

    name: str
    text: str
    key: str
    terms: tuple[str, ...] = ()
    change: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """A message and its meaning.

    place: in the call's records. time: wall-clock seconds. inward: whether it came from a phone. sender, receiver:
    addresses as `host:port`. summary: what it does, in one sentence. why: why it was sent at all; "" for what came in.
    start, headers, body: its lines. changes: against the message at `origin`, with reasons. origin: the place of the
    message that it was made from: the one that was forwarded, the request that is answered, the INVITE that is
    cancelled or acknowledged. cause: the place of the message that made it go out (often the same). timer: the letter
    of the timer that did. again: the place of the same message when it was sent, or came, for the first time.
    """

    place: int
    time: float
    inward: bool
    sender: str
    receiver: str
    transport: str
    size: int
    summary: str
    why: str
    start: Line
    headers: tuple[Line, ...]
    body: tuple[Line, ...]
    changes: tuple[Change, ...]
    origin: int | None
    cause: int | None
    timer: str
    again: int | None


def explained(records: Sequence[Record], place: int, lang: Lang, names: Mapping[str, str] = NOBODY) -> Explained:
    """Explain the message at that place of a call's records. names: see `Trail`. Raises IndexError for no such place.

    Reads all of the records; for all messages of a call make one `Trail` and ask `explain` for each.
    """
    return explain(Trail(records, names), place, lang)


def explain(trail: Trail, place: int, lang: Lang) -> Explained:
    """The same with a trail at hand: then it takes time that grows with this one message."""
    if not 0 <= place < len(trail.records):
        raise IndexError(place)
    record, reading = trail.records[place], trail.readings[place]
    first, origin = trail.first[place], trail.origin[place]
    found: list[Change] = []
    if origin is not None:
        # Of a message that is sent again the edits are those of its first sending.
        found = changes(trail.records[origin].data, record.data, trail.records[first].edits, lang)
    here, there = endpoint(*record.flow.local), record.flow.address
    return Explained(
        place=place,
        time=record.time,
        inward=record.inward,
        sender=there if record.inward else here,
        receiver=here if record.inward else there,
        transport=record.flow.transport,
        size=len(record.data),
        summary=summary(trail, place, lang),
        why=why(trail, place, lang),
        start=_start(reading, found),
        headers=tuple(_headers(reading, found)),
        body=tuple(_body(reading)),
        changes=tuple(found),
        origin=origin,
        cause=trail.cause[place],
        timer=record.cause if isinstance(record.cause, str) else "",
        again=first if first != place else None,
    )


def _start(reading: Reading, found: Sequence[Change]) -> Line:
    names = ("Request-URI", "Reason-Phrase", "Status-Line", "Request-Line")
    change = next((number for number, one in enumerate(found) if one.header in names), None)
    return Line(name="", text=plain(reading.start), key=key_of_start(reading), change=change)


def _headers(reading: Reading, found: Sequence[Change]) -> Iterator[Line]:
    """The header lines; of a folded one each line, all with the same name and key."""
    left: dict[tuple[str, str], list[int]] = {}
    for number, one in enumerate(found):
        if one.after:
            left.setdefault((one.header, one.after), []).append(number)
    for name, line in reading.lines:
        own, key = title(name), key_of_header(name)
        value = unfold(line.partition(b":")[2].strip())
        values = split_list(value) if name in LISTS else [value]
        numbers = [left[pair].pop(0) for one in values if left.get(pair := (own, plain(one)))]
        inside = terms(value)
        for part in line.split(CRLF):
            yield Line(
                name=own, text=plain(part), key=key, terms=inside, change=numbers[0] if numbers else None
            )  # fmt: skip


def _body(reading: Reading) -> Iterator[Line]:
    """The lines of the body; those of a session description explain themselves."""
    if not reading.body:
        return
    described = reading.sdp is not None
    lines = reading.body.split(b"\n")
    if lines and not lines[-1]:
        lines.pop()
    for line in lines:
        line = line.removesuffix(b"\r")
        yield Line(name="", text=plain(line), key=key_of_sdp(line) if described else "")
