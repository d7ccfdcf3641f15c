"""What is read or handed in as a whole: the latest messages, the journal, the assignment, the glossary."""

from __future__ import annotations

import csv
import io
import time
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path, Query
from starlette.responses import Response

from sipfullproxy import __version__
from sipfullproxy.explain.assignment import MOST_PERIOD, PERIOD, remembered, sheet
from sipfullproxy.explain.glossary import Word, words
from sipfullproxy.journal.safe import safe
from sipfullproxy.journal.text import written
from sipfullproxy.journal.words import sentence
from sipfullproxy.ladder.model import ladder
from sipfullproxy.lang import Words
from sipfullproxy.web.access import DOCUMENT
from sipfullproxy.web.asking import ERRORS, Asked, Tongue
from sipfullproxy.web.call import told_message
from sipfullproxy.web.models import Journal, Messages, Passed, Points, Told, ToldMessage

# Messages of one answer, when nothing is asked and at most.
SOME, MOST = 100, 500

# Cards in which the calls of messages are looked up: the messages are the latest, and so are their calls.
LATEST_CALLS = 500

COLUMNS = ("time", "kind", "who", "whom", "text")

USUAL_MINUTES, MOST_MINUTES = int(PERIOD / 60), int(MOST_PERIOD / 60)

# Events of one answer, and so lines of a journal: a term of a class. A database that somebody has filled with calls has
# hundreds of thousands, at which the server would work for ten seconds.
MOST_EVENTS = 20_000

LONGEST_NAME = 100

router = APIRouter(responses=ERRORS, tags=["reports"])

Minutes = Annotated[int, Query(ge=1, le=MOST_MINUTES, description="how far back it looks")]
Since = Annotated[
    float,
    Query(ge=0, description=f"wall-clock seconds; 0: all that is known, or the latest {MOST_EVENTS} events of it"),
]


@router.get("/api/messages")
def messages(
    house: Asked,
    lang: Tongue,
    limit: Annotated[int, Query(ge=1, le=MOST)] = SOME,
    after: Annotated[int, Query(ge=0, description="only those with a number above this one")] = 0,
) -> Messages:
    """The latest messages of all calls, the latest first."""
    archive = house.proxy.archive
    version = archive.tape.version
    records = archive.tape.latest(limit, after)
    drawn = ladder(records, {phone.address: phone.who for phone in house.proxy.phones()}, lang)
    cards = {card.call: card.id for card in archive.calls(limit=LATEST_CALLS)}
    passed = [
        Passed(
            number=record.number, time=record.time, inward=record.inward, peer=record.flow.address,
            call=cards.get(drawn.calls[step.call].id, ""), title=step.title, summary=step.note,
        )
        for record, step in zip(records, drawn.steps, strict=True)
    ]  # fmt: skip
    return Messages(passed[::-1], version)


@router.get("/api/messages/{number}")
def message(
    house: Asked, lang: Tongue, number: Annotated[int, Path(ge=1, description="see /api/messages")]
) -> ToldMessage:
    """One of them, whatever it belongs to: line by line, with each change and its reason."""
    archive = house.proxy.archive
    names = {phone.address: phone.who for phone in house.proxy.phones()}
    records = archive.tape.around(number)
    if records:  # of a call that began before the last start, the first messages are in the database
        call = ladder(records, names, lang).calls[0].id
        card = next((card for card in archive.calls(limit=LATEST_CALLS) if card.call == call), None)
        records = archive.records(card) if card is not None else records
    place = next((place for place, record in enumerate(records) if record.number == number), None)
    if place is None:
        raise HTTPException(404, _NO_MESSAGE[lang])
    return told_message(records, names, place, lang)


@router.get("/api/journal.txt", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def journal_as_text(house: Asked, lang: Tongue, since: Since = 0) -> Response:
    """The journal as it is handed in."""
    text = "".join(written(house.proxy.archive.journal(since, MOST_EVENTS), lang))
    return Response(text, media_type="text/plain; charset=utf-8")


@router.get("/api/journal.csv", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
def journal_as_csv(house: Asked, lang: Tongue, since: Since = 0) -> Response:
    """The journal as a table."""
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(COLUMNS)
    for event in house.proxy.archive.journal(since, MOST_EVENTS):
        when = datetime.fromtimestamp(event.time).isoformat(timespec="milliseconds")
        people = [getattr(event, name, "") for name in ("who", "whom")]
        table.writerow([_cell(cell) for cell in (when, event.kind, *people, sentence(event, lang))])
    # With the mark by which Excel knows UTF-8.
    return Response("\ufeff" + out.getvalue(), media_type="text/csv; charset=utf-8")


@router.get("/api/journal.json")
def journal_as_json(house: Asked, lang: Tongue, since: Since = 0) -> Journal:
    """The journal as data."""
    return Journal([Told.of(event, lang) for event in house.proxy.archive.journal(since, MOST_EVENTS)])


@router.get("/api/assignment")
def assignment(house: Asked, lang: Tongue, minutes: Minutes = USUAL_MINUTES) -> Points:
    """Which points of the lab's assignment were shown, with the evidence."""
    since = time.time() - 60 * minutes
    return Points(remembered(house.proxy.archive, since, house.proxy.phones(), lang), since)


@router.get("/assignment.html", response_class=Response, responses={200: {"content": {"text/html": {}}}})
@router.get("/api/assignment.html", response_class=Response, responses={200: {"content": {"text/html": {}}}})
def assignment_sheet(
    house: Asked,
    lang: Tongue,
    minutes: Minutes = USUAL_MINUTES,
    name: Annotated[str, Query(max_length=LONGEST_NAME, description="who hands it in")] = "",
) -> Response:
    """The same as a page to print and to hand in."""
    now = time.time()
    since = now - 60 * minutes
    proxy = f"sipfullproxy {__version__}, {house.page}"
    ticked = remembered(house.proxy.archive, since, house.proxy.phones(), lang)
    drawn = sheet(ticked, lang, made=now, since=since, student=name, proxy=proxy)
    return Response(drawn, media_type="text/html", headers={"content-security-policy": DOCUMENT})


@router.get("/api/glossary")
def glossary(lang: Tongue) -> dict[str, Word]:
    """What every header, method, status and parameter means, by key."""
    return dict(words(lang))


def _cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula, whatever a phone calls itself."""
    shown = safe(text, len(text))
    return f"'{shown}" if shown.startswith(("=", "+", "-", "@")) else shown


_NO_MESSAGE = Words(sk="taká správa tu nie je (už)", en="there is no such message (any more)")
