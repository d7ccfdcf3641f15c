"""One call: its card and story, its messages explained, its ladder to look at and to take away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Depends, HTTPException, Path, Query
from starlette.responses import Response

from sipfullproxy.explain.message import Explained, explain
from sipfullproxy.explain.trail import Trail
from sipfullproxy.journal.cards import CallCard
from sipfullproxy.journal.record import Record
from sipfullproxy.ladder.mermaid import mermaid
from sipfullproxy.ladder.model import Ladder, ladder
from sipfullproxy.ladder.svg import svg
from sipfullproxy.ladder.text import text
from sipfullproxy.lang import Lang, Words
from sipfullproxy.web.access import DOCUMENT
from sipfullproxy.web.around import tied, trouble_of
from sipfullproxy.web.asking import ERRORS, Asked, Call, Tongue
from sipfullproxy.web.models import Effect, OneCall, Related, Told, ToldMessage

# Pixels that a page may have for a drawing: from a telephone to a wall.
NARROWEST, WIDEST = 200, 10_000

router = APIRouter(prefix="/api/calls/{id}", responses=ERRORS, tags=["call"])


class Messages(NamedTuple):
    """The messages that are asked for: of one call, or of all that it is tied to. names: see `ladder`."""

    card: CallCard
    records: Sequence[Record]
    names: dict[str, str]


def _messages(
    house: Asked,
    card: Call,
    related: Annotated[bool, Query(description="with the messages of the calls that it is tied to")] = False,
) -> Messages:
    archive = house.proxy.archive
    records = list(archive.records(card))
    if related:
        others = {other.call: other for other, _ in tied(archive, card, records)}
        for other in others.values():
            records += archive.records(other)
        records.sort(key=lambda record: (record.time, record.number))
    return Messages(card, records, {phone.address: phone.who for phone in house.proxy.phones()})


Passed = Annotated[Messages, Depends(_messages)]


def _ladder(passed: Passed, lang: Tongue) -> Ladder:
    return ladder(passed.records, passed.names, lang)


Drawn = Annotated[Ladder, Depends(_ladder)]


@router.get("")
def one_call(house: Asked, passed: Passed, lang: Tongue) -> OneCall:
    """A call: its card, its story, what went wrong, and which other calls belong to it."""
    archive = house.proxy.archive
    card, events, records = passed.card, archive.events(passed.card.id), archive.records(passed.card)
    return OneCall(
        card=card,
        events=[Told.of(event, lang) for event in events],
        messages=len(passed.records),
        trouble=trouble_of(house.proxy, card, events, records, lang),
        related=[
            Related(other.id, other.caller, other.callee, other.began, how)
            for other, how in tied(archive, card, records)
        ],
    )


@router.get("/messages/{place}")
def message(
    passed: Passed, lang: Tongue, place: Annotated[int, Path(ge=0, description="from 0, in order")]
) -> ToldMessage:
    """A message, line by line, with each change and its reason; and the messages that it comes from and leads to."""
    if place >= len(passed.records):
        raise HTTPException(404, _NO_MESSAGE[lang])
    return told_message(passed.records, passed.names, place, lang)


def told_message(records: Sequence[Record], names: Mapping[str, str], place: int, lang: Lang) -> ToldMessage:
    """The message at that place of records that belong together. names: see `ladder`."""
    trail = Trail(records, names)
    told = explain(trail, place, lang)
    titles = {step.place: step.title for step in ladder(records, names, lang).steps}
    return ToldMessage(
        message=told,
        cause=_other(trail, told.cause, lang),
        origin=_other(trail, told.origin, lang),
        effects=[Effect(other, titles[other]) for other, cause in enumerate(trail.cause) if cause == place],
        numbers=[record.number for record in records],
    )


def _other(trail: Trail, place: int | None, lang: Lang) -> Explained | None:
    return None if place is None else explain(trail, place, lang)


@router.get("/ladder.json")
def as_json(drawn: Drawn) -> Ladder:
    """The ladder as data: lanes and steps."""
    return drawn


@router.get("/ladder.svg", response_class=Response, responses={200: {"content": {"image/svg+xml": {}}}})
def as_svg(
    drawn: Drawn,
    lang: Tongue,
    room: Annotated[int | None, Query(ge=NARROWEST, le=WIDEST, description="pixels of width that there are")] = None,
    chosen: Annotated[int | None, Query(ge=0, description="place of the step that is marked")] = None,
    plain: Annotated[bool, Query(description="without its style, for a page that has /page/ladder.css")] = False,
) -> Response:
    """The ladder as a drawing that stands alone."""
    drawing = svg(drawn, lang, chosen, room, style=not plain)
    return Response(drawing, media_type="image/svg+xml", headers={"content-security-policy": DOCUMENT})


@router.get("/ladder.mmd", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def as_mermaid(drawn: Drawn, lang: Tongue) -> Response:
    """The ladder as a Mermaid diagram."""
    return Response(mermaid(drawn, lang), media_type="text/plain; charset=utf-8")


@router.get("/ladder.txt", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def as_text(
    drawn: Drawn, lang: Tongue, width: Annotated[int, Query(ge=40, le=400, description="columns")] = 100
) -> Response:
    """The ladder as text."""
    return Response(text(drawn, width, lang), media_type="text/plain; charset=utf-8")


@router.get("/ladder.pcap", response_class=Response, responses={200: {"content": {"application/vnd.tcpdump.pcap": {}}}})
def as_pcap(passed: Passed) -> Response:
    """The messages as a capture, for Wireshark."""
    from sipfullproxy.ladder.pcap import pcap

    return Response(pcap(passed.records), media_type="application/vnd.tcpdump.pcap")


_NO_MESSAGE = Words(sk="toľko správ ten hovor nemá", en="the call has not that many messages")
